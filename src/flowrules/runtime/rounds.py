"""One round after the other for a slice of customers: docs/meaning.md, The passes, statement by statement.

Takes a cursor inside the slice's transaction. Knows the order of things and nothing of SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert

from flowrules.model.schema import BUILTIN_ATTRIBUTES, Attribute, Kind, Type
from flowrules.model.touches import Thing
from flowrules.runtime.answers import Answer, SentMessage, silent
from flowrules.sql import scratch
from flowrules.sql.bundle import NODES
from flowrules.sql.codes import Status
from flowrules.sql.columns import attribute_column
from flowrules.sql.entries import Canary, Entry, HoldOut
from flowrules.sql.facts import OnEvent
from flowrules.sql.rounds import apply_change, refocus
from flowrules.sql.scratch import AGENDA, STATE
from flowrules.sql.script import Draw, Script
from flowrules.sql.statement import Cursor, Statement
from flowrules.sql.steps import loops

if TYPE_CHECKING:
    from flowrules.runtime.load import Program
    from flowrules.runtime.tick import Tally

PASS = 100_000
LAST = 99_999
INSTEAD = 99_900


class Round:
    """The rounds of one slice; `accepted` is the status of a message that passes."""

    def __init__(
        self,
        program: Program,
        cursor: Cursor,
        target: int,
        accepted: Status,
        answer: Answer | None,
        tally: Tally,
    ) -> None:
        self.program = program
        self.cursor = cursor
        self.target = target
        self.accepted = accepted
        self.answer = answer
        self.tally = tally
        self._ended = False  # somebody, since members were looked at
        self._changed: set[str] = set()  # attributes, at this instant
        self._marks = 0  # of the agenda: no fewer than it holds of the slice
        self._resting: Counter[tuple[int, int]] = Counter()  # by position and held out: more, or fewer, than before
        self.names = {number: name for name, number in program.bundle.catalogue.campaigns.items()}

    @staticmethod
    def load(connection: Connection, program: Program) -> None:
        """Put the program's rows into the working tables of this connection."""
        bundle = program.bundle
        for table, rows in (
            (scratch.force, list(bundle.force_rows())),
            (scratch.cap, list(program.messages.caps.rows)),
            (scratch.spot, list(bundle.spot_rows())),
        ):
            connection.execute(delete(table))
            if rows:
                connection.execute(insert(table), rows)

    def run(self, cursor: int, upto: int, marks: int) -> None:
        """Every instant up to the target of the customers in (cursor, upto], who have at most so many marks."""
        rounds, self._marks = self.program.rounds, marks
        while instants := max(0, rounds.focus.run(self.cursor, cursor=cursor, upto=upto)):
            present = rounds.all_present if self._marks == instants else rounds.present
            self._instant({what for (what,) in present.rows(self.cursor, cursor=cursor, upto=upto)})
            self.tally.instants += instants
            self._count_moves()
            for statement in rounds.write:
                statement.run(self.cursor)
            for statement in [*rounds.again, *self.program.operators.again, *self._dates()]:
                self._marks += statement.run(self.cursor, target=self.target)
            more = self._marks > instants and rounds.more.rows(self.cursor)
            if more:
                rounds.forget.run(self.cursor, cursor=cursor, upto=upto)
            for statement in rounds.clear:
                statement.run(self.cursor)
            self.tally.rounds += 1
            if not more:
                break
        self._write_resting(upto)

    def _count_moves(self) -> None:
        for (was, code, held_out, number), times in Counter(self.program.rounds.moves.rows(self.cursor)).items():
            self._resting[was, held_out] -= number * times
            self._resting[code, held_out] += number * times

    def _write_resting(self, upto: int) -> None:
        """Rows of the slice's own: no two slices ever wait for the same one."""
        rows = [
            (code // NODES, code % NODES, held_out, self.target, upto, number)
            for (code, held_out), number in self._resting.items()
            if number and code > 0
        ]
        if rows:
            self.cursor.executemany(self.program.rounds.rest, rows)

    def _dates(self) -> Iterator[Statement]:
        """Where a date or a zone has changed, its occurrences may have."""
        for each in self.program.dates:
            if {each.attribute, "timezone"} & self._changed:
                yield each.again

    # --- an instant -----------------------------------------------------------------------------------

    def _instant(self, present: set[int]) -> None:
        self._ended = False
        self._changed.clear()
        self._facts_and_timers(present, PASS)
        self._members(present, set())
        self._entries(present, PASS)
        number = 1
        while True:
            turn = number * PASS + LAST
            self._micro_steps(number * PASS)
            self._watch(turn)
            entered = self._ended and self._members(set(), set()) and self._entries(set(), turn)
            if not self._messages(turn) and not entered:
                break
            number += 1
        for statement in self.program.watch.rechecks:
            statement.run(self.cursor)

    def _facts_and_timers(self, present: set[int], turn: int) -> None:
        """Pass 1, paragraphs 1 to 6."""
        facts, cursor = self.program.facts, self.cursor
        if AGENDA.CHANGE in present:
            self._profile()
        inside, interrupted = self.program.rounds.load.run(cursor), False
        if inside:
            if AGENDA.OPERATOR in present:
                self._order(turn)
            self._watch(turn)
        for group in (facts.exits, facts.goals):
            if self._each(group, present, turn):
                self._end(turn)
        if inside:
            self._refresh(present, turn)
            interrupted = self._each(facts.interruptions, present, turn)
            self._meet(present)
        self._outcomes(present, turn)  # of messages of those too who have left
        if inside:
            self._go_on(turn)
            if interrupted:
                for statement in facts.divert:
                    statement.run(cursor, turn=turn)

    def _refresh(self, present: set[int], turn: int) -> None:
        if self._each(self.program.facts.refreshes, present, turn):
            for statement in self.program.facts.refreshed:
                statement.run(self.cursor, turn=turn)

    def _outcomes(self, present: set[int], turn: int) -> None:
        """What became of messages that were handed over, and the end of a pause."""
        if AGENDA.OUTCOME in present:
            for statement in self.program.facts.outcomes:
                statement.run(self.cursor, turn=turn)
        if AGENDA.OPERATOR in present:
            for statement in self.program.operators.release:
                statement.run(self.cursor)

    def _order(self, turn: int) -> None:
        """Who is moved is elsewhere, and who is ordered out leaves, before anything else is looked at."""
        for statement in self.program.operators.moves:
            self._ended |= statement.run(self.cursor, turn=turn) > 0  # for them, too, segments may hold now
        if sum([statement.run(self.cursor) for statement in self.program.operators.ends]):
            self._end(turn)

    def _go_on(self, turn: int) -> None:
        """Everyone marked leaves where it rested."""
        for state, code in self.program.facts.marked.rows(self.cursor):
            if state != STATE.INTERRUPTED:
                script = self.program.script(code)
                for statement in script.met if state == STATE.MET else script.due:
                    statement.run(self.cursor, turn=turn, moved=STATE.RUNNING)

    def _meet(self, present: set[int]) -> None:
        """Mark those whose awaited event is there."""
        if all(what <= 0 for what in present):
            return
        for (code,) in self.program.facts.resting.rows(self.cursor):
            match = self.program.script(code).match
            if match is not None and match.type_id in present:
                for statement in match.statements:
                    statement.run(self.cursor)

    def _profile(self) -> None:
        for (name,) in self.program.rounds.changes.rows(self.cursor):
            builtin = next((each for each in BUILTIN_ATTRIBUTES if each.name == name), None)
            column = attribute_column(builtin or Attribute(name, Type(Kind.TEXT)))
            if column not in self.program.columns:
                continue
            self._changed.add(name)
            if name in self.program.inner.changes:
                self.program.inner.changes[name].remember.run(self.cursor)
            for statement in apply_change(self.program.bundle, name, column, textual=self.program.columns[column]):
                statement.run(self.cursor, attribute=name)
            if name == "timezone" and self.program.zone_of_customer:
                refocus(self.program.bundle, self.program.default_zone).run(self.cursor)

    def _each(self, group: Iterable[OnEvent], present: set[int], turn: int) -> bool:
        found = False
        for item in group:
            if item.type_id in present:
                found = True
                for statement in self.program.made(item):
                    statement.run(self.cursor, turn=turn)
        return found

    def _watch(self, turn: int) -> None:
        marks = self.program.watch.marks
        while marks and sum([mark.run(self.cursor) for mark in marks]):
            self._end(turn)

    def _end(self, turn: int) -> None:
        self._close(turn)
        self._unlink(turn)

    def _close(self, turn: int) -> None:
        self.program.ends.record.run(self.cursor, turn=turn)
        for statement in self.program.ends.cancel:
            statement.run(self.cursor, turn=turn)
        ended = self.program.ends.end.run(self.cursor)
        self.tally.exited += ended
        self._ended |= ended > 0

    def _unlink(self, turn: int) -> None:
        """Who is linked to one that has ended ends too, and so on."""
        linked = self.program.ends.linked
        if linked is not None and linked.run(self.cursor):
            self._end(turn)

    # --- entering -------------------------------------------------------------------------------------

    def _members(self, present: AbstractSet[int], touched: AbstractSet[Thing]) -> bool:
        """Who joins a segment or leaves it, where that may have changed; False: it can not have."""
        found = False
        for each in self.program.memberships:
            by_end = self._ended and any(kind == "campaign" for kind, _ in each.things)
            if by_end or each.whats & present or each.things & touched:
                found = True
                self._marks += sum([statement.run(self.cursor, target=self.target) for statement in each.statements])
        self._ended = False
        return found

    def _entries(self, present: AbstractSet[int], turn: int) -> bool:
        """By facts and schedules of the instant, and by what has been set off within it."""
        before = self.tally.entered
        started: set[int] = set()
        inner = self.program.inner
        if inner.used:
            for change in inner.changes.values():
                for statement in change.compare:
                    statement.run(self.cursor)
            started.update(campaign_id for (campaign_id,) in inner.started.rows(self.cursor))
        for entry in self.program.entries:
            if entry.judge and entry.what in present:
                self._enter(entry, entry.judge, turn)
            elif entry.campaign_id in started:
                self._enter(entry, entry.inner, turn)
        if inner.used:
            for statement in inner.clear:
                statement.run(self.cursor)
        return self.tally.entered > before

    def _enter(self, entry: Entry, judge: Sequence[Statement], turn: int) -> None:
        find, *verdicts = judge
        if not find.run(self.cursor):
            return
        for statement in verdicts:
            statement.run(self.cursor)
        for hold_out in entry.hold_outs:
            rows = entry.unexposed.rows(self.cursor, name=hold_out.name)
            if rows:
                self._expose(entry, hold_out, rows)
            entry.expose.run(self.cursor, name=hold_out.name, ghost=hold_out.ghost)
        if entry.canary is not None:
            rows = entry.canary.unexposed.rows(self.cursor, name=entry.canary.exposure)
            if rows:
                self._expose(entry, entry.canary, rows)
            entry.canary.exposed.run(self.cursor, name=entry.canary.exposure)
        record, enter = entry.enter
        record.run(self.cursor, turn=turn)
        self.tally.entered += enter.run(self.cursor, turn=turn)
        entry.clear.run(self.cursor)

    def _expose(self, entry: Entry, asked: HoldOut | Canary, rows: list[tuple[int, str]]) -> None:
        prefix = f"{self.program.salt}/{asked.name}/"
        threshold = asked.millionths << 56
        held = [
            (number, asked.exposure, int(_bucket(prefix + external_id) * 1_000_000 < threshold))
            for number, external_id in rows
        ]
        self.cursor.executemany(entry.draw, held)

    # --- micro steps ----------------------------------------------------------------------------------

    def _micro_steps(self, turn: int) -> None:
        micro = 0
        while rows := self.program.rounds.running.rows(self.cursor):
            micro += 1
            looped = self._loops([code for (code,) in rows], micro, turn)
            if looped:
                rows = self.program.rounds.running.rows(self.cursor)
            scripts = {code: self.program.script(code) for (code,) in rows}
            self._take(scripts, turn + micro)
            self._move(scripts)
            touched = {script.touches for script in scripts.values() if script.touches is not None}
            self._changed |= {name for kind, name in touched if kind == "attribute"}
            if self._members(set(), touched) or any(script.starts for script in scripts.values()):
                self._entries(set(), turn + micro)
            if looped or any(script.over for script in scripts.values()):
                self._unlink(turn + micro)

    def _take(self, scripts: Mapping[int, Script], turn: int) -> None:
        """One step of those at these positions, side by side: all read, then all effects are applied."""
        cursor = self.cursor
        for script in scripts.values():
            if script.draw is not None:
                self._draw(script.draw)
            number = [statement.run(cursor, turn=turn) for statement in script.arrive]
            if script.rests:
                self.tally.moved += number[-1]
        for script in scripts.values():
            for statement in (*script.record, *script.starts):
                statement.run(cursor, turn=turn)
        # In plain order, so that the later campaign wins where two want the same thing otherwise.
        for code in sorted(scripts, key=lambda code: self.names[self.program.bundle.position(code)[0].campaign_id]):
            for statement in scripts[code].effects:
                statement.run(cursor)

    def _draw(self, draw: Draw) -> None:
        """Send those new to a split to one of its arms, for good."""
        rows = draw.unassigned.rows(self.cursor)
        prefix = f"{self.program.salt}/{draw.name}/"
        arms = []
        for number, external_id in rows:
            bucket = _bucket(prefix + external_id) * 1_000_000
            arm = next(label for bound, label in draw.shares if bucket < bound << 56)
            arms.append((number, draw.split_id, arm))
        if arms:
            self.cursor.executemany(draw.assign, arms)

    def _move(self, scripts: Mapping[int, Script]) -> None:
        """Whoever comes to another of these positions has moved already, and must not move on from there."""
        meet = any(not script.leads.isdisjoint(scripts) for script in scripts.values())
        moved = STATE.MOVED if meet else STATE.RUNNING
        for script in scripts.values():
            number = sum([statement.run(self.cursor, moved=moved) for statement in script.move])
            self.tally.moved += 0 if script.rests else number
            self.tally.exited += number if script.over else 0
        if moved == STATE.MOVED:
            self.program.rounds.moved.run(self.cursor)

    def _loops(self, codes: list[int], micro: int, turn: int) -> bool:
        """Whoever comes to more positions in one pass than there are goes in a circle."""
        found = 0
        for code in codes:
            version, number = self.program.bundle.position(code)
            if micro > len(version.machine.nodes):
                found += loops(self.program.bundle, version, number).run(self.cursor, turn=turn + micro, began=turn)
        if found:
            self._close(turn + micro)
        return found > 0

    # --- messages -------------------------------------------------------------------------------------

    def _messages(self, turn: int) -> bool:
        """True if any message step is done and its instance goes on."""
        messages, cursor = self.program.messages, self.cursor
        for statement in messages.holds.again:
            statement.run(cursor)
        for statement in self.program.operators.hold:
            statement.run(cursor, turn=turn)
        codes = [code for (code,) in messages.asking.rows(cursor)]
        if not codes:
            return False
        codes = self._judge(codes, turn)
        for statement in messages.write:
            statement.run(cursor, turn=turn, accepted=int(self.accepted))
        self.tally.withheld.update(dict(messages.withheld.rows(cursor)))
        if self.answer is not None and self.answer is not silent:
            self._react(self.answer)
        moved = self._go_on_from(codes, turn)
        messages.rest.run(cursor)
        messages.clear.run(cursor)
        return moved > 0

    def _go_on_from(self, codes: list[int], turn: int) -> int:
        """Who is done with a message goes on; gives how many."""
        cursor, accepted = self.cursor, int(self.accepted is Status.SENT)
        for statement in self.program.messages.holds.rest:
            statement.run(cursor)
        moved, left = self._leave_capped(codes, turn)
        moved += sum(
            statement.run(cursor, accepted=accepted, moved=STATE.RUNNING)
            for code in codes
            for statement in self.program.script(code).done
        )
        if left:
            self._unlink(turn)
        return moved

    def _judge(self, codes: list[int], turn: int) -> list[int]:
        """Refusals, holds, then caps: rank after rank, so that who is judged earlier counts for the later.

        Gives the positions of the messages that are then asked for.
        """
        messages, cursor = self.program.messages, self.cursor
        for code in codes:
            for statement in self.program.script(code).ask:
                statement.run(cursor)
        campaigns = {self.program.bundle.position(code)[0].campaign_id for code in codes}
        if len(campaigns) > 1 or self.program.bundle.several(*campaigns):
            messages.order.run(cursor)
        for statement in (*self.program.operators.skip, *messages.holds.resume):
            statement.run(cursor)
        codes = self._refuse(codes, turn)
        for statement in (*messages.holds.judge, *messages.caps.periods):
            statement.run(cursor)
        for rank in range(1, messages.ranks.rows(cursor)[0][0] + 1):
            for statement in messages.caps.judge:
                statement.run(cursor, rank=rank)
            self.tally.intents += messages.count.run(cursor, rank=rank)
        for statement in (*messages.caps.room, *messages.holds.defer):
            statement.run(cursor)
        return codes

    def _refuse(self, codes: list[int], turn: int) -> list[int]:
        """Those that can not reach their customer; of `send first of` the next is then asked for in the same place."""
        asked, number = set(codes), 0
        last = codes
        while last:
            for statement in self.program.messages.refusals:
                statement.run(self.cursor)
            following = []
            for code in last:
                script = self.program.script(code)
                if script.instead:
                    moved = [
                        statement.run(self.cursor, turn=turn - LAST + INSTEAD + number) for statement in script.instead
                    ]
                    following += [script.instead_code] if moved[0] else []
            asked.update(following)
            last, number = following, number + 1
        return sorted(asked)

    def _leave_capped(self, codes: list[int], turn: int) -> tuple[int, int]:
        """Who leaves because of a cap, as `when capped` says; gives how many go on, and how many have ended."""
        moved = ended = 0
        for code in codes:
            script = self.program.script(code)
            counts = [statement.run(self.cursor, turn=turn, moved=STATE.RUNNING) for statement in script.capped]
            if script.capped_ends:
                ended += counts[-1]
            else:
                moved += sum(counts)
        self.tally.exited += ended
        return moved, ended

    def _react(self, answer: Answer) -> None:
        """The reactions of the virtual channel become facts, in order of time."""
        rows = self.program.messages.sent.rows(self.cursor)
        if not rows:
            return
        catalogue = self.program.bundle.catalogue
        channels = {number: name for name, number in catalogue.channels.items()}
        steps = {number: key for (_, key), number in catalogue.steps.items()}
        sent = {
            SentMessage(
                external_id,
                self.names[campaign_id],
                instance,
                steps[step_id],
                pass_,
                channels[channel_id],
                template,
                at,
            ): (customer_id, campaign_id, instance, step_id, pass_)
            for external_id, customer_id, campaign_id, instance, step_id, pass_, channel_id, template, at in rows
        }
        order = {message: position for position, message in enumerate(sent)}
        reactions = sorted(answer(list(sent)), key=lambda item: (item.at, order[item.message]))
        events, agenda = [], []
        if not reactions:
            return
        messages = self.program.messages
        seq = messages.number.rows(self.cursor, count=len(reactions))[0][0] - len(reactions)
        for position, reaction in enumerate(reactions):
            customer_id, *reference = sent[reaction.message]
            type_id = self.program.bundle.event_type(reaction.event)
            machine = 1 if reaction.machine else None
            events.append((customer_id, type_id, reaction.at, seq + position, reaction.at, *reference, machine))
            if type_id in self.program.listened and reaction.at <= self.target:
                agenda.append((customer_id, reaction.at, type_id))
        self.cursor.executemany(messages.react, events)
        if agenda:
            self.cursor.executemany(messages.remind, agenda)
            self._marks += len(agenda)


def _bucket(text: str) -> int:
    """language.md rule 15."""
    return int.from_bytes(sha256(text.encode()).digest()[:7], "big")
