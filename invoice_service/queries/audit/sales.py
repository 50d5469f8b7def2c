"""A SALE: the body is the paid order and its payment, and the columns beside it are what the body says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from invoice_service.domain.invoice import decimal_text, instant_text
from invoice_service.domain.tax import rule_by_id
from invoice_service.ledger.entry import Entry
from invoice_service.queries.audit.differs import holds, same
from invoice_service.queries.audit.documents import Documents, by_fact, opened, without_buyer
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit

PAID = ("paid", "refunded")
Sale = tuple[Row[Any], Sequence[Row[Any]]]


def _read(connection: Connection, facts: Sequence[str]) -> Mapping[str, Sale]:
    ids = []
    for fact in facts:
        with suppress(ValueError):  # one that is no order's id has no sale
            ids.append(UUID(fact))
    sales, lines = audit.sales(connection, ids)
    lines_of = by_fact(lines)
    return {row.fact: (row, lines_of.get(row.fact, ())) for row in sales}


def _check(_connection: Connection, issuer: Issuer, entry: Entry, sale: Sale) -> None:
    row, lines = sale
    without_buyer(entry)
    body = opened(row.body, row.salt, entry, issuer, "sale")
    same(bytes(row.commitment), entry.body_commitment, "column commitment")
    same(body["order"], row.fact, "the body's order")
    _check_amounts(row, body)
    _check_order(row, body)
    _check_lines(lines, body["lines"])
    _check_tax(row, body["lines"])


def _check_amounts(row: Row[Any], body: Mapping[str, Any]) -> None:
    same(row.amount_fen, body["total_fen"], "column amount_fen")
    same(row.paid_fen, body["total_fen"], "the payment")
    same(sum(line["amount_fen"] for line in body["lines"]), body["total_fen"], "the sum of the body's lines")


def _check_order(row: Row[Any], body: Mapping[str, Any]) -> None:
    same(row.disposition, "settles", "the payment's disposition")
    holds(row.status in PAID, f"the order is {row.status}")
    same(row.provider, body["provider"], "the payment's provider")
    same(instant_text(row.paid_at), body["paid_at"], "the payment's time")
    same(instant_text(row.order_paid_at), body["paid_at"], "the order's time of payment")
    same(row.market_id, row.order_market_id, "column market_id")
    same(row.market, body["market"]["code"], "the order's market")
    same(row.stall, body["stall"]["code"], "the order's stall")
    same(row.taxpayer_kind, body["seller"]["kind"], "column taxpayer_kind")


def _check_lines(rows: Sequence[Row[Any]], lines: Sequence[Mapping[str, Any]]) -> None:
    same(len(rows), len(lines), "how many lines the order has")
    for row, line in zip(rows, lines, strict=True):
        same(row.amount_fen, line["amount_fen"], "an order line's amount")
        same(row.name_zh, line["name"], "an order line's name")
        same(row.tax_code, line["tax_code"], "an order line's tax code")
        same(row.unit, line["unit"], "an order line's unit")
        same(decimal_text(row.quantity), line["quantity"], "an order line's quantity")
        same(decimal_text(row.unit_price), line["unit_price"], "an order line's price")


def _check_tax(row: Row[Any], lines: Sequence[Mapping[str, Any]]) -> None:
    """The rules that were noted for the lines come to the sums that were noted for the sale."""
    same(len(row.line_rules), len(lines), "how many lines have a tax rule")
    net_fen = exempt_fen = 0
    for rule_id, tax_fen, line in zip(row.line_rules, row.line_tax_fen, lines, strict=True):
        rule = rule_by_id(rule_id)
        line_net_fen, line_tax_fen = rule.split(line["amount_fen"])
        same(tax_fen, line_tax_fen, "a line's tax")
        if rule.treatment == "exempt":
            exempt_fen += line["amount_fen"]
        else:
            net_fen += line_net_fen
    same(row.exempt_fen, exempt_fen, "column exempt_fen")
    same(row.taxable_net_fen, net_fen, "column taxable_net_fen")
    same(row.tax_fen, sum(row.line_tax_fen), "column tax_fen")


SALES = Documents("sale", _read, _check)
