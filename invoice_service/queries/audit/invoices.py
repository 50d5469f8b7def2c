"""An INVOICE: body, buyer, token and claim key are those of its entry, and the columns say what it says.

A buyer who was erased took their document and its salt along. What was committed to cannot be told from the
commitment, and nothing else of the invoice needs it, so that is no fault: it is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, Row

from invoice_service.domain.capitals import in_capitals
from invoice_service.domain.invoice import instant_text
from invoice_service.domain.token import INVOICE, fingerprint
from invoice_service.keyring import Keyring
from invoice_service.ledger.entry import Entry, buyer_commitment
from invoice_service.ledger.keys import address_of
from invoice_service.queries.audit.differs import Differs, alike, holds, same
from invoice_service.queries.audit.documents import Documents, by_fact, opened, value
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit

_capitals = lru_cache(maxsize=10_000)(in_capitals)
SUMS_OF = itemgetter("net_fen", "tax_fen", "total_fen")
COLUMNS = ("column net_fen", "column tax_fen", "column total_fen", "column issued_at")
LINE_SUMS = ("net_fen", "tax_fen", "amount_fen")
SUMMED = ("the lines' net", "the lines' tax", "the lines' sum", "the total in capitals")
PLACE = ("column market_id", "column stall_id", "column vendor_id", "its market", "its stall")
LINE = ("tax_code", "net_fen", "tax_fen", "rule")
LINE_SAID = tuple(f"a stored line's {name}" for name in LINE)
OF_LINE = itemgetter(*LINE)
Invoice = tuple[Row[Any], Sequence[Row[Any]]]


def is_erased(invoice: Invoice) -> bool:
    return invoice[0].erased_at is not None


def _read(connection: Connection, numbers: Sequence[str]) -> Mapping[str, Invoice]:
    invoices, lines = audit.invoices(connection, numbers)
    lines_of = by_fact(lines)
    return {row.fact: (row, lines_of.get(row.fact, ())) for row in invoices}


def _check(_connection: Connection, issuer: Issuer, entry: Entry, invoice: Invoice) -> None:
    row, lines = invoice
    body = opened(row.body, row.body_salt, entry, issuer, "invoice")
    same(body["number"], row.fact, "the body's number")
    _check_buyer(row, entry)
    _check_secrets(row, entry, issuer.keyring)
    same(body["sale"], bytes(row.sale).hex(), "the sale that the body names")
    _check_amounts(row, body)
    _check_place(row, body)
    _check_lines(lines, body["lines"])


def _check_buyer(row: Row[Any], entry: Entry) -> None:
    holds(row.buyer_of is not None, "there is no row for its buyer")
    if row.erased_at is not None:
        return
    committed = buyer_commitment(row.buyer_salt, row.buyer)
    holds(committed == entry.buyer_commitment, "the buyer's document is not what its entry commits to")
    same(value(row.buyer, "the buyer's document")["invoice"], row.fact, "the number that the buyer's has")


def _check_secrets(row: Row[Any], entry: Entry, keyring: Keyring) -> None:
    same(bytes(row.claim_address), entry.claim_address, "column claim_address")
    try:
        key = keyring.unseal(row.claim_key, row.fact.encode())
    except InvalidTag as error:
        raise Differs("the claim key was not sealed by this installation's vault for it") from error
    same(address_of(key), entry.claim_address, "the address of its claim key")
    token = keyring.tokens.derive(INVOICE, row.fact)
    holds(row.token_hash == fingerprint(token), "column token_hash is not that of its token")


def _check_amounts(row: Row[Any], body: Mapping[str, Any]) -> None:
    lines, sums = body["lines"], SUMS_OF(body)
    columns = (row.net_fen, row.tax_fen, row.total_fen, instant_text(row.issued_at))
    alike(COLUMNS, columns, (*sums, body["issued_at"]))
    summed = tuple(sum(line[name] for line in lines) for name in LINE_SUMS)
    alike(SUMMED, (*summed, _capitals(body["total_fen"])), (*sums, body["total_capitals"]))


def _check_place(row: Row[Any], body: Mapping[str, Any]) -> None:
    found = (row.market_id, row.stall_id, row.vendor_id, row.market, row.stall)
    its_order = (row.order_market_id, row.order_stall_id, row.order_vendor_id)
    alike(PLACE, found, (*its_order, body["market"]["code"], body["stall"]["code"]))


def _check_lines(rows: Sequence[Row[Any]], lines: Sequence[Mapping[str, Any]]) -> None:
    same(len(rows), len(lines), "how many lines are stored")
    for row, line in zip(rows, lines, strict=True):
        alike(LINE_SAID, (row.tax_code, row.net_fen, row.tax_fen, row.rule), OF_LINE(line))


INVOICES = Documents("invoice", _read, _check)
