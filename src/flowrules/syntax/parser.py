"""Text to syntax tree.

Takes a Source, gives the tree of its good blocks and one diagnostic per mistake, in the order of the text.
Never raises for any text, reads no file but the grammar, resolves no name.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from lark import Lark
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lexer import PatternStr

from flowrules.diagnostics.model import Diagnostic, Edit, Fix
from flowrules.source import BOM, Source, Span
from flowrules.syntax import tree
from flowrules.syntax.blocks import Block, split
from flowrules.syntax.explain import explain, explain_layout
from flowrules.syntax.failure import Failure
from flowrules.syntax.indent import BlockIndenter, LayoutError
from flowrules.syntax.lexer import LeanContextualLexer
from flowrules.syntax.recover import recover
from flowrules.syntax.transform import ToTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lark.lexer import Token

MAX_BYTES = 2 * 1024 * 1024
MAX_MISTAKES = 100

# Control characters, halves of characters, signs without width and those that turn the direction of text: no reader
# sees them. What joins letters and emoji to one (U+200C, U+200D) is seen.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]|(?!\\A)\ufeff|\r(?!\n)"
)
_CONFLICT = re.compile(r"^<{7} \S[^\r\n]*", re.MULTILINE)
_TABS = re.compile(r"^ *\t[ \t]*(?=[^\s#])", re.MULTILINE)
_TAB_WIDTH = 4
_HERE = "here"  # any name that is no word of the language

_lock = threading.Lock()  # the transformer knows the source it builds for


class Lexeme(NamedTuple):
    """One word or sign of the grammar, by its terminal's name, and where in the file it stands."""

    kind: str
    start: int
    end: int


def parse(source: Source, lexemes: list[Lexeme] | None = None) -> tuple[tree.File, tuple[Diagnostic, ...]]:
    """The good blocks of a file, and everything wrong with the others; `lexemes` takes the words of the good ones."""
    text = source.text
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        what = Diagnostic("FR007", "this file is larger than 2 MB", _first_line(source), "split it into several files")
        return tree.File(source, ()), (what,)
    diagnostics = [*_conflict(source), *_invisible(source), *_tabs(source)]
    if "\0" in text or (diagnostics and diagnostics[0].code == "FR018"):
        return tree.File(source, ()), tuple(diagnostics[:1])
    suspect = bool(diagnostics)
    declarations: list[tree.Declaration] = []
    with _lock:
        parser = _parser()
        for block in split(text):
            place = (text, block.start, block.end)
            if suspect and (_INVISIBLE.search(*place) or _TABS.search(*place)):
                continue  # said once for the whole file
            found = parser.block(source, block, lexemes)
            if isinstance(found, list):
                diagnostics += found
            else:
                declarations.append(found)
            if len(diagnostics) >= MAX_MISTAKES:
                span = diagnostics[-1].span
                diagnostics.append(Diagnostic("FR017", "too many mistakes, the rest of the file is not read", span))
                break
    diagnostics.sort(key=lambda found: (found.span.start, found.code == "FR017"))
    return tree.File(source, tuple(declarations)), tuple(diagnostics)


@dataclass(frozen=True, slots=True)
class Remains:
    """A declaration whose lines that can not be read were replaced; line and column are those of the author's file."""

    file: tree.File
    replaced: frozenset[int]


def remains(source: Source) -> list[Remains]:
    """Of the campaigns that do not parse: to be looked at, never to be run."""
    found: list[Remains] = []
    with _lock:
        parser = _parser()
        for block in split(source.text):
            if not source.text.startswith("campaign", block.start):
                continue
            if isinstance(parser.block(source, block), list) and (left := parser.remains(source, block)) is not None:
                found.append(left)
    return found


def decode(name: str, data: bytes) -> tuple[Source, tuple[Diagnostic, ...]]:
    """The bytes of a file as a source; with a diagnostic, and without text, where they are not UTF-8."""
    try:
        return Source(name, data.decode("utf-8")), ()
    except UnicodeDecodeError as error:
        source = Source(name, data[: error.start].decode("utf-8"))
        place = Span(source, len(source.text), len(source.text))
        what = Diagnostic("FR016", "this file is not UTF-8 text", place, "save it again with the encoding UTF-8")
        return source, (what,)


def keywords() -> frozenset[str]:
    """The words that have a meaning of their own somewhere."""
    return frozenset(_parser().keywords)


def accepted(text: str) -> frozenset[str]:
    """The words of the language that may follow a text which ends within its last block; `NAME` where a name may.

    Empty where what stands before can not be read.
    """
    with _lock:
        block = split(f"{text}{_HERE}")[-1]
        return _parser().accepted(text[block.start :])


def grammar() -> str:
    """The grammar's text: inside the package when installed, at the top of the checkout otherwise."""
    packaged = files("flowrules") / "grammar" / "flowrules.lark"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[3] / "grammar" / "flowrules.lark").read_text(encoding="utf-8")


class _Parser:
    def __init__(self) -> None:
        self.build = ToTree()
        self.indenter = BlockIndenter()
        self.lark = Lark(
            grammar(),
            parser="lalr",
            lexer="contextual",
            postlex=self.indenter,
            transformer=cast("Any", self.build),  # any object with one method per production will do
            keep_all_tokens=True,
            _plugins={"ContextualLexer": LeanContextualLexer},
        )
        keywords: dict[str, tuple[str, ...]] = {}
        for terminal in self.lark.terminals:
            if isinstance(terminal.pattern, PatternStr):
                word = terminal.pattern.value
                keywords[word] = (*keywords.get(word, ()), terminal.name)
        self.keywords = keywords

    def block(
        self, source: Source, block: Block, lexemes: list[Lexeme] | None = None
    ) -> tree.Declaration | list[Diagnostic]:
        """The declaration of a block, or what is wrong with it."""
        text = source.text[block.start : block.end]
        before = source.text[source.text.rfind("\n", 0, block.start) + 1 : block.start].removeprefix(BOM)
        if before:
            hint = "a block such as `campaign` or `segment` begins in the first column"
            place = Span(source, block.start, block.start + len(text.split("\n", 1)[0].rstrip()))
            return [Diagnostic("FR003", "this line is indented, but belongs to nothing", place, hint)]
        trace: list[Token] | None = None if lexemes is None else []
        self.indenter.trace = trace
        self.build.begin(source, block.start)
        try:
            declaration = cast("tree.Declaration", self.lark.parse(text))
        except (UnexpectedInput, LayoutError):
            return recover(text, source, block.start, self._attempt).found
        if lexemes is not None and trace is not None:
            base = block.start
            lexemes += [Lexeme(t.type, base + (t.start_pos or 0), base + (t.end_pos or 0)) for t in trace]
        return self.build.problems or declaration

    def accepted(self, text: str) -> frozenset[str]:
        self.indenter.trace = None
        self.build.begin(Source("", text), 0)
        parsing = cast("Any", self.lark.parse_interactive(f"{text}{_HERE}"))  # Lark types it in part
        words = {terminal: word for word, terminals in self.keywords.items() for terminal in terminals}
        try:
            for token in parsing.lexer_thread.lex(parsing.parser_state):
                if token.type not in {"_INDENT", "_DEDENT"} and token.start_pos == len(text):
                    return frozenset(words.get(each, each) for each in parsing.accepts())
                parsing.feed_token(token)
        except (UnexpectedInput, LayoutError):
            pass
        return frozenset()

    def remains(self, source: Source, block: Block) -> Remains | None:
        """What is left of a block that does not parse."""
        recovered = recover(source.text[block.start : block.end], source, block.start, self._attempt)
        if recovered.rest is None or not recovered.replaced:
            return None
        above = source.text.count("\n", 0, block.start)
        shadow = Source(source.name, "\n" * above + recovered.rest)
        self.indenter.trace = None
        self.build.begin(shadow, above)
        declaration = cast("tree.Declaration", self.lark.parse(recovered.rest))
        return Remains(tree.File(shadow, (declaration,)), frozenset(above + 1 + line for line in recovered.replaced))

    def _attempt(self, text: str) -> tuple[Diagnostic | None, list[Diagnostic]]:
        trace = self.indenter.trace = []
        self.build.begin(Source("", text), 0)
        try:
            self.lark.parse(text)
        except LayoutError as error:
            return explain_layout(text, error), []
        except UnexpectedToken as error:
            token = error.token
            kind, start, end = token.type, token.start_pos or 0, token.end_pos or 0
            previous = next((t for t in reversed(trace) if t is not token), None)
            state = error.state
        except UnexpectedCharacters as error:
            start = cast("int", error.pos_in_stream)
            kind, end = "", start + 1
            previous = trace[-1] if trace else None
            state = error.state
        else:
            return None, self.build.problems
        bracket = self.indenter.open[-1] if self.indenter.open else None
        parser_state = cast("Any", state)
        stack, states = parser_state.state_stack, parser_state.parse_conf.states
        return explain(Failure(text, kind, start, end, stack, states, previous, bracket, self.keywords)), []


@cache
def _parser() -> _Parser:
    return _Parser()


def _first_line(source: Source) -> Span:
    return Span(source, 0, max(0, source.text.find("\n")))


def _conflict(source: Source) -> Iterator[Diagnostic]:
    """Two versions of a file that nobody has decided between."""
    match = _CONFLICT.search(source.text)
    if match:
        hint = "keep one of the two versions, and delete the lines `<<<<<<<`, `=======` and `>>>>>>>`"
        message = "two versions of this file were merged, and nobody has chosen between them"
        yield Diagnostic("FR018", message, Span(source, *match.span()), hint)


def _invisible(source: Source) -> Iterator[Diagnostic]:
    """The first character a reader can not see; one is enough to distrust the file."""
    match = _INVISIBLE.search(source.text)
    if match:
        span = Span(source, match.start(), match.start() + 1)
        yield Diagnostic(
            "FR006",
            f"an invisible character (U+{ord(match[0]):04X}) can not stand in a file of rules",
            span,
            "delete it: what a reader sees must be what the program reads",
            fixes=() if match[0] == "\0" else (Fix("delete it", False, (Edit(span, ""),)),),
        )


def _tabs(source: Source) -> Iterator[Diagnostic]:
    """One diagnostic for all tabs in indentation, with one fix for all."""
    matches = list(_TABS.finditer(source.text))
    if matches:
        edits = tuple(
            Edit(Span(source, match.start(), match.end()), match[0].replace("\t", " " * _TAB_WIDTH))
            for match in matches
        )
        fix = Fix("replace each tab at the beginning of a line by four spaces", True, edits)
        hint = "lines are indented by spaces"
        yield Diagnostic("FR002", "a tab at the beginning of a line", edits[0].span, hint, fixes=(fix,))
