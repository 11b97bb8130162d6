"""FR5xx: tests."""

from __future__ import annotations

from flowrules.diagnostics.code import Code

_RULES = """\
attribute plan: text
event signed_up
campaign welcome:
    enter when signed_up
    stage first:
        send email welcome
        exit "done"

test "who signs up is welcomed":
    given ana:
        email "ana@example.com"
        consents to email
"""
_DOES = _RULES + "    at 2026-03-02 10:00 ana does signed_up\n"
_CASES = (
    _RULES
    + "    at 2026-03-02 10:00 ana does signed_up\n    after 1 hour set plan of ana to <plan>\n"
    + "    after <pause> expect ana left welcome\n    cases:\n        plan, pause\n"
)
_FROM = """\
    given customers from "data/{0}"
    at 2026-03-02 10:00 ana does signed_up
    expect email welcome to ana"""

CODES = (
    Code(
        "FR501",
        "nobody of that name in this test",
        "A test knows the customers it is given; each test has its own.",
        _DOES + "    expect email welcome to anna",
        _DOES + "    expect email welcome to ana",
    ),
    Code(
        "FR502",
        "a test that expects nothing",
        "A test without `expect` can not fail, and so proves nothing.",
        _DOES.rstrip(),
        _DOES + "    expect email welcome to ana",
    ),
    Code(
        "FR503",
        "a time that a test can not reach",
        "The first line of a test that happens says when, with `at`; from there time only goes forward.",
        _DOES + "    at 2026-03-01 10:00 expect email welcome to ana",
        _DOES + "    at 2026-03-03 10:00 expect ana left welcome",
    ),
    Code(
        "FR504",
        "what can never be so in a test",
        "A message that no campaign sends, words that no `exit` says, a reason that holds back no message: whether it"
        " is expected or expected not to be, the test would say nothing about the rules.",
        _DOES + "    expect no email remainder to ana",
        _DOES + "    expect no email welcome to ana because unsubscribed",
    ),
    Code(
        "FR505",
        "a reaction without its message",
        "Who opens or clicks does so in a message, which a test names.",
        _DOES + "    after 1 hour ana does email_opened\n    expect ana left welcome",
        _DOES + "    after 1 hour ana opens email welcome\n    expect ana left welcome",
    ),
    Code(
        "FR506",
        "a table of cases that does not fit its test",
        "A table of `cases:` names its columns in the first row; each row below is one test. `<column>` stands in the"
        " test for a name, a value, a time or a number, and what a row has there must be of that kind.",
        _CASES + '        "pro"',
        _CASES + '        "pro", 2 days',
    ),
    Code(
        "FR507",
        "a file of customers that can not be read",
        "`given customers from` takes a CSV file of the workspace: a column `id`, the name of each in the test, and the"
        " attributes that they have.",
        _RULES + _FROM.format("nobody.csv"),
        _RULES + "    at 2026-03-02 10:00 ana does signed_up\n    expect email welcome to ana",
    ),
)
