"""One kind of mistake each: what a failure of the parser is in an author's words, or None.

They look at the failing line and the parser's state only; none parses on.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowrules.diagnostics.model import Diagnostic, Edit, Fix
from flowrules.diagnostics.suggest import nearest
from flowrules.source import Span
from flowrules.syntax import hints
from flowrules.syntax.blocks import DECLARATIONS
from flowrules.syntax.failure import (
    LAYOUT,
    VALUES,
    WORDED,
    Failure,
    around,
    depth_of,
    describe,
    end_of_line,
    next_code,
    shown,
)
from flowrules.syntax.indent import RESERVED

if TYPE_CHECKING:
    from lark.lexer import Token

_HEADER = frozenset({"owner", "class", "priority", "enter", "goal", "exclude", "cap", "hold", "settle"})
_STEPS = frozenset({"send", "wait", "if", "tag", "untag", "set", "go", "start"})
_GLUE = ("COMMA", "TO", "OF", "WHEN", "AT", "PER", "FROM", "BY", "FOR", "THAN", "UP", "IS", "STAGE")
_WORD = re.compile(r"[^\W\d]\w*")


def _unclosed_bracket(f: Failure) -> Diagnostic | None:
    if f.bracket is None or f.bracket.start_pos is None:
        return None
    at = f.bracket.start_pos
    end, where = end_of_line(f.text, at), "at the end of the line"
    if f.kind not in LAYOUT and "\n" not in f.text[at : f.start]:
        rest = f.line[at - f.line_start :].rstrip()
        if not f.kind or rest.count(")") >= rest.count("(") or rest.endswith((",", "(", " and", " or")):
            return None
        if f.previous is None or f.previous.end_pos is None or not f.takes("RPAR", f.kind):
            return Diagnostic("FR009", "this bracket is never closed", f.span(at, at + 1), "a `)` is missing")
        end, where = f.previous.end_pos, f"before `{shown(f.word)}`"
    fix = Fix(f"close it {where}", False, (Edit(f.span(end, end), ")"),))
    return Diagnostic("FR009", "this bracket is never closed", f.span(at, at + 1), "a `)` is missing", fixes=(fix,))


def _not_yet(f: Failure) -> Diagnostic | None:
    found = hints.future(f.line, f.start - f.line_start)
    if found is None:
        return None
    known, start, end = found
    span = f.span(f.line_start + start, f.line_start + end)
    return Diagnostic("FR050", f"not available yet: {known.what}", span, known.hint)


def _phrase(f: Failure) -> Diagnostic | None:
    found = hints.phrase(f.line, f.start - f.line_start, f.expected)
    if found is None:
        return None
    known, match, start, end = found
    span = f.span(f.line_start + start, f.line_start + end)
    better = ""
    fixes: tuple[Fix, ...] = ()
    if known.instead is not None:
        better = match.expand(known.instead) if isinstance(known.instead, str) else known.instead(match)
        fixes = (Fix(f"write `{better.strip()}`" if better else "leave it out", False, (Edit(span, better),)),)
    message, hint = known.message.format(span.text.strip()), known.hint.format(better.strip())
    return Diagnostic("FR015", message, span, hint, fixes=fixes)


def _character(f: Failure) -> Diagnostic | None:
    """A character no word or sign begins with."""
    if f.kind:
        return None
    for why in (_open_quote, _other_quote, _look_alike, _space, _spelling, _other_letters):
        found = why(f)
        if found:
            return found
    character = f.text[f.start]
    shown = f"`{character}`" if character.isprintable() else f"the character U+{ord(character):04X}"
    return Diagnostic("FR006", f"{shown} can not stand here", f.span(f.start, f.start + 1), describe(f))


def _open_quote(f: Failure) -> Diagnostic | None:
    if f.text[f.start] != '"':
        return None
    place = f.span(f.start, end_of_line(f.text, f.start))
    return Diagnostic("FR005", "this text in quotes is not closed", place, 'a `"` is missing on this line')


_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019'`"
_QUOTED = re.compile(f'[{_QUOTES}]([^"\\n{_QUOTES}]*)[{_QUOTES}]')


def _other_quote(f: Failure) -> Diagnostic | None:
    if f.text[f.start] not in _QUOTES:
        return None
    pair = _QUOTED.match(f.text, f.start)
    place = f.span(f.start, pair.end() if pair else f.start + 1)
    fixes = (Fix('write `"`', True, (Edit(place, f'"{pair[1]}"'),)),) if pair else ()
    message = f"a text stands between straight quotes, not `{f.text[f.start]}`"
    return Diagnostic("FR006", message, place, 'write `"` before and after a text', fixes=fixes)


_LOOK_ALIKES = {
    **dict.fromkeys("\u2212\u2013\u2014", "-"),
    "\u2264": "<=",
    "\u2265": ">=",
    "\uff1a": ":",
    "\uff0c": ",",
    "\uff08": "(",
    "\uff09": ")",
}


def _look_alike(f: Failure) -> Diagnostic | None:
    character = f.text[f.start]
    better = _LOOK_ALIKES.get(character)
    if better is None:
        return None
    place = f.span(f.start, f.start + 1)
    fix = Fix(f"write `{better}`", True, (Edit(place, better),))
    message = f"`{character}` (U+{ord(character):04X}) is not a sign of the language"
    return Diagnostic("FR006", message, place, f"write `{better}`", fixes=(fix,))


def _space(f: Failure) -> Diagnostic | None:
    character = f.text[f.start]
    if not character.isspace():
        return None
    place = f.span(f.start, f.start + 1)
    fix = Fix("replace it by a space", True, (Edit(place, " "),))
    message = f"an unusual space (U+{ord(character):04X}) that looks like an ordinary one"
    return Diagnostic("FR006", message, place, "write an ordinary space", fixes=(fix,))


def _other_letters(f: Failure) -> Diagnostic | None:
    character = f.text[f.start]
    if character == "-":
        name = around(f, r"[\w-]")
        better = name.text.replace("-", "_").strip("_")
        if name.text == "-" or not better.isidentifier():
            return None
        fix = Fix(f"write `{better}`", False, (Edit(name, better),))
        return Diagnostic("FR006", f"the name `{name.text}` holds a `-`", name, f"write `{better}`", fixes=(fix,))
    if not character.isalnum():
        return None
    name = around(f, r"\w")
    hint = "names are made of the letters a to z, digits and `_`; any other text stands in quotes"
    return Diagnostic("FR006", f"`{shown(name.text)}` can not be a name", name, hint)


def _odd_indent(f: Failure) -> Diagnostic | None:
    """A line that only seems to be indented."""
    if f.kind not in LAYOUT or "_INDENT" not in f.expected or f.previous is None:
        return None
    below = next_code(f.text, f.previous.start_pos or 0)
    odd = f.text[below : below + 1].isspace() and f.text[below] not in " \t\r\n"
    return _space(replace(f, start=below)) if odd else None


def _layout(f: Failure) -> Diagnostic | None:
    """Depths that are possible, but not here."""
    if f.kind == "_INDENT":
        event = re.match(r"event +\w+", f.text)
        if event and "\n" not in f.text[: f.start].strip():
            return _no_colon(f, event.end())
        at = f.end
        message = "this line is indented deeper than the line above, which opens no block"
        return Diagnostic("FR003", message, f.span(at, end_of_line(f.text, at)), "begin it below the line above")
    if "_INDENT" in f.expected and f.previous is not None:
        head = f.text[: f.previous.start_pos].rstrip()
        start = head.rfind("\n") + 1
        start += len(head[start:]) - len(head[start:].lstrip())
        span = f.span(start, end_of_line(f.text, start))
        if f.kind in LAYOUT or f.word in ("stage", "else"):
            hint = "write what belongs to it below, indented"
            return Diagnostic("FR013", "nothing stands below this line", span, hint)
        return _indent_this(f)
    if f.kind not in LAYOUT and f.begins_line and f.start == f.line_start and f.start > 0:
        return _indent_this(f)
    return None


def _indent_this(f: Failure) -> Diagnostic:
    head = _WORD.match(f.text)
    depth = f.start - f.line_start
    hint = f"what belongs to `{head[0]}` stands below it, indented by 4 spaces" if head and not depth else None
    fix = Fix("indent the line", False, (Edit(f.span(f.line_start, f.line_start), "    "),))
    message = "this line must stand deeper than the line above"
    return Diagnostic("FR003", message, f.span(f.start, end_of_line(f.text, f.start)), hint, fixes=(fix,))


def _number(f: Failure) -> Diagnostic | None:
    if f.kind == "NAME" and f.previous is not None and f.previous.type in ("INT", "DECIMAL"):
        return _unit(f, f.previous, f.here)
    for grouped in _THOUSANDS.finditer(f.line):
        if grouped.start() <= f.start - f.line_start <= grouped.end():
            place = f.span(f.line_start + grouped.start(), f.line_start + grouped.end())
            return _unreadable(place, grouped[0].replace(",", ""))
    if f.kind not in ("INT", "DECIMAL", "BAD_NUMBER"):
        return None
    rest = f.text[f.start : end_of_line(f.text, f.start)]
    for pattern, better in _NUMBERS:
        match = re.match(pattern, rest)
        if match:
            return _unreadable(f.span(f.start, f.start + match.end()), better(match))
    if f.kind != "BAD_NUMBER":
        unit = re.compile(r" +([a-z]+)").match(f.text, f.end)
        return _unit(f, f, f.span(*unit.span(1))) if unit and "DURATION" in f.expected else None
    hint = "numbers are written `12.5`, dates `2026-03-02`, times `09:00`, lengths of time `5 days`"
    return Diagnostic("FR011", f"`{shown(f.word)}` is no number, date or time", f.here, hint)


def _unreadable(place: Span, better: str) -> Diagnostic:
    fix = Fix(f"write `{better}`", False, (Edit(place, better),))
    return Diagnostic("FR011", f"`{place.text}` can not be read", place, f"write `{better}`", fixes=(fix,))


_THOUSANDS = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?")
_UNIT_NAMES = {"s": "seconds", "m": "minutes", "min": "minutes", "mins": "minutes", "h": "hours", "hr": "hours",
               "hrs": "hours", "d": "days", "w": "weeks", "mo": "months"}  # fmt: skip
_UNITS = tuple(f"{unit}{s}" for unit in ("second", "minute", "hour", "day", "week", "month") for s in ("", "s"))
_UNIT = rf"({'|'.join([*_UNIT_NAMES, *_UNITS])})\b"
_NUMBERS: tuple[tuple[str, Any], ...] = (
    (rf"(\d+)-?{_UNIT}", lambda m: f"{m[1]} {_UNIT_NAMES.get(m[2], m[2])}"),
    (r"(\d+) *years?\b", lambda m: f"{int(m[1][:4]) * 12} months"),
    (r"(\d+(?:\.\d+)?)([A-Z]{3})\b", lambda m: f"{m[1]} {m[2]}"),
    (r"(\d{1,2})(?:[:.](\d\d))? ?([ap])m\b", lambda m: f"{int(m[1]) % 12 + 12 * (m[3] == 'p'):02}:{m[2] or '00'}"),
    (r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?Z?", lambda m: f"{m[1]} {m[2]}"),
    (r"(\d\d?:\d\d):\d\d\b", lambda m: m[1]),
    (r"(\d{4})-(\d\d?)-(\d\d?)\b", lambda m: f"{m[1]}-{m[2]:0>2}-{m[3]:0>2}"),
)


def _unit(f: Failure, number: Token | Failure, place: Span) -> Diagnostic | None:
    """A word behind a number: a unit of time, a currency, or nothing at all."""
    word = place.text
    kind = number.kind if isinstance(number, Failure) else number.type
    whole = f.span((number.start if isinstance(number, Failure) else number.start_pos) or 0, place.end)
    near = word if word in _UNITS else nearest(word, _UNITS)
    if near and near != word and not near.endswith("s") and whole.text.split()[0] != "1":
        near += "s"
    if re.fullmatch(r"[a-z]{3}", word) and not near and "DURATION" not in f.expected:
        fix = Fix(f"write `{word.upper()}`", False, (Edit(place, word.upper()),))
        message = f"`{word}` is neither a unit of time nor a currency"
        return Diagnostic("FR011", message, place, "a currency is three capital letters, such as `EUR`", fixes=(fix,))
    if kind == "DECIMAL" and near:
        hint = "a length of time is a whole number: use a smaller unit"
        return Diagnostic("FR011", f"`{whole.text}` is no length of time", whole, hint)
    if near and near != word and word not in f.keywords:
        fix = Fix(f"change to `{near}`", False, (Edit(place, near),))
        return Diagnostic("FR012", f"`{word}` is no unit of time", place, f"did you mean `{near}`?", fixes=(fix,))
    return None


def _reserved(f: Failure) -> Diagnostic | None:
    """A word of the language where a name belongs."""
    if f.word not in RESERVED or "NAME" not in f.expected or f.previous is None:
        return None
    what = "a condition" if "TAGGED" in f.expected else "a name"
    message = f"{what} is missing before `{f.word}`, which is a word of the language"
    return Diagnostic("FR013", message, f.here, describe(f))


def _reserved_name(f: Failure) -> Diagnostic | None:
    """A word of the language where something is given a name."""
    if f.word not in RESERVED or "NAME" not in f.expected or f.previous is None:
        return None
    before = f.text[f.line_start : f.start].strip()
    if before not in (*DECLARATIONS, "stage") and (before or not f.text[f.end :].lstrip().startswith(":")):
        return None
    kind = "property" if f.begins_line else str(f.previous)
    better = f"{f.word}_{kind}"
    fix = Fix(f"rename it to `{better}`", False, (Edit(f.here, better),))
    message = f"`{f.word}` is a word of the language and can not be a name"
    return Diagnostic("FR010", message, f.here, f"rename it, for instance to `{better}`", fixes=(fix,))


def _line_end(f: Failure) -> Diagnostic | None:
    """Something is missing at the end of a line."""
    if f.kind not in LAYOUT:
        return None
    end = len(f.text[: f.start].rstrip()) if f.kind == "$END" else f.start
    if f.previous is not None and f.previous.type not in LAYOUT and f.previous.end_pos is not None:
        end = f.previous.end_pos
    bare = _bare_name(f)
    below = f.text[next_code(f.text, end) :]
    deeper = depth_of(below) > depth_of(f.text[f.text.rfind("\n", 0, end) + 1 :])
    if "COLON" in f.expected and (deeper or ("SEND" not in f.expected and bare is None)):
        return _no_colon(f, end)
    if bare:
        return bare
    if f.kind in ("_DEDENT", "$END") and not f.text[:end].strip():
        return None
    return Diagnostic("FR013", "the line ends before all is said", f.span(end, end), describe(f))


def _no_colon(f: Failure, at: int) -> Diagnostic:
    fix = Fix("add the `:`", True, (Edit(f.span(at, at), ":"),))
    return Diagnostic("FR004", "a `:` is missing at the end of the line", f.span(at, at), fixes=(fix,))


def _spelling(f: Failure) -> Diagnostic | None:
    found = hints.spelling(f.line, f.start - f.line_start)
    if found is None:
        return None
    known, match = found
    if known.needs not in f.expected:
        return None
    span = f.span(f.line_start + match.start(), f.line_start + match.end())
    fixes: tuple[Fix, ...] = ()
    if known.instead is not None:
        title = f"write `{known.instead.strip()}`" if known.instead else "leave it out"
        fixes = (Fix(title, bool(known.instead), (Edit(span, known.instead),)),)
    return Diagnostic("FR015", known.message.format(span.text.strip()), span, known.hint, fixes=fixes)


def _place(f: Failure) -> Diagnostic | None:
    """A line that is right in itself but stands in the wrong block."""
    if not f.begins_line or f.start == 0:
        return None
    in_steps, in_header = "SEND" in f.expected, "OWNER" in f.expected
    message = hint = None
    if f.word == "else":
        message = "this `else` has no `if` above it"
        hint = (
            "it stands directly below its `if`, equally deep; that of a `wait for` follows on its line: `, else exit`"
        )
    elif f.word in _HEADER and in_steps:
        message, hint = f"`{f.word}` belongs to the whole campaign", "write it at the campaign's top, before its stages"
    elif f.word == "stage" and in_steps:
        message, hint = "a stage can not stand inside a stage", "begin it below the other stages, equally deep"
    elif f.word == "on" and in_steps:
        message, hint = "`on` can not stand inside a block of steps", "write it directly in the stage"
    elif f.word in ("time", "purpose") and (in_steps or in_header):
        message, hint = f"`{f.word}` belongs to the policy", "write it below `policy:` in the first column"
    elif f.word in _STEPS and in_header:
        message, hint = f"`{f.word}` is a step and stands in a stage", "begin a stage above it: `stage NAME:`"
    elif f.word in DECLARATIONS and f.previous is not None:
        message, hint = f"`{f.word}` can not stand inside another block", "begin it in the first column"
    if message is None:
        return None
    return Diagnostic("FR014", message, f.here, hint)


def _nearest(f: Failure) -> Diagnostic | None:
    """A word of the language misspelt, in capitals, or grown together with the next."""
    if f.kind != "NAME" or f.word in f.keywords:
        return None
    candidates = [word for word, kinds in f.keywords.items() if word.isalpha() and f.expected & set(kinds)]
    if f.word.lower() in candidates:
        better, hint = f.word.lower(), "words of the language are written in small letters"
    elif found := nearest(f.word, candidates):
        better, hint = found, f"did you mean `{found}`?"
    else:
        grown = [word for word in candidates if f.word.startswith(word) and len(word) > 1]
        if not grown:
            return None
        word = max(grown, key=len)
        better = f"{word} {f.word[len(word) :].lstrip('_')}"
        hint = f"did you mean `{better}`?"
    fix = Fix(f"change to `{better}`", False, (Edit(f.here, better),))
    return Diagnostic("FR012", f"`{shown(f.word)}` is not known here", f.here, hint, fixes=(fix,))


def _bare_name(f: Failure) -> Diagnostic | None:
    """A condition that is a name and nothing else, or a reaction that is misspelt."""
    name = f.previous
    if name is None or name.type != "NAME" or f.kind in ("NAME", *VALUES) or not {"OPENED", "WITHIN"} & f.expected:
        return None
    if f.text[: name.start_pos].rstrip().endswith(".") or "DURATION" in f.expected:
        return None
    place = f.span(name.start_pos or 0, name.end_pos or 0)
    words = ("opened", "unopened", "clicked", "unclicked", "delivered", "bounced")
    near = nearest(name, words)
    if near and "IS" not in f.expected:
        fix = Fix(f"change to `{near}`", False, (Edit(place, near),))
        return Diagnostic("FR012", f"`{name}` is not known here", place, f"did you mean `{near}`?", fixes=(fix,))
    if "IS" not in f.expected:
        return Diagnostic("FR013", f"what happened to `{name}` is missing", f.span(place.end, place.end), describe(f))
    hint = f"write `in segment {name}`, `tagged {name}`, `has {name}`, or compare it: `{name} is ...`"
    return Diagnostic("FR013", f"`{name}` alone is no condition", place, hint)


def _missing(f: Failure) -> Diagnostic | None:
    """One sign or small word that, put in, would let the sentence go on."""
    if f.previous is None or f.previous.end_pos is None or f.begins_line:
        return None
    kinds = (f.kind, *f.keywords.get(f.word, ()))
    at = f.previous.end_pos
    if any(f.takes("COLON", kind) for kind in kinds):
        fix = Fix("add the `:`", True, (Edit(f.span(at, at), ":"),))
        return Diagnostic("FR004", f"a `:` is missing before `{shown(f.word)}`", f.here, fixes=(fix,))
    another = f.kind == "NAME" and re.compile(r" +[a-z]").match(f.text, f.end)  # the word itself may be the wrong one
    for glue in _GLUE[:1] if another else _GLUE:
        if any(f.takes(glue, kind) for kind in kinds):
            sign = next(text for text, names in f.keywords.items() if glue in names)
            edit = Edit(f.span(at, at), sign if glue == "COMMA" else f" {sign}")
            fix = Fix(f"add `{sign}`", False, (edit,))
            return Diagnostic("FR013", f"`{sign}` is missing before `{shown(f.word)}`", f.here, fixes=(fix,))
    for kind, name in WORDED.items():
        if f.kind not in ("NAME", *VALUES) and kind not in LAYOUT and f.takes(kind, f.kind):
            return Diagnostic("FR013", f"{name} is missing before `{shown(f.word)}`", f.here)
    return None


def _unquoted(f: Failure) -> Diagnostic | None:
    if f.kind == "STRING" and "NAME" in f.expected and "STRING" not in f.expected and f.word[1:-1].isidentifier():
        fix = Fix(f"write `{f.word[1:-1]}`", False, (Edit(f.here, f.word[1:-1]),))
        return Diagnostic("FR015", "a name stands without quotes", f.here, f"write `{f.word[1:-1]}`", fixes=(fix,))
    if f.kind != "NAME" or "STRING" not in f.expected or "NAME" in f.expected:
        return None
    run = re.compile(r"\w+(?:[@.+-]\w+)*").match(f.text, f.start)  # an address is one text
    place = f.span(f.start, run.end() if run else f.end)
    fix = Fix(f'write `"{place.text}"`', False, (Edit(place, f'"{place.text}"'),))
    message = f"the text `{shown(place.text)}` needs quotes"
    return Diagnostic("FR015", message, place, f'write `"{place.text}"`', fixes=(fix,))


KINDS = (
    _unclosed_bracket,
    _reserved_name,
    _not_yet,
    _phrase,
    _character,
    _odd_indent,
    _layout,
    _number,
    _reserved,
    _line_end,
    _spelling,
    _place,
    _nearest,
    _bare_name,
    _missing,
    _unquoted,
)
"""In the order in which they are asked: the first that has something to say is heard."""
