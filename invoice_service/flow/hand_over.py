"""Hand an invoice over to a company: the claim key's signature, which lets that company claim it on chain.

Whoever holds the invoice's token may, and decides by it who claims. Nothing is written: the contract takes
one claim for an invoice, however many handovers there are, and the key itself never leaves the service.
"""

from __future__ import annotations

from dataclasses import dataclass

from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.token import fingerprint
from invoice_service.flow import claim
from invoice_service.flow.claim import Terms
from invoice_service.services import Services
from invoice_service.store import invoices
from invoice_service.store.chain import Epoch


@dataclass(frozen=True, slots=True)
class Handover:
    """`r` and `vs` are the claim key's compact signature, 32 bytes each."""

    number: str
    claim_address: bytes
    r: bytes
    vs: bytes
    epoch: Epoch


def hand_over(services: Services, number: str, token: str, terms: Terms) -> Handover:
    """Raises BadList, UnknownInvoice, ClaimsNotOpen."""
    terms.check(services)
    with services.database.read() as connection:
        key = invoices.claim_key(connection, fingerprint(token))
        if key is None or key.number != number:
            raise UnknownInvoice
        epoch = claim.open_epoch(connection)
    r, vs = claim.hand_over(services, epoch, key, terms)
    return Handover(number, key.claim_address, r, vs, epoch)
