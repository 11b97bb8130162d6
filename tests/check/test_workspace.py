"""Settings and files as a person leaves them lying about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowrules.channels.base import ChannelError
from flowrules.check import check
from flowrules.diagnostics.model import Diagnostic
from flowrules.files import find
from flowrules.model.schema import Channel
from flowrules.workspace import Workspace, load, smtp_settings, snapshot


def write(root: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_toml", ".toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def loaded(root: Path, text: str = "", **environment: str) -> Workspace:
    write(root, flowrules_toml=text)
    workspace, problems = load(root, environment)
    assert problems == ()
    assert workspace is not None
    return workspace


def wrong(root: Path, text: str | bytes) -> list[tuple[str, int, str]]:
    write(root, flowrules_toml=text)
    workspace, problems = load(root, {})
    assert workspace is None
    return [(problem.code, problem.span.line, problem.span.text) for problem in problems]


def test_an_empty_file_is_a_workspace(tmp_path: Path) -> None:
    workspace = loaded(tmp_path)
    assert workspace.database == f"sqlite:///{tmp_path.as_posix()}/flowrules.db"
    assert (workspace.zone, workspace.currency, workspace.virtual_clock, workspace.seed) == ("UTC", "EUR", False, None)
    assert workspace.known_channels == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sqlite:///data/a.db", "sqlite:///{root}/data/a.db"),
        ("sqlite:///a.db?timeout=5", "sqlite:///{root}/a.db?timeout=5"),
        ("sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://crm@db/flowrules", "postgresql://crm@db/flowrules"),
    ],
)
def test_the_database(tmp_path: Path, written: str, meant: str) -> None:
    meant = meant.format(root=tmp_path.as_posix())
    assert loaded(tmp_path, f'database = "{written}"').database == meant
    assert loaded(tmp_path, 'database = "sqlite:///x.db"', FLOWRULES_DATABASE_URL=written).database == meant


def test_channels(tmp_path: Path) -> None:
    text = "".join(f"[channels.{name}]\n" for name in ("sms", "email", "call", "push"))
    text += '[channels.letter]\ntype = "console"\naddress = "phone"\nsender = "ACME"\n'
    workspace = loaded(tmp_path, text)
    assert workspace.known_channels == (
        Channel("call", "phone"),
        Channel("email", "email"),
        Channel("letter", "phone"),
        Channel("push", None),
        Channel("sms", "phone"),
    )
    assert (workspace.channels["letter"].type, workspace.channels["letter"].sender) == ("console", "ACME")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('\nzone = "UTC"\ncurency = "EUR"', [("FR321", 3, "curency")]),
        ('currency = "eur"', [("FR321", 1, "currency")]),
        ("virtual_clock = 1", [("FR321", 1, "virtual_clock")]),
        ('seed = "x"', [("FR321", 1, "seed")]),
        ('\nzone = "Europe/Madird"', [("FR306", 2, "zone")]),
        ('zone = "../../etc/passwd"', [("FR306", 1, "zone")]),
        ('[channels.email]\ntype = "fil"', [("FR321", 2, "type")]),
        ('[channels.email]\ntpye = "file"', [("FR321", 2, "tpye")]),
        ('channels.email = "file"', [("FR321", 1, "channels.email")]),
        ('[channels."my mail"]\ntype = "file"', [("FR321", 1, 'channels."my mail"')]),
        ("channels = 3", [("FR321", 1, "channels")]),
        ("zone = UTC", [("FR320", 1, "U")]),
        ('zone = "UTC"\nzone = "UTC"', [("FR320", 2, '"')]),
        ('a = 1\nzone = "UTC', [("FR320", 2, "C")]),
        ("zone", [("FR320", 1, "e")]),
        ("a = " + "[" * 5000, [("FR320", 1, "[")]),
        ("seed = " + "9" * 5000, [("FR320", 1, "9")]),
        ("x = 1\ny = 2", [("FR321", 1, "x"), ("FR321", 2, "y")]),
        (b'zone = "caf\xe9"', [("FR016", 1, "")]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_settings_that_are_wrong(tmp_path: Path, text: str | bytes, found: list[tuple[str, int, str]]) -> None:
    assert wrong(tmp_path, text) == found


MAIL = """\
[channels.email]
type = "smtp"
host = "smtp.example.com"
user = "shop"
sender = "Music Shop <news@example.com>"
reply_to = "service@example.com"
bounces = "bounces.example.com"
unsubscribe_url = "https://example.com/u"
unsubscribe_mail = "unsubscribe@example.com"
postal_address = "Music Shop, 1 High Street, Springfield"
daily_limit = 500
"""


def test_a_mail_server(tmp_path: Path) -> None:
    workspace = loaded(tmp_path, MAIL)
    assert workspace.known_channels == (
        Channel("email", "email", True, "https://example.com/u/", "Music Shop, 1 High Street, Springfield"),
    )
    settings = smtp_settings("email", workspace.channels["email"], {"FLOWRULES_EMAIL_PASSWORD": "secret"})
    assert (settings.host, settings.port, settings.security) == ("smtp.example.com", 587, "starttls")
    assert (settings.user, settings.password) == ("shop", "secret")
    assert str(settings.sender.address) == "Music Shop <news@example.com>"
    assert str(settings.sender.reply_to) == "service@example.com"
    assert (settings.sender.bounces, settings.sender.unsubscribe_mail) == (
        "bounces.example.com",
        "unsubscribe@example.com",
    )
    assert "secret" not in repr(settings)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465)])
def test_the_usual_port(tmp_path: Path, security: str, port: int) -> None:
    workspace = loaded(tmp_path, MAIL + f'security = "{security}"\npassword_variable = "SHOP"\n')
    assert smtp_settings("email", workspace.channels["email"], {"SHOP": "x"}).port == port


def test_a_password_that_is_not_set(tmp_path: Path) -> None:
    workspace = loaded(tmp_path, MAIL)
    with pytest.raises(ChannelError) as missing:
        smtp_settings("email", workspace.channels["email"], {})
    assert missing.value.message == "the password of the channel `email` is not set"
    assert missing.value.hint == "it is read from the environment: FLOWRULES_EMAIL_PASSWORD"


def test_the_settings_of_a_server_may_stay_while_messages_go_to_a_file(tmp_path: Path) -> None:
    assert not loaded(tmp_path, MAIL.replace('"smtp"', '"file"')).known_channels[0].public


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('host = "smtp.example.com"', "", 1, "a channel of type `smtp` needs `host`"),
        ('sender = "Music Shop <news@example.com>"', "", 1, "a channel of type `smtp` needs `sender`"),
        ("Music Shop <news@example.com>", "Music Shop", 5, "`Music Shop` is no email address"),
        ("service@example.com", "service", 6, "`service` is no email address"),
        ("unsubscribe@example.com", "a@b.c\\nBcc: x@y.z", 9, "`a@b.c\nBcc: x@y.z` is no email address"),
        (
            'user = "shop"',
            'user = "shop"\nsecurity = "none"',
            5,
            "a password would be sent where everybody can read it",
        ),
        ('user = "shop"', 'user = "shop"\naddress = "phone"', 2, "a channel of type `smtp` sends to email addresses"),
        ('user = "shop"', 'password = "secret"', 4, "there is no setting `password`"),
        ("https://example.com/u", "example.com/u", 8, "the setting `unsubscribe_url` can not have this value"),
        ("https://example.com/u", "https://exämple.com/u", 8, "the setting `unsubscribe_url` can not have this value"),
        ("daily_limit = 500", "daily_limit = -1", 11, "the setting `daily_limit` can not have this value"),
        ("smtp.example.com", "smtp example", 3, "the setting `host` can not have this value"),
    ],
)
def test_a_mail_server_that_is_wrong(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    assert old in MAIL
    write(tmp_path, flowrules_toml=MAIL.replace(old, new))
    workspace, (problem, *others) = load(tmp_path, {})
    assert workspace is None
    assert others == []
    assert (problem.code, problem.span.line, problem.message) == ("FR321", line, message)
    assert problem.hint


def test_a_password_in_the_file_is_sent_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, flowrules_toml='[channels.news]\nsmtp_password = "secret"\n')
    (problem,) = load(tmp_path, {})[1]
    assert problem.hint is not None
    assert "FLOWRULES_NEWS_PASSWORD" in problem.hint


def test_what_toml_says_in_words(tmp_path: Path) -> None:
    for text, message in (("zone = UTC", "this is no value"), ("seed = 1\nseed = 2", "a setting stands twice")):
        write(tmp_path, flowrules_toml=text)
        (diagnostic,) = load(tmp_path, {})[1]
        assert diagnostic.message == f"the settings can not be read: {message}"
        assert diagnostic.hint


def test_the_nearest_folder_upwards(tmp_path: Path) -> None:
    nowhere = find(tmp_path)
    assert isinstance(nowhere, Diagnostic)
    assert (nowhere.code, nowhere.span.line, nowhere.span.text) == ("FR320", 1, "")
    write(tmp_path, flowrules_toml="", rules__deep__a="")
    assert find(tmp_path / "rules" / "deep") == tmp_path.resolve()


def test_the_files_of_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "rules" / "inner").mkdir(parents=True)
    for path, text in {
        "rules/b.flow": 'list staff from "data/staff.csv" by email\nlist gone from "data/gone.csv" by email\n',
        "rules/inner/a.flow": 'list spare from "../outside.csv" by email\nlist root from "/etc/hosts" by email\n',
        "rules/notes.md": "no rules",
        "rules/.hidden.flow": "nonsense",
        "rules/.git/c.flow": "nonsense",
        "templates/email/welcome.txt": "---\nsubject: Hi\n---\n",
        "templates/email/welcome.html": "<p>",
        "templates/email/.DS_Store": "x",
        "templates/readme.txt": "x",
        "templates/email/old/welcome.txt": "x",
        "data/staff.csv": "email\n",
    }.items():
        write(tmp_path / Path(path).parent, **{Path(path).name: text})
    write(tmp_path.parent, **{"outside.csv": ""})
    found = snapshot(loaded(tmp_path, "[channels.email]"))
    assert [source.name for source in found.sources] == ["rules/b.flow", "rules/inner/a.flow"]
    assert [(one.channel, one.name, one.path) for one in found.templates] == [
        ("email", "welcome", "templates/email/welcome.html"),
        ("email", "welcome", "templates/email/welcome.txt"),
    ]
    assert found.lists == frozenset({"data/staff.csv"})
    assert [(d.code, d.span.place) for d in check(found).diagnostics] == [
        ("FR126", "rules/b.flow:2"),
        ("FR126", "rules/inner/a.flow:1"),
        ("FR126", "rules/inner/a.flow:2"),
    ]


def test_links_in_a_circle_hold_nothing_up(tmp_path: Path) -> None:
    write(tmp_path / "rules", **{"a.flow": "event purchase\n"})
    write(tmp_path / "shared", **{"b.flow": "event login\n"})
    (tmp_path / "rules" / "loop").symlink_to(tmp_path / "rules")
    (tmp_path / "rules" / "shared").symlink_to(tmp_path / "shared")
    (tmp_path / "rules" / "folder.flow").mkdir()
    found = snapshot(loaded(tmp_path))
    assert [source.name for source in found.sources] == ["rules/a.flow", "rules/shared/b.flow"]


def test_a_file_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    with (tmp_path / "rules" / "a.flow").open("wb") as file:
        file.truncate(10**9)
    write(tmp_path / "rules", **{"b.flow": b"segment caf\xe9: has purchase\n"})
    found = snapshot(loaded(tmp_path))
    assert len(found.sources[0].text) < 3_000_000
    assert [(d.code, d.span.place) for d in check(found).diagnostics] == [
        ("FR007", "rules/a.flow:1"),
        ("FR016", "rules/b.flow:1"),
    ]


def test_no_rules_at_all(tmp_path: Path) -> None:
    checked = check(snapshot(loaded(tmp_path)))
    assert (checked.files, checked.campaigns, checked.diagnostics) == (0, 0, ())
    assert checked.model is not None


def test_what_checking_imports() -> None:
    heavy = ("sqlalchemy", "jinja2", "textual")
    program = f"import sys, flowrules.check, flowrules.workspace; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_a_setting_below_a_table_is_told_where_it_belongs(tmp_path: Path) -> None:
    write(tmp_path, flowrules_toml='[channels.email]\ntype = "file"\nvirtual_clock = true\n')
    _, (problem,) = load(tmp_path, {})
    assert (problem.code, problem.span.line) == ("FR321", 3)
    assert problem.hint == "it belongs above the first line in brackets; here it is one of [channels.email]"
