"""The shapes that the API takes and gives. Unknown fields are refused, nothing is guessed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from invoice_service.domain.invoice import instant_text
from invoice_service.domain.refund import Reason, RefundStatus
from invoice_service.errors import N_
from invoice_service.queries import documents

GIVE_ONE = N_("Give either amount_fen or lines.")
KIND_OR_CODE = N_("Give either kind or header_code.")
CODE_LENGTH = N_("A code has 1 to 60 characters.")
SAID_BY_MARSHMALLOW = (
    N_("Field may not be null."),
    N_("Invalid input type."),
    N_("Missing data for required field."),
    N_("Not a valid integer."),
    N_("Not a valid list."),
    N_("Not a valid string."),
    N_("Unknown field."),
)
"""Its own words, listed here so that the catalogue of translations holds them."""


class Instant(fields.DateTime):
    """UTC with milliseconds and Z, as in the documents."""

    def _serialize(self, value: datetime | None, *_: object, **__: object) -> str | None:
        return None if value is None else instant_text(value)


class StrictSchema(Schema):
    class Meta:
        unknown = RAISE


class LineInput(StrictSchema):
    sku = fields.String(required=True, validate=validate.Length(1, 60, error=CODE_LENGTH))
    quantity = fields.String(required=True, metadata={"description": 'a decimal string such as "2.5"'})


class OrderInput(StrictSchema):
    amount_fen = fields.Integer(
        strict=True, metadata={"description": "a plain amount, sold under the stall's default goods class"}
    )
    lines = fields.List(fields.Nested(LineInput))

    @validates_schema
    def one_way(self, data: dict[str, object], **_: object) -> None:
        if ("amount_fen" in data) == ("lines" in data):
            raise ValidationError(GIVE_ONE, "amount_fen")


class XmlQuery(StrictSchema):
    format = fields.String(
        load_default="ubl",
        metadata={
            "enum": list(documents.XML_FORMATS),
            "description": "UBL 2.1 to EN 16931, or flat with Chinese names",
        },
    )


class BuyerInput(StrictSchema):
    """Kind, name and tax_id; or the code that WeChat and Alipay show for an invoice header, alone."""

    kind = fields.String(metadata={"enum": ["individual", "organization"]})
    name = fields.String(load_default="")
    tax_id = fields.String(load_default=None, allow_none=True)
    header_code = fields.String(
        load_default=None, metadata={"description": "$01…$; only name and tax number are taken from it"}
    )

    @validates_schema
    def one_way(self, data: dict[str, object], **_: object) -> None:
        if ("kind" in data) == (data["header_code"] is not None):
            raise ValidationError(KIND_OR_CODE, "kind")


class InvoiceInput(StrictSchema):
    buyer = fields.Nested(BuyerInput, required=True)


class FactsInput(StrictSchema):
    number = fields.String(required=True)
    date = fields.String(required=True, metadata={"format": "date"})
    total_yuan = fields.String(required=True, metadata={"description": 'as "12.50"'})


class Goods(Schema):
    sku = fields.String()
    name = fields.String()
    unit = fields.String()
    price_fen = fields.Integer()
    available = fields.Boolean()


class Stall(Schema):
    code = fields.String()
    name = fields.String()
    place = fields.String()
    kind = fields.String()
    market_name = fields.String()
    vendor_name = fields.String(
        allow_none=True, metadata={"description": "null while nobody is authorised to sell there"}
    )
    is_open = fields.Boolean()
    is_checked = fields.Boolean(metadata={"description": "whether the code carries the market's signature"})
    default_goods = fields.String(allow_none=True)
    goods = fields.List(fields.Nested(Goods))


class PlacedOrder(Schema):
    order_id = fields.String(metadata={"description": "opens the order; keep it to yourself"})
    amount_fen = fields.Integer()
    status = fields.String()
    pay_url = fields.String()
    expires_at = Instant()


class Refund(Schema):
    refund_id = fields.UUID()
    status = fields.String(metadata={"enum": [status.value for status in RefundStatus]})
    reason = fields.String(metadata={"enum": [reason.value for reason in Reason]})
    amount_fen = fields.Integer()
    asked_at = Instant()
    consent_until = Instant(
        allow_none=True, metadata={"description": "until when the company that claimed it may agree"}
    )
    paid_back_at = Instant(allow_none=True)
    settled_at = Instant(allow_none=True)
    note_number = fields.String(allow_none=True)


class CreditNote(Schema):
    """红字发票, in force."""

    number = fields.String()
    reason = fields.String(metadata={"enum": [reason.value for reason in Reason]})
    total_fen = fields.Integer(metadata={"description": "what is taken off"})
    whole = fields.Boolean(metadata={"description": "whether nothing of the invoice is left"})
    issued_at = Instant()


class Order(Schema):
    order_id = fields.String()
    amount_fen = fields.Integer()
    rounded_off_fen = fields.Integer(metadata={"description": "抹零: what the vendor let go before"})
    status = fields.String(metadata={"enum": ["open", "paid", "closed", "refunded"]})
    created_at = Instant()
    expires_at = Instant()
    paid_at = Instant(allow_none=True)
    invoice_number = fields.String(allow_none=True)
    refunds = fields.List(fields.Nested(Refund))


class IssuedInvoice(Schema):
    number = fields.String()
    token = fields.String(metadata={"description": "the bearer token that opens this invoice"})
    total_fen = fields.Integer()
    issued_at = Instant()


class Ledger(Schema):
    state = fields.String(metadata={"enum": ["queued", "sealed", "mined", "final"]})
    index = fields.Integer(allow_none=True)
    tree_size = fields.Integer(allow_none=True)
    tx_hash = fields.String(allow_none=True)
    block_number = fields.Integer(allow_none=True)
    waiting = fields.Boolean(metadata={"description": "true while the chain is not answering"})


class Ground(Schema):
    reason_zh = fields.String()
    reason_en = fields.String()
    basis = fields.String(metadata={"description": "the document that says so"})
    first_day = fields.Date()
    last_day = fields.Date(allow_none=True, metadata={"description": "null while its end is not known"})
    confirmed = fields.Boolean(
        metadata={"description": "false: applied, and not yet confirmed to be in force"}
    )


class Why(Schema):
    rule = fields.String(metadata={"description": "its id among the tax rules, as in the invoice"})
    law = fields.Nested(Ground)
    small_sales = fields.Nested(
        Ground,
        allow_none=True,
        metadata={"description": "when the tax of a small seller's line is not levied in the end"},
    )


class InvoiceLine(Schema):
    name = fields.String()
    quantity = fields.Function(lambda line: f"{line.quantity:f}", metadata={"type": "string"})
    unit = fields.String()
    unit_price = fields.Function(lambda line: f"{line.unit_price:f}", metadata={"type": "string"})
    amount_fen = fields.Integer()
    tax_label = fields.String()
    tax_fen = fields.Integer()
    why = fields.Nested(Why, metadata={"description": "why this tax"})


class Invoice(Schema):
    number = fields.String()
    status = fields.String(metadata={"enum": ["valid", "credited_in_part", "credited"]})
    claim = fields.String(allow_none=True, metadata={"enum": ["claimed", "locked", None]})
    claimed_at = Instant(allow_none=True)
    issued_at = Instant()
    seller_name = fields.String()
    seller_tax_id = fields.String(allow_none=True)
    market_name = fields.String()
    stall_name = fields.String()
    buyer_kind = fields.String(allow_none=True)
    buyer_name = fields.String(allow_none=True)
    buyer_tax_id = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(InvoiceLine))
    net_fen = fields.Integer()
    tax_fen = fields.Integer()
    total_fen = fields.Integer()
    total_capitals = fields.String()
    ledger = fields.Nested(Ledger)
    refunds = fields.List(fields.Nested(Refund))
    credit_notes = fields.List(fields.Nested(CreditNote))


class PdfQuery(StrictSchema):
    format = fields.String(load_default=documents.PAPERS[0], metadata={"enum": list(documents.PAPERS)})


class MailInput(StrictSchema):
    address = fields.String(required=True, metadata={"format": "email"})


class HandoverInput(StrictSchema):
    claimant = fields.String(
        required=True, metadata={"description": "the company's Ethereum address, 0x and 40 hex digits"}
    )
    nonce = fields.Integer(
        required=True, strict=True, metadata={"description": "nonces(claimant), in the contract"}
    )
    deadline = fields.Integer(
        required=True, strict=True, metadata={"description": "Unix seconds, at most a week from now"}
    )


class HexBytes(fields.Field[bytes]):
    """Bytes as lower-case hex without prefix, as everywhere in SPEC.md."""

    def _serialize(self, value: bytes | None, *_arguments: Any, **_options: Any) -> str | None:
        return None if value is None else value.hex()


class ClaimEpoch(Schema):
    nonce = HexBytes()
    chain_id = fields.Integer()
    contract = HexBytes()


class Handover(Schema):
    number = fields.String()
    claim_address = HexBytes()
    r = HexBytes()
    vs = HexBytes()
    epoch = fields.Nested(ClaimEpoch)


class Step(Schema):
    name = fields.String()
    outcome = fields.String(metadata={"enum": ["passed", "failed", "undecided"]})
    detail = fields.String()


class Verdict(Schema):
    verdict = fields.String(metadata={"enum": ["genuine", "altered", "unknown", "undecided"]})
    sentence = fields.String()
    status = fields.String(
        allow_none=True, metadata={"enum": ["valid", "credited_in_part", "credited", None]}
    )
    claim = fields.String(allow_none=True, metadata={"enum": ["claimed", "locked", None]})
    claimed_at = Instant(allow_none=True)
    document = fields.String(allow_none=True, metadata={"enum": ["invoice", "credit-note", None]})
    number = fields.String(allow_none=True)
    total_fen = fields.Integer(allow_none=True)
    issued_at = Instant(allow_none=True)
    seller_name = fields.String(allow_none=True)
    steps = fields.List(fields.Nested(Step))


class Problem(Schema):
    """RFC 9457."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata={"description": "stable; what programs should look at"})
    errors = fields.Dict(keys=fields.String(), values=fields.String())


class Figures(Schema):
    """Sums over some time; exempt_fen + taxable_net_fen + tax_fen = amount_fen."""

    orders = fields.Integer()
    amount_fen = fields.Integer()
    exempt_fen = fields.Integer()
    taxable_net_fen = fields.Integer()
    tax_fen = fields.Integer()
    invoices = fields.Integer()
    invoiced_fen = fields.Integer()
    invoiced_percent = fields.Integer(allow_none=True)
