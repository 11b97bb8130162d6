"""Indentation as tokens.

Takes the token stream of one block, gives it back with _INDENT and _DEDENT where the depth changes and a last _NL
where the file has none. A depth that fits nowhere is a LayoutError with its token; text is never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lark.indenter import Indenter
from lark.lexer import Token

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 50

# Words that are never a name (design: language.md); every lexer state knows them, so a name can not swallow one.
RESERVED = frozenset(
    {
        "a",
        "after",
        "and",
        "between",
        "clicks",
        "consents",
        "else",
        "entry",
        "event",
        "every",
        "exit",
        "gets",
        "go",
        "has",
        "if",
        "in",
        "is",
        "joins",
        "leaves",
        "no",
        "not",
        "on",
        "once",
        "opens",
        "or",
        "reached",
        "reaches",
        "refuses",
        "send",
        "set",
        "split",
        "start",
        "tag",
        "tagged",
        "untag",
        "up",
        "wait",
        "webhook",
        "while",
        "within",
    }
)

_FORMS = ("STRING", "DATETIME", "DATE", "CLOCK", "DURATION", "MONEY", "PERCENT", "DECIMAL", "INT", "BAD_NUMBER")


class LayoutError(Exception):
    """The depth of a line, or of brackets, is impossible: `token` shows where."""

    def __init__(self, kind: Literal["dedent", "depth"], token: Token) -> None:
        super().__init__(kind)
        self.kind = kind
        self.token = token


class BlockIndenter(Indenter):
    """Keeps the stack of open brackets as tokens, so that one never closed can be shown where it opens."""

    NL_type = "_NL"
    OPEN_PAREN_types = ["LPAR"]  # noqa: RUF012  # the base class declares it so
    CLOSE_PAREN_types = ["RPAR"]  # noqa: RUF012 -- as Lark's class declares it
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = 4
    always_accept = ("_NL", "NAME", *_FORMS, *(word.upper() for word in sorted(RESERVED)))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Token] = []
        self.trace: list[Token] | None = None  # the tokens handed on, where somebody asks for them

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        self.indent_level = [0]
        self.open = []
        return self._process(stream) if self.trace is None else self._traced(stream, self.trace)

    def _traced(self, stream: Iterator[Token], trace: list[Token]) -> Iterator[Token]:
        for token in self._process(stream):
            trace.append(token)
            yield token

    def _process(self, stream: Iterator[Token]) -> Iterator[Token]:
        token: Token | None = None
        opened = self.open
        for token in stream:
            kind = token.type
            if kind == "_NL":
                if not opened:
                    yield from self.handle_NL(token)
                continue
            yield token
            if kind == "LPAR":
                opened.append(token)
                if len(opened) > MAX_DEPTH:
                    raise LayoutError("depth", token)
            elif kind == "RPAR" and opened:
                opened.pop()
        if token is None:
            return
        if token.type != "_NL" or opened:
            token = Token.new_borrow_pos("_NL", "", token)
            token.start_pos = token.end_pos
            yield token
        for _ in self.indent_level[1:]:
            yield Token.new_borrow_pos("_DEDENT", "", token)

    def handle_NL(self, token: Token) -> Iterator[Token]:  # noqa: N802  # the base class names it
        yield token
        last = token[token.rindex("\n") + 1 :]
        depth = 0 if last.lstrip(" ").startswith("#") else len(last)  # a comment ends the file: nothing follows it
        levels = self.indent_level
        if depth > levels[-1]:
            if len(levels) > MAX_DEPTH:
                raise LayoutError("depth", token)
            levels.append(depth)
            yield Token.new_borrow_pos("_INDENT", "", token)
            return
        while depth < levels[-1]:
            levels.pop()
            yield Token.new_borrow_pos("_DEDENT", "", token)
        if depth != levels[-1]:
            raise LayoutError("dedent", token)
