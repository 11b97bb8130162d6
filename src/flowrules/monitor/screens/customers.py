"""Find a customer by an id, an email or a phone, or by a part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from sqlalchemy import Connection, select
from textual import on, work
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from flowrules.monitor.background import in_background
from flowrules.monitor.look import words
from flowrules.monitor.screens.customer import CustomerScreen
from flowrules.monitor.screens.live import Live
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.report.search import Found, search
from flowrules.sql import tables

_MOST = 50
_PATIENCE = 0.12
"""Seconds without a key before the database is asked."""
_NOTHING = "no customer has this in an id, an email or a phone\n\na phone is written with its country: +34600…"
_BEGIN = "type an id, an email, a phone, or a part of it\n\nEnter opens the first, ↓ goes into the list"
_EMPTY = "no customers yet\n\n`flowrules import customers FILE` brings them"


class Customers(Live[bool]):
    TITLE = "Customers"
    PLACE = "customers"
    FIRST = "#find"
    TOLD = "Find a customer by an id, an email or a phone, or by a part of it; former ones find too."
    KEYS = (
        ("Enter", "open the customer"),
        ("↓", "from the field into the list"),
        ("Esc", "out of the field: letters are keys again"),
    )
    BINDINGS = [Binding("down", "list", "List", show=False), Binding("escape", "leave", "Leave the field")]

    def __init__(self) -> None:
        super().__init__()
        self.found = Found((), more=False)

    def read(self, connection: Connection, now: int) -> bool:  # noqa: ARG002 -- of others
        """Whether there is anybody at all."""
        return connection.execute(select(tables.customer.c.id).limit(1)).first() is not None

    def body(self) -> Iterator[Widget]:
        yield Input(placeholder="id, email or phone, or a part of it", id="find")
        yield Listing(
            (Column("customer"), Column("found by"), Column("value")), id="found", title="Customers", empty=_BEGIN
        )

    def show(self, figures: bool) -> None:  # noqa: FBT001 -- is there anybody
        if not figures:
            self.query_one(Listing).set((), empty=_EMPTY)
        elif not self.found.hits:
            self.query_one(Listing).set((), empty=_BEGIN)

    def begin(self) -> None:
        field = self.query_one("#find", Input)
        field.focus()
        field.select_all()

    @on(Input.Changed, "#find")
    def _typed(self, event: Input.Changed) -> None:
        self.look_for(event.value.strip())

    @on(Input.Submitted, "#find")
    def _entered(self) -> None:
        """One that is meant without doubt opens at once."""
        if self.found.hits:
            self.app.push_screen(CustomerScreen(self.found.hits[0].customer))

    @on(Listing.Chosen, "#found")
    def _chosen(self, event: Listing.Chosen) -> None:
        self.app.push_screen(CustomerScreen(event.key))

    @work(exclusive=True, group="search")
    async def look_for(self, given: str) -> None:
        await asyncio.sleep(_PATIENCE)

        def look() -> Found:
            with self.reader.read() as connection:
                return search(connection, given, _MOST)

        try:
            self.found = await in_background(look)
        except Exception as failure:  # noqa: BLE001 -- said above; the next key asks again
            self.monitor.trouble("search", failure)
            self.tell()
            return
        self.monitor.trouble("search", None)
        if self.gone:
            return
        lines = [
            Line(each.customer, (words(each.customer, "bold"), words(each.kind, "dim"), words(each.value)))
            for each in self.found.hits
        ]
        listing = self.query_one(Listing)
        listing.set(lines, empty=_NOTHING if given else _BEGIN)
        listing.border_title = f"Customers: {_more(self.found)}" if given else "Customers"

    def action_leave(self) -> None:
        rows = self.query_one(Listing).rows
        self.set_focus(rows if rows.display else None)

    def action_list(self) -> None:
        if self.found.hits:
            self.query_one(Listing).rows.focus()


def _more(found: Found) -> str:
    return f"{len(found.hits)} found{', there may be more: type more of it' if found.more else ''}"
