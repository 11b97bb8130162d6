"""A real SMTP server in a thread: keeps every message as it came over the wire, and answers as it is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HANG_UP, SILENCE = "hang up", "silence"


@dataclass(frozen=True)
class Received:
    sender: str
    recipient: str
    raw: bytes

    @property
    def read(self) -> EmailMessage:
        read = message_from_bytes(self.raw, policy=default)
        assert isinstance(read, EmailMessage)
        return read

    @property
    def lines(self) -> list[bytes]:
        return self.raw.split(b"\r\n")


@dataclass
class MailServer:
    """`answers`: by command, or command and address, such as `RCPT ana@example.com`; once each where a list."""

    port: int
    answers: dict[str, str | list[str]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    transports: list[asyncio.WriteTransport] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)
    pause: float = 0
    """Seconds that each mail takes."""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's names
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if session not in self.sessions:
            self.sessions.append(session)
        if isinstance(server.transport, asyncio.WriteTransport):
            self.transports.append(server.transport)
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = await self._answer(server, "MAIL")
        if answer.startswith("2"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = await self._answer(server, f"RCPT {address}", "RCPT")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        assert len(envelope.rcpt_tos) == 1
        await asyncio.sleep(self.pause)
        self.received.append(Received(envelope.mail_from or "", envelope.rcpt_tos[0], envelope.content))
        return await self._answer(server, "DATA")

    async def _answer(self, server: SMTP, *commands: str) -> str:
        told = next((self.answers[command] for command in commands if command in self.answers), "250 2.0.0 OK")
        answer = told if isinstance(told, str) else told.pop(0) if told else "250 2.0.0 OK"
        if answer == HANG_UP and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        if answer == SILENCE:
            await asyncio.sleep(3600)
        return answer

    def hang_up(self) -> None:
        """On everybody, from another thread, and wait until it is done."""

        async def close() -> None:
            for transport in self.transports:
                transport.abort()
            await asyncio.sleep(0.05)

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(30)

    def login(self, _server: SMTP, session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        right = data == LoginPassword(b"shop", b"secret")
        self.logins.append((data.login.decode(), session.ssl is not None))
        return AuthResult(success=right, handled=False, message=None if right else "535 5.7.8 Wrong password")


@contextmanager
def mail_server(
    certificate: tuple[Path, Path] | None = None,
    *,
    tls: bool = False,
    auth: bool = False,
    port: int = 0,
    kind: type[MailServer] = MailServer,
) -> Iterator[MailServer]:
    """With a certificate it offers STARTTLS, and asks for it; `tls`: from the first byte. kind: which answers."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    server = kind(port or free_port())
    controller = Controller(
        server,
        loop=server.loop,
        hostname="127.0.0.1",
        port=server.port,
        ready_timeout=60,
        server_hostname="mail.example",
        ssl_context=context if tls else None,
        tls_context=None if tls else context,
        require_starttls=context is not None and not tls,
        auth_required=auth and not tls,  # TLS from the first byte is not seen by what asks for it
        auth_require_tls=not tls,
        authenticator=server.login if auth else None,
    )
    controller.start()
    server.sessions.clear()
    try:
        yield server
    finally:
        server.hang_up()
        controller.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
