"""Find a customer by the beginning of an id, email or phone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import ClassVar

from sqlalchemy import Connection, select
from textual import on, work
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from flowrules.monitor.background import in_background
from flowrules.monitor.look import words
from flowrules.monitor.screens.customer import CustomerScreen
from flowrules.monitor.screens.live import Live
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.report.lookup import Found, look_for
from flowrules.sql import tables

_MOST = 50
_PATIENCE = 0.12
"""Seconds without a key before the database is asked."""
_NOTHING = "no customer has an id, email or phone that begins so\n\na phone is found with its country: 34600…"
_BEGIN = "type the beginning of an id, an email or a phone\n\nEnter opens the customer"
_EMPTY = "no customers yet\n\n`flowrules import customers FILE` brings them"


class Customers(Live[bool]):
    TITLE = "Customers"
    PLACE = "customers"
    FIRST = "#find"
    TOLD = "Find a customer by the beginning of an id, an email or a phone; former ones find too."
    KEYS = (("Enter", "open the customer"), ("↓", "from the field into the list"))
    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "list", "List", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self.found: tuple[Found, ...] = ()

    def read(self, connection: Connection, now: int) -> bool:  # noqa: ARG002 -- of others
        """Whether there is anybody at all."""
        return connection.execute(select(tables.customer.c.id).limit(1)).first() is not None

    def body(self) -> Iterator[Widget]:
        yield Input(placeholder="id, email or phone, or how it begins", id="find")
        yield Listing(
            (Column("customer"), Column("found by"), Column("value")), id="found", title="Customers", empty=_BEGIN
        )

    def show(self, figures: bool) -> None:  # noqa: FBT001 -- is there anybody
        if not figures:
            self.query_one(Listing).set((), empty=_EMPTY)
        elif not self.found:
            self.query_one(Listing).set((), empty=_BEGIN)

    def begin(self) -> None:
        field = self.query_one("#find", Input)
        field.focus()
        field.select_all()

    @on(Input.Changed, "#find")
    def _typed(self, event: Input.Changed) -> None:
        self.search(event.value.strip())

    @on(Input.Submitted, "#find")
    def _entered(self) -> None:
        """One that is meant without doubt opens at once."""
        if self.found:
            self.app.push_screen(CustomerScreen(self.found[0].customer))

    @on(Listing.Chosen, "#found")
    def _chosen(self, event: Listing.Chosen) -> None:
        self.app.push_screen(CustomerScreen(event.key))

    @work(exclusive=True, group="search")
    async def search(self, given: str) -> None:
        await asyncio.sleep(_PATIENCE)

        def look() -> tuple[Found, ...]:
            with self.reader.read() as connection:
                return look_for(connection, given, _MOST) if given else ()

        try:
            self.found = await in_background(look)
        except Exception as failure:  # noqa: BLE001 -- said above; the next key asks again
            self.monitor.trouble("search", failure)
            self.tell()
            return
        self.monitor.trouble("search", None)
        lines = [
            Line(each.customer, (words(each.customer, "bold"), words(each.kind, "dim"), words(each.value)))
            for each in self.found
        ]
        self.query_one(Listing).set(lines, empty=_NOTHING if given else _BEGIN)

    def action_list(self) -> None:
        if self.found:
            self.query_one(Listing).rows.focus()
