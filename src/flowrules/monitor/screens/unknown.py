"""Deliveries of unknown outcome: only a person can find out what became of them, and says so here."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial

from sqlalchemy import Connection
from textual import on
from textual.binding import Binding
from textual.widget import Widget

from flowrules.monitor import orders
from flowrules.monitor.look import words
from flowrules.monitor.screens.dialogs import Answer, Question
from flowrules.monitor.screens.live import Live
from flowrules.monitor.widgets.listing import Column, Line, Listing
from flowrules.report.unknown import Unknown, unknown
from flowrules.report.words import moment
from flowrules.runtime.operate import Verdict

_MOST = 500
_VERDICTS: tuple[tuple[Verdict, str], ...] = (
    ("sent", "It was sent: it counts as sent"),
    ("failed", "It was not sent: its slot in the caps is free again"),
    ("resend", "Hand it over once more, which may be twice for its receiver"),
)


class UnknownScreen(Live[tuple[Unknown, ...]]):
    TITLE = "Unknown deliveries"
    TOLD = (
        "The connection broke, or the process died, between handing a message over and hearing what became of it. "
        "It is never sent again by itself: look into the channel's log, then say what you found."
    )
    KEYS = (("Enter", "say what became of the message"), ("y", "copy the message's id"))
    BINDINGS = [Binding("escape,backspace", "app.pop_screen", "Back")]

    def read(self, connection: Connection, now: int) -> tuple[Unknown, ...]:  # noqa: ARG002 -- of others
        return unknown(connection, _MOST)

    def body(self) -> Iterator[Widget]:
        yield Listing(
            (
                Column("decided", time=True),
                Column("customer"),
                Column("channel"),
                Column("campaign"),
                Column("message", wide=True),
            ),
            id="unknown",
            title="Deliveries of unknown outcome",
            empty="none: of every message it is known whether it was sent",
            hint="Enter: say what became of it",
        )

    def show(self, figures: tuple[Unknown, ...]) -> None:
        listing = self.query_one(Listing)
        listing.in_zone(self.zone)
        listing.set(
            Line(
                each.message_id,
                (
                    words(moment(each.decided_at, self.zone)),
                    words(each.customer, "bold"),
                    words(each.channel),
                    words(each.campaign),
                    words(each.step),
                ),
                each.message_id,
            )
            for each in figures
        )

    @on(Listing.Chosen)
    def _chosen(self, event: Listing.Chosen) -> None:
        message = event.key
        answers = [
            Answer(value, said, shlex.join(["flowrules", "outbox", "resolve", message, "--as", value]))
            for value, said in _VERDICTS
        ]

        def settle(chosen: str | None) -> None:
            for verdict in (value for value, _ in _VERDICTS if value == chosen):
                self.order(partial(orders.settle, self.reader, message, verdict))

        self.app.push_screen(Question("What became of this message?", message, answers), settle)
