"""Identifiers in one form, and who is found by them when."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import unicodedata

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from flowrules.model.campaign import Model
from flowrules.sql import tables
from flowrules.store.customers import NewChange, NewCustomer, add_changes, add_customers, find_customers
from flowrules.store.database import Database
from flowrules.store.identities import identify
from flowrules.store.identity import _PLAIN, IdentityKind, normalised, region_of, sha256_of
from flowrules.store.zones import BEGINNING


@pytest.mark.parametrize(
    ("kind", "given", "region", "expected"),
    [
        ("id", " Ana 1 ", None, "Ana 1"),
        ("id", "  ", None, None),
        ("email", " Ana@Example.COM ", None, "ana@example.com"),
        ("email", "JOSE\u0301@Example.COM", None, "jos\u00e9@example.com"),
        ("email", "ana@B\u00dcCHER.de", None, "ana@xn--bcher-kva.de"),
        ("email", "ana@xn--bcher-kva.de", None, "ana@xn--bcher-kva.de"),
        ("email", "a.b+news@gmail.com", None, "a.b+news@gmail.com"),  # dots and tags stay
        ("email", "ana@mail.local", None, "ana@mail.local"),
        ("email", "ana@example.test", None, "ana@example.test"),
        ("email", "ana@example", None, None),  # nobody can be reached there: the dot is forgotten
        ("email", "ana@localhost", None, None),
        ("email", "ana@[192.0.2.1]", None, None),
        ("email", "ana@192.0.2.1", None, None),
        ("email", "ana", None, None),
        ("email", "ana@", None, None),
        ("email", "a..b@x.com", None, None),
        ("email", "Ana <ana@x.com>", None, None),
        ("email", "ana@x.com, bea@x.com", None, None),
        ("email", "ana@x.com\0", None, None),
        ("phone", " +34 (600) 111-222 ", None, "+34600111222"),
        ("phone", "600 111 222", "ES", "+34600111222"),
        ("phone", "0034 600111222", "ES", "+34600111222"),
        ("phone", "06 1234 5678", "IT", "+390612345678"),  # Italy keeps the zero
        ("phone", "(202) 555-0101 ext. 7", "US", "+12025550101"),
        ("phone", "600 111 222", None, None),
        ("phone", "600 111 222", "XX", None),
        ("phone", "+341", None, None),
        ("phone", "none", "ES", None),
        ("phone", "9" * 400, "ES", None),
        ("email_sha256", f" {'AB' * 32} ", None, "ab" * 32),
        ("email_sha256", "ana@x.com", None, None),
    ],
)
def test_one_form(kind: IdentityKind, given: str, region: str | None, expected: str | None) -> None:
    assert normalised(kind, given, region) == expected


@given(st.from_regex(_PLAIN, fullmatch=True))
def test_the_short_way_says_what_the_library_says(address: str) -> None:
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    found = email_validator.validate_email(address, check_deliverability=False)
    assert found.normalized == found.ascii_email == address


@given(st.one_of(st.emails(), st.text(max_size=12).map(lambda text: f"{text}@x.com"), st.text(max_size=20)))
def test_a_normal_form_is_its_own(text: str) -> None:
    for kind in ("email", "phone", "id"):
        form = normalised(kind, text, "ES")
        assert form is None or normalised(kind, form) == form
        if form is not None:
            assert (
                normalised(kind, unicodedata.normalize("NFD", f" {text} ") if kind == "email" else text, "ES") == form
            )


def test_the_country_of_a_number() -> None:
    assert [region_of(country, "ES") for country in (None, "", " fr ", "France")] == ["ES", "ES", "FR", None]


def test_hashes() -> None:
    assert sha256_of("ana@example.com") == hashlib.sha256(b"ana@example.com").hexdigest()


def test_the_libraries_wait_until_they_are_needed() -> None:
    code = "import sys, flowrules.cli.main; print({'phonenumbers', 'email_validator'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def identities(database: Database, kind: str) -> list[tuple[str, int, int]]:
    identity = tables.identity.c
    query = select(identity.value, identity.customer_id, identity.since).where(identity.kind == kind)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(identity.customer_id, identity.since))]


def test_a_number_follows_the_country(database: Database, model: Model) -> None:
    ana = NewCustomer("ana", 0, {"phone": "600 111 222", "country": "ES"})
    with database.intake() as connection:
        add_customers(connection, model, [ana], 0)
        add_changes(connection, [NewChange("ana", 5, "country", "FR"), NewChange("ana", 9, "phone", "06 12 34 56 78")])
    assert identities(database, "phone") == [
        ("+34600111222", 1, BEGINNING),
        ("+33600111222", 1, 5),
        ("+33612345678", 1, 9),
    ]


def test_a_number_without_a_country_waits_for_the_region(database: Database, model: Model) -> None:
    given = [NewCustomer("ana", 0, {"phone": "600 111 222"}), NewCustomer("bea", 0, {"phone": "+34 600 111 333"})]
    with database.intake() as connection:
        add_customers(connection, model, given, 0)
    assert identities(database, "phone") == [("+34600111333", 2, BEGINNING)]
    for _ in range(2):
        with database.intake() as connection:
            identify(connection, "ES", None, 7)
    assert identities(database, "phone") == [("+34600111222", 1, 7), ("+34600111333", 2, BEGINNING)]
    with database.intake() as connection:
        add_customers(connection, model, [NewCustomer("carl", 0, {"phone": "600 111 444"})], 0)
        assert find_customers(connection, ["+34 600-111-444", "600111444"]) == {"+34 600-111-444": 3}


def test_hashes_are_kept_where_a_list_asks_for_them(database: Database, model: Model) -> None:
    with database.intake() as connection:
        add_customers(connection, model, [NewCustomer("ana", 0, {"email": "Ana@x.es"})], 0)
    assert identities(database, "email_sha256") == []
    with database.intake() as connection:
        identify(connection, None, ["email_sha256"], 3)
        add_customers(connection, model, [NewCustomer("bea", 0, {"email": "bea@x.es"})], 0)
        add_changes(connection, [NewChange("ana", 5, "email", "new@x.es"), NewChange("bea", 6, "email", None)])
    ana, bea, new = (sha256_of(f"{name}@x.es") for name in ("ana", "bea", "new"))
    assert identities(database, "email_sha256") == [
        (ana, 1, BEGINNING),
        (new, 1, 5),
        (bea, 2, BEGINNING),
        ("", 2, 6),
    ]
    with database.intake() as connection:
        identify(connection, None, [], 9)
    assert identities(database, "email_sha256") == []


def test_an_address_means_who_has_it_now(database: Database, model: Model) -> None:
    with database.intake() as connection:
        old, new = (NewCustomer(name, 1, {"email": f"{name}@x.com"}) for name in ("old", "new"))
        add_customers(connection, model, [old, new], 1)
        assert find_customers(connection, ["old@x.com"]) == {"old@x.com": 1}
        add_changes(
            connection, [NewChange("old", 5, "email", "other@x.com"), NewChange("new", 6, "email", "old@x.com")]
        )
        assert find_customers(connection, ["old@x.com", "new@x.com", "other@x.com"]) == {
            "old@x.com": 2,
            "new@x.com": 2,
            "other@x.com": 1,
        }
