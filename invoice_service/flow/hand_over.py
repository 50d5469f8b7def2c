"""Hand an invoice over to a company: the claim key's signature, which lets that company claim it on chain.

Whoever holds the invoice's token may, and decides by it who claims. Nothing is written: the contract takes
one claim for an invoice, however many handovers there are, and the key itself never leaves the service.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.services import Services
from invoice_service.store import chain, invoices
from invoice_service.store.chain import Epoch

LASTS_AT_MOST = timedelta(days=7)  # a signature that is lost does not stay good for long
MAX_NONCE = 2**53 - 1
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class BadHandover(InvalidInput):
    code = "handover.bad"
    message = N_("Please give the company's account, its next nonce, and a deadline within a week.")


class ClaimsNotOpen(Error):
    code = "claims.not_open"
    message = N_("Invoices cannot be claimed yet: no contract is open. Please try again later.")
    status = 503


@dataclass(frozen=True, slots=True)
class Handover:
    """`r` and `vs` are the claim key's compact signature, 32 bytes each."""

    number: str
    claim_address: bytes
    r: bytes
    vs: bytes
    epoch: Epoch


def hand_over(
    services: Services, number: str, token: str, *, claimant: str, nonce: int, deadline: int
) -> Handover:
    """`claimant` an Ethereum address with 0x; `deadline` in Unix seconds.

    Raises BadHandover, UnknownInvoice, ClaimsNotOpen.
    """
    _check(services, claimant, nonce, deadline)
    with services.database.read() as connection:
        found = invoices.claim_key(connection, fingerprint(token))
        epoch = chain.live_epoch(connection)
    if found is None or found[0] != number:
        raise UnknownInvoice
    if epoch is None or epoch.opened_at is None:
        raise ClaimsNotOpen
    _, claim_address, sealed = found
    r, vs = services.sign_handover(
        epoch,
        services.keyring.issuer_id,
        services.keyring.unseal(sealed, number.encode()),
        claimant=bytes.fromhex(claimant[2:]),
        nonce=nonce,
        deadline=deadline,
    )
    return Handover(number, claim_address, r, vs, epoch)


def _check(services: Services, claimant: str, nonce: int, deadline: int) -> None:
    now_s = services.clock().timestamp()
    wrong = {
        "claimant": not _ADDRESS.fullmatch(claimant),
        "nonce": not 0 <= nonce <= MAX_NONCE,
        "deadline": not now_s < deadline <= now_s + LASTS_AT_MOST.total_seconds(),
    }
    fields = {name: BadHandover.message for name, is_wrong in wrong.items() if is_wrong}
    if fields:
        raise BadHandover(fields)
