"""Access records, and the days of them that are closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select
from sqlalchemy import text as sql

from invoice_service.store.people_tables import access_days, access_records

_OF_DAY = select(access_records).where(access_records.c.day == bindparam("day")).order_by(access_records.c.id)
# One step of the index on `day` for each day that has records: the records themselves are not read.
_OPEN_DAYS = sql("""
    WITH RECURSIVE days AS (
        SELECT min(day) AS day FROM access_records
        UNION ALL
        SELECT (SELECT min(day) FROM access_records WHERE day > days.day) FROM days WHERE day IS NOT NULL)
    SELECT day FROM days
    WHERE day < :before AND NOT EXISTS (SELECT FROM access_days AS closed WHERE closed.day = days.day)
    ORDER BY day
""")
_WAIT = sql("SET LOCAL lock_timeout = '2s'")
_STILL = sql("LOCK TABLE access_records IN SHARE ROW EXCLUSIVE MODE")


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(access_records), values)


def open_days(connection: Connection, before: date) -> Sequence[date]:
    """Days before that one which have records and are not closed, the oldest first."""
    return connection.execute(_OPEN_DAYS, {"before": before}).scalars().all()


def hold_still(connection: Connection) -> None:
    """Until the transaction ends nobody else writes a record or closes a day; whoever is writing ends first.

    Without this a record written just before, and committed just after, would be in a closed day and not
    under its root. Raises OperationalError after two seconds: whoever comes next must not wait long.
    """
    connection.execute(_WAIT)
    connection.execute(_STILL)


def is_closed(connection: Connection, day: date) -> bool:
    return connection.execute(select(access_days.c.day).where(access_days.c.day == day)).first() is not None


def last_closed(connection: Connection) -> date:
    """Of those that are; there must be one."""
    return connection.execute(select(func.max(access_days.c.day))).scalar_one()


def records_of(connection: Connection, day: date) -> list[dict[str, Any]]:
    """A day's records in the order of their ids: the order of their leaves."""
    return [dict(row) for row in connection.execute(_OF_DAY, {"day": day}).mappings()]


def add_day(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(access_days), values)
