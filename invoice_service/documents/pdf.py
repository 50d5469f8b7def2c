"""An invoice or a credit note as one PDF/A-3 file: paper for people, with the evidence attached for programs.

Typst sets the page. What varies reaches it only as strings, never as markup, so nothing a vendor or a
shopper typed can become an instruction; and the same invoice always gives the same bytes, signed or not,
since its only clock is `issued_at`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invoice_service.documents import qr
from invoice_service.documents.cms import Signer
from invoice_service.documents.payload import payload
from invoice_service.documents.printed import Beside, Credits, is_credit_note, issued_at, printed
from invoice_service.documents.signed import signed
from invoice_service.documents.typeset import FONTS, compiled
from invoice_service.domain.numbering import business_day

REASON = "Issued by the seller through Stall Ledger, a pilot"


class Paper(enum.StrEnum):
    A5 = "a5"
    STRIP_58 = "58mm"  # what the small printers of stalls take
    STRIP_80 = "80mm"


def invoice_pdf(
    body: Mapping[str, Any],
    buyer: Mapping[str, Any] | None,
    *,
    link: str,
    verify_page: str,
    evidence_json: bytes | None,
    ledger_line: str,
    xml: bytes | None = None,
    credits: Credits | None = None,
    paper: Paper = Paper.A5,
    signer: Signer | None = None,
    fonts: Path = FONTS,
) -> bytes:
    """The PDF of an invoice's or a credit note's body and the buyer document (None once erased).

    `link` is the signed one, for the first code; `verify_page` is the address that a person can type.
    `ledger_line` says where the entry stands, for the remarks; `evidence_json` and `xml` become the
    attachments; `credits` are those that the invoice has had.
    """
    page = printed(body, buyer, Beside(verify_page, ledger_line, credits)) | {"paper": paper.value}
    attachments = {"evidence.json": evidence_json, "invoice.xml": xml}
    files = {
        "verify": qr.svg(link, title="查验"),
        "payload": qr.svg(_payload(body), title="发票信息", mask=qr.ANY_MASK),
        **{name: data.decode() for name, data in attachments.items() if data is not None},
    }
    template = "invoice.typ" if paper is Paper.A5 else "receipt.typ"
    data = compiled(template, page, issued_at(body), files=files, fonts=fonts)
    return data if signer is None else signed(data, signer, issued_at(body), reason=REASON)


def _payload(body: Mapping[str, Any]) -> str:
    sign = -1 if is_credit_note(body) else 1
    return payload(body["number"], sign * body["total_fen"], business_day(issued_at(body)))
