"""How a message looks, by the files, for a customer or for somebody made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowrules.cli.main import program

PAGE = '<p>Hello {{ customer.first_name }}</p><a href="{{ unsubscribe_url }}">no more</a>\n'
SETTINGS = '[channels.email]\ntype = "file"\nunsubscribe_url = "https://example.com/u"\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    assert run(tmp_path, "init", str(root)).exit_code == 0
    settings = (root / "flowrules.toml").read_text().partition("[channels")[0]
    (root / "flowrules.toml").write_text(settings + SETTINGS)
    (root / "templates" / "email" / "welcome.html").write_text(PAGE)
    (root / "templates" / "email" / "welcome.es.txt").write_text("---\nsubject: Hola\n---\nHola\n")
    return root


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(program, ["-C", str(root), *arguments])


def test_for_somebody_made_up(shop: Path) -> None:
    done = run(shop, "preview", "welcome")
    assert done.exit_code == 0
    assert done.stdout.startswith("to: ana@example.com\nsubject: Welcome!\n\nHello [first_name],\n")


def test_named_as_in_the_rules(shop: Path) -> None:
    done = run(shop, "preview", "email", "welcome")
    assert done.exit_code == 0
    assert done.stdout == run(shop, "preview", "welcome").stdout
    wrong = run(shop, "preview", "fax", "welcome")
    assert (wrong.exit_code, wrong.stderr) == (1, "error: there is no channel `fax`\n")
    many = run(shop, "preview", "email", "welcome", "reminder")
    assert many.exit_code == 2
    assert "one template at a time, such as `email welcome`, not `email welcome reminder`" in many.stderr


def test_for_a_customer_with_an_attribute_that_is_not_applied_yet(shop: Path) -> None:
    assert run(shop, "import", "customers", str(shop / "data" / "customers.csv")).exit_code == 0
    rules = shop / "rules" / "welcome.flow"
    rules.write_text('attribute city: text = "Madrid"\n' + rules.read_text())
    template = shop / "templates" / "email" / "welcome.txt"
    template.write_text("---\nsubject: {{ customer.first_name }}\n---\n{{ customer.city }}\n")
    done = run(shop, "preview", "welcome", "--customer", "bea@example.com", "--format", "json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["customer"], facts["to"], facts["subject"]) == ("bea", "bea@example.com", "Bea")
    assert facts["text"] == "Madrid\n"


def test_a_page_to_open(shop: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(shop, "preview", "welcome", "-o", str(page)).exit_code == 0
    assert page.read_text() == ('<p>Hello [first_name]</p><a href="https://example.com/u/preview">no more</a>\n')


def test_in_a_language(shop: Path) -> None:
    assert "subject: Hola\n" in run(shop, "preview", "welcome", "--language", "es-MX").stdout


def test_what_can_not_be_shown(shop: Path, tmp_path: Path) -> None:
    for arguments, said in (
        (["wellcome"], "there is no template `wellcome`\n  hint: did you mean `welcome`?"),
        (["welcome", "--channel", "emial"], "there is no channel `emial`\n  hint: did you mean `email`?"),
        (["welcome", "-o", str(tmp_path / "no" / "page.html")], "can not be written: No such file or directory"),
    ):
        done = run(shop, "preview", *arguments)
        assert done.exit_code == 1
        assert said in done.stderr
    (shop / "templates" / "email" / "welcome.txt").write_text("---\nsubject: x\n---\n{{ 1 / 0 }}\n")
    done = run(shop, "preview", "welcome")
    assert done.exit_code == 1
    assert "templates/email/welcome.txt: can not be written (ZeroDivisionError)" in done.stderr
