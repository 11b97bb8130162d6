"""Which encoding a file of text is in, and whether it is text at all.

Takes a path; gives the name of a codec that reads every byte of it, and says how it was decided. What no byte tells is
not guessed: it is asked for.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from flowrules.store.imports.failures import ImportFileError

_BLOCK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = (
    (b"PK\x03\x04", "a workbook"),
    (b"\xd0\xcf\x11\xe0", "a workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed"),
    (b"\x89PNG", "a picture"),
    (b"SQLite format 3", "a database"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0c\x1a\x1b"))
_FEW = 8
_SAVE = "save it as text and import it again (Excel: Save As, CSV UTF-8)"
_NAME = "--encoding names its encoding, such as cp1252, mac_roman or cp1250"


@dataclass(frozen=True, slots=True)
class Encoding:
    """`said`: what people should know of the choice; empty: nothing."""

    codec: str
    said: str = ""


def known(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # noqa: SLF001 -- the only way to tell them from base64
    except (LookupError, ValueError):
        return False


def encoding_of(path: Path, given: str | None = None) -> Encoding:
    """ImportFileError: it is no text, or its encoding can not be told."""
    if path.is_dir():
        raise ImportFileError(f"{path} is a folder, not a file", "name one file of it")
    with path.open("rb") as file:
        start = file.read(_BLOCK)
    what = next((what for mark, what in _OTHERS if start.startswith(mark)), None)
    if what is not None:
        raise ImportFileError(f"{path} is {what}, not text", _SAVE)
    if not start.removeprefix(codecs.BOM_UTF8).strip():
        raise ImportFileError(f"{path} is empty", "a CSV file starts with a line of column names")
    if given is not None:
        wrong = _first_wrong_line(path, given)
        if wrong is not None:
            raise ImportFileError(f"{path} is not {given}: line {wrong} has other bytes", _NAME)
        return Encoding(given)
    marked = next((codec for mark, codec in _BOMS if start.startswith(mark)), None) or _without_mark(start)
    return _unmarked(path, start) if marked is None else _all_of(path, marked)


def _all_of(path: Path, codec: str) -> Encoding:
    wrong = _first_wrong_line(path, codec)
    if wrong is not None:
        name = codec.upper().removesuffix("-SIG")
        raise ImportFileError(f"{path} begins like {name}, but line {wrong} has other bytes", _SAVE)
    return Encoding(codec, "" if codec == "utf-8-sig" else f"read as {codec.upper()}")


def _unmarked(path: Path, start: bytes) -> Encoding:
    controls = len(start) - len(start.translate(None, _CONTROLS))
    if controls >= _FEW and controls * 50 > len(start):
        raise ImportFileError(f"{path} is not text", _SAVE)
    wrong = _first_wrong_line(path, "utf-8")
    if wrong is None:
        return Encoding("utf-8-sig")
    if _first_wrong_line(path, "cp1252") is None:
        return Encoding("cp1252", f"read as Windows text (cp1252), for line {wrong} is not UTF-8; {_NAME}")
    raise ImportFileError(f"{path} is neither UTF-8 nor Windows text: line {wrong} has other bytes", _NAME)


def _without_mark(start: bytes) -> str | None:
    """UTF-16 shows in Western text: every second byte is nothing."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if (even + odd) * 5 < len(start):
        return None
    return "utf-16-le" if odd > 9 * even else "utf-16-be" if even > 9 * odd else None


def _first_wrong_line(path: Path, codec: str) -> int | None:
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                line += decoder.decode(block, final=not block).count("\n")
            except UnicodeDecodeError as bad:
                return line + bad.object[: bad.start].count(b"\n")
            except (UnicodeError, ValueError):
                return line
            if not block:
                return None
