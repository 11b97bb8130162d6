"""Keyed hashes: what must be known again, but read by nobody, such as an address of somebody who was erased.

Takes a connection for the workspace's salt, which is the key. Never gives back what went in.
"""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy import Connection, select

from flowrules.sql import tables


def secret(connection: Connection) -> bytes:
    workspace = tables.workspace.c
    salt: str = connection.execute(select(workspace.value).where(workspace.key == "salt")).scalar_one()
    return salt.encode()


def keyed(secret: bytes, text: str) -> str:
    return hmac.digest(secret, text.encode(), hashlib.sha256).hex()
