"""Asks before a campaign is paused or resumed, and does it."""

from __future__ import annotations

import shlex
from functools import partial
from typing import Any

from flowrules.monitor import orders
from flowrules.monitor.screens.dialogs import Answer, Question
from flowrules.monitor.screens.live import Live
from flowrules.report.words import counted
from flowrules.runtime.operate import Overdue

_OVERDUE: tuple[tuple[Overdue, str], ...] = (
    ("send", "Resume; send what was held, if it still may be sent"),
    ("skip", "Resume; what was held is skipped, and the journeys go on"),
    ("exit", "Resume; the journeys whose message was held end"),
)


def ask_pause(screen: Live[Any], campaign: str, state: str, in_journey: int) -> None:
    """Pause one that is live, resume one that is paused."""
    reader = screen.reader
    if state == "removed":
        screen.notify(f"{campaign} is not in force", markup=False)
    elif state == "paused":
        answers = [
            Answer(value, words, shlex.join(["flowrules", "resume", campaign, "--overdue", value]))
            for value, words in _OVERDUE
        ]

        def resume(chosen: str | None) -> None:
            for overdue in (value for value, _ in _OVERDUE if value == chosen):
                screen.order(partial(orders.resume, reader, campaign, overdue))

        said = "Who would have entered meanwhile has not, and does not now."
        screen.app.push_screen(Question(f"Resume {campaign}?", said, answers), resume)
    else:

        def pause(chosen: str | None) -> None:
            if chosen is not None:
                screen.order(partial(orders.pause, reader, campaign))

        said = (
            "From now on nobody enters and no message leaves. "
            f"{counted(in_journey, 'journey')} under way: each goes on to its next message and waits there; "
            "goals, exits and deadlines count as ever."
        )
        answer = Answer("pause", f"Yes, pause {campaign}", shlex.join(["flowrules", "pause", campaign]))
        screen.app.push_screen(Question(f"Pause {campaign}?", said, [answer]), pause)
