"""The documents: a SALE body, an invoice body without its buyer, and the buyer on a page of their own.

Each is a plain JSON value (strings, integers, lists, objects) whose canonical bytes are the document.
Decimals are written as strings, money as integers in fen, instants as UTC with milliseconds and Z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from invoice_service.domain.capitals import in_capitals
from invoice_service.domain.order import Order, OrderLine, Stall
from invoice_service.domain.party import Buyer
from invoice_service.domain.tax import TaxRule, rule_on
from invoice_service.errors import N_, NotFound

Document = dict[str, Any]


class UnknownInvoice(NotFound):
    code = "invoice.unknown"
    message = N_("There is no such invoice, or this link is not the one it was given with.")


@dataclass(frozen=True, slots=True)
class TaxedLine:
    line: OrderLine
    rule: TaxRule
    net_fen: int
    tax_fen: int


def taxed_lines(lines: Sequence[OrderLine], stall: Stall, day: date) -> tuple[TaxedLine, ...]:
    """Each line with the rule that holds for it on a Shanghai day. Raises NoTaxRule."""
    taxed = []
    for line in lines:
        rule = rule_on(line.tax_class, stall.taxpayer, stall.self_produced, day)
        taxed.append(TaxedLine(line, rule, *rule.split(line.amount_fen)))
    return tuple(taxed)


def instant_text(instant: datetime) -> str:
    """UTC with milliseconds: 2026-11-23T03:26:51.123Z."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sale_body(order: Order, *, issuer: str, provider: str, paid_at: datetime) -> Document:
    """The transaction attestation 交易鉴证 of a paid order, invoiced or not."""
    return {
        "type": "sale",
        "version": 1,
        "issuer": issuer,
        "order": str(order.id),
        "paid_at": instant_text(paid_at),
        "provider": provider,
        "market": _market(order.stall),
        "stall": _stall(order.stall),
        "seller": _seller(order.stall),
        "lines": [_order_line(line) for line in order.lines],
        "total_fen": order.amount_fen,
    }


def invoice_body(
    stall: Stall, taxed: Sequence[TaxedLine], *, number: str, issuer: str, sale: str, issued_at: datetime
) -> Document:
    """`sale` is the hex commitment of the order's SALE body, so that the two entries prove each other."""
    total_fen = sum(item.line.amount_fen for item in taxed)
    return {
        "type": "invoice",
        "version": 1,
        "number": number,
        "issuer": issuer,
        "issued_at": instant_text(issued_at),
        "market": _market(stall),
        "stall": _stall(stall),
        "seller": _seller(stall),
        "sale": sale,
        "lines": [_taxed_line(item) for item in taxed],
        "net_fen": sum(item.net_fen for item in taxed),
        "tax_fen": sum(item.tax_fen for item in taxed),
        "total_fen": total_fen,
        "total_capitals": in_capitals(total_fen),
        "remarks": "",
    }


def buyer_document(number: str, buyer: Buyer) -> Document:
    return {
        "type": "buyer",
        "version": 1,
        "invoice": number,
        "kind": buyer.kind.value,
        "name": buyer.name,
        "tax_id": buyer.tax_id,
    }


def decimal_text(value: Decimal) -> str:
    """Without exponent or trailing zeros: Decimal("2.50") → "2.5"."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _market(stall: Stall) -> Document:
    return {"code": stall.market_code, "name": stall.market_name_zh, "region": stall.region}


def _stall(stall: Stall) -> Document:
    return {"code": stall.code, "name": stall.name_zh}


def _seller(stall: Stall) -> Document:
    return {"name": stall.seller_name, "tax_id": stall.seller_tax_id, "kind": stall.taxpayer.value}


def _order_line(line: OrderLine) -> Document:
    return {
        "name": line.name_zh,
        "tax_code": line.tax_code,
        "unit": line.unit,
        "quantity": decimal_text(line.quantity),
        "unit_price": decimal_text(line.unit_price),
        "amount_fen": line.amount_fen,
    }


def _taxed_line(item: TaxedLine) -> Document:
    return _order_line(item.line) | {
        "net_fen": item.net_fen,
        "tax_fen": item.tax_fen,
        "rate": f"{item.rule.rate:.2f}",
        "treatment": item.rule.treatment,
        "rule": item.rule.id,
        "basis": item.rule.basis,
    }
