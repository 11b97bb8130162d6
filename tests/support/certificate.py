"""A certificate for `localhost`, made on the spot: no key lies in the repository, no program need be installed.

RSA in plain numbers and DER by hand (RFC 5280, 8017): good enough to be verified, not to be relied on.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import encodebytes
from functools import cache
from pathlib import Path

_EXPONENT = 65537
_RSA = "1.2.840.113549.1.1.1"
_SHA256_RSA = "1.2.840.113549.1.1.11"
_SHA256 = "2.16.840.1.101.3.4.2.1"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate (its own authority) and key, as PEM files."""
    certificate, key = folder / "localhost.pem", folder / "localhost.key"
    made, private = _made()
    certificate.write_text(_pem("CERTIFICATE", made))
    key.write_text(_pem("RSA PRIVATE KEY", private))
    return certificate, key


@cache
def _made() -> tuple[bytes, bytes]:
    p, q = _prime(1024), _prime(1024)
    n, d = p * q, pow(_EXPONENT, -1, (p - 1) * (q - 1))
    private = _sequence(*map(_integer, (0, n, _EXPONENT, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))
    public = _sequence(_integer(n), _integer(_EXPONENT))
    algorithm = _sequence(_oid(_SHA256_RSA), b"\x05\x00")
    name = _sequence(_der(0x31, _sequence(_oid("2.5.4.3"), _der(0x0C, b"localhost"))))
    extensions = _sequence(
        _extension("2.5.29.19", _sequence(b"\x01\x01\xff"), critical=True),  # may sign: itself
        _extension("2.5.29.15", b"\x03\x02\x02\xa4", critical=True),  # signatures, key exchange, certificates
        _extension("2.5.29.14", _der(0x04, hashlib.sha1(public, usedforsecurity=False).digest())),
        _extension("2.5.29.17", _sequence(_der(0x82, b"localhost"), _der(0x87, bytes([127, 0, 0, 1])))),
    )
    body = _sequence(
        _der(0xA0, _integer(2)),
        _integer(secrets.randbits(63) | 1),
        algorithm,
        name,
        _sequence(_der(0x17, b"200101000000Z"), _der(0x17, b"491231235959Z")),
        name,
        _sequence(_sequence(_oid(_RSA), b"\x05\x00"), _bits(public)),
        _der(0xA3, extensions),
    )
    digest = _sequence(_sequence(_oid(_SHA256), b"\x05\x00"), _der(0x04, hashlib.sha256(body).digest()))
    padded = b"\x00\x01" + b"\xff" * (256 - 3 - len(digest)) + b"\x00" + digest
    signature = pow(int.from_bytes(padded), d, n).to_bytes(256)
    return _sequence(body, algorithm, _bits(signature)), private


def _prime(bits: int) -> int:
    while True:
        candidate = secrets.randbits(bits) | (3 << bits - 2) | 1
        likely = candidate % _EXPONENT != 1 and all(candidate % each for each in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31))
        if likely and all(_passes(candidate, secrets.randbelow(candidate - 3) + 2) for _ in range(10)):
            return candidate


def _passes(number: int, base: int) -> bool:
    """Miller and Rabin."""
    twos = (number - 1 & 1 - number).bit_length() - 1
    power = pow(base, number - 1 >> twos, number)
    if power in {1, number - 1}:
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 128 | len(length)]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _der(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _bits(content: bytes) -> bytes:
    return _der(0x03, b"\x00" + content)


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray([first * 40 + second])
    for number in rest:
        groups = [number & 127]
        while number := number >> 7:
            groups.append(number & 127 | 128)
        content += bytes(reversed(groups))
    return _der(0x06, bytes(content))


def _extension(oid: str, content: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_oid(oid), b"\x01\x01\xff" if critical else b"", _der(0x04, content))


def _pem(kind: str, der: bytes) -> str:
    return f"-----BEGIN {kind}-----\n{encodebytes(der).decode()}-----END {kind}-----\n"
