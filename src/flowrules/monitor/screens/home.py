"""stub"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection
from textual.widget import Widget

from flowrules.monitor.screens.live import Live
from flowrules.monitor.widgets.listing import Listing


class Home(Live[int]):
    def read(self, connection: Connection, now: int) -> int:
        return 1

    def body(self) -> Iterator[Widget]:
        yield Listing((), id="x")

    def show(self, figures: int) -> None:
        pass
