"""Rule files damaged at random, the same for the same seed: characters, words, lines, blocks, encodings.

Takes texts of real files; gives bytes, as they might lie on a disk. Knows nothing of the grammar.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

WORD = re.compile(r'"[^"\n]*"|\w+|[^\w\s]|[ \t]+|\n *')
SIGN = re.compile(r"(?s).")
LINE = re.compile(r".*\n|.+$", re.MULTILINE)
BLOCK = re.compile(r"(?ms)^[^\s#].*?(?=^[^\s#]|\Z)")
ODD = [
    *"\"'`()[]{}<>=,.:;#\\/%&|*+-_@!?^~$\t\r\n\0\x1b\x7f",
    *"\u00a0\u200b\u200d\u200f\u202e\u2066\u2028\ufeff\ufffd\ud800\u0301\u201c\u201d\u00ab\u2013\u2212\u0661\u00bdéß名😀",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\r\n", "    ", "\n\n\n", "\n    ", "\n            ", "# note", '""',
    "0", "-1", "007", "1e9", "1.5.2", "5days", "25:00", "24:00", "2026-02-30", "2026-02-30 10:00", "9" * 30, "9" * 5000,
    "0 days", "99999999 months", "100%", "-5%", "1000 EUR", "5 eur", "{{ x }}", "{% x %}", "${HOME}", "; DROP TABLE x",
    "if", "else:", "else", "and", "or", "not", "(" * 60, ")" * 60, "not " * 200, "wait", "test", "split", "offer", "a",
    "x" * 5000,
]  # fmt: skip
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32", "cp1252", "ascii")


LONGEST = 50_000
"""What has grown longer is not changed again: larger files are tested by tests/cli/test_bad_files.py."""


def mutated(seed: int, texts: Sequence[str]) -> bytes:
    """One of the texts, damaged in 1 to 8 places."""
    chance = random.Random(seed)
    text = chance.choice(texts)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        if len(text) < LONGEST:
            text = chance.choice(CHANGES)(text, chance, texts)
    return _encoded(text, chance)


def _pieces(pattern: re.Pattern[str], change: Callable[[list[str], random.Random], None]) -> Callable[..., str]:
    def apply(text: str, chance: random.Random, _texts: Sequence[str]) -> str:
        pieces = [match[0] for match in pattern.finditer(text)]
        if pieces:
            change(pieces, chance)
        return "".join(pieces)

    return apply


def _lose(pieces: list[str], chance: random.Random) -> None:
    del pieces[chance.randrange(len(pieces))]


def _double(pieces: list[str], chance: random.Random) -> None:
    at = chance.randrange(len(pieces))
    pieces[at:at] = [pieces[at]] * chance.choice((1, 1, 1, 2, 100 if len(pieces[at]) < 100 else 3))


def _swap(pieces: list[str], chance: random.Random) -> None:
    one, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    pieces[one], pieces[other] = pieces[other], pieces[one]


def _move(pieces: list[str], chance: random.Random) -> None:
    piece = pieces.pop(chance.randrange(len(pieces)))
    pieces.insert(chance.randint(0, len(pieces)), piece)


def _put_odd(pieces: list[str], chance: random.Random) -> None:
    pieces.insert(chance.randint(0, len(pieces)), chance.choice(ODD))


def _be_odd(pieces: list[str], chance: random.Random) -> None:
    pieces[chance.randrange(len(pieces))] = chance.choice(ODD)


def _cut(text: str, chance: random.Random, _texts: Sequence[str]) -> str:
    one, other = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
    return chance.choice((text[:one], text[one:], text[one:other], text[:one] + text[other:]))


def _shift(text: str, chance: random.Random, _texts: Sequence[str]) -> str:
    """Some lines stand deeper, or less deep."""
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    for number in range(at, min(len(lines), at + chance.choice((1, 1, 2, 5)))):
        lines[number] = chance.choice((" " * chance.randint(0, 9), "\t", "")) + lines[number].lstrip()
    return "\n".join(lines)


def _join(text: str, chance: random.Random, texts: Sequence[str]) -> str:
    other = chance.choice(texts)
    at = chance.randint(0, len(text))
    from_ = chance.randint(0, len(other))
    return text[:at] + other[from_ : from_ + chance.choice((10, 100, 1000))] + text[at:]


def _deepen(text: str, chance: random.Random, _texts: Sequence[str]) -> str:
    depth = chance.choice((5, 49, 51, 500))
    nested = "".join(f"{' ' * (8 + 4 * n)}if tagged t{n}:\n" for n in range(depth))
    return f"{text}\ncampaign deep:\n    enter when x\n    stage s:\n{nested}{' ' * (8 + 4 * depth)}exit\n"


def _rename(text: str, chance: random.Random, _texts: Sequence[str]) -> str:
    words = re.findall(r"[A-Za-z_]\w*", text) or ["x"]
    one, other = chance.choice(words), chance.choice(words)
    return re.sub(rf"\b{one}\b", lambda _match: other, text, count=chance.choice((0, 1)))


CHANGES: tuple[Callable[[str, random.Random, Sequence[str]], str], ...] = (
    *(_pieces(pattern, change) for pattern in (SIGN, WORD, LINE, BLOCK) for change in (_lose, _double, _swap, _move)),
    *(_pieces(pattern, change) for pattern in (SIGN, WORD) for change in (_put_odd, _be_odd)),
    _cut,
    _shift,
    _join,
    _deepen,
    _rename,
    _rename,
)


def _encoded(text: str, chance: random.Random) -> bytes:
    if chance.random() < 0.1:
        text = text.replace("\n", chance.choice(("\r\n", "\r", "\n\r")))
    data = text.encode(chance.choice(ENCODINGS), errors="replace")
    if chance.random() < 0.05 and data:
        at = chance.randrange(len(data))
        data = data[:at] + bytes([chance.randrange(256)]) + data[at + chance.choice((0, 1)) :]
    return data
