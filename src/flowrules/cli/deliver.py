"""`flowrules deliver`: what was decided to be sent is handed to the channels."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import click

from flowrules.channels.base import Channel
from flowrules.channels.mail import mailbox
from flowrules.channels.redirect import redirect
from flowrules.channels.registry import make_channels
from flowrules.cli import clock
from flowrules.cli.context import Context, UserError
from flowrules.cli.output import emit, formats
from flowrules.errors import StoreError
from flowrules.runtime.daily import DailyLimits
from flowrules.runtime.deliver import Delivered, Handed, deliver
from flowrules.store.database import Database
from flowrules.workspace import Workspace, smtp_settings

FOLDER = "outbox"
"""Where the file channels of a workspace write."""

_SLICE = 1000
_PAUSES = (1, 2, 4, 8, 15, 30)
"""Seconds, in which a database that was lost after a hand-over may come back: one that crashed takes its time."""


def address(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and mailbox(given) is None:
        raise click.BadParameter(f"{given!r} is no email address")
    return given


def channels_of(workspace: Workspace, redirect_to: str | None = None) -> Mapping[str, Channel]:
    """Ready to send; ChannelError: one lacks what it needs, such as its password."""
    types = {name: settings.type for name, settings in workspace.channels.items()}
    channels = make_channels(types, workspace.root / FOLDER, lambda name: smtp_settings(name, workspace.channels[name]))
    if redirect_to is None:
        return channels
    mail = [channel.name for channel in workspace.known_channels if channel.address == "email"]
    return redirect(channels, mail, redirect_to)


def daily_limits(workspace: Workspace) -> DailyLimits:
    limits = {name: settings.daily_limit for name, settings in workspace.channels.items()}
    return DailyLimits(workspace.zone, {name: limit for name, limit in limits.items() if limit is not None})


@click.command("deliver")
@click.option("--now", "at", metavar="TIME", help="The instant, where the workspace has a virtual clock.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many messages.")
@click.option(
    "--redirect-to", callback=address, metavar="ADDRESS", help="Every message to this address, not to its customer."
)
@formats("text", "json")
@click.pass_obj
def command(context: Context, *, at: str | None, limit: int | None, redirect_to: str | None, format_: str) -> None:
    """Hand over the messages that were decided, each tested again: consent, caps, journey, address.

    File channels append to outbox/CHANNEL.jsonl in the workspace. Redirected messages count as sent.
    """
    workspace = context.workspace()
    database = context.database(workspace)
    channels, daily = channels_of(workspace, redirect_to), daily_limits(workspace)
    now = clock.now(workspace, database, at)
    done = delivered(context, database, channels, daily, now if workspace.virtual_clock else clock.wall, limit)
    emit(format_, "deliver", done.facts(), words_of(done))
    if done.out:
        raise out_of_order(done)


def delivered(
    context: Context,
    database: Database,
    channels: Mapping[str, Channel],
    daily: DailyLimits,
    now: int | Callable[[], int],
    limit: int | None = None,
) -> Delivered:
    """In slices: what has become due meanwhile has its turn too."""
    done, handed = Delivered(), Handed()
    try:
        while limit is None or done.claimed < limit:
            upto = done.claimed + (_SLICE if limit is None else min(_SLICE, limit - done.claimed))
            deliver(database, channels, now, upto, daily, handed=handed, done=done)
            if done.claimed < upto:
                break
    except StoreError:
        for seconds in _PAUSES if handed.unsettled else ():  # nobody but we knows what came of it
            time.sleep(seconds)
            with suppress(StoreError):
                deliver(database, channels, now, 0, daily, handed=handed, done=done)
                break
        if done.claimed:
            context.note(f"until it broke off: {words_of(done)}{_not_written(len(handed.outcomes))}")
        raise
    return done


def _not_written(number: int) -> str:
    return f"; what came of {number} more is not written down: the next `deliver` asks its channel" if number else ""


def words_of(done: Delivered) -> str:
    facts = done.facts()
    counts = ", ".join(f"{facts[name]} {name}" for name in ("sent", "refused", "retried", "unknown"))
    withheld = "".join(f", {number} withheld ({reason})" for reason, number in sorted(done.withheld.items()))
    return counts + withheld


def out_of_order(done: Delivered) -> UserError:
    what = "; ".join(f"`{name}`: {why}" for name, why in sorted(done.out.items()))
    return UserError(
        f"a channel is out of order; its messages wait. {what}",
        "mend it or its settings in flowrules.toml; the next `flowrules deliver` goes on",
    )
