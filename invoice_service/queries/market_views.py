"""What the market operator's desk shows: frozen values, names in the reader's language.

Where something can be edited, both languages stand beside each other (`…_zh`, `…_en`). Figures are sums of
rollups; an instant is UTC, a day is a day in Asia/Shanghai.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from invoice_service.domain.figures import Figures


@dataclass(frozen=True, slots=True)
class MarketView:
    id: int
    code: str
    name: str
    name_zh: str
    name_en: str
    region: str  # six digits of GB/T 2260
    address: str


@dataclass(frozen=True, slots=True)
class HourFigures:
    hour: int  # 0 to 23, of the day in Asia/Shanghai
    figures: Figures


@dataclass(frozen=True, slots=True)
class DayFigures:
    day: date
    figures: Figures


@dataclass(frozen=True, slots=True)
class LicenceAlert:
    """`days_left` is negative where the licence has lapsed: -1 means that yesterday was its last day."""

    vendor_id: int
    vendor_name: str
    licence_no: str | None
    licence_until: date
    days_left: int


@dataclass(frozen=True, slots=True)
class UninvoicedAlert:
    """A stall that sells and hardly invoices, beside the market's median over the same days."""

    stall_code: str
    stall_name: str
    vendor_name: str | None  # who sells there now
    days: int  # 1: today; 7: the last seven days, today among them
    orders: int
    invoiced_percent: int
    median_percent: int


@dataclass(frozen=True, slots=True)
class SilentAlert:
    """A stall that sold at this time on most of the last days, and today does not."""

    stall_code: str
    stall_name: str
    vendor_name: str
    usual_days: int  # of the last seven
    last_sale_at: datetime | None  # None: not within the last seven days


@dataclass(frozen=True, slots=True)
class Overview:
    """`selling`: open and somebody is authorised now; `unattended`: open and nobody is."""

    market: MarketView
    day: date
    as_of: datetime
    today: Figures
    last_week: Figures  # the same weekday, up to the same hour
    hours: tuple[HourFigures, ...]  # all 24
    stalls: int
    selling: int
    closed: int
    unattended: int
    licences: tuple[LicenceAlert, ...]
    uninvoiced: tuple[UninvoicedAlert, ...]
    silent: tuple[SilentAlert, ...]
    complaints: int  # that nobody has answered


@dataclass(frozen=True, slots=True)
class StallLine:
    """A row of the list of stalls. `state`: selling · unattended · closed."""

    code: str
    name: str
    place: str
    kind: str
    state: str
    vendor_id: int | None  # who is authorised now
    vendor_name: str | None
    today: Figures
    last_sale_at: datetime | None  # None: not within the last seven days
    serial: int | None  # of the code now on the stall


@dataclass(frozen=True, slots=True)
class StallList:
    """`total` counts what fits the filters; `next_key` is None on the last page."""

    market: MarketView
    rows: tuple[StallLine, ...]
    total: int
    next_key: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class HoursView:
    """Hours on one weekday (0 is Monday), in minutes since midnight; `ends` is at most 1440."""

    weekday: int
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class AuthorisationView:
    """`state`: past · current (its days hold today) · future. `is_now`: at this very minute."""

    id: int
    stall_code: str
    stall_name: str
    vendor_id: int
    vendor_name: str
    first_day: date
    last_day: date | None
    hours: tuple[HoursView, ...]
    state: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class CodeView:
    """One printing of a stall's code; `replaced_at` and `reason` are None for the one that is valid."""

    serial: int
    issued_at: datetime
    replaced_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class StallDetail:
    market: MarketView
    line: StallLine
    name_zh: str
    name_en: str
    kind_zh: str
    kind_en: str
    place_zh: str
    place_en: str
    is_open: bool
    code_url: str | None  # what the poster's QR code says; None without a valid code
    week: tuple[DayFigures, ...]  # the last seven days, oldest first
    month: Figures
    authorisations: tuple[AuthorisationView, ...]  # current and future first, then the past
    codes: tuple[CodeView, ...]  # newest first


@dataclass(frozen=True, slots=True)
class VendorLine:
    """A row of the list of vendors. `licence`: none · valid · lapsing · lapsed."""

    id: int
    name: str
    taxpayer_kind: str
    tax_id: str | None
    licence: str
    licence_no: str | None
    licence_until: date | None
    stalls: tuple[str, ...]  # codes, where authorised today or later
    goods: int
    month: Figures
    phone_bound: bool


@dataclass(frozen=True, slots=True)
class VendorList:
    market: MarketView
    rows: tuple[VendorLine, ...]
    total: int
    next_key: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class VendorDetail:
    market: MarketView
    line: VendorLine
    name_zh: str
    name_en: str
    self_produced: bool
    tax_period: str  # month · quarter
    default_name_zh: str
    default_name_en: str
    default_tax_code: str
    default_tax_class: str
    licensed_classes: list[str]  # tax classes; empty where the licence's scope is not on record
    account_id: int | None  # of the vendor's own sign-in, if there is one
    week: tuple[DayFigures, ...]
    authorisations: tuple[AuthorisationView, ...]


@dataclass(frozen=True, slots=True)
class TurnoverRow:
    """`figures` where sums go by order (stall, vendor, hour, day); goods and kinds count lines instead.

    `key` is a stall's code, a vendor's id, an hour (0 to 23), a day, a tax class, or the goods' name.
    """

    key: str
    label: str
    amount_fen: int
    figures: Figures | None = None
    lines: int | None = None
    quantity: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Turnover:
    market: MarketView
    by: str
    first_day: date
    last_day: date
    total_fen: int
    rows: tuple[TurnoverRow, ...]
    is_cut: bool = False  # more kinds of goods were sold than are listed; the total counts all


@dataclass(frozen=True, slots=True)
class WallStall:
    code: str
    name: str
    state: str  # selling · unattended · closed


@dataclass(frozen=True, slots=True)
class WallSale:
    """Never who bought."""

    stall_code: str
    stall_name: str
    amount_fen: int
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class WallHead:
    """A head of the log that the chain holds. `state`: mined · final."""

    size: int
    root: str  # hexadecimal
    tx_hash: str
    block_number: int
    block_time: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Wall:
    """`mark` is what the live topic "market" said when this was read."""

    market: MarketView
    as_of: datetime
    mark: str
    today: Figures
    hours: tuple[HourFigures, ...]
    stalls: tuple[WallStall, ...]
    sales: tuple[WallSale, ...]  # newest first
    heads: tuple[WallHead, ...]  # newest first
    sealed_size: int  # entries in the log, on chain or on their way there
    chain_answers: bool
