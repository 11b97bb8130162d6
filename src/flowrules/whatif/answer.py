"""Of each message that was not sent, or not yet: the smallest change of what stopped it by which it would have been.
And of each decision by a condition: what its parts found.

Takes a connection, a customer and an instant; gives Answers. The planner computes them, and where it can not that is
said: what happened is played first, and nothing is answered about decisions that come out otherwise than they stand in
the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

from sqlalchemy import Connection, select

from flowrules.content.deployed import Deployed, Library
from flowrules.report.asked import asked
from flowrules.report.clauses import Clause
from flowrules.report.ledger import WITHIN_TURN, Decided, decisions
from flowrules.report.lookup import find_campaign, find_customer, reason
from flowrules.report.supposed import Answers, Supposed, Where
from flowrules.report.words import message, moment
from flowrules.sql import tables as t
from flowrules.sql.codes import HELD_REASONS, Decision, Reason
from flowrules.sql.visits import of_customer
from flowrules.whatif import changes
from flowrules.whatif.changes import Fact, Rule
from flowrules.whatif.looks import Look, conclusive
from flowrules.whatif.record import NotOnRecordError, Record, record
from flowrules.whatif.replay import Aside, Ledger, Otherwise, Stage, differ, staged

MOST_RUNS = 8
FEWEST_RUNS = 3
MOST_MADE_READY = 120
"""Times that the planner runs over the customer, and makes a deployment ready in all of them: a support person waits
for it.
"""
HIGHEST = 4
"""Limits that are tried of a cap, from the next one on."""
MOST_LOOKS = 60
"""Decisions of one customer whose condition is looked at, the newest."""

_TOO_MANY = "not computed: there is too much of this customer; name a campaign"


def suppose(
    connection: Connection, customer: str, campaign: str | None, zone: str, at: int, known: dict[int, Deployed]
) -> Answers:
    """With what was known up to the instant `at`. zone: the customer's, for people; known: see Library."""
    with supposing(connection, customer, campaign, zone, at, known) as answers:
        return answers()


@contextmanager
def supposing(
    connection: Connection, customer: str, campaign: str | None, zone: str, at: int, known: dict[int, Deployed]
) -> Iterator[Callable[[], Answers]]:
    """As suppose(); what is given needs the connection no more."""
    number = find_customer(connection, customer)
    query = decisions().where(of_customer(number), t.decision.c.at <= at)
    if campaign is not None:
        query = query.where(t.decision.c.campaign_id == find_campaign(connection, campaign))
    library = Library(connection, known)
    e = t.enrollment.c
    held_out = select(e.campaign_id, e.instance).where(e.customer_id == number, e.ghost > 0)
    ghosts = {tuple(row) for row in connection.execute(held_out)}
    rows = connection.execute(query.order_by(t.decision.c.at, t.decision.c.turn, *WITHIN_TURN)).all()
    kept = [row for row in rows if _may_ask(row, ghost=(row.campaign_id, row.instance) in ghosts)]
    changed = [(row, change) for row in kept if (change := _change(connection, library, row, rows)) is not None]
    looked: dict[Where, tuple[Clause, ...]] = {}
    looks = list(_looks(library, rows, looked))
    if not changed and not looks:
        yield Answers
        return
    try:
        past = record(connection, library, number, zone, at)
    except NotOnRecordError as failure:
        unknown = Answers({_where(row): _unknown(change, str(failure)) for row, change in changed})
        yield lambda: unknown
        return
    with staged(connection, past) as stage:
        yield lambda: _Answering(stage, past, looks, looked).of(changed)


def _looks(library: Library, rows: Sequence[Decided], looked: dict[Where, tuple[Clause, ...]]) -> Iterator[Look]:
    """At what the conditions found that decided these rows."""
    left = MOST_LOOKS
    for row in reversed(rows):
        condition = asked(row, library.in_force(row.at), library.of_version(row.version_id)) if left else None
        if condition is not None:
            left -= 1
            yield Look(row, condition, partial(looked.__setitem__, _where(row)))


def _may_ask(row: Decided, *, ghost: bool) -> bool:
    """Of who is held out only that would have changed anything."""
    match row.decision:
        case Decision.WITHHELD | Decision.OUTCOME:
            return not ghost and (row.reason in _OF_MESSAGES or row.reason in _OF_BOTH or row.reason in _LEFT)
        case Decision.SEND:
            return bool(row.reason == Reason.HELD_OUT)
        case Decision.NOT_ENTERED | Decision.EXIT:
            return bool(row.reason == Reason.EXCLUDED)
        case _:
            return False


_FOLLOWING = frozenset({Decision.NOT_ENTERED, Decision.EXIT})
"""Of these it is asked which message would then have followed."""

_OF_MESSAGES: Mapping[int, Callable[[Decided, Deployed], Rule | Fact | None]] = {
    Reason.CAPPED: changes.cap,
    Reason.QUIET_UNTIL: changes.quiet,
    Reason.ON_HOLD: changes.hold,
    Reason.EXPIRED: changes.expiry,
    Reason.NO_CONSENT: changes.consent,
    Reason.UNSUBSCRIBED: changes.consent,
    Reason.NO_ADDRESS: changes.address,
}

_OF_BOTH = frozenset({Reason.PAUSED, Reason.SUPPRESSED, Reason.EXCLUDED})


_LEFT: Mapping[int, tuple[Decision, Callable[[Decided, Deployed | None, Deployed], Rule | None]]] = {
    Reason.JOURNEY_ENDED: (Decision.EXIT, changes.ending),
    Reason.MOVED_ON: (Decision.INTERRUPTED, changes.leading_away),
}
"""Of messages that the journey went away from: by which row, and what would have kept it."""


def _change(  # noqa: PLR0911  # one case a reason
    connection: Connection, library: Library, row: Decided, rows: Sequence[Decided]
) -> Rule | Fact | None:
    if row.reason in _LEFT and row.decision in {Decision.WITHHELD, Decision.OUTCOME}:
        return _leaving(library, row, rows)
    if row.reason == Reason.PAUSED:
        return changes.pause(connection, row)
    if row.reason == Reason.SUPPRESSED:
        return changes.suppression(row)
    if row.reason == Reason.HELD_OUT:
        return changes.holdout(_holdout(connection, row))
    deployed = library.in_force(row.at)
    if deployed is None or row.campaign not in deployed.campaigns:
        return None
    if row.reason == Reason.EXCLUDED:
        return changes.exclusion(row, deployed)
    return _OF_MESSAGES[row.reason](row, deployed)


def _leaving(library: Library, row: Decided, rows: Sequence[Decided]) -> Rule | None:
    """The planner cancels a message just where its journey goes away from it, the gate later."""
    by, change = _LEFT[row.reason]
    for left in reversed(rows):
        if (left.campaign_id, left.instance, left.decision) == (row.campaign_id, row.instance, by):
            here = (left.at, left.turn) == (row.at, row.turn)
            if here or (row.decision == Decision.OUTCOME and left.at <= row.at):
                return change(left, library.in_force(left.at), library.of_version(left.version_id))
    return None


def _holdout(connection: Connection, row: Decided) -> str:
    """The name of the holdout that the journey is in."""
    e, c = t.enrollment.c, t.campaign.c
    this = (e.customer_id == row.customer_id, e.campaign_id == row.campaign_id, e.instance == row.instance)
    ghost = connection.execute(select(e.ghost).where(*this)).scalar_one()
    if ghost == 1:
        return "holdout"
    return f"holdout/{connection.execute(select(c.name).where(c.id == ghost - 1)).scalar_one()}"


def _where(row: Decided) -> Where:
    return row.at, row.turn, row.campaign, row.instance, Decision(row.decision).word, row.key


def _unknown(change: Rule | Fact, why: str) -> Supposed:
    return Supposed(change.change, _condition(change), why_not=f"what would have changed it is not known: {why}")


def _condition(change: Rule | Fact, limit: int | None = None) -> str:
    return change.condition.format("" if limit is None else limit).rstrip()


@dataclass(slots=True)
class _Answering:
    """looked: what the looks have found."""

    stage: Stage
    record: Record
    looks: Sequence[Look]
    looked: Mapping[Where, tuple[Clause, ...]]
    runs: int = 0
    found: dict[Where, Supposed] = field(default_factory=dict)

    def of(self, changed: Sequence[tuple[Decided, Rule | Fact]]) -> Answers:
        asides = [
            Aside(row.at, change.facts, partial(self._seen, row, change), handed_over=row.decision == Decision.OUTCOME)
            for row, change in changed
            if isinstance(change, Fact)
        ]
        self.runs += 1
        as_it_was = self.stage.play(Otherwise(), asides, self.looks)
        differs = differ(self.record.ledger, as_it_was)
        groups: dict[object, list[tuple[Decided, Rule]]] = {}
        for row, change in changed:
            if differs is not None and row.at >= differs:
                when = moment(differs, self.record.zone)
                why = f"what is on record does not lead to what was decided on {when}"
                self.found[_where(row)] = _unknown(change, why)
            elif row.decision == Decision.OUTCOME and not self.stage.gate.explains(row.at, _step(row)):
                self._not_by_the_gate(row, change)
            elif isinstance(change, Rule):
                groups.setdefault(change.about, []).append((row, change))
        # What a journey went away from has most often been held before: that is asked first.
        for rows in sorted(groups.values(), key=lambda rows: rows[0][0].reason in _LEFT):
            self._try(rows)
        self._once(row for row, _ in changed)
        return Answers(self.found, dict(self._sure(differs)))

    def _sure(self, differs: int | None) -> Iterator[tuple[Where, tuple[Clause, ...]]]:
        """What was found where all that was looked at is on record."""
        for look in reversed(self.looks):
            found = self.looked.get(_where(look.row), ())
            known = conclusive(look.asked) and self.record.unsure(look.row.at, look.asked.meant) is None
            if found and known and (differs is None or look.row.at < differs):
                yield _where(look.row), found

    def _not_by_the_gate(self, row: Decided, change: Rule | Fact) -> None:
        """Too late because a channel was busy: no rule of ours."""
        self.found.pop(_where(row), None)
        if row.reason != Reason.EXPIRED:
            self.found[_where(row)] = _unknown(change, "what is on record does not lead to what kept it back then")

    def _once(self, rows: Iterable[Decided]) -> None:
        """Of a customer who was excluded day after day it is told once what would have followed."""
        told: set[tuple[str, Supposed]] = set()
        for row in rows:
            answer = self.found.get(_where(row))
            if answer is not None and row.decision in _FOLLOWING:
                if (row.campaign, answer) in told:
                    del self.found[_where(row)]
                told.add((row.campaign, answer))

    # --- the rules otherwise --------------------------------------------------------------------------

    def _try(self, rows: Sequence[tuple[Decided, Rule]]) -> None:
        open_, ledger = list(rows), self.record.ledger
        least = rows[0][1].least
        limits = [0] if least is None else range(least, least + HIGHEST)
        tried = None
        for limit in limits:
            if self.runs >= self._most_runs:
                break
            self.runs += 1
            ledger = self.stage.play(rows[0][1].otherwise(limit))
            tried = None if least is None else limit
            for row, change in list(open_):
                answer = self._in(ledger, row, change, tried)
                if answer is not None:
                    self.found[_where(row)] = answer
                    open_.remove((row, change))
            if not open_:
                return
        for row, change in open_:
            why = _TOO_MANY
            if self.runs < self._most_runs:
                why = _still(_condition(change, tried), [each for each in ledger if _step(each) == _step(row)])
            self.found[_where(row)] = Supposed(change.change, _condition(change, tried), why_not=why)

    @property
    def _most_runs(self) -> int:
        return min(MOST_RUNS, max(FEWEST_RUNS, MOST_MADE_READY // len(self.record.phases)))

    def _in(self, ledger: Ledger, row: Decided, change: Rule, limit: int | None) -> Supposed | None:
        """None: it would not have been sent."""
        since = differ(self.record.ledger, ledger)
        unsure = self.record.unsure(row.at if since is None else min(since, row.at))
        if row.decision not in _FOLLOWING:
            at, message_ = self._sent(ledger, row), None
            if at is None:
                return None
        else:
            at, message_ = self._next(ledger, row)
        if unsure is not None:
            return _unknown(change, unsure)
        if at is None:
            why = f"{_condition(change)} no message would have followed up to now"
            return Supposed(change.change, _condition(change), why_not=why)
        return Supposed(change.change, _condition(change, limit), at, limit, message_)

    def _sent(self, ledger: Ledger, row: Decided) -> int | None:
        """When the message of this decision would have left: at its instant, else later, else earlier."""
        own = {row.at} if row.decision == Decision.OUTCOME else set()
        # What came before it, of a step that is come to several times; not what the gate has given back.
        before = [
            sent.at
            for sent, outcome in _sends(self.record.ledger, row)
            if sent.at < row.at and (outcome is None or (outcome.at not in own and outcome.reason not in HELD_REASONS))
        ]
        left = [at for at in self._left(ledger, row) if at > max(before, default=0)]
        later = [at for at in left if at >= int(row.at)]
        return later[0] if later else max(left, default=None)

    def _left(self, ledger: Ledger, row: Decided) -> Iterator[int]:
        """When messages of its step left: with their decision, but where the gate lets out now what it kept back."""
        kept_back = {each.at for each in self.record.ledger if _step(each) == _step(row) and _kept_back(each)}
        for sent, outcome in _sends(ledger, row):
            if outcome is None or not _kept_back(outcome):
                yield outcome.at if outcome is not None and outcome.at in kept_back else sent.at

    def _next(self, ledger: Ledger, row: Decided) -> tuple[int | None, str | None]:
        """The first message that would then have followed in that campaign, and did not."""
        real = {(tuple(_step(each)), each.decision, each.at) for each in self.record.ledger if not _kept_back(each)}
        instances = {
            each.instance
            for each in ledger
            if (each.campaign_id, each.key, each.decision) == (row.campaign_id, row.key, Decision.ENTERED)
        }
        if row.decision == Decision.EXIT:
            instances = {row.instance}
        let_out = {(tuple(_step(each)), each.at) for each in self.record.ledger if _kept_back(each)}
        for each in ledger:
            there = each.campaign_id == row.campaign_id and each.instance in instances and each.at >= row.at
            sent = each.decision == Decision.SEND and each.reason is None
            sent |= each.decision == Decision.OUTCOME and (tuple(_step(each)), each.at) in let_out
            if there and sent and not _kept_back(each) and (tuple(_step(each)), each.decision, each.at) not in real:
                return each.at, self._step(each.step_id)
        return None, None

    def _step(self, number: int) -> str:
        s = t.step.c
        return message(str(self.stage.source.execute(select(s.key).where(s.id == number)).scalar_one()))

    # --- the customer otherwise -----------------------------------------------------------------------

    def _seen(self, row: Decided, change: Fact, ledger: Ledger) -> None:
        if row.decision == Decision.OUTCOME and not self.stage.gate.explains(row.at, _step(row)):
            return
        sent = row.at in self._left(ledger, row)
        unsure = self.record.unsure(row.at)
        if unsure is not None:
            answer = _unknown(change, unsure)
        elif sent:
            answer = Supposed(change.change, change.condition, row.at)
        else:
            here = [each for each in ledger if each.at == row.at and _step(each) == _step(row)]
            answer = Supposed(change.change, change.condition, why_not=_still(change.condition, here))
        self.found[_where(row)] = answer


def _still(condition: str, rows: Sequence[Decided]) -> str:
    """What would then have stopped the message of these decisions."""
    asked = [each for each in rows if each.decision in {Decision.WITHHELD, Decision.SEND} or _kept_back(each)]
    word = "" if not asked else reason(asked[-1].reason) or ""
    because = {"held_out": ": control group"}.get(word, f": {word.replace('_', ' ')}" if word else "")
    return f"{condition} it would still not have been sent{because}"


def _sends(ledger: Ledger, row: Decided) -> Iterator[tuple[Decided, Decided | None]]:
    """Each time its step was decided to send, and what became of that."""
    found = [each for each in ledger if _step(each) == _step(row)]
    sent = [each for each in found if each.decision == Decision.SEND and each.reason is None]
    for each, following in zip_longest(sent, sent[1:]):
        end = float("inf") if following is None else following.at
        outcomes = (one for one in found if one.decision == Decision.OUTCOME and each.at <= one.at < end)
        yield each, next(outcomes, None)


def _kept_back(row: Decided) -> bool:
    return bool(row.decision == Decision.OUTCOME and row.reason != Reason.ACCEPTED)


def _step(row: Decided) -> list[int]:
    return [row.campaign_id, row.instance, row.step_id]
