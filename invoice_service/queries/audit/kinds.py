"""The kinds of entries whose documents are compared, each by a module of its own."""

from __future__ import annotations

from collections.abc import Mapping

from invoice_service.ledger.entry import Kind
from invoice_service.queries.audit.access_days import ACCESS_DAYS
from invoice_service.queries.audit.claims import CLAIMS, RELEASES
from invoice_service.queries.audit.documents import Documents
from invoice_service.queries.audit.invoices import INVOICES
from invoice_service.queries.audit.refunds import CREDIT_NOTES, REFUNDS
from invoice_service.queries.audit.returns import RETURNS
from invoice_service.queries.audit.sales import SALES

DOCUMENTS: Mapping[int, Documents] = {
    Kind.SALE: SALES,
    Kind.REFUND: REFUNDS,
    Kind.INVOICE: INVOICES,
    Kind.CREDIT_NOTE: CREDIT_NOTES,
    Kind.CLAIM: CLAIMS,
    Kind.RELEASE: RELEASES,
    Kind.ACCESS_DAY: ACCESS_DAYS,
    Kind.RETURN: RETURNS,
}


def named(kind: int, fact: str) -> str:
    """As a person finds it: "invoice 2653…"."""
    documents = DOCUMENTS.get(kind)
    return f"{documents.word if documents else f'kind {kind}'} {fact}"
