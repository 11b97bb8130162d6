"""Statements of addresses that nothing goes to: docs/meaning.md, paragraph 9.

The lists the policy names, and what the address a customer has now has said for good. The planner asks at the instant
of a message; the gate asks again with the same words at the real instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowrules.model import condition as c
from flowrules.model.schema import Channel
from flowrules.sql.bundle import Bundle
from flowrules.sql.codes import Reason
from flowrules.sql.guards import Row
from flowrules.sql.statement import Statement

HARD_BOUNCE = "hard bounce"
"""What closed an address, as the ledger calls it."""


def address(kind: str, who: str, at: str) -> str:
    """The normal form of a customer's email or phone at an instant; NULL or empty: none that is usable."""
    return (
        f"(SELECT i.value FROM identity i WHERE i.customer_id = {who} AND i.kind = '{kind}' AND i.since <= {at} "
        "ORDER BY i.since DESC LIMIT 1)"
    )


def closed(kind: str, types: Iterable[int], who: str, at: str, seen: str) -> str:
    """A message to the address that is in force at `at` came back for good; `seen`: which of the facts count."""
    sent = (
        "coalesce((SELECT m.sent_at FROM message m WHERE m.customer_id = b.customer_id "
        "AND m.campaign_id = b.ref_campaign_id AND m.instance = b.ref_instance AND m.step_id = b.ref_step_id "
        "AND m.pass = b.ref_pass), b.event_time)"
    )
    of_types = ", ".join(str(number) for number in types)
    return (
        f"EXISTS (SELECT 1 FROM event b WHERE b.customer_id = {who} AND b.type_id IN ({of_types}) AND {seen} "
        f"AND b.permanent = 1 AND {address(kind, 'b.customer_id', sent)} = {address(kind, who, at)})"
    )


def bounces(channel: Channel, channels: Iterable[Channel]) -> list[str]:
    """Events that tell of the address of a channel, whichever channel they came back by."""
    return [f"{each.name}_bounced" for each in channels if each.address == channel.address]


_STRONGER = ", ".join(str(int(reason)) for reason in (Reason.NO_ADDRESS, Reason.PAUSED, Reason.EXPIRED))


def listed(bundle: Bundle) -> Iterator[Statement]:
    """Who is in a list of the policy. In reverse order of text: the first that holds is written last.

    Stronger than consent and its absence, weaker than a missing address.
    """
    if bundle.model is None or not bundle.versions:
        return
    guards, w = bundle.versions[0].guards, bundle.writer
    for line in reversed(bundle.model.policy.suppressions):
        holds = w.fragment(guards.test(c.InList(line.list), Row("ask")))
        over = ""
        if line.channels:
            ids = ", ".join(str(bundle.catalogue.channels[name]) for name in line.channels)
            over = f"channel_id IN ({ids}) AND "
        yield w.statement(
            f"UPDATE ask SET reason = {int(Reason.SUPPRESSED)}, place_id = {bundle.label(line.place)}, "
            f"by_id = {bundle.label(line.by)} "
            f"WHERE {over}coalesce(reason, 0) NOT IN ({_STRONGER}) AND {holds}",
            holds,
        )
