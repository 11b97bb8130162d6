"""The outbox, emptied: claim, test again, hand over, record.

Takes a database and channels; gives counts. Claim and test are one transaction, which leaves an attempt for every
message about to be handed over; outcomes are another. So whenever the process dies, what it was doing is written
down: an attempt without an end. Then the channel is asked; what it can not tell is `unknown`, and never sent again.
Several dispatchers may run; none holds a transaction open while a channel works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import (
    Connection,
    and_,
    func,
    or_,
    select,
)

from flowrules.channels.base import Accepted, Channel, ChannelError, Outcome, OutgoingMessage, Refused, Retry, Unknown
from flowrules.content.deployed import Deployed, Library
from flowrules.content.outgoing import KEY, Composed, Detail, Key, compose, id_of, key_of
from flowrules.content.render import TemplateFailure
from flowrules.model.campaign import Campaign, ExitOnEvent
from flowrules.runtime import doubts, outbox
from flowrules.runtime.addresses import addressed, suppressed
from flowrules.runtime.claim import PAUSES, claim
from flowrules.runtime.daily import DailyLimits, add, hold_back, room
from flowrules.runtime.gate import Candidate, Contact, Refusal, refusal
from flowrules.runtime.outbox import Attempt, End
from flowrules.runtime.recheck import Rechecked, recheck
from flowrules.runtime.sender import alive, sender
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.store.database import Database

NO_LIMITS = DailyLimits()
_NEVER = Retry("it was never handed over")
_FRESH = 120_000_000
"""Between the test of a message and its hand-over; a process that stood still, or a machine that slept, tests again."""

_MESSAGE = tables.message


@dataclass(slots=True)
class Delivered:
    """What became of messages, as far as it is written down. `claimed` counts them all. out: channels out of order, and
    why; what they were not asked about stays as it was.
    """

    sent: int = 0
    refused: int = 0
    retried: int = 0
    unknown: int = 0
    claimed: int = 0
    out: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, int] = field(default_factory=dict)

    def withhold(self, reason: Reason, number: int = 1) -> None:
        if number:
            self.withheld[reason.word] = self.withheld.get(reason.word, 0) + number

    def add(self, other: Delivered) -> None:
        self.sent += other.sent
        self.refused += other.refused
        self.retried += other.retried
        self.unknown += other.unknown
        self.claimed += other.claimed
        self.out |= other.out
        for word, number in other.withheld.items():
            self.withheld[word] = self.withheld.get(word, 0) + number

    def facts(self) -> dict[str, object]:
        return {
            "sent": self.sent,
            "refused": self.refused,
            "retried": self.retried,
            "unknown": self.unknown,
            "withheld": dict(sorted(self.withheld.items())),
        }


Clock = Callable[[], int]


@dataclass(slots=True)
class Handed:
    """What one dispatcher knows of its own attempts and the database perhaps does not; kept from call to call.

    sender: its name in the last call; outcomes: by message and attempt, of what it handed over; None: its channel is to
    be asked. unsettled: a call ended in the middle, perhaps with a claim that only the database knows of.
    """

    sender: str = ""
    outcomes: dict[tuple[Key, int], Outcome | None] = field(default_factory=dict)
    unsettled: bool = False


def deliver(
    database: Database,
    channels: Mapping[str, Channel],
    now: int | Clock,
    limit: int | None = None,
    daily: DailyLimits = NO_LIMITS,
    *,
    handed: Handed | None = None,
    done: Delivered | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Hand over what is due at `now`, until `limit` messages are claimed; with 0 only what was handed over is settled.

    now: a clock where it goes on meanwhile; a slow server may take minutes for one call, and each message is tested
    at the instant it leaves. handed: kept by who calls again: what a lost database left open is settled then without a
    doubt. done: counts that go on, those of `limit` too, and stay where this breaks off. stopped: asked between
    transactions.
    """
    done = Delivered() if done is None else done
    handed = Handed() if handed is None else handed
    known: dict[int, Deployed] = {}
    clock = now if callable(now) else partial(int, now)
    with sender() as name:
        _settle_the_dead(database, channels, clock(), done, handed)
        handed.sender, handed.outcomes = name, {}
        _settle_the_answered(database, clock())
        wanted = _wanted(database)
        handed.unsettled, broken = True, False
        for channel_id, channel_name in wanted:
            if channel_name not in channels:  # the others go on
                done.out[channel_name] = f"is no channel of flowrules.toml; messages wait for [channels.{channel_name}]"
                continue
            run = _Run(
                database, channels[channel_name], channel_id, channel_name, name, clock, known, done,
                daily.limits.get(channel_name), daily.day, handed,
            )  # fmt: skip
            try:
                _empty(run, limit, stopped)
            except ChannelError as failure:  # what it was handed is settled by the next call
                done.out[channel_name] = f"{failure.message}; {failure.hint}"
                broken = True
        handed.unsettled = broken
    return done


@dataclass(frozen=True, slots=True)
class _Run:
    database: Database
    channel: Channel
    channel_id: int
    channel_name: str
    sender: str
    clock: Clock
    known: dict[int, Deployed]
    done: Delivered
    per_day: int | None
    day_of: Callable[[int], int]
    handed: Handed


@contextmanager
def _counted(database: Database, done: Delivered) -> Iterator[tuple[Connection, Delivered]]:
    """A transaction, and counts that are part of `done` once it is committed."""
    part = Delivered()
    with outbox.writing(database) as connection:
        yield connection, part
    done.add(part)


def _wanted(database: Database) -> list[tuple[int, str]]:
    """With messages that are a dispatcher's; what is in doubt, or held by the planner, asks for no channel."""
    status, held = _MESSAGE.c.status, and_(_MESSAGE.c.status == Status.HELD, _MESSAGE.c.reason == Reason.TEMPLATE_ERROR)
    waiting = or_(status.in_((Status.INTENDED, Status.CLAIMED, Status.RETRYING)), held)
    with database.read() as connection:
        query = (
            select(tables.channel.c.id, tables.channel.c.name)
            .where(tables.channel.c.id.in_(select(_MESSAGE.c.channel_id).where(outbox.is_open(), waiting)))
            .order_by(tables.channel.c.name)
        )
        return [(row.id, row.name) for row in connection.execute(query)]


def _empty(run: _Run, limit: int | None, stopped: Callable[[], bool]) -> None:
    for status in (Status.INTENDED, Status.RETRYING, Status.HELD):
        after: Key | None = None
        while run.channel_name not in run.done.out and (limit is None or run.done.claimed < limit) and not stopped():
            size = run.channel.together if limit is None else min(run.channel.together, limit - run.done.claimed)
            with _counted(run.database, run.done) as (connection, part):
                now = run.clock()
                before = doubts.read(connection, run.channel_name)
                if before.rests(now):
                    run.done.out[run.channel_name] = before.words
                    return
                if run.per_day is not None:
                    size = min(size, room(connection, run.channel_id, run.day_of(now), run.per_day))
                    if size == 0:
                        part.withhold(Reason.SEND_LIMIT, hold_back(connection, run.channel_id, now))
                        return
                keys = claim(connection, run.channel_id, now, status, after, size)
                attempts = _test(connection, run, keys, status, part) if keys else []
                if run.per_day is not None:
                    add(connection, run.channel_id, run.day_of(now), len(attempts))
            if not keys:
                break
            after = max(keys)
            run.done.claimed += len(keys)
            if attempts:
                _hand_over(run, attempts, run.day_of(now), before)


# --- test again ---------------------------------------------------------------------------------------


def _test(connection: Connection, run: _Run, keys: Collection[Key], was: Status, done: Delivered) -> list[Attempt]:
    """Let through what may leave, with an attempt and its contact at this instant; settle the others."""
    rows = outbox.rows(connection, keys)
    # One dispatcher after the other, or two of them could fill the same slot. Not by locking the customers: a tick
    # that sets their attributes does so in an order of its own.
    outbox.wait_for_others(connection)
    now = run.clock()
    library = Library(connection, run.known)
    judged = {key_of(row): (row, end) for row, end in judge(connection, library, rows, now)}
    outbox.put_back(connection, [key for key in map(key_of, rows) if key not in judged], was)
    ends = [end for _, end in judged.values() if end is not None]
    for end in ends:
        if end.reason is not None:
            done.withhold(end.reason)
    outbox.finish(connection, now, ends)
    return outbox.begin(connection, now, run.sender, [row for row, end in judged.values() if end is None])


def judge(
    connection: Connection, library: Library, rows: Sequence[Detail], now: int
) -> Iterator[tuple[Detail, End | None]]:
    """What the gate says of each, in the order in which they contend for slots; None: it may leave. Left out is what
    the next tick has to decide on first.
    """
    newest = library.newest
    if newest is None:
        raise ValueError("messages without a deployment")
    customers = sorted({row.customer_id for row in rows})
    facts = _Facts(connection, newest, customers, now, recheck(connection, library, newest, rows, now))
    for row in sorted(rows, key=lambda row: (row.decided_at, row.turn, key_of(row))):
        own = library.of_version(row.version_id)
        campaign = newest.campaigns.get(row.campaign) or own.campaigns[row.campaign]
        if facts.unseen(row, own.campaigns[row.campaign]):
            continue
        send = own.machines[row.campaign].nodes[row.node].send
        expires_at = None if send is None or send.expires is None else (row.asked_at or row.decided_at) + send.expires
        against = refusal(facts.candidate(row, expires_at), campaign, newest.model.policy, now)
        if against is None and row.decided_at < facts.skipped_before.get(row.campaign_id, 0):
            against = Refusal(Reason.PAUSED, tables.OPERATOR)
        if against is None:
            facts.take_slot(row, campaign, now)
            yield row, None
            continue
        facts.free_slot(row)
        waits = own.campaigns[row.campaign].when_capped or newest.model.policy.when_capped
        back = against.reason in _COMES_BACK or (against.reason is Reason.CAPPED and waits is not None)
        status = Status.HELD if back else _STATUSES.get(against.reason, Status.SKIPPED)
        yield row, End(key_of(row), status, against.reason, back=back, place=against.place, by=against.by)


_STATUSES = {
    Reason.JOURNEY_ENDED: Status.CANCELLED, Reason.EXCLUDED: Status.CANCELLED, Reason.EXPIRED: Status.EXPIRED,
}  # fmt: skip
_COMES_BACK = (Reason.QUIET_UNTIL, Reason.ON_HOLD)
"""The planner decides on it once more."""


class _Facts:
    """What the gate needs to know of some customers, read at once."""

    def __init__(
        self,
        connection: Connection,
        newest: Deployed,
        customers: Sequence[int],
        now: int,
        rechecked: Rechecked,
    ) -> None:
        self._rechecked = rechecked
        self._addressed = addressed(connection, newest.model, customers)
        self._suppressed = suppressed(connection, newest.model, customers, now)
        enrollment = tables.enrollment.c
        live = select(enrollment.customer_id, enrollment.campaign_id, enrollment.instance).where(
            enrollment.customer_id.in_(customers), enrollment.ended_at.is_(None)
        )
        self._live = {tuple(row) for row in connection.execute(live)}
        consent = tables.consent.c
        states = (
            select(consent.customer_id, consent.channel, consent.purpose, consent.state)
            # By what has happened: one that came late is decided on in the next tick, and a refusal holds before.
            .where(consent.customer_id.in_(customers), consent.event_time <= now, consent.state != tables.OUTDATED)
            .order_by(consent.at, consent.seq)
        )
        self._consents: dict[tuple[int, str], dict[str, str]] = {}
        for row in connection.execute(states):
            self._consents.setdefault((row.customer_id, row.channel), {})[row.purpose] = row.state
        self._contacts: dict[int, dict[Key, Contact]] = {}
        for key, when, channel, counted in outbox.slots(connection, customers):
            self._contacts.setdefault(key[0], {})[key] = Contact(key, when, channel, counted)
        policy, customer, zone = newest.model.policy, tables.customer.c, tables.zone.c
        named = (
            select(customer.id, zone.name)
            .outerjoin_from(tables.customer, tables.zone, zone.id == customer.zone_id)
            .where(customer.id.in_(customers))
        )
        self._zones: dict[int, str] = {
            row.id: (policy.zone_of_customer and row.name) or policy.zone for row in connection.execute(named)
        }
        self._unseen = self._read_unseen(connection, customers, now)
        pause = tables.pause.c
        skipped = select(pause.campaign_id, func.max(pause.until)).where(pause.overdue == "skip")
        rows_of = connection.execute(skipped.group_by(pause.campaign_id))
        self.skipped_before = {campaign_id: until for campaign_id, until in rows_of}  # noqa: C416 -- rows, not pairs

    @staticmethod
    def _read_unseen(connection: Connection, customers: Sequence[int], now: int) -> dict[int, set[str]]:
        """Events that have happened and that the planner has not seen yet."""
        event = tables.event.c
        last_tick = select(tables.clock.c.last_tick).scalar_subquery()
        query = (
            select(event.customer_id, tables.event_type.c.name)
            .join_from(tables.event, tables.event_type, tables.event_type.c.id == event.type_id)
            .where(event.customer_id.in_(customers), event.at > last_tick, event.event_time <= now)
            .distinct()
        )
        unseen: dict[int, set[str]] = {}
        for row in connection.execute(query):
            unseen.setdefault(row.customer_id, set()).add(row.name)
        return unseen

    def unseen(self, row: Detail, campaign: Campaign) -> bool:
        """Has something happened that may end the journey? Then the next tick decides before the message leaves."""
        happened = self._unseen.get(row.customer_id)
        if not happened:
            return False
        ends = {clause.event.name for clause in campaign.exits if isinstance(clause, ExitOnEvent)}
        if campaign.goal is not None:
            ends.add(campaign.goal.event.name)
        return bool(happened & ends)

    def candidate(self, row: Detail, expires_at: int | None) -> Candidate:
        return Candidate(
            key=key_of(row),
            channel=row.channel,
            addressed=row.customer_id in self._addressed.get(row.channel, ()),
            ended=key_of(row)[:3] not in self._live,
            ends=self._rechecked.ends.get(key_of(row)[:3]),
            holds=self._rechecked.holds.get(key_of(row)[:3]),
            suppressed=self._suppressed.get(row.channel, {}).get(row.customer_id),
            consents=self._consents.get((row.customer_id, row.channel), {}),
            contacts=list(self._contacts.get(row.customer_id, {}).values()),
            zone=self._zones[row.customer_id],
            expires_at=expires_at,
        )

    def take_slot(self, row: Detail, campaign: Campaign, now: int) -> None:
        key = key_of(row)
        slot = Contact(key, now, row.channel, campaign.message_class.counted)
        self._contacts.setdefault(row.customer_id, {})[key] = slot

    def free_slot(self, row: Detail) -> None:
        self._contacts.get(row.customer_id, {}).pop(key_of(row), None)


# --- hand over ----------------------------------------------------------------------------------------


def _hand_over(run: _Run, attempts: Sequence[Attempt], day: int, before: doubts.Doubts) -> None:
    with run.database.read() as connection:
        salt = outbox.salt(connection)
        composed = list(compose(connection, Library(connection, run.known), [each.detail for each in attempts]))
    results: list[tuple[Attempt, Outcome | TemplateFailure]] = []
    out: Retry | None = None
    again: list[Attempt] = []
    for attempt, message in zip(attempts, composed, strict=True):
        if not message.reachable:
            again.append(attempt)
        elif isinstance(message.content, TemplateFailure):
            results.append((attempt, message.content))
        elif run.clock() - attempt.started_at > _FRESH:
            again.append(attempt)
        else:
            run.handed.outcomes[attempt.id] = None
            outcome = out or run.channel.send(as_outgoing(message, salt, attempt.started_at))
            if isinstance(outcome, Retry) and outcome.out:
                out = outcome
                run.done.out[run.channel_name] = outcome.why
            results.append((attempt, outcome))
    run.channel.flush()
    told = {each.id: got for each, got in results if not isinstance(got, TemplateFailure)}
    run.handed.outcomes.update(told)
    with _counted(run.database, run.done) as (connection, part):
        _record(connection, attempts[0].started_at, results, part)  # when they left, however long that took
        _give_back(connection, attempts[0].started_at, again, "not sent: to be tested again")
        doubts.write(connection, before, run.clock(), told.values())
        if run.per_day is not None:
            taken = sum(isinstance(result, Accepted | Unknown) for _, result in results)
            add(connection, run.channel_id, day, taken - len(attempts))
    for each in attempts:
        run.handed.outcomes.pop(each.id, None)


def _record(
    connection: Connection, now: int, results: Sequence[tuple[Attempt, Outcome | TemplateFailure]], done: Delivered
) -> None:
    still = outbox.under_way(connection, [attempt.key for attempt, _ in results])
    ends: list[End] = []
    closed: list[tuple[Attempt, str]] = []
    for attempt, result in results:
        if attempt.id not in still:
            continue  # taken for dead and settled by another dispatcher meanwhile
        closed.append((attempt, _word(result)))
        ends.append(_end(attempt, result, done))
    outbox.close(connection, now, closed)
    outbox.finish(connection, now, ends)


def _end(attempt: Attempt, result: Outcome | TemplateFailure, done: Delivered) -> End:
    match result:
        case Accepted():
            done.sent += 1
            return End(attempt.key, Status.SENT, None)
        case Refused():
            done.refused += 1
            return End(attempt.key, Status.REFUSED, Reason.REFUSED)
        case Retry(out=False) if attempt.own > len(PAUSES):
            done.withhold(Reason.EXPIRED)
            return End(attempt.key, Status.EXPIRED, Reason.EXPIRED)
        case Retry():
            done.retried += 1
            return End(attempt.key, Status.RETRYING, None)
        case Unknown():
            done.unknown += 1
            return End(attempt.key, Status.UNKNOWN, Reason.OUTCOME_UNKNOWN)
        case TemplateFailure():
            done.withhold(Reason.TEMPLATE_ERROR)
            return End(attempt.key, Status.HELD, Reason.TEMPLATE_ERROR)


def _word(result: Outcome | TemplateFailure) -> str:
    match result:
        case Accepted():
            return "accepted"
        case TemplateFailure():
            return f"template_error: {result.place}: {result.message}"
        case Retry(out=True):
            return f"{outbox.OUT}{result.why}"
        case _:
            return f"{type(result).__name__.lower()}: {result.why}"


# --- after a crash ------------------------------------------------------------------------------------


def _settle_the_dead(
    database: Database, channels: Mapping[str, Channel], now: int, done: Delivered, handed: Handed
) -> None:
    """Attempts whose sender is gone: their channel is asked what became of them. Of its own a dispatcher knows."""
    with database.read() as connection:
        dead = [each for each in outbox.unfinished(connection) if not alive(each.sender, each.attempt.started_at, now)]
        salt = outbox.salt(connection) if dead else ""
    own = {each.attempt.id: each.attempt for each in dead if each.sender == handed.sender}
    if own:
        _settle_our_own(database, now, own.values(), handed, done)
    dead = [each for each in dead if each.attempt.id not in own or handed.outcomes.get(each.attempt.id, _NEVER) is None]
    for name in sorted({each.attempt.detail.channel for each in dead} & channels.keys()):
        keys = {
            _idempotency_key(salt, id_of(each.attempt.detail)): each.attempt
            for each in dead
            if each.attempt.detail.channel == name
        }
        try:
            told = channels[name].settle(list(keys))
        except ChannelError as failure:
            done.out[name] = f"{failure.message}; {failure.hint}"
            continue
        with _counted(database, done) as (connection, part):
            again = [attempt for key, attempt in keys.items() if isinstance(told.get(key), Retry)]
            _give_back(connection, now, again, "not sent: the program ended before")
            others = [
                (attempt, told.get(key, Unknown("the program ended while it was being sent")))
                for key, attempt in keys.items()
                if not isinstance(told.get(key), Retry)
            ]
            _record(connection, now, others, part)


def _settle_our_own(database: Database, now: int, own: Collection[Attempt], handed: Handed, done: Delivered) -> None:
    """The database was gone before it could be written down."""
    never = [attempt for attempt in own if attempt.id not in handed.outcomes]
    known = [(attempt, got) for attempt in own if (got := handed.outcomes.get(attempt.id)) is not None]
    with _counted(database, done) as (connection, part):
        _give_back(connection, now, never, "not sent: the database could not be used")
        _record(connection, now, known, part)


def _give_back(connection: Connection, now: int, attempts: Sequence[Attempt], why: str) -> None:
    """To be tested again at once, not after a pause: nothing speaks against the messages."""
    still = outbox.under_way(connection, [attempt.key for attempt in attempts])
    open_ = [attempt for attempt in attempts if attempt.id in still]
    outbox.close(connection, now, [(attempt, why) for attempt in open_])
    outbox.put_back(connection, [attempt.key for attempt in open_], Status.INTENDED)


def _settle_the_answered(database: Database, now: int) -> None:
    """Of unknown outcome, but somebody has had them: they were sent."""
    event, message = tables.event.c, _MESSAGE.c
    proof = [f"%\\_{word}" for word in ("delivered", "opened", "clicked", "replied")]
    answered = (
        select(*(message[name] for name in KEY))
        .join_from(
            _MESSAGE,
            tables.event,
            and_(
                event.customer_id == message.customer_id,
                event.ref_campaign_id == message.campaign_id,
                event.ref_instance == message.instance,
                event.ref_step_id == message.step_id,
                event.ref_pass == message["pass"],
            ),
        )
        .join(tables.event_type, tables.event_type.c.id == event.type_id)
        .where(
            outbox.is_open(),
            message.status == Status.UNKNOWN,
            or_(*(tables.event_type.c.name.like(words, escape="\\") for words in proof)),
        )
    )
    with database.read() as connection:
        if connection.execute(answered).first() is None:
            return
    with outbox.writing(database) as connection:
        # Locked: another dispatcher, or a person, may settle them at this moment.
        keys = {key_of(row) for row in connection.execute(answered.with_for_update(of=_MESSAGE))}
        outbox.finish(connection, now, [End(key, Status.SENT, None) for key in sorted(keys)])


# --- words for channels -------------------------------------------------------------------------------


def as_outgoing(message: Composed, salt: str, sent_at: int) -> OutgoingMessage:
    detail = message.detail
    _, _, instance, _, number = key_of(detail)
    content = message.content
    if isinstance(content, TemplateFailure):
        raise TypeError(content)
    return OutgoingMessage(
        message_id=message.message_id,
        idempotency_key=_idempotency_key(salt, message.message_id),
        customer=detail.customer,
        campaign=detail.campaign,
        version=detail.version,
        instance=instance,
        stage=detail.stage,
        step=detail.step,
        pass_=number,
        rule=detail.rule,
        channel=detail.channel,
        template=message.template,
        class_=message.class_,
        to=message.to,
        subject=content.subject,
        text=content.text,
        html=content.html,
        decided_at=detail.decided_at,
        sent_at=sent_at,
        token=message.token,
        purpose=message.purpose,
        marketing=message.marketing,
        unsubscribe_token=message.unsubscribe_token,
        unsubscribe_url=message.unsubscribe_url,
    )


def _idempotency_key(salt: str, name: str) -> str:
    """Of this message in this database: a new database may well send a message of the same name."""
    return hashlib.sha256(f"{salt}/{name}".encode()).hexdigest()[:32]
