"""The documents of a refund: the REFUND body, and the credit note 红字发票 where the order had its invoice.

The original never changes: a credit note names it and its bytes, and says what is taken off, in positive
numbers. It is drawn up when the refund is asked for, since a company that has claimed the invoice agrees to
these bytes and no others; it is in force once the contract has written it down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from invoice_service.domain.capitals import in_capitals
from invoice_service.domain.invoice import Document, decimal_text, instant_text
from invoice_service.domain.refund import BackLine, Reason, back_price
from invoice_service.errors import N_, NotFound

NOTHING_TO_PAY = N_("A genuine credit note: it takes from the invoice that it names. It is nothing to pay.")
_GOODS, _TAX = ("name", "tax_code", "unit"), ("rate", "treatment", "rule", "basis")  # as they were invoiced
_PARTIES = ("issuer", "market", "stall", "seller")


class UnknownCreditNote(NotFound):
    code = "credit_note.unknown"
    message = N_("This invoice has no such credit note.")


def credit_note_body(
    invoice: Document,
    parts: Sequence[BackLine],
    *,
    number: str,
    original: str,
    refund: str,
    reason: Reason,
    notes: int,
    whole: bool,
    issued_at: datetime,
) -> Document:
    """`original` is the hex commitment of the invoice's body, `notes` how many credit notes it had before."""
    total_fen = sum(part.amount_fen for part in parts)
    return {
        "type": "credit-note",
        "version": 1,
        "number": number,
        "issued_at": instant_text(issued_at),
        **{name: invoice[name] for name in _PARTIES},
        "invoice": {
            "number": invoice["number"],
            "issued_at": invoice["issued_at"],
            "commitment": original,
        },
        "refund": refund,
        "reason": reason.value,
        "notes": notes,
        "whole": whole,
        "lines": [_note_line(part, invoice["lines"][part.sold.place]) for part in parts],
        "net_fen": sum(part.net_fen for part in parts),
        "tax_fen": sum(part.tax_fen for part in parts),
        "total_fen": total_fen,
        "total_capitals": in_capitals(total_fen),
        "remarks": "",
    }


def refund_body(
    *,
    issuer: str,
    refund: str,
    order: str,
    sale: str,
    credit_note: str | None,
    reason: Reason,
    provider: str,
    paid_back_at: datetime,
    parts: Sequence[tuple[int, str | None, int]],
) -> Document:
    """`sale` and `credit_note` are hex commitments of bodies; each part is (the sale's line, its quantity or
    None, fen)."""
    return {
        "type": "refund",
        "version": 1,
        "issuer": issuer,
        "refund": refund,
        "order": order,
        "sale": sale,
        "credit_note": credit_note,
        "reason": reason.value,
        "provider": provider,
        "paid_back_at": instant_text(paid_back_at),
        "lines": [
            {"line": line, "quantity": quantity, "amount_fen": amount_fen}
            for line, quantity, amount_fen in parts
        ],
        "amount_fen": sum(amount_fen for _, _, amount_fen in parts),
    }


def _note_line(part: BackLine, line: dict[str, Any]) -> Document:
    return {
        "line": part.sold.place,
        **{name: line[name] for name in _GOODS},
        "unit_price": decimal_text(back_price(part)),
        **{name: line[name] for name in _TAX},
        "quantity": None if part.quantity is None else decimal_text(part.quantity),
        "amount_fen": part.amount_fen,
        "net_fen": part.net_fen,
        "tax_fen": part.tax_fen,
    }
