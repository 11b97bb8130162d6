"""Files of customers, events and consents: what is understood, what is refused and in which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

from flowrules.model.campaign import Model
from flowrules.sql import tables
from flowrules.sql.codes import Status
from flowrules.sql.message_id import MessageKey, message_id
from flowrules.store.database import Database
from flowrules.store.imports.lists import read_list
from flowrules.store.imports.reading import ImportFileError
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import Imported, What, import_file
from flowrules.store.imports.times import Times, date_format
from flowrules.store.spreadsheet import defused

NOON = 43_200_000_000
DAY = 86_400_000_000
SECOND = 1_000_000

Run = Callable[..., Imported]


def options(form: str | None = None, **others: object) -> Options:
    return Options(Times("UTC", time(12), form), **others)  # type: ignore[arg-type]  # what each test says


@pytest.fixture
def run(database: Database, model: Model, tmp_path: Path) -> Run:
    def run(
        what: What, content: str, given: Options | None = None, *, name: str = "file.csv", **how: object
    ) -> Imported:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return import_file(database, model, what, path, given or options(), now=9 * DAY, **how)  # type: ignore[arg-type]

    return run


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def counts(imported: Imported) -> tuple[int, int, int, int, int]:
    return imported.read, imported.added, imported.changed, imported.unchanged, len(imported.rejects)


def reasons(imported: Imported) -> list[tuple[int, str]]:
    return [(reject.row.line, reject.reason) for reject in imported.rejects]


# --- customers ----------------------------------------------------------------------------------------


def test_customers(database: Database, run: Run) -> None:
    content = "id;email;plan;birthday;consent_email\nana;a@x.es;pro;1970-01-11;yes\n\nbea;;;;no\ncarl;;;;\n"
    assert counts(run("customers", content)) == (3, 3, 0, 0, 0)
    assert rows(database, "SELECT external_id, known_at, email, a_plan, a_birthday FROM customer ORDER BY id") == [
        ("ana", 0, "a@x.es", "pro", 10),
        ("bea", 0, None, None, None),
        ("carl", 0, None, None, None),
    ]
    consents = "SELECT customer_id, channel, purpose, at, state, source FROM consent ORDER BY seq"
    assert rows(database, consents) == [
        (1, "email", "marketing", 0, "granted", "file.csv"),
        (2, "email", "marketing", 0, "refused", "file.csv"),
    ]
    assert counts(run("customers", content)) == (3, 0, 0, 3, 0)
    changed = run("customers", "id,plan,consent_email\nana,free,no\nbea,,yes\ncarl,,\ndora,,yes\n")
    assert counts(changed) == (4, 1, 1, 2, 0)
    assert rows(database, "SELECT customer_id, at, attribute, text FROM attribute_change") == [
        (1, 9 * DAY, "plan", "free")
    ]
    # Bea said no: a column, which says nothing of when, does not undo it.
    assert [note for note in changed.notes if note.startswith("consents not given again")]
    assert rows(database, f"{consents} LIMIT 3 OFFSET 2") == [
        (1, "email", "marketing", 9 * DAY, "withdrawn", "file.csv"),
        (4, "email", "marketing", 0, "granted", "file.csv"),
    ]


def test_an_empty_cell_says_nothing_and_null_takes_away(database: Database, run: Run) -> None:
    run("customers", "id,plan\nana,pro\n")
    assert counts(run("customers", "id,plan\nana,\n")) == (1, 0, 0, 1, 0)
    assert counts(run("customers", '{"id": "ana", "plan": null}\n', name="c.jsonl")) == (1, 0, 1, 0, 0)
    assert rows(database, "SELECT attribute, number, text FROM attribute_change") == [("plan", None, None)]


def test_what_a_customer_row_can_lack(run: Run) -> None:
    imported = run(
        "customers", "id,plan,birthday,shoe\nana,x\n,x,,\nbea,x,soon,\nbea,y,,43\ncarl,x,,42,more\ndora,x,,,\n"
    )
    assert counts(imported) == (6, 2, 0, 0, 4)
    assert reasons(imported) == [
        (2, "has 2 cells, the line of column names has 4"),
        (3, "has no id"),
        (5, "the customer `bea` stood in line 4 already"),
        (6, "has 5 cells, the line of column names has 4"),
    ]
    assert imported.notes == ["line 4: birthday `soon` is not a date"]
    assert run("customers", "id,plan,shoe\nana,x,42\n").notes == ["not declared in the rule files: `shoe`"]


def test_renamed_columns_and_a_time(database: Database, run: Run) -> None:
    given = options("DD.MM.YYYY", columns={"id": "number", "time": "since", "plan": "tariff"})
    assert counts(run("customers", "number,since,tariff\n0012,02.01.1970,pro\n", given)) == (1, 1, 0, 0, 0)
    assert rows(database, "SELECT external_id, known_at, a_plan FROM customer") == [("0012", DAY + NOON, "pro")]


# --- events -------------------------------------------------------------------------------------------


def test_events_of_csv_and_json_are_the_same(database: Database, run: Run) -> None:
    csv = "id,event,customer,time,amount,category,note\ne1,purchase,ana,1970-01-02T00:00:00Z,12.50,book,x\n"
    line = (
        '{"id":"e1","event":"purchase","customer":"ana","time":"1970-01-02T00:00:00Z","properties":{"amount":12.5}}\n'
    )
    assert counts(run("events", csv)) == (1, 1, 0, 0, 0)
    assert counts(run("events", line, name="e.jsonl")) == (1, 0, 0, 1, 0)
    assert counts(run("events", line.replace("e1", "e2"), name="e.jsonl")) == (1, 1, 0, 0, 0)
    assert rows(
        database, "SELECT at, event_time, p_amount__money, p_category__text, extra FROM event ORDER BY seq"
    ) == [
        (DAY, DAY, 1250, "book", '{"note": "x"}'),
        (DAY, DAY, 1250, None, None),
    ]


def test_the_same_file_and_the_same_file_grown(run: Run) -> None:
    content = "event,customer,time\nvisit,ana,1970-01-02\nvisit,ana,1970-01-02\nvisit,bea,1970-01-02\n"
    assert counts(run("events", content)) == (3, 3, 0, 0, 0)
    assert counts(run("events", content)) == (3, 0, 0, 3, 0)
    assert counts(run("events", content + "visit,ana,1970-01-02\n")) == (4, 1, 0, 3, 0)
    assert counts(run("events", content, name="other.csv")) == (3, 3, 0, 0, 0)


def test_what_an_event_row_can_lack(database: Database, run: Run) -> None:
    content = (
        "event,customer,time,amount\n"
        ",ana,1970-01-02,1\n"
        "purchase,,1970-01-02,1\n"
        "purchase,ana,,1\n"
        "purchase,ana,soon,1\n"
        "purchase,ana,1970-02-31,1\n"
        "purchase,ana,1970-01-02,much\n"
        "visit,ana,1970-01-02,1\n"
    )
    imported = run("events", content)
    assert reasons(imported) == [
        (2, "has no event"),
        (3, "has no customer"),
        (4, "has no time"),
        (5, "`soon` is not a time; write it like 2026-03-02T10:30:00Z or 2026-03-02 10:30"),
        (6, "`1970-02-31` is not a time; write it like 2026-03-02T10:30:00Z or 2026-03-02 10:30"),
    ]
    assert imported.notes == [
        "line 7: purchase.amount `much` is not an amount of money",
        "not declared in the rule files: `visit`",
    ]
    assert rows(database, "SELECT p_amount__money, extra FROM event ORDER BY seq") == [
        (None, '{"amount": "much"}'),
        (None, '{"amount": "1"}'),
    ]


def test_json_lines_that_are_none(run: Run) -> None:
    good = '{"event": "visit", "customer": "ana", "time": "1970-01-02"}\n'
    odd = [f'{good[:-2]}, "id": {given}}}' for given in ('"\\ud800"', "{}")]
    content = "\n".join([good, '{"event"', "[1]", '{"x": NaN}', "[" * 100_000, *odd])
    imported = run("events", content, name="e.jsonl")
    assert counts(imported) == (7, 1, 0, 0, 6)
    assert reasons(imported)[:3] == [
        (3, "is not JSON: Expecting ':' delimiter"),
        (4, "is not a JSON object"),
        (5, "is not JSON: not a value that can be stored"),
    ]
    assert reasons(imported)[4:] == [
        (7, "its id holds a character that can not be stored"),
        (8, "its id is not a text"),
    ]


def test_unstorable_characters_in_other_values_are_kept_escaped(database: Database, run: Run) -> None:
    line = '{"event": "visit", "customer": "ana", "time": "1970-01-02", "note": "a\\u0000\\ud800"}\n'
    assert counts(run("events", line, name="e.jsonl")) == (1, 1, 0, 0, 0)
    assert rows(database, "SELECT extra FROM event") == [('{"note": "a\\u0000\\ud800"}',)]


def test_only_known_customers(run: Run) -> None:
    run("customers", "id,email\nana,a@x.es\n")
    content = "event,customer,time\nvisit,A@x.es,1970-01-02\nvisit,bea,1970-01-02\n"
    imported = run("events", content, options(known_only=True))
    assert reasons(imported) == [(3, "there is no customer `bea`")]
    assert counts(imported) == (2, 1, 0, 0, 1)


def test_one_event_for_the_whole_file(database: Database, run: Run) -> None:
    given = options(event="purchase", columns={"customer": "who", "time": "when", "amount": "total"})
    run("events", "who\twhen\ttotal\tevent\nana\t1970-01-02\t5\tparty\n", given)
    assert rows(database, "SELECT name, p_amount__money, extra FROM event, event_type WHERE id = type_id") == [
        ("purchase", 500, '{"event": "party"}')
    ]


def test_times_in_the_zone_and_with_an_offset(database: Database, run: Run) -> None:
    given = Options(Times("Europe/Madrid", time(9, 30), None))
    moments = ["1970-01-02", "1970-01-02 10:00", "1970-01-02T10:00:00+03:00", "1970-01-02T10:00:00.5Z"]
    run("events", "event,customer,time\n" + "".join(f"visit,ana,{moment}\n" for moment in moments), given)
    hour = 3_600 * SECOND
    assert rows(database, "SELECT event_time FROM event ORDER BY seq") == [
        (DAY + 17 * hour // 2,),
        (DAY + 9 * hour,),
        (DAY + 7 * hour,),
        (DAY + 10 * hour + SECOND // 2,),
    ]


def messages(database: Database, *steps: tuple[int, str]) -> None:
    """Sent to the first customer by campaign 4, `welcome`: each step on the day of its number."""
    with database.write() as connection:
        connection.execute(insert(tables.campaign).values(id=4, name="welcome"))
        for number, key in steps:
            connection.execute(insert(tables.step).values(id=number, campaign_id=4, key=key))
            connection.execute(
                insert(tables.message).values(
                    {
                        **dict.fromkeys(("customer_id", "campaign_id", "instance", "pass", "version_id", "node"), 1),
                        "campaign_id": 4,
                        "step_id": number,
                        "channel_id": 1,
                        "status": Status.SENT,
                        "turn": 1,
                        "decided_at": 0,
                        "sent_at": number * DAY,
                    }
                )
            )


def test_a_reaction_by_message_id_or_by_the_latest_message_of_that_name(database: Database, run: Run) -> None:
    run("customers", "id,plan\nana,x\n")
    messages(database, (8, "hello/send email hi"), (9, "hello/send email hi #2"), (10, "hello/send email other"))
    key = message_id(MessageKey("welcome", "ana", 1, "hello/send email hi", 1))
    content = (
        "event,customer,time,message,message_id,machine\n"
        "email_opened,ana,1970-01-11T00:00:00Z,hi,,\n"
        "email_opened,ana,1970-01-09T06:00:00Z,hi,,yes\n"
        "email_opened,ana,1970-01-08T00:00:00Z,hi,,\n"
        f"email_opened,,1970-01-12T00:00:00Z,,{key},\n"
        "email_opened,ana,1970-01-12T00:00:00Z,,what,\n"
        "email_opened,ana,1970-01-12T00:00:00Z,,,\n"
    )
    imported = run("events", content)
    assert reasons(imported) == [
        (4, "no email `hi` was sent to `ana` before that"),
        (6, "`what` is not the id of a message by email"),
    ]
    assert rows(
        database, "SELECT ref_campaign_id, ref_instance, ref_step_id, ref_pass, machine FROM event ORDER BY seq"
    ) == [(4, 1, 9, 1, None), (4, 1, 8, 1, 1), (4, 1, 8, 1, None), (None,) * 5]


# --- unsubscribed -------------------------------------------------------------------------------------

WITHDRAWN = "SELECT customer_id, channel, purpose, at, seq, state FROM consent ORDER BY seq, channel, purpose"
BOTH, ALL = ("marketing", "service"), ("email", "sms")


def withdrawn(database: Database) -> list[tuple[object, ...]]:
    """Order number, channel and purpose."""
    found = rows(database, WITHDRAWN)
    assert {state for *_, state in found} <= {"withdrawn"}
    return [(seq, channel, purpose) for _, channel, purpose, _, seq, _ in found]


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
    assert len(rows(database, WITHDRAWN)) == 2 + 1 + 2 + 4


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
        *((1, channel, purpose, "withdrawn") for channel in ("email", "sms") for purpose in ("marketing", "service")),
        *((2, "sms", purpose, "refused") for purpose in ("marketing", "service")),
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
        (1, "email", "marketing", "withdrawn", "event email_complained, line 2 of file.csv"),
        (1, "email", "service", "withdrawn", "event email_complained, line 2 of file.csv"),
        (2, "email", "marketing", "withdrawn", "event email_complained, line 3 of file.csv"),
    ]


# --- all or nothing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [{"dry_run": True}, {"strict": True}])
def test_a_dry_run_and_a_strict_one_with_rejects_store_nothing(
    database: Database, run: Run, how: dict[str, bool]
) -> None:
    imported = run("events", "event,customer,time\nvisit,ana,1970-01-02\nvisit,bea,soon\n", **how)
    assert counts(imported) == (2, 1, 0, 0, 1)
    assert not imported.kept
    for table in ("event", "customer", "intake", "event_type"):
        assert rows(database, f"SELECT * FROM {table}") == []  # noqa: S608 -- our names
    assert rows(database, "SELECT next_seq FROM journal") == [(1,)]


def test_a_strict_import_without_rejects_is_kept(database: Database, run: Run) -> None:
    assert run("events", "event,customer,time\nvisit,ana,1970-01-02\n", strict=True).kept
    assert rows(database, "SELECT count(*) FROM event") == [(1,)]


# --- files --------------------------------------------------------------------------------------------

EVENTS = "event,customer,time\nvisit,ana,1970-01-02\n"
OPEN_QUOTE = b'event,customer,time\nvisit,"ana,1970-01-02\n'
AMBIGUOUS = b"event,customer,time\nvisit,ana,03/04/2026\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("file.csv", b"", "{} is empty"),
        ("file.csv", b"\xef\xbb\xbf \n", "{} is empty"),
        ("file.csv", b"event,\x81\xff", "{} is neither UTF-8 nor Windows text: line 1 has other bytes"),
        ("file.csv", EVENTS.encode("utf-16") + b"x", "{} begins like UTF-16, but line 3 has other bytes"),
        ("file.csv", bytes(range(1, 256)) * 9, "{} is not text"),
        ("file.csv", b"event,c\0\0\0\0\0\0\0\0", "{} is not text"),
        ("file.csv", b"\xd0\xcf\x11\xe0old", "{} is a workbook, not text"),
        ("file.csv", b"\x1f\x8bzip", "{} is compressed, not text"),
        ("file.xlsx", b"PK\x03\x04rest", "{} is a workbook, not text"),
        ("file.json", b'[{"event": "visit"}]', "{} is one JSON list"),
        ("file.csv", b"event,customer,time,event\n", "{} has two columns named `event`"),
        ("file.csv", b"event,custmer,time\n", "file.csv has no column `customer`"),
        ("file.csv", b"customer,time\n", "file.csv has no column `event`"),
        ("file.csv", OPEN_QUOTE, "{}: a quote that opens in line 2 is not closed"),
        ("file.csv", b",,\n,,\n", "{} has no line of column names"),
        ("file.csv", EVENTS.encode() + b"x" * 200_000, "{}: a cell in line 3 holds more than 131,072 characters"),
        ("file.csv", b'"event', "{}: a quote that opens in line 1 is not closed"),
        ("file.csv", AMBIGUOUS, "line 2: the date `03/04/2026` can be read in more than one way"),
    ],
)
def test_files_that_can_not_be_read(
    sqlite_url: str, model: Model, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    database = Database.create(sqlite_url)
    with pytest.raises(ImportFileError) as refused:
        import_file(database, model, "events", path, options(), now=0)
    assert refused.value.message == message.format(path)


def test_files_that_are_not_there(sqlite_url: str, model: Model, tmp_path: Path) -> None:
    database = Database.create(sqlite_url)
    for path, message in ((tmp_path / "no.csv", "No such file or directory"), (tmp_path, "is a folder, not a file")):
        with pytest.raises(ImportFileError, match=message):
            import_file(database, model, "events", path, options(), now=0)


def test_addresses_and_zones_that_will_not_do_are_told_and_kept(run: Run) -> None:
    content = "id,email,phone,timezone\na,home,600 000 001,Mars\nb,b@example.com,+34 600 000 001,Europe/Madrid\n"
    imported = run("customers", content)
    unknown = "no country is known: give a column `country`, or `region` in flowrules.toml"
    assert (imported.added, imported.rejects) == (2, [])
    assert list(imported.notes) == [
        "line 2: email `home` is not an address",
        f"line 2: phone `600 000 001` is not a number like +34600000001; {unknown}",
        "line 2: timezone `Mars` is not a time zone; write it like Europe/Madrid",
    ]


def test_files_of_something_else(run: Run) -> None:
    with pytest.raises(ImportFileError, match=r"no column of file\.csv is an attribute of customers"):
        run("customers", "id,event,customer,time\ne1,visit,ana,1970-01-02\n")
    with pytest.raises(ImportFileError, match="the column `consent_fax` names no channel of this workspace"):
        run("customers", "id,consent_fax\nana,yes\n")
    with pytest.raises(ImportFileError, match=r"file\.csv has no column `total`"):
        run("events", EVENTS, options(columns={"amount": "total"}))


def test_byte_order_mark_line_ends_and_quotes(database: Database, run: Run) -> None:
    content = '\ufeff"id","plan"\r\n"ana","a ""big""\r\nplan; really"\r\nbea,x\r\n'
    assert counts(run("customers", content)) == (2, 2, 0, 0, 0)
    assert rows(database, "SELECT a_plan FROM customer WHERE id = 1") == [('a "big"\r\nplan; really',)]
    assert reasons(run("customers", 'id,plan\nana,"a\nb"\nbea\n')) == [
        (4, "has 1 cells, the line of column names has 2")
    ]


@pytest.mark.parametrize(
    ("form", "given", "iso"),
    [
        ("DD/MM/YYYY", "3/4/2026", "2026-04-03"),
        ("MM/DD/YYYY", "03/04/2026 9:05", "2026-03-04T09:05:00"),
        ("d.m.yy", "3.4.26", "2026-04-03"),
        ("YYYYMMDD", "20260403", "2026-04-03"),
        ("DD/MM/YYYY", "2026-04-03", "2026-04-03"),
        ("DD-MM-YYYY", "03-04-2026 10:11:12.5", "2026-04-03T10:11:12.5"),
    ],
)
def test_dates_in_a_stated_format(form: str, given: str, iso: str) -> None:
    assert Times("UTC", time(12), form).iso(given, 1) == iso


@pytest.mark.parametrize("form", ["", "DD/MM", "MM/MM/YYYY", "iso"])
def test_formats_that_say_too_little(form: str) -> None:
    with pytest.raises(ValueError, match="does not say where day, month and year stand"):
        date_format(form)


def test_lists(tmp_path: Path) -> None:
    path = tmp_path / "robinson.csv"
    path.write_text("phone,name,email,country\n600 111 222,Ana,A@x.ES,\n,Bea,\n2025550101,Carl,no,us\n")
    read = read_list(path, ("email", "phone"), "ES")
    assert read.entries == (("email", "a@x.es"), ("phone", "+34600111222"), ("phone", "+12025550101"))
    assert read.unusable == "robinson.csv finds nobody by line 4: `no` is no email"
    read = read_list(path, ("phone",))
    assert read.entries == (("phone", "+12025550101"),)
    assert read.unusable == "robinson.csv finds nobody by line 2: `600 111 222` is no phone"
    with pytest.raises(ImportFileError, match="has no column `id`"):
        read_list(path, ("id",))


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("+34600", "'+34600"), ("@x", "'@x"), ("\tx", "'\tx"), ("-", "'-"), (-5, -5), ("a=b", "a=b")],
)
def test_cells_that_look_like_formulas_are_defused(cell: object, written: object) -> None:
    assert defused(cell) == written
