"""Files of customers, events and consents: what is understood, what is refused and in which words."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from sqlalchemy import update

from flowrules.model.campaign import Model
from flowrules.sql import tables
from flowrules.sql.codes import Status
from flowrules.sql.message_id import MessageKey, message_id
from flowrules.store.database import Database
from flowrules.store.imports.lists import read_list
from flowrules.store.imports.reading import ImportFileError
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import import_file
from flowrules.store.imports.times import Times, date_format
from flowrules.store.spreadsheet import defused
from tests.store.importing import DAY, NOON, SECOND, Run, counts, messages, options, reasons, rows

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
    assert imported.notes == ["line 4: birthday `soon` is not a date; the row was taken without it"]
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
        "line 7: purchase.amount `much` is not an amount of money; kept as it is, and counts as missing",
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


def test_an_open_told_by_the_second_is_of_the_message_sent_in_it(database: Database, run: Run) -> None:
    run("customers", "id\nana\n")
    messages(database, (8, "hello/send email hi"))
    with database.write() as connection:
        connection.execute(update(tables.message).values(sent_at=8 * DAY + SECOND // 2))
    told = "event,customer,time,message\nemail_opened,ana,{},hi\n"
    assert counts(run("events", told.format("1970-01-09T00:00:00Z"))) == (1, 1, 0, 0, 0)
    assert counts(run("events", told.format("1970-01-08T23:59:59Z"))) == (1, 0, 0, 0, 1)


def test_an_open_of_a_message_in_doubt_is_not_lost(database: Database, run: Run) -> None:
    """It tells that the message was sent; named by its template it was refused."""
    run("customers", "id\nana\n")
    messages(database, (7, "hello/send email hi"), (8, "hello/send email hi #2"))
    doubt = update(tables.message).where(tables.message.c.step_id == 8)
    with database.write() as connection:
        connection.execute(doubt.values(status=Status.UNKNOWN, sent_at=None, decided_at=8 * DAY))
    opened = "event,customer,time,message\nemail_opened,ana,{},hi\n"
    assert counts(run("events", opened.format("1970-01-10"))) == (1, 1, 0, 0, 0)
    assert counts(run("events", opened.format("1970-01-08T12:00:00Z"), name="b.csv")) == (1, 1, 0, 0, 0)
    assert rows(database, "SELECT ref_step_id FROM event ORDER BY seq") == [(8,), (7,)]


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
    kept = "kept as it is, and no message can go there"
    zone = "not a time zone; write it like Europe/Madrid; kept as it is, and the policy's zone counts"
    assert (imported.added, imported.rejects) == (2, [])
    assert list(imported.notes) == [
        f"line 2: email `home` is not an address; {kept}",
        f"line 2: phone `600 000 001` is not a number like +34600000001; {unknown}; {kept}",
        f"line 2: timezone `Mars` is {zone}",
    ]


def test_an_address_that_several_have_is_told(run: Run) -> None:
    told = "several customers have the address `{}`{}: each of them is written to"
    twice = "id,email\na,Eve@x.com\nb,eve@X.com\nc,c@x.com\n"
    assert run("customers", twice).notes == [told.format("eve@x.com", "")]
    assert run("customers", "id,email\nd,c@x.com\ne,eve@x.com\n", name="b.csv").notes == [
        told.format("c@x.com", " (and 1 more like this)")
    ]
    others = "id,email\nb,b@x.com\ne,e@x.com\nd,d@x.com\n"
    assert run("customers", others, name="c.csv").notes == []
    assert run("customers", twice.replace("b,eve", "b,b"), name="d.csv").notes == []


def test_columns_that_look_like_ours(run: Run) -> None:
    content = "id,country,Birth-Day,PLAN,E-Mail\na,ES,1970-01-02,pro,a@example.com\n"
    imported = run("customers", content)
    assert imported.notes == [
        "not declared in the rule files: `Birth-Day`, `PLAN`, `E-Mail`",
        'if that is what the columns hold, say --map email="E-Mail" --map birthday="Birth-Day" --map plan=PLAN',
    ]
    taken = options(columns={"birthday": "Birth-Day", "plan": "PLAN", "email": "E-Mail"})
    assert run("customers", content, taken).notes == []
    with pytest.raises(ImportFileError) as refused:
        run("customers", "Id,plan\na,pro\n")
    assert (
        refused.value.hint
        == "--map id=Id if that is it; --id COLUMN names it if it is called otherwise; it has: Id, plan"
    )
    with pytest.raises(ImportFileError) as refused:
        run("customers", "id,Birth Day\na,pro\n")
    assert refused.value.hint == 'it has: Birth Day; --map birthday="Birth Day" says which is which'
    imported = run("events", "event,customer,time,Amount\npurchase,ana,1970-01-02,1\n")
    assert "if that is what the columns hold, say --map amount=Amount" in imported.notes


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
    path.write_text("phone,name,email,country\n600 111 222,Ana,A@x.ES,\n,Bea,,\n2025550101,Carl,no,us\n")
    read = read_list(path, ("email", "phone"), "ES")
    assert read.entries == (("email", "a@x.es"), ("phone", "+34600111222"), ("phone", "+12025550101"))
    assert read.notes == ("robinson.csv finds nobody by line 4: `no` is no email",)
    read = read_list(path, ("phone",))
    assert read.entries == (("phone", "+12025550101"),)
    assert read.notes == ("robinson.csv finds nobody by line 2: `600 111 222` is no phone",)
    read = read_list(path, ("phone", "email_sha256"), "ES")
    assert read.notes == ("robinson.csv has no column `email_sha256`: it finds nobody by that",)
    with pytest.raises(ImportFileError, match="has no column `id`"):
        read_list(path, ("id",))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('email,name\na@x.es,Ana\nb@x.es,"B" ea\n', "line 3: a quote in it is not closed"),
        ("email,name\na@x.es,Ana\nb@x.es\n", "line 3: has 1 cells"),
        ("email,name\nSmith, John,b@x.es\n", "line 2: has 3 cells"),
        ('{"email": "a@x.es"}\n{"email": "b@x.es"\n', "line 2: is not JSON"),
        ('{"mail": "a@x.es"}\n', "has no column `email`"),
    ],
)
def test_a_list_is_read_whole_or_not_at_all(tmp_path: Path, text: str, why: str) -> None:
    """Whoever stands in a line that can not be read may have asked to be left alone."""
    path = tmp_path / "robinson.csv"
    path.write_text(text)
    with pytest.raises(ImportFileError, match=why):
        read_list(path, ("email",))


@pytest.mark.parametrize(
    ("cell", "written"),
    [("=1+1", "'=1+1"), ("+34600", "'+34600"), ("@x", "'@x"), ("\tx", "'\tx"), ("-", "'-"), (-5, -5), ("a=b", "a=b")],
)
def test_cells_that_look_like_formulas_are_defused(cell: object, written: object) -> None:
    assert defused(cell) == written
