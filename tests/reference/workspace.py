"""Small workspaces for examples worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import ndiff
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from tests.reference.clock import microseconds
from tests.reference.interpreter import interpret
from tests.reference.scenario import Change, Consent, Customer, Event, Scenario
from tests.reference.show import line

if TYPE_CHECKING:
    from collections.abc import Iterable

DECLARATIONS = """\
attribute plan: text
attribute birthday: date
event begin:
    n: integer
event other
event login:
    n: integer
event purchase:
    amount: money
list robinson from "data/robinson.csv" by email
segment pro: plan is "pro"
"""
POLICY = """\
policy:
    time zone of customer, else "UTC"
    purpose marketing: unless refused
    purpose service: ask first
    class marketing: purpose marketing, limited, counted
    class service: purpose service, limited, counted
"""


def at(text: str) -> int:
    """`03-28 10:00` of 2026 in UTC; `03-28 10:00:00.000001` too."""
    return microseconds(datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC))


def did(what: str, *, who: str = "ana", happened: str | None = None, **properties: Any) -> Event:  # noqa: ANN401
    """`03-28 10:00 login`."""
    when, event = what.rsplit(" ", 1)
    return Event(who, event, at(happened or when), at(when), properties)


def changed(what: str, value: object, *, who: str = "ana") -> Change:
    when, attribute = what.rsplit(" ", 1)
    return Change(who, at(when), attribute, value)


def said(what: str, *, who: str = "ana", purpose: str = "marketing", happened: str | None = None) -> Consent:
    """`03-28 10:00 email refused`."""
    when, channel, state = what.rsplit(" ", 2)
    return Consent(who, channel, purpose, state, at(when), None if happened is None else at(happened))


ANA = Customer("ana", email="ana@example.com", phone="+34600000001")


def workspace(campaigns: str, *facts: Event | Change | Consent, policy: str = "", **fields: Any) -> Scenario:  # noqa: ANN401
    """Campaigns of class marketing, if they name none; deployed 2026-03-01, until the end of the year."""
    given: dict[str, Any] = {
        "deployed_at": at("03-01 00:00"),
        "until": at("12-31 00:00"),
        "customers": (ANA,),
        "zone": "UTC",
    } | fields
    lines = []
    for text in campaigns.strip("\n").splitlines():
        lines.append(text)
        if text.startswith("campaign ") and "class" not in campaigns:
            lines.append("    class marketing")
    indented = "".join(f"    {text}\n" for text in policy.splitlines())
    return Scenario(
        rules=DECLARATIONS + POLICY + indented + "\n".join(lines) + "\n",
        events=tuple(fact for fact in facts if isinstance(fact, Event)),
        changes=tuple(fact for fact in facts if isinstance(fact, Change)),
        consents=tuple(fact for fact in facts if isinstance(fact, Consent)),
        lists={"robinson": (("email", "ben@example.com"),)},
        **given,
    )


def ledger(scenario: Scenario, *, leave_out: Iterable[str] = (), rule: bool = False) -> str:
    """The ledger as lines, without the decisions an example is not about."""
    rows = [row for row in interpret(scenario) if row.decision not in leave_out]
    return "\n".join(line(row, rule=rule) for row in rows)


def expect(scenario: Scenario, lines: str, *, leave_out: Iterable[str] = (), rule: bool = False) -> None:
    got, wanted = ledger(scenario, leave_out=leave_out, rule=rule).splitlines(), cleandoc(lines).splitlines()
    assert got == wanted, "\n" + "\n".join(ndiff(wanted, got))
