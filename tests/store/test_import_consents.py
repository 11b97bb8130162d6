"""Files that say yes and no: consents, unsubscribed, bounces, complaints."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import insert, select, update

from flowrules.sql import tables
from flowrules.sql.message_id import MessageKey, message_id
from flowrules.sql.token import Unsubscribe, bounce_token, unsubscribe_token
from flowrules.store.database import Database
from tests.store.importing import DAY, NOON, SECOND, Run, counts, messages, options, reasons, rows

# --- unsubscribed -------------------------------------------------------------------------------------

WITHDRAWN = "SELECT customer_id, channel, purpose, at, seq, state FROM consent ORDER BY seq, channel, purpose"
BOTH, ALL = ("*", "marketing", "service"), ("*", "email", "sms")
"""With those that come later."""


def withdrawn(database: Database) -> list[tuple[object, ...]]:
    """Order number, channel and purpose, once each: what lies ahead of the import counts from then and from now on."""
    found = rows(database, WITHDRAWN)
    assert {state for *_, state in found} <= {"withdrawn"}
    return list(dict.fromkeys((seq, channel, purpose) for _, channel, purpose, _, seq, _ in found))


def everything(seq: int, channels: tuple[str, ...] = ALL, purposes: tuple[str, ...] = BOTH) -> list[tuple[object, ...]]:
    return [(seq, channel, purpose) for channel in channels for purpose in purposes]


def test_unsubscribed_withdraws_consent(database: Database, run: Run) -> None:
    content = (
        "id,event,customer,time,channel,purpose\n"
        "u1,unsubscribed,ana,1970-01-02,email,\n"
        "u2,unsubscribed,bea,1970-01-02, SMS ,marketing\n"
        "u3,unsubscribed,carl,1970-01-02,,service\n"
        "u4,unsubscribed,dora,1970-01-02,,\n"
        "u5,unsubscribed,,1970-01-02,,\n"
    )
    imported = run("events", content)
    assert (counts(imported), imported.notes) == ((5, 4, 0, 0, 1), [])
    assert withdrawn(database) == [
        *everything(1, ("email",)),
        (2, "sms", "marketing"),
        *everything(3, purposes=("service",)),
        *everything(4),
    ]
    first = "SELECT at, event_time, source FROM consent WHERE customer_id = 1 AND purpose = 'service'"
    assert rows(database, first) == [(DAY + NOON, DAY + NOON, "event unsubscribed, u1 of file.csv")]
    # The fact itself is kept, under the same number.
    assert rows(database, "SELECT seq, at, extra FROM event, event_type WHERE id = type_id ORDER BY seq LIMIT 2") == [
        (1, DAY + NOON, '{"channel": "email"}'),
        (2, DAY + NOON, '{"channel": " SMS ", "purpose": "marketing"}'),
    ]
    assert counts(run("events", content)) == (5, 0, 0, 4, 1)
    assert len(rows(database, WITHDRAWN)) == 3 + 1 + 3 + 9


def test_a_link_or_a_return_address_names_its_message(database: Database, run: Run) -> None:
    """Whole, or its token alone; the link says which channel and purpose it ends."""
    run("customers", "id\nana\n")
    messages(database, (1, "lead/send email hello"), (2, "lead/send sms nudge"))
    with database.read() as connection:
        query = select(tables.workspace.c.value).where(tables.workspace.c.key == "salt")
        salt: str = connection.execute(query).scalar_one()
    link = unsubscribe_token(salt, Unsubscribe((1, 4, 1, 1, 1), "email", "marketing"))
    address = unsubscribe_token(salt, Unsubscribe((1, 4, 1, 2, 1), "", ""))
    bounce = bounce_token(salt, (1, 4, 1, 1, 1))
    imported = run(
        "events",
        "event,customer,time,message_id\n"
        f"unsubscribed,,1970-01-05,https://example.com/u/{link}?from=mail\n"
        f"unsubscribed,,1970-01-06,{address.upper()}\n"
        f"email_bounced,,1970-01-07,b+{bounce}@bounces.example.com\n"
        f"sms_bounced,,1970-01-08,{bounce}\n"
        f"unsubscribed,,1970-01-09,{link[:-1]}\n",
    )
    assert counts(imported) == (5, 3, 0, 0, 2)
    assert [line for line, _ in reasons(imported)] == [5, 6]
    assert withdrawn(database) == [(1, "email", "marketing"), *everything(2, ("sms",))]
    referred = "SELECT e.seq, c.external_id FROM event e JOIN customer c ON c.id = e.customer_id ORDER BY e.seq"
    assert rows(database, referred) == [(1, "ana"), (2, "ana"), (3, "ana")]


def test_unsubscribed_in_json_by_event_option_and_without_an_id(database: Database, run: Run) -> None:
    line = '{"customer": "ana", "time": "1970-01-02", "properties": {"channel": "email", "purpose": "marketing"}}\n'
    given = options(event="unsubscribed")
    assert counts(run("events", line * 2, given, name="e.jsonl")) == (2, 2, 0, 0, 0)
    assert counts(run("events", line * 2, given, name="e.jsonl")) == (2, 0, 0, 2, 0)
    assert withdrawn(database) == [(1, "email", "marketing"), (2, "email", "marketing")]
    assert rows(database, "SELECT source FROM consent ORDER BY seq") == [
        ("event unsubscribed, line 1 of e.jsonl",),
        ("event unsubscribed, line 2 of e.jsonl",),
    ]


def test_unsubscribed_by_a_message_is_of_its_channel(database: Database, run: Run) -> None:
    run("customers", "id,plan\nana,x\n")
    messages(database, (8, "hello/send email hi"), (9, "hello/send sms hi"), (10, "hello/send push hi"))
    sms, push = (message_id(MessageKey("welcome", "ana", 1, f"hello/send {by} hi", 1)) for by in ("sms", "push"))
    content = (
        "event,customer,time,message,message_id,channel\n"
        f"unsubscribed,,1970-01-10,,{sms},email\n"
        "unsubscribed,ana,1970-01-10T00:00:00Z,hi,,\n"
        "unsubscribed,ana,1970-01-10T00:00:00Z,hi,,email\n"
        f"unsubscribed,,1970-01-10,,{push},\n"
    )
    imported = run("events", content)
    assert (counts(imported), imported.notes) == ((4, 4, 0, 0, 0), [])
    assert withdrawn(database) == [
        *everything(1, ("sms",)),  # the message says more than the column
        *everything(2, ("sms",)),  # the latest before, by any channel
        *everything(3, ("email",)),
        *everything(4),  # a channel that is no more
    ]
    assert rows(database, "SELECT ref_step_id FROM event ORDER BY seq") == [(9,), (9,), (8,), (10,)]


def test_unsubscribed_is_never_lost_for_what_is_not_known(database: Database, run: Run) -> None:
    content = (
        "event,customer,time,message,message_id,channel,purpose\n"
        "unsubscribed,ana,1970-01-02,,,emial,sales\n"
        "unsubscribed,ana,1970-01-02,hi,,,\n"
        "unsubscribed,ana,1970-01-02,hi,,sms,\n"
        "unsubscribed,ana,1970-01-02,,what,email,\n"
        "unsubscribed,,1970-01-02,,what,,\n"
    )
    imported = run("events", content)
    assert withdrawn(database) == [
        *everything(1),
        *everything(2),
        *everything(3, ("sms",)),
        *everything(4, ("email",)),
    ]
    assert reasons(imported) == [(6, "`what` is not the id of a message, and has no customer")]
    assert imported.notes == [
        "line 2: unsubscribed.channel `emial` is no channel of this workspace; taken as every channel",
        "line 3: unsubscribed.message `hi` was not sent before that; taken as email, sms (and 1 more)",
        "line 5: unsubscribed.message_id `what` is not the id of a message; taken as the customer's refusal",
        "line 2: unsubscribed.purpose `sales` is no purpose of this workspace; taken as every purpose",
    ]


def test_an_unsubscribed_that_comes_late_is_raised_with_its_consent(database: Database, run: Run) -> None:
    with database.write() as connection:
        connection.execute(update(tables.clock).values(target=5 * DAY))
    run("events", "event,customer,time,channel,purpose\nunsubscribed,ana,1970-01-02,email,marketing\n")
    assert rows(database, "SELECT at, event_time FROM event") == [(5 * DAY + 1, DAY + NOON)]
    assert rows(database, "SELECT at, event_time FROM consent") == [(5 * DAY + 1, DAY + NOON)]


def test_a_refused_row_or_a_dry_run_withdraws_nothing(database: Database, run: Run) -> None:
    content = "event,customer,time\nunsubscribed,ana,1970-01-02\n"
    assert reasons(run("events", content, options(known_only=True))) == [(2, "there is no customer `ana`")]
    run("events", content, dry_run=True)
    assert rows(database, WITHDRAWN) == rows(database, "SELECT * FROM event") == []


# --- consents -----------------------------------------------------------------------------------------


def test_consents(database: Database, run: Run) -> None:
    content = (
        "customer,channel,purpose,state,time,source\n"
        "ana,email,marketing,granted,1970-01-02,shop\n"
        "ana,email,marketing,Withdrawn,1970-01-03,\n"
        "ana,emial,marketing,granted,1970-01-03,\n"
        "ana,email,sales,granted,1970-01-03,\n"
        "ana,email,marketing,maybe,1970-01-03,\n"
    )
    imported = run("consents", content)
    assert counts(imported) == (5, 2, 0, 0, 3)
    assert reasons(imported) == [
        (4, "there is no channel `emial`; did you mean `email`?"),
        (5, "there is no purpose `sales`; known are marketing, service"),
        (6, "there is no state `maybe`; known are granted, refused, withdrawn"),
    ]
    assert rows(database, "SELECT state, at, event_time, source FROM consent ORDER BY seq") == [
        ("granted", DAY + NOON, DAY + NOON, "shop"),
        ("withdrawn", 2 * DAY + NOON, 2 * DAY + NOON, "file.csv"),
    ]
    assert counts(run("consents", content)) == (5, 0, 0, 2, 3)


def test_a_consent_keeps_its_proof(database: Database, run: Run) -> None:
    content = (
        "customer,channel,purpose,state,time,source,ip,text version\n"
        "ana,email,marketing,granted,1970-01-02,form,192.0.2.7,v3\n"
        "bea,email,marketing,granted,1970-01-02,,,\n"
    )
    assert counts(run("consents", content)) == (2, 2, 0, 0, 0)
    assert rows(database, "SELECT source, proof FROM consent ORDER BY customer_id") == [
        ("form", '{"ip": "192.0.2.7", "text version": "v3"}'),
        ("file.csv", None),
    ]


def test_only_a_refusal_is_of_all(database: Database, run: Run) -> None:
    content = (
        "customer,channel,purpose,state,time\n"
        "ana,all,all,withdrawn,1970-01-02\n"
        "bea,sms,ALL,refused,1970-01-02\n"
        "carl,all,marketing,granted,1970-01-02\n"
    )
    imported = run("consents", content)
    assert counts(imported) == (3, 2, 0, 0, 1)
    assert reasons(imported) == [(4, "`granted` needs a channel: only a refusal is of `all`")]
    assert rows(database, "SELECT customer_id, channel, purpose, state FROM consent ORDER BY 1, 2, 3") == [
        *((1, channel, purpose, "withdrawn") for channel in ALL for purpose in BOTH),
        *((2, "sms", purpose, "refused") for purpose in BOTH),
    ]
    assert counts(run("consents", content)) == (3, 0, 0, 2, 1)


# --- bounces and complaints ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "closes"),
    [
        ({"permanent": True}, True),
        ({"permanent": "no", "status": "5.1.1"}, False),
        ({"status": "5.1.1"}, True),
        ({"status": "smtp; 550 5.1.10 no such user"}, True),
        ({"status": "5.2.2"}, False),  # mailbox full
        ({"status": "5.7.1", "type": "Permanent"}, False),  # somebody's policy
        ({"status": "15.1.1"}, False),
        ({"bounce_type": "Hard"}, True),
        ({"type": "transient"}, False),
        ({}, False),
    ],
)
def test_bounces_for_good(database: Database, run: Run, fields: dict[str, object], closes: bool) -> None:  # noqa: FBT001
    row = {"event": "email_bounced", "customer": "ana", "time": "1970-01-02", **fields}
    imported = run("events", json.dumps(row) + "\n", name="b.jsonl")
    assert (counts(imported), imported.notes) == ((1, 1, 0, 0, 0), [])
    assert rows(database, "SELECT permanent FROM event") == [(1 if closes else None,)]


def test_a_complaint_withdraws_on_its_channel(database: Database, run: Run) -> None:
    content = (
        "event,customer,time,message,purpose\n"
        "email_complained,ana,1970-01-02,,\n"
        "email_complained,bea,1970-01-02,never_sent,marketing\n"
    )
    imported = run("events", content)
    assert counts(imported) == (2, 2, 0, 0, 0)
    assert imported.notes == ["line 3: email_complained.message `never_sent` was not sent before that; taken as email"]
    assert rows(database, "SELECT customer_id, channel, purpose, state, source FROM consent ORDER BY 1, 2, 3") == [
        *((1, "email", purpose, "withdrawn", "event email_complained, line 2 of file.csv") for purpose in BOTH),
        (2, "email", "marketing", "withdrawn", "event email_complained, line 3 of file.csv"),
    ]


# --- refusals that name an address ----------------------------------------------------------------------

LATEST = (
    "SELECT external_id, state, source FROM consent JOIN customer ON id = customer_id "
    "WHERE channel = 'email' AND purpose = 'marketing' ORDER BY external_id, consent.at, seq"
)
CONSENTS = "customer,channel,purpose,state,time\n"
BY_ADDRESS = {
    "consents": CONSENTS + "Bob@Example.com,email,marketing,withdrawn,1970-01-02\n",
    "events": "event,customer,time,channel\nunsubscribed,Bob@Example.com,1970-01-02,email\n",
}


def states(database: Database) -> list[tuple[object, object]]:
    return [(name, state) for name, state, _ in rows(database, LATEST)]


@pytest.mark.parametrize("what", ["consents", "events"])
def test_a_refusal_by_address_holds_for_whoever_comes_with_it(database: Database, run: Run, what: str) -> None:
    imported = run(what, BY_ADDRESS[what])
    made = "nobody has the address `Bob@Example.com`: a customer with this id was made"
    assert [note for note in imported.notes if note.startswith(made)]
    run("customers", "id,email,consent_email\n17,bob@example.com,yes\n18,BOB@example.com,\n19,eve@example.com,yes\n")
    assert states(database) == [
        ("17", "refused"),
        ("18", "refused"),
        ("19", "granted"),
        ("Bob@Example.com", "withdrawn"),
    ]
    assert rows(database, LATEST)[0][2] == "refused before, under the same id, email or phone"


@pytest.mark.parametrize("what", ["consents", "events"])
def test_a_refusal_of_somebody_not_known_is_kept_though_nobody_is_made(database: Database, run: Run, what: str) -> None:
    imported = run(what, BY_ADDRESS[what], options(known_only=True))
    kept = "; the refusal is kept for whoever comes with this address"
    assert reasons(imported) == [(2, f"there is no customer `Bob@Example.com`{kept}")]
    run("customers", "id,email,consent_email\n17,bob@example.com,yes\n")
    assert states(database) == [("17", "refused")]


@pytest.mark.parametrize("what", ["consents", "events"])
def test_a_refusal_by_address_is_that_of_all_who_have_it(database: Database, run: Run, what: str) -> None:
    """Of somebody who had it once too, and of one whose id it is."""
    run("customers", "id,email,consent_email\n1,bob@example.com,yes\n2,bob@example.com,yes\n3,old@example.com,yes\n")
    run("customers", "id,email\n1,new@example.com\nBob@Example.com,\n", name="later.csv")
    assert run(what, BY_ADDRESS[what]).notes == []
    last = dict(states(database))  # of several rows the last
    assert last == {"1": "withdrawn", "2": "withdrawn", "3": "granted", "Bob@Example.com": "withdrawn"}


def test_beside_a_message_an_address_is_heard_too(database: Database, run: Run) -> None:
    """The message may be of somebody who was erased, or one of several may have that address."""
    run("customers", "id,email,consent_email\nana,x@example.com,yes\nbob,bob@example.com,yes\neve,e@example.com,yes\n")
    messages(database, (1, "lead/send email hello"))
    key = message_id(MessageKey("welcome", "ana", 1, "lead/send email hello", 1))
    row = f"unsubscribed,Bob@example.com,1970-01-05,{key}\n"
    assert run("events", f"event,customer,time,message_id\n{row}").notes == []
    last = dict(states(database))  # of several rows the last
    assert last == {"ana": "withdrawn", "bob": "withdrawn", "eve": "granted"}


@pytest.mark.parametrize("event", ["unsubscribed", "email_complained"])
def test_a_link_in_a_message_is_followed_by_whoever_has_the_address(database: Database, run: Run, event: str) -> None:
    """It went to an address, of then and not of now: of all who have it, and of whoever comes with it later."""
    people = "ana,x@example.com,yes\nbob,X@example.com,yes\neve,new@example.com,yes\n"
    run("customers", f"id,email,consent_email\n{people}")
    messages(database, (1, "lead/send email hello"))
    with database.write() as connection:
        of_ana = tables.identity.c.customer_id == 1
        connection.execute(update(tables.identity).where(of_ana).values(since=0))
        now = {"kind": "email", "value": "new@example.com", "customer_id": 1, "since": 6 * DAY}
        connection.execute(insert(tables.identity).values(now))
    key = message_id(MessageKey("welcome", "ana", 1, "lead/send email hello", 1))
    assert run("events", f"event,customer,time,message_id\n{event},,1970-01-05,{key}\n").notes == []
    run("customers", "id,email,consent_email\nzoe,x@example.com,yes\n")
    last = dict(states(database))  # of several rows the last
    assert last == {"ana": "withdrawn", "bob": "withdrawn", "eve": "granted", "zoe": "refused"}


def test_a_complaint_is_not_lost_for_naming_a_message_that_is_none(database: Database, run: Run) -> None:
    run("customers", "id,consent_email\nana,yes\n")
    imported = run("events", "event,customer,time,message_id\nemail_complained,ana,1970-01-05,what\n")
    told = "email_complained.message_id `what` is not the id of a message by email; taken as the customer's refusal"
    assert (counts(imported), imported.notes) == ((1, 1, 0, 0, 0), [f"line 2: {told}"])
    assert states(database)[-1] == ("ana", "withdrawn")
    nobody = run("events", "event,time,message_id\nemail_complained,1970-01-05,what\n")
    assert reasons(nobody) == [(2, "`what` is not the id of a message by email")]


def test_a_later_yes_is_not_undone_when_the_address_is_told_again(database: Database, run: Run) -> None:
    run("customers", "id,email\n1,bob@example.com\n")
    run("consents", BY_ADDRESS["consents"] + "1,email,marketing,granted,1970-01-05\n")
    run("customers", "id,email\n1,x@example.com\n", name="b.csv")
    run("customers", "id,email\n1,bob@example.com\n", name="c.csv")
    assert states(database) == [("1", "withdrawn"), ("1", "granted")]


def test_of_an_address_refused_twice_the_last_time_counts(database: Database, run: Run) -> None:
    run("consents", BY_ADDRESS["consents"])
    run("consents", BY_ADDRESS["consents"].replace("1970-01-02", "1970-01-06"))
    run("customers", "id,email\n17,bob@example.com\n")
    run("consents", CONSENTS + "17,email,marketing,granted,1970-01-04\n17,email,marketing,granted,1970-01-08\n")
    assert [state for name, state in states(database) if name == "17"] == ["refused", "outdated", "granted"]


@pytest.mark.parametrize("what", ["consents", "events"])
def test_a_refusal_counts_at_once_though_a_clock_is_fast(database: Database, run: Run, what: str) -> None:
    """`now` is the tenth of January."""
    run(what, BY_ADDRESS[what].replace("1970-01-02", "1970-01-10T00:00:40Z"))
    fast = 9 * DAY + 40 * SECOND
    assert rows(database, "SELECT DISTINCT at, event_time FROM consent ORDER BY at") == [(9 * DAY,) * 2, (fast,) * 2]
    run("consents", CONSENTS + "ana,email,marketing,granted,1970-01-10T00:00:40Z\n")
    assert rows(database, "SELECT at FROM consent WHERE state = 'granted' AND customer_id > 1") == [(fast,)]


def test_what_was_said_in_the_future_is_told(run: Run) -> None:
    rest = "ana,email,marketing,{},2062-01-02\n"
    said = {state: run("consents", CONSENTS + rest.format(state)).notes for state in ("withdrawn", "granted")}
    assert said == {
        "withdrawn": ["line 2: time lies in the future; the refusal counts at once"],
        "granted": ["line 2: time lies in the future; it counts once it has come"],
    }
