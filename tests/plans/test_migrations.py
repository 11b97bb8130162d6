"""What `migrate` does to people, one action after the other, on both databases: docs/meaning.md, Migrations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from flowrules.channels.file import FileChannel
from flowrules.errors import PlanError
from flowrules.program.plan import Plan
from flowrules.report.explain import explain
from flowrules.report.explain_text import said
from flowrules.report.messages import Choice, messages
from flowrules.runtime.answers import silent
from flowrules.runtime.deliver import deliver
from flowrules.runtime.deploy import apply
from flowrules.runtime.plan import plan
from flowrules.sql import tables as t
from tests.support.engine import ledger
from tests.support.world import World, at, world

HEAD = """\
attribute first_name: text
event signup
event visit
event purchase:
    amount: money
policy:
    time zone "UTC"
    purpose marketing: unless refused
    class marketing: purpose marketing, not limited, not counted
campaign trial:
    class marketing
    enter when signup, again after exit
"""
STAGES = """\
    stage trying:
        send email hello
        wait 5 days
        send email thanks
        go to offered
    stage offered:
        wait for visit up to 3 days, else exit "no answer"
        exit "came"
"""
TEXT = "---\nsubject: News\n---\nHello.\n"
TEMPLATES = {"email/hello.txt": TEXT, "email/thanks.txt": TEXT}
LATER = "2026-03-04 12:00"


@pytest.fixture
def made(database_url: str) -> Iterator[World]:
    """Ana came to `wait 5 days` on Monday at 10:00, and is to wait until Saturday."""
    found = world(database_url, HEAD + STAGES, TEMPLATES)
    found.customers(["ana"])
    found.event(["ana"], "signup", at("2026-03-02 10:00"))
    found.tick(at("2026-03-04 09:00"), silent)
    yield found
    found.database.close()


def put(made: World, migrate: str = "", stages: str = STAGES, head: str = HEAD) -> None:
    block = "".join(f"        {each}\n" for each in migrate.splitlines())
    made.flow = head + (f"    migrate:\n{block}" if block else "") + stages


def planned(made: World) -> Plan:
    return plan(made.database, made.snapshot(), made.model())


def happens(made: World, until: str, since: str = LATER) -> list[str]:
    """From the deployment on, what the ledger tells: decision, step, reason, words."""
    made.tick(at(until), silent)
    with made.database.read() as connection:
        rows = [row for row in ledger(connection) if row.at >= at(since)]
    return [" ".join(filter(None, (row.decision, row.step, row.reason, row.words))) for row in rows]


def decisions(rows: list[str]) -> list[str]:
    return [row.split()[0] for row in rows]


def edit(made: World, migrate: str = "", stages: str = STAGES.replace("5 days", "4 days")) -> None:
    put(made, migrate, stages)
    made.apply(at(LATER))


def test_without_a_line_everybody_stays(made: World) -> None:
    edit(made)
    assert happens(made, "2026-03-06 12:00") == []
    assert decisions(happens(made, "2026-03-07 10:00")) == ["send", "stage", "wait"]


@pytest.mark.parametrize(
    ("migrate", "until"),
    [
        ('from "trying/wait" follow', "2026-03-07 10:00"),
        ("from stage trying follow, keep waits", "2026-03-07 10:00"),
        ("from every stage follow, recompute waits", "2026-03-06 10:00"),
        ("from every stage follow, restart waits", "2026-03-08 12:00"),
        ('from "trying/wait" move to "trying/wait"', "2026-03-07 10:00"),
        ('from "trying/wait" move to "trying/wait", restart waits', "2026-03-08 12:00"),
    ],
)
def test_waits(made: World, migrate: str, until: str) -> None:
    """A wait ends when it would have, or as long after its beginning as the new version says, or begins anew."""
    edit(made, migrate)
    assert happens(made, LATER)[0] == "moved trying/wait"
    with made.database.read() as connection:
        due = connection.execute(select(t.enrollment.c.due_at)).scalar_one()
    assert due == at(until)
    made.tick(due - 1, silent)
    with made.database.read() as connection:
        assert "trying/send email thanks" not in {row.step for row in ledger(connection)}
    assert "send trying/send email thanks" in happens(made, until)


def test_a_wait_that_is_over_already_ends_at_once(made: World) -> None:
    put(made, "from every stage follow, recompute waits", STAGES.replace("5 days", "1 day"))
    assert [(step.send_now, step.shorter) for step in planned(made).steps] == [(1, 1)]
    made.apply(at(LATER))
    assert decisions(happens(made, LATER)) == ["moved", "send", "stage", "wait"]


def test_to_a_stage(made: World) -> None:
    edit(made, "from stage trying move to stage offered")
    assert happens(made, LATER) == ["moved offered", "stage offered", "wait offered/wait for visit"]


def test_to_a_step_of_another_stage(made: World) -> None:
    """The stage is reached by that, and what happened before is not awaited."""
    made.event(["ana"], "visit", at("2026-03-04 08:00"))
    edit(made, 'from stage trying move to "offered/wait for visit"')
    assert happens(made, LATER) == [
        "stage offered", "moved offered/wait for visit", "wait offered/wait for visit",
    ]  # fmt: skip
    with made.database.read() as connection:
        row = connection.execute(select(t.enrollment)).one()
    assert row.stage_at == at(LATER)


def test_what_a_wait_has_used_up_it_does_not_take_again(database_url: str) -> None:
    """Brought back to a wait of the stage somebody is in: it waits, for another visit."""
    stages = """\
    stage asking:
        wait for visit up to 3 days, else exit "no answer"
        wait 2 days
"""
    made = world(database_url, HEAD + stages)
    made.customers(["ana"])
    made.event(["ana"], "signup", at("2026-03-02 10:00"))
    made.event(["ana"], "visit", at("2026-03-03 10:00"))
    made.tick(at("2026-03-04 09:00"), silent)
    edit(made, 'from "asking/wait" move to "asking/wait for visit"', stages + "        tag warm\n")
    assert happens(made, LATER) == ["moved asking/wait for visit", "wait asking/wait for visit"]
    made.event(["ana"], "visit", at("2026-03-05 10:00"))
    assert decisions(happens(made, "2026-03-05 10:00"))[2:] == ["met", "wait"]
    made.database.close()


def test_out(made: World) -> None:
    edit(made, 'from stage trying exit "no longer tried"')
    assert happens(made, LATER) == ["exit migrated no longer tried"]


def test_nobody_is_sent_the_same_twice(made: World) -> None:
    edit(made, "from stage trying move to stage trying")
    assert happens(made, LATER) == [
        "moved trying", "stage trying", "withheld trying/send email hello already_sent", "wait trying/wait",
    ]  # fmt: skip
    assert happens(made, "2026-03-08 12:00", "2026-03-05 00:00")[0] == "send trying/send email thanks"


def test_of_several_channels_the_one_that_was_reached_is_not_reached_twice(database_url: str) -> None:
    """Each of `send first of` is asked about at its place."""
    stages = """\
    stage trying:
        send first of: sms nudge, email hello
        wait 5 days
"""
    made = world(database_url, HEAD + stages, TEMPLATES | {"sms/nudge.txt": "Have a look.\n"})
    made.customers(["ana"])
    made.consent(["ana"], "sms", "refused", at("2026-03-02 09:30"))
    made.event(["ana"], "signup", at("2026-03-02 10:00"))
    made.tick(at("2026-03-04 09:00"), silent)
    edit(made, "from stage trying move to stage trying", stages.replace("5 days", "4 days"))
    assert happens(made, LATER) == [
        "moved trying", "stage trying", "withheld trying/send sms nudge unsubscribed",
        "withheld trying/send email hello already_sent", "wait trying/wait",
    ]  # fmt: skip
    made.database.close()


def test_nobody_is_sent_the_same_twice_under_another_name(made: World) -> None:
    """A stage that was renamed has the steps it had."""
    renamed = STAGES.replace("stage trying:", "stage testing formerly trying:")
    edit(made, "from stage trying move to stage testing", renamed)
    assert happens(made, LATER) == [
        "moved testing", "stage testing", "withheld testing/send email hello already_sent", "wait testing/wait",
    ]  # fmt: skip


def test_another_round_is_sent_again(database_url: str) -> None:
    """Who follows at a wait and goes round gets the next round's message."""
    round_ = "    stage trying:\n        send email hello\n        wait 5 days\n        go to trying\n"
    made = world(database_url, HEAD + round_, TEMPLATES)
    made.customers(["ana"])
    made.event(["ana"], "signup", at("2026-03-02 10:00"))
    made.tick(at("2026-03-04 09:00"), silent)
    edit(made, "from every stage follow", round_.replace("5 days", "6 days"))
    assert happens(made, "2026-03-07 10:00") == [
        "moved trying/wait", "stage trying", "send trying/send email hello", "wait trying/wait",
    ]  # fmt: skip
    made.database.close()


def test_a_step_that_goes_is_refused_with_the_lines_to_write(made: World) -> None:
    shorter = STAGES.replace("        wait 5 days\n", "")
    put(made, stages=shorter)
    with pytest.raises(PlanError, match="1 customer on their way would be lost") as refused:
        made.apply(at(LATER))
    assert refused.value.hint is not None
    assert refused.value.hint.endswith('campaign trial:\n    migrate:\n        from "trying/wait" keep')
    with made.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(t.deployment)).scalar() == 1
    put(made, 'from "trying/wait" keep', shorter)
    made.apply(at(LATER))
    assert decisions(happens(made, "2026-03-07 10:00")) == ["send", "stage", "wait"]
    put(made, "", shorter)  # those left behind need no line for ever
    made.apply(at("2026-03-07 11:00"))


def test_a_renamed_stage_is_the_same(made: World) -> None:
    renamed = STAGES.replace("stage trying:", "stage testing formerly trying:")
    put(made, stages=renamed.replace(" formerly trying", ""))
    with pytest.raises(PlanError, match="would be lost"):
        made.apply(at(LATER))
    edit(made, "from stage testing follow", renamed)
    assert happens(made, LATER) == ["moved testing/wait"]


def test_equal_steps_are_not_taken_for_each_other(made: World) -> None:
    put(made, "from stage trying follow", STAGES.replace("wait 5 days", "wait 1 day\n        wait 5 days"))
    with pytest.raises(PlanError, match="more or fewer such steps"):
        made.apply(at(LATER))
    more = STAGES.replace("wait 5 days", "wait 1 day\n        wait 5 days")
    edit(made, 'from stage trying move to "trying/wait #2", keep waits', more)
    assert happens(made, LATER) == ["moved trying/wait #2"]


def test_into_another_kind_of_entry_nobody_is_moved(made: World) -> None:
    put(made, "from stage trying follow", STAGES, HEAD.replace("enter when signup", "enter when purchase"))
    with pytest.raises(PlanError, match="another event, or another key"):
        made.apply(at(LATER))


def test_back_to_the_version_before_is_another_deployment(made: World) -> None:
    before = made.flow
    edit(made, "from every stage follow")
    made.tick(at(LATER), silent)
    made.flow = before.replace("    stage trying:", "    migrate:\n        from every stage follow\n    stage trying:")
    made.apply(at("2026-03-04 13:00"))
    assert decisions(happens(made, "2026-03-07 10:00", "2026-03-05 00:00")) == ["send", "stage", "wait"]
    with made.database.read() as connection:
        numbers = connection.execute(select(t.version.c.number).order_by(t.version.c.id)).scalars().all()
        digests = connection.execute(select(t.version.c.digest).order_by(t.version.c.id)).scalars().all()
    assert numbers == [1, 2, 3]
    assert digests[0] == digests[2]


def test_two_deployments_at_once_come_one_after_the_other(made: World) -> None:
    edit(made, "from every stage follow, recompute waits")
    edit(made, "from stage trying move to stage offered", STAGES)
    assert happens(made, LATER) == ["moved trying/wait"]
    assert happens(made, "2026-03-04 12:01")[1] == "moved offered"


# --- messages -----------------------------------------------------------------------------------------


def test_who_has_a_message_under_way_stays_for_its_outcome(database_url: str) -> None:
    made = world(database_url, HEAD + STAGES, TEMPLATES)
    made.customers(["ana"])
    made.event(["ana"], "signup", at("2026-03-02 10:00"))
    made.tick(at("2026-03-02 10:00"))
    put(made, "from every stage follow", STAGES.replace("5 days", "4 days"))
    steps = planned(made).steps
    assert [(step.stay, step.move, step.position.under_way) for step in steps] == [(1, 0, 1)]
    made.apply(at(LATER))
    made.tick(at(LATER))
    assert [step.stay for step in planned(made).steps] == [1]
    put(made, "from every stage exit")
    assert [(step.stay, step.exit) for step in planned(made).steps] == [(0, 1)]
    made.database.close()


def test_a_held_message_is_asked_for_anew(database_url: str) -> None:
    head = HEAD.replace('time zone "UTC"\n', 'time zone "UTC"\n    quiet hours 09:00 to 18:00 for email\n')
    made = world(database_url, head + STAGES, TEMPLATES)
    made.customers(["ana"])
    made.event(["ana"], "signup", at("2026-03-04 10:00"))
    made.tick(at("2026-03-04 10:00"), silent)
    put(made, "from every stage follow", STAGES.replace("5 days", "4 days"), head)
    made.apply(at(LATER))
    got = happens(made, "2026-03-04 18:00")
    assert got == [
        "moved trying/send email hello",
        "withheld trying/send email hello moved_on",
        "withheld trying/send email hello quiet_until",
        "send trying/send email hello",
        "wait trying/wait",
    ]
    made.database.close()


# --- a plan that is kept ------------------------------------------------------------------------------


def test_a_plan_is_carried_out_exactly_or_not_at_all(made: World) -> None:
    def keep(until: str) -> None:
        apply(made.database, made.snapshot(), made.model(), at(until), promise=kept.promise)

    put(made, "from every stage follow", STAGES.replace("5 days", "4 days"))
    kept = planned(made)
    made.tick(at("2026-03-07 11:00"), silent)
    keep("2026-03-07 12:00")  # who moved on to the next stage follows from there
    with pytest.raises(PlanError, match="deployment 2 came in between"):
        keep("2026-03-07 13:00")
    put(made, "from stage trying exit", STAGES.replace("5 days", "3 days"))
    kept = planned(made)
    made.customers(["bea"])
    made.event(["bea"], "signup", at("2026-03-08 10:00"))
    made.tick(at("2026-03-08 11:00"), silent)
    with pytest.raises(PlanError, match=r"somebody of `trial` would leave now, by rules/welcome\.flow:14, and nobody"):
        keep("2026-03-08 12:00")
    kept = planned(made)
    made.tick(at("2026-03-14 12:00"), silent)
    with pytest.raises(PlanError, match=r"nobody of `trial` would leave any more, by rules/welcome\.flow:14"):
        keep("2026-03-14 13:00")


def test_whose_message_is_through_is_counted_apart(database_url: str, tmp_path: Path) -> None:
    """The planner brings them on before anything else happens to them."""
    made = world(database_url, HEAD + STAGES, TEMPLATES)
    made.customers(["ana", "bea"])
    made.event(["ana", "bea"], "signup", at("2026-03-02 10:00"))
    made.tick(at("2026-03-02 10:00"))
    deliver(made.database, {"email": FileChannel(tmp_path, "email")}, at("2026-03-02 10:01"), limit=1)
    put(made, "from every stage follow", STAGES.replace("5 days", "4 days"))
    kept = planned(made)
    (step,) = kept.steps
    assert (step.position.customers, step.position.through, step.stay, step.move, step.send_now) == (2, 1, 1, 0, 0)
    applied = apply(made.database, made.snapshot(), made.model(), at(LATER), promise=kept.promise)
    assert applied.moved == 1
    assert [(each.position.step, each.stay, each.move) for each in applied.plan.steps] == [
        ("trying/send email hello", 1, 0),
        ("trying/wait", 0, 1),
    ]
    made.database.close()


def test_a_line_for_a_place_that_never_was_is_told(made: World) -> None:
    put(made, 'from stage tryng exit\nfrom "trying/wiat" keep\nfrom "trying/wait #2" keep\nfrom stage offered keep')
    found = planned(made).nobody
    assert [(each.place[-2:], each.kind, each.name, each.near) for each in found] == [
        ("14", "stage", "tryng", "trying"),
        ("15", "step", "trying/wiat", "trying/wait"),
        ("16", "step", "trying/wait #2", "trying/wait"),
    ]
    put(made, "from stage trying exit", STAGES.replace("trying", "testing"))
    assert planned(made).nobody == ()


def test_a_new_template_reaches_everybody(made: World, tmp_path: Path) -> None:
    """Whoever is on the way, and whoever comes; what was sent is shown as it was."""
    made.templates["email/thanks.txt"] = TEXT.replace("News", "Newer news")
    made.templates["email/hello.txt"] = TEXT.replace("News", "Newer news")
    made.apply(at(LATER))
    assert planned(made).campaigns[0].version == 1
    made.customers(["bea"])
    made.event(["bea"], "signup", at("2026-03-05 10:00"))
    made.tick(at("2026-03-08 10:00"))
    deliver(made.database, {"email": FileChannel(tmp_path, "email")}, at("2026-03-08 10:01"))
    sent = [json.loads(line) for line in (tmp_path / "email.jsonl").read_text().splitlines()]
    assert sorted((each["customer"], each["template"], each["subject"]) for each in sent) == [
        ("ana", "thanks", "Newer news"),
        ("bea", "hello", "Newer news"),
    ]
    with made.database.read() as connection:
        shown = [(row["customer"], row["template"], row["subject"]) for row in messages(connection, Choice())]
    assert sorted(shown) == [
        ("ana", "hello", "News"), ("ana", "thanks", "Newer news"), ("bea", "hello", "Newer news"),
    ]  # fmt: skip


def test_who_is_in_an_older_version_gets_a_template_that_is_gone(made: World, tmp_path: Path) -> None:
    put(made, "", STAGES.replace("        send email thanks\n", ""))
    del made.templates["email/thanks.txt"]
    made.apply(at(LATER))
    made.tick(at("2026-03-08 10:00"))
    deliver(made.database, {"email": FileChannel(tmp_path, "email")}, at("2026-03-08 10:01"))
    sent = [json.loads(line) for line in (tmp_path / "email.jsonl").read_text().splitlines()]
    assert [(each["template"], each["subject"]) for each in sent] == [("thanks", "News")]


def test_explain_shows_the_words_of_the_version_somebody_is_in(made: World) -> None:
    longer = STAGES.replace(
        "    stage trying:", "    stage first:\n        wait 1 day\n        go to trying\n    stage trying:"
    )
    edit(made, "", longer)
    made.tick(at("2026-03-08 12:00"), silent)
    with made.database.read() as connection:
        story = explain(connection, "ana", "trial", at("2026-03-08 12:00")).timeline
    said_at = [(each.what, each.text) for each in story if each.kind == "decision" and each.at > at(LATER)]
    assert said_at == [
        ("send", "send email thanks"),
        ("stage", "stage offered:"),
        ("wait", 'wait for visit up to 3 days, else exit "no answer"'),
    ]


def test_explain_tells_of_the_move(made: World) -> None:
    edit(made, "from stage trying move to stage offered")
    made.tick(at(LATER), silent)
    with made.database.read() as connection:
        story = explain(connection, "ana", "trial", at(LATER)).timeline
    moved = next(moment for moment in story if moment.what == "moved")
    assert moved.text == "from stage trying move to stage offered"
    assert said(moved, "Europe/Madrid") == ("moved", "to offered, version 2")


def test_explain_tells_of_the_move_before_the_stage_it_leads_to(made: World) -> None:
    edit(made, 'from stage trying move to "offered/wait for visit"')
    made.tick(at(LATER), silent)
    with made.database.read() as connection:
        story = explain(connection, "ana", "trial", at(LATER)).timeline
    whats = [moment.what for moment in story if moment.at == at(LATER)]
    assert whats[:2] == ["moved", "stage"]


def test_explain_tells_how_long_whoever_was_moved_waits(made: World) -> None:
    edit(made, "from every stage follow, keep waits")
    made.tick(at(LATER), silent)
    with made.database.read() as connection:
        story = explain(connection, "ana", "trial", at(LATER)).timeline
    moved = next(moment for moment in story if moment.what == "moved")
    assert said(moved, "UTC")[1].startswith("to trying/wait, version 2, waits until ")


def test_nobody_is_looked_at_for_ever_after_a_deployment(database_url: str) -> None:
    """An exit by an event is watched by the event alone; a list changes by nothing that time brings."""
    head = HEAD.replace("    enter when", "    exit when purchase\n    exclude list robinson\n    enter when")
    head = 'list robinson from "data/robinson.csv" by email\n' + head
    made = world(database_url, head + STAGES, TEMPLATES, lists={"robinson": [("email", "bea@example.com")]})
    made.customers(["ana"])
    made.event(["ana"], "signup", at("2026-03-02 10:00"))
    made.tick(at("2026-03-02 11:00"), silent)
    made.apply(at(LATER))
    made.tick(at(LATER), silent)
    with made.database.read() as connection:
        assert connection.execute(select(t.enrollment.c.recheck_at)).scalar_one() is None
    made.database.close()
