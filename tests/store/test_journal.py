from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import insert, select, text, update

from flowrules.model.campaign import Model
from flowrules.sql import tables
from flowrules.sql.columns import tables_for
from flowrules.store.database import Database
from flowrules.store.journal import (
    NewChange,
    NewConsent,
    NewCustomer,
    NewEvent,
    Taken,
    add_changes,
    add_consents,
    add_customers,
    add_events,
    replace_list,
)
from flowrules.store.zones import BEGINNING

Rows = list[tuple[object, ...]]


def rows(database: Database, statement: str) -> Rows:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def purchase(customer: str, at: int, key: str, amount: int = 5) -> NewEvent:
    return NewEvent("purchase", customer, at, at, key, {"amount": amount})


def test_new_customers(database: Database, model: Model) -> None:
    given = [
        NewCustomer(
            " ana ", 7, {"email": "Ana@Example.COM", "timezone": "Europe/Madrid", "plan": "pro", "birthday": 3}
        ),
        NewCustomer("bea", 8, {"phone": "+34 600-100-200", "timezone": "Mars/Olympus"}),
    ]
    with database.intake() as connection:
        assert add_customers(connection, model, given, 9).verdicts == ("added", "added")
    assert rows(
        database,
        "SELECT id, external_id, known_at, zone_id, email, timezone, a_plan, a_birthday FROM customer ORDER BY id",
    ) == [
        (1, "ana", 7, 2, "Ana@Example.COM", "Europe/Madrid", "pro", 3),
        (2, "bea", 8, None, None, "Mars/Olympus", None, None),
    ]
    assert sorted(rows(database, "SELECT kind, value, customer_id FROM identity")) == [
        ("email", "ana@example.com", 1),
        ("id", "ana", 1),
        ("id", "bea", 2),
        ("phone", "+34600100200", 2),
    ]


def test_known_customers_change_by_rows_that_the_tick_applies(database: Database, model: Model) -> None:
    with database.intake() as connection:
        add_customers(connection, model, [NewCustomer("ana", 1, {"email": "a@x.es", "plan": "free"})], 1)
    change = [NewCustomer("ana", 1, {"email": "new@x.es", "plan": "free", "birthday": None})]
    for verdict in ("changed", "unchanged"):
        with database.intake() as connection:
            assert add_customers(connection, model, change, 50).verdicts == (verdict,)
    assert rows(database, "SELECT email FROM customer") == [("a@x.es",)]
    assert rows(database, "SELECT * FROM attribute_change") == [(1, 50, 1, "email", None, "new@x.es")]
    of_email = "SELECT value, since FROM identity WHERE kind = 'email' ORDER BY since"
    assert rows(database, of_email) == [("a@x.es", BEGINNING), ("new@x.es", 50)]
    for email in ("c@x.es", "new@x.es", None):
        with database.intake() as connection:
            add_customers(connection, model, [NewCustomer("ana", 1, {"email": email})], 50)
    assert rows(database, of_email) == [("a@x.es", BEGINNING), ("", 50)]


def test_a_customer_twice_in_one_call_is_changed_by_the_second(database: Database, model: Model) -> None:
    given = [NewCustomer("ana", 1, {"plan": "free"}), NewCustomer("ana", 1, {"plan": "pro"})]
    with database.intake() as connection:
        assert add_customers(connection, model, given, 5).verdicts == ("added", "changed")
    assert rows(database, "SELECT attribute, text FROM attribute_change") == [("plan", "pro")]


def test_changes_by_id_email_or_phone(database: Database, model: Model) -> None:
    with database.intake() as connection:
        add_customers(connection, model, [NewCustomer("ana", 1, {"email": "a@x.es", "phone": "+34 600 100 200"})], 1)
        given = [
            NewChange("ana", 5, "plan", "pro"),
            NewChange(" A@X.es", 6, "birthday", 3),
            NewChange("+34600100200", 7, "plan", None),
            NewChange("nobody", 7, "plan", None),
        ]
        assert add_changes(connection, given) == 3
    assert rows(database, "SELECT * FROM attribute_change ORDER BY seq") == [
        (1, 5, 1, "plan", None, "pro"),
        (1, 6, 2, "birthday", 3, None),
        (1, 7, 3, "plan", None, None),
    ]


def test_events_in_order_of_import(database: Database, model: Model) -> None:
    given = [
        purchase("bea", 30, "k1"),
        NewEvent("hello", "ana", 10, 20, "k2", {}, extra='{"x": 1}'),
        purchase("bea", 20, "k3", amount=7),
    ]
    with database.intake() as connection:
        assert add_events(connection, model, given) == Taken(3, 0, (), ("bea", "ana"))
    assert rows(database, "SELECT id, external_id, known_at FROM customer ORDER BY id") == [
        (1, "bea", 30),
        (2, "ana", 20),
    ]
    assert rows(database, "SELECT id, name FROM event_type ORDER BY id") == [(1, "hello"), (2, "purchase")]
    assert rows(
        database, "SELECT customer_id, type_id, at, seq, event_time, p_amount__money, extra FROM event ORDER BY seq"
    ) == [(1, 2, 30, 1, 30, 5, None), (2, 1, 20, 2, 10, None, '{"x": 1}'), (1, 2, 20, 3, 20, 7, None)]
    assert rows(database, "SELECT next_seq FROM journal") == [(4,)]


def test_the_same_fact_is_one_fact(database: Database, model: Model) -> None:
    with database.intake() as connection:
        assert add_events(connection, model, [purchase("ana", 1, "k"), purchase("bea", 2, "k")]) == Taken(
            1, 1, (), ("ana",)
        )
        assert add_events(connection, model, [purchase("ana", 1, "k")]) == Taken(0, 1, (), ())
    assert rows(database, "SELECT count(*) FROM event") == [(1,)]
    assert rows(database, "SELECT next_seq FROM journal") == [(2,)]


def test_strangers_are_named_when_only_known_ones_count(database: Database, model: Model) -> None:
    with database.intake() as connection:
        add_customers(connection, model, [NewCustomer("ana", 1, {})], 1)
        given = [purchase("x", 1, "k1"), purchase("ana", 1, "k2")]
        assert add_events(connection, model, given, known_only=True) == Taken(1, 0, (0,), ())
        # It is not remembered: when the customer is known, the event is new.
        assert add_events(connection, model, given) == Taken(1, 1, (), ("x",))


def test_a_fact_behind_the_planner_is_raised_to_the_first_open_instant(database: Database, model: Model) -> None:
    with database.write() as connection:
        connection.execute(update(tables.clock).values(last_tick=90, target=100))
    with database.intake() as connection:
        add_events(
            connection, model, [purchase("ana", 50, "k1"), purchase("ana", 100, "k2"), purchase("ana", 150, "k3")]
        )
        add_consents(connection, model, [NewConsent("ana", "email", "marketing", "granted", 50, "web", 40)])
        add_changes(connection, [NewChange("ana", 50, "plan", "pro")])
    assert rows(database, "SELECT at, event_time FROM event ORDER BY seq") == [(101, 50), (101, 100), (150, 150)]
    assert rows(database, "SELECT at, event_time FROM consent") == [(101, 40)]
    assert rows(database, "SELECT at FROM attribute_change") == [(101,)]
    assert rows(database, "SELECT known_at FROM customer") == [(101,)]


def test_the_target_is_read_after_the_lock(database: Database, model: Model) -> None:
    """A fact that waits while the tick publishes its target lies behind that target, not before it."""
    if database.dialect == "sqlite":
        return  # one writer: there is nothing to wait with

    def late() -> None:
        with database.intake() as connection:
            add_events(connection, model, [purchase("ana", 50, "k")])

    with ThreadPoolExecutor(1) as pool:
        with database.write("READ COMMITTED") as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x666C6F77})
            waiting = pool.submit(late)
            while not rows(database, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
                pass
            connection.execute(update(tables.clock).values(target=100))
        waiting.result()
    assert rows(database, "SELECT at FROM event") == [(101,)]


def test_intakes_side_by_side_lose_nothing(database: Database, model: Model) -> None:
    def take(number: int) -> None:
        for turn in range(5):
            with database.intake() as connection:
                given = [purchase(f"c{(number + turn + i) % 7}", i, f"{number}-{turn}-{i}") for i in range(20)]
                add_events(connection, model, given)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take, range(4)))
    assert rows(database, "SELECT count(*), count(DISTINCT seq), max(seq) FROM event") == [(400, 400, 400)]
    assert rows(database, "SELECT count(*), max(id) FROM customer") == [(7, 7)]


def test_a_reaction_points_to_its_message(database: Database, model: Model) -> None:
    with database.write() as connection:
        connection.execute(insert(tables.campaign).values(id=4, name="welcome"))
        connection.execute(insert(tables.step).values(id=9, campaign_id=4, key="hello/send email hi"))
    opened = NewEvent(
        "email_opened", "ana", 5, 5, "k", {}, ref=("ana", "welcome", 2, "hello/send email hi", 1), machine=True
    )
    with database.intake() as connection:
        add_events(connection, model, [opened])
    assert rows(database, "SELECT ref_campaign_id, ref_instance, ref_step_id, ref_pass, machine FROM event") == [
        (4, 2, 9, 1, 1)
    ]


def test_consents_with_a_key_are_taken_once(database: Database, model: Model) -> None:
    record = NewConsent("ana", "email", "marketing", "granted", 5, "web", 5, key="k")
    with database.intake() as connection:
        assert add_consents(connection, model, [record, record]).added == 1
        assert add_consents(connection, model, [record]).known == 1


def test_a_list_is_replaced(database: Database) -> None:
    with database.intake() as connection:
        assert replace_list(connection, "robinson", [("email", " A@x.ES "), ("email", "a@x.es"), ("phone", "-")]) == 1
        assert replace_list(connection, "robinson", [("phone", "+34 600 100 200")]) == 1
    with database.read() as connection:
        found = [tuple(row) for row in connection.execute(select(tables.list_entry))]
    assert found == [("robinson", "phone", "+34600100200")]


def test_wide_batches(database: Database, model: Model) -> None:
    number = 20_000
    with database.intake() as connection:
        add_customers(connection, model, [NewCustomer(f"c{i}", 0, {"plan": "free"}) for i in range(number)], 0)
        given = [purchase(f"c{i * 7 % number}", i, f"k{i}") for i in range(number)]
        assert add_events(connection, model, given) == Taken(number, 0, (), ())
        assert add_events(connection, model, given) == Taken(0, number, (), ())
    with database.read() as connection:
        event = tables_for(model).event
        assert connection.execute(select(event.c.p_amount__money).where(event.c.seq == 1)).scalar() == 5
