"""What the relaying account is asked to send to the contract, and the life of such a call in one table."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


class RelayStatus(enum.StrEnum):
    QUEUED = "queued"  # kept; not sent, or sent in vain and to be looked at again
    SENT = "sent"  # signed for, perhaps mined
    DONE = "done"  # final on chain: what it changed stands in its events
    REFUSED = "refused"  # the contract would not take it, or its epoch is over


class ForbiddenStep(ValueError):
    """Ours, not the caller's: a settled call is not touched again."""


RELAY_TRANSITIONS: Mapping[RelayStatus, frozenset[RelayStatus]] = {
    RelayStatus.QUEUED: frozenset({RelayStatus.QUEUED, RelayStatus.SENT, RelayStatus.REFUSED}),
    RelayStatus.SENT: frozenset({RelayStatus.QUEUED, RelayStatus.DONE, RelayStatus.REFUSED}),
    RelayStatus.DONE: frozenset(),
    RelayStatus.REFUSED: frozenset(),
}
OPEN = frozenset({RelayStatus.QUEUED, RelayStatus.SENT})


def step(current: RelayStatus, wanted: RelayStatus) -> RelayStatus:
    """`wanted`, if it may follow `current`. Raises ForbiddenStep."""
    if wanted not in RELAY_TRANSITIONS[current]:
        raise ForbiddenStep(f"{current.value} cannot become {wanted.value}")
    return wanted


# What the contract's errors mean for whoever asked, as stable words.
REASONS: Mapping[str, str] = {
    "Expired": "expired",
    "WrongNonce": "nonce_used",
    "NotSignedBy": "not_signed",
    "WrongState": "wrong_state",
    "WrongRegister": "claims_not_open",
}
REFUSED_BY_CONTRACT, EPOCH_OVER = "refused_by_contract", "epoch_over"


def reason_of(contract_error: str) -> str:
    return REASONS.get(contract_error, REFUSED_BY_CONTRACT)


@dataclass(frozen=True, slots=True)
class Lock:
    """For a refund: nobody can claim the invoice, for at most 72 hours."""

    kind: ClassVar[str] = "lock"


@dataclass(frozen=True, slots=True)
class Unlock:
    """The refund did not come about."""

    kind: ClassVar[str] = "unlock"


@dataclass(frozen=True, slots=True)
class Credit:
    """`note` is the credit note's body commitment, 32 bytes; `whole` where nothing of the invoice is left."""

    note: bytes
    whole: bool
    kind: ClassVar[str] = "credit"


@dataclass(frozen=True, slots=True)
class CreditClaimed:
    """With the company's consent (SPEC.md section 7): (r, vs), good until `deadline` in Unix seconds."""

    note: bytes
    whole: bool
    deadline: int
    consent: tuple[bytes, bytes]
    kind: ClassVar[str] = "credit_claimed"


IssuersChange = Lock | Unlock | Credit | CreditClaimed
"""What only the issuer's account may do to an invoice."""
