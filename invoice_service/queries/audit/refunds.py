"""A REFUND and a CREDIT_NOTE: what went back is what was asked, paid, credited on chain and written down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from invoice_service.domain.capitals import in_capitals
from invoice_service.domain.invoice import instant_text
from invoice_service.ledger.entry import Entry, body_commitment
from invoice_service.queries.audit.differs import Difference, alike, holds, same
from invoice_service.queries.audit.documents import Documents, by_fact, opened, value, without_buyer
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit_refunds

REFUND = ("refund", "order", "reason", "provider", "paid_back_at", "amount_fen", "sale", "credit_note")
REFUND_SAID = tuple(f"the body's {name}" for name in REFUND)
OF_REFUND = itemgetter(*REFUND)
LINE = ("line", "quantity", "amount_fen")
LINE_SAID = tuple(f"a stored line's {name}" for name in LINE)
OF_LINE = itemgetter(*LINE)
NOTE = ("number", "refund", "reason", "notes", "whole", "net_fen", "tax_fen", "total_fen", "issued_at")
NOTE_SAID = tuple(f"column {name}" for name in NOTE)
OF_NOTE = itemgetter(*NOTE)
SUMS = ("net_fen", "tax_fen", "amount_fen")
SUMMED = ("the lines' net", "the lines' tax", "the lines' sum", "the total in capitals")
NOTE_LINE = ("quantity", "amount_fen", "net_fen", "tax_fen", "rule")
NOTE_LINE_SAID = tuple(f"a stored line's {name}" for name in NOTE_LINE)
OF_NOTE_LINE = itemgetter(*NOTE_LINE)
Found = tuple[Row[Any], Sequence[Row[Any]]]


def _read_refunds(connection: Connection, facts: Sequence[str]) -> Mapping[str, Found]:
    ids = []
    for fact in facts:
        with suppress(ValueError):  # one that is no id has no refund
            ids.append(UUID(fact))
    rows, lines = audit_refunds.refunds(connection, ids)
    lines_of = by_fact(lines)
    return {row.fact: (row, lines_of.get(row.fact, ())) for row in rows}


def _check_refund(_connection: Connection, issuer: Issuer, entry: Entry, found: Found) -> None:
    row, lines = found
    without_buyer(entry)
    body = opened(row.body, row.salt, entry, issuer, "refund")
    same(bytes(row.commitment), entry.body_commitment, "column commitment")
    kept = (row.fact, row.order_id, row.reason, row.provider, instant_text(row.paid_back_at), row.amount_fen,
            bytes(row.sale).hex(), row.note and bytes(row.note).hex())  # fmt: skip
    alike(REFUND_SAID, OF_REFUND(body), kept)
    same(sum(line["amount_fen"] for line in body["lines"]), row.amount_fen, "the sum of the body's lines")
    same(len(lines), len(body["lines"]), "how many lines are stored")
    for line, said in zip(lines, body["lines"], strict=True):
        alike(LINE_SAID, (line.n, line.quantity, line.amount_fen), OF_LINE(said))


def _read_notes(connection: Connection, numbers: Sequence[str]) -> Mapping[str, Found]:
    rows, lines = audit_refunds.notes(connection, numbers)
    lines_of = by_fact(lines)
    return {row.fact: (row, lines_of.get(row.refund, ())) for row in rows}


def _check_note(_connection: Connection, issuer: Issuer, entry: Entry, found: Found) -> None:
    row, lines = found
    without_buyer(entry)
    body = opened(row.body, row.body_salt, entry, issuer, "credit-note")
    same(bytes(row.commitment), entry.body_commitment, "column commitment")
    kept = (row.fact, row.refund, row.reason, row.notes, row.whole, row.net_fen, row.tax_fen, row.total_fen,
            instant_text(row.issued_at))  # fmt: skip
    alike(NOTE_SAID, kept, OF_NOTE(body))
    holds(row.noted is not None, "no event of the contract put it in force")
    same((row.noted, row.noted_whole), (row.commitment, row.whole), "what the contract's event noted")
    same(row.paid_back_fen, row.total_fen, "what was paid back")
    _check_original(row, body)
    _check_note_lines(lines, body)


def _check_original(row: Row[Any], body: Mapping[str, Any]) -> None:
    original, invoice = body["invoice"], value(row.invoice_body, "the invoice's body")
    said = (original["number"], original["issued_at"], original["commitment"])
    commitment = body_commitment(row.invoice_salt, row.invoice_body).hex()
    same(said, (invoice["number"], invoice["issued_at"], commitment), "the invoice that the body names")
    same(original["number"], row.invoice_number, "column invoice_number")


def _check_note_lines(rows: Sequence[Row[Any]], body: Mapping[str, Any]) -> None:
    lines = body["lines"]
    summed = (*(sum(line[name] for line in lines) for name in SUMS), in_capitals(body["total_fen"]))
    alike(SUMMED, summed, (body["net_fen"], body["tax_fen"], body["total_fen"], body["total_capitals"]))
    same(len(rows), len(lines), "how many lines are stored")
    for row, line in zip(rows, lines, strict=True):
        stored = (row.quantity, row.amount_fen, row.net_fen, row.tax_fen, row.rule)
        alike(NOTE_LINE_SAID, stored, OF_NOTE_LINE(line))


REFUNDS = Documents("refund", _read_refunds, _check_refund)
CREDIT_NOTES = Documents("credit note", _read_notes, _check_note)


def differences(connection: Connection) -> Iterator[Difference]:
    """What refunds come to stands on the lines and sales that they took from."""
    for row in audit_refunds.miscounted_lines(connection):
        what = f"line {row.n}: what went back of it is not what its refunds come to"
        yield Difference(f"sale {row.order_id}", what)
    for order_id in audit_refunds.miscounted_sales(connection):
        yield Difference(f"sale {order_id}", "column kept_fen is not what was left")
