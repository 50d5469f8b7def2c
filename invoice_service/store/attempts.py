"""Wrong passwords, codes and PINs, as long as they count."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from invoice_service.store.people_tables import failed_sign_ins

_SWEPT = 100  # rows removed with each new one: the table never grows beyond what still counts


def add(connection: Connection, subject: str, address: str, at: datetime) -> int:
    values = {"subject": subject, "address": address, "at": at}
    return connection.execute(insert(failed_sign_ins).returning(failed_sign_ins.c.id), values).scalar_one()


def count(connection: Connection, *, since: datetime, subject: str = "", address: str = "") -> int:
    """Of one subject, or of one address."""
    column, value = (failed_sign_ins.c.subject, subject) if subject else (failed_sign_ins.c.address, address)
    wanted = select(func.count()).where(column == value, failed_sign_ins.c.at > since)
    return connection.execute(wanted).scalar_one()


def remove(connection: Connection, attempt_id: int) -> None:
    connection.execute(delete(failed_sign_ins).where(failed_sign_ins.c.id == attempt_id))


def remove_all(connection: Connection, subject: str) -> None:
    connection.execute(delete(failed_sign_ins).where(failed_sign_ins.c.subject == subject))


def sweep(connection: Connection, before: datetime) -> None:
    """Ids grow with time, so that the oldest rows are the first ones; two sweepers do not meet."""
    oldest = select(failed_sign_ins.c.id).order_by(failed_sign_ins.c.id).limit(_SWEPT)
    old = oldest.with_for_update(skip_locked=True).cte("oldest")
    connection.execute(
        delete(failed_sign_ins).where(
            failed_sign_ins.c.id.in_(select(old.c.id)), failed_sign_ins.c.at <= before
        )
    )
