"""Several invoices to take home at once. Tokens open them, each its own; one that opens none refuses all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from invoice_service.documents.bundle import Files, merged_pdf, zip_pieces
from invoice_service.domain.basket import chosen
from invoice_service.queries import documents, shopper
from invoice_service.queries.views import InvoiceView
from invoice_service.services import Services


def zipped(services: Services, tokens: Sequence[str]) -> Iterator[bytes]:
    """The ZIP, made while it is sent. Raises BadBasket and UnknownInvoice, before its first piece."""
    opened = _opened(services, tokens)
    return zip_pieces(_files(services, view) for view in opened)


def merged(services: Services, tokens: Sequence[str]) -> bytes:
    """One PDF of them all. Raises BadBasket, UnknownInvoice."""
    return merged_pdf(documents.pdf(services, view.token)[1] for view in _opened(services, tokens))


def _opened(services: Services, tokens: Sequence[str]) -> list[InvoiceView]:
    return [shopper.invoice(services, token) for token in chosen(tokens, "invoices")]


def _files(services: Services, view: InvoiceView) -> Files:
    return Files(
        number=view.number,
        seller=view.seller_name,
        total_fen=view.total_fen,
        issued_at=view.issued_at,
        pdf=documents.pdf(services, view.token)[1],
        evidence=documents.evidence(services, view.token)[1].to_bytes(),
        ubl=documents.xml(services, view.token, "ubl")[1],
        flat=documents.xml(services, view.token, "flat")[1],
    )
