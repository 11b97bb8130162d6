"""Every construct of the language that this version can not run: one diagnostic, FR050, on its words."""

from __future__ import annotations

import pytest

from flowrules.source import Source
from flowrules.syntax.parser import parse

HEADER = [
    ("enter when while in segment x, again after 30 days", "while in segment x"),
    ("enter when balance falls by 30% within 30 days", "balance falls by 30% within 30 days"),
    ("enter when no login for 30 days", "no login for 30 days"),
    ("enter when no login (kind is 3) for 30 days, including current", "no login (kind is 3) for 30 days"),
    ("enter when opens email hello", "opens email hello"),
    ("enter when refuses call hello", "refuses call hello"),
    ("enter when every monday at 09:00 for segment x, if missed run once", "if missed run once"),
    ("exit when entry no longer holds", "entry no longer holds"),
]
STEPS = [
    ("send email x as first_mail", "as first_mail"),
    ("send email x (brief event.p)", "event.p"),
    ("wait until in segment x up to 3 days", "wait until in segment x up to 3 days"),
    ("wait until monday", "wait until monday"),
    ("wait until 2026-12-01", "wait until 2026-12-01"),
    ("wait for login up to 5 days, at least 1 day, else exit", "at least 1 day"),
    ("wait up to 2 days for email opened, else send sms x", "wait up to 2 days for email opened"),
    ("wait for email opened up to 2 days", "wait for email opened"),
    ("webhook crm (id 1)", "webhook crm (id 1)"),
    ('if plan has been "pro" for at least 30 days tag x', 'plan has been "pro" for at least 30 days'),
    ("if email replied tag x", "email replied"),
    ("if call hello refused tag x", "call hello refused"),
    ("if call answered:\n            tag x\n        else:\n            tag y", "call answered"),
    ("if reached stage c.s tag x", "reached stage c.s"),
    ("set plan to entry.plan", "set plan to entry.plan"),
]
POLICY = [
    ("capacity call 400 per day, when full skip", "capacity call 400 per day, when full skip"),
    (
        "budget sms 2000 EUR per calendar month, when spent skip",
        "budget sms 2000 EUR per calendar month, when spent skip",
    ),
]
FILES = [
    ("campaign c formerly d:\n    stage s:\n        exit\n", "formerly d"),
    *((f"campaign c:\n    {text}\n    stage s:\n        exit\n", part) for text, part in HEADER),
    *((f"campaign c:\n    stage s:\n        tag w\n        {text}\n        exit\n", part) for text, part in STEPS),
    *((f'policy:\n    {text}\n    time zone "UTC"\n', part) for text, part in POLICY),
]


@pytest.mark.parametrize(("text", "part"), FILES, ids=[f"{number} {part}" for number, (_, part) in enumerate(FILES)])
def test_one_diagnostic_on_its_words(text: str, part: str) -> None:
    file, found = parse(Source("a.flow", text + "segment fine: has login\n"))
    assert [(d.code, d.span.text) for d in found] == [("FR050", part)]
    assert found[0].message.startswith("not available yet: ")
    assert len(file.declarations) == 1
