"""Whether the books are what was attested: each document against its entry, its columns and its sums.

The log commits to a document by a salted hash. So a body changed in the database no longer fits its entry, a
column changed beside it no longer fits the body, and a sum that misses a sale no longer fits the sales.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from invoice_service.ledger.entry import BadEntry, Entry, Kind, body_commitment
from invoice_service.supervision.rows import Difference, Refund, Sale

KINDS: Mapping[str, Mapping[str, str]] = {
    "document": {"zh": "单据内容与存证不一致", "en": "A document is not what its entry commits to"},
    "amount": {"zh": "单据金额与账面不一致", "en": "A document's total is not the one on the books"},
    "entry": {"zh": "没有对应的存证", "en": "There is no entry for it"},
    "sums": {"zh": "汇总与逐笔交易不一致", "en": "The day's sums are not those of its sales and refunds"},
}


@dataclass(frozen=True, slots=True)
class Document:
    """A stored SALE, INVOICE or REFUND body with what stands beside it; `entry` is None if there is none."""

    kind: Kind
    fact: str
    body: bytes
    salt: bytes
    entry: bytes | None
    recorded_fen: int


def value(data: bytes) -> dict[str, Any] | None:
    """A document as a value; None where it is no JSON object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def problem(document: Document, body: Mapping[str, Any] | None) -> tuple[str, int] | None:
    """(what does not fit, the attested total in fen); None where everything does.

    Bytes that fit their entry are those that were attested, so that their form need not be looked at again.
    """
    attested = body.get("amount_fen" if document.kind is Kind.REFUND else "total_fen", 0) if body else 0
    attested_fen = attested if isinstance(attested, int) else 0
    if document.entry is None:
        return "entry", attested_fen
    if body is None or not fits(document.kind, document.body, document.salt, document.entry):
        return "document", attested_fen
    return None if attested_fen == document.recorded_fen else ("amount", attested_fen)


def difference(
    document: Document, vendor: int, body: Mapping[str, Any] | None, found: tuple[str, int]
) -> Difference:
    what, attested_fen = found
    stall = (body or {}).get("stall")
    code = stall.get("code") if isinstance(stall, dict) else None
    return Difference(what, document.fact, vendor, code, document.recorded_fen, attested_fen)


def fits(kind: Kind, body: bytes, salt: bytes, entry: bytes) -> bool:
    """Whether an entry of that kind commits to these bytes."""
    try:
        read = Entry.decode(entry)
    except BadEntry:
        return False
    return read.kind is kind and read.body_commitment == body_commitment(salt, body)


def sum_differences(
    sales: Iterable[Sale], refunds: Iterable[Refund], summed_fen: Mapping[int, int]
) -> Iterator[Difference]:
    """`summed_fen`: what the sums say that each vendor took on the day of these sales and refunds."""
    sold_fen: Counter[int] = Counter()
    for sale in sales:
        sold_fen[sale.vendor] += sale.amount_fen
    for back in refunds:
        sold_fen[back.vendor] -= back.amount_fen
    for vendor in sorted(sold_fen.keys() | summed_fen.keys()):
        recorded_fen, attested_fen = summed_fen.get(vendor, 0), sold_fen[vendor]
        if recorded_fen != attested_fen:
            yield Difference("sums", f"vendor {vendor}", vendor, None, recorded_fen, attested_fen)
