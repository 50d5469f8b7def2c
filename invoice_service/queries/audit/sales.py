"""A SALE: the body is the paid order and its payment, and the columns beside it are what the body says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.domain.invoice import instant_text
from invoice_service.domain.tax import rule_by_id
from invoice_service.ledger.entry import Entry
from invoice_service.queries.audit.differs import alike, holds, same
from invoice_service.queries.audit.documents import Documents, by_fact, opened, without_buyer
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit

ORDER_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PAID = ("paid", "refunded")
AMOUNTS = ("column amount_fen", "the payment", "the sum of the body's lines")
ORDER = ("the payment's disposition", "the payment's provider", "the payment's time", "the order's paid_at",
         "column market_id", "the order's market", "the order's stall", "column taxpayer_kind")  # fmt: skip
TAX = ("column exempt_fen", "column taxable_net_fen", "column tax_fen")
LINE = ("amount_fen", "name", "tax_code", "unit", "quantity", "unit_price")
LINE_SAID = tuple(f"an order line's {name}" for name in LINE)
OF_LINE = itemgetter(*LINE)
Sale = tuple[Row[Any], Sequence[Row[Any]]]


def _read(connection: Connection, facts: Sequence[str]) -> Mapping[str, Sale]:
    ids = [fact for fact in facts if ORDER_ID.fullmatch(fact)]  # what is none has no sale
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
    total_fen = body["total_fen"]
    summed_fen = sum(line["amount_fen"] for line in body["lines"])
    alike(AMOUNTS, (row.amount_fen, row.paid_fen, summed_fen), (total_fen, total_fen, total_fen))


def _check_order(row: Row[Any], body: Mapping[str, Any]) -> None:
    holds(row.status in PAID, f"the order is {row.status}")
    found = (row.disposition, row.provider, instant_text(row.paid_at), row.order_paid_at, row.market_id,
             row.market, row.stall, row.taxpayer_kind)  # fmt: skip
    wanted = ("settles", body["provider"], body["paid_at"], row.paid_at, row.order_market_id,
              body["market"]["code"], body["stall"]["code"], body["seller"]["kind"])  # fmt: skip
    alike(ORDER, found, wanted)


def _check_lines(rows: Sequence[Row[Any]], lines: Sequence[Mapping[str, Any]]) -> None:
    same(len(rows), len(lines), "how many lines the order has")
    for row, line in zip(rows, lines, strict=True):
        alike(LINE_SAID, row[1:], OF_LINE(line))


def _check_tax(row: Row[Any], lines: Sequence[Mapping[str, Any]]) -> None:
    """The rules that were noted for the lines come to the sums that were noted for the sale."""
    same(len(row.line_rules), len(lines), "how many lines have a tax rule")
    parts = [_parts(rule, line["amount_fen"]) for rule, line in zip(row.line_rules, lines, strict=True)]
    same(row.line_tax_fen, [tax_fen for _, _, tax_fen in parts], "column line_tax_fen")
    found = (row.exempt_fen, row.taxable_net_fen, row.tax_fen)
    alike(TAX, found, tuple(map(sum, zip(*parts, strict=True))))


@lru_cache(maxsize=10_000)  # a market has few prices
def _parts(rule_id: str, amount_fen: int) -> tuple[int, int, int]:
    """(exempt, taxable net, tax) of a line."""
    rule = rule_by_id(rule_id)
    net_fen, tax_fen = rule.split(amount_fen)
    return (amount_fen, 0, tax_fen) if rule.treatment == "exempt" else (0, net_fen, tax_fen)


SALES = Documents("sale", _read, _check)
