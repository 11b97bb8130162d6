"""No statement of a tick walks over customers: each is led to their rows by a working table and an index.

All that ticks execute is explained as it is executed, and what a program could execute besides; on PostgreSQL before
there are statistics and with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace

import pytest

from flowrules.runtime import tick
from flowrules.runtime.deliver import deliver
from flowrules.runtime.load import Program
from flowrules.sql.scratch import scratch
from flowrules.sql.statement import Statement
from flowrules.sql.tables import metadata
from flowrules.store.database import Database
from tests.proof.copies import Copies, opened
from tests.proof.everything import DEPLOYED, later, scenario
from tests.proof.plans import Plans, aliases, explain
from tests.proof.story import Outside, answering, deploy, long_ago, make
from tests.proof.tap import tapped
from tests.reference.scenario import HOUR, Scenario

STORY = scenario(110, days=3, facts=4, passive=2500)
IS_HELD = "SELECT message.status \nFROM message \nWHERE message.status < 10 AND message.status = "
"""Whether any message is held, once when a program is loaded: the first entry of the index of those still open."""
IN_USE = "SELECT DISTINCT enrollment.version_id \nFROM enrollment"
EVER_MOVED = "SELECT DISTINCT move.campaign_id \nFROM move"
PENDING = "SELECT DISTINCT move.version_id * "
"""Where a deployment is to move people, once when a program is loaded: a walk of move_at from the last tick on."""
FROM_A_QUERY = re.compile(r"INSERT (?:OR \w+ )?INTO (?P<table>\w+) \((?P<columns>[^)]*)\) SELECT ")


def by_time(program: Program) -> tuple[Statement, ...]:
    """They read a part of the ledger, in its own order."""
    return program.visits.behind, program.visits.upto, program.visits.add


def allowed(program: Program) -> dict[str, str]:
    """The statements that may look at customers nobody led them to, each with the reason."""
    timers, rechecks, events, changes, outcomes, consents, members, known = program.rounds.gather
    dated = [statement for each in program.dates for statement in each.gather]
    ordered = dict.fromkeys((each.text for each in program.operators.gather), "what operators ordered, by its index")
    return ordered | {
        timers.text: "what is due: a walk of enrollment_due up to the target",
        rechecks.text: "the same of enrollment_recheck",
        events.text: "facts of the stretch: a walk of event_due between two instants",
        changes.text: "the same of attribute_change_at",
        outcomes.text: "the same of outcome_at",
        consents.text: "the same of consent_at, where a condition asks for consent",
        members.text: "the same of membership_recheck",
        known.text: "new customers, where members of a segment are kept: a walk of customer_known_at",
        **{each.text: "whose date it is: an index of the attribute, asked for one day" for each in dated},
        program.rounds.scheduled.text: "a schedule asks every customer, and runs only where one occurs",
        **{each.text: "the ledger since its index was written: a walk of its key" for each in by_time(program)},
        program.rounds.next_due.text: "the first entry of each due index, only after a long pause",
        IN_USE: "which versions have customers, once when a program is loaded",
        EVER_MOVED: "campaigns in which people were moved, likewise",
    }


def statements(thing: object) -> Iterator[Statement]:
    """Every statement in a program, wherever it stands."""
    if isinstance(thing, Statement):
        yield thing
    elif is_dataclass(thing) and not isinstance(thing, type):
        for field in fields(thing):
            if field.name != "bundle":
                yield from statements(getattr(thing, field.name))
    elif isinstance(thing, dict):
        yield from statements(tuple(thing.values()))
    elif isinstance(thing, tuple | list):
        for item in thing:
            yield from statements(item)


@dataclass(frozen=True, slots=True)
class Seen:
    plans: Plans
    program: Program
    moving: Program
    """That of a deployment that moves people."""
    executed: int
    """How many of the program's statements were."""


@pytest.fixture(scope="module")
def seen(copies: Copies, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    url = copies.fresh()
    make(url, STORY)
    long_ago(url, 2500)
    real, virtual = Outside(folder=tmp_path_factory.mktemp("out")), answering(STORY)
    with opened(url) as database:
        plans = Plans(database.dialect, "without statistics")
        deploy(database, STORY, DEPLOYED)
        with tapped(database, plans.look):
            # More than a day goes in stretches.
            tick.tick(database, DEPLOYED + 25 * HOUR + 1, answer=virtual.answer)
            tick.tick(database, DEPLOYED + 28 * HOUR)
        deliver(database, real.channels(), DEPLOYED + 28 * HOUR)
        deploy(database, later(STORY), DEPLOYED + 28 * HOUR + 2)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
        plans.period = "with statistics"
        with tapped(database, plans.look):
            tick.tick(database, DEPLOYED + 50 * HOUR, answer=virtual.answer)
        deploy(database, moved(STORY), DEPLOYED + 50 * HOUR + 2)
        moving = look_on(database, plans, DEPLOYED + 51 * HOUR, virtual)
        deploy(database, tried(STORY), DEPLOYED + 51 * HOUR + 2, canary=300_000)
        with tapped(database, plans.look):
            tick.tick(database, DEPLOYED + 60 * HOUR, answer=virtual.answer)
        with tick.planner(database) as planning:
            planning.tick(DEPLOYED + 60 * HOUR)
            executed = explain_the_rest(planning, plans)
            return Seen(plans, planning.program, moving, executed)


def look_on(database: Database, plans: Plans, until: int, virtual: Outside) -> Program:
    """With the program of what is to happen yet."""
    with tapped(database, plans.look), tick.planner(database) as planning:
        planning.tick(until, answer=virtual.answer)
        explain_the_rest(planning, plans)
        return planning.program


def moved(given: Scenario) -> Scenario:
    """Deployed later still: people of two campaigns are led elsewhere, one of its stages has another name."""
    rules = later(given).rules.replace("stage visited:", "stage seen formerly visited:")
    for before, after in (
        ("go to visited", "go to seen"),
        ("campaign welcome:\n", f"campaign welcome:\n{LINES}"),
        ("from every stage keep\n", "from stage all move to stage s\n"),
    ):
        rules = rules.replace(before, after)
    return replace(given, rules=rules)


LINES = """\
    migrate:
        from every stage follow, recompute waits
        from "lead/send sms nudge" move to stage late
        from stage late exit "over"
"""


def tried(given: Scenario) -> Scenario:
    """The same with something new for a share."""
    return replace(given, rules=moved(given).rules.replace("        untag gone\n", ""))


def explain_the_rest(planning: tick.Planner, plans: Plans) -> int:
    executed = set(plans.counts)
    known = list(statements(planning.program))
    with planning._write() as cursor:
        for statement in known:
            names = re.findall(r"(?<!:):([a-z]\w*)|%\(([a-z]\w*)\)s", statement.text)
            values = dict.fromkeys((one or other for one, other in names), 0) | dict(statement.constants)
            plans.look(cursor, statement.text, values)
    return sum(statement.text in executed for statement in known)


def test_no_statement_walks_over_customers(seen: Seen) -> None:
    may = allowed(seen.program) | allowed(seen.moving)
    led_astray = [
        f"{access}\n    {text}"
        for text, accesses in seen.plans.items()
        if text not in may and not text.startswith((IS_HELD, PENDING))
        for access in accesses
        if not access.by_customer
    ]
    assert not led_astray, "\n".join(led_astray)


def test_what_is_due_is_found_by_index(seen: Seen) -> None:
    for statement in (*seen.program.rounds.gather, seen.program.rounds.next_due):
        found = seen.plans.periods["with statistics"][statement.text]
        assert found, statement.text
        for access in found:
            assert re.match(r"(COVERING )?INDEX \w+_(due|recheck|at) |\w+_(due|recheck|at)\b", access.search), (
                access,
                statement.text,
            )


def test_the_ledger_is_read_from_where_its_index_ends(seen: Seen) -> None:
    for statement in by_time(seen.program):
        found = [
            access for access in seen.plans.periods["with statistics"][statement.text] if access.table == "decision"
        ]
        assert found, statement.text
        for access in found:
            assert re.search(r"\(at,customer_id\)>|ROW\(at, customer_id\) >|\bat ?[=>]", access.search), (
                access,
                statement.text,
            )


def test_who_is_moved_is_found_by_index(seen: Seen) -> None:
    gathers = [each.text for each in seen.moving.operators.gather if "FROM move" in each.text]
    pending = [text for text in seen.plans.periods["with statistics"] if text.startswith(PENDING)]
    assert (len(gathers), len(pending)) == (1, 1)
    for access in (access for text in (*gathers, *pending) for access in seen.plans.periods["with statistics"][text]):
        assert re.search(r"\bmove_at\b", access.search), access


def test_whose_date_it_is_is_found_by_index(seen: Seen) -> None:
    assert len(seen.program.dates) == 2  # yearly, and the very date
    for each in seen.program.dates:
        for statement in each.gather:
            for found in seen.plans.periods["with statistics"][statement.text]:
                assert re.search(r"customer_a_birthday.*a_birthday\W* ?=", found.search), (found, statement.text)


def test_rows_are_inserted_in_the_order_of_their_table(seen: Seen) -> None:
    """From its first column on: otherwise SQLite copies each value once more."""
    known = {
        table.name: [column.name for column in table.c] for table in (*metadata.sorted_tables, *scratch.sorted_tables)
    }
    inserts = {text: found for text, _ in seen.plans.items() if (found := FROM_A_QUERY.match(text))}
    assert len(inserts) > 50
    for text, found in inserts.items():
        columns = [column.strip(' "') for column in found["columns"].split(",")]
        assert columns == known[found["table"]][: len(columns)], text


def test_the_ticks_were_worth_looking_at(seen: Seen) -> None:
    """Nearly all of two programs was executed, and every customers' table is in the plans."""
    everything = list(statements(seen.program))
    assert seen.executed > 0.8 * len(everything)
    assert sum(seen.plans.counts.values()) > 2000
    found = {access.table for _, accesses in seen.plans.items() for access in accesses}
    assert found >= {"customer", "identity", "attribute_change", "consent", "exposure", "event", "enrollment"}
    assert found >= {"consumption", "message", "contact", "outcome", "membership", "assignment", "move"}


# --- the looking glass itself -------------------------------------------------------------------------

BAD = {
    "a walk": "SELECT count(*) FROM enrollment WHERE ended_at IS NULL",
    "of another index": "SELECT e.seq FROM event e WHERE e.type_id + 0 = 1 AND e.at + 0 = 5",
    "customers first": "SELECT m.pass FROM message AS m CROSS JOIN event x WHERE x.customer_id = m.customer_id",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plan_is_seen(database_url: str, name: str) -> None:
    make(database_url, scenario(5))
    with opened(database_url) as database, tick.planner(database) as planning, planning._write() as cursor:
        found = explain(database.dialect, cursor, BAD[name], {})
        assert any(not access.by_customer for access in found), found
        good = "SELECT e.node FROM enrollment e WHERE e.customer_id = 5"
        assert all(access.by_customer for access in explain(database.dialect, cursor, good, {}))


def test_aliases() -> None:
    text = 'UPDATE run SET a = (SELECT e.at FROM "event" AS e) FROM customer c CROSS JOIN contact WHERE event_x.at = 1'
    assert aliases(text) == {"e": "event", "c": "customer", "contact": "contact"}
