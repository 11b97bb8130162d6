"""Coverage and mutation find what is missing and nothing else; what is left out could not have changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowrules.check import check
from flowrules.model.involved import parts
from flowrules.model.mutants import mutants
from flowrules.model.snapshot import Snapshot
from flowrules.report.coverage import Coverage, Mark, gather, spots
from flowrules.report.expectations import judge
from flowrules.report.trials import tell
from flowrules.runtime.mutation import Tried, mutate
from flowrules.runtime.trial import Audience, theatre
from flowrules.source import Source
from flowrules.syntax.parser import parse
from tests.docs.markdown import ROOT
from tests.trial.trials import workspace

RULES = """\
attribute plan: one of "free", "pro" = "free"
attribute score: integer
event signed_up:
    source: text
event purchase:
    amount: money
list staff from "data/staff.csv" by email
list robinson from "data/robinson.csv" by email
segment payers: plan is "pro"
campaign welcome:
    enter when signed_up (source is not "import"), again after 30 days
    goal purchase (amount > 20 EUR) within 10 days and stay
    exit when payers
    exclude list staff, campaign news
    cap 2 contacts per 4 days
    hold out 10%
    when capped exit "capped"
    stage hello:
        on purchase (amount > 100 EUR) go to big
        send email welcome
        if score > 3 or tagged keen tag high
        else tag low
        wait for purchase up to 3 days, else go to late
    stage late:
        send sms reminder
        wait until 09:00
        send email offer
    stage big:
        split way:
            50% short:
                send sms thanks
            50% long:
                wait 2 days
                send push thanks
campaign news:
    enter when every monday at 09:00 for segment payers, again after 7 days
    hold while tagged busy
    stage first:
        send email news, expires after 6 hours
policy:
    time zone "Europe/Madrid"
    purpose marketing: ask first
    class marketing: purpose marketing, limited, counted
    cap 3 contacts per 8 days
    quiet hours 21:00 to 09:00 for sms
    suppress list robinson for push
    hold out 5%

customer ana:
    email "ana@example.com"
    phone "+34600000001"
    score 3
    consents to email, sms, push
"""
TESTS = {
    "slow": """\
    given ana
    at 2026-03-02 10:00 ana does signed_up (source "web")
    expect email welcome to ana
    expect ana tagged low
    after 3 days expect sms reminder to ana
    at 2026-03-06 09:00 expect no email offer to ana because capped
    expect ana left welcome because "capped"
    at 2026-03-12 10:00 ana does purchase (amount 21 EUR)
    expect ana not reached goal of welcome
""",
    "keen": """\
    given ana like ana:
        tagged keen
    at 2026-03-02 10:00 ana does signed_up (source "web")
    expect ana tagged high
    after 1 day ana does purchase (amount 20 EUR)
    expect ana not reached goal of welcome
    expect ana left welcome because completed
    after 1 day ana does purchase (amount 21 EUR)
    expect ana reached goal of welcome
""",
    "high": """\
    given ana like ana:
        score 4
    at 2026-03-02 10:00 ana does signed_up (source "web")
    expect ana tagged high
    after 1 day ana does purchase (amount 100 EUR)
    expect ana not in stage welcome.big
    after 1 week ana does signed_up
    expect no message to ana because too_soon
    at 2026-04-01 11:00 ana does signed_up
    expect email welcome to ana
""",
    "big": """\
    given ana like ana:
        in arm <arm> of split welcome.way
    at 2026-03-02 10:00 ana does signed_up (source "web")
    after <when> ana does purchase (amount 101 EUR)
    expect <channel> thanks to <now> customers
    after 2 days expect <channel> thanks to <later> customers
    cases:
        arm, when, channel, now, later
        short, 1 hour, sms, 1, 0
        long, 1 hour, push, 0, 1
        long, 1 day, push, 0, 1
""",
    "at night": """\
    given ana like ana:
        in arm short of split welcome.way
    at 2026-03-02 10:00 ana does signed_up (source "web")
    at 2026-03-02 21:00 ana does purchase (amount 101 EUR)
    expect no sms to ana because quiet_until
    at 2026-03-03 09:00 expect sms thanks to ana
""",
    "imported": """\
    given ana
    at 2026-03-02 10:00 ana does signed_up (source "import")
    expect ana not in stage welcome
""",
    "pays": """\
    given ana
    at 2026-03-02 10:00 ana does signed_up (source "web")
    after 1 hour set plan of ana to "pro"
    expect ana left welcome because exit_when
    at 2026-03-09 09:00 expect email news to ana
    expect ana left news because completed
""",
    "busy": """\
    given ana like ana:
        plan "pro"
        tagged busy
    at 2026-03-09 09:00 expect no email to ana because on_hold
    after 1 hour ana does signed_up (source "web")
    expect no message to ana because excluded
    at 2026-03-09 15:00 expect no email to ana because expired
    expect ana left news because completed
    after 7 days expect no email to ana because on_hold
""",
    "staff": """\
    given ana like ana:
        in list staff
    at 2026-03-02 10:00 ana does signed_up (source "web")
    expect no message to ana because excluded
""",
    "without a number": """\
    given ben:
        email "ben@example.com"
        consents to email
    at 2026-03-02 10:00 ben does signed_up (source "web")
    at 2026-03-06 09:00 expect email offer to ben
    expect ben left welcome because completed
""",
    "on the register": """\
    given ana like ana:
        in list robinson
        in arm long of split welcome.way
    at 2026-03-02 10:00 ana does signed_up (source "web")
    after 1 hour ana does purchase (amount 101 EUR)
    after 2 days expect no push to ana because suppressed
""",
    "weekly": """\
    given ana like ana:
        plan "pro"
    given policy:
        cap 1 contact per 10 days
    at 2026-03-09 09:00 expect email news to ana
    after 7 days expect no email to ana because capped
""",
    "capped by all": """\
    given ana like ana:
        in arm short of split welcome.way
        plan "pro"
    at 2026-03-09 09:00 expect email news to ana
    after 1 hour set plan of ana to "free"
    at 2026-03-09 10:00 ana does signed_up (source "web")
    expect email welcome to ana
    after 1 hour ana does purchase (amount 101 EUR)
    expect sms thanks to ana
    after 1 day set plan of ana to "pro"
    after 1 hour expect ana not in stage welcome
    at 2026-03-16 08:59 expect ana not in stage news
    at 2026-03-16 09:00 expect no email news to ana because capped
""",
    "held out": """\
    given ana like ana:
        held out of campaign welcome
    given ben like ana:
        email "ben@example.com"
        held out
    at 2026-03-02 10:00 ana does signed_up (source "web")
    at 2026-03-02 10:00 ben does signed_up (source "web")
    expect no email to ana because held_out
    expect no email to ben because held_out
""",
    "no consent": """\
    given eve:
        email "eve@example.com"
    at 2026-03-02 10:00 eve does signed_up (source "web")
    expect no email to eve because no_consent
""",
}


def whole(without: str | None = None) -> Snapshot:
    tests = "\n".join(f'test "{title}":\n{body}' for title, body in TESTS.items() if title != without)
    return workspace(RULES, tests)


def covered(snapshot: Snapshot) -> Coverage:
    checked = check(snapshot)
    assert checked.model is not None
    assert not checked.errors, checked.diagnostics
    audience: Audience[object, frozenset[Mark]] = Audience(judge, tell, gather)
    marks: set[Mark] = set()
    with theatre(snapshot, checked.model, checked.trials, audience) as stage:
        for trial in checked.trials:
            played = stage.play(trial)
            assert played.got is None, (trial.title, played.got)
            marks |= {mark for found in played.gathered for mark in found}
    return Coverage(spots(checked.model, snapshot.sources), marks, snapshot.sources)


def gaps(coverage: Coverage) -> set[str]:
    return {f"{gap.line} {gap.gap}" for gap in coverage.gaps}


def test_all_is_covered_and_every_change_noticed() -> None:
    assert not gaps(covered(whole()))


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ("at night", {"no message ever comes in these quiet hours"}),
        ("imported", {"no `signed_up` ever comes that the brackets pass over"}),
        ("on the register", {"nobody is ever suppressed by list robinson"}),
        ("held out", {"nobody is ever held out of `welcome`", "nobody is ever held out by this"}),
        ("big", {"push thanks is never sent"}),
        ("keen", {"`tagged keen` is never so", "no `purchase` ever comes that the brackets pass over"}),
        ("capped by all", {"nobody is ever capped here"}),
    ],
)
def test_a_gap_is_named(without: str, told: set[str]) -> None:
    found = gaps(covered(whole(without)))
    assert {gap.partition(" ")[2] for gap in found} == told
    where = {int(gap.partition(" ")[0]) for gap in found}
    lines = RULES.splitlines()
    words = ("quiet", "enter when", "suppress", "hold out", "send push", "if score", "goal", "cap 3")
    assert all(lines[number - 1].lstrip().startswith(words) for number in where)


def test_files_and_lines_are_shown() -> None:
    found = covered(whole("at night"))
    assert found.percent == 97.9
    assert found.facts()["gaps"] == [
        {"file": "rules/0.flow", "line": 45, "what": "no message ever comes in these quiet hours"}
    ]
    shown = found.annotated(colour=False).splitlines()
    at = next(number for number, text in enumerate(shown) if "quiet hours 21:00" in text)
    assert shown[at : at + 2] == [
        "!   45      quiet hours 21:00 to 09:00 for sms",
        "        ^ no message ever comes in these quiet hours",
    ]
    assert "+   44      cap 3 contacts per 8 days" in shown
    assert "    42      purpose marketing: ask first" not in shown


# --- mutation -----------------------------------------------------------------------------------------


def survivors(snapshot: Snapshot) -> set[str]:
    checked = check(snapshot)
    assert checked.model is not None
    ends = list(mutate(snapshot, checked.model, checked.trials, judge, jobs=None, budget=None))
    assert all(isinstance(each, Tried) and each.end != "refused" for each in ends)
    return {each.mutant.words for each in ends if isinstance(each, Tried) and each.end == "survived"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("without", "told"),
    [
        (None, set()),
        ("at night", {"without `quiet hours 21:00 to 09:00 for sms`", "`21:00` as `22:00`", "`09:00` as `10:00`"}),
        ("busy", {"without `, campaign news`", "without `hold while tagged busy`", "`6 hours` as `7 hours`"}),
        ("slow", {"`10 days` as `11 days`", "`cap 2` as `cap 3`", "`score > 3` as `score >= 3`", "`09:00` as `10:00`"}),
    ],
)
def test_a_change_that_no_test_notices_is_told(without: str | None, told: set[str]) -> None:
    assert survivors(whole(without)) == told


def test_the_budget_ends_it() -> None:
    snapshot = whole()
    checked = check(snapshot)
    assert checked.model is not None
    ends = list(mutate(snapshot, checked.model, checked.trials, judge, jobs=1, budget=0))
    assert not any(isinstance(each, Tried) for each in ends)
    assert [each.span.line for each in ends if not isinstance(each, Tried)] == sorted(
        each.span.line for each in mutants([parse(source)[0] for source in snapshot.sources])
    )


def test_changes_are_those_of_the_kinds_that_are_named() -> None:
    text = """\
campaign c:
    enter when e (n < 3, t is "a < b"), again after 30 days
    exclude list l, segment s
    exclude list m
    cap 2 contacts per 7 days
    stage s:
        on e go to s
        if email unopened after 2 days tag x
        if x is "y" and not in segment s wait until 09:30
policy:
    quiet hours 21:00 to 08:00 for sms
"""
    found = [each.words for each in mutants([parse(Source("x.flow", text))[0]])]
    assert found == [
        "`n < 3` as `n <= 3`",
        "`n < 3` as `not n < 3`",
        '`t is "a < b"` as `not t is "a < b"`',
        "`30 days` as `33 days`",
        "without `list l,`",
        "without `, segment s`",
        "without `exclude list m`",
        "`cap 2` as `cap 3`",
        "without `on e go to s`",
        "`2 days` as `3 days`",
        '`x is "y"` as `not x is "y"`',
        "`in segment s` as `not in segment s`",
        "`09:30` as `10:30`",
        "without `quiet hours 21:00 to 08:00 for sms`",
        "`21:00` as `22:00`",
        "`08:00` as `09:00`",
    ]


# --- what a change can affect -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_test_that_ends_otherwise_depends_on_what_was_changed() -> None:
    """For each change: no test is left out that it makes fail."""
    snapshot = whole()
    checked = check(snapshot)
    assert checked.model is not None
    before = {trial.title: parts(checked.model, trial) for trial in checked.trials}
    noticed = 0
    for mutant in mutants([parse(source)[0] for source in snapshot.sources])[::3]:
        changed = workspace(mutant.file.text, snapshot.sources[1].text)
        again = check(changed)
        assert again.model is not None
        audience: Audience[object, None] = Audience(judge, tell)
        with theatre(changed, again.model, again.trials, audience) as stage:
            for trial in again.trials:
                if stage.play(trial).got is not None:
                    noticed += 1
                    assert parts(again.model, trial) != before[trial.title], (mutant.words, trial.title)
    assert noticed > 10


@pytest.mark.parametrize(
    ("old", "new", "affected"),
    [
        ("again after 7 days", "again after 8 days", {"pays", "busy", "weekly", "capped by all"}),
        ("per 8 days", "per 9 days", None),
        ("tag low", "tag lower", None),
        ("# a comment", "# another", set()),
        ('"data/staff.csv" by email', '"data/other.csv" by email', None),
    ],
)
def test_only_what_a_change_can_affect_is_run(old: str, new: str, affected: set[str] | None) -> None:
    """None: all but those of whom nothing is said."""
    tests = "\n".join(f'test "{title}":\n{body}' for title, body in TESTS.items())
    found = []
    for text in (f"# a comment\n{RULES}", f"# a comment\n{RULES}".replace(old, new)):
        checked = check(workspace(text, tests))
        assert checked.model is not None
        found.append({trial.title: parts(checked.model, trial) for trial in checked.trials})
    first, second = found
    changed = {title for title in first if first[title] != second[title]}
    if affected is None:
        assert changed >= {"slow", "keen"}
    else:
        assert {title for title in TESTS if any(each.startswith(title) for each in changed)} == affected


def test_the_music_shop_is_covered() -> None:
    from flowrules.workspace import load, snapshot  # noqa: PLC0415 -- this alone is of a folder

    found, _ = load(Path(ROOT / "examples" / "music_shop"))
    assert found is not None
    assert not gaps(covered(snapshot(found)))
