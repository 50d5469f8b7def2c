"""Ask the contract for what only the issuer may do to an invoice: lock it for a refund, and credit it.

A refund locks first, so that nobody can claim what is being paid back, and credits last. Of a claimed invoice
the company's consent is needed in place of the lock. Asking is all that happens here: the call is kept, the
relaying account sends it, and the contract's event says that it came about.
"""

from __future__ import annotations

from sqlalchemy import Connection

from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.relay import IssuersChange
from invoice_service.errors import N_, Error
from invoice_service.flow.claim import RELAY_ID_BYTES, keep_open, open_epoch
from invoice_service.services import Services
from invoice_service.store import invoices, relays


class ChangeUnderWay(Error):
    code = "status.change_under_way"
    message = N_(
        "Another change of this invoice is on its way to the contract. Please try again in a moment."
    )
    status = 409


def change_status(services: Services, number: str, change: IssuersChange) -> bytes:
    """The id (16 bytes) of what was kept to be sent; the same while the same is on its way.

    Raises UnknownInvoice, ClaimsNotOpen, ChangeUnderWay.
    """
    with services.database.unit_of_work() as uow:
        relay_id = keep_change(services, uow.connection, number, change)
        uow.commit()
    return relay_id


def keep_change(services: Services, connection: Connection, number: str, change: IssuersChange) -> bytes:
    """The same as part of another unit. Raises the same."""
    epoch = open_epoch(connection)
    keep_open(connection, epoch)
    key = invoices.claim_keys(connection, [number], lock=True).get(number)
    if key is None:
        raise UnknownInvoice
    call = services.status_calls.change(epoch, key.claim_address, change)
    waiting = relays.open_change(connection, number)
    if waiting is not None:
        if waiting.data != call.data:
            raise ChangeUnderWay
        return waiting.id
    relay_id = services.random(RELAY_ID_BYTES)
    values = {
        "id": relay_id,
        "epoch_id": epoch.id,
        "kind": change.kind,
        "data": call.data,
        "gas": call.gas,
        "created_at": services.clock(),
    }
    relays.add(connection, values, [number])
    return relay_id
