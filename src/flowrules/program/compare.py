"""Two models by meaning: what their policies, their declarations and their campaigns' headers differ in.

Layout, comments, the order of files and where a line stands are no meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from flowrules.model import campaign as m
from flowrules.model.condition import Segment
from flowrules.model.digest import canonical
from flowrules.model.schema import Type
from flowrules.program.concerns import by_policy
from flowrules.program.machine import Machine, NodeKind, machine
from flowrules.program.plan import Change, Difference, SchemaChange, renamed

Line = Callable[[str], str | None]
"""The words at `file:line`."""


def policy_changes(old: m.Model | None, new: m.Model, said_then: Line, said_now: Line) -> Iterator[Difference]:
    """What holds for everybody at once, whatever version they are in."""
    if old is None:
        return
    policies = _policy(old.policy, said_then), _policy(new.policy, said_now)
    # Also of a line that is gone, those that there are now.
    concerned = {text: by_policy(clause, new) for lines in policies for _, text, clause in lines}
    old_lines, new_lines = ([(meaning, text) for meaning, text, _ in lines] for lines in policies)
    for each in _differences("policy", old_lines, new_lines):
        yield replace(each, campaigns=concerned[each.text])
    before = {campaign.name: campaign for campaign in old.campaigns}
    for campaign in new.campaigns:
        if campaign.name in before:
            then = _header(before[campaign.name], said_then)
            yield from _differences(campaign.name, then, _header(campaign, said_now))


def _differences(where: str, then: list[tuple[str, str]], now: list[tuple[str, str]]) -> Iterator[Difference]:
    gone = Counter(meaning for meaning, _ in then) - Counter(meaning for meaning, _ in now)
    fresh = Counter(meaning for meaning, _ in now) - Counter(meaning for meaning, _ in then)
    yield from (Difference("removed", where, text) for meaning, text in then if gone[meaning])
    yield from (Difference("added", where, text) for meaning, text in now if fresh[meaning])


def _policy(policy: m.Policy, said: Line) -> list[tuple[str, str, object]]:
    clauses: list[object] = [*policy.purposes, *policy.classes, *policy.caps, *policy.suppressions, *policy.quiet]
    clauses += [clause for clause in (policy.when_capped, policy.hold_out) if clause is not None]
    of_customer = " of customer, else" if policy.zone_of_customer else ""
    zone = f'time zone{of_customer} "{policy.zone}"'
    return [(zone, zone, None), *((*_clause(clause, said), clause) for clause in clauses)]


def _header(campaign: m.Campaign, said: Line) -> list[tuple[str, str]]:
    plain = [f"class {campaign.message_class.name}"]
    plain += [f"priority {campaign.priority}"] if campaign.priority else []
    clauses: list[object] = [*campaign.exclusions, *campaign.caps, *campaign.holds]
    clauses += [] if campaign.hold_out is None else [campaign.hold_out]
    return [*((text, text) for text in plain), *(_clause(clause, said) for clause in clauses)]


def _clause(clause: object, said: Line) -> tuple[str, str]:
    """Its meaning, and its words. A class is written out here: what it allows may have changed."""
    if isinstance(clause, m.MessageClass):
        meaning = f"class {clause.name} {clause.purpose.name} {clause.limited} {clause.counted} {clause.rank}"
    else:
        meaning = canonical(clause, {})
    return meaning, said(getattr(clause, "place", "")) or meaning


def campaign_changes(
    old: m.Model | None, new: m.Model, said_then: Line, said_now: Line
) -> Iterator[tuple[str, Change, tuple[Difference, ...]]]:
    """Of each campaign that is not the same in both: what it is now, and the lines that differ.

    One that is unchanged says otherwise what becomes of those inside.
    """
    before = {} if old is None else {campaign.name: campaign for campaign in old.campaigns}
    after = {campaign.name: campaign for campaign in new.campaigns}
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield name, "added", ()
        elif name not in after:
            yield name, "removed", ()
        else:
            then, now = before[name], machine(after[name])
            inside = tuple(_differences(name, _migrate(then, said_then), _migrate(after[name], said_now)))
            if then.digest != after[name].digest:
                renames = [Difference("renamed", name, text) for text in _renames(then, after[name])]
                flow = [*renames, *_differences(name, _flow(machine(then), said_then, now), _flow(now, said_now, now))]
                other_order = Difference("added", name, "the same steps, in another order")
                yield name, "changed", (*(flow or (other_order,)), *inside)
            elif inside:
                yield name, "unchanged", inside


def _migrate(campaign: m.Campaign, said: Line) -> list[tuple[str, str]]:
    return [_clause(line, said) for line in campaign.migrations]


def _renames(then: m.Campaign, now: m.Campaign) -> Iterator[str]:
    was, names = ({stage.name for stage in campaign.stages} for campaign in (then, now))
    for stage in now.stages:
        if stage.formerly in was - names and stage.name not in was:
            yield f"stage {stage.formerly} is called {stage.name}"


def _flow(made: Machine, said: Line, now: Machine) -> list[tuple[str, str]]:
    """What decides a journey, a line each: the header, and every step, by the name that its stage has now."""
    campaign = made.campaign
    clauses: list[object] = [*campaign.exits]
    clauses += [clause for clause in (campaign.entry, campaign.goal, campaign.when_capped) if clause is not None]
    lines = [_clause(clause, said) for clause in clauses]
    lines += [(settle := f"settle {campaign.settle // 1_000_000} seconds", settle)] if campaign.settle else []
    for node in sorted(made.nodes, key=lambda node: int(node.place.rpartition(":")[2])):  # as written
        if node.kind is not NodeKind.END:
            # Not where it leads: a new step would show the one before it as another.
            meaning = f"{node.kind} '{node.key}' {node.duration} {node.words} {canonical(node.test, {})}"
            meaning += canonical(node.send, {}) if node.send is not None else ""
            if node.kind is NodeKind.STAGE:
                meaning = f"stage {renamed(node.key, now)}"
            stage = campaign.stages[node.stage].name
            lines.append((meaning.replace(f"'{stage}/", f"'{renamed(stage, now)}/"), said(node.place) or node.key))
    reactions = [on for stage in campaign.stages for on in stage.reactions]
    return [*lines, *(_clause(on, said) for on in reactions)]


def segment_changes(old: m.Model | None, new: m.Model, said_then: Line, said_now: Line) -> Iterator[SchemaChange]:
    """Who is in a segment from now on; of several lines the first."""
    if old is None:
        return
    then, now = ({each.name: each for each in model.segments} for model in (old, new))
    for name in sorted(then.keys() | now.keys()):
        before = _definition(then[name], said_then) if name in then else None
        after = _definition(now[name], said_now) if name in now else None
        if name not in then or name not in now:
            yield SchemaChange("added" if name in now else "removed", "segment", name, before, after)
        elif canonical(then[name].condition, {}) != canonical(now[name].condition, {}):
            same = before == after  # a line below, or what it names
            yield SchemaChange("retyped", "segment", name, *((None, None) if same else (before, after)))


def _definition(segment: Segment, said: Line) -> str:
    return (said(segment.place) or "").partition(":")[2].strip()


def schema_changes(old: m.Model | None, new: m.Model) -> Iterator[SchemaChange]:
    then, now = ({} if old is None else _declared(old)), _declared(new)
    for kind, name in sorted(then.keys() | now.keys()):
        before, after = then.get((kind, name)), now.get((kind, name))
        if before is None:
            yield SchemaChange("added", kind, name, after=after or None)
        elif after is None:
            yield SchemaChange("removed", kind, name, before=before or None)
        elif before != after:
            yield SchemaChange("retyped", kind, name, before, after)


def _declared(model: m.Model) -> dict[tuple[str, str], str]:
    """By kind and name, the type; empty where there is none."""
    found = {("attribute", each.name): _type(each.type) for each in model.attributes if not each.builtin}
    for event in model.events:
        if event.channel is None:
            found["event", event.name] = ""
            found |= {("property", f"{event.name}.{each.name}"): _type(each.type) for each in event.properties}
    return found | {("list", each.name): "" for each in model.lists}


def _type(declared: Type) -> str:
    options = ", ".join(f'"{option}"' for option in declared.options)
    return f"{declared.kind.value} {options}".strip()
