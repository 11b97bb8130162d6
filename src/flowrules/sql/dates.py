"""Statements of entering on a customer's date: docs/meaning.md, Dates.

The clock time comes round every day in every zone; who it is for is found by an index of the attribute.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowrules.model import campaign as m
from flowrules.sql.bundle import OCCURRENCE, Bundle
from flowrules.sql.columns import attribute_column
from flowrules.sql.statement import Fragment, Statement

Found = tuple[str, tuple[Fragment, ...]]


@dataclass(frozen=True, slots=True)
class Dates:
    """One campaign. what: its mark in the agenda; attribute: the date's name.

    gather: who has an occurrence in the stretch; again: whose date changed.
    """

    what: int
    attribute: str
    gather: tuple[Statement, ...]
    again: Statement


def dates(bundle: Bundle, zone: str) -> tuple[Dates, ...]:
    """zone: of a customer `c`, as SQL."""
    return tuple(
        _dates(bundle, trigger, zone, OCCURRENCE - version.campaign_id)
        for version, _ in bundle.now
        if isinstance(trigger := version.machine.campaign.entry.trigger, m.DateTrigger)
    )


def _dates(bundle: Bundle, trigger: m.DateTrigger, zone: str, what: int) -> Dates:
    w, column, default = bundle.writer, f'c."{attribute_column(trigger.attribute)}"', trigger.attribute.default
    agenda = "INSERT INTO agenda (customer_id, at, what) SELECT DISTINCT c.id, o.at, o.what FROM "
    here = f"c.known_at <= o.at AND {zone} = o.zone_id"
    marked = f"FROM occurrence r{{0}} WHERE r.what = {what}"
    if trigger.days is None:
        both = marked.format(" CROSS JOIN calendar t CROSS JOIN calendar k")
        same = "t.day = r.day AND k.month_day IN (t.month_day, t.also)"
        rows = f"(SELECT r.at, r.what, r.zone_id, k.day {both} AND {same}) o"
    else:
        rows = f"(SELECT r.at, r.what, r.zone_id, r.day - {trigger.days} AS day {marked.format('')}) o"
    gather = [f"{agenda}{rows} {w.join('customer', 'c', f'{column} = o.day AND {here}')} WHERE 1 = 1"]
    if default is not None:  # all who have no date of their own
        whole = w.join("customer", "c", f"{column} IS NULL AND {here}")
        gather.append(f"{agenda}{rows} {whole} WHERE o.day = {default}")
    return Dates(
        what=what,
        attribute=trigger.attribute.name,
        gather=tuple(w.statement(f"{text} ON CONFLICT DO NOTHING") for text in gather),
        again=w.statement(
            f"{agenda}focus f {w.join('customer', 'c', 'c.id = f.customer_id')} CROSS JOIN occurrence o "
            f"WHERE o.what = {what} AND o.at > f.at AND o.at <= :target AND {here} "
            f"AND {_falls(trigger, 'c', 'o')} ON CONFLICT DO NOTHING"
        ),
    )


def on_date(trigger: m.DateTrigger, what: int) -> Found:
    """Whose day this is: customer_id, at, zone_id, seq, key."""
    return (
        "SELECT focus.customer_id, focus.at, focus.zone_id, CAST(NULL AS BIGINT) AS seq, '' AS key FROM focus "
        "WHERE EXISTS (SELECT 1 FROM occurrence o CROSS JOIN customer c WHERE o.zone_id = focus.zone_id "
        f"AND o.at = focus.at AND o.what = {what} AND c.id = focus.customer_id AND c.known_at <= focus.at "
        f"AND {_falls(trigger, 'c', 'o')})",
        (),
    )


def _falls(trigger: m.DateTrigger, customer: str, occurrence: str) -> str:
    """A customer's date makes this an occurrence of theirs."""
    value = f'{customer}."{attribute_column(trigger.attribute)}"'
    if trigger.attribute.default is not None:
        value = f"coalesce({value}, {trigger.attribute.default})"
    if trigger.days is not None:
        return f"{value} = {occurrence}.day - {trigger.days}"
    return (
        f"EXISTS (SELECT 1 FROM calendar k CROSS JOIN calendar t WHERE k.day = {value} AND t.day = {occurrence}.day "
        "AND k.month_day IN (t.month_day, t.also))"
    )
