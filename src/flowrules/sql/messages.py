"""Statements of contending messages: docs/meaning.md, paragraphs 9 and 10.

All asks of one instant of a customer are judged in total order, one rank after the other, so that a message
judged earlier counts for the later ones; customers side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import false, func, literal_column

from flowrules.model import campaign as m
from flowrules.model.schema import Channel
from flowrules.sql import suppression
from flowrules.sql.bundle import Bundle, Version
from flowrules.sql.caps import Caps, caps
from flowrules.sql.codes import Decision, Reason, Status
from flowrules.sql.holds import Holds, holds
from flowrules.sql.moves import already_sent
from flowrules.sql.rounds import DECISION
from flowrules.sql.scratch import STATE
from flowrules.sql.statement import Statement

_SENT = f"CASE WHEN ghost > 0 THEN {int(Status.GHOST)} ELSE :accepted END"


@dataclass(frozen=True, slots=True)
class Messages:
    """asking: the positions that ask, whose own statements fill the table of asks; order: ranks them where a customer
    is asked for by several; caps: judged in this order for each rank; `accepted`: the status of a message that passes;
    holds: what is asked of messages that may be held.

    number, react and remind write what a virtual channel answers: facts, and the agenda's marks of them.
    """

    asking: Statement
    order: Statement
    ranks: Statement
    refusals: tuple[Statement, ...]
    caps: Caps
    holds: Holds
    count: Statement
    write: tuple[Statement, ...]
    withheld: Statement
    sent: Statement
    number: Statement
    react: str
    remind: str
    rest: Statement
    clear: Statement


def messages(bundle: Bundle) -> Messages:
    w = bundle.writer
    return Messages(
        asking=w.statement(f"SELECT DISTINCT code FROM run WHERE state = {STATE.ASKING} AND ended_at IS NULL"),
        order=w.statement(
            "UPDATE ask SET rank = (SELECT count(*) FROM ask o WHERE o.customer_id = ask.customer_id "
            "AND (o.total, o.key, o.instance) <= (ask.total, ask.key, ask.instance))"
        ),
        ranks=w.statement("SELECT max(rank) FROM ask"),
        refusals=(*already_sent(bundle), *_refusals(bundle), *suppression.listed(bundle)),
        caps=caps(bundle, waiting=bundle.holding),
        holds=holds(bundle),
        count=w.statement(
            "INSERT INTO contact (customer_id, at, campaign_id, instance, step_id, pass, channel_id, counted, ghost) "
            "SELECT a.customer_id, a.at, a.campaign_id, a.instance, a.step_id, a.pass, a.channel_id, o.counted, "
            "a.ghost "
            "FROM ask a CROSS JOIN force o WHERE a.rank = :rank AND a.reason IS NULL AND o.campaign_id = a.campaign_id"
        ),
        write=(_stored(bundle), _recorded(bundle)),
        number=w.statement("UPDATE journal SET next_seq = next_seq + :count RETURNING next_seq"),
        react=w.row(
            "event",
            "customer_id, type_id, at, seq, event_time, ref_campaign_id, ref_instance, ref_step_id, ref_pass, machine",
        ),
        remind=w.row("agenda", "customer_id, at, what", " ON CONFLICT DO NOTHING"),
        withheld=w.statement(
            "SELECT reason, count(*) FROM ask WHERE reason IS NOT NULL AND held IS NULL GROUP BY reason"
        ),
        sent=w.statement(
            "SELECT u.external_id, a.customer_id, a.campaign_id, a.instance, a.step_id, a.pass, a.channel_id, "
            f"n.template, a.at FROM ask a {w.join('customer', 'u', 'u.id = a.customer_id')} CROSS JOIN node n "
            "WHERE a.reason IS NULL AND a.ghost = 0 AND n.version_id = a.version_id AND n.node = a.node "
            "ORDER BY a.customer_id, a.at, a.rank"
        ),
        rest=w.statement(f"UPDATE run SET state = {STATE.REST}, due_at = NULL WHERE state = {STATE.ASKING}"),
        clear=w.statement("DELETE FROM ask"),
    )


def _stored(bundle: Bundle) -> Statement:
    """The message as it is decided on; one that was held is there already."""
    columns = "customer_id, campaign_id, instance, step_id, pass, version_id, node, channel_id"
    skipped = f"CASE reason WHEN {int(Reason.EXPIRED)} THEN {int(Status.EXPIRED)} ELSE {int(Status.SKIPPED)} END"
    status = f"CASE WHEN reason IS NOT NULL THEN {skipped} ELSE {_SENT} END"
    more, values, again = "", "", ""
    if bundle.holding:
        status = f"CASE WHEN held = 1 THEN {int(Status.HELD)} ELSE {status} END"
        more = ", asked_at, place_id, until"
        place = "coalesce((SELECT c.place_id FROM cap c WHERE c.id = cap_id), rule_id)"
        values = (
            f", CASE WHEN held = 1 OR asked_at < at THEN asked_at END, CASE WHEN held = 1 THEN {place} END, "
            "CASE WHEN held = 1 THEN until END"
        )
        changed = "version_id node status reason decided_at turn sent_at entry_at entry_seq asked_at place_id until"
        again = " ON CONFLICT (customer_id, campaign_id, instance, step_id, pass) DO UPDATE SET " + ", ".join(
            f"{column} = excluded.{column}" for column in changed.split()
        )
    return bundle.writer.statement(
        f"INSERT INTO message ({columns}, status, reason, decided_at, turn, sent_at, entry_at, entry_seq{more}) "
        f"SELECT {columns}, {status}, CASE WHEN reason IS NULL AND ghost > 0 THEN {int(Reason.HELD_OUT)} "
        "ELSE reason END, at, :turn, "
        f"CASE WHEN reason IS NULL AND (ghost > 0 OR :accepted = {int(Status.SENT)}) THEN at END, entry_at, "
        f"entry_seq{values} "
        f"FROM ask WHERE 1 = 1{again}"
    )


def _recorded(bundle: Bundle) -> Statement:
    """A row of the ledger each; of one that is still held for the same reason there is one already."""
    place, until, news = "coalesce(c.place_id, a.place_id)", "NULL", ""
    if bundle.holding:
        place, until = "coalesce(c.place_id, a.rule_id, a.place_id)", "CASE WHEN a.held = 1 THEN a.until END"
        news = (
            " WHERE a.held IS NULL OR a.held_place IS NULL OR a.reason <> a.held_reason "
            "OR coalesce(c.place_id, a.rule_id) <> a.held_place"
        )
    return bundle.writer.statement(
        f"{DECISION} SELECT a.at, a.customer_id, :turn, a.campaign_id, a.instance, "
        f"CASE WHEN a.reason IS NULL THEN {int(Decision.SEND)} ELSE {int(Decision.WITHHELD)} END, '', a.step_id, "
        f"a.version_id, CASE WHEN a.reason IS NULL AND a.ghost > 0 THEN {int(Reason.HELD_OUT)} ELSE a.reason END, "
        f"{place}, a.by_id, a.counter, c.number, c.per, {until}, NULL "
        f"FROM ask a LEFT JOIN cap c ON c.id = a.cap_id{news}"
    )


def _refusals(bundle: Bundle) -> Iterator[Statement]:
    """No address, an address that is closed, then consent: one statement for each channel and purpose sent with.

    The purpose is that of the campaign's class in force now.
    """
    current = {version.campaign_id: version for version, _ in bundle.now}
    senders: dict[tuple[Channel, m.Purpose], list[Version]] = {}
    for version in bundle.versions:
        purpose = current.get(version.campaign_id, version).machine.campaign.message_class.purpose
        channels = {node.send.channel for node in version.machine.nodes if node.send is not None}
        for channel in channels:
            senders.setdefault((channel, purpose), []).append(version)
    for (channel, purpose), versions in senders.items():
        guards, w = versions[0].guards, bundle.writer
        state = guards.consent_state(
            literal_column("ask.customer_id"), literal_column("ask.at"), channel.name, purpose.name
        )
        allowed = w.fragment(guards.consent_holds(state, asks_first=purpose.asks_first))
        refused = w.fragment(func.coalesce(state.in_(("refused", "withdrawn")), false()))
        missing = closed = "1 = 0"
        if channel.address is not None:
            missing = f"coalesce({suppression.address(channel.address, 'ask.customer_id', 'ask.at')}, '') = ''"
            known = () if bundle.model is None else bundle.model.channels
            types = [bundle.event_type(name) for name in suppression.bounces(channel, known)]
            seen = "b.at <= ask.at"
            closed = suppression.closed(channel.address, types, "ask.customer_id", "ask.at", seen) if types else closed
        campaigns = ", ".join(str(number) for number in sorted({version.campaign_id for version in versions}))
        yield w.statement(
            f"UPDATE ask SET by_id = CASE WHEN NOT ({missing}) AND {closed} THEN "
            f"{bundle.label(suppression.HARD_BOUNCE)} END, reason = CASE WHEN {missing} THEN {int(Reason.NO_ADDRESS)} "
            f"WHEN {closed} THEN {int(Reason.SUPPRESSED)} "
            f"WHEN {refused} THEN {int(Reason.UNSUBSCRIBED)} ELSE {int(Reason.NO_CONSENT)} END "
            f"WHERE channel_id = {bundle.catalogue.channels[channel.name]} AND campaign_id IN ({campaigns}) "
            f"AND reason IS NULL AND ({missing} OR {closed} OR NOT {allowed})",
            refused,
            allowed,
        )
