"""`plan`, `apply FILE`, `history` and `diff` as people type and read them."""

from __future__ import annotations

import json
import shutil
import subprocess
from inspect import cleandoc
from pathlib import Path

import pytest

from tests.cli.conftest import Call

FLOW = Path("rules/welcome.flow")
WAITS = """\
        wait for purchase up to 3 days, else go to reminder
        exit "bought"
"""


@pytest.fixture
def shop(workspace: Path, call: Call) -> Path:
    """Four on their way: three wait, and the message of one has not been handed over; the clock is virtual."""
    settings = workspace / "flowrules.toml"
    settings.write_text("virtual_clock = true\n" + settings.read_text())
    assert call("import", "customers", "data/customers.csv").code == 0
    assert call("apply", "--now", "2026-03-01", "--yes").code == 0
    assert call("import", "events", "data/events.csv").code == 0
    assert call("tick", "--now", "2026-03-03").code == 0
    assert call("deliver", "--now", "2026-03-03").code == 0
    assert call("tick", "--now", "2026-03-04").code == 0
    return workspace


def edit(*changes: tuple[str, str], path: Path = FLOW) -> None:
    text = path.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path.write_text(text)


def test_nothing_changes(shop: Path, call: Call) -> None:
    """Layout, comments, and how a file is called mean nothing."""
    edit(("        wait 7 days", "        # a week\n        wait 7    days"))
    FLOW.rename("rules/other.flow")
    said = call("plan", "--exit-code")
    assert said.code == 0
    assert said.out == ("against deployment 1, as of Wed 2026-03-04 00:00: 4 customers on their way; nothing changes\n")


def test_counts_first(shop: Path, call: Call) -> None:
    edit(("up to 3 days", "up to 5 days"), ("    goal", "    migrate:\n        from stage hello follow\n    goal"))
    edit(("cap 3", "cap 2"), path=Path("rules/policy.flow"))
    edit(("attribute first_name: text", "attribute first_name: text\nattribute city: text"))
    said = call("plan", "--exit-code")
    assert said.code == 3
    assert (
        said.out
        == cleandoc("""
        against deployment 1, as of Wed 2026-03-04 00:00: 4 customers on their way

        welcome: changed, version 1 becomes 2
          4 on their way: 1 stays in the version they are in, 3 move

        the policy, for everybody at once:
          - cap 3 contacts per 7 days across email
          + cap 2 contacts per 7 days across email

        declarations:
          + attribute city: text
        """)
        + "\n"
    )


def test_step_by_step(shop: Path, call: Call) -> None:
    edit(
        (WAITS, "        go to reminder\n"),
        ("    goal", '    migrate:\n        from stage hello move to "reminder/send email reminder"\n    goal'),
    )  # fmt: skip
    said = call("plan", "--verbose")
    assert (
        said.out
        == cleandoc("""
        against deployment 1, as of Wed 2026-03-04 00:00: 4 customers on their way

        welcome: changed, version 1 becomes 2
          4 on their way: 4 move
          up to 4 customers are sent something at once
            hello/send email welcome (version 1): 1 moves to reminder/send email reminder
                up to 1 sent something at once, rules/welcome.flow:14
            hello/wait for purchase (version 1): 3 move to reminder/send email reminder
                up to 3 sent something at once, rules/welcome.flow:14
            what is otherwise in version 2:
              - wait for purchase up to 3 days, else go to reminder
              - exit "bought"
        """)
        + "\n"
    )
    assert call("plan", "--only", "welcome").out == said.out
    assert call("plan", "--only", "wellcome").err.startswith("error: there is no campaign `wellcome`")


def test_what_can_not_be_put_in_force_says_what_to_write(shop: Path, call: Call) -> None:
    edit((WAITS, "        go to reminder\n"))
    said = call("plan")
    assert said.code == 1
    assert (
        said.out
        == cleandoc("""
        against deployment 1, as of Wed 2026-03-04 00:00: 4 customers on their way

        welcome: changed, version 1 becomes 2
          4 on their way: 1 stays in the version they are in, of 3 nobody has said what
            becomes of them

        refused: 3 customers on their way would be lost: `hello/wait for purchase` of
          `welcome`, a step that the files no longer have
          say what becomes of them: with `keep` they finish what they are in; or write
            `move to stage NAME`, or `exit`

        campaign welcome:
            migrate:
                from "hello/wait for purchase" keep
        """)
        + "\n"
    )
    refused = call("apply", "--yes", "--now", "2026-03-05")
    assert refused.code == 1
    assert 'from "hello/wait for purchase" keep' in refused.err
    edit(("    goal", '    migrate:\n        from "hello/wait for purchase" keep\n    goal'))
    assert call("plan").code == 0
    assert call("apply", "--yes", "--now", "2026-03-05").code == 0


def test_a_plan_that_was_kept(shop: Path, call: Call) -> None:
    edit(("    goal", "    migrate:\n        from every stage exit\n    goal"), ("up to 3 days", "up to 4 days"))
    assert "`flowrules apply plan.json` does this and nothing else" in call("plan", "-o", "plan.json").err
    kept = json.loads(Path("plan.json").read_text())
    assert kept["schema"] == "flowrules.plan/1"
    assert [step["exit"] for step in kept["steps"]] == [1, 3]
    was = FLOW.read_text()
    FLOW.write_text(was.replace("4 days", "5 days"))
    assert call("apply", "plan.json").err.startswith("error: the files are not those of plan.json")
    FLOW.write_text(was)
    said = json.loads(call("apply", "plan.json", "--now", "2026-03-04", "--format", "json").out)
    assert said["moved"] == 4
    assert "there is no file nowhere" in call("apply", "nowhere").err
    Path("plan.json").write_text("{}")
    assert "is no plan of this program" in call("apply", "plan.json").err


def test_history_and_differences(shop: Path, call: Call) -> None:
    git = shutil.which("git")
    assert git is not None
    edit(("wait 7 days", "wait 9 days"))
    as_ana = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com")
    for words in (("init", "-q"), ("add", "rules"), (*as_ana, "commit", "-qm", "first")):
        subprocess.run([git, *words], check=True)
    assert call("apply", "--yes", "--now", "2026-03-05").code == 0
    rows = json.loads(call("history", "--format", "json").out)["history"]
    assert [(row["deployment"], row["author"], row["changes"]) for row in rows] == [
        (2, "Ana", "welcome changed"),
        (1, None, "welcome added, declarations"),
    ]
    assert "2  2026-03-05 00:00  " in call("history").out
    commit = rows[0]["commit"]
    assert commit.endswith("+")  # what is not in the repository
    assert call("diff", "1", "2").out == "welcome: changed\n  - wait 7 days\n  + wait 9 days\n"
    assert call("diff", "1", commit).out == call("diff", "1", "2").out
    assert call("diff", "2", "files").out == "they mean the same\n"
    edit(("send email reminder", "send email welcome"), ("wait 9 days", "wait 4 days"))
    assert call("diff", "2", "files").out.splitlines() == [
        "welcome: changed",
        "  - send email reminder",
        "  - wait 9 days",
        "  + send email welcome",
        "  + wait 4 days",
    ]
    assert call("diff", "2", "7").err.startswith("error: there is no deployment `7`")


def test_differences_tell_of_renames_and_of_those_inside(shop: Path, call: Call) -> None:
    edit(
        ('stage hello "Just signed up":', 'stage greeted "Just signed up" formerly hello:'),
        ("    goal", "    migrate:\n        from every stage follow\n    goal"),
    )
    assert call("apply", "--yes", "--now", "2026-03-05").code == 0
    assert call("diff", "1", "2").out == (
        "welcome: changed\n  ~ stage hello is called greeted\n  + from every stage follow\n"
    )
    edit(("from every stage follow", 'from every stage exit "over"'))
    assert call("apply", "--yes", "--now", "2026-03-05 12:00").code == 0
    edit(("Hello", "Good day"), path=Path("templates/email/reminder.txt"))
    assert (
        call("diff", "2", "files").out
        == cleandoc("""
        welcome: the same, but for what becomes of those inside
          - from every stage follow
          + from every stage exit "over"

        templates, for everybody at once:
          ~ templates/email/reminder.txt
        """)
        + "\n"
    )
    assert (
        call("history").out
        == cleandoc("""
        deployment  at                commit  author  changes
                 3  2026-03-05 12:00                  welcome migrate; 1 taken out
                 2  2026-03-05 00:00                  welcome changed; 2 moved
                 1  2026-03-01 00:00                  welcome added, declarations
        """)
        + "\n"
    )
    rows = json.loads(call("history", "--format", "json").out)["history"]
    assert [(row["moved"], row["taken_out"]) for row in rows] == [(0, 1), (2, 0), (0, 0)]


def test_a_line_for_nobody_is_a_warning(shop: Path, call: Call) -> None:
    edit(("    goal", "    migrate:\n        from stage helo exit\n    goal"))
    said = call("plan")
    assert said.code == 0
    assert said.out.endswith(
        "nothing changes\n\nwarning: rules/welcome.flow:14: no version of `welcome` ever had a stage `helo`,\n"
        "  so this line is for nobody; did you mean `hello`?\n"
    )
    applied = call("apply", "--yes", "--now", "2026-03-05")
    assert "warning: rules/welcome.flow:14: no version of `welcome` ever had a stage `helo`" in applied.err


def test_whose_message_is_through_goes_on_first(shop: Path, call: Call) -> None:
    call("deliver", "--now", "2026-03-04 01:00")
    edit(("up to 3 days", "up to 5 days"), ("    goal", "    migrate:\n        from every stage follow\n    goal"))
    assert (
        call("plan", "--verbose").out
        == cleandoc("""
        against deployment 1, as of Wed 2026-03-04 00:00: 4 customers on their way

        welcome: changed, version 1 becomes 2
          4 on their way: 3 move, 1 goes on first, for the message is through
            hello/send email welcome (version 1): 1 goes on first, for the message is through
            hello/wait for purchase (version 1): 3 move to hello/wait for purchase
                waits end when they would have, rules/welcome.flow:14
            what is otherwise in version 2:
              - wait for purchase up to 3 days, else go to reminder
              + wait for purchase up to 5 days, else go to reminder
        """)
        + "\n"
    )
    assert "goes on first" in call("plan", "-o", "plan.json").out
    call("tick", "--now", "2026-03-04 02:00")
    assert "4 of them moved" in call("apply", "plan.json", "--now", "2026-03-04 02:00").out


def test_what_changes_where_no_line_of_a_campaign_does(shop: Path, call: Call) -> None:
    """A segment that is meant otherwise, the policy, a template: what it is, and whom it concerns."""
    regulars = 'segment regulars: has purchase\n\ncampaign thanks "Thanks":\n'
    regulars += "    class marketing\n    enter when every day at 10:00 for segment regulars, once\n"
    FLOW.write_text(FLOW.read_text() + f"\n{regulars}    stage only:\n        wait 1 day\n        send email welcome\n")
    assert call("apply", "--yes", "--now", "2026-03-04T01:00").code == 0
    edit(("has purchase\n", "has purchase at least 2 times\n"))
    edit(("cap 3", "cap 2"), path=Path("rules/policy.flow"))
    template = Path("templates/email/welcome.txt")
    template.write_text(template.read_text() + "More.\n")
    said = call("plan", "--verbose")
    assert (
        said.out
        == cleandoc("""
        against deployment 2, as of Wed 2026-03-04 00:59:59: 4 customers on their way

        thanks: changed, version 1 becomes 2
            what is otherwise in version 2:
              ~ enter when every day at 10:00 for segment regulars, once (what it names is another now)

        welcome: unchanged, version 1
          4 on their way: 4 stay in the version they are in
            hello/send email welcome (version 1): 1 stays
            hello/wait for purchase (version 1): 3 stay

        the policy, for everybody at once:
          - cap 3 contacts per 7 days across email
          + cap 2 contacts per 7 days across email
            it concerns thanks (0 on their way), welcome (4 on their way)

        declarations:
          ~ segment regulars: has purchase becomes has purchase at least 2 times

        templates, for everybody at once:
          ~ templates/email/welcome.txt
            thanks: only/send email welcome
            welcome: hello/send email welcome
        """)
        + "\n"
    )
    told = json.loads(call("plan", "--format", "json").out)
    assert [each["concerns"] for each in told["policy"]] == [["thanks", "welcome"]] * 2
    assert told["written_anew"][0]["step"] == "only/send email welcome"
    assert [line["change"] for line in told["campaigns"][0]["lines"]] == ["removed", "added"]
    assert "segment regulars: has purchase becomes has purchase at least 2 times" in call("diff", "2", "files").out


def test_a_day_that_has_gone_by_is_a_warning(shop: Path, call: Call) -> None:
    """What has been in force on that day has let in whom it should; of what comes later nobody would know why not."""
    once = "\nsegment everybody: not has purchase at least 9 times\n\ncampaign fair:\n    class marketing\n"
    once += "    enter when once at {} for segment everybody\n    stage only:\n        send email welcome\n"
    text = FLOW.read_text()
    FLOW.write_text(text + once.format("2026-03-05 10:00"))
    assert "warning" not in call("plan").out
    FLOW.write_text(text + once.format("2026-03-03 10:00"))
    late = "Tue 2026-03-03 10:00 will have gone by when this is put in force, so nobody enters `fair`"
    assert f": {late}; write a later time, or `once now`" in " ".join(call("plan").out.split())
    assert call("check", "--strict").code == 0, "which knows no clock"
    said = call("apply", "--yes")
    assert late in said.err
    assert "warning" not in call("plan").out
