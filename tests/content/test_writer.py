"""Whatever a template does, it stops nobody: not the engine, and not the messages beside it."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import pytest

from flowrules.content import writer
from flowrules.content.render import Rendered, TemplateFailure
from flowrules.content.worker import Job, Value
from flowrules.content.writer import Writer
from flowrules.model.schema import Kind
from flowrules.model.snapshot import Template

LOOPS = "{% for a in 'aaaaaaaaaa' | list %}" * 9 + "{% endfor %}" * 9
DOUBLING = "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40


def template(name: str, text: str) -> Template:
    return Template("email", name, f"templates/email/{name}.txt", text)


def job(name: str, customer: str = "Ana") -> Job:
    values: dict[str, Value] = {"name": (Kind.TEXT, customer), "sum": (Kind.MONEY, 2490)}
    records = {"customer": values, "entry": {}, "message": {}}
    return Job("email", name, None, "EUR", "Europe/Madrid", records, {"unsubscribe_url": "https://example.com/u/x"})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 1.0)


def test_messages_come_back_in_order() -> None:
    made = Writer([template("hello", "{{ customer.name }} {{ customer.sum }} {{ unsubscribe_url }}")])
    texts = [
        each.text for each in made.write([job("hello", f"c{n}") for n in range(300)]) if isinstance(each, Rendered)
    ]
    assert texts == [f"c{n} 24.90 EUR https://example.com/u/x" for n in range(300)]


def test_several_sets_share_the_process() -> None:
    first, second = Writer([template("hello", "one")]), Writer([template("hello", "two")])
    assert first.write([job("hello")]) == [Rendered(None, "one", None)]
    assert second.write([job("hello")]) == [Rendered(None, "two", None)]
    assert first.write([job("hello")]) == [Rendered(None, "one", None)]


def test_one_that_takes_for_ever_is_ended_and_the_others_go_on(impatient: None) -> None:
    made = Writer([template("hello", "Hello"), template("slow", LOOPS)])
    written = made.write([job("hello"), job("slow"), job("hello")])
    failure = TemplateFailure("templates/email/slow", "takes more than 1 seconds or too much memory to write")
    assert written == [Rendered(None, "Hello", None), failure, Rendered(None, "Hello", None)]


def test_a_template_that_never_ends_is_not_tried_for_everybody(impatient: None) -> None:
    made = Writer([template("hello", "Hello"), template("slow", LOOPS)])
    started = time.monotonic()
    written = made.write([job("slow")] * 100 + [job("hello")])
    assert time.monotonic() - started < 90
    assert [type(each) for each in written] == [TemplateFailure] * 100 + [Rendered]


def test_one_that_doubles_itself_is_stopped() -> None:
    made = Writer([template("hello", "Hello"), template("big", DOUBLING)])
    failure, hello = made.write([job("big"), job("hello")])
    assert isinstance(failure, TemplateFailure)
    assert "memory" in failure.message
    assert hello == Rendered(None, "Hello", None)


def test_a_killed_process_is_replaced() -> None:
    made = Writer([template("hello", "Hello")])
    made.write([job("hello")])
    process = writer._process
    assert process is not None
    process._child.kill()
    process._child.wait()
    assert [type(each) for each in made.write([job("hello"), job("hello")])][-1] is Rendered


def test_a_fork_has_a_process_of_its_own() -> None:
    made = Writer([template("hello", "{{ customer.name }}")])
    made.write([job("hello")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if child == 0:
        right = made.write([job("hello", "child")]) == [Rendered(None, "child", None)]
        writer._stop()
        os._exit(0 if right else 1)
    assert made.write([job("hello", "parent")]) == [Rendered(None, "parent", None)]
    assert os.waitpid(child, 0)[1] == 0


def test_without_a_process_messages_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_CODE", "pass")
    writer._stop()
    (failure,) = Writer([template("hello", "Hello")]).write([job("hello")])
    assert isinstance(failure, TemplateFailure)
    assert "can not be started" in failure.message


def test_it_holds_a_bounded_number_of_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_SETS", 3)
    for number in range(8):
        assert Writer([template("hello", str(number))]).write([job("hello")]) == [Rendered(None, str(number), None)]
        assert writer._process is not None
        assert len(writer._process._known) <= 3


def test_it_is_given_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWRULES_EMAIL_PASSWORD", "hunter2")
    writer._stop()
    Writer([template("hello", "Hello")]).write([job("hello")])
    assert writer._process is not None
    environment = Path(f"/proc/{writer._process._child.pid}/environ").read_bytes()
    assert b"hunter2" not in environment
