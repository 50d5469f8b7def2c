"""Shapes of the market's desk, as the API takes and gives them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from invoice_service.queries import market
from invoice_service.web.api.people_schemas import CURSOR, LIMIT
from invoice_service.web.api.schemas import Instant, StrictSchema
from invoice_service.web.api.vendor_schemas import decimal

TAXPAYERS = ["small_scale", "general", "natural_person"]
STATES = ["selling", "unattended", "closed"]
LICENCES = ["none", "valid", "lapsing", "lapsed"]
MARKET = fields.String(
    load_default=None,
    metadata={"description": "an administrator says which market (its code); an operator has one"},
)


def text(description: str = "") -> fields.String:
    return fields.String(load_default="", metadata={"description": description} if description else {})


# What is asked


class MarketQuery(StrictSchema):
    market = MARKET


class StallsQuery(MarketQuery):
    sort = fields.String(load_default="code", metadata={"enum": list(market.STALL_SORTS)})
    descending = fields.Boolean(load_default=False)
    state = fields.String(load_default="all", metadata={"enum": list(market.STALL_STATES)})
    search = text("in code, name, place or vendor")
    cursor = CURSOR
    limit = LIMIT


class VendorsQuery(MarketQuery):
    sort = fields.String(load_default="name", metadata={"enum": list(market.VENDOR_SORTS)})
    descending = fields.Boolean(load_default=False)
    licence = fields.String(load_default="all", metadata={"enum": list(market.VENDOR_LICENCES)})
    search = text("in name, credit code or stall")
    cursor = CURSOR
    limit = LIMIT


class TurnoverQuery(MarketQuery):
    first_day = fields.Date(required=True)
    last_day = fields.Date(required=True, metadata={"description": "at most 366 days from the first to it"})
    by = fields.String(load_default="stall", metadata={"enum": list(market.TURNOVER_BY)})


class PostersQuery(MarketQuery):
    size = fields.String(load_default="A5", metadata={"enum": list(market.POSTER_SIZES)})
    stall = fields.List(
        fields.String(), load_default=None, metadata={"description": "codes; all stalls if none is given"}
    )


class ImportQuery(MarketQuery):
    dry_run = fields.Boolean(
        load_default=True, metadata={"description": "say what the file would do, and do nothing"}
    )


# What is given


class MarketInput(StrictSchema):
    name_zh = fields.String(required=True)
    name_en = text()
    region = fields.String(required=True, metadata={"description": "six digits of GB/T 2260"})
    address = fields.String(required=True)


class NewMarketInput(MarketInput):
    code = fields.String(required=True)


class StallInput(StrictSchema):
    name_zh = fields.String(required=True)
    name_en = text("empty: the Chinese name stands for it")
    kind_zh = fields.String(required=True)
    kind_en = text()
    place_zh = fields.String(required=True)
    place_en = text()


class NewStallInput(StallInput):
    code = fields.String(required=True)


class OpenInput(StrictSchema):
    is_open = fields.Boolean(required=True)


class VendorInput(StrictSchema):
    name_zh = fields.String(required=True)
    name_en = text("empty: the Chinese name stands for it")
    taxpayer_kind = fields.String(required=True, metadata={"enum": TAXPAYERS})
    tax_id = text("18 characters; empty for a natural person")
    self_produced = fields.Boolean(load_default=False)
    tax_period = fields.String(required=True, metadata={"enum": ["month", "quarter"]})
    licence_no = text()
    licence_until = text("the licence's last day, as 2026-12-31, or empty")
    licensed_classes = fields.List(
        fields.String(),
        load_default=list,
        metadata={"description": "the tax classes that the licence covers; empty: not on record"},
    )
    default_tax_class = fields.String(required=True)
    default_name_zh = text("empty: the class's own")
    default_name_en = text("empty: the class's own")
    default_tax_code = text("empty: the class's own")


class AuthorisationInput(StrictSchema):
    vendor_id = fields.Integer(required=True, strict=True, validate=validate.Range(1, 2**63 - 1))
    first_day = fields.String(required=True, metadata={"format": "date"})
    last_day = text("empty: until it is ended")
    weekdays = fields.List(
        fields.Integer(strict=True), required=True, metadata={"description": "0 is Monday, 6 Sunday"}
    )
    begins = fields.String(required=True, metadata={"description": "a time in the market, as 06:00"})
    ends = fields.String(
        required=True,
        metadata={"description": "before `begins`: over midnight; the same: the whole day"},
    )


class EndInput(StrictSchema):
    last_day = fields.Date(required=True)


class ReissueInput(StrictSchema):
    reason = fields.String(required=True)


# What is answered


class Sums(Schema):
    """What a market is told of what was sold; its vendors' tax is theirs and the tax office's to know."""

    orders = fields.Integer()
    amount_fen = fields.Integer()
    invoices = fields.Integer()
    invoiced_fen = fields.Integer()
    invoiced_percent = fields.Integer(allow_none=True)


class Market(Schema):
    id = fields.Integer()
    code = fields.String()
    name = fields.String()
    name_zh = fields.String()
    name_en = fields.String()
    region = fields.String()
    address = fields.String()


class Markets(Schema):
    items = fields.List(fields.Nested(Market))


class AddedCode(Schema):
    code = fields.String()


class AddedId(Schema):
    id = fields.Integer()


class NewPrinting(Schema):
    serial = fields.Integer(metadata={"description": "counts the codes that the stall has had"})


class HourSum(Schema):
    hour = fields.Integer()
    figures = fields.Nested(Sums)


class DaySum(Schema):
    day = fields.Date()
    figures = fields.Nested(Sums)


class LicenceAlert(Schema):
    vendor_id = fields.Integer()
    vendor_name = fields.String()
    licence_no = fields.String(allow_none=True)
    licence_until = fields.Date()
    days_left = fields.Integer()


class UninvoicedAlert(Schema):
    stall_code = fields.String()
    stall_name = fields.String()
    vendor_name = fields.String(allow_none=True)
    days = fields.Integer()
    orders = fields.Integer()
    invoiced_percent = fields.Integer()
    median_percent = fields.Integer()


class SilentAlert(Schema):
    stall_code = fields.String()
    stall_name = fields.String()
    vendor_name = fields.String()
    usual_days = fields.Integer()
    last_sale_at = Instant(allow_none=True)


class Overview(Schema):
    market = fields.Nested(Market)
    day = fields.Date()
    as_of = Instant()
    today = fields.Nested(Sums)
    last_week = fields.Nested(Sums, metadata={"description": "the same weekday, up to the same hour"})
    hours = fields.List(fields.Nested(HourSum))
    stalls = fields.Integer()
    selling = fields.Integer()
    closed = fields.Integer()
    unattended = fields.Integer()
    licences = fields.List(fields.Nested(LicenceAlert))
    uninvoiced = fields.List(fields.Nested(UninvoicedAlert))
    silent = fields.List(fields.Nested(SilentAlert))
    complaints = fields.Integer(metadata={"description": "that nobody has answered"})


class StallLine(Schema):
    code = fields.String()
    name = fields.String()
    place = fields.String()
    kind = fields.String()
    state = fields.String(metadata={"enum": STATES})
    vendor_id = fields.Integer(allow_none=True)
    vendor_name = fields.String(allow_none=True)
    today = fields.Nested(Sums)
    last_sale_at = Instant(allow_none=True)
    serial = fields.Integer(allow_none=True)


class StallPage(Schema):
    items = fields.List(fields.Nested(StallLine))
    next_cursor = fields.String(allow_none=True)


class Hours(Schema):
    weekday = fields.Integer()
    begins = fields.Integer(metadata={"description": "minutes since midnight"})
    ends = fields.Integer()


class SellerAuthorisation(Schema):
    id = fields.Integer()
    stall_code = fields.String()
    stall_name = fields.String()
    vendor_id = fields.Integer()
    vendor_name = fields.String()
    first_day = fields.Date()
    last_day = fields.Date(allow_none=True)
    hours = fields.List(fields.Nested(Hours))
    state = fields.String(metadata={"enum": ["past", "current", "future"]})
    is_now = fields.Boolean()


class Printing(Schema):
    serial = fields.Integer()
    issued_at = Instant()
    replaced_at = Instant(allow_none=True)
    reason = fields.String(allow_none=True)


class StallDetail(Schema):
    line = fields.Nested(StallLine)
    name_zh = fields.String()
    name_en = fields.String()
    kind_zh = fields.String()
    kind_en = fields.String()
    place_zh = fields.String()
    place_en = fields.String()
    is_open = fields.Boolean()
    code_url = fields.String(allow_none=True)
    week = fields.List(fields.Nested(DaySum))
    month = fields.Nested(Sums)
    authorisations = fields.List(fields.Nested(SellerAuthorisation))
    codes = fields.List(fields.Nested(Printing))


class VendorLine(Schema):
    id = fields.Integer()
    name = fields.String()
    taxpayer_kind = fields.String(metadata={"enum": TAXPAYERS})
    tax_id = fields.String(allow_none=True)
    licence = fields.String(metadata={"enum": LICENCES})
    licence_no = fields.String(allow_none=True)
    licence_until = fields.Date(allow_none=True)
    stalls = fields.List(fields.String())
    goods = fields.Integer()
    month = fields.Nested(Sums)
    phone_bound = fields.Boolean()


class VendorPage(Schema):
    items = fields.List(fields.Nested(VendorLine))
    next_cursor = fields.String(allow_none=True)


class VendorDetail(Schema):
    line = fields.Nested(VendorLine)
    name_zh = fields.String()
    name_en = fields.String()
    self_produced = fields.Boolean()
    tax_period = fields.String()
    default_name_zh = fields.String()
    default_name_en = fields.String()
    default_tax_code = fields.String()
    default_tax_class = fields.String()
    licensed_classes = fields.List(fields.String())
    account_id = fields.Integer(allow_none=True)
    week = fields.List(fields.Nested(DaySum))
    authorisations = fields.List(fields.Nested(SellerAuthorisation))


class TurnoverRow(Schema):
    key = fields.String()
    label = fields.String()
    amount_fen = fields.Integer()
    figures = fields.Nested(Sums, allow_none=True)
    lines = fields.Integer(allow_none=True)
    quantity = decimal("quantity")
    unit = fields.String(allow_none=True)


class Turnover(Schema):
    by = fields.String()
    first_day = fields.Date()
    last_day = fields.Date()
    total_fen = fields.Integer()
    rows = fields.List(fields.Nested(TurnoverRow))
    is_cut = fields.Boolean(
        metadata={"description": "more kinds were sold than are listed; the total counts all"}
    )


class WallStall(Schema):
    code = fields.String()
    name = fields.String()
    state = fields.String(metadata={"enum": STATES})


class WallSale(Schema):
    stall_code = fields.String()
    stall_name = fields.String()
    amount_fen = fields.Integer()
    paid_at = Instant()


class WallHead(Schema):
    size = fields.Integer()
    root = fields.String()
    tx_hash = fields.String()
    block_number = fields.Integer()
    block_time = Instant()
    state = fields.String(metadata={"enum": ["mined", "final"]})


class Wall(Schema):
    as_of = Instant()
    today = fields.Nested(Sums)
    hours = fields.List(fields.Nested(HourSum))
    stalls = fields.List(fields.Nested(WallStall))
    sales = fields.List(fields.Nested(WallSale))
    heads = fields.List(fields.Nested(WallHead))
    sealed_size = fields.Integer()
    chain_answers = fields.Boolean()


class RowProblem(Schema):
    row = fields.Integer(metadata={"description": "as the spreadsheet counts"})
    column = fields.String()
    message = fields.String()


class Imported(Schema):
    done = fields.Boolean(
        metadata={"description": "nothing was done where there are problems, nor in a dry run"}
    )
    rows = fields.Integer()
    added = fields.Function(lambda found: found["outcome"].count("added"), metadata={"type": "integer"})
    changed = fields.Function(lambda found: found["outcome"].count("changed"), metadata={"type": "integer"})
    unchanged = fields.Function(
        lambda found: found["outcome"].count("unchanged"), metadata={"type": "integer"}
    )
    problems = fields.List(fields.Nested(RowProblem))


def given_vendor(given: dict[str, Any]) -> dict[str, str]:
    """As a form would send it, which is how `flow.manage_vendor` reads it."""
    return given | {
        "self_produced": "1" if given["self_produced"] else "",
        "licensed_classes": " ".join(given["licensed_classes"]),
    }
