"""Files as they should not be: what `check` prints of each, and how soon.

The words stand in bad_files.txt; `python -m tests.cli.test_bad_files` writes it anew: read it before it is committed.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from flowrules.cli.main import run
from tests.cli.conftest import Call

PAGE = Path(__file__).parent / "bad_files.txt"
DEEP = "".join(f"{' ' * (8 + 4 * n)}if tagged t{n}:\n" for n in range(500)) + " " * 2008 + "exit\n"
CAMPAIGN = "event x\ncampaign c:\n    enter when x\n    stage s:\n"

FILES: dict[str, bytes | str] = {
    "tabs": "event purchase:\n\tamount: money\n\n\tcds: integer\n",
    "a tab inside a line": "event\tpurchase:\n    amount:\tmoney\t# note\n",
    "windows line ends": "event purchase:\r\n    amount: money\r\nsegment s: has purchas\r\n",
    "old mac line ends": "event purchase\revent login\r",
    "byte order mark": "\ufeffsegment s: has purchase\n",
    "byte order mark inside": "event purchase\n\ufeffsegment s: has purchase\n",
    "emoji as a name": "event \U0001f600:\n    x: text\n",
    "emoji in a text": 'event purchase\nsegment s "\U0001f600 \U0001f469\u200d\U0001f467": has purchase\n',
    "direction turned in a comment": "event purchase  # \u202e }edoc on\n",
    "direction turned in a text": 'attribute plan: one of "pro\u2066", "free"\n',
    "direction mark in a text": 'attribute plan: one of "pro\u200f", "free"\n',
    "no width": 'attribute plan: one of "pro\u200b", "pro"\n',
    "nothing but zeros": b"event purchase\n\0\0\0",
    "latin-1": b"event purchase\nsegment caf\xe9: has purchase\n",
    "utf-16": "event purchase\n".encode("utf-16"),
    "any bytes": bytes(range(256)),
    "more than 2 MB": "# note\n" * 400_000,
    "odd space": "event\u00a0purchase\n",
    "odd spaces as indentation": "event purchase:\n\u00a0\u00a0\u00a0\u00a0amount: money\n",
    "quotes of a text processor": "attribute plan: one of \u201cpro\u201d\n",
    "minus of a text processor": "segment s: age < \u22125\n",
    "an open text": 'list robinson from "data/robinson.csv\n',
    "an open bracket": 'event x\nsegment s: has x (b is "c"\nevent y\n',
    "a bracket too many": "event x\nsegment s: has x)\n",
    "segments in a circle": "segment a1: in segment b1\nsegment b1: in segment c1\nsegment c1: in segment a1\n",
    "10,000 brackets": f"segment s: {'(' * 10_000}tagged t{')' * 10_000}\n",
    "10,000 times not": f"segment s: {'not ' * 10_000}tagged t\n",
    "500 times if": CAMPAIGN + DEEP,
    "a text of 1 MB": f'list x from "{"a" * 1_000_000}\n',
    "a number of 1 MB": f"segment s: age > {'9' * 1_000_000}\n",
    "an unfinished merge": "event purchase\n<<<<<<< HEAD\nevent login\n=======\nevent sign_in\n>>>>>>> spring\n",
    "yaml": "campaigns:\n  - name: x\n",
    "json": '{"campaign": "x"}\n',
    "a campaign without anything": "campaign c:\n",
    "an empty file": "",
}


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    parts = re.split(r"^===== (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", FILES)
def test_what_is_printed(name: str, call: Call, tmp_path: Path, expected: dict[str, str]) -> None:
    began = time.process_time()
    said = call("-C", _workspace(tmp_path, FILES[name]), "check")
    assert time.process_time() - began < 10  # a generous bound: what is quadratic takes minutes
    assert said.out + "\n" == expected[name]
    assert said.err == ""
    assert said.code == (0 if "no mistakes found" in said.out else 1)


@pytest.mark.parametrize("name", FILES)
def test_fmt_leaves_a_file_with_mistakes(name: str, call: Call, tmp_path: Path) -> None:
    path = _workspace(tmp_path, FILES[name]) / "rules" / "a.flow"
    before = path.read_bytes()
    said = call("fmt", path)
    assert "FR900" not in said.out
    assert said.code in {0, 1}
    if said.code:
        assert path.read_bytes() == before


def test_a_circle_of_5_000_segments_and_a_chain(call: Call, tmp_path: Path) -> None:
    circle = "".join(f"segment s{n}: in segment s{(n + 1) % 5000}\n" for n in range(5000))
    said = call("-C", _workspace(tmp_path / "a", circle), "check")
    assert said.out.startswith("error[FR120]: segment `s0` is defined by itself: `s0` in `s1` in `s2`")
    assert said.out.endswith("\n\n1 error, 0 warnings in 1 file\n")
    chain = "".join(f"segment s{n}: in segment s{n + 1}\n" for n in range(5000)) + "segment s5000: tagged t\n"
    assert "more than 50 segments stand inside each other" in call("-C", _workspace(tmp_path / "b", chain), "check").out


def test_a_thousand_files_of_ten_campaigns(call: Call, tmp_path: Path) -> None:
    """10,000 campaigns in all."""
    one = "campaign c{}:\n    enter when signed_up\n    stage first:\n        wait 1 day\n        exit\n"
    root = _workspace(tmp_path, "event signed_up\n")
    for number in range(1000):
        text = "".join(one.format(10 * number + each) for each in range(10))
        (root / "rules" / f"{number}.flow").write_text(text)
    (root / "rules" / "policy.flow").write_text(
        'policy:\n    time zone "UTC"\n    purpose marketing: ask first\n'
        "    class marketing: purpose marketing, limited, counted\n"
    )
    assert call("-C", root, "check").out == "10000 campaigns in 1002 files: no mistakes found\n"


def test_rules_that_can_not_be_read(call: Call, tmp_path: Path) -> None:
    root = _workspace(tmp_path, "event x\n")
    (root / "rules" / "gone.flow").symlink_to("nowhere.flow")
    for command in ("check", "fmt", "apply"):
        said = call("-C", root, command)
        assert (said.code, said.out) == (1, "")
        assert said.err == (
            f"error: {root}/rules/gone.flow is a link that leads nowhere\n"
            "  hint: mend or delete it; it would be left out of the rules\n"
        )


def test_a_file_deleted_while_reading(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _workspace(tmp_path, "event x\n")

    def gone(path: Path) -> bool:
        found = original(path)
        (root / "rules" / "a.flow").unlink(missing_ok=True)
        return found

    original = Path.is_file
    monkeypatch.setattr(Path, "is_file", lambda path: gone(path) if path.name == "a.flow" else original(path))
    said = call("-C", root, "check")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"error: {root}/rules/a.flow: No such file or directory\n"


TEMPLATES = {
    "loop": ("{% for x in customer.list_of_all %}{{ x }}{% endfor %}", "FR312"),
    "endless": ("{% for x in range(10 ** 9) %}x{% endfor %}", "FR312"),
    "class": ("{{ customer.__class__.__mro__ }}", "FR312"),
    "globals": ("{{ self.__init__.__globals__ }}", "FR312"),
    "cycler": ("{{ cycler.__init__.__globals__.os }}", "FR312"),
    "open": ("{% for x in ", "FR311"),
    "deep": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "FR311"),
    "itself": ('{% include "email/letter.txt" %}', "FR311"),
    "outside": ('{% include "../../flowrules.toml" %}', "FR311"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_that_reach_too_far(name: str, call: Call, tmp_path: Path) -> None:
    """What check can see; the rest is refused when it is rendered (tests/content)."""
    text, code = TEMPLATES[name]
    root = _workspace(tmp_path, f"{CAMPAIGN}        send email letter\n")
    (root / "templates" / "email").mkdir(parents=True)
    (root / "templates" / "email" / "letter.txt").write_text(f"---\nsubject: Hello\n---\n{text}\n")
    out = call("check", root / "templates").out
    found = set(re.findall(r"^error\[(FR\d+)\]", out, re.MULTILINE))
    assert found == {code}


def test_3_000_branches(call: Call, tmp_path: Path) -> None:
    branches = "".join(f"        else if tagged t{number} exit\n" for number in range(3000))
    said = call("-C", _workspace(tmp_path, f"{CAMPAIGN}        if tagged t exit\n{branches}"), "check")
    assert "error[FR121]: this `if` has more than 50 branches" in said.out


def test_a_process_of_its_own_shows_no_traceback(tmp_path: Path) -> None:
    root = _workspace(tmp_path, CAMPAIGN + DEEP)
    script = "from flowrules.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", script, "-C", root, "check"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"Traceback" not in done.stdout


def _workspace(root: Path, text: bytes | str) -> Path:
    (root / "rules").mkdir(parents=True)
    (root / "flowrules.toml").write_text("[channels.email]\n")
    (root / "rules" / "a.flow").write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


if __name__ == "__main__":
    shown = []
    for title, content in FILES.items():
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as out:
            run(["-C", str(_workspace(Path(folder, "w"), content)), "check"])
        shown.append(f"===== {title}\n{out.getvalue()}\n")
    PAGE.write_text("".join(shown), encoding="utf-8")
