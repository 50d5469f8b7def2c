"""Orders and their lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Text, bindparam, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.order import Order, OrderLine
from invoice_service.domain.tax import TaxClass
from invoice_service.store import catalogue
from invoice_service.store.tables import markets, order_lines, orders, stalls, vendors

_NAMES = (
    "sku",
    "name_zh",
    "name_en",
    "unit",
    "quantity",
    "unit_price",
    "amount_fen",
    "tax_code",
    "tax_class",
)
# Quantities and prices pass JSON as text: they are decimals, and JSON knows only floats.
_LINE_AS_JSON = [
    part
    for name in _NAMES
    for part in (
        name,
        cast(order_lines.c[name], Text) if name in ("quantity", "unit_price") else order_lines.c[name],
    )
]
_LINES = (
    select(func.jsonb_agg(aggregate_order_by(func.jsonb_build_object(*_LINE_AS_JSON), order_lines.c.n)))
    .where(order_lines.c.order_id == orders.c.id)
    .scalar_subquery()
    .label("lines")
)
_STALL = "at_"  # keeps the stall's columns apart from the order's
# The seller is the one who sold, not whoever sells at that stall now.
_ORDER = (
    select(orders, _LINES, *(column.label(_STALL + column.key) for column in catalogue.STALL_COLUMNS))
    .join_from(orders, stalls, stalls.c.id == orders.c.stall_id)
    .join(markets, markets.c.id == orders.c.market_id)
    .join(vendors, vendors.c.id == orders.c.vendor_id)
)
_BY_ID = _ORDER.where(orders.c.id == bindparam("id"))
_BY_TOKEN = _ORDER.where(orders.c.token_hash == bindparam("token_hash"))
_BY_ID_LOCKED = _BY_ID.with_for_update(of=orders)
_BY_TOKEN_LOCKED = _BY_TOKEN.with_for_update(of=orders)
_BY_TRADE_NO_LOCKED = _ORDER.where(orders.c.out_trade_no == bindparam("no")).with_for_update(of=orders)
_INSERT = insert(orders)
_INSERT_LINE = insert(order_lines)
_SET_STATUS = (
    update(orders)
    .where(orders.c.id == bindparam("order_id"), orders.c.status == bindparam("was"))
    .values(status=bindparam("status"), paid_at=bindparam("paid_at"))
)


def add(connection: Connection, order: Order, token_hash: bytes) -> None:
    connection.execute(_INSERT, order_values(order, token_hash))
    connection.execute(_INSERT_LINE, line_values(order))


def order_values(order: Order, token_hash: bytes) -> dict[str, Any]:
    return {
        "id": order.id,
        "market_id": order.stall.market_id,
        "stall_id": order.stall.id,
        "vendor_id": order.stall.vendor_id,
        "token_hash": token_hash,
        "out_trade_no": order.out_trade_no,
        "status": order.status.value,
        "amount_fen": order.amount_fen,
        "created_at": order.created_at,
        "expires_at": order.expires_at,
        "paid_at": order.paid_at,
        "keyed_by": order.keyed_by,
        "rounded_off_fen": order.rounded_off_fen,
    }


def line_values(order: Order) -> list[dict[str, Any]]:
    return [_line_values(order.id, n, line) for n, line in enumerate(order.lines)]


def by_token(connection: Connection, token_hash: bytes) -> Order | None:
    return _one(connection, _BY_TOKEN, {"token_hash": token_hash})


def by_id(connection: Connection, order_id: UUID) -> Order | None:
    return _one(connection, _BY_ID, {"id": order_id})


def lock_by_token(connection: Connection, token_hash: bytes) -> Order | None:
    """The order, locked until the unit of work ends: whoever pays, closes or invoices it waits in line."""
    return _one(connection, _BY_TOKEN_LOCKED, {"token_hash": token_hash})


def lock_by_trade_no(connection: Connection, out_trade_no: str) -> Order | None:
    return _one(connection, _BY_TRADE_NO_LOCKED, {"no": out_trade_no})


def lock(connection: Connection, order_id: UUID) -> Order | None:
    return _one(connection, _BY_ID_LOCKED, {"id": order_id})


def set_status(connection: Connection, order: Order, status: OrderStatus, paid_at: datetime | None) -> None:
    """Write a step that `lifecycle.step` allowed; the row must be locked by this unit."""
    connection.execute(
        _SET_STATUS,
        {"order_id": order.id, "was": order.status.value, "status": status.value, "paid_at": paid_at},
    )


def expired(connection: Connection, now: datetime, *, limit: int) -> Sequence[UUID]:
    """Open orders whose time has run out, oldest first."""
    query = select(orders.c.id).where(orders.c.status == "open", orders.c.expires_at <= now)
    return connection.execute(query.order_by(orders.c.expires_at).limit(limit)).scalars().all()


def _one(connection: Connection, query: Any, parameters: dict[str, Any]) -> Order | None:
    row = connection.execute(query, parameters).first()
    return None if row is None else _to_order(row)


def _to_order(row: Row[Any]) -> Order:
    stall = {name[len(_STALL) :]: value for name, value in row._mapping.items() if name.startswith(_STALL)}
    return Order(
        id=row.id,
        stall=catalogue.to_stall(stall),
        out_trade_no=row.out_trade_no,
        status=OrderStatus(row.status),
        amount_fen=row.amount_fen,
        lines=tuple(map(_to_line, row.lines)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        paid_at=row.paid_at,
        keyed_by=row.keyed_by,
        rounded_off_fen=row.rounded_off_fen,
    )


def _to_line(line: dict[str, Any]) -> OrderLine:
    return OrderLine(
        **line
        | {
            "quantity": Decimal(line["quantity"]),
            "unit_price": Decimal(line["unit_price"]),
            "tax_class": TaxClass(line["tax_class"]),
        }
    )


def _line_values(order_id: UUID, n: int, line: OrderLine) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "n": n,
        "sku": line.sku,
        "name_zh": line.name_zh,
        "name_en": line.name_en,
        "unit": line.unit,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "amount_fen": line.amount_fen,
        "tax_code": line.tax_code,
        "tax_class": line.tax_class.value,
    }
