"""Shapes of tax supervision, as the API takes and gives them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from invoice_service.domain.tax_sources import COMPARED_WITH, TAX_CLASSES, TAXPAYER_KINDS, rates
from invoice_service.queries.supervision import INVOICED
from invoice_service.web.api.market_schemas import Market, SellerAuthorisation
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.schemas import Figures, Instant, Ledger, StrictSchema
from invoice_service.web.api.vendor_schemas import FEN_MAX, Threshold, VendorOrder
from invoice_service.web.checking import sentence


class PeriodQuery(StrictSchema):
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True, metadata={"description": "at most 366 days from the first to it"})


class ComparedQuery(PeriodQuery):
    compare = fields.String(load_default="before", metadata={"enum": list(COMPARED_WITH)})


class SourcesQuery(ComparedQuery):
    taxpayer_kind = fields.String(load_default="all", metadata={"enum": list(TAXPAYER_KINDS)})
    tax_class = fields.String(load_default="all", metadata={"enum": list(TAX_CLASSES)})
    rate = fields.String(load_default="all", metadata={"enum": list(rates())})


class SalesQuery(PeriodQuery):
    invoiced = fields.String(load_default="all", metadata={"enum": list(INVOICED)})
    amount_fen = fields.Integer(load_default=None, validate=validate.Range(1, FEN_MAX))
    cursor = CURSOR
    limit = LIMIT


class ReasonInput(StrictSchema):
    reason = fields.String(
        required=True, metadata={"description": "4 to 200 characters; those concerned read it"}
    )


class SpotCheckInput(ReasonInput):
    code = fields.String(
        required=True, metadata={"description": "a stall's code as typed, or the address in its QR code"}
    )


class Look(Schema):
    until = Instant(metadata={"description": "until then what the look is at can be read"})


class SpotCheck(Schema):
    stall = fields.String()


class Compared(Schema):
    figures = fields.Nested(Figures)
    before = fields.Nested(Figures, allow_none=True)
    change_percent = fields.Integer(allow_none=True, metadata={"description": "of turnover"})


class RuleSource(Schema):
    rule = fields.String()
    rate = fields.String()
    is_exempt = fields.Boolean()
    basis = fields.String(metadata={"description": "the number of the document that says so"})
    reason = fields.String()
    is_confirmed = fields.Boolean()
    lines = fields.Integer()
    figures = fields.Nested(Figures)


class KindSource(Schema):
    key = fields.String()
    name = fields.String()
    figures = fields.Nested(Figures)


class DaySource(Schema):
    day = fields.Date()
    figures = fields.Nested(Figures)
    before_fen = fields.Integer(allow_none=True)


class Sources(Schema):
    as_of = Instant()
    total = fields.Nested(Compared)
    days = fields.List(fields.Nested(DaySource))
    rules = fields.List(fields.Nested(RuleSource))
    kinds = fields.List(fields.Nested(KindSource))
    sellers = fields.List(fields.Nested(KindSource))


class MarketSource(Schema):
    code = fields.String()
    name = fields.String()
    region = fields.String()
    sums = fields.Nested(Compared)


class RegionSources(Schema):
    """Sums of lines where sales are narrowed: orders and invoices are then 0."""

    region = fields.String()
    sources = fields.Nested(Sources)
    markets = fields.List(fields.Nested(MarketSource))


class VendorSource(Schema):
    id = fields.Integer()
    name = fields.String()
    taxpayer_kind = fields.String()
    sums = fields.Nested(Compared)
    used_percent = fields.Integer(
        allow_none=True,
        metadata={"description": "of the sales threshold, rounded down, in the period of the last day"},
    )
    is_over = fields.Boolean()


class StallSource(Schema):
    code = fields.String()
    name = fields.String()
    figures = fields.Nested(Figures)


class MarketSources(Schema):
    market = fields.Nested(Market)
    sources = fields.Nested(Sources)
    vendors = fields.List(fields.Nested(VendorSource))
    stalls = fields.List(
        fields.Nested(StallSource), allow_none=True, metadata={"description": "null where sales are narrowed"}
    )
    crossed = fields.Integer(metadata={"description": "vendors over their sales threshold"})
    close = fields.Integer(metadata={"description": "vendors at 80 % of it or more"})


class Seller(Schema):
    id = fields.Integer()
    name = fields.String()
    taxpayer_kind = fields.String()
    tax_id = fields.String(allow_none=True)
    self_produced = fields.Boolean()
    tax_period = fields.String(metadata={"enum": ["month", "quarter"]})
    licence = fields.String(metadata={"enum": ["none", "valid", "lapsing", "lapsed"]})
    licence_no = fields.String(allow_none=True)
    licence_until = fields.Date(allow_none=True)


class VendorSources(Schema):
    market = fields.Nested(Market)
    seller = fields.Nested(Seller)
    sources = fields.Nested(Sources)
    stalls = fields.List(fields.Nested(StallSource))
    threshold = fields.Nested(Threshold, attribute="gauge")


class StallSeller(Schema):
    id = fields.Integer()
    name = fields.String()
    figures = fields.Nested(Figures)


class StallSources(Schema):
    market = fields.Nested(Market)
    code = fields.String()
    name = fields.String()
    place = fields.String()
    sources = fields.Nested(Sources)
    sellers = fields.List(fields.Nested(StallSeller))


class SaleRow(Schema):
    order_id = fields.UUID()
    paid_at = Instant()
    amount_fen = fields.Integer()
    refunded_fen = fields.Integer(metadata={"description": "what of it was paid back"})
    goods = fields.String()
    stall_code = fields.String()
    invoice_number = fields.String(allow_none=True)
    ledger = fields.Nested(Ledger, metadata={"description": "where the SALE entry stands"})


class SalePage(Schema):
    items = fields.List(fields.Nested(SaleRow))
    next_cursor = fields.String(allow_none=True)


class TaxedLine(Schema):
    name = fields.String()
    amount_fen = fields.Integer()
    tax_fen = fields.Integer()
    rate = fields.String()
    basis = fields.String()
    reason = fields.String()


class Sale(Schema):
    market = fields.Nested(Market)
    seller = fields.Nested(Seller)
    order = fields.Nested(VendorOrder)
    sale_ledger = fields.Nested(Ledger)
    buyer = fields.String(allow_none=True)
    tax_lines = fields.List(fields.Nested(TaxedLine), metadata={"description": "of the invoice"})


class StallCheck(Schema):
    market = fields.Nested(Market)
    code = fields.String()
    name = fields.String()
    kind = fields.String()
    place = fields.String()
    is_open = fields.Boolean()
    as_of = Instant()
    seller = fields.Nested(Seller, allow_none=True, metadata={"description": "who may sell there now"})
    authorisations = fields.List(fields.Nested(SellerAuthorisation))
    today = fields.Nested(Figures)
    last_sale_at = Instant(allow_none=True)
    sales = fields.List(fields.Nested(SaleRow), metadata={"description": "of the last half hour"})
    chain_answers = fields.Boolean()


class BegunCheck(Schema):
    id = fields.Integer()


class CheckProgress(Schema):
    done = fields.Integer()
    size = fields.Integer()


class CheckStep(Schema):
    name = fields.String()
    outcome = fields.String(metadata={"enum": ["passed", "failed", "undecided"]})
    detail = fields.String()


class CheckedItem(Schema):
    n = fields.Integer()
    name = fields.String()
    kind = fields.String(metadata={"enum": ["pdf", "evidence", "facts", "number", "none"]})
    verdict = fields.String(
        allow_none=True,
        metadata={"enum": ["genuine", "altered", "unknown", "undecided", "unreadable", "repeated", None]},
    )
    sentence = fields.Function(lambda item: sentence(item), metadata={"type": "string"})
    same_as = fields.Integer(allow_none=True, metadata={"description": "the item that this one repeats"})
    number = fields.String(allow_none=True)
    total_fen = fields.Integer(allow_none=True)
    issued_at = Instant(allow_none=True)
    seller_name = fields.String(allow_none=True)
    steps = fields.List(fields.Nested(CheckStep))


class Check(Schema):
    id = fields.Integer()
    reason = fields.String()
    created_at = Instant()
    done = fields.Integer()
    items = fields.List(fields.Nested(CheckedItem))
