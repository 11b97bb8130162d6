"""A test with a table of cases as many tests, one a row.

Takes the tree of a test; gives trees without columns, each with its row. A `<column>` takes the place of a name, a
value, a time or a number: what a row has there must be of that kind. Mistakes are noted in the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from flowrules.model.names import Names
from flowrules.source import Span
from flowrules.syntax import tree

Row = Mapping[str, tree.Cell]

_VALUES = frozenset(
    {(tree.NamedValue, "value"), (tree.SetOf, "value"), (tree.ExpectValue, "value"), (tree.Content, "text")}
)


@dataclass(frozen=True, slots=True)
class Case:
    """One test to be played: `row` None where there is no table."""

    node: tree.TestDecl
    title: str
    row: Span | None


def cases(node: tree.TestDecl, names: Names) -> Iterator[Case]:
    tables = node.cases
    for more in tables[1:]:
        names.twice("FR110", "there are two tables of cases", more.span, tables[0].span)
    if not tables:
        yield from _filled(_Filling({}, names), node, node.title, None)
        return
    head, *rows = tables[0].rows
    columns = _columns(head, names)
    if not rows:
        names.note(
            "FR506", "this table has no cases", tables[0].span, "write one a line, below the names of its columns"
        )
    whole = replace(node, cases=())
    said = repr(whole)
    for column in columns:
        if f"<{column}>" not in said:
            names.note("FR506", f"nothing in this test says `<{column}>`", head.span, "leave the column out, or use it")
    for row in rows:
        if len(row.cells) != len(columns):
            message = f"this row has {len(row.cells)} of {len(columns)} values"
            names.note("FR506", message, row.span, f"the columns are {', '.join(columns)}")
            continue
        of_row = dict(zip(columns, row.cells, strict=True))
        yield from _filled(_Filling(of_row, names), whole, _title(node.title, of_row, row.span), row.span)


def _filled(filling: _Filling, node: tree.TestDecl, title: str, row: Span | None) -> Iterator[Case]:
    """Unless it does not fit: of what else is wrong there only an echo would be heard."""
    known = len(filling.names.diagnostics)
    made = filling.fill(node)
    if len(filling.names.diagnostics) == known:
        yield Case(made, title, row)


def _columns(head: tree.CaseRow, names: Names) -> list[str]:
    found: list[str] = []
    for cell in head.cells:
        if not isinstance(cell, tree.Name) or len(cell.parts) > 1:
            names.note(
                "FR506", f"`{cell.span.text}` is no name of a column", cell.span, "the first row names the columns"
            )
        elif cell.text in found:
            names.note("FR110", f"the column `{cell.text}` stands twice", cell.span)
        found.append(cell.span.text)
    return found


def _title(title: str, row: Row, span: Span) -> str:
    """With the row's values in it, or behind it."""
    told = title
    for name, cell in row.items():
        told = told.replace(f"<{name}>", str(cell.value) if isinstance(cell, tree.Literal_) else cell.span.text)
    return told if told != title else f"{title} ({span.words})"


@dataclass(frozen=True, slots=True)
class _Filling:
    row: Row
    names: Names

    def fill(self, node: Any) -> Any:  # noqa: ANN401  # any part of the tree
        if isinstance(node, tuple):
            return tuple(map(self.fill, node))
        if not is_dataclass(node) or isinstance(node, Span | type):
            return node
        changed = {}
        for field in fields(node):
            value = getattr(node, field.name)
            if isinstance(value, tree.Name) and _column(value.text) is not None:
                changed[field.name] = self._cell(node, field.name, value)
            elif field.name == "word" and isinstance(node, tree.Because) and _column(value) is not None:
                return self._because(node)
            elif (new := self.fill(value)) is not value:
                changed[field.name] = new
        return replace(node, **changed) if changed else node

    def _cell(self, node: object, field: str, name: tree.Name) -> object:
        """What stands in the row; something of that kind where that can not be."""
        cell = self._of(name.parts[0], name.span)
        if isinstance(node, tree.TestLine):
            return self._time(field, cell, name)
        if isinstance(node, tree.Many):
            return self._wanted(cell, int, name, "a whole number", 0)
        if (type(node), field) in _VALUES:
            if isinstance(cell, tree.Name):
                return self._wrong(cell, name, "a value", tree.Literal_("", cell.span))
            return cell
        if not isinstance(cell, tree.Name):
            hint = "without quotes" if isinstance(cell.value, str) else None
            return self._wrong(cell, name, "a name", tree.Name(("",), cell.span), hint)
        return cell

    def _time(self, field: str, cell: tree.Cell, name: tree.Name) -> object:
        if field == "at":
            return self._wanted(cell, datetime, name, "a date and time such as `2026-03-02 10:00`", None)
        return self._wanted(cell, tree.Duration, name, "a length of time such as `2 days`", None)

    def _wanted(self, cell: tree.Cell, kind: type, name: tree.Name, what: str, instead: object) -> object:
        if not isinstance(cell, tree.Name) and type(cell.value) is kind:
            return cell.value
        return self._wrong(cell, name, what, instead)

    def _because(self, node: tree.Because) -> tree.Because:
        cell = self._of(node.word, node.span)
        if isinstance(cell, tree.Name):
            return replace(node, word=cell.text)
        return replace(node, word=str(cell.value), quoted=True)

    def _of(self, word: str, span: Span) -> tree.Cell:
        column = _column(word) or ""
        if column in self.row:
            return self.row[column]
        message = f"the cases have no column `{column}`"
        hint = None if self.row else "a test with columns has a table below it: `cases:`"
        self.names.unknown("FR506", message, span, column, list(self.row), hint)
        return tree.Name(("",), span)

    def _wrong(self, cell: tree.Cell, name: tree.Name, what: str, instead: object, hint: str | None = None) -> object:
        if cell.span != name.span:  # a column that is not there was noted
            message = f"`{name.text}` stands for {what}; `{cell.span.text}` is not"
            self.names.note("FR506", message, cell.span, hint)
        return instead


def _column(word: object) -> str | None:
    return word[1:-1] if isinstance(word, str) and word.startswith("<") else None
