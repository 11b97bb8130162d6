"""What Alembic runs around the revisions: on the connection it is given, in the transaction that is open there."""

from __future__ import annotations

from alembic import context

from flowrules.store.revisions import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
