"""Ceilings on what vendors invoice in a month, what was invoiced of them, and what vendors asked for.

Whoever issues under a ceiling, changes it or answers about it locks its row first: so they stand in one line,
vendor by vendor, and nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from invoice_service.domain.allowance import Allowance
from invoice_service.domain.period import Period
from invoice_service.store.allowance_tables import allowance_requests, allowances

# A sum over one index, of what `store.rollups` writes with each invoice.
_USED = """
    (SELECT coalesce(sum(h.invoiced_fen), 0)::bigint FROM vendor_hours AS h
     WHERE h.vendor_id = {vendor_id} AND h.hour >= :begins AND h.hour < :ends) AS used_fen
"""
_LOCK = text("SELECT ceiling_fen FROM allowances WHERE vendor_id = :vendor_id FOR UPDATE")
_USED_BY = text(f"SELECT {_USED.format(vendor_id=':vendor_id')}")
_ONE = text(f"""
    SELECT a.ceiling_fen, a.set_at, a.reason, {_USED.format(vendor_id="a.vendor_id")},
           r.asked_fen, r.words, r.created_at, r.answered_at, r.answer, r.granted_fen
    FROM allowances AS a
    LEFT JOIN LATERAL (SELECT * FROM allowance_requests
                       WHERE vendor_id = a.vendor_id ORDER BY id DESC LIMIT 1) AS r ON TRUE
    WHERE a.vendor_id = :vendor_id
""")  # noqa: S608 - our own columns
_REQUEST = f"""
    SELECT r.id, r.vendor_id, r.asked_fen, r.words, r.created_at, r.answered_at, r.answer, r.granted_fen,
           v.name_zh, v.name_en, r.market_id, m.code AS market_code, m.name_zh AS market_zh,
           m.name_en AS market_en, m.region, a.ceiling_fen, {_USED.format(vendor_id="r.vendor_id")}
    FROM allowance_requests AS r
    JOIN vendors AS v ON v.id = r.vendor_id
    JOIN markets AS m ON m.id = r.market_id
    LEFT JOIN allowances AS a ON a.vendor_id = r.vendor_id
"""  # noqa: S608 - our own columns
_REQUEST_BY_ID = text(f"{_REQUEST} WHERE r.id = :id")
_OPEN_REQUESTS = text(f"""
    {_REQUEST} WHERE r.answered_at IS NULL AND m.region LIKE :region || '%' AND r.id > :after
    ORDER BY r.id LIMIT :limit
""")
_WAITING = text("""
    SELECT count(*) FROM allowance_requests AS r JOIN markets AS m ON m.id = r.market_id
    WHERE r.answered_at IS NULL AND m.region LIKE :region || '%'
""")
_IS_OPEN = text("SELECT FROM allowance_requests WHERE id = :id AND answered_at IS NULL")
_ANSWER = text("""
    UPDATE allowance_requests
    SET answered_at = :at, answered_by = :by, answer = :answer, granted_fen = :granted_fen
    WHERE vendor_id = :vendor_id AND answered_at IS NULL
""")


def has_one(vendor_id: Any) -> Any:
    """Whether a vendor has a ceiling, as part of another statement."""
    return select(allowances.c.vendor_id).where(allowances.c.vendor_id == vendor_id).exists()


def lock(connection: Connection, vendor_id: int) -> int | None:
    """The ceiling in fen, locked until the unit of work ends; None where there is none."""
    found: int | None = connection.execute(_LOCK, {"vendor_id": vendor_id}).scalar()
    return found


def of_month(connection: Connection, vendor_id: int, ceiling_fen: int, month: Period) -> Allowance:
    """After `lock`, and by a statement of its own: it sees what those before us in the line committed."""
    used_fen = connection.execute(_USED_BY, {"vendor_id": vendor_id} | _span(month)).scalar_one()
    return Allowance(month, ceiling_fen, used_fen)


def put(connection: Connection, values: Mapping[str, Any]) -> None:
    """Set a ceiling, or change it."""
    statement = insert(allowances).values(values)
    changed = {name: statement.excluded[name] for name in ("ceiling_fen", "set_by", "set_at", "reason")}
    connection.execute(statement.on_conflict_do_update(index_elements=["vendor_id"], set_=changed))


def remove(connection: Connection, vendor_id: int) -> None:
    connection.execute(delete(allowances).where(allowances.c.vendor_id == vendor_id))


def by_vendor(connection: Connection, vendor_id: int, month: Period) -> RowMapping | None:
    """A ceiling with what is used of it, and the vendor's last request; None where there is no ceiling."""
    return connection.execute(_ONE, {"vendor_id": vendor_id} | _span(month)).mappings().first()


def ask(connection: Connection, values: Mapping[str, Any]) -> int | None:
    """The new request's id; None where one is open already."""
    statement = insert(allowance_requests).values(values).on_conflict_do_nothing()
    found: int | None = connection.execute(statement.returning(allowance_requests.c.id)).scalar()
    return found


def request(connection: Connection, request_id: int, month: Period) -> RowMapping | None:
    return connection.execute(_REQUEST_BY_ID, {"id": request_id} | _span(month)).mappings().first()


def open_requests(
    connection: Connection, region: str, month: Period, *, after: int, limit: int
) -> Sequence[RowMapping]:
    """Those of a region, the oldest first."""
    values = {"region": region, "after": after, "limit": limit}
    return connection.execute(_OPEN_REQUESTS, values | _span(month)).mappings().all()


def waiting(connection: Connection, region: str) -> int:
    """How many of a region nobody has answered."""
    found: int = connection.execute(_WAITING, {"region": region}).scalar_one()
    return found


def is_open(connection: Connection, request_id: int) -> bool:
    """After `lock`, nobody else can answer it."""
    return connection.execute(_IS_OPEN, {"id": request_id}).first() is not None


def answer(connection: Connection, vendor_id: int, values: Mapping[str, Any]) -> None:
    """The vendor's open request, if there is one."""
    connection.execute(_ANSWER, {"vendor_id": vendor_id, **values})


def _span(month: Period) -> dict[str, object]:
    return {"begins": month.begins, "ends": month.ends}
