"""E-mail by SMTP, judged by what a real server received and by what the channel says became of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowrules.channels.base import Accepted, OutgoingMessage, Refused, Retry, Unknown
from flowrules.channels.mail import Sender, mailbox
from flowrules.channels.smtp import SmtpChannel, SmtpSettings
from tests.support.certificate import make_certificate
from tests.support.mailserver import HANG_UP, SILENCE, MailServer, free_port, mail_server

SHOP = mailbox("Music Shop <news@example.com>")
assert SHOP is not None
SENDER = Sender(SHOP, bounces="bounces.example.com", unsubscribe_mail="unsubscribe@example.com")
HELLO = OutgoingMessage(
    message_id="welcome.ana.1.lead/send+email+hello.1",
    idempotency_key="0123456789abcdef0123456789abcdef",
    customer="ana",
    campaign="welcome",
    version=1,
    instance=1,
    stage="lead",
    step="lead/send email hello",
    pass_=1,
    rule="rules/welcome.flow:15",
    channel="email",
    template="hello",
    class_="marketing",
    to="ana@example.com",
    subject="Hello",
    text="Hello Ana\n",
    html=None,
    decided_at=1_772_442_000_000_000,
    sent_at=1_772_442_000_000_000,
    token="k7l2m3n4" * 6,
    purpose="marketing",
    marketing=True,
    unsubscribe_token="q2w3e4r5" * 5,
    unsubscribe_url="https://example.com/u/" + "a7" * 40,
)


def to(name: str) -> OutgoingMessage:
    return replace(HELLO, to=f"{name}@example.com")


def channel(port: int, **settings: object) -> SmtpChannel:
    given = SmtpSettings("127.0.0.1", SENDER, port, "none", patience=20, last_patience=20)
    return SmtpChannel(replace(given, **settings))  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


# --- one connection -----------------------------------------------------------------------------------


def test_many_messages_share_a_connection(server: MailServer) -> None:
    smtp = channel(server.port)
    assert [smtp.send(to(name)) for name in ("ana", "bea", "cid")] == [Accepted()] * 3
    assert [mail.recipient for mail in server.received] == ["ana@example.com", "bea@example.com", "cid@example.com"]
    assert len(server.sessions) == 1


def test_a_refused_recipient_loses_nothing_else(server: MailServer) -> None:
    server.answers["RCPT bea@example.com"] = "550 5.1.1 No such user"
    smtp = channel(server.port)
    outcomes = [smtp.send(to(name)) for name in ("ana", "bea", "cid")]
    assert outcomes == [Accepted(), Refused("550 5.1.1 No such user", "5.1.1"), Accepted()]
    assert [mail.recipient for mail in server.received] == ["ana@example.com", "cid@example.com"]
    assert len(server.sessions) == 1


def test_a_server_that_puts_off_everybody_is_left_alone(server: MailServer) -> None:
    server.answers["RCPT"] = "451 4.7.1 Try again later"
    smtp = channel(server.port)
    outcomes = [smtp.send(to(f"c{number}")) for number in range(22)]
    assert [isinstance(each, Retry) and each.out for each in outcomes] == [False] * 19 + [True] * 3
    said = f"127.0.0.1:{server.port} puts off one message after the other: 451 4.7.1 Try again later"
    assert outcomes[-1] == Retry(said, out=True)
    server.answers["RCPT"] = "250 OK"
    assert smtp.send(to("ana")) == Accepted()
    server.answers["RCPT"] = "451 4.7.1 Try again later"
    assert smtp.send(to("bea")) == Retry("451 4.7.1 Try again later")


def test_a_stale_connection_is_made_again(server: MailServer) -> None:
    smtp = channel(server.port)
    assert smtp.send(to("ana")) == Accepted()
    server.hang_up()
    assert smtp.send(to("bea")) == Accepted()
    assert len(server.received) == 2


def test_a_server_that_has_enough_of_a_session_is_called_again(server: MailServer) -> None:
    server.answers["MAIL"] = ["250 OK", "421 4.7.0 Too many messages in this session"]
    smtp = channel(server.port)
    assert [smtp.send(to("ana")), smtp.send(to("bea"))] == [Accepted()] * 2
    assert len(server.sessions) == 2


# --- what became of it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        ("RCPT", "450 4.2.1 Mailbox busy", Retry("450 4.2.1 Mailbox busy")),
        ("RCPT", "550 nobody here", Refused("550 nobody here", None)),
        ("DATA", "554 5.6.0 Spam", Refused("554 5.6.0 Spam", "5.6.0")),
        ("DATA", "451 4.3.0 Try later", Retry("451 4.3.0 Try later")),
        ("DATA", "421 4.3.2 Going down", Retry("421 4.3.2 Going down", out=True)),
        ("MAIL", "552 5.3.4 Too large", Refused("552 5.3.4 Too large", "5.3.4")),
        ("MAIL", "451 4.3.0 Later", Retry("451 4.3.0 Later")),
    ],
)
def test_answers_are_outcomes(server: MailServer, command: str, answer: str, outcome: object) -> None:
    server.answers[command] = [answer]
    smtp = channel(server.port)
    assert smtp.send(to("ana")) == outcome
    assert smtp.send(to("bea")) == Accepted()


def test_what_is_larger_than_the_server_takes_is_refused(server: MailServer) -> None:
    smtp = channel(server.port)
    outcome = smtp.send(replace(HELLO, text=("x" * 70 + "\n") * 500_000))
    assert outcome == Refused("5.3.4 larger than the 33,554,432 bytes that the server takes", "5.3.4")
    assert smtp.send(HELLO) == Accepted()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("MAIL", "421 4.3.2 Closing"),
        ("RCPT", "421 4.3.2 Closing"),
        ("MAIL", "550 5.7.1 You may not send as this"),
        ("MAIL", "530 5.7.0 Authentication required"),
    ],
)
def test_what_would_meet_every_message_refuses_none(server: MailServer, command: str, answer: str) -> None:
    server.answers[command] = answer
    outcome = channel(server.port).send(to("ana"))
    assert isinstance(outcome, Retry)
    assert outcome.out
    assert answer in outcome.why


def test_lost_before_the_final_dot_is_tried_again(server: MailServer) -> None:
    server.answers["RCPT"] = [HANG_UP]
    smtp = channel(server.port)
    assert smtp.send(to("ana")) == Retry("the connection was lost: the server hung up")
    assert smtp.send(to("ana")) == Accepted()
    assert len(server.received) == 1


def test_lost_after_the_final_dot_is_unknown(server: MailServer) -> None:
    server.answers["DATA"] = [HANG_UP]
    smtp = channel(server.port)
    assert smtp.send(to("ana")) == Unknown("no answer after the message had been sent: the server hung up")
    assert smtp.send(to("bea")) == Accepted()
    assert [mail.recipient for mail in server.received] == ["ana@example.com", "bea@example.com"]


def test_silence_after_the_final_dot_is_unknown(server: MailServer) -> None:
    server.answers["DATA"] = [SILENCE]
    outcome = channel(server.port, last_patience=0.3).send(to("ana"))
    assert outcome == Unknown("no answer after the message had been sent: no answer in time")


def test_silence_before_is_not(server: MailServer) -> None:
    server.answers["RCPT"] = [SILENCE]
    assert channel(server.port, patience=0.3).send(to("ana")) == Retry("the connection was lost: no answer in time")
    assert server.received == []


def test_no_server_and_then_one() -> None:
    port = free_port()
    smtp = channel(port)
    outcome = smtp.send(to("ana"))
    assert outcome == Retry(f"127.0.0.1:{port} can not be used: connection refused", out=True)
    with mail_server(port=port) as running:
        assert smtp.send(to("ana")) == Accepted()
        assert len(running.received) == 1


def test_what_dies_in_the_middle_of_the_text_has_not_taken_it() -> None:
    """A server that reads some of it and goes."""

    def serve(client: socket.socket) -> None:
        for answer in (b"250 x", b"250 ok", b"250 ok", b"354 go on"):
            client.recv(1000)
            client.sendall(answer + b"\r\n")
        client.recv(1000)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with scripted(serve) as port:
        outcome = channel(port).send(replace(HELLO, text="x" * 70 + "\n" + ("y" * 70 + "\n") * 200_000))
    assert isinstance(outcome, Retry)


def test_an_answer_nobody_understands_is_unknown() -> None:
    def serve(client: socket.socket) -> None:
        for answer in (b"250 x", b"250 ok", b"250 ok", b"354 go on"):
            client.recv(1000)
            client.sendall(answer + b"\r\n")
        text = b""
        while not text.endswith(b"\r\n.\r\n"):
            text += client.recv(10_000)
        client.sendall(b"all right\r\n")
        client.recv(100)

    with scripted(serve) as port:
        assert isinstance(channel(port).send(HELLO), Unknown)


class scripted:  # noqa: N801 -- a context manager
    """One connection, by hand."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        client, _ = self._listening.accept()
        with client:
            client.sendall(b"220 here\r\n")
            self._serve(client)

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._listening.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)
        self._listening.close()


# --- TLS and login ------------------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_and_login(monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, Path], security: str) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))  # the system's store
    with mail_server(certificate, tls=security == "tls", auth=True) as running:
        smtp = channel(running.port, security=security, user="shop", password="secret")
        assert [smtp.send(to("ana")), smtp.send(to("bea"))] == [Accepted()] * 2
        assert running.logins == [("shop", security == "starttls")]  # once, and after STARTTLS


def test_a_wrong_password_refuses_no_message(monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, Path]) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with mail_server(certificate, auth=True) as running:
        outcome = channel(running.port, security="starttls", user="shop", password="hunter2").send(to("ana"))
        assert isinstance(outcome, Retry)
        assert outcome.out
        assert "refuses the login: 535 5.7.8" in outcome.why
        assert "hunter2" not in repr(outcome)


def test_a_certificate_nobody_vouches_for_is_not_taken(certificate: tuple[Path, Path]) -> None:
    with mail_server(certificate) as running:
        outcome = channel(running.port, security="starttls").send(to("ana"))
        assert isinstance(outcome, Retry)
        assert outcome.out
        assert "has no certificate that can be trusted" in outcome.why
        assert running.received == []


def test_a_certificate_of_another_name_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, certificate: tuple[Path, Path]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with mail_server(certificate) as running:
        outcome = channel(running.port, host="127.0.0.2", security="starttls").send(to("ana"))
        assert isinstance(outcome, Retry)
        assert running.received == []


def test_no_starttls_no_mail(server: MailServer) -> None:
    """Never in the clear because the other side offers nothing better."""
    outcome = channel(server.port, security="starttls").send(to("ana"))
    assert isinstance(outcome, Retry)
    assert outcome.out
    assert "lacks what the settings ask for" in outcome.why
    assert server.received == []


def test_the_password_is_never_shown() -> None:
    assert "secret" not in repr(replace(SmtpSettings("h", SENDER, 25), password="secret"))
