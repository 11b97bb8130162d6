"""What all contestants share of a database: its settings, and how the driver is given its URL."""

from __future__ import annotations

from sqlalchemy import make_url

# The engine's own, so that nobody is faster or slower for other settings.
SQLITE_SETTINGS = (
    "PRAGMA page_size=8192",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA cache_size=-64000",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA wal_autocheckpoint=40000",
)


def driver_url(url: str) -> str:
    """The URL as psycopg itself takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
