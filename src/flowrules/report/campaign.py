"""One campaign, close: its funnel so far, who waits where, what became of its messages, treated beside control.

Takes a connection, a campaign's name and the instant now; gives frozen figures that are equal as long as nothing
happens. Reads summaries and a bounded number of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, select

from flowrules.content.deployed import Deployed, Library
from flowrules.content.stages import Stages, stages
from flowrules.program.machine import NodeKind
from flowrules.report.catalogue import Versioned, campaign_versions, open_pauses
from flowrules.report.comparison import Comparison, comparison
from flowrules.report.funnel import Funnel, Group, Stage, last_stages, leave_out
from flowrules.report.home import ranked, since_quarter
from flowrules.report.lookup import find_campaign, reason
from flowrules.report.outbox import Outbox, outbox
from flowrules.report.recent import Decided, latest, medians
from flowrules.report.words import SECOND
from flowrules.sql import tables
from flowrules.sql.codes import Reason, Status
from flowrules.store.canaries import Canary, canaries
from flowrules.store.tallies import Tallies, What

_DAY = 86_400 * SECOND
_TIMERS = 2_000
DECISIONS = 50


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One step of the newest version, in the order written. words: the rule's line; kind: as send, wait, wait_for.

    waiting: treated who rest there now. held: of the messages looked at, those held there, by reason. next_due: when
    the first of them goes on by itself; None: by no timer, or by none of the next 2,000 of the workspace. indent: how
    far right of the stage's first step its line begins. under: the line `else:` that it stands below.
    """

    key: str
    kind: str
    place: str
    words: str
    waiting: int
    held: tuple[tuple[str, int], ...]
    next_due: int | None
    indent: int = 0
    under: str = ""


@dataclass(frozen=True, slots=True)
class StageFigures:
    """waiting: treated who rest anywhere in it now, those of older versions too; older: only these."""

    name: str
    steps: tuple[StepFigures, ...]
    waiting: int
    older: int


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """funnel: of all who ever entered; its median_s is of the last 1,000 stays that ended lately.

    messages: by what became of them (sent, refused, unknown, ghost ...), and by status those still open, each most
    frequent first; withheld: by reason, since ever and in the last 24 hours. comparison None: nobody is held out.
    canary: where the newest version is entered by a share only, tried: by how many of those treated so far.
    as_of: of all that is counted but who waits where, see Home.
    """

    funnel: Funnel
    paused_since: int | None
    removed: bool
    stages: tuple[StageFigures, ...]
    messages: tuple[tuple[str, int], ...]
    open: tuple[tuple[str, int], ...]
    open_more: bool
    withheld: tuple[tuple[str, int], ...]
    withheld_24h: tuple[tuple[str, int], ...]
    comparison: Comparison | None
    decisions: tuple[Decided, ...]
    canary: Canary | None
    tried: int
    as_of: int | None = None


def campaign(
    connection: Connection,
    name: str,
    now: int | None,
    *,
    known: dict[int, Deployed] | None = None,
    decisions: int = DECISIONS,
) -> CampaignFigures:
    """`now` None: the clock is virtual and stands where the last tick was. known: see home()."""
    campaign_id = find_campaign(connection, name)
    now = connection.execute(select(tables.clock.c.last_tick)).scalar_one() if now is None else now
    box, library = outbox(connection), Library(connection, known)
    row = next((each for each in campaign_versions(connection) if each.id == campaign_id), None)
    there = None if row is None else stages(connection, library, name, campaign_id, row.version_id)
    tallies = Tallies(connection, {} if there is None else there.renamed)
    found = Funnel(name, None, 0, Group(), Group())
    close: tuple[StageFigures, ...] = ()
    if row is not None and there is not None:
        found = _funnel(connection, tallies, library, row, there)
        close = _stages(connection, library, box, row, there)
    messages: Counter[str] = Counter()
    for (code,), number in tallies.sums(("code",), What.MESSAGE, campaign_id=campaign_id).items():
        messages[Status(code).word] += number
    # Those of unknown outcome are still open, until somebody finds out.
    messages.pop(Status.UNKNOWN.word, None)
    waits: Counter[str] = Counter()
    for each in box.waiting:
        waits[each.status.word] += each.number if each.campaign_id == campaign_id else 0
    canary = canaries(connection).get(name)
    entered = tallies.sums(("version_id", "held_out"), What.ENTERED, campaign_id=campaign_id)
    return CampaignFigures(
        funnel=found,
        paused_since=open_pauses(connection).get(campaign_id),
        removed=row is not None and row.lives_from is None,
        stages=close,
        messages=tuple(ranked(messages)),
        open=tuple(ranked(waits)),
        open_more=not box.complete,
        withheld=_withheld(tallies, campaign_id, None),
        withheld_24h=_withheld(tallies, campaign_id, since_quarter(now, _DAY)),
        comparison=comparison(found.treated, found.control),
        decisions=latest(connection, decisions, campaign_id, known),
        canary=canary,
        tried=0 if canary is None else entered[canary.version_id, 0],
        as_of=tallies.as_of,
    )


def _withheld(tallies: Tallies, campaign_id: int, since: int | None) -> tuple[tuple[str, int], ...]:
    sums = tallies.sums(("code",), What.WITHHELD, campaign_id=campaign_id, since=since)
    return tuple(ranked({Reason(code).word: number for (code,), number in sums.items()}))


# --- the funnel ---------------------------------------------------------------------------------------


def _funnel(connection: Connection, tallies: Tallies, library: Library, row: Versioned, there: Stages) -> Funnel:
    """Of all who ever entered, without looking at them."""
    groups = (Group(), Group())
    meant = library.of_version(row.version_id).machines[row.name]
    in_force = None if library.newest is None else library.newest.campaigns.get(row.name)
    for (held_out,), number in tallies.sums(("held_out",), What.ENTERED, campaign_id=row.id).items():
        groups[held_out].entered += number
    for (held_out,), number in tallies.sums(("held_out",), What.GOAL, campaign_id=row.id).items():
        groups[held_out].goals += number
    last, places = last_stages(meant), there.places()
    for group in groups:
        group.stages = [Stage(name, last=name in last) for name in there.names.values()]
    _fill_stages(connection, tallies, row.id, groups, places)
    for (held_out, step_id), median in medians(connection, row.id, there.now).items():
        groups[held_out].stages[places[step_id]].median_s = median
    leave_out(groups, there)
    return Funnel(row.name, (in_force or meant.campaign).title, row.number, *groups)


def _fill_stages(
    connection: Connection,
    tallies: Tallies,
    campaign_id: int,
    groups: Sequence[Group],
    places: Mapping[int, int],
) -> None:
    columns = ("what", "held_out", "step_id", "code", "label_id")
    sums = tallies.sums(columns, What.STAGE, What.MOVED, What.EXIT, campaign_id=campaign_id)
    label = tables.label.c
    said = select(label.id, label.text).where(label.id.in_({label_id for *_, label_id in sums if label_id}))
    words: dict[int, str] = {row.id: row.text for row in connection.execute(said)}
    for (what, held_out, step_id, code, label_id), number in sorted(sums.items()):
        group = groups[held_out]
        stage = group.stages[places[step_id]]
        if what == What.STAGE:
            stage.entered += number
        elif what == What.MOVED:
            stage.moved_on += number
        else:
            _leave(stage.left, stage.words, Reason(code).word, words.get(label_id), number)
            _leave(group.exits, group.words, Reason(code).word, words.get(label_id), number)
    for group in groups:
        group.in_journey = group.entered - sum(group.exits.values())
        for stage in group.stages:
            stage.now = stage.entered - stage.moved_on - sum(stage.left.values())


def _leave(left: dict[str, int], words: dict[str, int], reason: str, said: str | None, number: int) -> None:
    left[reason] = left.get(reason, 0) + number
    if said is not None and reason == Reason.EXIT.word:
        words[said] = words.get(said, 0) + number


# --- the steps ----------------------------------------------------------------------------------------


def _stages(
    connection: Connection, library: Library, box: Outbox, row: Versioned, there: Stages
) -> tuple[StageFigures, ...]:
    campaign_id, version_id = row.id, row.version_id
    deployed = library.of_version(version_id)
    machine = deployed.machines[row.name]
    called = {then: there.names[there.now(then)] for then in there.places()}
    stage_of, steps = _places(connection, campaign_id)
    resting, next_due = waiting(connection, campaign_id), _next_due(connection)
    by_stage: Counter[str] = Counter()
    older: Counter[str] = Counter()
    for position, number in resting.items():
        by_stage[called[stage_of[position]]] += number
        older[called[stage_of[position]]] += number if position[0] != version_id else 0
    held: dict[int, Counter[str]] = {}
    for each in box.waiting:
        if each.campaign_id == campaign_id and each.status is Status.HELD:
            held.setdefault(each.step_id, Counter())[reason(each.reason) or ""] += each.number
    found: dict[str, list[StepFigures]] = {stage.name: [] for stage in machine.campaign.stages}
    # A block is numbered behind what stands in it.
    for number, node in reversed([*enumerate(machine.nodes)]):
        line = _written(deployed, node.place)
        if node.kind in {NodeKind.STAGE, NodeKind.END}:
            continue
        found[machine.campaign.stages[node.stage].name].append(
            StepFigures(
                key=node.key,
                kind=node.kind.name.lower(),
                place=node.place,
                words=line.strip(),
                waiting=resting.get((version_id, number), 0),
                held=tuple(ranked(held.get(steps[version_id, number], {}))),
                next_due=next_due.get((version_id, number)),
                indent=len(line) - len(line.lstrip()),
                under=_under(deployed, node.place),
            )
        )
    names = [*found, *(stage for stage in sorted(by_stage) if stage not in found)]
    return tuple(
        StageFigures(
            name=stage,
            steps=_in_order(found.get(stage, ())),
            waiting=by_stage[stage],
            older=older[stage],
        )
        for stage in names
    )


def _places(
    connection: Connection, campaign_id: int
) -> tuple[Mapping[tuple[int, int], int], Mapping[tuple[int, int], int]]:
    """The stage, and the step, of every position of every version."""
    node, version = tables.node.c, tables.version.c
    query = select(node.version_id, node.node, node.step_id, node.stage_id).where(
        node.version_id.in_(select(version.id).where(version.campaign_id == campaign_id))
    )
    rows = connection.execute(query).all()
    return (
        {(row.version_id, row.node): row.stage_id for row in rows},
        {(row.version_id, row.node): row.step_id for row in rows},
    )


def _written(deployed: Deployed, place: str) -> str:
    """The line of a rule without its comment."""
    name, _, number = place.rpartition(":")
    source = deployed.sources.get(name)
    return "" if source is None else source.line(int(number)).partition("#")[0].rstrip()


def _under(deployed: Deployed, place: str) -> str:
    """Of a block the line that begins it, where that is no step of its own: `else:`."""
    name, _, number = place.rpartition(":")
    source = deployed.sources.get(name)
    lines = [] if source is None else source.text.split("\n")[: int(number)]
    deep = len(lines[-1]) - len(lines[-1].lstrip()) if lines else 0
    above = next((line for line in reversed(lines) if line.strip() and len(line) - len(line.lstrip()) < deep), "")
    begins = above.partition("#")[0].strip()
    return begins if begins == "else:" else ""


def _in_order(steps: Iterable[StepFigures]) -> tuple[StepFigures, ...]:
    written = sorted(steps, key=lambda step: _by_line(step.place))
    left = min((step.indent for step in written), default=0)
    return tuple(replace(step, indent=step.indent - left) for step in written)


def _by_line(place: str) -> tuple[str, int]:
    name, _, line = place.rpartition(":")
    return name, int(line) if line.isdecimal() else 0


def waiting(connection: Connection, campaign_id: int) -> Mapping[tuple[int, int], int]:
    """Treated who rest now, by version and node."""
    resting, version = tables.resting.c, tables.version.c
    versions = select(version.id).where(version.campaign_id == campaign_id)
    query = (
        select(resting.version_id, resting.node, func.sum(resting.number).label("number"))
        .where(resting.version_id.in_(versions), resting.held_out == 0)
        .group_by(resting.version_id, resting.node)
    )
    return {(row.version_id, row.node): int(row.number) for row in connection.execute(query) if row.number}


def _next_due(connection: Connection) -> Mapping[tuple[int, int], int]:
    """Of the next timers of the workspace, the first of each position."""
    enrollment = tables.enrollment.c
    soon = (
        select(enrollment.version_id, enrollment.node, enrollment.due_at)
        .where(enrollment.due_at.is_not(None), enrollment.due_at < tables.UNTIL_RESUMED)
        .order_by(enrollment.due_at)
        .limit(_TIMERS)
        .subquery()
    )
    query = select(soon.c.version_id, soon.c.node, func.min(soon.c.due_at)).group_by(soon.c.version_id, soon.c.node)
    return {(version_id, node): at for version_id, node, at in connection.execute(query)}
