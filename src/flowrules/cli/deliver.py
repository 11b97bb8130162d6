"""`flowrules deliver`: what was decided to be sent is handed to the channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from flowrules.channels.base import Channel
from flowrules.channels.registry import make_channels
from flowrules.cli import clock
from flowrules.cli.context import Context
from flowrules.cli.output import emit, formats
from flowrules.runtime.deliver import Delivered, deliver
from flowrules.store.database import Database

FOLDER = "outbox"
"""Where the file channels of a workspace write."""

_SLICE = 1000


@click.command("deliver")
@click.option("--now", "at", metavar="TIME", help="The instant, where the workspace has a virtual clock.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many messages.")
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, at: str | None, limit: int | None, format_: str) -> None:
    """Hand over the messages that were decided, each tested again: consent, caps, journey, address.

    File channels append to outbox/CHANNEL.jsonl in the workspace.
    """
    workspace = context.workspace()
    database = context.database(workspace)
    types = {name: settings.type for name, settings in workspace.channels.items()}
    channels = make_channels(types, workspace.root / FOLDER)
    done = delivered(database, channels, lambda: clock.now(workspace, database, at), limit)
    emit(format_, "deliver", done.facts(), words_of(done))


def delivered(
    database: Database, channels: Mapping[str, Channel], now: Callable[[], int], limit: int | None = None
) -> Delivered:
    """In slices, so that the instant a message is sent at stays that of the real clock."""
    done = Delivered()
    while limit is None or done.claimed < limit:
        size = _SLICE if limit is None else min(_SLICE, limit - done.claimed)
        part = deliver(database, channels, now(), size)
        done.add(part)
        if part.claimed < size:
            break
    return done


def words_of(done: Delivered) -> str:
    facts = done.facts()
    counts = ", ".join(f"{facts[name]} {name}" for name in ("sent", "refused", "retried", "unknown"))
    withheld = "".join(f", {number} withheld ({reason})" for reason, number in sorted(done.withheld.items()))
    return counts + withheld
