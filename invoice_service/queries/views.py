"""The frozen values that pages and the API show. They hold no behaviour and no database rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from invoice_service.domain.why import Why


@dataclass(frozen=True, slots=True)
class GoodsView:
    sku: str
    name: str
    unit: str
    price_fen: int
    available: bool


@dataclass(frozen=True, slots=True)
class StallView:
    """What a shopper sees who scans a stall's code. Names are in the reader's language.

    `vendor_name` is None while nobody is authorised to sell there; `is_checked` says that the code carried
    our signature, and `opened_as` is the code as it was scanned or typed.
    """

    code: str
    opened_as: str
    is_checked: bool
    name: str
    place: str  # where in the market: "Hall A, row 3"
    kind: str
    market_name: str
    vendor_name: str | None
    is_open: bool
    default_goods: str | None  # the goods class that a plain amount is sold under
    goods: tuple[GoodsView, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    name: str
    quantity: Decimal
    unit: str
    unit_price: Decimal  # yuan per unit
    amount_fen: int
    tax_label: str = ""  # "免税", "9%", "1%"; empty where tax is not yet decided (orders)
    tax_fen: int = 0
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class PaymentView:
    """A payment that reached us. `disposition`: settles · late · surplus (the last two are paid back)."""

    amount_fen: int
    paid_at: datetime
    disposition: str
    refunded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundView:
    """`status` is a word of `RefundStatus`; `note_number` once the credit note is in force."""

    refund_id: UUID
    status: str
    reason: str
    reason_text: str
    amount_fen: int
    asked_at: datetime
    consent_until: datetime | None
    paid_back_at: datetime | None
    settled_at: datetime | None
    note_number: str | None


@dataclass(frozen=True, slots=True)
class NoteView:
    """A credit note in force."""

    number: str
    reason: str
    reason_text: str
    total_fen: int
    whole: bool
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    token: str
    status: str  # open · paid · closed · refunded
    amount_fen: int
    stall_code: str
    stall_name: str
    market_name: str
    vendor_name: str
    lines: tuple[LineView, ...]
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    payments: tuple[PaymentView, ...]
    invoice_number: str | None
    invoice_token: str | None
    rounded_off_fen: int = 0  # what the vendor let go; the lines are what is left
    refunds: tuple[RefundView, ...] = ()
    invoiced_at: datetime | None = None
    invoice_fen: int = 0  # what its invoice is, or would be, for: less where something went back before


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Where an entry stands. Derived from sizes, never stored per entry.

    `state`: queued (written, not yet in the log) · sealed (in the log) · mined (its head is in a
    block) · final (that block is deep enough). `waiting` is True when the chain is not answering.
    """

    state: str
    index: int | None = None
    tree_size: int | None = None
    tx_hash: str | None = None
    block_number: int | None = None
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class InvoiceView:
    number: str
    token: str
    status: str  # valid · credited_in_part · credited
    claim: str | None  # claimed, or locked while a refund is under way; as of the last final block
    claimed_at: datetime | None
    issued_at: datetime
    seller_name: str
    seller_tax_id: str | None
    market_name: str
    stall_name: str
    buyer_kind: str | None  # individual · organization; None where the buyer was erased
    buyer_name: str | None
    buyer_tax_id: str | None
    lines: tuple[LineView, ...]
    net_fen: int
    tax_fen: int
    total_fen: int
    total_capitals: str
    order_token: str
    ledger: LedgerState
    refunds: tuple[RefundView, ...]
    credit_notes: tuple[NoteView, ...]


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a verification. `outcome`: passed · failed · undecided."""

    name: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class VerdictView:
    """`verdict`: genuine · altered · unknown · undecided. `sentence` says it in one line.

    `status`: valid · credited_in_part · credited; `claim`: claimed · locked, or None; both by the chain as of
    now, and None where it was not asked or does not say.
    """

    verdict: str
    sentence: str
    status: str | None = None
    claim: str | None = None
    claimed_at: datetime | None = None
    document: str | None = None  # invoice · credit-note, of a genuine file
    number: str | None = None
    total_fen: int | None = None
    issued_at: datetime | None = None
    seller_name: str | None = None
    steps: tuple[StepView, ...] = ()
