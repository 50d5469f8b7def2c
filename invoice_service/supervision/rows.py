"""What a rule may look at: one market's business day, as its sellers attested it.

Sales and invoices are read from the documents that the log commits to, not from columns beside them, so
that a rule sees the same whether it runs here or, years later, over the bundle of a finding. What the log
does not hold (licences, who is authorised where) is the *register*: the service's word, and said to be.
Money is in fen, days are days in Asia/Shanghai.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from sys import intern
from typing import Any

from invoice_service.domain.numbering import business_day
from invoice_service.domain.tax import rule_by_id


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    unit: str
    unit_price: Decimal  # yuan with tax
    amount_fen: int
    rule: str


@dataclass(frozen=True, slots=True)
class Sale:
    """A paid order. `counted_fen` is what counts toward the threshold: without tax."""

    order: str
    vendor: int
    stall: str
    paid_at: datetime
    amount_fen: int
    counted_fen: int
    invoice: str | None
    lines: tuple[Line, ...]
    anchored_at: datetime | None  # when a block first covered its entry


@dataclass(frozen=True, slots=True)
class Buyer:
    """Companies only: what a private person bought is no rule's business."""

    tax_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Invoice:
    number: str
    order: str
    vendor: int
    stall: str
    issued_at: datetime
    total_fen: int
    buyer: Buyer | None
    anchored_at: datetime | None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back, by the day on which it did, whenever it was sold. Amounts are positive."""

    refund: str
    order: str
    vendor: int
    stall: str
    paid_back_at: datetime
    amount_fen: int
    counted_fen: int


@dataclass(frozen=True, slots=True)
class StallDay:
    """What one vendor sold at one stall on one day; `counted_fen` is less what went back on it."""

    day: date
    vendor: int
    stall: str
    orders: int
    counted_fen: int


@dataclass(frozen=True, slots=True)
class Seller:
    """Of the register. `licensed` holds tax classes; empty where the licence's scope is not on record."""

    vendor: int
    name: str
    taxpayer_kind: str
    tax_period: str
    licensed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Of the register: a stall as it stood at the day's end. `vendor` is who was authorised that day."""

    stall: str
    vendor: int | None
    is_open: bool
    has_code: bool


@dataclass(frozen=True, slots=True)
class GoodsOf:
    """Of the register: as which tax class a vendor sold goods of a name that day."""

    vendor: int
    name: str
    tax_class: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that does not fit its entry, its payment or its sums; `what` is one of audit.KINDS."""

    what: str
    fact: str
    vendor: int | None
    stall: str | None
    recorded_fen: int
    attested_fen: int


@dataclass(frozen=True, slots=True)
class MarketDay:
    """Everything that rules look at together.

    `history` ends with `day` and goes back as far as they ask. `as_of` is when the rows were read.
    `selling_percent`: how many of the stalls that usually sell did so, so that a holiday is known for one.
    """

    market: str
    region: str
    day: date
    as_of: datetime
    sales: Sequence[Sale] = ()
    invoices: Sequence[Invoice] = ()
    refunds: Sequence[Refund] = ()
    history: Sequence[StallDay] = ()
    sellers: Mapping[int, Seller] = field(default_factory=dict)
    places: Sequence[Place] = ()
    goods: Sequence[GoodsOf] = ()
    differences: Sequence[Difference] = ()
    selling_percent: int = 100


def sale_of(
    body: Mapping[str, Any],
    *,
    vendor: int,
    rules: Sequence[str],
    invoice: str | None,
    anchored_at: datetime | None,
) -> Sale:
    """From a SALE body (SPEC section 4). `rules`: the tax rule of each line, as the register has it.

    Raises KeyError, ValueError, StopIteration for a body that is none.
    """
    lines = tuple(_line(line, rule) for line, rule in zip(body["lines"], rules, strict=True))
    return Sale(
        order=body["order"],
        vendor=vendor,
        stall=intern(body["stall"]["code"]),
        paid_at=datetime.fromisoformat(body["paid_at"]),
        amount_fen=body["total_fen"],
        counted_fen=sum(rule_by_id(line.rule).split(line.amount_fen)[0] for line in lines),
        invoice=invoice,
        lines=lines,
        anchored_at=anchored_at,
    )


def _line(line: Mapping[str, Any], rule: str) -> Line:
    price = Decimal(line["unit_price"])
    return Line(intern(line["name"]), intern(line["unit"]), price, line["amount_fen"], intern(rule))


def invoice_of(
    body: Mapping[str, Any],
    buyer: Mapping[str, Any] | None,
    *,
    vendor: int,
    order: str,
    anchored_at: datetime | None,
) -> Invoice:
    """From an INVOICE body and its buyer document. Raises KeyError, ValueError."""
    is_company = buyer is not None and buyer["tax_id"] is not None
    return Invoice(
        number=body["number"],
        order=order,
        vendor=vendor,
        stall=intern(body["stall"]["code"]),
        issued_at=datetime.fromisoformat(body["issued_at"]),
        total_fen=body["total_fen"],
        buyer=Buyer(intern(buyer["tax_id"]), intern(buyer["name"])) if buyer and is_company else None,
        anchored_at=anchored_at,
    )


def refund_of(body: Mapping[str, Any], *, vendor: int, stall: str, counted_fen: int) -> Refund:
    """From a REFUND body; the register has whose it was, and what of it counted.

    Raises KeyError, ValueError.
    """
    return Refund(
        refund=body["refund"],
        order=body["order"],
        vendor=vendor,
        stall=intern(stall),
        paid_back_at=datetime.fromisoformat(body["paid_back_at"]),
        amount_fen=body["amount_fen"],
        counted_fen=counted_fen,
    )


def history_of(sales: Iterable[Sale], refunds: Iterable[Refund] = ()) -> list[StallDay]:
    """What the rollups hold, made from sales and refunds."""
    sums: dict[tuple[date, int, str], list[int]] = defaultdict(lambda: [0, 0])
    for sale in sales:
        one = sums[business_day(sale.paid_at), sale.vendor, sale.stall]
        one[0] += 1
        one[1] += sale.counted_fen
    for back in refunds:
        sums[business_day(back.paid_back_at), back.vendor, back.stall][1] -= back.counted_fen
    return [StallDay(*key, orders, counted_fen) for key, (orders, counted_fen) in sorted(sums.items())]
