"""Each code of names, flow, policy and templates: its example triggers it alone, and the corrected one nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowrules.check import check
from flowrules.diagnostics.codes import CODES
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.source import Source
from flowrules.workspace import load

if TYPE_CHECKING:
    from pathlib import Path

    from flowrules.diagnostics.code import Code
    from flowrules.diagnostics.model import Diagnostic

CHANNELS = (Channel("email", "email"), Channel("sms", "phone"), Channel("push", None))
SENDER = "event signed_up\ncampaign welcome:\n    enter when signed_up\n    stage first:\n        send {} letter\n"
RULES = [code for name, code in CODES.items() if "FR100" < name < "FR311" or "FR500" < name < "FR600"]
SYNTAX = {name for name, code in CODES.items() if name < "FR100" and code.wrong}  # tests/diagnostics/test_codes.py
TEMPLATES = ("FR311", "FR312", "FR313")
MAIL = ("FR314", "FR315", "FR316")
SETTINGS = ("FR320", "FR321")
UNSHOWN = {
    "FR007": "# a comment\n" * 200_000,
    "FR016": "segment caf\udce9: has purchase\n",
    "FR017": "event (\n" * 200,
}
"""Files too large or too broken to print, as a snapshot carries them."""


def template(channel: str, name: str, text: str) -> Template:
    return Template(channel, name, f"templates/{channel}/{name}.txt", text)


def snapshot(text: str, *templates: Template) -> Snapshot:
    letter = "---\nsubject: Hello\n---\nHello"
    return Snapshot(
        sources=(Source("rules/a.flow", text),),
        templates=(template("email", "welcome", letter), template("email", "offer", letter), *templates),
        lists=frozenset({"data/staff.csv"}),
        channels=CHANNELS,
        currency="EUR",
        zone="Europe/Madrid",
    )


def codes(found: tuple[Diagnostic, ...]) -> list[str]:
    return [diagnostic.code for diagnostic in found]


@pytest.mark.parametrize("code", RULES, ids=lambda code: code.code)
def test_rules(code: Code) -> None:
    assert codes(check(snapshot(code.wrong)).diagnostics) == [code.code]
    right = check(snapshot(code.right))
    assert codes(right.diagnostics) == []
    assert right.model is not None


@pytest.mark.parametrize("name", UNSHOWN)
def test_what_can_not_be_shown(name: str) -> None:
    assert name in codes(check(snapshot(UNSHOWN[name])).diagnostics)
    assert not CODES[name].wrong


def test_no_code_is_left_out() -> None:
    """A mistake of ours has its test where it is made: tests/cli/test_frame.py, tests/syntax/test_layout.py."""
    tested = SYNTAX | {code.code for code in RULES} | {*UNSHOWN, *TEMPLATES, *MAIL, *SETTINGS, "FR900"}
    assert tested == set(CODES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates(name: str) -> None:
    channel = "email" if name == "FR313" else "sms"
    code = CODES[name]
    wrong = check(snapshot(SENDER.format(channel), template(channel, "letter", code.wrong)))
    assert codes(wrong.diagnostics) == [name]
    right = check(snapshot(SENDER.format(channel), template(channel, "letter", code.right)))
    assert codes(right.diagnostics) == []


def test_marketing_needs_settings(tmp_path: Path) -> None:
    code = CODES["FR314"]
    assert codes(_with_settings(tmp_path, code.wrong, CODES["FR315"].right)) == ["FR314"]
    assert codes(_with_settings(tmp_path, code.right, CODES["FR315"].right)) == []


def test_marketing_shows_its_way_out(tmp_path: Path) -> None:
    code = CODES["FR315"]
    found = _with_settings(tmp_path, CODES["FR314"].right, code.wrong)
    assert [(each.code, each.severity) for each in found] == [("FR315", "warning")]
    included = "---\nsubject: x\n---\n{% include 'email/footer.txt' %}"
    assert _with_settings(tmp_path, CODES["FR314"].right, included) == ()


def test_service_mail_needs_none(tmp_path: Path) -> None:
    policy = "policy:\n    purpose service: unless refused\n    class service: purpose service, limited, counted\n"
    settings = CODES["FR314"].wrong.replace("unsubscribe_url", "# unsubscribe_url")
    assert _with_settings(tmp_path, settings, CODES["FR315"].wrong, policy) == ()


def _with_settings(root: Path, settings: str, letter: str, policy: str = "") -> tuple[Diagnostic, ...]:
    (root / "flowrules.toml").write_text(settings)
    workspace, wrong = load(root)
    assert workspace is not None, wrong
    files = snapshot(
        SENDER.format("email").replace("    enter", "    class service\n    enter" if policy else "    enter") + policy,
        template("email", "letter", letter),
        template("email", "footer", "{{ unsubscribe_url }}"),
    )
    return check(replace(files, channels=workspace.known_channels)).diagnostics


def test_links() -> None:
    code = CODES["FR316"]
    letter = template("sms", "letter", "Hello")
    for text, found in ((code.wrong, ["FR316"]), (code.right, [])):
        page = Template("sms", "letter", "templates/sms/letter.html", text)
        assert codes(check(snapshot(SENDER.format("sms"), letter, page)).diagnostics) == found


def test_a_language_needs_a_version_for_all_others() -> None:
    spanish = Template("sms", "letter", "templates/sms/letter.es.txt", "Hola")
    assert codes(check(snapshot(SENDER.format("sms"), spanish)).diagnostics) == ["FR310"]
    assert codes(check(snapshot(SENDER.format("sms"), spanish, template("sms", "letter", "Hi"))).diagnostics) == []
    headless = Template("email", "letter", "templates/email/letter.es.txt", "Hola")
    english = template("email", "letter", "---\nsubject: Hi\n---\n")
    assert codes(check(snapshot(SENDER.format("email"), headless, english)).diagnostics) == ["FR313"]


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str, tmp_path: Path) -> None:
    (tmp_path / "flowrules.toml").write_text(CODES[name].wrong)
    assert codes(load(tmp_path)[1]) == [name]
    (tmp_path / "flowrules.toml").write_text(CODES[name].right)
    assert load(tmp_path)[1] == ()
