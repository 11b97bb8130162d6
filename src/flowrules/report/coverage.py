"""What of the rules the tests have ever made use of: coverage, by file and line.

Takes what each test left in its ledger; gives spots, each a thing that a rule line can decide, and which of them never
did. What a spot is stands in docs/cli.md, and nothing counts that no test can bring about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rich.text import Text
from sqlalchemy import Connection, select, text

from flowrules.model.campaign import (
    Campaign,
    ExcludeCampaign,
    ExitOnEvent,
    Model,
    Split,
    WhenCapped,
)
from flowrules.model.walk import all_steps, leaves
from flowrules.program.machine import EventTest, Machine, Node, NodeKind, ReactionTest, machine
from flowrules.report.print import printed, safe
from flowrules.source import Source
from flowrules.sql import tables as t
from flowrules.sql.bundle import Bundle
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.witness import filters, parts, passed_over
from flowrules.syntax import tree
from flowrules.syntax.parser import parse

Mark = tuple[str | int | None, ...]
"""Something that happened in a test, by (campaign, what, ...)."""

_NOBODY = "nobody ever comes here"
_UNIVERSAL, _OF_CAMPAIGN = 1, 2
"""As `enrollment.ghost` begins; of each campaign it is another."""


# --- what happened ------------------------------------------------------------------------------------


def gather(connection: Connection, bundle: Bundle) -> frozenset[Mark]:
    """At the end of a test."""
    return frozenset({*_decided(connection), *_seen(connection, bundle), *_ghosts(connection)})


def _decided(connection: Connection) -> Iterator[Mark]:
    decision = t.decision.c
    place, by, words = (t.label.alias(name) for name in ("place", "by", "words"))
    query = (
        select(
            t.campaign.c.name,
            decision.decision,
            decision.reason,
            t.step.c.key,
            place.c.text.label("rule"),
            by.c.text.label("by"),
            words.c.text.label("words"),
            decision.until.is_not(None).label("held"),
        )
        .select_from(t.decision)
        .join(t.campaign, t.campaign.c.id == decision.campaign_id)
        .outerjoin(t.step, t.step.c.id == decision.step_id)
        .join(place, place.c.id == decision.place_id)
        .outerjoin(by, by.c.id == decision.by_id)
        .outerjoin(words, words.c.id == decision.words_id)
        .distinct()
    )
    for row in connection.execute(query):
        what = (row.name, row.decision, row.reason)
        yield (*what, "step", row.key)
        yield (*what, "rule", row.rule)
        yield (*what, "by", row.rule, row.by)
        if row.decision == Decision.BRANCH and row.words is not None:
            yield (*what, "arm", row.key, row.words)
        if row.reason == Reason.CAPPED:
            yield (row.name, "held" if row.held else "given up")


def _seen(connection: Connection, bundle: Bundle) -> Iterator[Mark]:
    for code, part, holds in connection.execute(text("SELECT code, part, holds FROM seen")):
        version, number = bundle.position(code)
        yield (version.machine.campaign.name, "part", version.machine.nodes[number].key, part, holds)
    cursor = connection.connection.cursor()
    try:
        for place, statement in passed_over(bundle):
            if statement.rows(cursor):
                yield ("", "passed over", place)
    finally:
        cursor.close()


def _ghosts(connection: Connection) -> Iterator[Mark]:
    query = select(t.campaign.c.name, t.enrollment.c.ghost).join_from(
        t.enrollment, t.campaign, t.campaign.c.id == t.enrollment.c.campaign_id
    )
    for name, ghost in connection.execute(query.distinct()):
        yield (name, "ghost", min(ghost, _OF_CAMPAIGN))


# --- what can happen ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spot:
    """One thing that a line can decide. marks: any of them shows that it did; gap: what to say where none does.

    step: what these belong to, where nobody may ever come.
    """

    place: str
    gap: str
    marks: tuple[Mark, ...]
    step: tuple[str, str] | None = None

    @property
    def file(self) -> str:
        return self.place.rpartition(":")[0]

    @property
    def line(self) -> int:
        return int(self.place.rpartition(":")[2])


def spots(model: Model, sources: Sequence[Source]) -> list[Spot]:
    """In order of files and lines."""
    known = {source.name: number for number, source in enumerate(sources)}
    written = _branches(sources)
    found = [
        *(spot for campaign in model.campaigns for spot in _of_campaign(machine(campaign), written)),
        *_of_policy(model),
    ]
    return sorted(
        (spot for spot in dict.fromkeys(found) if spot.file in known), key=lambda spot: (known[spot.file], spot.line)
    )


def _branches(sources: Sequence[Source]) -> dict[str, list[str]]:
    """By the place of an `if`: the words of the parts of its condition."""
    found = {}
    for declaration in (item for source in sources for item in parse(source)[0].declarations):
        if isinstance(declaration, tree.CampaignDecl):
            steps = [step for stage in declaration.stages for step in all_steps(stage.steps)]
            for branch in (branch for step in steps if isinstance(step, tree.If) for branch in step.branches):
                words = [" ".join(each.span.text.split()) for each in leaves(branch.condition)]
                found[branch.span.place] = words
    return found


def _of_campaign(made: Machine, written: dict[str, list[str]]) -> Iterator[Spot]:
    campaign, name = made.campaign, made.campaign.name
    yield from _of_head(campaign)
    reached = {way for node in made.nodes for way in node.edges}
    for number, node in enumerate(made.nodes):
        if node.kind is not NodeKind.END or number in reached:
            whole = (name, node.key)
            yield from (replace(spot, step=whole) for spot in _of_node(name, node, written))
    for on in (on for stage in campaign.stages for on in stage.reactions):
        decision = Decision.REFRESHED if on.stage is None else Decision.INTERRUPTED
        gap = f"`{on.event.name}` never comes in this stage"
        yield Spot(on.place, gap, ((name, decision, None, "rule", on.place),))
    for place, event, _ in filters(made):
        gap = f"no `{event.name}` ever comes that the brackets pass over"
        yield Spot(place, gap, (("", "passed over", place),))


def _of_head(campaign: Campaign) -> Iterator[Spot]:
    name, goal, capped = campaign.name, campaign.goal, campaign.when_capped
    entered = tuple((name, Decision.ENTERED, reason, "step", None) for reason in (None, Reason.HELD_OUT))
    yield Spot(campaign.entry.place, f"nobody ever enters `{name}`", entered)
    if goal is not None:
        marks = tuple((name, Decision.GOAL, reason, "rule", goal.place) for reason in (None, Reason.JOURNEY_ENDED))
        yield Spot(goal.place, "nobody ever reaches the goal", marks)
    for clause in campaign.exits:
        what = (
            f"`{clause.event.name}` never ends a journey"
            if isinstance(clause, ExitOnEvent)
            else "this never ends a journey"
        )
        yield Spot(clause.place, what, ((name, Decision.EXIT, Reason.EXIT_WHEN, "rule", clause.place),))
    for each in campaign.exclusions:
        by = f"campaign {each.campaign}" if isinstance(each, ExcludeCampaign) else each.by
        refused = tuple(
            (name, decision, Reason.EXCLUDED, "by", each.place, by)
            for decision in (Decision.NOT_ENTERED, Decision.EXIT)
        )
        yield Spot(each.place, f"nobody is ever excluded by {by}", refused)
    for cap in campaign.caps:
        yield Spot(
            cap.place, "nobody is ever capped here", ((name, Decision.WITHHELD, Reason.CAPPED, "rule", cap.place),)
        )
    for hold in campaign.holds:
        held = (name, Decision.WITHHELD, Reason.ON_HOLD, "rule", hold.place)
        yield Spot(hold.place, "no message is ever held by this", (held,))
    if campaign.hold_out is not None:
        yield Spot(campaign.hold_out.place, f"nobody is ever held out of `{name}`", ((name, "ghost", _OF_CAMPAIGN),))
    if capped is not None:
        yield from _of_capped(capped, [name])


def _of_capped(capped: WhenCapped, names: Collection[str]) -> Iterator[Spot]:
    if capped.wait:
        gap = "no capped message ever waits"
        yield Spot(capped.place, gap, tuple((name, "held") for name in names))
    gap = "no capped message is ever given up"
    if capped.end == "exit":
        ended = tuple((name, Decision.EXIT, Reason.EXIT, "rule", capped.place) for name in names)
        yield Spot(capped.place, "no capped message ever ends a journey", ended)
    else:
        yield Spot(capped.place, gap, tuple((name, "given up") for name in names))


def _of_policy(model: Model) -> Iterator[Spot]:
    policy, every = model.policy, [campaign.name for campaign in model.campaigns]

    def withheld(place: str, reason: Reason, names: Iterable[str] = every) -> tuple[Mark, ...]:
        return tuple((name, Decision.WITHHELD, reason, "rule", place) for name in names)

    for cap in policy.caps:
        yield Spot(cap.place, "nobody is ever capped here", withheld(cap.place, Reason.CAPPED))
    for each in policy.suppressions:
        yield Spot(each.place, f"nobody is ever suppressed by {each.by}", withheld(each.place, Reason.SUPPRESSED))
    for quiet in policy.quiet:
        yield Spot(quiet.place, "no message ever comes in these quiet hours", withheld(quiet.place, Reason.QUIET_UNTIL))
    if policy.hold_out is not None:
        held_out = tuple((name, "ghost", _UNIVERSAL) for name in every)
        yield Spot(policy.hold_out.place, "nobody is ever held out by this", held_out)
    if policy.when_capped is not None:
        without = [campaign.name for campaign in model.campaigns if campaign.when_capped is None]
        yield from _of_capped(policy.when_capped, without)
    for purpose in policy.purposes:
        sending = [campaign for campaign in model.campaigns if campaign.message_class.purpose.name == purpose.name]
        places = [(each.name, node.place) for each in sending for node in machine(each).nodes if node.send is not None]
        refused = tuple(
            mark
            for name, place in places
            for reason in (Reason.NO_CONSENT, Reason.UNSUBSCRIBED)
            for mark in withheld(place, reason, [name])
        )
        if refused:
            yield Spot(purpose.place, f"nobody is ever without consent to `{purpose.name}`", refused)


_DONE: dict[NodeKind, tuple[Decision, str]] = {
    NodeKind.STAGE: (Decision.STAGE, "nobody ever comes to this stage"),
    NodeKind.WAIT: (Decision.WAIT, "nobody ever waits here"),
    NodeKind.WAIT_UNTIL: (Decision.WAIT, "nobody ever waits here"),
    NodeKind.TAG: (Decision.TAG, "nobody is ever tagged here"),
    NodeKind.UNTAG: (Decision.UNTAG, "nobody ever comes here"),
    NodeKind.SET: (Decision.SET, "nobody ever comes here"),
    NodeKind.START: (Decision.START, "nobody ever comes here"),
}


def _of_node(name: str, node: Node, written: dict[str, list[str]]) -> Iterator[Spot]:  # noqa: C901  # one case a kind
    def spot(gap: str, decision: Decision, *reasons: Reason | None) -> Spot:
        return Spot(node.place, gap, tuple((name, decision, reason, "step", node.key) for reason in reasons or (None,)))

    match node.kind:
        case NodeKind.SEND:
            sent = node.key.rpartition("/send ")[2].partition(" #")[0]
            yield spot(f"{sent} is never sent", Decision.SEND)
            if node.send is not None and node.send.expires is not None:
                yield spot(f"{sent} never comes too late", Decision.WITHHELD, Reason.EXPIRED)
        case NodeKind.WAIT_FOR:
            event = node.test.event.name if isinstance(node.test, EventTest) else ""
            yield spot(f"`{event}` never comes in time", Decision.MET)
            yield spot(f"`{event}` always comes in time", Decision.TIMED_OUT)
        case NodeKind.NO_REACTION:
            reaction = node.test.reaction if isinstance(node.test, ReactionTest) else ""
            yield spot(f"the message is always {reaction} in time", Decision.TIMED_OUT)
            yield spot(f"the message is never {reaction} in time", Decision.MET)
        case NodeKind.BRANCH:
            words = written.get(node.place, [])
            said = f"`{words[0]}`" if len(words) == 1 else "this"
            yield spot(f"{said} is never so", Decision.BRANCH, Reason.YES)
            yield spot(f"{said} is always so", Decision.BRANCH, Reason.NO)
            yield from _of_parts(name, node, written)
        case NodeKind.SPLIT:
            for arm in node.test.arms if isinstance(node.test, Split) else ():
                mark = (name, Decision.BRANCH, None, "arm", node.key, arm.name)
                yield Spot(node.place, f"nobody ever goes the way of `{arm.name}`", (mark,))
        case NodeKind.EXIT:
            yield spot("nobody ever leaves here", Decision.EXIT, Reason.EXIT)
        case NodeKind.END:
            yield spot("nobody ever comes to the end of this stage", Decision.EXIT, Reason.COMPLETED)
        case kind:
            decision, gap = _DONE[kind]
            yield spot(gap, decision)


def _of_parts(name: str, node: Node, written: dict[str, list[str]]) -> Iterator[Spot]:
    """Each part of a condition of several must have been so, and not so."""
    found = list(parts(node.test))  # type: ignore[arg-type]  # a branch has a condition
    words = written.get(node.place, [])
    if len(found) < 2:  # noqa: PLR2004  # the whole condition says it
        return
    for number in range(len(found)):
        said = f"`{words[number]}`" if len(words) == len(found) else f"part {number + 1} of this condition"
        for holds, gap in ((1, "is never so"), (0, "is always so")):
            yield Spot(node.place, f"{said} {gap}", ((name, "part", node.key, number, holds),))


# --- what came of it ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Coverage:
    spots: Sequence[Spot]
    marks: Collection[Mark]
    sources: Sequence[Source]

    @cached_property
    def gaps(self) -> list[Spot]:
        return [spot for spot in self.spots if not any(mark in self.marks for mark in spot.marks)]

    @cached_property
    def told(self) -> list[Spot]:
        """The gaps; of a step that nobody ever comes to, that alone is said."""
        missing = Counter(spot.step for spot in self.gaps)
        all_of = Counter(spot.step for spot in self.spots)
        found: dict[object, Spot] = {}
        for spot in self.gaps:
            whole = spot.step is not None and all_of[spot.step] > 1 and missing[spot.step] == all_of[spot.step]
            found.setdefault(spot.step if whole else spot, replace(spot, gap=_NOBODY) if whole else spot)
        return list(found.values())

    @property
    def percent(self) -> float:
        """In tenths, rounded down: all is all."""
        total = len(self.spots)
        return (total - len(self.gaps)) * 1000 // total / 10 if total else 100.0

    def files(self) -> list[tuple[str, int, int]]:
        """Name, how many spots were covered, of how many."""
        names = dict.fromkeys(spot.file for spot in self.spots)
        missing = [spot.file for spot in self.gaps]
        totals = [spot.file for spot in self.spots]
        return [(name, totals.count(name) - missing.count(name), totals.count(name)) for name in names]

    def facts(self) -> dict[str, object]:
        return {
            "percent": self.percent,
            "covered": len(self.spots) - len(self.gaps),
            "total": len(self.spots),
            "files": [{"file": name, "covered": covered, "total": total} for name, covered, total in self.files()],
            "gaps": [{"file": gap.file, "line": gap.line, "what": gap.gap} for gap in self.told],
        }

    def text(self, *, colour: bool) -> str:
        lines = [Text(f"coverage {self.percent:g}%", "bold").append(self._counted(), "not bold")]
        width = max((len(name) for name, _, _ in self.files()), default=0)
        for name, covered, total in self.files():
            style = "green" if covered == total else "yellow"
            lines.append(Text(f"  {name:<{width}}  ").append(f"{covered} of {total}", style))
        if self.told:
            places = max(len(gap.place) for gap in self.told)
            lines += [Text(), *(Text(f"{gap.place:<{places}}  {safe(gap.gap)}") for gap in self.told)]
        return printed(lines, colour=colour)

    def _counted(self) -> str:
        return f": {len(self.spots) - len(self.gaps)} of {len(self.spots)} things that the rules can decide"

    def annotated(self, *, colour: bool) -> str:
        """The rule files: `+` a line all of which was decided, `!` one with a gap, which is told below it."""
        lines: list[Text] = []
        for source in self.sources:
            deciding = {spot.line for spot in self.spots if spot.file == source.name}
            if not deciding:
                continue
            lines += [Text(), Text(source.name, "bold")] if lines else [Text(source.name, "bold")]
            for number in range(1, source.text.count("\n") + 1):
                gaps = [gap.gap for gap in self.told if (gap.file, gap.line) == (source.name, number)]
                mark = "!" if gaps else "+" if number in deciding else " "
                style = {"!": "red", "+": "green"}.get(mark, "")
                lines.append(Text(f"{mark} {number:>4}  {safe(source.line(number))}".rstrip(), style))
                lines += [Text(f"{'':>8}^ {safe(gap)}", "red") for gap in gaps]
        return printed(lines, colour=colour)
