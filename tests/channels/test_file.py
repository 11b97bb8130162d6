"""The file channel: exactly the promised keys, whole lines only, and an honest answer after a crash."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from flowrules.channels.base import Accepted, ChannelError, OutgoingMessage, Retry
from flowrules.channels.file import FileChannel

KEYS = (
    "message_id, idempotency_key, customer, campaign, version, instance, stage, step, pass, rule, channel, template, "
    "class, to, subject, text, html, decided_at, sent_at"
)

MESSAGE = OutgoingMessage(
    message_id="welcome.ana.1.start/send+email+hello.1",
    idempotency_key="k1",
    customer="ana",
    campaign="welcome",
    version=1,
    instance=1,
    stage="start",
    step="start/send email hello",
    pass_=1,
    rule="rules/welcome.flow:7",
    channel="email",
    template="hello",
    class_="marketing",
    to="ana@example.com",
    subject="¡Hola!",
    text="a\nb",
    html=None,
    decided_at=1_772_442_000_000_000,
    sent_at=1_772_442_000_500_000,
)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "email.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_line_has_exactly_the_promised_keys(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path / "new", "email")
    assert channel.send(MESSAGE) == Accepted()
    channel.flush()
    (line,) = lines(tmp_path / "new")
    assert list(line) == KEYS.split(", ")
    assert line["pass"] == 1
    assert line["class"] == "marketing"
    assert line["subject"] == "¡Hola!"
    assert (line["decided_at"], line["sent_at"]) == ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00.500000Z")


def test_after_a_crash_it_knows_what_was_written(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path, "email")
    channel.send(MESSAGE)
    channel.flush()
    with (tmp_path / "email.jsonl").open("ab") as file:
        file.write(b'{"message_id":"half a li')
    again = FileChannel(tmp_path, "email")
    settled = again.settle(["k1", "k2"])
    assert settled["k1"] == Accepted()
    assert isinstance(settled["k2"], Retry)
    again.send(replace(MESSAGE, idempotency_key="k2"))
    again.flush()
    assert [line["idempotency_key"] for line in lines(tmp_path)] == ["k1", "k2"]


def test_a_torn_line_longer_than_a_chunk_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "email.jsonl").write_bytes(b'{"idempotency_key":"k1"}\n' + b"x" * 200_000)
    FileChannel(tmp_path, "email").settle(["k1"])
    assert (tmp_path / "email.jsonl").read_bytes() == b'{"idempotency_key":"k1"}\n'


def test_a_folder_that_can_not_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    channel = FileChannel(tmp_path / "file", "email")
    channel.send(MESSAGE)
    with pytest.raises(ChannelError, match="can not be written"):
        channel.flush()


def test_beside_a_line_of_somebody_else_nobody_knows(tmp_path: Path) -> None:
    """Written again it might be there twice."""
    (tmp_path / "email.jsonl").write_bytes(b'{"idempotency_key":"k1"}\nedited by hand\n[]\n')
    assert FileChannel(tmp_path, "email").settle(["k1", "k2"]) == {"k1": Accepted()}


def test_a_full_disk_leaves_no_part_of_a_message(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path, "email")
    channel.send(MESSAGE)
    channel.flush()
    before = (tmp_path / "email.jsonl").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
    try:
        channel.send(replace(MESSAGE, idempotency_key="k2"))
        with pytest.raises(ChannelError, match="can not be written: File too large"):
            channel.flush()
        assert (tmp_path / "email.jsonl").read_bytes() == before
        assert isinstance(channel.settle(["k2"])["k2"], Retry)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    channel.send(replace(MESSAGE, idempotency_key="k2"))
    channel.flush()
    assert [line["idempotency_key"] for line in lines(tmp_path)] == ["k1", "k2"]


def test_what_can_not_be_looked_up_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = FileChannel(tmp_path, "email")
    channel.send(MESSAGE)
    channel.flush()

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(ChannelError, match="can not be written: Input/output error"):
        channel.settle(["k1"])


def _append(folder: Path, name: str) -> None:
    channel = FileChannel(folder, "email")
    for number in range(200):
        channel.send(replace(MESSAGE, idempotency_key=f"{name}{number}", text="x" * 5000))
        if number % 5 == 0:
            channel.flush()
    channel.flush()


def test_processes_do_not_tear_each_others_lines(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(tmp_path, name)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    keys = [line["idempotency_key"] for line in lines(tmp_path)]
    assert sorted(map(str, keys)) == sorted(f"{name}{number}" for name in "ab" for number in range(200))
