"""Shapes of VAT returns, as the API gives them."""

from __future__ import annotations

from marshmallow import Schema, fields

from invoice_service.domain.vat_return import Trace
from invoice_service.queries.returns import STATES
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.schemas import Instant, Ledger, StrictSchema


class CellQuery(StrictSchema):
    cursor = CURSOR
    limit = LIMIT


class ReturnPeriod(Schema):
    first_day = fields.Date(attribute="period.first_day")
    last_day = fields.Date(attribute="period.last_day")
    state = fields.String(
        metadata={
            "enum": list(STATES),
            "description": "ended: over, not sealed yet; stale: an amendment follows",
        }
    )


class ReturnRow(ReturnPeriod):
    amendment = fields.Integer()
    sold_fen = fields.Integer(metadata={"description": "without tax"})
    due_fen = fields.Integer(metadata={"description": "line 22"})


class ReturnList(Schema):
    vendor_id = fields.Integer(attribute="filer.id")
    taxpayer_kind = fields.String(attribute="filer.taxpayer_kind")
    tax_period = fields.String(attribute="filer.tax_period", metadata={"enum": ["month", "quarter"]})
    files_return = fields.Boolean(metadata={"description": "small-scale taxpayers do, nobody else"})
    items = fields.List(fields.Nested(ReturnRow), attribute="rows")


class ReturnCell(Schema):
    line = fields.Integer(metadata={"description": "the form's number"})
    name = fields.String()
    fen = fields.Integer()
    trace = fields.Enum(Trace, by_value=True, allow_none=True, metadata={"description": "what it sums"})
    derived_from = fields.List(fields.Integer(), metadata={"description": "lines that it is computed from"})


class ReturnChange(Schema):
    line = fields.Integer()
    name = fields.String()
    before_fen = fields.Integer()
    fen = fields.Integer()


class ReturnVersion(Schema):
    amendment = fields.Integer(metadata={"description": "0: as first sealed"})
    sealed_at = Instant()
    size = fields.Integer(metadata={"description": "entries under the root: SPEC.md, section 4"})
    root = fields.String()
    commitment = fields.String()
    changes = fields.List(fields.Nested(ReturnChange), metadata={"description": "beside the version before"})
    ledger = fields.Nested(Ledger)


class Return(ReturnPeriod):
    vendor_id = fields.Integer(attribute="filer.id")
    vendor_name = fields.String(attribute="filer.name")
    tax_id = fields.String(attribute="filer.tax_id")
    form_basis = fields.String(attribute="form.basis")
    form_confirmed = fields.Boolean(attribute="form.confirmed")
    limit_fen = fields.Integer(allow_none=True, metadata={"description": "the sales threshold"})
    cells = fields.List(fields.Nested(ReturnCell))
    versions = fields.List(fields.Nested(ReturnVersion), metadata={"description": "the newest first"})


class CellFact(Schema):
    order_id = fields.UUID()
    is_back = fields.Boolean(metadata={"description": "a refund or its credit note: both amounts negative"})
    at = Instant(metadata={"description": "paid, or paid back; of taxed_invoices, issued"})
    number = fields.String(
        allow_none=True, metadata={"description": "the sale's invoice, or the refund's credit note"}
    )
    amount_fen = fields.Integer(metadata={"description": "of the sale or refund, with tax"})
    part_fen = fields.Integer(metadata={"description": "what the cell counts of it"})


class CellPage(ReturnPeriod):
    cell = fields.Nested(ReturnCell)
    items = fields.List(fields.Nested(CellFact), attribute="rows")
    next_cursor = fields.String(allow_none=True)
