"""Files as they should be, and a way to damage them: the same number, the same damage."""

from __future__ import annotations

from random import Random

PEOPLE = """id,email,phone,plan,birthday,timezone,country,consent_email
ana,ana@example.com,+34600111222,pro,1990-05-17,Europe/Madrid,ES,yes
bea,bea@bücher.example,600 111 333,"free ""for now"", only",17/05/1990,Mars/Base,,no
"carl
the second",,,,,,,
"""
EVENTS = """event;customer;time;id;amount;category;message;machine
purchase;ana;2026-03-02T10:00:00Z;o-1;1.234,50;music;;
purchase;bea@example.com;02/03/2026;;12,5;"a;b";;
email_opened;ana;2026-03-02 10:00;;;;welcome;yes
email_bounced;+34600111222;20260302;;;;;
unsubscribed;carl;2026-03-02;;;;;
"""
CONSENTS = """customer\tchannel\tpurpose\tstate\ttime\tsource\tip
ana\temail\tmarketing\tgranted\t2026-01-10T09:00:00Z\tform\t192.0.2.1
bea\tall\tall\twithdrawn\t2026-01-10\t\t
"""
LINES = """{"event": "purchase", "customer": "ana", "time": "2026-03-02T10:00:00Z", "properties": {"amount": 12.5}}
{"event": "purchase", "customer": 7, "time": "2026-03-02", "id": "x", "amount": {"amount": "1", "currency": "EUR"}}
{"event": "email_bounced", "customer": "bea", "time": "2026-03-02", "status": "5.1.1", "extra": [1, {"a": null}]}
"""
PADDED = "id     plan   birthday\n00001  pro    1990-05-17\n00002  free   1990-05-18\n"

FILES = (
    ("customers", "people.csv", PEOPLE),
    ("customers", "padded.csv", PADDED),
    ("events", "events.csv", EVENTS),
    ("events", "events.jsonl", LINES),
    ("consents", "consents.csv", CONSENTS),
)

_CODECS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "mac_roman", "utf-7")
_NASTY = (
    *(b'"', b'""', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\0", b"\x1a", b"\\", b" ", b"{", b"[", b"}"),
    *(b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x81", b"\xc3", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8"),
    *(b"=1+1", b"+", b"-", b"@SUM(A1)", b"null", b"NaN", b"Infinity", b"1e999", b"-0", b"9" * 400, b"1" + b",000" * 9),
    *(b"31/02/2026", b"0000-00-00", b"9999-12-31T23:59:59+14:00", b"46115", b"2026-02-30", b"1,234", b"25:61", b"12,"),
    *(b"sep=;\n", b"\\ud800", b"\xc2\xa0", b"\xcc\x81" * 50, b"x" * 140_000, b"[" * 2000, b"id", b"time"),
    *(b'{"a":' * 500,),
    *(b"a@b", b"@", b"a@" + b"b." * 200, b"+" + b"1" * 40, b"Europe/..", b"consent_fax", b"properties", b"message_id"),
)


def damaged(number: int) -> tuple[str, str, bytes]:
    """What it is said to be, its name, its content."""
    dice = Random(number)
    what, name, text = dice.choice(FILES)
    if dice.random() < 0.1:
        what = dice.choice(("customers", "events", "consents"))
    if dice.random() < 0.3:
        text = _of_lines(dice, text)
    content = text.encode(dice.choice(_CODECS), "replace")
    for _ in range(dice.choice((0, 1, 1, 2, 3, 8))):
        content = _of_bytes(dice, content)
    return what, name, content


def _of_lines(dice: Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(5):
        case 0:
            lines[first], lines[second] = lines[second], lines[first]
        case 1:
            lines.insert(first, lines[second])
        case 2:
            del lines[first]
        case 3:
            lines[first] = lines[first].rstrip("\n") + dice.choice((",", ";", "\t", "", ",,,,,,,,,,")) + "\n"
        case _:
            return text.replace(dice.choice(",;\t\n"), dice.choice((",", ";", "\t", "|", " ", "  ", "\r", "\r\n")))
    return "".join(lines)


def _of_bytes(dice: Random, content: bytes) -> bytes:
    at = dice.randrange(len(content) + 1)
    match dice.randrange(6):
        case 0:
            return content[:at] + dice.choice(_NASTY) + content[at:]
        case 1:
            return content[:at] + content[at + dice.randrange(1, 12) :]
        case 2:
            return content[:at] + bytes([dice.randrange(256)]) + content[at + 1 :]
        case 3:
            return content[:at]
        case 4:
            part = content[at : at + dice.randrange(1, 40)]
            return content[:at] + part * dice.randrange(1, 5) + content[at:]
        case _:
            return content[:at] + dice.choice(_NASTY) + content[at + dice.randrange(1, 12) :]
