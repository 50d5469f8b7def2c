"""A company that has claimed an invoice agrees to a credit note on it, by a signature over its bytes.

Nothing else is asked of it: the signature is its word, and the contract checks the same. Without one within
72 hours the refund lapses, and nothing was paid back.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from invoice_service.domain.refund import OPEN, UnknownRefund
from invoice_service.domain.standing import State
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.flow.claim import open_epoch
from invoice_service.services import Services, Signed
from invoice_service.store import invoices, refunds, statuses

LASTS_AT_LEAST = timedelta(hours=2)  # until it is paid back and written down
LASTS_AT_MOST = timedelta(days=7)


class BadDeadline(InvalidInput):
    code = "consent.bad_deadline"
    message = N_("Please let the consent last between two hours and seven days.")


class NoConsentWanted(Error):
    code = "consent.not_wanted"
    message = N_("This refund waits for nobody's consent.")
    status = 409


class NotTheClaimant(Error):
    code = "consent.not_the_claimant"
    message = N_(
        "The signature is not that of the company that has claimed the invoice, over this credit note."
    )
    status = 422


def consent(services: Services, refund_id: UUID, deadline: int, signature: Signed) -> None:
    """`deadline` in Unix seconds. The same again changes nothing; a later one takes the place of one before.

    Raises BadDeadline, UnknownRefund, NoConsentWanted, ClaimsNotOpen, NotTheClaimant.
    """
    now = services.clock()
    now_s = now.timestamp()
    if not LASTS_AT_LEAST.total_seconds() <= deadline - now_s <= LASTS_AT_MOST.total_seconds():
        raise BadDeadline({"deadline": BadDeadline.message})
    with services.database.unit_of_work() as uow:
        refund = refunds.by_id(uow.connection, refund_id, lock=True)
        note = refunds.note_of(uow.connection, refund_id)
        if refund is None:
            raise UnknownRefund
        if note is None or refund.status not in OPEN:
            raise NoConsentWanted
        standing = statuses.standing(uow.connection, note.invoice_number).now(now)
        if standing.state is not State.CLAIMED:
            raise NoConsentWanted
        epoch = open_epoch(uow.connection)
        signer = services.status_calls.signer_of_consent(
            epoch,
            invoices.claim_keys(uow.connection, [note.invoice_number])[note.invoice_number].claim_address,
            note=note.commitment,
            whole=note.whole,
            notes=standing.notes,
            deadline=deadline,
            signature=signature,
        )
        if signer is None or signer != standing.claimant:
            raise NotTheClaimant
        agreed = {"consent": b"".join(signature), "consent_deadline": deadline, "consent_epoch_id": epoch.id}
        refunds.set_values(uow.connection, refund, agreed)
        uow.commit()
