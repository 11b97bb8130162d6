"""Reports on a small history that can be counted by hand; on both databases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from flowrules.channels.base import Accepted
from flowrules.report.comparison import difference
from flowrules.report.explain import Explanation, Moment, explain
from flowrules.report.explain_text import explanation_lines
from flowrules.report.funnel import Funnel, Group, Stage, funnel
from flowrules.report.funnel_text import funnel_lines
from flowrules.report.ledger import Choice as LedgerChoice
from flowrules.report.ledger import ledger
from flowrules.report.lookup import UnknownError
from flowrules.report.messages import Choice, messages
from flowrules.report.print import WIDTH, printed
from flowrules.report.status import status
from flowrules.runtime.answers import Reaction, SentMessage
from flowrules.runtime.deliver import deliver
from flowrules.sql.codes import Decision, Status
from tests.delivery.test_deliver import Scripted
from tests.support.world import FLOW, START, World, at, signed_up, world

MINUTE = 60_000_000
END = at("2026-03-20 10:00")


def opened_by_ana(sent: Sequence[SentMessage]) -> list[Reaction]:
    return [Reaction(each, "email_opened", each.at + 60 * MINUTE) for each in sent if each.customer == "ana"]


@pytest.fixture
def history(database_url: str) -> Iterator[World]:
    """Ana opens, visits and buys; bea does not and is nudged; cid has no consent; dan never signs up."""
    made = world(database_url)
    made.customers(["ana", "bea", "dan"])
    made.customers(["cid"], consent=False)
    made.event(["ana", "bea", "cid"], "signup", START + MINUTE, source="fair")
    made.event(["ana"], "visit", at("2026-03-03 09:01"))
    made.event(["ana"], "purchase", at("2026-03-03 12:00"), amount="12.50")
    made.event(["bea"], "signup", at("2026-03-04 09:00"), source="web")
    made.tick(END, answer=opened_by_ana)
    yield made
    made.database.close()


def test_the_funnel_counts_everybody_once(history: World) -> None:
    with history.database.read() as connection:
        found = funnel(connection, "welcome")
    assert found.title == "Welcome, new customer"
    group = found.treated
    assert (group.entered, group.in_journey, group.goals) == (3, 0, 1)
    assert group.exits == {"completed": 1, "exit": 2}
    assert group.words == {"no answer": 2}
    lead, visited = group.stages
    assert (lead.name, lead.entered, lead.now, lead.moved_on) == ("lead", 3, 0, 1)
    assert (lead.left, lead.words) == ({"exit": 2}, {"no answer": 2})
    assert lead.conversion == pytest.approx(1 / 3, abs=1e-6)
    assert lead.median_s == 5 * 86_400  # cid, who got no email, waited 5 days for a visit; ana 1 day, bea 7
    assert (visited.entered, visited.left) == (1, {"completed": 1})
    # Who comes there gets a last email and is through: nothing is left to convert to.
    assert visited.conversion is None
    assert found.facts()["stages"][1]["conversion"] is None  # type: ignore[index]
    line = next(line for line in funnel_text(found).split("\n") if line.startswith("visited"))
    assert line.split()[1:] == ["█" * line.count("█"), "1", "0", "0", "1", "-", "0s"]
    assert "█ moved on, goal or completed" in funnel_text(found)
    for stage in group.stages:
        assert stage.entered == stage.now + stage.moved_on + sum(stage.left.values())
    assert found.facts()["control"] == {}


def funnel_text(found: Funnel) -> str:
    return printed(funnel_lines(found), colour=False)


@pytest.mark.parametrize(
    ("change", "last"),
    [
        ({}, [False, True]),
        ({"send email thanks": "wait 3 days"}, [False, False]),  # the goal can still end the journey there
        ({"send email thanks": "wait 3 days", "within 30 days": "and stay"}, [False, True]),
        (
            {
                "    stage visited:": "    stage visited:\n        on purchase go to lead",
                "go to visited": "wait 3 days\n        go to visited",
            },
            [False, False],
        ),
    ],
)
def test_only_where_something_is_left_to_reach_there_is_a_conversion(
    sqlite_url: str, change: dict[str, str], last: list[bool]
) -> None:
    flow = FLOW
    for old, new in change.items():
        assert old in flow
        flow = flow.replace(old, new)
    made = world(sqlite_url, flow)
    with made.database.read() as connection:
        assert [stage.last for stage in funnel(connection, "welcome").treated.stages] == last
    made.database.close()


def test_the_funnel_of_a_cohort(history: World) -> None:
    with history.database.read() as connection:
        assert funnel(connection, "welcome", since=START + 2 * MINUTE).treated.entered == 0
        assert funnel(connection, "welcome", until=START + 2 * MINUTE).treated.entered == 3


def test_a_misspelt_campaign_is_told(history: World) -> None:
    with history.database.read() as connection, pytest.raises(UnknownError) as failure:
        funnel(connection, "welcom")
    assert failure.value.hint == "did you mean `welcome`?"


def test_held_out_customers_stand_beside(database_url: str) -> None:
    made = world(database_url, FLOW.replace("    goal purchase", "    hold out 50%\n    goal purchase"))
    people = [f"c{number:02}" for number in range(40)]
    made.customers(people)
    made.event(people, "signup", START + MINUTE, source="fair")
    made.event(people[:20], "purchase", START + 60 * MINUTE, amount="1")
    made.tick(END, answer=lambda _sent: [])
    with made.database.read() as connection:
        found = funnel(connection, "welcome")
    assert found.treated.entered + found.control.entered == 40
    assert 5 < found.control.entered < 35
    for group in (found.treated, found.control):
        assert group.entered == group.in_journey + sum(group.exits.values())
        assert [stage.name for stage in group.stages] == ["lead", "visited"]
    made.database.close()


def test_status(history: World) -> None:
    with history.database.read() as connection:
        found = status(connection, END + 5 * MINUTE)
    facts = found.facts()
    assert (facts["version"], facts["last_tick"], facts["lag_s"], facts["due"]) == (1, "2026-03-20T10:00:00Z", 300, 0)
    (campaign,) = found.campaigns
    counts = {"in_journey": 0, "sent_24h": 0, "held_by_pause": 0, "canary": None, "others": None}
    assert campaign.facts() == {"name": "welcome", "version": 1, "state": "live", **counts}
    with history.database.read() as connection:
        assert status(connection, at("2026-03-02 20:00")).campaigns[0].sent_24h == 2


def test_messages(history: World) -> None:
    with history.database.read() as connection:
        rows = list(messages(connection, Choice()))
        assert [(row["customer"], row["template"], row["status"]) for row in rows] == [
            ("ana", "hello", "sent"),
            ("bea", "hello", "sent"),
            ("cid", "hello", "skipped"),
            ("ana", "thanks", "sent"),
            ("bea", "nudge", "sent"),
        ]
        assert rows[0]["subject"] == "Hello Ana"
        assert rows[0]["to"] == "ana@example.com"
        assert rows[2]["reason"] == "no_consent"
        assert [row["customer"] for row in messages(connection, Choice(customer="bea@example.com"))] == ["bea", "bea"]
        assert len(list(messages(connection, Choice(status="skipped", campaign="welcome")))) == 1
        assert len(list(messages(connection, Choice(since=at("2026-03-03 00:00"))))) == 2


def test_the_ledger_is_complete_and_ordered(history: World) -> None:
    with history.database.read() as connection:
        rows = list(ledger(connection, LedgerChoice()))
        assert rows == sorted(rows, key=lambda row: str(row["at"]))
        assert {row["decision"] for row in rows} >= {
            "entered",
            "not_entered",
            "stage",
            "send",
            "withheld",
            "wait",
            "exit",
        }
        (refused,) = [row for row in rows if row["decision"] == "not_entered"]
        assert (refused["customer"], refused["reason"], refused["rule"]) == (
            "bea",
            "already_inside",
            "rules/welcome.flow:11",
        )
        assert refused["step"] is None
        few = list(ledger(connection, LedgerChoice("ana", "welcome", at("2026-03-03 00:00"), at("2026-03-03 09:02"))))
        assert {row["customer"] for row in few} == {"ana"}
        assert all("2026-03-03" in str(row["at"]) for row in few)


# --- explain ------------------------------------------------------------------------------------------


def explained(made: World, customer: str, when: int = END, campaign: str | None = "welcome") -> Explanation:
    with made.database.read() as connection:
        return explain(connection, customer, campaign, when)


def text_of(explanation: Explanation) -> str:
    return printed(explanation_lines(explanation), colour=False)


def test_explain_tells_the_story(history: World) -> None:
    explanation = explained(history, "ana")
    facts = explanation.facts()
    assert (facts["customer"], facts["campaign"], facts["entered"], facts["reason"]) == (
        "ana",
        "welcome",
        True,
        "completed",
    )
    assert [moment.at for moment in explanation.timeline] == sorted(moment.at for moment in explanation.timeline)
    text = text_of(explanation)
    assert 'did       signup (source "fair")' in text
    assert "Mon 2026-03-02" in text
    assert "10:01     send      email hello" in text  # Madrid
    assert "did       purchase (amount 12.50 EUR)" in text
    assert "goal      after the journey had ended" in text


def test_explain_says_why_a_message_was_withheld(history: World) -> None:
    explanation = explained(history, "cid")
    (withheld,) = [moment for moment in explanation.timeline if moment.what == "withheld"]
    assert (withheld.reason, withheld.rule) == ("no_consent", "rules/welcome.flow:15")
    assert withheld.text is not None
    assert withheld.text.startswith("send email hello")
    assert withheld.notes == ("no consent to marketing by email had been given; possible once it is",)
    assert "withheld  email hello: no consent" in text_of(explanation)


def test_explain_says_why_somebody_never_entered(history: World) -> None:
    explanation = explained(history, "dan")
    (standing,) = explanation.standings
    assert not standing.entered
    assert standing.rule == "rules/welcome.flow:11"
    assert standing.text == "enter when signup, once"
    assert "no trigger matched; `signup` never happened" in text_of(explanation)


def test_explain_at_an_instant_knows_nothing_later(history: World) -> None:
    explanation = explained(history, "ana", START + 2 * MINUTE)
    assert explanation.standings[0].words == "entered, is inside"
    assert max(moment.at for moment in explanation.timeline) <= START + 2 * MINUTE


def test_explain_without_a_campaign_tells_all(history: World) -> None:
    explanation = explained(history, "bea", campaign=None)
    assert [standing.campaign for standing in explanation.standings] == ["welcome"]
    assert any(moment.what == "not_entered" for moment in explanation.timeline)
    text = text_of(explanation)
    assert "  10:00     not entered already inside" in text
    assert "  10:01     entered     " in text
    assert "did         signup" in text


def test_no_word_of_the_ledger_is_cut() -> None:
    words = [decision.word for decision in Decision if decision is not Decision.OUTCOME]
    timeline = tuple(
        Moment(number * MINUTE + 1, (2, number), "decision", word, "a/b c", "welcome", 1)
        for number, word in enumerate(words)
    ) + tuple(Moment(START, (3, number), "message", status.word, "email hello") for number, status in enumerate(Status))
    text = printed(explanation_lines(Explanation("ana", "UTC", "welcome", (), timeline)), colour=False)
    assert "not entered a/b c" in text
    assert "interrupted a/b c" in text
    assert "cancelled   email hello" in text
    assert "…" not in text


def test_explain_says_what_a_message_waits_for(database_url: str) -> None:
    flow = """\
attribute first_name: text
event asked

campaign daily:
    class marketing
    enter when asked, again after exit
    hold while first_name is "Zoe"
    stage only:
        send email hello

policy:
    time zone "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
    cap 1 contact per calendar week
    when capped wait up to 1 day, else skip
    quiet hours 21:00 to 09:00 for email
"""
    made = world(database_url, flow, {"email/hello.txt": "---\nsubject: x\n---\n"})
    made.customers(["ana"], consent=False)
    made.customers(["zoe"], consent=False, first_name="Zoe")
    made.event(["ana", "zoe"], "asked", at("2026-03-02 22:00"))
    made.event(["ana"], "asked", at("2026-03-04 10:00"))
    made.tick(at("2026-03-20 10:00"), answer=lambda _sent: [])
    text = text_of(explained(made, "ana", campaign="daily"))
    assert "held      email hello: quiet hours, until Tue 2026-03-03 09:00" in text
    assert "held      email hello: capped, until Thu 2026-03-05 10:00" in text
    assert "withheld  email hello: capped" in text
    assert "1 of 1 contacts in this calendar week" in text
    assert "next possible Mon 2026-03-09 00:00" in text
    text = text_of(explained(made, "zoe", campaign="daily"))
    assert "held      email hello: on hold" in text
    assert "asked for again as soon as that is no longer so" in text
    made.database.close()


def test_explain_says_when_a_capped_message_is_next_possible(database_url: str) -> None:
    flow = """\
attribute first_name: text
event asked

campaign daily:
    class marketing
    enter when asked, again after exit
    stage only:
        send email hello

policy:
    time zone "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, limited, counted
    cap 1 contact per 2 days
"""
    made = world(database_url, flow, {"email/hello.txt": "---\nsubject: x\n---\n"})
    made.customers(["ana"], consent=False)
    made.event(["ana"], "asked", at("2026-03-03 09:00"))
    made.event(["ana"], "asked", at("2026-03-04 10:00"))
    made.tick(END, answer=lambda _sent: [])
    explanation = explained(made, "ana", campaign="daily")
    (withheld,) = [moment for moment in explanation.timeline if moment.what == "withheld"]
    assert (withheld.counter, withheld.limit, withheld.rule) == (1, 1, "rules/welcome.flow:14")
    assert withheld.next_possible == at("2026-03-05 09:00")
    text = text_of(explanation)
    assert "1 of 1 contacts in the 2 days before" in text
    assert "next possible Thu 2026-03-05 09:00" in text
    assert "cap 1 contact per 2 days" in text
    made.database.close()


def test_explain_shows_what_became_of_a_message(database_url: str) -> None:
    made = signed_up(database_url, ["ana"], START + 2 * MINUTE)
    assert [moment.what for moment in explained(made, "ana").timeline][-1] == "intended"
    email = Scripted(Accepted())
    deliver(made.database, {"email": email}, START + 60 * MINUTE)
    (sent,) = [moment for moment in explained(made, "ana").timeline if moment.kind == "message"]
    assert (sent.what, sent.at) == ("sent", START + 60 * MINUTE)
    made.database.close()


# --- on paper -----------------------------------------------------------------------------------------


def test_the_funnel_fits_a_terminal() -> None:
    stages = [
        Stage(
            "a_stage_with_a_very_long_name",
            1_234_567,
            234_567,
            900_000,
            {"exit": 100_000},
            {"no answer": 100_000},
            9_000_000,
        ),
        Stage("b", 900_000, 0, 0, {"goal": 1, "completed": 899_999}, {}, 1),
    ]
    treated = Group(
        1_234_567, 234_567, 1, {"exit": 100_000, "goal": 1, "completed": 899_999}, {"no answer": 100_000}, stages
    )
    control = Group(50, 10, 1, {"completed": 40}, {}, [Stage("b", 50, 10, 0, {"completed": 40}, {}, 5)])
    for beside in (Group(), control):
        lines = printed(funnel_lines(Funnel("x", None, 1, treated, beside)), colour=False).split("\n")
        assert max(map(len, lines)) <= WIDTH
        assert not any(line.endswith(" ") for line in lines)


def test_a_bar_shows_whoever_is_there() -> None:
    treated = Group(1000, 1, 0, {"exit": 1}, {}, [Stage("s", 1000, 1, 998, {"exit": 1}, {}, 5)])
    text = printed(funnel_lines(Funnel("x", None, 1, treated, Group())), colour=False)
    (bar,) = [line for line in text.split("\n") if line.startswith("s ")]
    assert {"█", "▓", "░"} <= set(bar)
    plain = printed(funnel_lines(Funnel("x", None, 1, treated, Group())), colour=False, plain=True)
    assert plain.isascii()
    assert "\x1b[" in printed(funnel_lines(Funnel("x", None, 1, treated, Group())), colour=True)


def test_the_difference_of_two_shares() -> None:
    # Newcombe 1998, method 10, the first example: 56 of 70 and 48 of 80.
    low, high = difference(Group(70, goals=56), Group(80, goals=48))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
