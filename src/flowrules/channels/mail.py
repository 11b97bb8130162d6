"""A message as an e-mail: envelope and bytes, as mail servers and mailbox providers want them.

Takes an outgoing message and whose mail it is; gives a Mail, or UnsendableError where the address is none. Nothing a
customer's data holds can add a line to the head.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from flowrules.channels.base import OutgoingMessage

_LONGEST_LINE = 998
_LONGEST_LOCAL = 64
_LONGEST_WORD = 60
_FOLDED = 76
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_MAILBOX = re.compile(r"(?:([^<>]*)<)?([^<>]+?)(?(1)>)")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f<>,;:()\[\]\\\"]")


class UnsendableError(Exception):
    """`code`: the enhanced status code that says so (RFC 3463)."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose mail it is. `bounces`: the domain that undeliverable mail comes back to, if there is one."""

    address: Address
    reply_to: Address | None = None
    bounces: str | None = None
    unsubscribe_mail: str | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """`data` with CRLF, neither dot-stuffed nor ended."""

    sender: str
    recipient: str
    data: bytes


_BODY = EmailPolicy(linesep="\r\n", max_line_length=_FOLDED, cte_type="7bit")
"""At 76 quoted-printable lines keep to RFC 2045; the library's own 78 does not."""


def write_mail(message: OutgoingMessage, sender: Sender) -> Mail:
    """The head is written here, line by line. The standard library would encode a long URL, which then nobody reads,
    read encoded words out of a customer's name, and lose blanks in a long subject with accents (CPython 3.11).
    """
    to = _address(message.to or "")
    domain = sender.bounces or sender.address.domain
    head = {"From": _shown("From", sender.address), "To": to.addr_spec}
    if sender.reply_to is not None:
        head["Reply-To"] = _shown("Reply-To", sender.reply_to)
    head["Subject"] = _folded("Subject", one_line(message.subject or ""))
    head["Date"] = format_datetime(datetime.fromtimestamp(message.sent_at // 1_000_000, UTC))
    head["Message-ID"] = f"<{message.token}@{domain}>"
    head["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    if message.marketing:
        head |= _list_headers(message, sender)
    data = "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode("ascii") + _body(message)
    back = f"b+{message.token}@{sender.bounces}" if sender.bounces else sender.address.addr_spec
    return Mail(back, to.addr_spec, data)


def _folded(name: str, text: str) -> str:
    # Without blanks a long line of plain letters can not be folded, but encoded it can.
    plain = text.isascii() and "=?" not in text and all(len(word) <= _LONGEST_WORD for word in text.split(" "))
    return Header(text, "us-ascii" if plain else "utf-8", _FOLDED, name).encode(linesep="\r\n")


def _shown(name: str, address: Address) -> str:
    if address.display_name.isascii():
        return str(address)
    return f"{_folded(name, address.display_name)}\r\n <{address.addr_spec}>"


def mailbox(text: str) -> Address | None:
    """`Music Shop <news@example.com>` or the address alone; None: it is none."""
    found = _MAILBOX.fullmatch(text.strip())
    if found is None or _CONTROL.search(text):
        return None
    try:
        address = _address(found[2])
    except UnsendableError:
        return None
    name = (found[1] or "").strip().strip('"')
    return Address(name, address.username, address.domain) if "." in address.domain else None


def _body(message: OutgoingMessage) -> bytes:
    mail = EmailMessage(_BODY)
    # Whatever ends a line ends it as in a mail, or a lone one would be sent as it is.
    text, html = (None if part is None else "\n".join(part.splitlines()) for part in (message.text, message.html))
    if text is not None or html is None:
        mail.set_content((text or "") + "\n", charset="utf-8")
    if html is not None and text is None:
        mail.set_content(html + "\n", subtype="html", charset="utf-8")
    elif html is not None:
        mail.add_alternative(html + "\n", subtype="html", charset="utf-8")
    if "MIME-Version" not in mail:
        mail["MIME-Version"] = "1.0"
    try:
        return mail.as_bytes()
    except (MessageError, ValueError) as failure:
        raise UnsendableError("5.6.0", f"no mail can be made of it ({type(failure).__name__})") from failure


def _list_headers(message: OutgoingMessage, sender: Sender) -> dict[str, str]:
    """RFC 2369, 8058, 2919, and what Gmail's Postmaster Tools group by."""
    domain = sender.address.domain
    ways = []
    if message.unsubscribe_url is not None:
        ways.append(f"<{message.unsubscribe_url}>")
    if sender.unsubscribe_mail is not None:
        local, _, host = sender.unsubscribe_mail.rpartition("@")
        if len(local) + 1 + len(message.unsubscribe_token) <= _LONGEST_LOCAL:
            ways.append(f"<mailto:{local}+{message.unsubscribe_token}@{host}>")
    headers = {}
    if ways:
        headers["List-Unsubscribe"] = ", ".join(ways)
    if message.unsubscribe_url is not None and message.unsubscribe_url.startswith("https:"):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    headers["List-ID"] = f"<{_label(message.purpose)}.{domain}>"
    stream = hashlib.sha256(domain.encode()).hexdigest()[:12]
    headers["Feedback-ID"] = ":".join(map(_label, (message.campaign, message.purpose, message.class_, stream)))
    if any(len(f"{name}: {value}") > _LONGEST_LINE for name, value in headers.items()):
        raise UnsendableError("5.6.0", "the link to unsubscribe is too long for a line of the head")
    return headers


def _label(name: str) -> str:
    """A name of the rules, which may be of any alphabet, as a header can hold it."""
    return name if name.isascii() else name.encode("punycode").decode()


def one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())


def _address(text: str) -> Address:
    """Exactly one, of a form that every server takes; the domain as the name system knows it."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or not domain or _BLANK.search(local) or _BLANK.search(domain) or not all(domain.split(".")):
        raise UnsendableError("5.1.3", "this is no email address")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
        address = Address(username=local, domain=domain)
    except (ValueError, UnicodeError, MessageError) as failure:
        raise UnsendableError("5.1.3", "this is no email address") from failure
    if not local.isascii():
        raise UnsendableError("5.6.7", "an address with other letters than a to z before the @ can not be reached")
    return address
