"""The contextual lexer, leaner.

Same tokens as Lark's own (tests/syntax/test_grammar.py compares them), in half the time: blanks and comments are
skipped within the match of the token behind them, keywords are looked up rather than matched, lines are not counted
(offsets say all), and terminals that collide are looked for by the strict test, not at every start.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from lark.lexer import BasicLexer, ContextualLexer, LexerState, PatternStr, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lark.common import LexerConf

_WORD = re.compile(r"[a-z]+")


class LeanLexer(BasicLexer):
    @cached_property
    def _table(self) -> tuple[Callable[[str, int], re.Match[str] | None], dict[str, str]]:
        """How to match the next token here, and which words are keywords here; made when a state is first reached."""
        words = [t for t in self.terminals if isinstance(t.pattern, PatternStr) and _WORD.fullmatch(t.pattern.value)]
        shapes = [t for t in self.terminals if t not in words and t.name not in self.ignore_types]
        forms = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in shapes)
        # possessive: a comment is never given back to be read as words
        skipping = re.compile(rf"(?:[ \t]++|#[^\r\n]*+)*+(?:{forms})")
        return skipping.match, {t.pattern.value: t.name for t in words}

    def next_token(self, lex_state: LexerState, parser_state: object = None) -> Token:
        lines = lex_state.line_ctr
        matcher, keywords = self._table
        match = matcher(lex_state.text.text, lines.char_pos)
        if match is None:
            return super().next_token(lex_state, parser_state)
        form = match.lastgroup or ""
        value = match[form]
        end = lines.char_pos = match.end()
        kind = keywords.get(value, form) if form == "NAME" else form
        token = lex_state.last_token = Token(kind, value, end - len(value), 1, 1, 1, 1, end)
        return token


class LeanContextualLexer(ContextualLexer):
    BasicLexer = LeanLexer

    def __init__(
        self, conf: LexerConf, states: dict[int, Collection[str]], always_accept: Collection[str] = ()
    ) -> None:
        conf.skip_validation = True
        super().__init__(conf, states, always_accept)
