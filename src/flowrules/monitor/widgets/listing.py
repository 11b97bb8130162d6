"""A table that stays where the eye left it while its rows change, can be searched, copied from, and exported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import DataTable, Input, Static

from flowrules.monitor.look import number, words
from flowrules.monitor.look import title as framed
from flowrules.report.words import count

_NARROWEST = 16
"""Cells of a wide column, before others are left out."""
_SHORTEST = 8
"""Cells of a column of words, where all that can be left out is."""


@dataclass(frozen=True, slots=True)
class Column:
    """right: of numbers; wide: takes the room that the others leave; spare: left out first where there is no room.

    file: its name in a file, where that has to say more; time: of local times, whose zone a file must name.
    """

    name: str
    right: bool = False
    wide: bool = False
    spare: int = 0
    file: str = ""
    time: bool = False

    @property
    def label(self) -> Text:
        return number(self.name) if self.right else words(self.name)


@dataclass(frozen=True, slots=True)
class Line:
    """A row: `key` tells it from the others, `copied` is what a person wants of it elsewhere.

    plain: the cells as a file has them, where that is not their text.
    """

    key: str
    cells: tuple[Text, ...]
    copied: str = ""
    plain: tuple[object, ...] | None = None

    @property
    def values(self) -> tuple[object, ...]:
        return tuple(cell.plain for cell in self.cells) if self.plain is None else self.plain

    def holds(self, wanted: str) -> bool:
        return any(wanted in cell.plain.lower() for cell in self.cells)


class Rows(DataTable[Text]):
    """With the keys of vi beside the arrows."""

    BINDINGS = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("h", "cursor_left", "Left", show=False),
        Binding("l", "cursor_right", "Right", show=False),
        Binding("g,home", "scroll_top", "First", show=False),
        Binding("G,end", "scroll_bottom", "Last", show=False),
        Binding("ctrl+d", "page_down", "Page down", show=False),
        Binding("ctrl+u", "page_up", "Page up", show=False),
    ]


class Listing(Vertical):
    """`empty`: what is said where there is no row, with what to do next."""

    BINDINGS = [
        Binding("slash", "search", "Search", key_display="/"),
        Binding("y", "copy", "Copy the id", show=False),
        Binding("e", "export", "Export the table as CSV", show=False),
        Binding("escape", "unsearch", "All rows", show=False),
    ]

    class _OfRow(Message):
        def __init__(self, listing: Listing, key: str) -> None:
            super().__init__()
            self.listing, self.key = listing, key

        @property
        def control(self) -> Listing:
            return self.listing

    class Chosen(_OfRow):
        """Somebody wants to know more of a row."""

    class Moved(_OfRow):
        """The cursor came to a row."""

    class Exported(Message):
        """The rows shown are wanted as a file."""

        def __init__(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
            super().__init__()
            self.name, self.columns, self.rows = name, columns, rows

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str,  # noqa: A002 -- Textual's word
        title: str = "",
        empty: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(id=id, classes="listing")
        self.columns, self.empty, self.hint = tuple(columns), empty, hint
        self.lines: tuple[Line, ...] = ()
        self.shown: tuple[Line, ...] = ()
        self._widths: dict[int, int] = {}
        self._told: str | None = None
        self._title, self.zone = title, ""
        self.border_title = title or None
        self.rows = Rows(cursor_type="row", cursor_foreground_priority="renderable", cell_padding=1)
        self._nothing = Static(empty, classes="empty")
        self._search = Input(placeholder="search in this table, Esc shows all", compact=True, classes="search")
        self._search.display = False

    def compose(self) -> ComposeResult:
        yield self.rows
        yield self._nothing
        yield self._search

    def on_mount(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self._show()

    # --- what is shown --------------------------------------------------------------------------------

    @property
    def current(self) -> Line | None:
        """The row under the cursor."""
        at = self.rows.cursor_row
        return self.shown[at] if 0 <= at < len(self.shown) else None

    @property
    def current_key(self) -> str | None:
        return None if self.current is None else self.current.key

    def in_zone(self, zone: str) -> None:
        """Its times are of this zone."""
        if zone != self.zone:
            self.zone = zone
            self.border_title = framed(f"{self._title}, times of {zone}")

    def set(self, lines: Iterable[Line], *, empty: str | None = None) -> None:
        """Show these; the cursor stays on its row, the view where it was."""
        fresh = tuple(lines)
        if empty is not None and empty != self.empty:
            self.empty = empty
            self._nothing.update(empty)
        if fresh != self.lines or not fresh:
            self.lines = fresh
            self._show()

    def _show(self) -> None:
        if not self.rows.is_attached:  # closed while it was being put together
            return
        wanted = self._search.value.strip().lower()
        before, rows = self.shown, self.rows
        after = tuple(line for line in self.lines if line.holds(wanted)) if wanted else self.lines
        widths = self._fitting(after)
        if widths == self._widths and [line.key for line in before] == [line.key for line in after]:
            for old, new in zip(before, after, strict=True):
                for at in widths:
                    if old.cells[at] != new.cells[at] or old.cells[at].spans != new.cells[at].spans:
                        rows.update_cell(new.key, self.columns[at].name, new.cells[at])
            self.shown = after
        else:
            self._lay_out(after, widths)
        rows.display = bool(after)
        self._nothing.display = not after
        found = f"{count(len(after))} of {count(len(self.lines))} with `{wanted}`" if wanted else self.hint
        self.border_subtitle = framed(found) if found else None
        self._tell()

    def _fitting(self, lines: Sequence[Line]) -> dict[int, int]:
        """The columns that have room, and how wide they are."""
        room = self.size.width - 1  # of the scrollbar
        natural = {
            at: max(cell_len(column.name), *(line.cells[at].cell_len for line in lines), 1)
            for at, column in enumerate(self.columns)
        }
        least = {at: min(width, _NARROWEST) if self.columns[at].wide else width for at, width in natural.items()}
        for at in sorted(natural, key=lambda at: -self.columns[at].spare):
            if not self.columns[at].spare or sum(least[each] + 2 for each in natural) <= room:
                break
            del natural[at]
        wide = [at for at in natural if self.columns[at].wide]
        if wide:
            others = sum(natural[at] + 2 for at in natural if at not in wide)
            for at in wide:
                natural[at] = max(least[at], (room - others) // len(wide) - 2)
        over = sum(width + 2 for width in natural.values()) - room
        if over > 0 and self.size.width:  # the longest words end in dots, before numbers are out of sight
            longest = max((at for at in natural if not self.columns[at].right), key=natural.__getitem__)
            natural[longest] = max(_SHORTEST, natural[longest] - over)
        return natural

    def _lay_out(self, after: tuple[Line, ...], widths: dict[int, int]) -> None:
        rows, current, top = self.rows, self.current, self.rows.scroll_y
        # Whoever is at the top stays there: it is where the newest comes in.
        stays = current.key if current is not None and rows.cursor_row > 0 else None
        self.shown = after
        with self.prevent(DataTable.RowHighlighted):
            if widths != self._widths:
                rows.clear(columns=True)
                for at, width in widths.items():
                    rows.add_column(self.columns[at].label, key=self.columns[at].name, width=width)
                self._widths = widths
            else:
                rows.clear()
            for line in after:
                rows.add_row(*(line.cells[at] for at in widths), key=line.key)
        place = next((at for at, line in enumerate(after) if line.key == stays), None)
        if place is not None:
            rows.move_cursor(row=place, animate=False, scroll=False)
            rows.scroll_to(y=top, animate=False)

    def _tell(self) -> None:
        """That there is another row under the cursor."""
        current = self.current
        if current is not None and current.key != self._told:
            self._told = current.key
            self.post_message(self.Moved(self, current.key))

    # --- what people do with it -----------------------------------------------------------------------

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if event.row_key.value is not None:
            self.post_message(self.Chosen(self, event.row_key.value))

    @on(DataTable.RowHighlighted)
    def _highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._tell()

    def action_search(self) -> None:
        self._search.display = True
        self._search.focus()

    def action_unsearch(self) -> None:
        self._search.value = ""
        self._search.display = False
        self.rows.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "unsearch":  # else Escape leads back
            return self._search.display
        return super().check_action(action, parameters)

    @on(Input.Changed)
    def _searched(self, event: Input.Changed) -> None:
        event.stop()
        self._show()

    @on(Input.Submitted)
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value:
            self.action_unsearch()
        self.rows.focus()

    def action_copy(self) -> None:
        line = self.current
        if line is not None:
            text = line.copied or line.cells[0].plain
            self.app.copy_to_clipboard(text)
            self.notify(f"copied {text}", markup=False)

    def action_export(self) -> None:
        kept = [at for at, column in enumerate(self.columns) if column.name]  # else it is drawn, and no figure
        names = [self._named(self.columns[at]) for at in kept]
        rows = [[line.values[at] for at in kept] for line in self.shown]
        self.post_message(self.Exported(self.id or "table", names, rows))

    def _named(self, column: Column) -> str:
        return f"{column.name} ({self.zone})" if column.time and self.zone else column.file or column.name
