"""The life of a call that the relaying account is asked to send, in one table."""

from __future__ import annotations

import enum
from collections.abc import Mapping


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
