"""Claim invoices for a company, or give claims up: what the company signed is kept, and then sent for it.

The company's signature over the list says who asks. That it may have an invoice is said by the invoice's
token, or by the buyer's tax id where the company's account was checked to be its own. The service adds each
claim key's signature; who was first is the contract's to decide.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, Error, InvalidInput, Unavailable
from invoice_service.flow.once import once
from invoice_service.ledger import canonical
from invoice_service.services import Call, Services, Signed
from invoice_service.store import chain, invoices, relays, statuses
from invoice_service.store.chain import Epoch
from invoice_service.store.invoices import ClaimKey
from invoice_service.store.unit_of_work import broke

LASTS_AT_MOST = timedelta(days=7)  # a signature that is lost does not stay good for long
LIST_MOST = 100
DAY = timedelta(days=1)
MAX_NONCE = 2**53 - 1
RELAY_ID_BYTES = 16
SCOPE = "claims"
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class BadList(InvalidInput):
    code = "claim.bad"
    message = N_(
        "Please give 1 to 100 different invoices, the company's account, its next nonce, "
        "and a deadline within a week."
    )


class NotSigned(Error):
    code = "claim.not_signed"
    message = N_("The signature is not this account's over this list, nonce and deadline.")
    status = 422


class NotYours(Error):
    code = "claim.not_yours"
    message = N_("Not all of these invoices are claimed by this account, or it did not sign this list.")
    status = 422


class TooManyWait(Unavailable):
    code = "claim.too_many_wait"
    message = N_("Too many claims wait for the chain right now. Nothing was kept; please try again later.")


class ClaimsNotOpen(Error):
    code = "claims.not_open"
    message = N_("Invoices cannot be claimed yet: no contract is open. Please try again later.")
    status = 503


class NonceTaken(Error):
    code = "claim.nonce_taken"
    message = N_("Another list of this account with this nonce is on its way.")
    status = 409


class SentTooOften(Error):
    code = "claim.sent_too_often"
    message = N_("Invoice {number} was claimed or released too often today. Send it from your own account.")
    status = 429


@dataclass(frozen=True, slots=True)
class Terms:
    """`claimant` an Ethereum address with 0x; `nonce` the company's next; `deadline` in Unix seconds."""

    claimant: str
    nonce: int
    deadline: int

    @property
    def account(self) -> bytes:
        return bytes.fromhex(self.claimant[2:])

    def check(self, services: Services) -> None:
        """Raises BadList, naming the fields."""
        now_s = services.clock().timestamp()
        wrong = {
            "claimant": not _ADDRESS.fullmatch(self.claimant),
            "nonce": not 0 <= self.nonce <= MAX_NONCE,
            "deadline": not now_s < self.deadline <= now_s + LASTS_AT_MOST.total_seconds(),
        }
        _refuse_wrong(wrong)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An invoice, and its token where the company was given it."""

    number: str
    token: str | None = field(default=None, repr=False)


def claim(
    services: Services,
    wanted: Sequence[Wanted],
    terms: Terms,
    signature: Signed,
    *,
    idempotency_key: str | None = None,
) -> bytes:
    """The id (16 bytes) of the claim that was kept to be sent; of the first one where it is asked again.

    Raises BadList, UnknownInvoice, NotSigned, ClaimsNotOpen, NonceTaken, SentTooOften, TooManyWait,
    KeyReused.
    """
    _check(services, [one.number for one in wanted], terms)
    with services.database.read() as connection:
        epoch = open_epoch(connection)
        keys = _claimable(connection, wanted, terms)
    addresses = [key.claim_address for key in keys]
    _check_signed(services, "Claim", epoch, addresses, terms, signature)
    call = services.status_calls.claim(
        epoch,
        claimant=terms.account,
        nonce=terms.nonce,
        deadline=terms.deadline,
        handovers=[hand_over(services, epoch, key, terms) for key in keys],
        signature=signature,
    )
    return _keep(services, epoch, "claim", keys, terms, call, idempotency_key)


def release(
    services: Services,
    numbers: Sequence[str],
    terms: Terms,
    signature: Signed,
    *,
    idempotency_key: str | None = None,
) -> bytes:
    """The same for giving claims up, which needs nothing but the company's signature.

    Only what the final events say is its own is sent: the contract passes over the rest, at our cost, and
    other refusals would tell which number has which claim address. Raises NotYours for all of that.
    """
    _check(services, numbers, terms)
    with services.database.read() as connection:
        epoch = open_epoch(connection)
        found = invoices.claim_keys(connection, numbers)
        held = statuses.held_by(connection, terms.account, numbers)
    if not held.issuperset(numbers):
        raise NotYours
    keys = [found[number] for number in numbers]
    addresses = [key.claim_address for key in keys]
    try:
        _check_signed(services, "Release", epoch, addresses, terms, signature)
    except NotSigned as error:
        raise NotYours from error
    call = services.status_calls.release(
        epoch,
        claimant=terms.account,
        nonce=terms.nonce,
        deadline=terms.deadline,
        claim_addresses=addresses,
        signature=signature,
    )
    return _keep(services, epoch, "release", keys, terms, call, idempotency_key)


def open_epoch(connection: Connection) -> Epoch:
    """The epoch in which invoices can be claimed. Raises ClaimsNotOpen."""
    epoch = chain.live_epoch(connection)
    if epoch is None or epoch.opened_at is None:
        raise ClaimsNotOpen
    return epoch


def keep_open(connection: Connection, epoch: Epoch) -> None:
    """Until this unit ends; else what is kept for an epoch that ends meanwhile would wait for ever. Raises
    ClaimsNotOpen."""
    if not chain.keep_live(connection, epoch.id):
        raise ClaimsNotOpen


def hand_over(services: Services, epoch: Epoch, key: ClaimKey, terms: Terms) -> Signed:
    """The claim key's signature, which lets that company claim the invoice in its next list."""
    return services.status_calls.sign_handover(
        epoch,
        services.keyring.unseal(key.sealed, key.number.encode()),
        claimant=terms.account,
        nonce=terms.nonce,
        deadline=terms.deadline,
    )


def _check(services: Services, numbers: Sequence[str], terms: Terms) -> None:
    terms.check(services)
    _refuse_wrong({"invoices": not 1 <= len(numbers) <= LIST_MOST or len(set(numbers)) < len(numbers)})


def _refuse_wrong(wrong: dict[str, bool]) -> None:
    fields = {name: BadList.message for name, is_wrong in wrong.items() if is_wrong}
    if fields:
        raise BadList(fields)


def _claimable(connection: Connection, wanted: Sequence[Wanted], terms: Terms) -> list[ClaimKey]:
    """In the order of the list. Raises UnknownInvoice: not there, and not the company's, look the same."""
    found = invoices.claim_keys(connection, [one.number for one in wanted])
    tax_id = relays.tax_id_of(connection, terms.account)
    keys = []
    for one in wanted:
        key = found.get(one.number)
        if key is None or not (_opens(one, key) or _is_made_out_to(tax_id, key)):
            raise UnknownInvoice
        keys.append(key)
    return keys


def _opens(one: Wanted, key: ClaimKey) -> bool:
    return one.token is not None and hmac.compare_digest(fingerprint(one.token), key.token_hash)


def _is_made_out_to(tax_id: str | None, key: ClaimKey) -> bool:
    if tax_id is None or key.buyer is None:
        return False
    return bool(canonical.decode(key.buyer).get("tax_id") == tax_id)


def _check_signed(
    services: Services, kind: str, epoch: Epoch, addresses: Sequence[bytes], terms: Terms, signature: Signed
) -> None:
    """Raises NotSigned. The contract would refuse it as well; this keeps strangers from filling the queue."""
    signer = services.status_calls.signer_of_list(
        kind, epoch, addresses, nonce=terms.nonce, deadline=terms.deadline, signature=signature
    )
    if signer != terms.account:
        raise NotSigned


def _keep(
    services: Services,
    epoch: Epoch,
    kind: str,
    keys: Sequence[ClaimKey],
    terms: Terms,
    call: Call,
    idempotency_key: str | None,
) -> bytes:
    relay_id, numbers, now = services.random(RELAY_ID_BYTES), [key.number for key in keys], services.clock()
    values = {
        "id": relay_id,
        "epoch_id": epoch.id,
        "kind": kind,
        "data": call.data,
        "gas": call.gas,
        "claimant": terms.account,
        "nonce": terms.nonce,
        "created_at": now,
    }
    try:
        with services.database.unit_of_work() as uow:
            if idempotency_key is not None:
                request = [epoch.id, kind, terms.claimant.lower(), terms.nonce, terms.deadline, *numbers]
                before = once(uow.connection, SCOPE, idempotency_key, request, relay_id.hex(), now)
                if before is not None:
                    return bytes.fromhex(before)
            keep_open(uow.connection, epoch)
            if relays.waiting_lists(uow.connection) >= services.config.max_relays_waiting:
                raise TooManyWait
            most = services.config.max_relays_per_invoice
            too_often = relays.sent_often(uow.connection, numbers, since=now - DAY, most=most)
            if too_often is not None:
                raise SentTooOften(number=too_often)
            relays.add(uow.connection, values, numbers)
            uow.commit()
    except IntegrityError as error:
        if broke(error, relays.LIST_KEY):
            raise NonceTaken from error
        raise
    return relay_id
