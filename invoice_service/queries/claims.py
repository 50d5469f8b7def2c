"""What became of a claim or a release that was left to the service, invoice by invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.relay import OPEN, RelayStatus
from invoice_service.domain.standing import Standing, State
from invoice_service.errors import N_, NotFound
from invoice_service.services import Services
from invoice_service.store import invoices, refunds, relays, statuses
from invoice_service.store.relays import Item, Relay

PENDING, CLAIMED, TAKEN, REFUND, CREDITED, NOT_CLAIMED, RELEASED, NOT_RELEASED = (
    "pending", "claimed", "claimed_already", "refund_under_way", "credited", "not_claimed", "released",
    "not_released",
)  # fmt: skip
OUTCOMES = (PENDING, CLAIMED, TAKEN, REFUND, CREDITED, NOT_CLAIMED, RELEASED, NOT_RELEASED)


class UnknownClaim(NotFound):
    code = "claim.unknown"
    message = N_("There is no such claim.")


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """`outcome` is one of OUTCOMES; `since` when the invoice came to be so, where it did; `refund_id` of a
    refund that waits until the company agrees."""

    number: str
    outcome: str
    since: datetime | None
    refund_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ClaimView:
    """`status` queued · sent · done · refused, and then the `reason` in a stable word."""

    claim_id: str
    kind: str
    status: str
    reason: str | None
    invoices: tuple[OutcomeView, ...]


def claim(services: Services, claim_id: str) -> ClaimView:
    """By its id in hex, which only whoever made it was told. Raises UnknownClaim."""
    with services.database.read() as connection:
        found = relays.by_id(connection, _bytes(claim_id))
        if found is None or found.claimant is None:
            raise UnknownClaim
        items = relays.items(connection, found.id)
        waiting = _waiting(connection, found, items)
    now = services.clock()
    told = tuple(_outcome(found, item, now, waiting.get(item.number)) for item in items)
    return ClaimView(claim_id, found.kind, found.status.value, found.reason, told)


def standing(services: Services, number: str) -> Standing:
    """As of the last final block that was read. Raises UnknownInvoice."""
    with services.database.read() as connection:
        if invoices.by_number(connection, number) is None:
            raise UnknownInvoice
        return statuses.standing(connection, number).now(services.clock())


def _bytes(claim_id: str) -> bytes:
    try:
        return bytes.fromhex(claim_id)
    except ValueError:
        raise UnknownClaim from None


def _waiting(connection: Connection, asked: Relay, items: Sequence[Item]) -> dict[str, UUID]:
    """By invoice, the refund that the company is to agree to: told to the list that made the claim. Its
    signature is public from then on, and another list that repeats it is refused and must not learn more."""
    if asked.status is not RelayStatus.DONE:
        return {}
    return refunds.awaiting_consent(connection, [item.number for item in items])


def _outcome(asked: Relay, item: Item, now: datetime, waiting: UUID | None) -> OutcomeView:
    """By the final events. Who else claimed it is never told."""
    if asked.status in OPEN:
        return OutcomeView(item.number, PENDING, None)
    standing = item.standing.now(now)
    is_theirs = standing.state is State.CLAIMED and standing.claimant == asked.claimant
    if asked.kind == "release":
        return OutcomeView(item.number, NOT_RELEASED if is_theirs else RELEASED, standing.since)
    if is_theirs:
        return OutcomeView(item.number, CLAIMED, standing.since, waiting)
    word = {
        State.FREE: NOT_CLAIMED,
        State.CLAIMED: TAKEN,
        State.LOCKED: REFUND,
        State.CREDITED: CREDITED,
    }[standing.state]
    return OutcomeView(item.number, word, None if word == NOT_CLAIMED else standing.since)
