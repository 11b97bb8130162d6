"""Statements of one position: what happens to the instances that come to it, rest there, and leave it.

docs/meaning.md, Micro steps. A position's places, edges and durations stand in its statements, so that they join
nothing; they are made when the first instance comes by. `pick` is the edge to take: 0 next, 1 alt, 2 third, REST to
rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

from sqlalchemy import ColumnElement, case, literal_column, select

from flowrules.model import campaign as m
from flowrules.model.touches import Thing
from flowrules.program.machine import Assignment, EventTest, Node, NodeKind, ReactionTest, Started
from flowrules.sql.bundle import NODES, Bundle, Version
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.columns import attribute_column
from flowrules.sql.facts import DUE, UNREACHED, consume, earliest_event, fact_at, reaction_to
from flowrules.sql.guards import AWAITED, Row, constant
from flowrules.sql.holds import HELD
from flowrules.sql.inner import campaign_started, stage_reached, tag_given, value_lost
from flowrules.sql.rounds import DECISION
from flowrules.sql.scratch import STATE
from flowrules.sql.script import Draw, Match, Script
from flowrules.sql.statement import Fragment, Statement
from flowrules.sql.tables import UNTIL_RESUMED
from flowrules.sql.waits import REST, clock, deadline, number

OLD = "was > 0 AND ended_at IS NULL"
_UNTIL, _DUE_AT = Fragment("until", {}), Fragment("due_at", {})
_NOTHING = Fragment("NULL", {})
_ASK_OF_RUN = (
    "FROM ask a WHERE a.customer_id = run.customer_id AND a.campaign_id = run.campaign_id AND a.instance = run.instance"
)


def script(bundle: Bundle, version: Version, number: int) -> Script:
    """All statements of a position."""
    node = version.machine.nodes[number]
    leads = frozenset(version.code(edge) for edge in node.edges)
    return replace(_Position(bundle, version, node, version.code(number)).script(), leads=leads)


def loops(bundle: Bundle, version: Version, number: int) -> Statement:
    """Mark those who came here in circles: they end. Who was started in this pass has come to fewer positions."""
    nodes = version.machine.nodes
    return bundle.writer.statement(
        f"UPDATE run SET ending = 1, exit = {int(Reason.LOOP)}, by_id = NULL, "
        f"place_id = {bundle.label(nodes[number].place)} "
        f"WHERE state = {STATE.RUNNING} AND code = {version.code(number)} "
        f"AND :turn - CASE WHEN born > :began THEN born ELSE :began END > {len(nodes)}"
    )


class _Position:
    def __init__(self, bundle: Bundle, version: Version, node: Node, code: int) -> None:
        self.bundle, self.version, self.node, self.code = bundle, version, node, code
        self.node_number = code % NODES
        self.here = f"state = {STATE.RUNNING} AND code = {code}"
        self.came = f"code = {code} AND came = :turn"
        campaign = version.machine.campaign
        # What acts on an absence does so that much later; what counts is what happened before.
        self.settle = f" + {campaign.settle}" if campaign.settle else ""
        self.settles = number(campaign.settle)
        self.customers: Thing = ("campaign", campaign.name)
        self.step_id = bundle.catalogue.steps[campaign.name, node.key]
        self.place_id = bundle.label(node.place)

    def script(self) -> Script:
        kinds: dict[NodeKind, Callable[[], Script]] = {
            NodeKind.STAGE: self._stage,
            NodeKind.SEND: self._send,
            NodeKind.WAIT: self._wait,
            NodeKind.WAIT_UNTIL: self._wait_until,
            NodeKind.WAIT_FOR: self._wait_for,
            NodeKind.BRANCH: self._branch,
            NodeKind.NO_REACTION: self._no_reaction,
            NodeKind.SPLIT: self._split,
            NodeKind.TAG: self._tag,
            NodeKind.UNTAG: self._untag,
            NodeKind.SET: self._set,
            NodeKind.START: self._start,
            NodeKind.EXIT: self._end,
            NodeKind.END: self._end,
        }
        return kinds[self.node.kind]()

    # --- kinds ----------------------------------------------------------------------------------------

    def _stage(self) -> Script:
        stage = self.version.machine.campaign.stages[self.node.stage].name
        stage_id = self.bundle.catalogue.steps[self.version.machine.campaign.name, stage]
        return Script(
            record=(self._record(Decision.STAGE),),
            starts=stage_reached(self.bundle, self.version, stage, self.here),
            touches=self.customers,
            move=(self._go(self.here, self.node.next, f"stage_id = {stage_id}, stage_at = at, "),),
        )

    def _send(self) -> Script:
        w, send = self.bundle.writer, _sent(self.node)
        held = f"run.due_at > {UNTIL_RESUMED}"  # by a pause that is over
        since = (
            f"CASE WHEN {held} THEN run.due_at - {UNTIL_RESUMED} ELSE run.at END" if self.bundle.paused else "run.at"
        )
        ask = w.statement(
            "INSERT INTO ask (customer_id, campaign_id, instance, at, version_id, node, step_id, place_id, channel_id, "
            "ghost, total, key, rank, pass, entry_at, entry_seq, zone_id, asked_at, lasts, patience) "
            "SELECT run.customer_id, run.campaign_id, run.instance, run.at, run.version_id, "
            f"{self.code % NODES}, {self.step_id}, {self.place_id}, {self._channel(send)}, run.ghost, "
            f"{self.bundle.total(self.version)}, run.key, 1, {self._pass('run')}, {self._entry()}, run.zone_id, "
            f"{since}, {_or_null(send.expires)}, {_or_null(self._patience())} FROM run "
            f"WHERE state = {STATE.ASKING} AND code = {self.code} AND ended_at IS NULL"
        )
        asks = f"UPDATE run SET state = {STATE.ASKING}, due_at = NULL, dirty = 1 WHERE "
        judged = (
            f"state = {STATE.ASKING} AND code = {self.code} AND ended_at IS NULL AND (:accepted = 1 OR ghost > 0 "
            f"OR EXISTS (SELECT 1 {_ASK_OF_RUN} AND a.reason IS NOT NULL))"
        )
        met = f"state = {STATE.MET} AND code = {self.code}"
        instead = self.node.alt
        arrived: tuple[Statement, ...] = (self._go(met, self.node.next),)
        if instead >= 0:
            arrived = (self._go(f"{met} AND pick = 0", self.node.next), self._go(f"{met} AND pick = 1", instead))
        return Script(
            move=(w.statement(asks + self.here),),
            ask=(ask,),
            instead=self._instead(instead) if instead >= 0 else (),
            instead_code=self.version.code(instead) if instead >= 0 else -1,
            capped=(capped := self._leave_capped()),
            capped_ends=len(capped) > 1,
            # Who comes from one message to the next must not be taken for done with that one too.
            done=(self._go(judged, self.node.next, state=":moved"),),
            met=arrived,
            due=(w.statement(f"{asks}{self._due()}"),),
        )

    def _channel(self, send: m.Send) -> int:
        return self.bundle.catalogue.channels[send.channel.name]

    def _pass(self, row: str, step_id: int | None = None) -> str:
        """The number of the next message of a step; one that is held keeps the number it has."""
        again = any(stage.reactions for stage in self.version.machine.campaign.stages) or self._may_return()
        if not again and self.version.campaign_id not in self.bundle.moved:
            return "1"
        return (
            f"1 + coalesce((SELECT max(m.pass) FROM message m WHERE m.customer_id = {row}.customer_id "
            f"AND m.campaign_id = {row}.campaign_id AND m.instance = {row}.instance "
            f"AND m.step_id = {self.step_id if step_id is None else step_id} AND NOT ({HELD})), 0)"
        )

    def _entry(self) -> str:
        """The entry that the message is to show, where it may be replaced later."""
        refreshes = self.version.machine.campaign.refreshes
        return "coalesce(run.entry_at, run.entered_at), run.entry_seq" if refreshes else "NULL, NULL"

    def _when_capped(self) -> m.WhenCapped | None:
        """The campaign's own, as in the version the customer is in, goes before that of the policy in force."""
        policy = self.bundle.model.policy if self.bundle.model is not None else None
        return self.version.machine.campaign.when_capped or (policy.when_capped if policy is not None else None)

    def _patience(self) -> int | None:
        capped = self._when_capped()
        return capped.wait or None if capped is not None else None

    def _instead(self, number: int) -> tuple[Statement, ...]:
        """Refused for a reason that another channel may not have: that one is asked for, by the same customers."""
        w, node = self.bundle.writer, self.version.machine.nodes[number]
        step_id = self.bundle.catalogue.steps[self.version.machine.campaign.name, node.key]
        of_this = f"version_id = {self.version.id} AND node = {self.node_number} AND reason IN ({UNREACHED})"
        columns = "customer_id, campaign_id, instance, step_id, pass, version_id, node, channel_id"
        send = _sent(node)
        return (
            w.statement(
                f"{DECISION} SELECT at, customer_id, :turn, campaign_id, instance, {int(Decision.WITHHELD)}, '', "
                f"step_id, version_id, reason, place_id, by_id, NULL, NULL, NULL, NULL, NULL FROM ask WHERE {of_this}"
            ),
            w.statement(
                f"INSERT INTO message ({columns}, status, reason, decided_at, turn) SELECT {columns}, "
                f"{int(Status.SKIPPED)}, reason, at, :turn FROM ask WHERE {of_this} ON CONFLICT "
                "(customer_id, campaign_id, instance, step_id, pass) DO UPDATE SET status = excluded.status, "
                "reason = excluded.reason, decided_at = excluded.decided_at, turn = excluded.turn, place_id = NULL, "
                "until = NULL"
            ),
            w.statement(
                f"UPDATE run SET code = {self.version.code(number)} WHERE state = {STATE.ASKING} "
                f"AND code = {self.code} AND ended_at IS NULL "
                f"AND EXISTS (SELECT 1 {_ASK_OF_RUN} AND a.reason IN ({UNREACHED}))"
            ),
            w.statement(
                f"UPDATE ask SET node = {number}, step_id = {step_id}, place_id = {self.bundle.label(node.place)}, "
                f"channel_id = {self._channel(send)}, reason = NULL, by_id = NULL, held_place = NULL, "
                f"pass = {self._pass('ask', step_id)} WHERE {of_this}"
            ),
        )

    def _leave_capped(self) -> tuple[Statement, ...]:
        """What `when capped ... else` says but `skip`."""
        capped = self._when_capped()
        if capped is None or capped.end == "skip":
            return ()
        where = (
            f"state = {STATE.ASKING} AND code = {self.code} AND ended_at IS NULL "
            f"AND EXISTS (SELECT 1 {_ASK_OF_RUN} AND a.reason = {int(Reason.CAPPED)})"
        )
        if capped.end == "go to":
            stages = [stage.name for stage in self.version.machine.campaign.stages]
            return (self._go(where, stages.index(capped.stage or "")),)
        words = "NULL" if capped.words is None else str(self.bundle.label(capped.words))
        ends = (
            f"UPDATE run SET ended_at = at, exit = {int(Reason.EXIT)}, words_id = {words}, state = {STATE.REST}, "
            f"due_at = NULL, recheck_at = NULL, dirty = 1 WHERE {where}"
        )
        record = self._record(
            Decision.EXIT, reason=str(int(Reason.EXIT)), words=words, where=where, place=self.bundle.label(capped.place)
        )
        return record, self.bundle.writer.statement(ends)

    def _wait(self) -> Script:
        arrive, end = deadline(self.bundle, self.node, "run.at", self.here)
        until = self.bundle.writer.fragment(end)
        return Script(
            arrive=arrive,
            record=(self._record(Decision.WAIT, until=until),),
            move=(self._rest(until),),
            due=(self._go(self._due(), self.node.next),),
        )

    def _wait_until(self) -> Script:
        until = self.node.test
        if not isinstance(until, m.WaitUntil):
            raise TypeError("a clock is what this waits for")
        return Script(
            arrive=clock(self.bundle, until, self.here),
            # Where it is that time just now there is no waiting, and nothing to say.
            record=(self._record(Decision.WAIT, until=_UNTIL, where=f"{self.here} AND pick = {REST}"),),
            move=(self._pick(),),
            due=(self._go(self._due(), self.node.next),),
        )

    def _wait_for(self) -> Script:
        test, w = self.node.test, self.bundle.writer
        if not isinstance(test, EventTest):
            raise TypeError("an event is what this waits for")
        arrive, end = deadline(self.bundle, self.node, "run.at", self.here)
        until = w.fragment(end + self.settles)
        type_id = self.bundle.event_type(test.event.name)
        inside = f" AND event.event_time{self.settle} < run.due_at"
        there, fragment = fact_at(self.bundle, self.version, test.event, test.filter, inside)
        rest = f"code = {self.code} AND {OLD} AND state = {STATE.REST}"
        match = w.statement(
            f"UPDATE run SET state = {STATE.MET}, ev_at = at, ev_seq = (SELECT min(event.seq) {there}) "
            f"WHERE {rest} AND EXISTS (SELECT 1 {there})",
            fragment,
        )
        met = f"state = {STATE.MET} AND code = {self.code}"
        coming = Script(
            arrive=arrive,
            record=(self._record(Decision.WAIT, until=until),),
            move=(self._rest(until),),
        )
        if not test.new:
            earliest = earliest_event(self.bundle, self.version, test)
            there_is = f"CASE WHEN state = {STATE.REST} THEN {int(Decision.WAIT)} ELSE {int(Decision.MET)} END"
            coming = Script(
                arrive=(
                    *arrive,
                    self._or_rest("ev_at, ev_seq", "max(f.at), max(f.seq)", "count(*)", 0, until, earliest),
                ),
                record=(self._record(there_is, until=_DUE_AT, where=self.came),),
                effects=(w.statement(consume(self.bundle, test, self.here)),),
                move=(self._go(self.here, self.node.next),),
                rests=True,
            )
        return replace(
            coming,
            match=Match(type_id, (match,)),
            met=(
                self._record(Decision.MET, where=met),
                w.statement(consume(self.bundle, test, met)),
                self._go(met, self.node.next),
            ),
            due=self._timed_out(),
        )

    def _no_reaction(self) -> Script:
        test, w, guards = self.node.test, self.bundle.writer, self.version.guards
        if not isinstance(test, ReactionTest):
            raise TypeError("a reaction is what this waits for")
        name = f"{test.channel}_{test.reaction}"
        about = (Row("run"), test.channel, test.template)
        base, first = f"{AWAITED}.sent_at", []
        if self.node.duration is not None and self.node.duration.unit == "month":
            sent = w.query(guards.last_message(*about, "sent_at"))
            base = "run.until"
            first = [w.statement(f"UPDATE run SET until = {sent} WHERE {self.here}", sent)]
        arrived, end = deadline(self.bundle, self.node, base, self.here)
        last = guards.last_message(*about, "step_id", "pass", (end + self.settles).label("until")).subquery("last")
        of_it = " AND event.ref_step_id = last.step_id AND event.ref_pass = last.pass"
        there = reaction_to(self.bundle, name, f" AND event.at <= run.at{of_it}")
        first_of: ColumnElement[int] = literal_column(f"(SELECT min(event.event_time){self.settle} {there})")
        over = last.c.until <= Row("run").at
        pick = case((first_of < last.c.until, number(0)), (over, number(1)), else_=number(REST))
        # One at most; the limit keeps SQLite from looking for it once more for each mention.
        found = w.query(select(last.c.until, pick.label("pick")).limit(1))
        decision = (
            f"CASE pick WHEN 0 THEN {int(Decision.MET)} WHEN 1 THEN {int(Decision.TIMED_OUT)} "
            f"WHEN 2 THEN {int(Decision.NO_MESSAGE)} ELSE {int(Decision.WAIT)} END"
        )
        it = w.query(guards.last_message(*about, "step_id", "pass"))
        come = reaction_to(
            self.bundle,
            name,
            f" AND event.at = run.at AND event.event_time{self.settle} < run.due_at "
            f"AND (event.ref_step_id, event.ref_pass) = {it}",
        )
        match = f"UPDATE run SET state = {STATE.MET} WHERE code = {self.code} AND {OLD} AND state = {STATE.REST} "
        met = f"state = {STATE.MET} AND code = {self.code}"
        return Script(
            arrive=(
                *first,
                *arrived,
                self._or_rest(
                    "pick", "coalesce(max(f.pick), 2)", "max(f.pick)", REST, Fragment("max(f.until)", {}), found
                ),
            ),
            record=(self._record(decision, until=_DUE_AT, where=self.came),),
            move=(self._pick(),),
            rests=True,
            match=Match(
                self.bundle.event_type(name),
                (w.statement(f"{match}AND EXISTS (SELECT 1 {come})", it),),
            ),
            met=(self._record(Decision.MET, where=met), self._go(met, self.node.next)),
            due=self._timed_out(),
        )

    def _branch(self) -> Script:
        holds = self.bundle.condition(self.version.guards, self.node.test, "run")  # type: ignore[arg-type]  # a Condition
        pick = f"UPDATE run SET pick = CASE WHEN {holds} THEN 0 ELSE 1 END WHERE {self.here}"
        reason = f"CASE pick WHEN 0 THEN {int(Reason.YES)} ELSE {int(Reason.NO)} END"
        return Script(
            arrive=(self.bundle.writer.statement(pick, holds),),
            record=(self._record(Decision.BRANCH, reason=reason),),
            move=(self._pick(),),
        )

    def _split(self) -> Script:
        split, w = self.node.test, self.bundle.writer
        if not isinstance(split, m.Split):
            raise TypeError("a split without its arms")
        split_id, arms = self.bundle.label(split.name), [self.bundle.label(arm.name) for arm in split.arms]
        mine = f"FROM assignment a WHERE a.customer_id = run.customer_id AND a.split_id = {split_id}"
        numbers = " ".join(f"WHEN {arm} THEN {number}" for number, arm in enumerate(arms))
        words = " ".join(f"WHEN {number} THEN {arm}" for number, arm in enumerate(arms))
        ways = " ".join(f"WHEN {number} THEN {self.version.code(way)}" for number, way in enumerate(self.node.arms))
        pick = f"UPDATE run SET pick = (SELECT CASE a.arm_id {numbers} END {mine}) WHERE {self.here}"
        move = f"UPDATE run SET code = CASE pick {ways} END, state = :moved, due_at = NULL, dirty = 1 WHERE {self.here}"
        return Script(
            draw=Draw(
                unassigned=w.statement(
                    "SELECT DISTINCT run.customer_id, u.external_id FROM run "
                    f"{w.join('customer', 'u', 'u.id = run.customer_id')} WHERE {self.here} AND NOT EXISTS "
                    f"(SELECT 1 {mine} AND a.arm_id IN ({', '.join(map(str, arms))})) ORDER BY run.customer_id"
                ),
                name=split.name,
                split_id=split_id,
                shares=tuple(zip(accumulate(arm.millionths for arm in split.arms), arms, strict=True)),
                assign=w.row(
                    "assignment",
                    "customer_id, split_id, arm_id",
                    " ON CONFLICT (customer_id, split_id) DO UPDATE SET arm_id = excluded.arm_id",
                ),
            ),
            arrive=(w.statement(pick),),
            record=(self._record(Decision.BRANCH, words=f"CASE pick {words} END"),),
            move=(w.statement(move),),
        )

    def _tag(self) -> Script:
        tag = self.node.tag or ""
        tag_id = self.bundle.catalogue.tags[tag]
        effect = (
            "INSERT INTO tagging (customer_id, tag_id, since) "
            f"SELECT customer_id, {tag_id}, at FROM run WHERE {self.here}{self._last()} "
            "ON CONFLICT (customer_id, tag_id) DO NOTHING"
        )
        starts = tag_given(self.bundle, self.version, tag, self.here)
        return self._effect(Decision.TAG, ("tag", tag), self.bundle.writer.statement(effect), starts)

    def _untag(self) -> Script:
        tag, w = self.node.tag or "", self.bundle.writer
        tag_id = self.bundle.catalogue.tags[tag]
        who = w.among("customer_id", f"SELECT customer_id FROM run WHERE {self.here}{self._last()}")
        effect = w.statement(f"DELETE FROM tagging WHERE {who} AND tag_id = {tag_id}")
        return self._effect(Decision.UNTAG, ("tag", tag), effect)

    def _set(self) -> Script:
        assignment, w = self.node.test, self.bundle.writer
        if not isinstance(assignment, Assignment):
            raise TypeError("a set node without its value")
        value = w.fragment(constant(assignment.value))
        who = w.among("id", f"SELECT customer_id FROM run WHERE {self.here}{self._last()}")
        column = attribute_column(assignment.attribute)
        effect = w.statement(f'UPDATE customer SET "{column}" = {value} WHERE {who}', value)
        starts = value_lost(self.bundle, self.version, assignment.attribute, self.here)
        return self._effect(Decision.SET, ("attribute", assignment.attribute.name), effect, starts)

    def _start(self) -> Script:
        started = self.node.test
        if not isinstance(started, Started):
            raise TypeError("a start without its campaign")
        known = any(version.machine.campaign.name == started.campaign for version, _ in self.bundle.now)
        reason = "NULL" if known else str(int(Reason.NOT_DEPLOYED))
        asks = campaign_started(self.bundle, self.version, started, self.place_id, self.here)
        by = str(self.bundle.label(f"campaign {started.campaign}"))
        return Script(
            record=(self._record(Decision.START, reason=reason, by=by),),
            starts=(asks,) if known else (),
            move=(self._go(self.here, self.node.next),),
        )

    def _end(self) -> Script:
        reason = Reason.EXIT if self.node.kind is NodeKind.EXIT else Reason.COMPLETED
        words = "NULL" if self.node.words is None else str(self.bundle.label(self.node.words))
        ends = (
            f"UPDATE run SET ended_at = at, exit = {int(reason)}, words_id = {words}, state = {STATE.REST}, "
            f"due_at = NULL, recheck_at = NULL, dirty = 1 WHERE {self.here}"
        )
        return Script(
            record=(self._record(Decision.EXIT, reason=str(int(reason)), words=words),),
            move=(self.bundle.writer.statement(ends),),
            touches=self.customers,
            over=True,
        )

    # --- pieces ---------------------------------------------------------------------------------------

    def _last(self) -> str:
        """Of a customer's journeys in this campaign that want the same thing now, the last has its way."""
        wanted = (self.node.tag, self.node.test.attribute.name if isinstance(self.node.test, Assignment) else None)
        versions = [each for each in self.bundle.versions if each.campaign_id == self.version.campaign_id]
        rivals = [
            each.code(number)
            for each in versions
            for number, node in enumerate(each.machine.nodes)
            if wanted == (node.tag, node.test.attribute.name if isinstance(node.test, Assignment) else None)
        ]
        if len(rivals) == 1 or not self.bundle.several(self.version.campaign_id):
            return ""
        return (
            " AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.customer_id = run.customer_id "
            f"AND other.state = {STATE.RUNNING} AND other.code IN ({', '.join(map(str, rivals))}) "
            "AND (other.key, other.instance) > (run.key, run.instance))"
        )

    def _effect(
        self, decision: Decision, touches: Thing, effect: Statement, starts: tuple[Statement, ...] = ()
    ) -> Script:
        return Script(
            record=(self._record(decision),),
            starts=starts,
            touches=touches,
            effects=(effect,),
            move=(self._go(self.here, self.node.next),),
        )

    def _record(
        self,
        decision: Decision | str,
        *,
        reason: str = "NULL",
        until: Fragment = _NOTHING,
        words: str = "NULL",
        by: str = "NULL",
        where: str | None = None,
        place: int | None = None,
    ) -> Statement:
        what = str(int(decision)) if isinstance(decision, Decision) else decision
        return self.bundle.writer.statement(
            f"{DECISION} SELECT at, customer_id, :turn, campaign_id, instance, {what}, '', {self.step_id}, version_id, "
            f"{reason}, {place or self.place_id}, {by}, NULL, NULL, NULL, {until}, {words} "
            f"FROM run WHERE {where or self.here}",
            until,
        )

    def _go(self, where: str, node: int, more: str = "", state: str | None = None) -> Statement:
        return self.bundle.writer.statement(
            f"UPDATE run SET {more}code = {self.version.code(node)}, state = {state or self._arrives(node)}, "
            f"due_at = NULL, dirty = 1 WHERE {where}"
        )

    def _rest(self, until: Fragment) -> Statement:
        rests = f"UPDATE run SET state = {STATE.REST}, due_at = {until}, dirty = 1 WHERE {self.here}"
        return self.bundle.writer.statement(rests, until)

    def _or_rest(self, columns: str, values: str, test: str, rests: int, until: Fragment, found: Fragment) -> Statement:
        """Sets the columns by what is `found` (f, of one row or none), and who is to rest does: most, so that they are
        written once. Who does not is led on by `move`.
        """
        return self.bundle.writer.statement(
            f"UPDATE run SET ({columns}, due_at, state) = (SELECT {values}, CASE {test} WHEN {rests} THEN {until} END, "
            f"CASE {test} WHEN {rests} THEN {STATE.REST} ELSE {STATE.RUNNING} END FROM {found} AS f), "
            f"came = :turn, dirty = 1 WHERE {self.here}",
            until,
            found,
        )

    def _arrives(self, node: int) -> str:
        """Who comes to a message asks for it: there is nothing else to do on the way."""
        return str(STATE.ASKING) if self.version.machine.nodes[node].kind is NodeKind.SEND else ":moved"

    def _pick(self) -> Statement:
        """`pick` is the edge to take, or REST."""
        edges = [(number, edge) for number, edge in enumerate(_edges(self.node)) if edge >= 0]
        codes = " ".join(f"WHEN {number} THEN {self.version.code(edge)}" for number, edge in edges)
        states = " ".join(f"WHEN {number} THEN {self._arrives(edge)}" for number, edge in edges)
        return self.bundle.writer.statement(
            f"UPDATE run SET code = CASE pick {codes} ELSE code END, state = CASE pick {states} ELSE {STATE.REST} END, "
            f"due_at = CASE pick WHEN {REST} THEN until END, dirty = 1 WHERE {self.here}"
        )

    def _due(self) -> str:
        """Whose timer ran out here."""
        return f"code = {self.code} AND {DUE}"

    def _timed_out(self) -> tuple[Statement, Statement]:
        return self._record(Decision.TIMED_OUT, where=self._due()), self._go(self._due(), self.node.alt)

    def _may_return(self) -> bool:
        """Some stage is gone to, so that a step may come round again."""
        capped = self.version.machine.campaign.when_capped
        if capped is not None and capped.end == "go to":
            return True
        stages = range(len(self.version.machine.campaign.stages))
        return any(edge in stages for node in self.version.machine.nodes for edge in node.edges)


def _sent(node: Node) -> m.Send:
    if node.send is None:
        raise TypeError("a send node without its step")
    return node.send


def _edges(node: Node) -> tuple[int, int, int]:
    return node.next, node.alt, node.third


def _or_null(number: int | None) -> str:
    return "NULL" if number is None else str(number)
