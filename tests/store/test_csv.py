"""CSV as others write it: encodings, separators, numbers, dates; what was decided is told, and nothing is guessed."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from flowrules.model.build import build
from flowrules.model.campaign import Model
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot
from flowrules.store.database import Database
from flowrules.store.imports import numbers
from flowrules.store.imports.failures import ImportFileError
from flowrules.store.imports.reading import open_rows
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import Imported, import_file
from flowrules.store.imports.separators import NAMES
from flowrules.store.imports.times import Times, WrongTimeError
from flowrules.store.spreadsheet import write_csv

DAY = 86_400_000_000
PEOPLE = "id,email,plan\nana,niña@x.es,pro\nbea,b@x.es,übergrößen\n"

NAME = "--encoding names its encoding, such as cp1252, mac_roman or cp1250"
Take = Callable[..., Imported]


@pytest.fixture
def take(database: Database, model: Model, tmp_path: Path) -> Take:
    def take(what: Any, content: bytes | str, *, now: int = 9 * DAY, **how: Any) -> Imported:  # noqa: ANN401
        path = tmp_path / "file.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        file = {name: how.pop(name) for name in ("encoding", "separated", "dry_run") if name in how}
        times = Times("UTC", time(12), how.pop("date_format", None))
        imported = import_file(database, model, what, path, Options(times, **how), now=now, **file)
        told = imported.added + imported.changed + imported.unchanged + imported.rejected
        assert imported.read == told
        return imported

    return take


def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


# --- encodings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("utf-16", ("read as UTF-16",)),
        ("utf-16-le", ("read as UTF-16-LE",)),
        ("utf-16-be", ("read as UTF-16-BE",)),
        ("utf-32", ("read as UTF-32",)),
        (
            "cp1252",
            (f"read as Windows text (cp1252), for line 2 is not UTF-8; {NAME}",),
        ),
    ],
)
def test_encodings(database: Database, take: Take, codec: str, said: tuple[str, ...]) -> None:
    imported = take("customers", PEOPLE.encode(codec))
    assert (imported.added, imported.said) == (2, said)
    assert rows(database, "SELECT email, a_plan FROM customer ORDER BY id") == [
        ("niña@x.es", "pro"),
        ("b@x.es", "übergrößen"),
    ]


def test_a_named_encoding(database: Database, take: Take) -> None:
    assert take("customers", PEOPLE.encode("mac_roman"), encoding="mac_roman").added == 2
    assert rows(database, "SELECT email FROM customer WHERE id = 1") == [("niña@x.es",)]
    with pytest.raises(ImportFileError, match="is not utf-8: line 2 has other bytes"):
        take("customers", PEOPLE.encode("cp1252"), encoding="utf-8")


# --- separators, quotes, lines ------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(database: Database, take: Take, mark: str, end: str) -> None:
    out = io.StringIO()
    cells = [["id", "plan", "birthday"], ["ana", 'a, "b"; c', "1970-01-11"], ["bea", "d|e;f\tg", ""]]
    csv.writer(out, delimiter=mark, lineterminator=end).writerows(cells)
    assert take("customers", out.getvalue()).added == 2
    found = rows(database, "SELECT a_plan, a_birthday FROM customer ORDER BY id")
    assert found == [('a, "b"; c', 10), ("d|e;f\tg", None)]


def test_line_breaks_inside_quotes_keep_the_line_numbers(take: Take) -> None:
    imported = take("customers", 'id,plan\nana,"two\nlines"\n,x\nbea,"three\r\n\r\nlines"\n,y\n')
    assert imported.added == 2
    assert [reject.row.line for reject in imported.rejects] == [4, 8]


def test_a_quote_in_the_middle_loses_its_row_alone(take: Take) -> None:
    imported = take("customers", 'id,plan\nana,"5" pipe"\nbea,5" pipe\ncarl,x\n')
    assert (imported.read, imported.added) == (3, 2)
    assert [(each.row.line, each.reason) for each in imported.rejects] == [
        (2, 'a quote in it is not closed as it should be: write "like ""this"""')
    ]


def test_columns_padded_with_blanks(database: Database, take: Take) -> None:
    imported = take("customers", "id     plan  birthday\n00001  pro   1970-01-11\n 0002  free  1970-01-12\n")
    assert (imported.added, imported.said) == (2, ("cells separated by blanks",))
    assert rows(database, "SELECT external_id, a_plan FROM customer ORDER BY id") == [
        ("00001", "pro"),
        ("0002", "free"),
    ]


def test_what_excel_says_of_the_separator(database: Database, take: Take) -> None:
    imported = take("customers", "sep=|\nid|plan\nana|a;b,c\n,x\n")
    assert (imported.added, [each.row.line for each in imported.rejects]) == (1, [4])
    assert rows(database, "SELECT a_plan FROM customer") == [("a;b,c",)]


def test_a_separator_that_can_not_be_told(database: Database, take: Take) -> None:
    content = "id;plan,email\nana;pro,a@x.es\n"
    with pytest.raises(ImportFileError, match="may be separated by more than one character"):
        take("customers", content)
    assert take("customers", "id;plan,x\nana;pro,y\n", separated="semicolon", columns={"plan": "plan,x"}).added == 1
    assert rows(database, "SELECT a_plan FROM customer") == [("pro,y",)]


# A file full of control characters is told to be no text.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters="".join(map(chr, set(range(32)) - set(b"\t\n\r")))), max_size=8
)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), min_size=1, max_size=6), st.sampled_from(",;\t|"))
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory: Any, cells: list[list[str]], mark: str) -> None:  # noqa: ANN401
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "plan"], *cells])
    path = tmp_path_factory.mktemp("csv") / "file.csv"
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    named = next(name for name, each in NAMES.items() if each == mark)
    read = [tuple(row.values.values()) for row in open_rows(path, separated=named).rows]
    wanted = [tuple(cell.removeprefix("'") if cell[:2] in _DEFUSED else cell for cell in row) for row in cells]
    assert read == [row for row in wanted if any(cell.strip() for cell in row)]


_DEFUSED = {"'=", "'+", "'-", "'@", "'\t", "'\r"}


def test_what_is_defused_comes_back(tmp_path: Path) -> None:
    cells = ["+34600111222", "=1+1", "-5", "@x", "plain", "'quoted"]
    path = tmp_path / "rejects.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        write_csv(out, ["id", *"abcde"], [cells])
    assert "'+34600111222,'=1+1,'-5,'@x,plain,'quoted" in path.read_text()
    assert [list(row.values.values()) for row in open_rows(path).rows] == [cells]


def test_leading_zeros_and_signs_are_text(database: Database, take: Take) -> None:
    take("customers", "id;phone;plan\n007;+34600111222;08001\n")
    assert rows(database, "SELECT external_id, phone, a_plan FROM customer") == [("007", "+34600111222", "08001")]


def test_nothing_at_all_in_a_cell(database: Database, take: Take) -> None:
    imported = take("customers", "id,plan\na\0na,x\nbea,p\0ro\n")
    assert [(each.row.line, each.reason) for each in imported.rejects] == [
        (2, "its id holds a character that can not be stored")
    ]
    assert imported.notes == [
        "line 3: plan `p\0ro` holds a character that can not be stored; the row was taken without it"
    ]
    assert rows(database, "SELECT external_id, a_plan FROM customer") == [("bea", None)]


# --- numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "decimal", "plain"),
    [
        ("12.50", ".", "12.50"),
        ("1,234,567.8", ".", "1234567.8"),
        ("1.234,50 EUR", ",", "1234.50 EUR"),
        ("1\u00a0234,5", ",", "1234.5"),
        ("1\u202f234\u202f567", ",", "1234567"),
        ("1'234.50", ".", "1234.50"),
        ("-12,5", ",", "-12.5"),
        ("12,50", ".", None),
        ("1.23.4", ",", None),
        ("1,234 567", ".", None),
        ("12,", ",", None),
        ("", ".", None),
    ],
)
def test_numbers(written: str, decimal: numbers.Decimal, plain: str | None) -> None:
    assert numbers.plain(written, decimal) == plain


@given(st.integers(-(10**9), 10**9), st.integers(0, 99), st.sampled_from(list(numbers.DECIMALS.values())))
def test_a_number_is_read_as_it_was_written(whole: int, part: int, decimal: numbers.Decimal) -> None:
    american = f"{whole:,}.{part:02}"
    written = american if decimal == "." else american.translate({44: ".", 46: ","})
    assert numbers.plain(written, decimal) == f"{whole}.{part:02}"
    assert numbers.tells(written) == decimal


BOUGHT = "event;customer;time;amount\npurchase;ana;1970-01-02;{}\npurchase;bea;1970-01-02;{}\n"


def test_a_decimal_comma_is_told_by_the_file(database: Database, take: Take) -> None:
    imported = take("events", BOUGHT.format("1.234", "12,50"))
    assert imported.said == ("cells separated by semicolons", "decimals behind a comma (line 3: `12,50`)")
    assert imported.read_as is not None
    assert imported.read_as.decimal == ","
    assert rows(database, "SELECT p_amount__money FROM event ORDER BY seq") == [(123_400,), (1250,)]


def test_a_number_that_means_two_things_is_asked_for(database: Database, take: Take) -> None:
    with pytest.raises(ImportFileError) as asked:
        take("events", BOUGHT.format("7", "1.234"))
    assert asked.value.message == "line 3: the number `1.234` can be read in more than one way"
    assert asked.value.hint == "say how: --decimal comma or --decimal point"
    with pytest.raises(ImportFileError, match=r"decimals are written in two ways: line 2: `1\.5`, line 3: `2,5`"):
        take("events", BOUGHT.format("1.5", "2,5"))
    assert rows(database, "SELECT * FROM event") == []
    imported = take("events", BOUGHT.format("1.5", "1.234,5"), decimal=",")
    wrong = "line 2: purchase.amount `1.5` is not a number with decimals behind a comma"
    assert imported.notes == [f"{wrong}; kept as it is, and counts as missing"]


# --- dates --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "order", "iso"),
    [
        ("20260403", None, "2026-04-03"),
        ("2026/4/3", None, "2026-04-03"),
        ("2026.04.03 7:05", None, "2026-04-03T07:05:00"),
        ("5/5/2026", None, "2026-05-05"),
        ("3.4.26", "DMY", "2026-04-03"),
        ("3/4/2026 2:30 PM", "MDY", "2026-03-04T14:30:00"),
        ("3/4/2026 12:05 am", "MDY", "2026-03-04T00:05:00"),
        ("3-4-68", "DMY", "2068-04-03"),
        ("3-4-69", "DMY", "1969-04-03"),
        ("soon", "DMY", "soon"),
        ("2026-04-03", "DMY", "2026-04-03"),
    ],
)
def test_dates(written: str, order: Any, iso: str) -> None:  # noqa: ANN401
    assert Times("UTC", time(12), None, order).iso(written, 1) == iso


@pytest.mark.parametrize(
    ("serial", "iso"), [("46115", "2026-04-03"), ("46115.5", "2026-04-03T12:00:00"), ("61", "1900-03-01")]
)
def test_dates_as_day_numbers(serial: str, iso: str) -> None:
    assert Times("UTC", time(12), "excel").iso(serial, 1) == iso


@pytest.mark.parametrize(
    "written", ["31/02/2026", "2026-02-30", "99999999", "1/1/2026 25:00", "0001-01-01", "9999-12-31"]
)
def test_times_that_are_none(written: str) -> None:
    with pytest.raises(WrongTimeError):
        Times("UTC", time(12), None, "DMY").instant(written, 1)


DAYS = "SELECT at / 86400000000 FROM event ORDER BY seq"
VISITS = "event,customer,time\nvisit,ana,{}\nvisit,bea,{}\n"


def test_the_order_of_a_date_is_told_by_the_file(database: Database, take: Take) -> None:
    imported = take("events", VISITS.format("03/01/1970", "13/01/1970"), now=20 * DAY)
    assert imported.said == ("dates as DD/MM/YYYY (line 3: `13/01/1970`)",)
    assert rows(database, DAYS) == [(2,), (12,)]
    take("events", VISITS.format("01/04/1970", "01/14/1970"), now=20 * DAY)
    assert rows(database, DAYS)[2:] == [(3,), (13,)]


@pytest.mark.parametrize(
    ("first", "second", "message", "option"),
    [
        ("01/02/1970", "02/03/1970", "line 2: the date `01/02/1970` can be read in more than one way", "DD/MM/YYYY"),
        (
            "13/02/1970",
            "02/13/1970",
            "dates are written in two ways: line 2: `13/02/1970`, line 3: `02/13/1970`",
            "DD/MM",
        ),
        ("1970-01-01", "25569", "line 3: the date `25569` looks like a day number of a spreadsheet", "excel"),
    ],
)
def test_dates_that_mean_two_things_are_asked_for(
    database: Database, take: Take, first: str, second: str, message: str, option: str
) -> None:
    with pytest.raises(ImportFileError) as asked:
        take("events", VISITS.format(first, second))
    assert asked.value.message == message
    assert f"--date-format {option}" in str(asked.value.hint)
    assert rows(database, "SELECT * FROM event") == []


def test_what_has_not_happened_yet_is_told(take: Take) -> None:
    imported = take("events", VISITS.format("1970-01-02", "2062-01-02"))
    assert (imported.added, imported.notes[0]) == (
        2,
        "line 3: time lies in the future; it counts once it has come",
    )


# --- the same again -----------------------------------------------------------------------------------


def test_an_id_with_other_content_is_told(take: Take) -> None:
    content = "event,customer,time,id,amount\npurchase,ana,1970-01-02,o-1,5.00\npurchase,ana,1970-01-02,o-2,6.00\n"
    assert take("events", content).added == 2
    again = take("events", content)
    assert (again.unchanged, again.notes) == (2, [])
    other = take("events", content.replace("6.00", "7.00"))
    assert (other.unchanged, other.notes) == (2, ["line 3: id `o-2` is known with other content, which stays"])


def test_a_dry_run_changes_nothing(database: Database, take: Take) -> None:
    before = rows(database, "SELECT * FROM workspace")
    imported = take("customers", "id,plan,consent_email\nana,pro,yes\n,x,\n", dry_run=True)
    assert (imported.added, imported.rejected, imported.kept) == (1, 1, False)
    for table in ("customer", "identity", "consent", "intake", "attribute_change"):
        assert rows(database, f"SELECT * FROM {table}") == []  # noqa: S608 -- our own names
    assert rows(database, "SELECT * FROM workspace") == before


# --- any number of rows -------------------------------------------------------------------------------

IN_A_PROCESS = """
import resource, sys
from datetime import time
from pathlib import Path
from flowrules.store.database import Database
from flowrules.store.imports.records import Options
from flowrules.store.imports.run import import_file
from flowrules.store.imports.times import Times
from tests.store.test_csv import empty_model
database = Database.create(f"sqlite:///{sys.argv[1]}")
path = Path(sys.argv[2])
seen = []
taken = import_file(database, empty_model(), "customers", path, Options(Times("UTC", time(12), None)), now=0,
                    progress=seen.append)
print(taken.added, taken.rejected, len(taken.rejects), len(seen), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def empty_model() -> Model:
    model, _ = build([], Snapshot((), (), frozenset(), (Channel("email", "email"),), "EUR", "UTC"))
    assert model is not None
    return model


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    sizes = []
    for number in (20_000, 150_000):
        path = tmp_path / f"{number}.csv"
        with path.open("w") as file:
            file.write("id,email\n")
            # Half of them again: what has been seen is remembered, and what is refused is not kept.
            file.writelines(f"c{i // 2 * 2},c{i}@example.com\n" for i in range(number))
        given = [sys.executable, "-c", IN_A_PROCESS, str(tmp_path / f"{number}.db"), str(path)]
        done = subprocess.run(given, capture_output=True, text=True, check=True)
        added, rejected, kept, progress, size = map(int, done.stdout.split())
        assert (added, rejected, kept, progress) == (number // 2, number // 2, 1000, number // 10_000)
        sizes.append(size)
    assert sizes[1] - sizes[0] < 30_000, "kilobytes"


def test_yes_and_no_as_neighbours_write_them(database: Database, take: Take) -> None:
    content = (
        "id,consent_email\nana,Sí\nbea,si\ncarl,oui\ndora,ja\neva,nein\nfay,non\ngil,maybe\nhal,WAHR\nivo,Opt-Out\n"
    )
    assert (take("customers", content).added, take("customers", content).rejected) == (8, 1)
    asked = "SELECT c.external_id FROM consent s JOIN customer c ON c.id = s.customer_id WHERE s.state = 'granted'"
    assert {row[0] for row in rows(database, asked)} == {"ana", "bea", "carl", "dora", "hal"}
