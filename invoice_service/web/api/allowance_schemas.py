"""Shapes of allowances, as the API takes and gives them."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from invoice_service.domain.allowance import MAX_FEN, State
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.schemas import Instant, StrictSchema
from invoice_service.web.api.supervision_schemas import ReasonInput

WORDS = {"description": "4 to 200 characters, read by the other side"}


def _fen(**options: object) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(1, MAX_FEN), **options)  # type: ignore[arg-type]


class CeilingInput(ReasonInput):
    ceiling_fen = _fen(required=True)


class AllowanceAskInput(StrictSchema):
    asked_fen = _fen(required=True, metadata={"description": "above the ceiling as it is"})
    words = fields.String(required=True, metadata=WORDS)


class AllowanceAnswerInput(StrictSchema):
    granted_fen = _fen(
        load_default=None,
        allow_none=True,
        metadata={"description": "above the ceiling as it is, and becomes it; null refuses"},
    )
    words = fields.String(required=True, metadata=WORDS)


class AllowanceRequestsQuery(StrictSchema):
    cursor = CURSOR
    limit = LIMIT


class UsedAllowance(Schema):
    """Of the calendar month in which it is asked for."""

    first_day = fields.Date(attribute="month.first_day")
    last_day = fields.Date(attribute="month.last_day")
    ceiling_fen = fields.Integer()
    used_fen = fields.Integer(metadata={"description": "invoices issued this month, with tax"})
    left_fen = fields.Integer()
    used_percent = fields.Integer()
    state = fields.String(metadata={"enum": [state.value for state in State]})


class AllowanceRequest(Schema):
    asked_fen = fields.Integer()
    words = fields.String()
    created_at = Instant()
    answered_at = Instant(allow_none=True)
    answer = fields.String(allow_none=True)
    granted_fen = fields.Integer(allow_none=True, metadata={"description": "null of an answer that refuses"})


class VendorAllowance(Schema):
    allowance = fields.Nested(UsedAllowance)
    set_at = Instant()
    reason = fields.String()
    request = fields.Nested(
        AllowanceRequest,
        allow_none=True,
        metadata={"description": "the last, unless the ceiling was set anew since"},
    )


class MadeAllowanceRequest(Schema):
    id = fields.Integer()


class AllowanceRequestToAnswer(Schema):
    id = fields.Integer()
    vendor_id = fields.Integer()
    vendor_name = fields.String()
    market_code = fields.String()
    market_name = fields.String()
    allowance = fields.Nested(UsedAllowance, allow_none=True)
    request = fields.Nested(AllowanceRequest)


class AllowanceRequests(Schema):
    items = fields.List(fields.Nested(AllowanceRequestToAnswer))
    next_cursor = fields.String(allow_none=True)
