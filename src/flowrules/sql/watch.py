"""Statements of the watch: exclusions and `exit when` conditions (docs/meaning.md, Watch), and of every end.

Marking and ending are apart: all that must end at one moment is marked first, then ends together.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.model.condition import Condition
from flowrules.sql.bundle import Bundle, Version
from flowrules.sql.codes import Decision, Reason
from flowrules.sql.guards import Guards, Row
from flowrules.sql.holds import cancel, rechecked
from flowrules.sql.rounds import DECISION
from flowrules.sql.statement import Statement


@dataclass(frozen=True, slots=True)
class Watch:
    """marks: by the versions they concern; rechecks: the next instant time alone may change a mark."""

    marks: tuple[Statement, ...]
    rechecks: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """Write the ledger rows of the marked, cancel the messages they have that are held, then end them.

    linked: mark those that end with others.
    """

    record: Statement
    cancel: tuple[Statement, ...]
    end: Statement
    linked: Statement | None


def ends(bundle: Bundle) -> Ends:
    w = bundle.writer
    return Ends(
        record=w.statement(
            f"{DECISION} SELECT at, customer_id, :turn, campaign_id, instance, {int(Decision.EXIT)}, '', 0, "
            "version_id, exit, place_id, by_id, NULL, NULL, NULL, NULL, words_id FROM run WHERE ending = 1"
        ),
        cancel=cancel(bundle, "run.ending = 1", Reason.JOURNEY_ENDED),
        end=w.statement(
            "UPDATE run SET ended_at = at, due_at = NULL, recheck_at = NULL, state = 0, ending = 0, dirty = 1, "
            "by_id = NULL WHERE ending = 1"
        ),
        linked=_linked(bundle) if bundle.links() else None,
    )


def _linked(bundle: Bundle) -> Statement:
    """The row of their entry knows which line started them, and of which campaign."""
    entered = (
        "FROM decision d WHERE d.customer_id = run.customer_id AND d.at = run.entered_at "
        "AND d.campaign_id = run.campaign_id AND d.instance = run.instance "
        f"AND d.decision = {int(Decision.ENTERED)}"
    )
    return bundle.writer.statement(
        f"UPDATE run SET ending = 1, exit = {int(Reason.LINKED)}, (place_id, by_id) = (SELECT d.place_id, d.by_id "
        f"{entered}) WHERE ended_at IS NULL AND ending = 0 AND link_campaign_id IS NOT NULL AND EXISTS (SELECT 1 "
        "FROM run AS other WHERE other.customer_id = run.customer_id AND other.campaign_id = run.link_campaign_id "
        "AND other.instance = run.link_instance AND other.ended_at IS NOT NULL)"
    )


def watch(bundle: Bundle) -> Watch:
    marks: list[Statement] = []
    rechecks: list[Statement] = []
    now = {version.campaign_id: version for version, _ in bundle.now}
    for version, _ in bundle.now:
        for exclusion in version.machine.campaign.exclusions:
            marks.append(_exclusion(bundle, version, exclusion, now))
            if isinstance(exclusion, m.ExcludeWhere):
                where = f"campaign_id = {version.campaign_id}"
                rechecks += _rechecks(bundle, version.guards, exclusion.condition, where)
        for hold in version.machine.campaign.holds:
            rechecks += _rechecks(bundle, version.guards, hold.condition, rechecked(version.campaign_id))
    for version in bundle.versions:
        for clause in version.machine.campaign.exits:
            if isinstance(clause, m.ExitOnCondition):
                where = f"version_id = {version.id}"
                holds = bundle.condition(version.guards, clause.condition, "run")
                marks.append(
                    bundle.writer.statement(
                        f"UPDATE run SET ending = 1, exit = {int(Reason.EXIT_WHEN)}, by_id = NULL, "
                        f"place_id = {bundle.label(clause.place)} "
                        f"WHERE {where} AND ended_at IS NULL AND ending = 0 AND {holds}",
                        holds,
                    )
                )
                rechecks += _rechecks(bundle, version.guards, clause.condition, where)
    if rechecks or marks:  # a deployment has everybody watched looked at once, also where time alone changes nothing
        again = "UPDATE run SET recheck_at = NULL, dirty = 1 WHERE recheck_at IS NOT NULL AND ended_at IS NULL"
        rechecks.insert(0, bundle.writer.statement(again))
    return Watch(tuple(marks), tuple(rechecks))


def excluded(bundle: Bundle, exclusion: m.ExcludeWhere | m.ExcludeCampaign) -> tuple[int, int]:
    """Labels of an exclusion: its place, and what excluded."""
    by = exclusion.by if isinstance(exclusion, m.ExcludeWhere) else f"campaign {exclusion.campaign}"
    return bundle.label(exclusion.place), bundle.label(by)


def _exclusion(
    bundle: Bundle,
    version: Version,
    exclusion: m.ExcludeWhere | m.ExcludeCampaign,
    now: dict[int, Version],
) -> Statement:
    place, by = excluded(bundle, exclusion)
    mark = (
        f"UPDATE run SET ending = 1, exit = {int(Reason.EXCLUDED)}, place_id = {place}, by_id = {by} "
        f"WHERE campaign_id = {version.campaign_id} AND ended_at IS NULL AND ending = 0 AND "
    )
    if isinstance(exclusion, m.ExcludeWhere):
        holds = bundle.condition(version.guards, exclusion.condition, "run")
        return bundle.writer.statement(f"{mark}{holds}", holds)
    other_id = bundle.catalogue.campaigns[exclusion.campaign]
    other = now.get(other_id)
    mutual = other is not None and any(
        isinstance(item, m.ExcludeCampaign) and item.campaign == version.machine.campaign.name
        for item in other.machine.campaign.exclusions
    )
    if mutual and other is not None and bundle.rank(version) < bundle.rank(other):
        # The other one has to go: the stronger of two that exclude each other stays.
        return bundle.writer.statement(f"{mark}1 = 0")
    return bundle.writer.statement(
        f"{mark}EXISTS (SELECT 1 FROM run AS other WHERE other.customer_id = run.customer_id "
        f"AND other.campaign_id = {other_id} AND other.ended_at IS NULL)"
    )


def _rechecks(bundle: Bundle, guards: Guards, condition: Condition, where: str) -> list[Statement]:
    made: list[Statement] = []
    for change in guards.changes(condition, Row("run")):
        instant = bundle.writer.fragment(change)
        made.append(
            bundle.writer.statement(
                f"UPDATE run SET recheck_at = {instant}, dirty = 1 WHERE {where} AND ended_at IS NULL "
                f"AND {instant} > at AND ({instant} < recheck_at OR recheck_at IS NULL)",
                instant,
            )
        )
    return made
