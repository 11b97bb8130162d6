"""Ledger rows and their differences as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.reference import clock
from tests.reference.scenario import MINUTE, RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.reference.scenario import LedgerRow, Scenario

LAST_MICRO = 99_999
AROUND = 6


def instant(at: int) -> str:
    """UTC, `03-28 09:00`; seconds and smaller only where there are any."""
    return clock.moment(at).strftime("%m-%d %H:%M" if at % MINUTE == 0 else "%m-%d %H:%M:%S.%f")


def line(row: LedgerRow, *, rule: bool = False) -> str:
    """`03-28 09:00 ana 1.0 alpha#1 wait: lead/wait until=03-30 08:00`; micro 99999 is `end`."""
    number, micro = divmod(row.turn, 100_000)
    turn = f"{number}.{'end' if micro == LAST_MICRO else micro}"
    text = f"{instant(row.at)} {row.customer} {turn} {row.campaign}#{row.instance} {row.decision}"
    parts = [
        ("", f": {row.step}" if row.step is not None else None),
        (" ", row.reason),
        (" by=", row.by),
        (" counter=", row.counter),
        (" limit=", row.limit),
        (" window=", None if row.window is None else f"{row.window / (60 * MINUTE):g}h"),
        (" until=", None if row.until is None else instant(row.until)),
        (" words=", row.words),
        (" key=", row.key or None),
        (" rule=", row.rule.removeprefix(f"{RULES}:") if rule and row.rule else None),
    ]
    return text + "".join(f"{label}{value}" for label, value in parts if value is not None)


def difference(expected: Sequence[LedgerRow], got: Sequence[LedgerRow], scenario: Scenario) -> str:
    """The program and the first rows that differ, with their neighbours; empty where all are equal."""
    if list(expected) == list(got):
        return ""
    longest = max(len(expected), len(got))
    at = next(i for i in range(longest) if expected[i : i + 1] != got[i : i + 1])
    program = _numbered(scenario.rules)
    for each in scenario.deployments:
        program += f"\n\ndeployed {instant(each.at)}, canary {each.canary}:\n{_numbered(each.rules)}"
    window = range(max(0, at - AROUND), at + AROUND)
    sides = []
    for name, rows in (("reference", expected), ("engine", got)):
        lines = [f"{'>' if i == at else ' '} {line(rows[i], rule=True)}" for i in window if i < len(rows)]
        if at >= len(rows):
            lines.append("> (nothing)")
        sides.append(f"{name} ({len(rows)} rows), from row {window.start}:\n" + "\n".join(lines))
    shown = {row[at].customer for row in (expected, got) if at < len(row)}
    return "\n\n".join([program, _journal(scenario, shown), *sides])


def _numbered(rules: str) -> str:
    return "\n".join(f"{number:4} {text}" for number, text in enumerate(rules.splitlines(), 1))


def _journal(scenario: Scenario, customers: set[str]) -> str:
    """What is known of the customers of the rows that differ."""
    lines = [f"deployed {instant(scenario.deployed_at)} until {instant(scenario.until)} zone {scenario.zone}"]
    lines += [repr(each) for each in scenario.customers if each.id in customers]
    facts: list[tuple[int, str]] = []
    for event in scenario.events:
        if event.customer in customers:
            late = "" if event.event_time == event.at else f" (happened {instant(event.event_time)})"
            facts.append((event.at, f"{event.customer} {event.event} {dict(event.properties)}{late}"))
    facts += [
        (change.at, f"{change.customer} {change.attribute} := {change.value!r}")
        for change in scenario.changes
        if change.customer in customers
    ]
    facts += [
        (consent.at, f"{consent.customer} {consent.state} {consent.channel} for {consent.purpose}")
        for consent in scenario.consents
        if consent.customer in customers
    ]
    lines += [f"{instant(at)} {words}" for at, words in sorted(facts, key=lambda fact: fact[0])]
    return "\n".join(lines)
