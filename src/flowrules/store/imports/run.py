"""One import from the first row to the last.

Takes a file and the model, gives the counts, the rows refused and what else to tell. The same file again, or the
same file grown, adds exactly what is new. A dry run does everything and takes it back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from sqlalchemy import Connection, func, or_, select

from flowrules.errors import StoreError
from flowrules.model.campaign import Model
from flowrules.model.schema import Type
from flowrules.sql import tables
from flowrules.sql.codes import Status
from flowrules.store.bulk import among
from flowrules.store.columns import add_columns
from flowrules.store.customers import (
    NewCustomer,
    add_customers,
    as_address,
    find_customers,
    find_ids,
    identified_by,
    shared,
)
from flowrules.store.database import Database
from flowrules.store.imports.about import Names
from flowrules.store.imports.reading import Row, RowFile, open_rows
from flowrules.store.imports.records import (
    DATES,
    NUMBERS,
    ConsentRows,
    CustomerRows,
    EventRows,
    Fields,
    Notes,
    Options,
    Reaction,
    RejectedError,
)
from flowrules.store.imports.seen import Seen
from flowrules.store.imports.survey import Watched, survey
from flowrules.store.imports.unsubscribes import channel_of
from flowrules.store.journal import NewConsent, NewEvent, Ref, Taken, add_consents, add_events
from flowrules.store.refusals import REFUSING
from flowrules.store.zones import BEGINNING, END

T = TypeVar("T")
What = Literal["customers", "events", "consents"]

_KEPT = 1_000
_TOLERATED = 86_400_000_000  # clocks of others may be fast, and days be counted elsewhere
_COMES = "lies in the future; it counts once it has come"
_AT_ONCE = "lies in the future; the refusal counts at once"  # as any: a clock that is fast lets no message out
_SECOND = 1_000_000
_BATCH = 10_000  # rows a transaction: a tick beside it waits for one batch, not for the file


@dataclass(frozen=True, slots=True)
class Reject:
    row: Row
    reason: str


Sink = Callable[[Reject, tuple[str, ...] | None], None]
"""Gets every row refused, with the columns of the file (None: of JSON)."""


@dataclass(frozen=True, slots=True)
class ReadAs:
    """What was decided of the file, as it is told; `decimal` and `dates` None: nothing had to be."""

    encoding: str
    separator: str | None
    decimal: str | None
    dates: str | None


@dataclass(slots=True)
class Imported:
    """`rejects`: the first of them, in order of line; the sink of the import gets all."""

    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    read_as: ReadAs | None = None
    said: tuple[str, ...] = ()
    kept: bool = True
    """False: nothing was stored (a dry run, or a reject where none was allowed)."""

    pending: list[Reject] = field(default_factory=list)

    def refuse(self, row: Row, reason: str) -> None:
        self.pending.append(Reject(row, reason))

    def settle(self, sink: Sink, columns: tuple[str, ...] | None) -> None:
        """Hand out what one batch has refused."""
        for reject in sorted(self.pending, key=lambda reject: reject.row.line):
            sink(reject, columns)
            if len(self.rejects) < _KEPT:
                self.rejects.append(reject)
        self.rejected += len(self.pending)
        self.pending.clear()


class _TakeBackError(Exception):
    pass


def import_file(
    database: Database,
    model: Model,
    what: What,
    path: Path,
    options: Options,
    *,
    now: int,
    encoding: str | None = None,
    separated: str | None = None,
    dry_run: bool = False,
    strict: bool = False,
    progress: Callable[[int], None] = lambda _rows: None,
    sink: Sink = lambda _reject, _columns: None,
) -> Imported:
    """`strict`: one reject and nothing is stored. `now`: the instant of what names none, of customers known before."""
    file = open_rows(path, encoding=encoding, separated=separated)
    result, notes = Imported(), Notes()
    if file.columns is not None:
        options = _surveyed(file, _watched(what, model, options), options, result)
    result.said = (*file.said, *result.said)
    with closing(Seen()) as seen, database.session() as session:
        take = _TAKERS[what](model, Fields(file.name, file.columns, options), options, notes, now, seen)
        if file.unnamed:
            result.notes.append(f"{file.name} has {file.unnamed} column(s) without a name, left out")

        @contextmanager
        def intake() -> Iterator[Connection]:
            with database.intake(session) as connection:
                if result.read == 0:
                    _ready(connection, model)
                yield connection

        if dry_run or strict:
            with suppress(_TakeBackError), intake() as connection:
                for rows in _batches(file.rows):
                    take(connection, rows, result)
                    result.settle(sink, file.columns)
                    progress(result.read)
                result.kept = not (dry_run or result.rejected)
                _end(result)
        else:
            for rows in _batches(file.rows):
                with intake() as connection:
                    take(connection, rows, result)
                result.settle(sink, file.columns)
                progress(result.read)
    result.notes += notes.lines()
    return result


def _watched(what: What, model: Model, options: Options) -> dict[str, Watched]:
    """The columns whose numbers and dates must be understood alike."""
    if what == "consents":
        fields: list[tuple[str, Type]] = []
    elif what == "customers":
        fields = [(each.name, each.type) for each in model.attributes]
    else:
        events = [event for event in model.events if options.event in {None, event.name}]
        fields = [(each.name, each.type) for event in events for each in event.properties]
    watched: dict[str, Watched] = {}
    for name, type_ in fields:
        if type_.kind in NUMBERS:
            watched[options.columns.get(name, name)] = "number"
        elif type_.kind in DATES:
            watched[options.columns.get(name, name)] = "date"
    if what != "customers" or "time" in options.columns:
        watched[options.columns.get("time", "time")] = "date"
    return watched


def _surveyed(file: RowFile, watched: Mapping[str, Watched], options: Options, result: Imported) -> Options:
    written = survey(file.rows, watched, options.times, options.decimal)
    result.said = written.said
    result.read_as = ReadAs(
        file.encoding.codec.removesuffix("-sig"),
        file.separator,
        written.decimal if "number" in watched.values() else None,
        options.times.format or {"DMY": "DD/MM/YYYY", "MDY": "MM/DD/YYYY", None: None}[written.times.order],
    )
    return replace(options, times=written.times, decimal=written.decimal)


def _end(result: Imported) -> None:
    """Leave the transaction by an exception, which undoes it."""
    if not result.kept:
        raise _TakeBackError


def _ready(connection: Connection, model: Model) -> None:
    """What the rule files declare has its columns, and numbers have their region, applied or not."""
    identified_by(connection, model.region, None, connection.execute(select(tables.clock.c.target)).scalar_one() + 1)
    for changed in add_columns(connection, model):
        was = "text" if changed.was_textual else "numbers"
        raise StoreError(
            f"the attribute `{changed.attribute.name}` is now {changed.attribute.type.kind.value}, "
            f"but the database holds {was} for it",
            "give the attribute its old type, or a new name",
        )


class _Customers:
    def __init__(self, model: Model, fields: Fields, options: Options, notes: Notes, now: int, seen: Seen) -> None:
        self.rows = CustomerRows(model, fields, options, notes, seen)
        self.model, self.source, self.now, self.notes = model, fields.file, now, notes
        self.purposes = [purpose.name for purpose in model.policy.purposes if purpose.asks_first]
        self.known_only = options.known_only

    def __call__(self, connection: Connection, rows: Sequence[Row], result: Imported) -> None:
        records = _records(rows, self.rows.record, result)
        if self.known_only:
            known = find_ids(connection, [customer.id for _, (customer, _) in records])
            for row, (customer, _) in records:
                if customer.id not in known:
                    result.refuse(row, f"there is no customer `{customer.id}`")
            records = [each for each in records if each[1][0].id in known]
        verdicts = list(add_customers(connection, self.model, [each for _, (each, _) in records], self.now).verdicts)
        given = (str(customer.attributes.get("email") or "") for _, (customer, _) in records)
        self.notes.shared.update(shared(connection, given))
        said = [(position, customer, said) for position, (_, (customer, said)) in enumerate(records) if said]
        for position in self._consents(connection, said, verdicts):
            if verdicts[position] == "unchanged":
                verdicts[position] = "changed"
        result.added += verdicts.count("added")
        result.changed += verdicts.count("changed")
        result.unchanged += verdicts.count("unchanged")

    def _consents(
        self, connection: Connection, given: Sequence[tuple[int, NewCustomer, Mapping[str, bool]]], verdicts: list[str]
    ) -> set[int]:
        """Record what differs from the latest; the positions of whom it differs for.

        A column of a customers file says nothing of when: it may be older than a refusal, and never undoes one.
        """
        if not given:
            return set()
        ids = find_ids(connection, [customer.id for _, customer, _ in given])
        consent = tables.consent.c
        latest = {
            (row.customer_id, row.channel, row.purpose): row.state
            for row in connection.execute(
                select(consent.customer_id, consent.channel, consent.purpose, consent.state)
                .where(among(connection, consent.customer_id, sorted(ids.values())), consent.state != tables.OUTDATED)
                .order_by(consent.at, consent.seq)
            )
        }
        new, whose = [], set()
        for position, customer, said in given:
            at = customer.known_at if verdicts[position] == "added" else self.now
            for channel, granted in sorted(said.items()):
                for purpose in self.purposes:
                    before = latest.get((ids[customer.id], channel, purpose))
                    if granted == (before == "granted") and before is not None:
                        continue
                    if granted and before is not None:
                        self.notes.still_refused += 1
                        continue
                    state = "granted" if granted else "withdrawn" if before else "refused"
                    new.append(NewConsent(customer.id, channel, purpose, state, at, self.source, at))
                    whose.add(position)
        add_consents(connection, self.model, new)
        return whose


class _Events:
    def __init__(self, model: Model, fields: Fields, options: Options, notes: Notes, now: int, seen: Seen) -> None:
        self.now = END if now == BEGINNING else now
        self.rows = EventRows(model, fields, options, notes, seen)
        self.model, self.known_only, self.notes = model, options.known_only, notes

    def __call__(self, connection: Connection, rows: Sequence[Row], result: Imported) -> None:
        names = Names(connection)
        records = _records(rows, lambda row: self.rows.record(row, names), result)
        found = _messages(connection, [event_about for _, event_about in records])
        events: list[tuple[Row, NewEvent]] = []
        for position, (row, (event, reaction)) in enumerate(records):
            if reaction is None:
                events.append((row, event))
            elif position in found:
                events.append((row, self.rows.about(event, found[position])))
            else:
                try:
                    self.rows.unfound(row, event, reaction)
                    events.append((row, event))
                except RejectedError as wrong:
                    result.refuse(row, str(wrong))
        taken = add_events(
            connection, self.model, [self._told(event) for _, event in events], known_only=self.known_only
        )
        _count(taken, events, result)
        self.notes.made += filter(as_address, taken.made)
        for row, event in events:
            if event.event_time - _TOLERATED > self.now:
                self.notes.bad_value(row.line, "time", _COMES if event.withdrawal is None else _AT_ONCE)
        for position in taken.differing:
            row, event = events[position]
            known = event.key.partition("/")[2]
            self.notes.bad_value(row.line, "id", f"`{known}` is known with other content, which stays")

    def _told(self, event: NewEvent) -> NewEvent:
        if event.withdrawal is None or event.event_time <= self.now:
            return event
        return event._replace(withdrawal=replace(event.withdrawal, told=self.now))


class _Consents:
    def __init__(self, model: Model, fields: Fields, options: Options, notes: Notes, now: int, seen: Seen) -> None:
        self.now = END if now == BEGINNING else now
        self.rows = ConsentRows(model, fields, options, notes, seen)
        self.model, self.known_only, self.notes = model, options.known_only, notes

    def __call__(self, connection: Connection, rows: Sequence[Row], result: Imported) -> None:
        records = _records(rows, self.rows.record, result)
        told = [
            replace(each, told=self.now) if each.state in REFUSING and each.event_time > self.now else each
            for _, each in records
        ]
        taken = add_consents(connection, self.model, told, known_only=self.known_only)
        _count(taken, records, result)
        self.notes.made += filter(as_address, taken.made)
        for row, consent in records:
            if consent.event_time - _TOLERATED > self.now:
                self.notes.bad_value(row.line, "time", _AT_ONCE if consent.state in REFUSING else _COMES)
        for position in taken.differing:
            self.notes.bad_value(records[position][0].line, "source", "or proof is another than is known, which stays")


_TAKERS: dict[What, type[_Customers | _Events | _Consents]] = {
    "customers": _Customers,
    "events": _Events,
    "consents": _Consents,
}


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _records(rows: Sequence[Row], read: Callable[[Row], T], result: Imported) -> list[tuple[Row, T]]:
    result.read += len(rows)
    records = []
    for row in rows:
        if row.wrong is not None:
            result.refuse(row, row.wrong)
            continue
        try:
            records.append((row, read(row)))
        except RejectedError as wrong:
            result.refuse(row, str(wrong))
    return records


def _count(taken: Taken, records: Sequence[tuple[Row, NewEvent | NewConsent]], result: Imported) -> None:
    result.added += taken.added
    result.unchanged += taken.known
    for position in taken.strangers:
        row, record = records[position]
        refuses = record.withdrawal if isinstance(record, NewEvent) else record.state in REFUSING
        kept = "; the refusal is kept for whoever comes with this address"
        result.refuse(
            row, f"there is no customer `{record.customer}`{kept if refuses and as_address(record.customer) else ''}"
        )


def _messages(connection: Connection, events: Sequence[tuple[NewEvent, Reaction | None]]) -> dict[int, Ref]:
    """For each position whose event names a template: the latest such message sent before it, or in its second."""
    asked = [(position, event, about) for position, (event, about) in enumerate(events) if about is not None]
    if not asked:
        return {}
    who = find_customers(connection, {event.customer for _, event, _ in asked})
    step, campaign, message = tables.step.c, tables.campaign.c, tables.message.c
    wanted = {about for _, _, about in asked}
    steps: dict[int, tuple[set[Reaction], str, str]] = {}
    for number, name, key in connection.execute(
        select(step.id, campaign.name, step.key).where(campaign.id == step.campaign_id)
    ):
        _, _, template = key.partition("/")[2].partition(" #")[0].removeprefix("send ").partition(" ")
        named = {Reaction(channel, template) for channel in (channel_of(key), None)} & wanted
        if named:
            steps[number] = named, name, key
    if not steps or not who:
        return {}
    sent: dict[tuple[int, Reaction], list[tuple[int, Ref]]] = defaultdict(list)
    # One whose outcome is in doubt may have left any time since it was decided.
    since = func.coalesce(message.sent_at, message.decided_at).label("since")
    query = select(message.customer_id, message.step_id, message.instance, message["pass"], since).where(
        among(connection, message.customer_id, sorted(set(who.values()))),
        among(connection, message.step_id, sorted(steps)),
        or_(message.sent_at.is_not(None), message.status.in_((Status.UNKNOWN, Status.CLAIMED))),
        message.status != Status.GHOST,
    )
    for customer, step_id, instance, number, sent_at in connection.execute(query.order_by(since)):
        named, name, key = steps[step_id]
        for about in named:
            sent[customer, about].append((sent_at, ("", name, instance, key, number)))
    found = {}
    for position, event, about in asked:
        mine = sent.get((who.get(event.customer, 0), about), [])
        # Whoever tells times by the second tells an open before the message was sent.
        before = bisect_right(mine, event.event_time // _SECOND, key=lambda one: one[0] // _SECOND)
        if before:
            found[position] = (event.customer, *mine[before - 1][1][1:])
    return found
