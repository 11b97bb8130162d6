"""Damaged rule files never end in an exception, and what is said of them lies inside the file.

`FLOWRULES_FUZZ` is how many; the same seeds every time.
"""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.look import TEXTS, look, main
from tests.fuzz.mutate import mutated


def test_damaged_files() -> None:
    assert main(int(os.environ.get("FLOWRULES_FUZZ", "250"))) == 0


def test_the_same_seed_makes_the_same_file() -> None:
    assert [mutated(seed, TEXTS) for seed in range(20)] == [mutated(seed, TEXTS) for seed in range(20)]
    assert len({mutated(seed, TEXTS) for seed in range(50)}) > 45


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    look(data)


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    look(text.encode(errors="surrogatepass"))
