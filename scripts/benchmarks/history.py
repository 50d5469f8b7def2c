"""History for a full market: months of paid orders and their invoices, straight into PostgreSQL.

`./scripts/bench seed --orders N --data DIR` fills the demo market of that directory, so that desks can be
tried full with `./scripts/run --data DIR`. Every document, commitment, signature, entry and sum is made by
the code that issues (`flow/order`, `flow/pay.attest`, `flow/issue.draw_up`, `flow/seal.append`), in the
pattern of `market_day` as live traffic is. Only the writing differs: whole days by COPY in one transaction,
with every constraint on. What a provider would have sent (notices, attempts) is left out.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Connection, Numeric, Table, text

from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.goods import Goods
from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.numbering import SHANGHAI, business_day
from invoice_service.domain.order import Basket, Order, PlainAmount, Stall, plain_line, priced_lines
from invoice_service.domain.token import ORDER, fingerprint
from invoice_service.flow import issue, pay, seal
from invoice_service.flow.order import time_ordered_id
from invoice_service.flow.record import SignedEntry
from invoice_service.services import Services
from invoice_service.store import catalogue, log, orders, rollups, tables
from invoice_service.store.outbox import OutboxRow
from scripts.lib import market_day
from scripts.lib.market_day import Offer, Visit

PROVIDER = "sandbox"
DAILY_LEAST = 60  # fewer orders than this a stall and year make shorter history
BATCH = 4_000  # orders a transaction: bounds memory, and how long the log's head stays locked


@dataclass(frozen=True, slots=True)
class Shop:
    """A stall with its seller and what is sold there."""

    stall: Stall
    stock: Mapping[str, Goods]
    offers: Sequence[Offer]


class _Clock:
    """The services' clock while history is made."""

    now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def fill(
    config: Config, total: int, *, until: datetime, seed: int, processes: int, days: int | None = None
) -> Iterator[int]:
    """Make `total` orders that end at `until`, over `days` or as many as suit. Yields how many more are
    written, as batches finish."""
    suiting = max(7, min(365, total // DAILY_LEAST))
    batches = _batches(total, until, seed, days or suiting)
    tasks = [(config, seed + n, batch) for n, batch in enumerate(batches)]
    with multiprocessing.get_context("spawn").Pool(processes, _open, (config,)) as pool:
        yield from pool.imap_unordered(_write_batch, tasks)


def _batches(total: int, until: datetime, seed: int, days: int) -> list[list[datetime]]:
    """Paid instants in order, cut into batches of whole days where days are small."""
    luck = random.Random(seed)  # noqa: S311 - a pattern, not a secret
    last = until.astimezone(SHANGHAI).date()
    calendar = [last - timedelta(days=n) for n in reversed(range(days))]
    latest = until - timedelta(seconds=1)
    instants = [min(at, latest) for at in market_day.arrivals(total, calendar, luck)]
    return [instants[n : n + BATCH] for n in range(0, total, BATCH)]


_services: Services
_clock = _Clock()


def _open(config: Config) -> None:
    """In each process: services of its own, with a clock that follows the history."""
    global _services
    _services = build_services(config, clock=_clock)


def _write_batch(task: tuple[Config, int, Sequence[datetime]]) -> int:
    _config, seed, instants = task
    luck = random.Random(seed)  # noqa: S311
    with _services.database.unit_of_work() as uow:
        write(_services, uow.connection, _visits(shops(uow.connection), instants, luck), luck, _follow)
        uow.commit()
    return len(instants)


def _follow(now: datetime) -> None:
    _clock.now = now


def shops(connection: Connection) -> list[Shop]:
    """Every stall where somebody sells now, the liveliest first as chance will have it."""
    rows = [row for row in catalogue.all_stalls(connection, datetime.now(UTC)) if row["vendor_id"]]
    return [_shop(catalogue.to_stall(row), catalogue.stock(connection, row["vendor_id"])) for row in rows]


def _shop(stall: Stall, stock: Sequence[Goods]) -> Shop:
    offers = [Offer(goods.sku, goods.unit, goods.price_fen) for goods in stock if goods.available]
    return Shop(stall, {goods.sku: goods for goods in stock}, offers)


def _visits(
    shops: Sequence[Shop], instants: Sequence[datetime], luck: random.Random
) -> Iterator[tuple[datetime, Shop, Visit]]:
    weights = market_day.popularity(len(shops))
    for instant, shop in zip(instants, luck.choices(shops, weights, k=len(instants)), strict=True):
        yield instant, shop, market_day.visit(shop.stall.code, shop.offers, instant, luck)


@dataclass(slots=True)
class _Rows:
    """What is to be copied, a list a table."""

    orders: list[dict[str, Any]]
    order_lines: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    sales: list[dict[str, Any]]
    invoices: list[dict[str, Any]]
    invoice_lines: list[dict[str, Any]]
    buyer_documents: list[dict[str, Any]]
    entries: list[SignedEntry]
    hours: list[rollups.HourRow]
    goods: list[rollups.GoodsRow]


def write(
    services: Services,
    connection: Connection,
    visits: Iterable[tuple[datetime, Shop, Visit]],
    luck: random.Random,
    follow: Callable[[datetime], None],
) -> None:
    """Make what these visits came to, in one transaction. `follow` sets the services' clock.

    The log's head is locked last, and so for as short as can be.
    """
    rows = _made(services, connection, list(visits), luck, follow)
    for table in (tables.orders, tables.order_lines, tables.payments, tables.sales, tables.invoices,
                  tables.invoice_lines, tables.buyer_documents):  # fmt: skip
        _copy(connection, table, getattr(rows, table.name))
    rollups.add_hours(connection, rollups.summed_hours(rows.hours), business_day(datetime.now(UTC)))
    rollups.add_goods(connection, rollups.summed_goods(rows.goods))
    old = log.lock(connection)
    waiting = [OutboxRow(0, int(e.kind), e.fact, e.entry, e.signature) for e in rows.entries]
    seal.append(services, connection, old, waiting)


def _made(
    services: Services,
    connection: Connection,
    visits: Sequence[tuple[datetime, Shop, Visit]],
    luck: random.Random,
    follow: Callable[[datetime], None],
) -> _Rows:
    rows = _Rows([], [], [], [], [], [], [], [], [], [])
    payment_ids = iter(_reserved(connection, "payments_id_seq", len(visits)))
    invoiced = [visit for _, _, visit in visits if visit.pays and visit.buyer is not None]
    sequences = iter(_reserved(connection, "invoice_sequence", len(invoiced)))
    for instant, shop, visit in visits:
        order = _order(services, shop, instant, visit.wanted)
        if not visit.pays:
            _keep_order(services, rows, replace(order, status=OrderStatus.CLOSED))
            continue
        paid_at = instant + timedelta(seconds=luck.randrange(5, 60))
        order = replace(order, status=OrderStatus.PAID, paid_at=paid_at)
        _keep_order(services, rows, order)
        follow(paid_at)
        commitment = _keep_sale(services, rows, order, next(payment_ids), paid_at)
        if visit.buyer is not None:
            follow(paid_at + timedelta(seconds=luck.randrange(3, 90)))
            drawn = issue.draw_up(services, order, visit.buyer, sale=commitment, sequence=next(sequences))
            _keep_invoice(rows, drawn)
    return rows


def _order(services: Services, shop: Shop, instant: datetime, wanted: PlainAmount | Basket) -> Order:
    if isinstance(wanted, PlainAmount):
        lines = (plain_line(shop.stall.default_goods, wanted.amount_fen),)
    else:
        lines = priced_lines(wanted.items, shop.stock, max_lines=services.config.max_lines)
    return Order(
        id=time_ordered_id(instant, os.urandom(10)),
        stall=shop.stall,
        out_trade_no=f"SL{uuid.uuid4().hex[:16].upper()}",
        status=OrderStatus.OPEN,
        amount_fen=sum(line.amount_fen for line in lines),
        lines=lines,
        created_at=instant,
        expires_at=instant + timedelta(seconds=services.config.order_lifetime_s),
    )


def _keep_order(services: Services, rows: _Rows, order: Order) -> None:
    token = services.keyring.tokens.derive(ORDER, str(order.id))
    rows.orders.append(orders.order_values(order, fingerprint(token)))
    rows.order_lines += orders.line_values(order)


def _keep_sale(services: Services, rows: _Rows, order: Order, payment_id: int, paid_at: datetime) -> bytes:
    rows.payments.append(
        {
            "id": payment_id,
            "market_id": order.stall.market_id,
            "order_id": order.id,
            "provider": PROVIDER,
            "transaction_id": f"H{payment_id}-{order.out_trade_no}",
            "amount_fen": order.amount_fen,
            "paid_at": paid_at,
            "recorded_at": paid_at,
            "disposition": "settles",
        }
    )
    sale = pay.attest(services, order, payment_id, provider=PROVIDER, paid_at=paid_at)
    rows.sales.append(dict(sale.values))
    rows.entries.append(sale.entry)
    rows.hours.append(sale.hour)
    rows.goods += sale.goods
    commitment: bytes = sale.values["commitment"]
    return commitment


def _keep_invoice(rows: _Rows, drawn: issue.Drawn) -> None:
    rows.invoices.append(drawn.values)
    rows.invoice_lines += drawn.lines
    rows.buyer_documents.append({"number": drawn.number, "document": drawn.buyer, "salt": drawn.buyer_salt})
    rows.entries.append(drawn.entry)
    rows.hours.append(drawn.hour)


def _copy(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    columns = [column for column in table.columns if column.name in rows[0]]
    names = ", ".join(column.name for column in columns)
    kinds = [_postgres_type(column.type) for column in columns]
    keys = [column.name for column in columns]
    with (
        connection.connection.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(kinds)
        for row in rows:
            copy.write_row([row[key] for key in keys])


def _postgres_type(kind: Any) -> str:
    if isinstance(kind, ARRAY):
        return f"{_postgres_type(kind.item_type)}[]"
    if isinstance(kind, Numeric):
        return "numeric"
    names = {"BigInteger": "int8", "Integer": "int4", "SmallInteger": "int2", "Text": "text", "UUID": "uuid",
             "LargeBinary": "bytea", "DateTime": "timestamptz"}  # fmt: skip
    return names[type(kind).__name__]


def _reserved(connection: Connection, sequence: str, count: int) -> Sequence[int]:
    query = text("SELECT nextval(CAST(:sequence AS regclass)) FROM generate_series(1, :count)")
    return connection.execute(query, {"sequence": sequence, "count": count}).scalars().all()
