"""Alembic's entry: migrations run on the connection that `migrate.py` hands over."""

from __future__ import annotations

from alembic import context

from invoice_service.store import tables  # noqa: F401 - declares every table
from invoice_service.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
