from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowrules.sql.message_id import MessageKey, message_id, parse


def test_it_can_be_read_by_people() -> None:
    key = MessageKey("welcome", "ana", 1, "lead/send email hello", 2)
    assert message_id(key) == "welcome.ana.1.lead/send+email+hello.2"


@given(st.text(), st.integers(1, 10**6), st.text(), st.integers(1, 99))
def test_it_is_read_back_whatever_a_customer_is_called(customer: str, instance: int, step: str, number: int) -> None:
    key = MessageKey("welcome", customer, instance, step.encode("utf-8", "replace").decode(), number)
    assert parse(message_id(key)) == key


def test_other_texts_are_no_message() -> None:
    for text in ("", "welcome", "a.b.c.d", "a.b.1.d.x", "a.b.01.d.1"):
        assert parse(text) is None
