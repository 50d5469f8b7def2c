"""Idempotency keys: a request that is sent again finds what the first one made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.errors import N_, Error
from invoice_service.store.tables import idempotency_keys


class KeyReused(Error):
    code = "idempotency.key_reused"
    message = N_("This Idempotency-Key was already used for another request.")
    status = 409


def remember(
    connection: Connection, scope: str, key: str, request_hash: bytes, result: str, now: datetime
) -> str | None:
    """Keep `result` under the key, in the unit that makes it true; or answer what was kept before.

    A parallel request with the same key waits here for the first one's commit. Raises KeyReused.
    """
    added = connection.execute(
        upsert(idempotency_keys).on_conflict_do_nothing().returning(idempotency_keys.c.key),
        {"scope": scope, "key": key, "request_hash": request_hash, "result": result, "created_at": now},
    ).first()
    if added:
        return None
    kept = connection.execute(
        select(idempotency_keys.c.request_hash, idempotency_keys.c.result).where(
            idempotency_keys.c.scope == scope, idempotency_keys.c.key == key
        )
    ).one()
    if kept.request_hash != request_hash:
        raise KeyReused
    return kept.result
