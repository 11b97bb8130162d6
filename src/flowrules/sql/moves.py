"""Statements of what a deployment does to those inside: docs/meaning.md, Migrations.

Made only while there are such moves that no tick has gone past; what must hold ever after, that nobody is sent twice
what a version before has sent, only for campaigns in which people were moved.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.program.machine import NodeKind
from flowrules.sql.bundle import NODES, PLACE, Bundle
from flowrules.sql.codes import Decision, Move, Reason, Status
from flowrules.sql.holds import cancel
from flowrules.sql.rounds import DECISION, LIVE
from flowrules.sql.scratch import AGENDA, STATE
from flowrules.sql.statement import Statement
from flowrules.sql.tables import UNTIL_RESUMED
from flowrules.sql.waits import deadline

_THEIRS = (
    "v.customer_id = run.customer_id AND v.at = run.at AND v.campaign_id = run.campaign_id "
    "AND v.instance = run.instance"
)
_MINE = f"FROM move v WHERE {_THEIRS}"
_MOVED = f"run.{LIVE} AND EXISTS (SELECT 1 {_MINE} AND v.kind <> {int(Move.EXIT)})"
_SENT = ", ".join(
    str(int(status))
    for status in (
        Status.INTENDED, Status.CLAIMED, Status.RETRYING, Status.UNKNOWN, Status.SENT, Status.GHOST,
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moves:
    """gather and ends as of Operators, still as text; moves: bring people to where they are from now on."""

    gather: tuple[str, ...] = ()
    moves: tuple[Statement, ...] = ()
    ends: tuple[str, ...] = ()


def moves(bundle: Bundle) -> Moves:
    if not bundle.moving:
        return Moves()
    w = bundle.writer
    leaves = f"{_MINE} AND v.kind = {int(Move.EXIT)}"
    kind = f"(SELECT v.kind {_MINE})"
    join = w.join("move", "v", f"{_THEIRS} AND v.kind <> {int(Move.EXIT)}")
    move = (
        f"UPDATE run SET version_id = (SELECT v.version_id {_MINE}), "
        f"code = (SELECT v.version_id * {NODES} + v.node {_MINE}), "
        # A stage is come to in the next micro step, as by `go to`.
        f"stage_id = (SELECT CASE WHEN n.kind = {int(NodeKind.STAGE)} THEN run.stage_id ELSE n.stage_id END "
        f"FROM move v CROSS JOIN node n WHERE {_THEIRS} AND n.version_id = v.version_id AND n.node = v.node), "
        f"stage_at = CASE WHEN (SELECT v.fresh {_MINE}) = 2 THEN at ELSE stage_at END, "
        f"state = CASE {kind} WHEN {int(Move.ARRIVE)} THEN {STATE.RUNNING} ELSE {STATE.REST} END, "
        f"due_at = CASE {kind} WHEN {int(Move.ARRIVE)} THEN NULL ELSE due_at END, "
        f"until = (SELECT v.since {_MINE}), pick = {kind}, dirty = 1 WHERE {_MOVED}"
    )
    told = (
        f"{DECISION} SELECT run.at, run.customer_id, :turn, run.campaign_id, run.instance, {int(Decision.MOVED)}, '', "
        "n.step_id, run.version_id, NULL, v.place_id, NULL, NULL, NULL, NULL, "
        f"CASE WHEN run.due_at < {UNTIL_RESUMED} THEN run.due_at END, NULL FROM run {join} CROSS JOIN node n "
        f"WHERE run.{LIVE} AND n.version_id = v.version_id AND n.node = v.node"
    )
    reached = (
        f"{DECISION} SELECT run.at, run.customer_id, :turn, run.campaign_id, run.instance, {int(Decision.STAGE)}, '', "
        f"n.step_id, run.version_id, NULL, {PLACE}, NULL, NULL, NULL, NULL, NULL, NULL "
        f"FROM run {join} CROSS JOIN node n WHERE run.{LIVE} AND v.fresh = 2 AND n.version_id = v.version_id "
        f"AND n.step_id = run.stage_id AND n.kind = {int(NodeKind.STAGE)}"
    )
    return Moves(
        gather=(
            f"INSERT INTO agenda (customer_id, at, what) SELECT DISTINCT v.customer_id, v.at, {AGENDA.OPERATOR} "
            "FROM move v WHERE v.at + 0 > :last AND v.at + 0 <= :target ON CONFLICT DO NOTHING",
        ),
        moves=(
            *cancel(bundle, _MOVED, Reason.MOVED_ON),
            w.statement(move),
            *_recomputed(bundle),
            w.statement(told),
            w.statement(reached),
        ),
        ends=(
            f"UPDATE run SET ending = 1, exit = {int(Reason.MIGRATED)}, by_id = NULL, "
            f"(place_id, words_id) = (SELECT v.place_id, v.words_id {_MINE}) "
            f"WHERE {LIVE} AND ending = 0 AND EXISTS (SELECT 1 {leaves})",
        ),
    )


def _recomputed(bundle: Bundle) -> list[Statement]:
    """The waits that are as long as the new version says, counted from when they were come to."""
    made = []
    for code, kind in sorted(bundle.moves):
        if kind != Move.RECOMPUTE:
            continue
        version, number = bundle.position(code)
        node, settle = version.machine.nodes[number], version.machine.campaign.settle
        where = f"code = {code} AND pick = {int(Move.RECOMPUTE)} AND until IS NOT NULL AND {LIVE}"
        compute, ends = deadline(bundle, node, "run.until", where)
        until = bundle.writer.fragment(ends)
        late = settle if node.kind is NodeKind.WAIT_FOR else 0
        made += [*compute, bundle.writer.statement(f"UPDATE run SET due_at = {until} + {late} WHERE {where}", until)]
    return made


def already_sent(bundle: Bundle) -> tuple[Statement, ...]:
    """Of a step that another version has sent in this journey, the first message is not sent once more.

    Whoever was left at the step they were at comes to it again only by another round: then what counts is what was
    sent since the stage was reached.
    """
    if not bundle.moved:
        return ()
    campaigns = ", ".join(map(str, sorted(bundle.moved)))

    def theirs(row: str) -> str:
        return (
            f"{row}.customer_id = ask.customer_id AND {row}.campaign_id = ask.campaign_id "
            f"AND {row}.instance = ask.instance"
        )

    of_step = f"FROM message m WHERE {theirs('m')} AND m.step_id = ask.step_id"
    elsewhere_of_step = of_step.replace("= ask.step_id", f"IN (ask.step_id{_former(bundle)})")
    elsewhere = f"EXISTS (SELECT 1 FROM move v WHERE {theirs('v')} AND v.version_id = ask.version_id AND v.fresh > 0)"
    since = f"(SELECT run.stage_at FROM run WHERE {theirs('run')})"
    return (
        bundle.writer.statement(
            f"UPDATE ask SET reason = {int(Reason.ALREADY_SENT)} WHERE reason IS NULL AND campaign_id IN ({campaigns}) "
            f"AND EXISTS (SELECT 1 {elsewhere_of_step} AND m.version_id <> ask.version_id "
            f"AND m.status + 0 IN ({_SENT}) "
            f"AND (m.decided_at >= {since} OR {elsewhere})) "
            f"AND NOT EXISTS (SELECT 1 {of_step} AND m.version_id = ask.version_id AND m.pass < ask.pass)"
        ),
    )


def _former(bundle: Bundle) -> str:
    """What the step was before its stage was renamed, where some was."""
    steps, pairs = bundle.catalogue.steps, set()
    for version in bundle.versions:
        campaign = version.machine.campaign
        former = {stage.name: stage.formerly for stage in campaign.stages if stage.formerly is not None}
        for node in version.machine.nodes if version.campaign_id in bundle.moved else ():
            stage, _, rest = node.key.partition("/")
            was = (campaign.name, f"{former.get(stage)}/{rest}")
            if node.kind is NodeKind.SEND and was in steps:
                pairs.add((steps[campaign.name, node.key], steps[was]))
    cases = " ".join(f"WHEN {now} THEN {then}" for now, then in sorted(pairs))
    return f", CASE ask.step_id {cases} END" if cases else ""
