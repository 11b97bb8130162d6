"""The bytes of an e-mail, as a server received them and as a mail program reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowrules.channels.base import Accepted, OutgoingMessage
from flowrules.channels.mail import Sender, UnsendableError, mailbox, write_mail
from flowrules.channels.smtp import SmtpChannel, SmtpSettings
from tests.channels.test_smtp import HELLO, SENDER
from tests.support.mailserver import MailServer, Received, mail_server


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def received(server: MailServer, message: OutgoingMessage, sender: Sender = SENDER) -> Received:
    assert SmtpChannel(SmtpSettings("127.0.0.1", sender, server.port, "none")).send(message) == Accepted()
    return server.received[-1]


def test_marketing_mail_has_all_that_providers_ask_for(server: MailServer) -> None:
    mail = received(server, replace(HELLO, html="<p>Hello Ana</p>"))
    assert (mail.sender, mail.recipient) == (f"b+{HELLO.token}@bounces.example.com", "ana@example.com")
    head = dict(mail.read.items())
    assert head["From"] == "Music Shop <news@example.com>"
    assert head["To"] == "ana@example.com"
    assert head["Date"] == "Mon, 02 Mar 2026 09:00:00 +0000"
    assert head["Message-ID"] == f"<{HELLO.token}@bounces.example.com>"
    assert head["Auto-Submitted"] == "auto-generated"
    assert head["List-Unsubscribe"] == (
        f"<{HELLO.unsubscribe_url}>, <mailto:unsubscribe+{HELLO.unsubscribe_token}@example.com>"
    )
    assert head["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert head["List-ID"] == "<marketing.example.com>"
    assert re.fullmatch("welcome:marketing:marketing:[0-9a-f]{5,15}", head["Feedback-ID"])
    assert "Bcc" not in head
    assert mail.read.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in mail.read.iter_parts()]
    assert kinds == ["text/plain", "text/html"]  # the best last, RFC 2046


def test_service_mail_has_no_way_out(server: MailServer) -> None:
    head = dict(received(server, replace(HELLO, marketing=False)).read.items())
    assert not [name for name in head if name.startswith(("List-", "Feedback"))]
    assert head["Auto-Submitted"] == "auto-generated"


def test_a_long_link_is_neither_encoded_nor_folded(server: MailServer) -> None:
    url = "https://example.com/u/" + "x" * 200
    mail = received(server, replace(HELLO, unsubscribe_url=url))
    (line,) = [line for line in mail.lines if line.startswith(b"List-Unsubscribe:")]
    assert f"<{url}>".encode() in line


def test_one_click_needs_https(server: MailServer) -> None:
    mail = received(server, replace(HELLO, unsubscribe_url="http://localhost/u/x"))
    assert "List-Unsubscribe-Post" not in mail.read


def test_without_a_link_there_is_the_address(server: MailServer) -> None:
    head = received(server, replace(HELLO, unsubscribe_url=None)).read
    assert head["List-Unsubscribe"] == f"<mailto:unsubscribe+{HELLO.unsubscribe_token}@example.com>"
    assert "List-Unsubscribe-Post" not in head


@pytest.mark.parametrize(
    "text", ["short\n", "é\n", "x" * 1200 + "\n", ".\n..\n.x\n" + "ñ" * 1200 + "\n", "a\r\nb\rc\n"]
)
def test_lines_keep_their_limits_and_nothing_is_lost(server: MailServer, text: str) -> None:
    mail = received(server, replace(HELLO, text=text, html=f"<p>{text}</p>\n"))
    head, _, body = mail.raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")
    plain, html = mail.read.iter_parts()
    assert isinstance(plain, EmailMessage)
    assert isinstance(html, EmailMessage)
    wanted = text.replace("\r\n", "\n").replace("\r", "\n")
    assert plain.get_content().replace("\r\n", "\n") == wanted
    assert wanted in html.get_content().replace("\r\n", "\n")


def test_dots_are_stuffed(server: MailServer) -> None:
    text = ".\n.hidden\n..two\nRCPT TO:<eve@example.com>\n.\n"
    mail = received(server, replace(HELLO, text=text))
    assert mail.read.get_content().replace("\r\n", "\n") == text
    assert server.received[-1].recipient == "ana@example.com"


def test_a_reply_goes_where_the_settings_say(server: MailServer) -> None:
    mail = received(server, HELLO, replace(SENDER, reply_to=mailbox("Service <service@example.com>"), bounces=None))
    assert mail.read["Reply-To"] == "Service <service@example.com>"
    assert mail.sender == "news@example.com"
    assert mail.read["Message-ID"] == f"<{HELLO.token}@example.com>"


# --- whatever the values hold -------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)


def head_of(message: OutgoingMessage, sender: Sender = SENDER) -> list[bytes]:
    return write_mail(message, sender).data.partition(b"\r\n\r\n")[0].split(b"\r\n")


@settings(max_examples=200, deadline=None)
@given(WORDS)
@example("=?utf-8?q?already?= encoded")
@example("=?utf-8?q?=0D=0ABcc:_everybody=40example.com?=")
@example("x" * 900)
@example("ñandú " * 40)
@example("a " * 300 + "ñ")
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    subject = " ".join(subject.split())
    data = write_mail(replace(HELLO, subject=subject), SENDER).data
    assert message_from_bytes(data, policy=default)["Subject"] == subject
    old = message_from_bytes(data)["Subject"].replace("\r\n", "")
    assert str(make_header(decode_header(old))) == subject
    for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if not line.startswith((b"List-", b"Message-ID")):
            assert len(line) <= 78
            assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?.*?\?=", line))


@given(st.sampled_from(["\r\n", "\n", "\r", "\0", "\x0b", "\x85", "\u2028"]), st.sampled_from(["subject", "to"]))
def test_nobody_adds_a_line_to_the_head(break_: str, where: str) -> None:
    evil = f"ana@example.com{break_}Bcc: everybody@example.com{break_}{break_}<html>"
    try:
        lines = head_of(replace(HELLO, **{where: evil}))  # type: ignore[arg-type]
    except UnsendableError:
        assert where == "to"
        return
    names = [line.partition(b":")[0] for line in lines if not line.startswith(b" ")]
    assert b"Bcc" not in names
    assert names == [line.partition(b":")[0] for line in head_of(HELLO) if not line.startswith(b" ")]


@pytest.mark.parametrize("name", ["Ñandú, S.A.", "The “Shop”", 'A "quoted" name', "x" * 60, "ñ" * 80, "Müller <x>"[:6]])
def test_a_senders_name_is_read_as_it_was_written(name: str) -> None:
    address = mailbox(f"{name} <news@example.com>")
    assert address is not None
    data = write_mail(HELLO, Sender(address)).data
    shown, _, address_ = message_from_bytes(data)["From"].replace("\r\n", "").rpartition(" ")
    assert str(make_header(decode_header(shown))).strip('"').replace("\\", "") == name
    assert address_ == "<news@example.com>"
    assert len(message_from_bytes(data, policy=default)["From"].addresses) == 1


@pytest.mark.parametrize(
    ("given_", "sent_to"),
    [("ana@example.com", "ana@example.com"), (" ana@example.com ", "ana@example.com"),
     ("ana+news@exämple.com", "ana+news@xn--exmple-cua.com"), ("Ana@Example.com", "Ana@Example.com")],
)  # fmt: skip
def test_addresses(given_: str, sent_to: str) -> None:
    assert write_mail(replace(HELLO, to=given_), SENDER).recipient == sent_to


@pytest.mark.parametrize(
    ("given_", "code"),
    [("", "5.1.3"), ("ana", "5.1.3"), ("@example.com", "5.1.3"), ("ana@", "5.1.3"), ("ana@a@b.com,eve@b.com", "5.1.3"),
     ("ana@example.com>", "5.1.3"), ("<ana@example.com", "5.1.3"), ("a na@example.com", "5.1.3"),
     ("a@b..com", "5.1.3"), ("ñana@example.com", "5.6.7")],
)  # fmt: skip
def test_what_is_no_address_is_refused(given_: str, code: str) -> None:
    with pytest.raises(UnsendableError) as refused:
        write_mail(replace(HELLO, to=given_), SENDER)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "text", ["", "ACME", "a@b", "a@b.c, d@e.f", "<a@b.c", "a@b.c>", "x\r\nBcc: y@z.w", "ñ@example.com"]
)
def test_what_is_no_sender(text: str) -> None:
    assert mailbox(text) is None
