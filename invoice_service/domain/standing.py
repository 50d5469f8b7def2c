"""What became of an invoice, and how that changes: the contract's rules once more, as one table.

The contract decides; this is how its events are read. An invoice is free until a company claims it, is
locked while a refund is under way, and is credited when nothing of it is left. A credit note on a part
leaves it free, or claimed as it was.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from invoice_service.domain.invoice import instant_text

LOCK_LASTS = timedelta(hours=72)  # the contract's LOCK_LASTS


class State(enum.StrEnum):
    FREE = "free"
    CLAIMED = "claimed"
    LOCKED = "locked"
    CREDITED = "credited"


class Change(enum.StrEnum):
    """What the contract's events tell."""

    CLAIMED = "claimed"
    RELEASED = "released"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    CREDITED = "credited"


class ImpossibleChange(ValueError):
    """The contract never lets this follow: what is stored, or who tells it, is wrong."""


# From which state a change leads to which. CREDITED is told apart by whether the note takes the whole.
TRANSITIONS: Mapping[State, Mapping[Change, State]] = {
    State.FREE: {Change.CLAIMED: State.CLAIMED, Change.LOCKED: State.LOCKED},
    State.CLAIMED: {Change.RELEASED: State.FREE, Change.CREDITED: State.CLAIMED},
    State.LOCKED: {Change.UNLOCKED: State.FREE, Change.CREDITED: State.FREE},
    State.CREDITED: {},
}


@dataclass(frozen=True, slots=True)
class Standing:
    """`notes` counts credit notes; `since` the block that wrote the state, None if none did; `claimant` 20
    bytes where a company holds the invoice, or held it when it was credited whole."""

    state: State = State.FREE
    notes: int = 0
    since: datetime | None = None
    claimant: bytes | None = None

    @property
    def status(self) -> str:
        """valid · credited_in_part · credited."""
        if self.state is State.CREDITED:
            return "credited"
        return "credited_in_part" if self.notes else "valid"

    def now(self, at: datetime) -> Standing:
        """A lock that has lapsed reads free."""
        lapsed = self.state is State.LOCKED and self.since is not None and at > self.since + LOCK_LASTS
        return replace(self, state=State.FREE) if lapsed else self

    def after(
        self, change: Change, at: datetime, *, claimant: bytes | None = None, whole: bool = False
    ) -> Standing:
        """As the contract leaves it. Raises ImpossibleChange."""
        before = self.now(at)
        left = TRANSITIONS[before.state].get(change)
        if left is None:
            raise ImpossibleChange(f"{change.value} cannot follow {before.state.value}")
        if change is Change.CREDITED:
            left = State.CREDITED if whole else left
            return Standing(left, self.notes + 1, at, before.claimant)
        return Standing(left, self.notes, at, claimant if change is Change.CLAIMED else None)


@dataclass(frozen=True, slots=True)
class Seen:
    """A claim or a release as it stands on chain: `invoice` is the invoice's body commitment, `epoch` the
    epoch's nonce, `place` the event's place among its transaction's. Addresses are 20 bytes, the rest 32."""

    invoice: bytes
    claim_address: bytes
    claimant: bytes
    epoch: bytes
    transaction: bytes
    place: int
    at: datetime


def attestation(change: Change, seen: Seen, *, issuer: str) -> dict[str, Any]:
    """The body of a CLAIM or RELEASE entry (SPEC.md section 4)."""
    return {
        "type": {Change.CLAIMED: "claim", Change.RELEASED: "release"}[change],
        "version": 1,
        "issuer": issuer,
        "invoice": seen.invoice.hex(),
        "claim_address": seen.claim_address.hex(),
        "claimant": seen.claimant.hex(),
        "epoch": seen.epoch.hex(),
        "transaction": seen.transaction.hex(),
        "place": seen.place,
        "at": instant_text(seen.at),
    }
