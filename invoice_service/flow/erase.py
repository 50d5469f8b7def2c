"""Erase the buyer of an invoice: their document, its salt, and whatever was made from it.

The log holds only a salted commitment to the buyer. With the salt gone nobody can tell, or guess, whom it was
made for, and nothing else of the invoice hangs on it: body, entry, proofs and status stand as before. Files
are made when they are asked for, so none is left behind here; those that were handed out are their holders'.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from invoice_service.documents.attached import attached_evidence
from invoice_service.domain.access import Action
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.token import INVOICE
from invoice_service.flow.access import note
from invoice_service.flow.look import checked_reason
from invoice_service.ledger.evidence import NotEvidence
from invoice_service.services import Services
from invoice_service.store import erasure, mails


@dataclass(frozen=True, slots=True)
class Erased:
    """`again` where it had been erased before, at `at`. `findings` name the company and are kept."""

    number: str
    at: datetime
    again: bool
    findings: int


def erase(services: Services, number: str, reason: str) -> Erased:
    """In one transaction with its access record; again changes nothing.

    Raises UnknownInvoice, ReasonMissing.
    """
    reason, now = checked_reason(reason), services.clock()
    with services.database.unit_of_work() as uow:
        invoice = erasure.lock(uow.connection, number)
        if invoice is None:
            raise UnknownInvoice
        findings = erasure.findings_of(uow.connection, number)
        if invoice.erased_at is not None:
            return Erased(number, invoice.erased_at, again=True, findings=findings)
        erasure.erase(uow.connection, number, now)
        erasure.forget_requests(uow.connection, INVOICE, invoice.order_id)
        mails.forget(uow.connection, number, now)
        _forget_unchecked(uow.connection, number)
        whose = {"market_id": invoice.market_id, "vendor_id": invoice.vendor_id}
        note(uow.connection, None, Action.BUYER_ERASED, now=now, subject=number, reason=reason, **whose)
        uow.commit()
    return Erased(number, now, again=False, findings=findings)


def _forget_unchecked(connection: Connection, number: str) -> None:
    """Copies of this invoice in piles that officers brought and nobody has looked at since."""
    for item in erasure.unchecked_files(connection):
        try:
            evidence = attached_evidence(bytes(item.data))
        except NotEvidence:
            continue
        if evidence.body.get("number") == number:
            erasure.check_by_number(connection, item.check_id, item.n, number)
