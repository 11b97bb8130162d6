"""Decisions as rows of a table, as they come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from flowrules.monitor.look import LOUD, words
from flowrules.monitor.widgets.listing import Column, Line
from flowrules.report.explain import Moment
from flowrules.report.explain_text import said
from flowrules.report.recent import Decided
from flowrules.report.words import clock, day

DECISION_COLUMNS = (
    Column("when", time=True),
    Column("customer"),
    Column("what"),
    Column("about", wide=True),
    Column("rule", spare=1),
    Column("campaign", spare=2),
)
"""Of all campaigns; the last falls away where there is only one."""
_ASKED = ("met", "timed_out", "branch")
"""What was asked or waited for says the line, and the step's name alone does not."""
_SEPARATOR = "\x1f"


def decision_lines(decided: Sequence[Decided], zone: str) -> Iterator[Line]:
    """The same row has the same key as long as it is shown."""
    seen: Counter[str] = Counter()
    today = None
    for each in decided:
        name = _SEPARATOR.join((each.customer, str(each.at), each.campaign, each.step or "", each.decision))
        seen[name] += 1
        this = day(each.at, zone)
        when = Text(this, "dim" if this == today else "", no_wrap=True).append(f" {clock(each.at, zone)}", "")
        today = this
        verb, about = said(_moment(each), zone)
        yield Line(
            f"{name}{_SEPARATOR}{seen[name]}",
            (
                when,
                words(each.customer, "bold"),
                words(verb, LOUD.get(each.decision, "")),
                words(about),
                words(each.rule, "dim"),
                words(each.campaign, "dim"),
            ),
            each.customer,
        )


def customer_of(key: str) -> str:
    return key.partition(_SEPARATOR)[0]


def _moment(each: Decided) -> Moment:
    """As a story tells it, so that both use the same words."""
    step = (each.step or "").rpartition("/")[2].partition(" #")[0]
    asked = each.decision in _ASKED or (each.decision == "wait" and step == "if")
    if asked and each.line is not None:
        step = each.line.partition("#")[0].strip().removesuffix(":")
    label = each.words or (each.decision != "withheld" and each.by) or step
    if each.decision == "branch" and each.words:
        label = f"{step}: {each.words}"
    return Moment(
        at=each.at,
        order=(0, 0),
        kind="decision",
        what=each.decision,
        label=label,
        campaign=each.campaign,
        reason=each.reason,
        rule=each.rule,
        until=each.until,
    )
