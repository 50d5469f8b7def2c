"""Refunds and credit notes as pages and programs are told of them, and what companies are to agree to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from invoice_service.domain.credit_note import UnknownCreditNote
from invoice_service.domain.policy import Actor, OutOfScope, own_vendor
from invoice_service.domain.refund import ASKS_CLAIMANT, Reason, UnknownRefund
from invoice_service.domain.standing import State
from invoice_service.ledger import canonical
from invoice_service.queries.views import NoteView, RefundView
from invoice_service.services import Services
from invoice_service.store import chain, refunds, statuses
from invoice_service.store.refunds import CreditNote

_COLUMNS = """
    r.id AS refund_id, r.status, r.reason, r.amount_fen, r.asked_at, r.consent_until, r.paid_back_at,
    r.settled_at, n.number AS note_number, n.event_id IS NOT NULL AS is_in_force
"""
_OF_ORDER = text(f"""
    SELECT {_COLUMNS} FROM refunds AS r LEFT JOIN credit_notes AS n ON n.refund_id = r.id
    WHERE r.order_id = :order_id ORDER BY r.id
""")  # noqa: S608 - our own columns
_OF_VENDOR = text(f"""
    SELECT {_COLUMNS} FROM refunds AS r LEFT JOIN credit_notes AS n ON n.refund_id = r.id
    WHERE r.id = :refund_id AND r.vendor_id = :vendor_id
""")  # noqa: S608 - our own columns


@dataclass(frozen=True, slots=True)
class EpochView:
    nonce: bytes
    chain_id: int
    contract: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a company signs to agree (SPEC.md section 7, `Consent`), with the bytes that `note` commits to."""

    refund_id: UUID
    status: str
    invoice_number: str
    consent_until: datetime | None
    note: bytes
    whole: bool
    notes: int
    body: dict[str, Any]
    body_salt: bytes
    epoch: EpochView | None
    is_wanted: bool


def of_order(connection: Connection, order_id: UUID) -> tuple[RefundView, ...]:
    """Oldest first."""
    return tuple(map(_view, connection.execute(_OF_ORDER, {"order_id": order_id}).mappings()))


def of_vendor(services: Services, actor: Actor, refund_id: UUID) -> RefundView:
    """One of the vendor's own. Raises NotAllowed, OutOfScope."""
    _, vendor_id = own_vendor(actor)
    with services.database.read() as connection:
        row = connection.execute(_OF_VENDOR, {"refund_id": refund_id, "vendor_id": vendor_id})
        found = row.mappings().first()
    if found is None:
        raise OutOfScope
    return _view(found)


def notes_of(connection: Connection, invoice_number: str) -> tuple[NoteView, ...]:
    """Those in force, oldest first."""
    return tuple(map(_note_view, refunds.notes_of(connection, invoice_number)))


def note_in_force(connection: Connection, invoice_number: str, number: str) -> CreditNote:
    """Raises UnknownCreditNote."""
    for note in refunds.notes_of(connection, invoice_number):
        if note.number == number:
            return note
    raise UnknownCreditNote


def proposal(services: Services, refund_id: UUID) -> Proposal:
    """Whoever knows the id was told it with the invoice, or with the claim on it. Raises UnknownRefund."""
    with services.database.read() as connection:
        refund = refunds.by_id(connection, refund_id)
        note = refunds.note_of(connection, refund_id)
        if refund is None or note is None:
            raise UnknownRefund
        standing = statuses.standing(connection, note.invoice_number).now(services.clock())
        epoch = chain.live_epoch(connection)
    return Proposal(
        refund_id=refund_id,
        status=refund.status.value,
        invoice_number=note.invoice_number,
        consent_until=refund.consent_until,
        note=note.commitment,
        whole=note.whole,
        notes=note.notes,
        body=canonical.decode(note.body),
        body_salt=note.body_salt,
        epoch=None if epoch is None else EpochView(epoch.nonce, epoch.chain_id, epoch.contract or b""),
        is_wanted=refund.status in ASKS_CLAIMANT and standing.state is State.CLAIMED,
    )


def _view(row: RowMapping) -> RefundView:
    told = {name: value for name, value in row.items() if name not in ("is_in_force", "note_number")}
    number = row["note_number"] if row["is_in_force"] else None
    return RefundView(**told, reason_text=Reason(row["reason"]).text, note_number=number)


def _note_view(note: CreditNote) -> NoteView:
    reason = Reason(canonical.decode(note.body)["reason"])
    return NoteView(note.number, reason.value, reason.text, note.total_fen, note.whole, note.issued_at)
