"""docs/codes.md is what the registry says."""

from __future__ import annotations

from flowrules.diagnostics.codes import CODES
from tests.docs import codes
from tests.docs.markdown import anchors


def test_the_page_of_codes_is_up_to_date() -> None:
    written = codes.PAGE.read_text(encoding="utf-8")
    assert written == codes.page(), "run `python -m tests.docs.codes`"


def test_each_code_can_be_linked_to() -> None:
    assert {code.lower() for code in CODES} <= anchors(codes.PAGE)
