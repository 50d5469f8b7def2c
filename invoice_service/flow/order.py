"""Place an order: the shopper has scanned a stall and says what is to be paid."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from invoice_service.config import Config
from invoice_service.domain import stall_code
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.money import check_amount
from invoice_service.domain.order import (
    Basket,
    Order,
    OrderLine,
    PlainAmount,
    Stall,
    StallClosed,
    StallUnattended,
    UnknownStall,
    plain_line,
    priced_lines,
)
from invoice_service.domain.stall_code import StallCode
from invoice_service.domain.token import ORDER, fingerprint
from invoice_service.flow.once import once
from invoice_service.services import Services
from invoice_service.store import catalogue, orders


@dataclass(frozen=True, slots=True)
class Placed:
    """`created` is False where the same Idempotency-Key had placed this order before."""

    token: str
    amount_fen: int
    status: OrderStatus
    expires_at: datetime
    created: bool


def place(
    services: Services, code: str, wanted: PlainAmount | Basket, *, idempotency_key: str | None = None
) -> Placed:
    """Raises UnknownStall, ForeignCode, CodeReplaced, StallUnattended, StallClosed, KeyReused, and the
    refusals of amount, goods and quantity."""
    scanned = stall_code.read(code, services.keyring.tokens)
    now = services.clock()
    order_id = time_ordered_id(now, services.random(10))
    with services.database.unit_of_work() as uow:
        if idempotency_key is not None:  # before the stall is asked: it may have sold out since
            request = [code, _as_json(wanted)]
            kept = once(uow.connection, ORDER, idempotency_key, request, str(order_id), now)
            earlier = placed_before(services, uow.connection, kept)
            if earlier is not None:
                return earlier
        stall = _seller_at(uow.connection, scanned, now)
        lines = _lines(services.config, uow.connection, stall, wanted)
        placed = put(services, uow.connection, order_id, stall, lines, now)
        uow.commit()
    return placed


def _seller_at(connection: Connection, code: StallCode, now: datetime) -> Stall:
    row = catalogue.stall_row(connection, code.stall, now)
    if row is None:
        raise UnknownStall
    stall_code.check_current(code, row["live_serial"])
    if row["vendor_id"] is None:
        raise StallUnattended
    return open_stall(row)


def open_stall(row: catalogue.StallRow) -> Stall:
    """Raises StallClosed."""
    stall = catalogue.to_stall(row)
    if not stall.is_open:
        raise StallClosed
    return stall


def put(
    services: Services,
    connection: Connection,
    order_id: UUID,
    stall: Stall,
    lines: tuple[OrderLine, ...],
    now: datetime,
    *,
    keyed_by: int | None = None,
    rounded_off_fen: int = 0,
) -> Placed:
    """An open order of these lines, whoever entered it. Raises AmountOutOfRange."""
    amount_fen = sum(line.amount_fen for line in lines)
    check_amount(amount_fen, max_fen=services.config.max_amount_fen, field="amount_fen")
    order = Order(
        id=order_id,
        stall=stall,
        out_trade_no=f"SL{base64.b32encode(services.random(10)).decode()}",
        status=OrderStatus.OPEN,
        amount_fen=amount_fen,
        lines=lines,
        created_at=now,
        expires_at=now + timedelta(seconds=services.config.order_lifetime_s),
        keyed_by=keyed_by,
        rounded_off_fen=rounded_off_fen,
    )
    token = services.keyring.tokens.derive(ORDER, str(order.id))
    orders.add(connection, order, fingerprint(token))
    return Placed(token, amount_fen, order.status, order.expires_at, created=True)


def placed_before(services: Services, connection: Connection, kept: str | None) -> Placed | None:
    """The order that an Idempotency-Key holds, as it stands now."""
    order = orders.by_id(connection, UUID(kept)) if kept else None
    if order is None:
        return None
    token = services.keyring.tokens.derive(ORDER, str(order.id))
    return Placed(token, order.amount_fen, order.status, order.expires_at, created=False)


def _lines(
    config: Config, connection: Connection, stall: Stall, wanted: PlainAmount | Basket
) -> tuple[OrderLine, ...]:
    if isinstance(wanted, PlainAmount):
        check_amount(wanted.amount_fen, max_fen=config.max_amount_fen, field="amount_fen")
        return (plain_line(stall.default_goods, wanted.amount_fen),)
    stock = {goods.sku: goods for goods in catalogue.stock(connection, stall.vendor_id)}
    return priced_lines(wanted.items, stock, max_lines=config.max_lines)


def _as_json(wanted: PlainAmount | Basket) -> object:
    if isinstance(wanted, PlainAmount):
        return wanted.amount_fen
    return [[sku, decimal_text(quantity)] for sku, quantity in wanted.items]


def time_ordered_id(now: datetime, noise: bytes) -> UUID:
    """A UUIDv7 (RFC 9562 section 5.7): rows of one day lie together in every index."""
    milliseconds = int(now.timestamp() * 1000)
    tail = int.from_bytes(noise[:10], "big")
    high, low = tail >> 62 & 0xFFF, tail & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
