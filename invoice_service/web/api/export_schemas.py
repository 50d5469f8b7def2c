"""Shapes of a market's sales and of exports, as the API takes and gives them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from invoice_service.domain.sales_asked import INVOICED, MAX_FEN, TAXPAYER_KINDS
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.schemas import Instant, StrictSchema


def _fen() -> fields.Integer:
    return fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, MAX_FEN))


class SalesInput(StrictSchema):
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True)
    invoiced = fields.String(load_default="all", metadata={"enum": list(INVOICED)})
    vendor_id = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, 2**63 - 1))
    stall = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^[A-Z0-9-]{1,20}$"))
    min_fen = _fen()
    max_fen = _fen()
    taxpayer_kind = fields.String(
        load_default=None, allow_none=True, metadata={"enum": [*TAXPAYER_KINDS, None]}
    )


class SalesPageQuery(SalesInput):
    cursor = CURSOR
    limit = LIMIT


class MarketSale(Schema):
    order_id = fields.UUID()
    is_back = fields.Boolean(
        metadata={"description": "a refund: sums negative, the number its credit note's"}
    )
    paid_at = Instant(metadata={"description": "of a refund, paid back"})
    stall = fields.String()
    vendor_id = fields.Integer()
    vendor_name = fields.String()
    taxpayer_kind = fields.String()
    amount_fen = fields.Integer()
    exempt_fen = fields.Integer()
    taxable_net_fen = fields.Integer()
    tax_fen = fields.Integer()
    invoice_number = fields.String(allow_none=True)
    entry = fields.String(metadata={"description": "the commitment of its SALE entry, hex"})


class MarketSalePage(Schema):
    items = fields.List(fields.Nested(MarketSale))
    next_cursor = fields.String(allow_none=True)


class BegunExport(Schema):
    id = fields.UUID()


class Export(Schema):
    id = fields.UUID()
    market_code = fields.String()
    market_name = fields.String()
    asked = fields.Nested(SalesInput)
    state = fields.String(metadata={"enum": ["waiting", "running", "done", "expired"]})
    rows_done = fields.Integer()
    rows_total = fields.Integer(metadata={"description": "at most: counted by days, vendor and stall"})
    percent = fields.Integer()
    created_at = Instant()
    expires_at = Instant(allow_none=True)
