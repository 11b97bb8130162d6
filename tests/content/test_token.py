"""Names of messages that leave the house can be read back here, by nobody else, and never made up."""

from __future__ import annotations

import hmac
import re
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.sql.token import MessageRow, Unsubscribe, bounce_token, read_bounce, read_unsubscribe, unsubscribe_token

SALT = "5f1d0c2b5f1d0c2b5f1d0c2b5f1d0c2b"
NUMBER = st.integers(0, 2**31 - 1)
MESSAGE = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER)
NAME = st.text("abcdefghijklmnopqrstuvwxyz_ñ", min_size=1, max_size=40)


@given(MESSAGE)
def test_a_bounce_names_its_message(message: MessageRow) -> None:
    token = bounce_token(SALT, message)
    assert read_bounce(SALT, token) == message
    assert read_bounce(SALT, token.upper()) == message  # servers on the way may change the case
    assert re.fullmatch("[a-z2-7]+", token)
    assert len(f"b+{token}") <= 64  # of a local part, RFC 5321


@given(MESSAGE, NAME, NAME)
def test_a_link_names_customer_channel_purpose_and_message(message: MessageRow, channel: str, purpose: str) -> None:
    about = Unsubscribe(message, channel, purpose)
    assert read_unsubscribe(SALT, unsubscribe_token(SALT, about)) == about
    short = Unsubscribe(message, "", "")
    assert read_unsubscribe(SALT, unsubscribe_token(SALT, short)) == short
    assert len(f"unsubscribe+{unsubscribe_token(SALT, short)}") <= 76


@given(MESSAGE, st.data())
def test_nothing_can_be_made_up(message: MessageRow, data: st.DataObject) -> None:
    token = unsubscribe_token(SALT, Unsubscribe(message, "email", "marketing"))
    at = data.draw(st.integers(0, len(token) - 2))
    other = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567").filter(lambda letter: letter != token[at]))
    assert read_unsubscribe(SALT, token[:at] + other + token[at + 1 :]) is None
    assert read_unsubscribe(SALT[::-1], token) is None
    assert read_bounce(SALT, token) is None  # one use is not the other
    assert read_unsubscribe(SALT, bounce_token(SALT, message)) is None


@given(st.text(max_size=80))
def test_whatever_comes_in_is_no_error(text: str) -> None:
    assert read_bounce(SALT, text) is None
    assert read_unsubscribe(SALT, text) is None


@pytest.mark.parametrize("text", ["", "a", "=", "a" * 2000, "\0", "é" * 40])
def test_odd_ones_too(text: str) -> None:
    assert read_bounce(SALT, text) is None


def test_a_token_is_always_the_same_and_says_nothing() -> None:
    first, second = (bounce_token(SALT, (customer, 1, 1, 4, 1)) for customer in (1, 2))
    assert first == bounce_token(SALT, (1, 1, 1, 4, 1))
    assert sum(left == right for left, right in zip(first, second, strict=True)) < len(first) // 2


def test_it_is_compared_in_constant_time() -> None:
    token = bounce_token(SALT, (1, 1, 1, 4, 1))
    with patch("flowrules.sql.token.hmac.compare_digest", wraps=hmac.compare_digest) as compared:
        assert read_bounce(SALT, token) == (1, 1, 1, 4, 1)
    assert compared.call_count == 1
