"""A small deployed workspace in a real database, for tests of what follows the planner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flowrules.model.campaign import Model
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.model.values import coerce
from flowrules.runtime.answers import Answer
from flowrules.runtime.deploy import apply
from flowrules.runtime.tick import TickResult, tick
from flowrules.source import Source
from flowrules.store.columns import add_columns
from flowrules.store.database import Database
from flowrules.store.identity import IdentityKind
from flowrules.store.journal import NewConsent, NewCustomer, NewEvent, add_consents, add_customers, add_events
from tests.support.prepared import blank, checked, prepared

EMAIL, SMS = Channel("email", "email"), Channel("sms", "phone")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FLOW = """\
attribute first_name: text

event signup:
    source: text
event visit
event purchase:
    amount: money

campaign welcome "Welcome, new customer":
    class marketing
    enter when signup, once
    goal purchase within 30 days

    stage lead:
        send email hello (from_us "Music Shop", came_by entry.source)
        if email unopened after 2 days send sms nudge
        wait for visit up to 5 days, else exit "no answer"
        go to visited

    stage visited:
        send email thanks

policy:
    time zone of customer, else "Europe/Madrid"
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    cap 2 contacts per 7 days across email, sms
"""

TEMPLATES = {
    "email/hello.txt": "---\nsubject: Hello {{ customer.first_name | default('you') }}\n---\n"
    "From {{ message.from_us }}, you came by {{ message.came_by }}.\n",
    "email/hello.html": "<p>{{ customer.first_name }}</p>\n",
    "email/thanks.txt": "---\nsubject: Thanks\n---\nThank you.\n",
    "sms/nudge.txt": "Have a look.\n",
}


def at(text: str) -> int:
    """`2026-03-02 10:00`, in UTC, as microseconds."""
    return int((datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH).total_seconds()) * 1_000_000


START = at("2026-03-02 09:00")


@dataclass(slots=True)
class World:
    database: Database
    flow: str
    templates: dict[str, str]
    lists: Mapping[str, Sequence[tuple[IdentityKind, str]]] = field(default_factory=dict)
    channels: tuple[Channel, ...] = (EMAIL, SMS)
    _events: int = 0

    def snapshot(self) -> Snapshot:
        return Snapshot(
            sources=(Source("rules/welcome.flow", self.flow),),
            templates=tuple(
                Template(path.partition("/")[0], path.partition("/")[2].partition(".")[0], f"templates/{path}", text)
                for path, text in sorted(self.templates.items())
            ),
            lists=frozenset(f"data/{name}.csv" for name in self.lists),
            channels=self.channels,
            currency="EUR",
            zone="Europe/Madrid",
        )

    def model(self) -> Model:
        found = checked(self.snapshot())
        assert found.model is not None, found.diagnostics
        return found.model

    def apply(self, when: int = START) -> None:
        apply(self.database, self.snapshot(), self.model(), when, lists=self.lists)

    def customers(self, names: Iterable[str], *, consent: bool = True, **attributes: str | None) -> None:
        model = self.model()
        known = list(names)
        rows = []
        for number, name in enumerate(known):
            values = {"email": f"{name}@example.com", "phone": f"+3460000{number:04}", "first_name": name.title()}
            given = {key: value for key, value in {**values, **attributes}.items() if value is not None}
            rows.append(NewCustomer(name, START, given))
        with self.database.intake() as connection:
            add_columns(connection, model)
            add_customers(connection, model, rows, START)
        if consent:
            for channel in ("email", "sms"):
                self.consent(known, channel, "granted", START)

    def consent(self, names: Iterable[str], channel: str, state: str, when: int) -> None:
        records = [NewConsent(name, channel, "marketing", state, when, "test", when) for name in names]
        with self.database.intake() as connection:
            add_consents(connection, self.model(), records)

    def event(self, names: Iterable[str], event: str, when: int, **properties: object) -> None:
        model = self.model()
        types = {
            prop.name: prop.type for declared in model.events if declared.name == event for prop in declared.properties
        }
        stored = {key: coerce(value, types[key], "EUR", "UTC") for key, value in properties.items()}
        events = []
        for name in names:
            self._events += 1
            events.append(NewEvent(event, name, when, when, f"e{self._events}", stored))
        with self.database.intake() as connection:
            add_events(connection, model, events)

    def tick(self, now: int, answer: Answer | None = None) -> TickResult:
        return tick(self.database, now, answer=answer)


def world(
    url: str,
    flow: str = FLOW,
    templates: dict[str, str] | None = None,
    lists: Mapping[str, Sequence[tuple[IdentityKind, str]]] | None = None,
    channels: tuple[Channel, ...] = (EMAIL, SMS),
) -> World:
    """Deployed at START."""
    written = dict(TEMPLATES if templates is None else templates)

    def made(database: Database) -> World:
        return World(database, flow, written, lists or {}, channels)

    def deploy() -> None:
        database = blank(url, zone="Europe/Madrid")
        made(database).apply()
        database.close()

    return made(prepared(url, ("world", repr((flow, written, lists, channels))), deploy))


def signed_up(url: str, people: Sequence[str], tick: int) -> World:
    """Of the campaign above: they are about to get their first email."""
    made = world(url)
    made.customers(people)
    made.event(people, "signup", START + 60_000_000, source="fair")
    made.tick(tick)
    return made
