"""What a vendor's phone shows: frozen values, names in the reader's language.

Instants are UTC, days are days in Asia/Shanghai, money is fen. Takings count a sale at the instant at which
it was paid, invoices at the instant at which they were issued.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from invoice_service.domain.allowance import Allowance
from invoice_service.domain.figures import Figures
from invoice_service.domain.period import Period
from invoice_service.domain.threshold import Gauge
from invoice_service.queries.views import LedgerState, RefundView


@dataclass(frozen=True, slots=True)
class StallNow:
    """A stall where the vendor is authorised to sell at this hour."""

    code: str
    name: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class LastPayment:
    """`goods` is words: "Tomatoes 2.5 斤, Pak choi 1 斤"; of a plain amount, the goods class."""

    order_id: UUID
    paid_at: datetime
    amount_fen: int
    refunded_fen: int
    goods: str
    channel: str  # the payment provider's name
    is_invoiced: bool
    is_keyed: bool
    stall_code: str


@dataclass(frozen=True, slots=True)
class TodayView:
    """`mark` is what `live_queries.vendor_marks` says now: give it to `live().stream("vendor", …, mark)`."""

    vendor_id: int
    vendor_name: str
    market_name: str
    day: date
    as_of: datetime
    figures: Figures
    yesterday: Figures  # up to the same hour
    last: tuple[LastPayment, ...]  # the last ten, newest first, of whatever day
    stalls: tuple[StallNow, ...]
    allowance: Allowance | None  # None where no ceiling is set
    mark: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot. `begins` is the day on which it begins; `hour` is set where bars are hours.

    `before_fen` is the same bar of the period before: the same hour, weekday, day of the month or month;
    None where that period had no such day.
    """

    begins: date
    hour: int | None
    figures: Figures
    before_fen: int | None


@dataclass(frozen=True, slots=True)
class GoodsSold:
    """`share_percent` of the takings of all goods that brought any; 0 where more went back than was sold."""

    name: str
    unit: str
    tax_class: str
    lines: int
    quantity: Decimal
    amount_fen: int
    share_percent: int


@dataclass(frozen=True, slots=True)
class SalesView:
    """`before_so_far` sums the period before up to the same hour, while this period has not ended."""

    period: Period
    is_over: bool
    bars: tuple[Bar, ...]
    total: Figures
    before: Figures
    before_so_far: Figures
    goods: tuple[GoodsSold, ...]  # largest first

    @property
    def change_percent(self) -> int | None:
        """Against the period before, as far as this one has come; None where nothing was kept then."""
        earlier = self.before_so_far.amount_fen
        return round(100 * (self.total.amount_fen - earlier) / earlier) if earlier > 0 else None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """`refunded_fen`: what of it was paid back; all of it where the status says so."""

    order_id: UUID
    status: str  # open · paid · closed · refunded
    created_at: datetime
    paid_at: datetime | None
    amount_fen: int
    refunded_fen: int
    rounded_off_fen: int
    goods: str
    stall_code: str
    is_keyed: bool
    invoice_number: str | None


@dataclass(frozen=True, slots=True)
class OrderList:
    """`next_key` is the `after` of the next page; None where the list ends."""

    rows: tuple[OrderRow, ...]
    next_key: UUID | None


@dataclass(frozen=True, slots=True)
class SoldLine:
    """`left_…`: what of it can still be paid back."""

    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount_fen: int
    left_fen: int
    left_quantity: Decimal


@dataclass(frozen=True, slots=True)
class ReceivedPayment:
    """`disposition`: settles · late · surplus (the last two are paid back)."""

    channel: str
    transaction_id: str
    amount_fen: int
    paid_at: datetime
    disposition: str
    refunded_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """`token` opens the shopper's page of a keyed order while it is open (`/o/{token}`, the dynamic QR).

    None of any other: whoever holds it may have the invoice made out, and that is the shopper's to do.
    """

    order_id: UUID
    token: str | None
    status: str
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    amount_fen: int
    rounded_off_fen: int
    stall_code: str
    stall_name: str
    is_keyed: bool
    lines: tuple[SoldLine, ...]
    payments: tuple[ReceivedPayment, ...]
    refunds: tuple[RefundView, ...]
    invoice_number: str | None
    invoiced_at: datetime | None
    ledger: LedgerState | None  # of the invoice


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """Without the buyer, whom the vendor has no need to know. `credited_fen`: by credit notes in force."""

    number: str
    order_id: UUID
    issued_at: datetime
    total_fen: int
    tax_fen: int
    credited_fen: int
    stall_code: str
    stall_name: str
    ledger: LedgerState


@dataclass(frozen=True, slots=True)
class InvoiceList:
    rows: tuple[InvoiceRow, ...]
    next_key: tuple[datetime, str] | None


@dataclass(frozen=True, slots=True)
class GoodsItem:
    sku: str
    name: str
    name_zh: str
    name_en: str
    unit: str
    price_fen: int
    tax_class: str
    tax_code: str
    available: bool
    kind: str | None  # its key in the catalogue; None where it was entered otherwise, and then stays so


@dataclass(frozen=True, slots=True)
class TaxChoice:
    """One line of the closed catalogue of kinds of goods; forms send its key as `kind`."""

    key: str
    tax_class: str
    tax_code: str
    name: str


@dataclass(frozen=True, slots=True)
class GoodsView:
    vendor_name: str
    items: tuple[GoodsItem, ...]
    units: tuple[str, ...]
    choices: tuple[TaxChoice, ...]


@dataclass(frozen=True, slots=True)
class KeyingView:
    """What the form of a keyed sale needs: where the vendor may sell now, and the goods that are there."""

    vendor_name: str
    stalls: tuple[StallNow, ...]
    items: tuple[GoodsItem, ...]
    max_rounding_fen: int  # what may be let go is less than this
    max_amount_fen: int


@dataclass(frozen=True, slots=True)
class GaugeView:
    """The gauge with its texts in the reader's language; `basis` is the document that says so."""

    vendor_name: str
    gauge: Gauge
    rule_text: str  # what the threshold is
    counts_text: str  # what counts toward it, and why


@dataclass(frozen=True, slots=True)
class ChannelCount:
    """One channel of a day. `recorded_fen` is less what it paid back, and below zero where that was more.

    `stated_fen` is None until the day was closed.
    """

    channel: str
    payments: int
    recorded_fen: int
    refunded_fen: int
    stated_fen: int | None

    @property
    def difference_fen(self) -> int | None:
        return None if self.stated_fen is None else self.stated_fen - self.recorded_fen


@dataclass(frozen=True, slots=True)
class DayClosed:
    """One closing of a day, as it was said then."""

    closed_at: datetime
    by: str
    recorded_fen: int
    stated_fen: int
    cash_fen: int
    note: str

    @property
    def difference_fen(self) -> int:
        return self.stated_fen - self.recorded_fen


@dataclass(frozen=True, slots=True)
class DayCloseView:
    """`closes` are the newest first; the first one counts. Cash stands apart: no channel recorded it."""

    day: date
    is_over: bool
    figures: Figures
    channels: tuple[ChannelCount, ...]
    closes: tuple[DayClosed, ...]

    @property
    def recorded_fen(self) -> int:
        return sum(channel.recorded_fen for channel in self.channels)


@dataclass(frozen=True, slots=True)
class DayFigures:
    day: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class MonthSummary:
    vendor_name: str
    period: Period
    days: tuple[DayFigures, ...]  # every day of the month
    goods: tuple[GoodsSold, ...]
    total: Figures
