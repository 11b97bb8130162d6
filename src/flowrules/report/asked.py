"""Which condition about the customer decided a row of the ledger, as it is meant and as it was written.

Takes a row with the deployment that was in force then, and the one its version came with. Asks nothing of anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from flowrules.content.deployed import Deployed
from flowrules.model.campaign import (
    ChangeTrigger,
    DateTrigger,
    ExitOnCondition,
    ScheduleTrigger,
    SegmentTrigger,
)
from flowrules.model.condition import AttributeIs, Condition
from flowrules.model.walk import steps_of
from flowrules.program.machine import NodeKind
from flowrules.report.clauses import Asking, Clause, Written, written_of
from flowrules.report.ledger import Decided
from flowrules.sql.codes import Decision, Reason
from flowrules.syntax import tree


@dataclass(frozen=True, slots=True)
class Asked:
    """written: as its author has it, found only when it is asked for: the files are read again for that. decided: what
    came out of it. alone: what is written says more than the condition, whose value is all there is to tell: of a
    trigger by a change or a date.
    """

    deployed: Deployed
    meant: Condition
    written: Callable[[], Written | None]
    decided: bool = True
    alone: bool = False

    def of(self, asking: Asking, customer: int) -> tuple[Clause, ...]:
        """What each part found. Empty where it would not decide so: then it is not what decided."""
        written = self.written()
        found = () if written is None else tuple(asking.of_customer(customer, written, self.meant))
        if self.alone:
            return tuple(replace(each, holds=True) for each in found)
        return found if all(each.holds for each in found) == self.decided else ()


def asked(row: Decided, now: Deployed | None, of_version: Deployed) -> Asked | None:
    """None: no condition about the customer decided; the filter of an event is none."""
    if now is not None and row.campaign in now.campaigns:
        match row.decision, row.reason:
            case Decision.NOT_ENTERED | Decision.EXIT | Decision.OUTCOME, Reason.EXCLUDED:
                kind, _, name = (row.by or "").partition(" ")
                return _segment(now, name) if kind == "segment" else None
            case Decision.WITHHELD | Decision.OUTCOME, Reason.ON_HOLD:
                return _hold(now, row)
            case Decision.ENTERED, _:
                return None if row.by else _entry(now, row.campaign)
            case _:
                pass
    there = as_its_version(row, now, of_version)
    match row.decision, row.reason:
        case (Decision.EXIT, Reason.EXIT_WHEN) | (Decision.OUTCOME, Reason.JOURNEY_ENDED):
            return _exit(there, row)
        case Decision.BRANCH, Reason.YES | Reason.NO:
            return _branch(there, row)
        case _:
            return None


def as_its_version(row: Decided, now: Deployed | None, of_version: Deployed) -> Deployed:
    """The files that name its rule: where the version is in force it may stand in other lines than at first."""
    return now if now is not None and now.means(of_version, row.campaign) else of_version


def _segment(deployed: Deployed, name: str, *, decided: bool = True) -> Asked | None:
    meant = next((each.condition for each in deployed.model.segments if each.name == name), None)
    return None if meant is None else Asked(deployed, meant, partial(written_of, deployed, name), decided)


def _entry(deployed: Deployed, name: str) -> Asked | None:
    trigger = deployed.campaigns[name].entry.trigger
    match trigger:
        case ScheduleTrigger():
            return _segment(deployed, trigger.segment.name)
        case SegmentTrigger():
            return _segment(deployed, trigger.segment.name, decided=trigger.joins)
        case ChangeTrigger() | DateTrigger():
            return Asked(
                deployed, AttributeIs(trigger.attribute, "known"), partial(_trigger, deployed, name), alone=True
            )
        case _:
            return None


def _hold(deployed: Deployed, row: Decided) -> Asked | None:
    lines = (each for each in deployed.campaigns[row.campaign].holds if each.place == row.rule)
    meant = next((each.condition for each in lines), None)
    return None if meant is None else Asked(deployed, meant, partial(_clause, deployed, row))


def _exit(deployed: Deployed, row: Decided) -> Asked | None:
    lines = (each for each in deployed.campaigns[row.campaign].exits if isinstance(each, ExitOnCondition))
    meant = next((each.condition for each in lines if each.place == row.rule), None)
    return None if meant is None else Asked(deployed, meant, partial(_clause, deployed, row))


def _branch(deployed: Deployed, row: Decided) -> Asked | None:
    nodes = (each for each in deployed.machines[row.campaign].nodes if each.kind is NodeKind.BRANCH)
    node = next((each for each in nodes if each.key == row.step), None)
    if node is None:
        return None

    def written() -> Written | None:
        here = [each for each in _branches(deployed, row.campaign) if each.span.place == node.place]
        return here[0].condition if len(here) == 1 else None  # several on one line

    return Asked(deployed, cast("Condition", node.test), written, row.reason == Reason.YES)


def _clause(deployed: Deployed, row: Decided) -> Written | None:
    """Of the line at the rule; `exit when x` of a segment is its bare name."""
    for each in header(deployed, row.campaign):
        if isinstance(each, tree.HoldWhile | tree.ExitWhen) and each.span.place == row.rule:
            return each.condition if isinstance(each, tree.HoldWhile) else each.condition or each.name
    return None


def _trigger(deployed: Deployed, campaign: str) -> Written | None:
    return next((each.trigger for each in header(deployed, campaign) if isinstance(each, tree.Enter)), None)


# --- the tree -----------------------------------------------------------------------------------------


def header(deployed: Deployed, campaign: str) -> Iterator[tree.HeaderClause]:
    for each in declared(deployed, campaign):
        yield from each.header


def declared(deployed: Deployed, campaign: str) -> Iterator[tree.CampaignDecl]:
    found = (each for each in deployed.declarations if isinstance(each, tree.CampaignDecl))
    return (each for each in found if each.name.text == campaign)


def _branches(deployed: Deployed, campaign: str) -> Iterator[tree.Branch]:
    for each in declared(deployed, campaign):
        for step in steps_of(each):
            if isinstance(step, tree.If):
                yield from step.branches
