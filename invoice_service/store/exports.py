"""Exports in the background: what was wanted, how far it is, and the file so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, delete, insert, text, update

from invoice_service.store.export_tables import export_chunks, exports

_COLUMNS = """
    e.id, e.account_id, e.market_id, e.wanted, e.lang, e.reason, e.state, e.rows_done, e.rows_total, e.chunks,
    e.cursor, e.created_at, e.done_at, m.code AS market_code, m.region, m.name_zh, m.name_en, m.address
"""
_ONE = text(f"""
    SELECT {_COLUMNS} FROM exports AS e JOIN markets AS m ON m.id = e.market_id WHERE e.id = :id
""")  # noqa: S608 - our own columns
_OWN = text(f"""
    SELECT {_COLUMNS} FROM exports AS e JOIN markets AS m ON m.id = e.market_id
    WHERE e.account_id = :account_id ORDER BY e.id DESC LIMIT :most
""")  # noqa: S608 - our own columns
_UNFINISHED = text("""
    SELECT count(*) FROM exports WHERE account_id = :account_id AND state IN ('waiting', 'running')
""")
# The least far first, so that a short one does not wait for a year of somebody else's. Whoever is at one is
# not waited for: another settler takes the next.
_NEXT = text("""
    SELECT id, market_id, wanted, lang, rows_done, chunks, cursor FROM exports
    WHERE state IN ('waiting', 'running') AND id <> ALL (CAST(:passed_over AS uuid[]))
    ORDER BY rows_done, id LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_CHUNK = text("SELECT data FROM export_chunks WHERE export_id = :id AND n = :n")
_SIZE = text("SELECT coalesce(sum(octet_length(data)), 0) FROM export_chunks WHERE export_id = :id")
_EXPIRED = text("SELECT id FROM exports WHERE state = 'done' AND done_at <= :before FOR UPDATE SKIP LOCKED")
_LOCK_ACCOUNT = text("SELECT FROM accounts WHERE id = :account_id FOR UPDATE")


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(exports), values)


def unfinished(connection: Connection, account_id: int) -> int:
    """How many; locked against another that is begun at the same time."""
    connection.execute(_LOCK_ACCOUNT, {"account_id": account_id})
    found: int = connection.execute(_UNFINISHED, {"account_id": account_id}).scalar_one()
    return found


def one(connection: Connection, export_id: UUID) -> RowMapping | None:
    return connection.execute(_ONE, {"id": export_id}).mappings().first()


def own(connection: Connection, account_id: int, most: int) -> Sequence[RowMapping]:
    """The newest first."""
    return connection.execute(_OWN, {"account_id": account_id, "most": most}).mappings().all()


def lock_next(connection: Connection, passed_over: Sequence[UUID]) -> RowMapping | None:
    return connection.execute(_NEXT, {"passed_over": list(passed_over)}).mappings().first()


def add_chunk(connection: Connection, export_id: UUID, n: int, data: bytes, then: Mapping[str, Any]) -> None:
    """The next piece of the file, and how far it is now."""
    connection.execute(insert(export_chunks), {"export_id": export_id, "n": n, "data": data})
    connection.execute(update(exports).where(exports.c.id == export_id), {"chunks": n + 1, **then})


def chunk(connection: Connection, export_id: UUID, n: int) -> bytes | None:
    found = connection.execute(_CHUNK, {"id": export_id, "n": n}).scalar()
    return None if found is None else bytes(found)


def size(connection: Connection, export_id: UUID) -> int:
    """Bytes of the whole file."""
    return int(connection.execute(_SIZE, {"id": export_id}).scalar_one())


def remove(connection: Connection, export_id: UUID) -> None:
    connection.execute(delete(exports).where(exports.c.id == export_id))


def expire(connection: Connection, before: datetime) -> int:
    """Files that were done before an instant go; that they were made stays. Answers how many."""
    ids: Iterator[UUID] = connection.execute(_EXPIRED, {"before": before}).scalars()
    gone = list(ids)
    connection.execute(delete(export_chunks).where(export_chunks.c.export_id.in_(gone)))
    connection.execute(update(exports).where(exports.c.id.in_(gone)), {"state": "expired"})
    return len(gone)
