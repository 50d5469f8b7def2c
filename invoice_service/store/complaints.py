"""Complaints about stalls and what was answered to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, insert, text

from invoice_service.store.complaint_tables import complaint_answers, complaints

_COLUMNS = """
    c.id, c.market_id, c.vendor_id, c.kind, c.words, c.created_at, c.answered_at, s.code AS stall_code,
    s.name_zh AS stall_zh, s.name_en AS stall_en, s.place_zh, s.place_en, m.code AS market_code, m.region,
    m.name_zh AS market_zh, m.name_en AS market_en, v.name_zh AS vendor_zh, v.name_en AS vendor_en
"""
_FROM = """
    FROM complaints AS c
    JOIN stalls AS s ON s.id = c.stall_id
    JOIN markets AS m ON m.id = c.market_id
    LEFT JOIN vendors AS v ON v.id = c.vendor_id
"""
_BY_ID = text(f"SELECT {_COLUMNS} {_FROM} WHERE c.id = :id")
_BY_TOKEN = text(f"SELECT {_COLUMNS} {_FROM} WHERE c.token_hash = :token_hash")
_ANSWERS = text("""
    SELECT office, who, words, at FROM complaint_answers WHERE complaint_id = :id ORDER BY id
""")
_LOCK = text("SELECT FROM complaints WHERE id = :id FOR UPDATE")
_ANSWERED = text("UPDATE complaints SET answered_at = coalesce(answered_at, :at) WHERE id = :id")
_WAITING = text("SELECT count(*) FROM complaints WHERE market_id = :market_id AND answered_at IS NULL")
# What a list may be narrowed by: a value picks a clause that stands here, and goes in as a parameter.
_FILTERS = {
    "market_id": "c.market_id = :market_id",
    "region": "m.region LIKE :region || '%'",
    "waiting": "c.answered_at IS NULL",
    "answered": "c.answered_at IS NOT NULL",
    "after": "c.id < :after",
}


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(complaints), values)


def by_id(connection: Connection, complaint_id: UUID) -> RowMapping | None:
    return connection.execute(_BY_ID, {"id": complaint_id}).mappings().first()


def by_token(connection: Connection, token_hash: bytes) -> RowMapping | None:
    return connection.execute(_BY_TOKEN, {"token_hash": token_hash}).mappings().first()


def answers(connection: Connection, complaint_id: UUID) -> Sequence[RowMapping]:
    return connection.execute(_ANSWERS, {"id": complaint_id}).mappings().all()


def listed(connection: Connection, wanted: Mapping[str, object], *, limit: int) -> Sequence[RowMapping]:
    """The newest that fit; `wanted` has some of the keys of _FILTERS."""
    narrowed = " AND ".join(clause for name, clause in _FILTERS.items() if name in wanted)
    statement = f"SELECT {_COLUMNS} {_FROM} WHERE {narrowed} ORDER BY c.id DESC LIMIT :limit"
    return connection.execute(text(statement), {**wanted, "limit": limit}).mappings().all()


def waiting(connection: Connection, market_id: int) -> int:
    """How many nobody has answered."""
    found: int = connection.execute(_WAITING, {"market_id": market_id}).scalar_one()
    return found


def answer(connection: Connection, complaint_id: UUID, values: Mapping[str, Any]) -> None:
    """Two answers at once stand one after the other."""
    connection.execute(_LOCK, {"id": complaint_id})
    connection.execute(insert(complaint_answers), {"complaint_id": complaint_id, **values})
    connection.execute(_ANSWERED, {"id": complaint_id, "at": values["at"]})
