"""What a simulation did is what a test may expect, and its opposite is what it may not."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from flowrules.check import check
from flowrules.report.ledger import Choice, ledger
from flowrules.runtime.answers import silent
from flowrules.runtime.simulate import simulate
from flowrules.sql import tables
from flowrules.store.columns import add_columns
from flowrules.store.journal import (
    NewChange,
    NewConsent,
    NewCustomer,
    NewEvent,
    add_changes,
    add_consents,
    add_customers,
    add_events,
)
from tests.support.prepared import blank
from tests.trial.test_trial import RULES
from tests.trial.trials import play, workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULES_IN_UTC = (
    RULES.replace('"Europe/Madrid"', '"UTC"').replace("    hold out 10%\n", "").replace("    hold out 5%", "#")
)
WHAT = ("signed_up", "visit (pages 10)", "visit (pages 3)", "purchase (amount 3 EUR)", "refuses email",
        "consents to sms", "pro", "free")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    who: str
    hour: int
    what: str

    @property
    def at(self) -> datetime:
        return START + self.hour * HOUR

    @property
    def line(self) -> str:
        if self.what in {"pro", "free"}:
            return f'at {self.at:%Y-%m-%d %H:%M} set plan of {self.who} to "{self.what}"'
        does = "" if " email" in self.what or " sms" in self.what else "does "
        return f"at {self.at:%Y-%m-%d %H:%M} {self.who} {does}{self.what}"


FACTS = st.lists(
    st.builds(Fact, st.sampled_from(["ana", "ben"]), st.integers(0, 400), st.sampled_from(WHAT)), min_size=1, max_size=8
).map(lambda facts: sorted(facts, key=lambda fact: fact.hour))
PEOPLE = "".join(
    f'    given {name}:\n        email "{name}@example.com"\n        phone "+3460000000{n}"\n'
    "        consents to email\n"
    for n, name in enumerate(("ana", "ben"))
)


def micro(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def simulated(facts: list[Fact], folder: Path) -> list[tuple[datetime, str, str]]:
    """(instant, customer, message) of all that was sent, by `simulate`."""
    snapshot = workspace(RULES_IN_UTC)
    model = check(snapshot).model
    assert model is not None
    database = blank(f"sqlite:///{folder / 'copy.db'}")
    with database.intake() as connection:
        add_columns(connection, model)
        people = [
            NewCustomer(name, 0, {"email": f"{name}@example.com", "phone": f"+3460000000{number}"})
            for number, name in enumerate(("ana", "ben"))
        ]
        add_customers(connection, model, people, 0)
        purposes = ("marketing", "service")
        add_consents(
            connection, model, [NewConsent(p.id, "email", of, "granted", 0, "t", 0) for p in people for of in purposes]
        )
        for number, fact in enumerate(facts):
            at = micro(fact.at)
            event, _, values = fact.what.partition(" (")
            match event.split():
                case [("pro" | "free") as plan]:
                    add_changes(connection, [NewChange(fact.who, at, "plan", plan)])
                case ["refuses" | "consents", *_, channel]:
                    state = "refused" if event.startswith("refuses") else "granted"
                    records = [NewConsent(fact.who, channel, of, state, at, "t", at) for of in purposes]
                    add_consents(connection, model, records)
                case _:
                    words = values.rstrip(")").split()
                    properties = {} if not words else {words[0]: int(words[1]) * (100 if "EUR" in words else 1)}
                    add_events(connection, model, [NewEvent(event, fact.who, at, at, f"e{number}", properties)])
    until = micro(START + timedelta(days=60))
    simulate(database, snapshot, model, micro(START) - 3_600_000_000, until, answer=silent, out=folder / "out")
    with database.read() as connection:
        rows = [row for row in ledger(connection, Choice()) if row["decision"] == "send"]
        assert connection.execute(select(tables.contact.c.at)).all() or not rows
    database.close()
    return [
        (datetime.fromisoformat(str(row["at"])), str(row["customer"]), str(row["step"]).partition("/send ")[2])
        for row in rows
    ]


def as_test(title: str, facts: list[Fact], sent: list[tuple[datetime, str, str]], *, inverted: int | None) -> str:
    """Facts and messages by time, those of one time below one `at`."""
    lines: list[str] = []
    for at in sorted({fact.at for fact in facts} | {at for at, _, _ in sent}):
        lines += [fact.line for fact in facts if fact.at == at] or [f"at {at:%Y-%m-%d %H:%M}"]
        lines += [
            f"expect {'no ' if inverted == number else ''}{message.partition(' #')[0]} to {who}"
            for number, (when, who, message) in enumerate(sent)
            if when == at
        ]
    lines.append("expect ana not in stage news")
    return f'test "{title}":\n{PEOPLE}' + "".join(f"    {line}\n" for line in lines)


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(FACTS, st.data())
def test_what_a_simulation_sent_is_what_a_test_expects(facts: list[Fact], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sent = simulated(facts, Path(folder))
    tests = [as_test("as it was", facts, sent, inverted=None)]
    number = data.draw(st.integers(0, len(sent) - 1)) if sent else None
    if number is not None:
        tests.append(as_test("otherwise", facts, sent, inverted=number))
    as_it_was, *otherwise = play(RULES_IN_UTC, *tests)
    assert as_it_was.line is None, (as_it_was, tests[0])
    for result in otherwise:
        assert number is not None
        _, who, message = sent[number]
        assert result.line == f"expect no {message.partition(' #')[0]} to {who}", (result, tests[1])
