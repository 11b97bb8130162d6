"""E-mail by SMTP: one connection for many messages, one recipient each.

What the server says is the answer. Where it says nothing: before the final dot of a message it was not taken, after
it nobody knows. The connection may go stale between messages and is then made again; it is never less safe than the
settings ask for. A refused sender, login or certificate is not the message's fault: nothing is refused for it.
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from flowrules.channels.base import Accepted, Outcome, OutgoingMessage, Refused, Retry, Unknown
from flowrules.channels.mail import Mail, Sender, UnsendableError, write_mail

Security = Literal["starttls", "tls", "none"]
PORTS: Mapping[Security, int] = {"starttls": 587, "tls": 465, "none": 25}

_CLOSING, _NO_LOGIN = 421, 530
_CLASS = 100
_TOO_LARGE = re.compile(r"^5\.3\.4$|^5\.2\.3$")
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_LINE_START = re.compile(rb"^\.", re.MULTILINE)
_LONGEST_WORDS = 300
_FAREWELL = 2
"""Seconds; who does not answer to QUIT has all messages already."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """`patience`: seconds for an answer; after the final dot ten minutes, as RFC 5321 asks: sooner is in doubt."""

    host: str
    sender: Sender
    port: int
    security: Security = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    patience: float = 60
    last_patience: float = 600


_IN_A_ROW = 20
"""Put off one after the other; from then on one at a time, until one is taken or refused."""


class _LostError(Exception):
    """The connection is of no use any more; nothing of the message was taken."""

    def __init__(self, outcome: Retry) -> None:
        super().__init__(outcome.why)
        self.outcome = outcome


class SmtpChannel:
    together = 1
    """Whatever happens, one message at most is in doubt."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None
        self._put_off = 0

    def send(self, message: OutgoingMessage) -> Outcome:
        """A server that puts off one message after the other is left alone: the others keep their attempts."""
        outcome = self._send(message)
        self._put_off = self._put_off + 1 if isinstance(outcome, Retry) else 0
        if isinstance(outcome, Retry) and not outcome.out and self._put_off >= _IN_A_ROW:
            return Retry(self._named(f"puts off one message after the other: {outcome.why}"), out=True)
        return outcome

    def _send(self, message: OutgoingMessage) -> Outcome:
        try:
            mail = write_mail(message, self._settings.sender)
        except UnsendableError as failure:
            return Refused(f"{failure.code} {failure.why}", failure.code)
        for reused in (True, False) if self._server is not None else (False,):
            try:
                return self._hand_over(self._server or self._connect(), mail)
            except _LostError as lost:
                self._close()
                if not reused:
                    return lost.outcome
        raise AssertionError  # the last round always returns

    def flush(self) -> None:
        pass  # the server's answer was the outcome

    def settle(self, keys: Collection[str]) -> Mapping[str, Outcome]:
        del keys  # a mail server does not say what it took from whom
        return {}

    def __del__(self) -> None:
        self._close(politely=True)

    # --- one message ----------------------------------------------------------------------------------

    def _hand_over(self, server: smtplib.SMTP, mail: Mail) -> Outcome:
        size = server.esmtp_features.get("size", "")
        if size.isdecimal() and 0 < int(size) < len(mail.data):
            return Refused(f"5.3.4 larger than the {int(size):,} bytes that the server takes", "5.3.4")
        try:
            refused = (
                self._refused(*server.mail(mail.sender), 200, of_sender=True)
                or self._refused(*server.rcpt(mail.recipient), 200)
                or self._refused(*server.docmd("DATA"), 300)
            )
            if refused is not None:
                self._begin_anew(server)
                return refused
            # Without the dot: as long as it has not left, the server must not take the message.
            server.send(_LINE_START.sub(b"..", mail.data))
        except (OSError, smtplib.SMTPException) as failure:
            raise _LostError(Retry(f"the connection was lost: {_words(failure)}")) from failure
        try:
            if server.sock is not None:
                server.sock.settimeout(self._settings.last_patience)
            server.send(b".\r\n")
            code, text = server.getreply()
            if server.sock is not None:
                server.sock.settimeout(self._settings.patience)
        except (OSError, smtplib.SMTPException) as failure:
            self._close()
            return Unknown(f"no answer after the message had been sent: {_words(failure)}")
        if code // _CLASS not in {2, 4, 5}:  # whatever talks there, it has the text
            self._close()
            return Unknown(f"an answer nobody understands: {_said(code, text)}")
        if code == _CLOSING:
            self._close()
        return _outcome(code, text, _CLASS * 2) or Accepted()

    def _refused(self, code: int, text: bytes, wanted: int, *, of_sender: bool = False) -> Outcome | None:
        if code in {_CLOSING, _NO_LOGIN, -1}:
            raise _LostError(Retry(self._named(_said(code, text)), out=True))
        outcome = _outcome(code, text, wanted)
        if of_sender and isinstance(outcome, Refused) and not _TOO_LARGE.match(outcome.code or ""):
            # The settings' fault: it would be said of every message.
            return Retry(self._named(f"refuses the sender: {outcome.why}"), out=True)
        return outcome

    def _begin_anew(self, server: smtplib.SMTP) -> None:
        """What was refused must not touch the next message."""
        try:
            code, _ = server.rset()
        except (OSError, smtplib.SMTPException):
            code = -1
        if code != 250:  # noqa: PLR2004 -- RFC 5321: done
            self._close()

    # --- the connection -------------------------------------------------------------------------------

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        where = (settings.host, settings.port)
        server: smtplib.SMTP | None = None
        try:
            context = ssl.create_default_context()
            if settings.security == "tls":
                server = smtplib.SMTP_SSL(*where, timeout=settings.patience, context=context)
            else:
                server = smtplib.SMTP(*where, timeout=settings.patience)
            if settings.security == "starttls":
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if settings.user is not None:
                server.login(settings.user, settings.password or "")
        except (OSError, smtplib.SMTPException) as failure:
            _drop(server)
            raise _LostError(Retry(self._named(_why(failure)), out=True)) from failure
        self._server = server
        return server

    def _named(self, words: str) -> str:
        return f"{self._settings.host}:{self._settings.port} {words}"

    def _close(self, *, politely: bool = False) -> None:
        server, self._server = getattr(self, "_server", None), None
        if politely and server is not None:
            with suppress(OSError, smtplib.SMTPException):
                if server.sock is not None:
                    server.sock.settimeout(_FAREWELL)
                server.quit()
        _drop(server)


def _drop(server: smtplib.SMTP | None) -> None:
    """At once and without QUIT, which in the middle of a text would belong to it."""
    if server is not None:
        server.close()


def _why(failure: Exception) -> str:
    """No connection can be made."""
    match failure:
        case smtplib.SMTPAuthenticationError():
            return f"refuses the login: {_words(failure)}"
        case ssl.SSLCertVerificationError():
            return f"has no certificate that can be trusted: {_clean(failure.verify_message)}"
        case smtplib.SMTPNotSupportedError():
            return f"lacks what the settings ask for: {_words(failure)}"
        case _:
            return f"can not be used: {_words(failure)}"


def _outcome(code: int, text: bytes, wanted: int) -> Outcome | None:
    """None: as wanted."""
    if wanted <= code < wanted + _CLASS:
        return None
    words = _said(code, text)
    if code // _CLASS == 5:  # noqa: PLR2004 -- RFC 5321, 4.2.1
        enhanced = _ENHANCED.search(words)
        return Refused(words, enhanced[1] if enhanced else None)
    return Retry(words, out=code == _CLOSING)


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return _clean(f"{code} {words}" if code > 0 else words or "it hung up")


def _words(failure: Exception) -> str:
    if isinstance(failure, TimeoutError) or "timed out" in str(failure):
        return "no answer in time"
    if isinstance(failure, smtplib.SMTPServerDisconnected):
        return "the server hung up"
    if isinstance(failure, smtplib.SMTPResponseException):
        return _said(failure.smtp_code, failure.smtp_error)
    if isinstance(failure, OSError) and failure.strerror:
        return _clean(failure.strerror.lower())
    return _clean(str(failure) or type(failure).__name__)


def _clean(words: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())[:_LONGEST_WORDS]
