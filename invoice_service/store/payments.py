"""Attempts to be paid, payments that were verified, the sales they made, and every notice as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.domain.lifecycle import Disposition
from invoice_service.store.tables import orders, payment_attempts, payments, provider_notices, sales

_ADD_ATTEMPT = upsert(payment_attempts).on_conflict_do_nothing()
_BY_TRANSACTION = select(payments).where(
    payments.c.provider == bindparam("provider"), payments.c.transaction_id == bindparam("transaction_id")
)
_ADD_PAYMENT = (
    upsert(payments)
    .on_conflict_do_nothing(index_elements=["provider", "transaction_id"])
    .returning(payments.c.id)
)
_ADD_SALE = insert(sales)
_ADD_NOTICE = insert(provider_notices)


@dataclass(frozen=True, slots=True)
class Payment:
    id: int
    order_id: UUID
    amount_fen: int
    disposition: Disposition


@dataclass(frozen=True, slots=True)
class DueQuery:
    order_id: UUID
    out_trade_no: str
    provider: str
    queries: int


@dataclass(frozen=True, slots=True)
class Owed:
    """A payment that paid for nothing and is to be returned."""

    payment_id: int
    provider: str
    out_trade_no: str
    amount_fen: int


def add_attempt(
    connection: Connection, order_id: UUID, provider: str, *, now: datetime, next_query_at: datetime
) -> None:
    connection.execute(
        _ADD_ATTEMPT,
        {
            "order_id": order_id,
            "provider": provider,
            "started_at": now,
            "queries": 0,
            "next_query_at": next_query_at,
        },
    )


def attempts_due(connection: Connection, now: datetime, *, limit: int) -> Sequence[DueQuery]:
    query = (
        select(
            payment_attempts.c.order_id,
            orders.c.out_trade_no,
            payment_attempts.c.provider,
            payment_attempts.c.queries,
        )
        .join(orders, orders.c.id == payment_attempts.c.order_id)
        .where(payment_attempts.c.next_query_at <= now, orders.c.status == "open")
        .order_by(payment_attempts.c.next_query_at)
        .limit(limit)
    )
    return [DueQuery(*row) for row in connection.execute(query)]


def forget_finished(connection: Connection, now: datetime) -> None:
    """Nobody need ask about an order that is not open any more."""
    connection.execute(
        update(payment_attempts)
        .where(payment_attempts.c.next_query_at <= now, payment_attempts.c.order_id == orders.c.id)
        .where(orders.c.status != "open")
        .values(next_query_at=None)
    )


def attempts_of(connection: Connection, order_id: UUID) -> Sequence[str]:
    """The providers that were asked to take this order's money."""
    query = select(payment_attempts.c.provider).where(payment_attempts.c.order_id == order_id)
    return connection.execute(query).scalars().all()


def set_next_query(
    connection: Connection, order_id: UUID, provider: str, *, queries: int, next_query_at: datetime | None
) -> None:
    connection.execute(
        update(payment_attempts)
        .where(payment_attempts.c.order_id == order_id, payment_attempts.c.provider == provider)
        .values(queries=queries, next_query_at=next_query_at)
    )


def by_transaction(connection: Connection, provider: str, transaction_id: str) -> Payment | None:
    row = connection.execute(
        _BY_TRANSACTION, {"provider": provider, "transaction_id": transaction_id}
    ).mappings().first()  # fmt: skip
    if row is None:
        return None
    return Payment(row["id"], row["order_id"], row["amount_fen"], Disposition(row["disposition"]))


def add(connection: Connection, values: Mapping[str, Any]) -> int | None:
    """The new payment's id; None where the provider's transaction was recorded before."""
    return connection.execute(_ADD_PAYMENT, values).scalar()


def add_sale(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(_ADD_SALE, values)


def add_notice(
    connection: Connection,
    *,
    provider: str,
    received_at: datetime,
    headers: Mapping[str, str],
    body: bytes,
    verdict: str,
    out_trade_no: str | None,
) -> None:
    connection.execute(
        _ADD_NOTICE,
        {
            "provider": provider,
            "received_at": received_at,
            "headers": dict(headers),
            "body": body,
            "verdict": verdict,
            "out_trade_no": out_trade_no,
        },
    )


def to_return(connection: Connection, *, limit: int) -> Sequence[Owed]:
    query = (
        select(payments.c.id, payments.c.provider, orders.c.out_trade_no, payments.c.amount_fen)
        .join(orders, orders.c.id == payments.c.order_id)
        .where(payments.c.disposition != "settles", payments.c.refunded_at.is_(None))
        .order_by(payments.c.id)
        .limit(limit)
    )
    return [Owed(*row) for row in connection.execute(query)]


def set_returned(connection: Connection, payment_id: int, refunded_at: datetime) -> None:
    connection.execute(
        update(payments)
        .where(payments.c.id == payment_id, payments.c.refunded_at.is_(None))
        .values(refunded_at=refunded_at)
    )
