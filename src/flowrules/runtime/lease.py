"""Who schedules: one process leads, the others stand by until its lease has run out.

Takes a database, a name and the instant now. A lease spares work and noise; that nothing is decided or sent twice does
not depend on it.
"""

from __future__ import annotations

import os
import secrets
import socket

from sqlalchemy import delete, insert, select, text

from flowrules.sql.tables import scheduler
from flowrules.store.database import ADVISORY, Database

_LOCK = ADVISORY + 3


def new_owner() -> str:
    """Machine and process; the rest because containers may be equal in both."""
    return f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}"


def renew(database: Database, owner: str, now: int, lasting: int) -> bool:
    """Say that `owner` is there for `lasting` microseconds more; True: it leads."""
    with database.write("READ COMMITTED") as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(delete(scheduler).where(scheduler.c.expires_at <= now))
        rows = {row.owner: row for row in connection.execute(select(scheduler))}
        leads = all(name == owner for name, row in rows.items() if row.leads)
        since = rows[owner].since if owner in rows and bool(rows[owner].leads) == leads else now
        connection.execute(delete(scheduler).where(scheduler.c.owner == owner))
        connection.execute(
            insert(scheduler).values(owner=owner, leads=int(leads), since=since, expires_at=now + lasting)
        )
    return leads


def release(database: Database, owner: str) -> None:
    with database.write("READ COMMITTED") as connection:
        connection.execute(delete(scheduler).where(scheduler.c.owner == owner))
