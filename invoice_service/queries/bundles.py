"""Several invoices to take home at once, each with its credit notes in force.

Tokens open them, each its own; one that opens none refuses all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from invoice_service.documents.bundle import Files, merged_pdf, zip_pieces
from invoice_service.documents.printed import is_credit_note, issued_at
from invoice_service.domain.basket import chosen
from invoice_service.queries import documents, shopper
from invoice_service.services import Services

Opened = tuple[str, str | None]  # an invoice's token; the number of a credit note of it


def zipped(services: Services, tokens: Sequence[str]) -> Iterator[bytes]:
    """The ZIP, made while it is sent. Raises BadBasket and UnknownInvoice, before its first piece."""
    opened = _opened(services, tokens)
    return zip_pieces(_files(services, *one) for one in opened)


def merged(services: Services, tokens: Sequence[str]) -> bytes:
    """One PDF of them all. Raises BadBasket, UnknownInvoice."""
    opened = _opened(services, tokens)
    return merged_pdf(documents.pdf(services, token, note=note)[1] for token, note in opened)


def _opened(services: Services, tokens: Sequence[str]) -> list[Opened]:
    opened: list[Opened] = []
    for token in chosen(tokens, "invoices"):
        notes = shopper.invoice(services, token).credit_notes
        opened += [(token, None), *((token, note.number) for note in notes)]
    return opened


def _files(services: Services, token: str, note: str | None) -> Files:
    number, evidence = documents.evidence(services, token, note)
    body = evidence.body
    return Files(
        number=number,
        seller=body["seller"]["name"],
        total_fen=-body["total_fen"] if is_credit_note(body) else body["total_fen"],
        issued_at=issued_at(body),
        pdf=documents.pdf(services, token, note=note)[1],
        evidence=evidence.to_bytes(),
        ubl=documents.xml(services, token, "ubl", note)[1],
        flat=documents.xml(services, token, "flat", note)[1],
    )
