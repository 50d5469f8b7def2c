"""What a tax officer's desk shows: frozen values, names in the reader's language.

`Figures` are sums in fen. Where sales are narrowed to some goods, sellers or rates, they are sums of lines:
orders and invoices are then not counted. Days are days in Asia/Shanghai.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from invoice_service.domain.figures import Figures
from invoice_service.domain.tax_sources import Asked
from invoice_service.queries.allowances import AllowanceView
from invoice_service.queries.market_views import AuthorisationView, MarketView
from invoice_service.queries.vendor_views import GaugeView, OrderDetail
from invoice_service.queries.views import LedgerState


@dataclass(frozen=True, slots=True)
class Compared:
    """`before` is of the earlier days; None where nothing was to be compared."""

    figures: Figures
    before: Figures | None

    @property
    def change_percent(self) -> int | None:
        """Of turnover, in whole percent; None where there is nothing to compare with."""
        if self.before is None or self.before.amount_fen <= 0:
            return None
        return round(100 * (self.figures.amount_fen - self.before.amount_fen) / self.before.amount_fen)


@dataclass(frozen=True, slots=True)
class MarketSource:
    code: str
    name: str
    region: str
    sums: Compared


@dataclass(frozen=True, slots=True)
class RuleSource:
    """What was sold under one tax rule. `rate` is a label: 免税, or "1%"; `basis` the document that rules."""

    rule: str
    rate: str
    is_exempt: bool
    basis: str
    reason: str
    is_confirmed: bool
    lines: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class KindSource:
    """Of one kind of goods, or of one kind of taxpayer; `key` is the value that narrows to it."""

    key: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class DaySource:
    """`before_fen` is of the day that is as far into the earlier days."""

    day: date
    figures: Figures
    before_fen: int | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Of a region, a market or a vendor. `kinds` of goods and `sellers` (taxpayers) are largest first."""

    asked: Asked
    as_of: datetime
    total: Compared
    days: tuple[DaySource, ...]
    rules: tuple[RuleSource, ...]
    kinds: tuple[KindSource, ...]
    sellers: tuple[KindSource, ...]


@dataclass(frozen=True, slots=True)
class RegionView:
    """`region` is the officer's: two, four or six digits of GB/T 2260."""

    region: str
    sources: Sources
    markets: tuple[MarketSource, ...]


@dataclass(frozen=True, slots=True)
class VendorSource:
    """`used_percent` of the sales threshold, in the month or quarter of the last day asked about.

    Rounded down, as the vendor's own gauge is; `is_over` says whether the threshold is crossed.
    """

    id: int
    name: str
    taxpayer_kind: str
    sums: Compared
    used_percent: int | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class StallSource:
    code: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class MarketSources:
    """`stalls` are None where sales are narrowed. `crossed` and `close` count vendors by their threshold."""

    market: MarketView
    reason: str
    sources: Sources
    vendors: tuple[VendorSource, ...]
    stalls: tuple[StallSource, ...] | None
    crossed: int
    close: int


@dataclass(frozen=True, slots=True)
class SellerView:
    """Who a vendor is. `licence`: none · lapsed · lapsing · valid."""

    id: int
    name: str
    taxpayer_kind: str
    tax_id: str | None
    self_produced: bool
    tax_period: str
    licence: str
    licence_no: str | None
    licence_until: date | None


@dataclass(frozen=True, slots=True)
class VendorSources:
    market: MarketView
    seller: SellerView
    reason: str
    sources: Sources
    stalls: tuple[StallSource, ...]
    gauge: GaugeView
    allowance: AllowanceView | None


@dataclass(frozen=True, slots=True)
class VendorAllowance:
    """`allowance` is None where no ceiling is set."""

    market: MarketView
    vendor_id: int
    vendor_name: str
    reason: str
    allowance: AllowanceView | None


@dataclass(frozen=True, slots=True)
class SaleRow:
    """A paid order, and what of it was paid back. `ledger` is of its SALE entry."""

    order_id: UUID
    paid_at: datetime
    amount_fen: int
    refunded_fen: int
    goods: str
    stall_code: str
    invoice_number: str | None
    ledger: LedgerState


@dataclass(frozen=True, slots=True)
class SaleList:
    rows: tuple[SaleRow, ...]
    next_key: tuple[datetime, UUID] | None


@dataclass(frozen=True, slots=True)
class SaleView:
    """One paid order with its invoice, if it has one, and where the entries of both stand."""

    market: MarketView
    seller: SellerView
    order: OrderDetail
    sale_ledger: LedgerState
    buyer: str | None  # as the invoice names it; None without an invoice, or where it was erased
    tax_lines: tuple[TaxedLineView, ...]


@dataclass(frozen=True, slots=True)
class TaxedLineView:
    name: str
    amount_fen: int
    tax_fen: int
    rate: str
    basis: str
    reason: str


@dataclass(frozen=True, slots=True)
class StallCheck:
    """A spot check. `seller` is who is authorised there now; the entries are of the last minutes' sales."""

    market: MarketView
    code: str
    name: str
    kind: str
    place: str
    is_open: bool
    as_of: datetime
    seller: SellerView | None
    authorisations: tuple[AuthorisationView, ...]
    today: Figures
    last_sale_at: datetime | None
    sales: tuple[SaleRow, ...]
    chain_answers: bool


@dataclass(frozen=True, slots=True)
class StallSeller:
    id: int
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class StallSources:
    """One stall over days, whoever sold there."""

    market: MarketView
    code: str
    name: str
    place: str
    reason: str
    sources: Sources
    sellers: tuple[StallSeller, ...]
