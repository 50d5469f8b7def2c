"""Days that vendors closed. Rows are only added: a day's last one counts, the others tell its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from invoice_service.store.people_tables import accounts
from invoice_service.store.sums_tables import day_closes

_ADD = insert(day_closes)
_OF_DAY = (
    select(
        day_closes.c.closed_at,
        accounts.c.name.label("by"),
        day_closes.c.recorded_fen,
        day_closes.c.stated_fen,
        day_closes.c.cash_fen,
        day_closes.c.note,
    )
    .join_from(day_closes, accounts, accounts.c.id == day_closes.c.closed_by)
    .where(day_closes.c.vendor_id == bindparam("vendor_id"), day_closes.c.day == bindparam("day"))
    .order_by(day_closes.c.id.desc())
    .limit(bindparam("limit"))
)


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_ADD, values)


def of_day(connection: Connection, vendor_id: int, day: date, *, limit: int) -> Sequence[RowMapping]:
    """The newest first, so the first one counts."""
    values = {"vendor_id": vendor_id, "day": day, "limit": limit}
    return connection.execute(_OF_DAY, values).mappings().all()
