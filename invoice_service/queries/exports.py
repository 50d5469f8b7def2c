"""All sales of a market for its tax officers, page by page; and officers' own exports of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping

from invoice_service.domain.policy import Actor, Scope, can_see
from invoice_service.domain.sales_asked import EXPORT_KEPT, SalesAsked
from invoice_service.queries.market_rows import named
from invoice_service.services import Services
from invoice_service.store import exports, market_sales, supervised

SHOWN = 50


@dataclass(frozen=True, slots=True)
class MarketSale:
    """`entry`: the commitment of its SALE entry, hex.

    Of a refund (`is_back`), that of its REFUND: then sums are negative, `paid_at` is when it was paid back,
    and `invoice_number` is its credit note's.
    """

    order_id: UUID
    is_back: bool
    paid_at: datetime
    stall: str
    vendor_id: int
    vendor_name: str
    taxpayer_kind: str
    amount_fen: int
    exempt_fen: int
    taxable_net_fen: int
    tax_fen: int
    invoice_number: str | None
    entry: str


@dataclass(frozen=True, slots=True)
class MarketSaleList:
    rows: tuple[MarketSale, ...]
    next_key: UUID | None


@dataclass(frozen=True, slots=True)
class ExportView:
    """`state`: waiting · running · done · expired. `rows_total` counts by days, vendor and stall."""

    id: UUID
    market_code: str
    market_name: str
    asked: SalesAsked
    state: str
    rows_done: int
    rows_total: int
    created_at: datetime
    expires_at: datetime | None

    @property
    def percent(self) -> int:
        if self.state in ("done", "expired"):
            return 100
        return min(99, 100 * self.rows_done // self.rows_total) if self.rows_total else 0

    @property
    def is_finished(self) -> bool:
        return self.state in ("done", "expired")


def sales(
    services: Services,
    actor: Actor,
    lang: str,
    code: str,
    asked: SalesAsked,
    *,
    after: UUID | None = None,
    limit: int = 30,
) -> MarketSaleList:
    """Sales as they were placed, refunds as they were asked for. Raises OutOfScope, SayWhy."""
    with services.database.read() as connection:
        market = supervised.market_looked_at(connection, actor, code, services.clock())
        found = market_sales.page(connection, market["id"], asked, after, limit + 1)
    rows = tuple(_sale(row, lang) for row in found[:limit])
    return MarketSaleList(rows, found[limit - 1]["id"] if len(found) > limit else None)


def own(services: Services, actor: Actor, lang: str) -> tuple[ExportView, ...]:
    """Of markets that are still in one's region, the newest first."""
    now = services.clock()
    with services.database.read() as connection:
        found = exports.own(connection, actor.account_id, SHOWN)
    seen = (row for row in found if can_see(actor, Scope(row["market_id"], row["region"])))
    return tuple(_export(row, lang, now) for row in seen)


def one(services: Services, actor: Actor, lang: str, export_id: UUID) -> ExportView:
    """Raises OutOfScope."""
    with services.database.read() as connection:
        row = supervised.own_export(connection, actor, export_id)
    return _export(row, lang, services.clock())


def _sale(row: RowMapping, lang: str) -> MarketSale:
    return MarketSale(
        order_id=row["order_id"],
        is_back=row["is_back"],
        paid_at=row["paid_at"],
        stall=row["stall"],
        vendor_id=row["vendor_id"],
        vendor_name=named(row, lang),
        taxpayer_kind=row["taxpayer_kind"],
        amount_fen=row["amount_fen"],
        exempt_fen=row["exempt_fen"],
        taxable_net_fen=row["taxable_net_fen"],
        tax_fen=row["tax_fen"],
        invoice_number=row["number"],
        entry=row["commitment"].hex(),
    )


def _export(row: RowMapping, lang: str, now: datetime) -> ExportView:
    expires_at = row["done_at"] + EXPORT_KEPT if row["done_at"] else None
    is_over = expires_at is not None and expires_at <= now
    return ExportView(
        id=row["id"],
        market_code=row["market_code"],
        market_name=named(row, lang),
        asked=SalesAsked.of_json(row["wanted"]),
        state="expired" if is_over else row["state"],
        rows_done=row["rows_done"],
        rows_total=row["rows_total"],
        created_at=row["created_at"],
        expires_at=expires_at,
    )
