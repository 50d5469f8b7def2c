"""Idempotency-Key: the same key with the same request answers what the first one made."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from invoice_service.errors import N_, InvalidInput
from invoice_service.store import idempotency

# Whoever repeats a key gets what its first user made, so a key must not be guessable.
MIN_LENGTH = 16


class BadIdempotencyKey(InvalidInput):
    code = "idempotency.bad_key"
    message = N_("An Idempotency-Key has 16 to 200 printable characters; a UUID will do.")


def once(
    connection: Connection, scope: str, key: str, request: list[Any], result: str, now: datetime
) -> str | None:
    """Keep `result` under the key, or answer what an earlier request kept there.

    Raises BadIdempotencyKey, and KeyReused if the earlier request was another.
    """
    if not (MIN_LENGTH <= len(key) <= 200 and key.isprintable()):
        raise BadIdempotencyKey
    request_hash = hashlib.sha256(json.dumps(request).encode()).digest()
    return idempotency.remember(connection, scope, key, request_hash, result, now)
