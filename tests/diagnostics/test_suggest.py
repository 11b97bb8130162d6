from __future__ import annotations

import pytest

from flowrules.diagnostics.suggest import distance, nearest


@pytest.mark.parametrize(
    ("a", "b", "steps"),
    [("", "", 0), ("ab", "ab", 0), ("ab", "ba", 1), ("abc", "ac", 1), ("ac", "abc", 1), ("abc", "axc", 1),
     ("", "abc", 3), ("kitten", "sitting", 3)],
)  # fmt: skip
def test_distance(a: str, b: str, steps: int) -> None:
    assert distance(a, b) == distance(b, a) == steps


@pytest.mark.parametrize(
    ("word", "best"),
    [("segmnet", "segment"), ("eent", "event"), ("Event", "event"), ("bananas", None), ("xx", None), ("list", None)],
)
def test_nearest(word: str, best: str | None) -> None:
    assert nearest(word, ["segment", "event", "list", "campaign"]) == best


def test_equally_near_names_are_taken_by_the_alphabet() -> None:
    assert nearest("cart", ["card", "care", "carx"]) == nearest("cart", ["carx", "care", "card"]) == "card"


def test_endless_words_cost_nothing() -> None:
    assert nearest("x" * 1_000_000, ["x" * 999_999]) is None
