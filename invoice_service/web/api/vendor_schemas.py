"""Shapes of a vendor's affairs, as the API takes and gives them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from invoice_service.domain.refund import Reason
from invoice_service.errors import N_
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.schemas import GIVE_ONE, Figures, Instant, Ledger, Refund, StrictSchema

STATUSES = ["open", "paid", "closed", "refunded"]
PERIODS = ["day", "week", "month", "quarter", "year"]
ROUNDINGS = ["none", "jiao", "yuan", "amount"]
STATES = ["none", "per_day", "unknown", "below", "close", "will_cross", "crossed"]
FEN_MAX = 10**12
GIVE_ONE_OF = N_("Give either quantity or amount_fen, or neither for all that is left.")


def decimal(name: str) -> fields.Function:
    def text(value: Any) -> str:
        found: Decimal = getattr(value, name)
        return f"{found:f}"

    return fields.Function(text, metadata={"type": "string"})


def fen(**options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(-FEN_MAX, FEN_MAX), **options)


class SalesQuery(StrictSchema):
    period = fields.String(load_default="day", metadata={"enum": PERIODS})
    day = fields.Date(load_default=None, metadata={"description": "any day of the period; today if none"})


class ListQuery(StrictSchema):
    amount_fen = fields.Integer(load_default=None, validate=validate.Range(1, FEN_MAX))
    from_day = fields.Date(load_default=None)
    to_day = fields.Date(load_default=None)
    cursor = CURSOR
    limit = LIMIT


class OrdersQuery(ListQuery):
    status = fields.String(load_default=None, metadata={"enum": STATUSES})


class StallNow(Schema):
    code = fields.String()
    name = fields.String()
    is_open = fields.Boolean()


class LastPayment(Schema):
    order_id = fields.UUID()
    paid_at = Instant()
    amount_fen = fields.Integer()
    refunded_fen = fields.Integer()
    goods = fields.String()
    channel = fields.String()
    is_invoiced = fields.Boolean()
    is_keyed = fields.Boolean()
    stall_code = fields.String()


class Today(Schema):
    vendor_id = fields.Integer()
    vendor_name = fields.String()
    market_name = fields.String()
    day = fields.Date()
    as_of = Instant()
    figures = fields.Nested(Figures)
    yesterday = fields.Nested(Figures, metadata={"description": "up to the same hour"})
    last = fields.List(fields.Nested(LastPayment))
    stalls = fields.List(fields.Nested(StallNow))


class SalesPeriod(Schema):
    kind = fields.String(metadata={"enum": PERIODS})
    first_day = fields.Date()
    last_day = fields.Date()


class SalesBar(Schema):
    begins = fields.Date()
    hour = fields.Integer(allow_none=True)
    figures = fields.Nested(Figures)
    before_fen = fields.Integer(allow_none=True)


class GoodsSold(Schema):
    name = fields.String()
    unit = fields.String()
    tax_class = fields.String()
    lines = fields.Integer()
    quantity = decimal("quantity")
    amount_fen = fields.Integer()
    share_percent = fields.Integer()


class Sales(Schema):
    period = fields.Nested(SalesPeriod)
    is_over = fields.Boolean()
    bars = fields.List(fields.Nested(SalesBar))
    total = fields.Nested(Figures)
    before = fields.Nested(Figures)
    before_so_far = fields.Nested(Figures)
    change_percent = fields.Integer(allow_none=True)
    goods = fields.List(fields.Nested(GoodsSold))


class OrderRow(Schema):
    order_id = fields.UUID()
    status = fields.String(metadata={"enum": STATUSES})
    created_at = Instant()
    paid_at = Instant(allow_none=True)
    amount_fen = fields.Integer()
    refunded_fen = fields.Integer(metadata={"description": "what of it was paid back"})
    rounded_off_fen = fields.Integer()
    goods = fields.String()
    stall_code = fields.String()
    is_keyed = fields.Boolean()
    invoice_number = fields.String(allow_none=True)


class OrderPage(Schema):
    items = fields.List(fields.Nested(OrderRow))
    next_cursor = fields.String(allow_none=True)


class SoldLine(Schema):
    name = fields.String()
    quantity = decimal("quantity")
    unit = fields.String()
    unit_price = decimal("unit_price")
    amount_fen = fields.Integer()
    left_fen = fields.Integer(metadata={"description": "what of it can still be paid back"})
    left_quantity = decimal("left_quantity")


class BackInput(StrictSchema):
    """A part of a line; without quantity and amount all that is left of it."""

    line = fields.Integer(
        required=True, strict=True, validate=validate.Range(0, 10_000), metadata={"description": "from 0"}
    )
    quantity = fields.String(metadata={"description": 'a decimal string such as "2.5"'})
    amount_fen = fen(metadata={"description": "money alone: an allowance"})

    @validates_schema
    def one_way(self, data: dict[str, object], **_: object) -> None:
        if "quantity" in data and "amount_fen" in data:
            raise ValidationError(GIVE_ONE_OF, "amount_fen")


class RefundInput(StrictSchema):
    reason = fields.String(required=True, metadata={"enum": [reason.value for reason in Reason]})
    lines = fields.List(
        fields.Nested(BackInput),
        load_default=None,
        allow_none=True,
        metadata={"description": "all that is left of the order if there are none"},
    )


class ReceivedPayment(Schema):
    channel = fields.String()
    transaction_id = fields.String()
    amount_fen = fields.Integer()
    paid_at = Instant()
    disposition = fields.String(metadata={"enum": ["settles", "late", "surplus"]})
    refunded_at = Instant(allow_none=True)


class VendorOrder(OrderRow):
    class Meta:
        exclude = ("goods",)

    token = fields.String(
        allow_none=True, metadata={"description": "opens /o/TOKEN for the shopper, of an open keyed sale"}
    )
    expires_at = Instant()
    stall_name = fields.String()
    lines = fields.List(fields.Nested(SoldLine))
    payments = fields.List(fields.Nested(ReceivedPayment))
    refunds = fields.List(fields.Nested(Refund))
    invoiced_at = Instant(allow_none=True)
    ledger = fields.Nested(Ledger, allow_none=True)


class InvoiceRow(Schema):
    number = fields.String()
    order_id = fields.UUID()
    issued_at = Instant()
    total_fen = fields.Integer()
    tax_fen = fields.Integer()
    credited_fen = fields.Integer(metadata={"description": "taken off by credit notes in force"})
    stall_code = fields.String()
    stall_name = fields.String()
    ledger = fields.Nested(Ledger)


class InvoicePage(Schema):
    items = fields.List(fields.Nested(InvoiceRow))
    next_cursor = fields.String(allow_none=True)


class GoodsItem(Schema):
    sku = fields.String()
    name = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    unit = fields.String()
    price_fen = fields.Integer()
    tax_class = fields.String()
    tax_code = fields.String()
    kind = fields.String(allow_none=True)
    available = fields.Boolean()


class TaxChoice(Schema):
    key = fields.String()
    tax_class = fields.String()
    tax_code = fields.String()
    name = fields.String()


class GoodsList(Schema):
    items = fields.List(fields.Nested(GoodsItem))
    units = fields.List(fields.String())
    choices = fields.List(fields.Nested(TaxChoice))


class GoodsInput(StrictSchema):
    name_zh = fields.String(required=True)
    name_en = fields.String(load_default="")
    unit = fields.String(required=True)
    price_yuan = fields.String(required=True, metadata={"description": 'as "4.50"'})
    kind = fields.String(load_default="", metadata={"description": "a key of the catalogue of kinds"})


class GoodsChange(GoodsInput):
    expected_price_fen = fen(required=True, metadata={"description": "the price that you saw"})


class PriceInput(StrictSchema):
    price_fen = fen(required=True)
    expected_price_fen = fen(required=True, metadata={"description": "the price that you saw"})


class AvailableInput(StrictSchema):
    available = fields.Boolean(required=True, truthy={True}, falsy={False})


class AddedGoods(Schema):
    sku = fields.String()


class KeyedLine(StrictSchema):
    amount_fen = fen(metadata={"description": "a plain amount, or"})
    sku = fields.String(validate=validate.Length(1, 60))
    quantity = fields.String(metadata={"description": 'with the sku: a decimal string such as "2.5"'})

    @validates_schema
    def one_way(self, data: dict[str, object], **_: object) -> None:
        if ("amount_fen" in data) == ("sku" in data) or ("sku" in data) != ("quantity" in data):
            raise ValidationError(GIVE_ONE, "amount_fen")


class KeyedSaleInput(StrictSchema):
    lines = fields.List(fields.Nested(KeyedLine), required=True)
    rounding = fields.String(load_default="none", metadata={"enum": ROUNDINGS})
    round_off_fen = fen(
        load_default=0, metadata={"description": 'what to let go, where rounding is "amount"'}
    )
    stall = fields.String(
        load_default=None, allow_none=True, metadata={"description": "if you sell at several"}
    )


class Keying(Schema):
    stalls = fields.List(fields.Nested(StallNow))
    items = fields.List(fields.Nested(GoodsItem))
    max_rounding_fen = fields.Integer(metadata={"description": "what is let go must be less"})
    max_amount_fen = fields.Integer()


class ThresholdGauge(Schema):
    state = fields.String(metadata={"enum": STATES})
    period = fields.Nested(SalesPeriod)
    limit_fen = fields.Integer(allow_none=True)
    exempt_fen = fields.Integer()
    taxable_fen = fields.Integer()
    used_fen = fields.Integer()
    used_percent = fields.Integer(allow_none=True)
    left_fen = fields.Integer(allow_none=True)
    forecast_fen = fields.Integer(allow_none=True)
    history_days = fields.Integer()
    by_weekday = fields.Boolean()


class ThresholdRule(Schema):
    id = fields.String()
    basis = fields.String()
    confirmed = fields.Boolean()
    counts_basis = fields.String()
    counts_confirmed = fields.Boolean()
    first_day = fields.Date()
    last_day = fields.Date()


class Threshold(Schema):
    gauge = fields.Nested(ThresholdGauge)
    rule = fields.Nested(ThresholdRule, attribute="gauge.threshold", allow_none=True)
    rule_text = fields.String()
    counts_text = fields.String()


class DayChannel(Schema):
    channel = fields.String()
    payments = fields.Integer()
    recorded_fen = fields.Integer(metadata={"description": "less refunded_fen"})
    refunded_fen = fields.Integer()
    stated_fen = fields.Integer(allow_none=True)
    difference_fen = fields.Integer(allow_none=True)


class DayClosed(Schema):
    closed_at = Instant()
    by = fields.String()
    recorded_fen = fields.Integer()
    stated_fen = fields.Integer()
    difference_fen = fields.Integer()
    cash_fen = fields.Integer()
    note = fields.String()


class VendorDay(Schema):
    day = fields.Date()
    is_over = fields.Boolean()
    figures = fields.Nested(Figures)
    channels = fields.List(fields.Nested(DayChannel))
    closes = fields.List(fields.Nested(DayClosed), metadata={"description": "newest first; the first counts"})


class DayCloseInput(StrictSchema):
    stated_fen = fields.Dict(
        keys=fields.String(),
        values=fen(),
        required=True,
        metadata={"description": "what you counted, by channel: each that brought something"},
    )
    cash_fen = fen(required=True)
    note = fields.String(load_default="")


class ClosedDay(Schema):
    day = fields.Date()
    recorded_fen = fields.Dict(keys=fields.String(), values=fields.Integer())
    stated_fen = fields.Dict(keys=fields.String(), values=fields.Integer())
    difference_fen = fields.Dict(keys=fields.String(), values=fields.Integer())
    cash_fen = fields.Integer()
    is_early = fields.Boolean()
    closed_at = Instant()


class VendorDayFigures(Schema):
    day = fields.Date()
    figures = fields.Nested(Figures)


class VendorMonth(Schema):
    period = fields.Nested(SalesPeriod)
    days = fields.List(fields.Nested(VendorDayFigures))
    goods = fields.List(fields.Nested(GoodsSold))
    total = fields.Nested(Figures)
