"""What flows and queries work with: one frozen value, made by `app.build_services`.

Time and randomness are in it because they are arguments: a test passes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from invoice_service.config import Config
from invoice_service.domain.relay import IssuersChange
from invoice_service.keyring import Keyring
from invoice_service.ledger.evidence import HeadSource
from invoice_service.payments.provider import PaymentProvider
from invoice_service.store.chain import Epoch
from invoice_service.store.unit_of_work import Database

Signed = tuple[bytes, bytes]  # (r, vs): a compact signature, 32 bytes each


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the contract, ready to be signed for: its data, and a gas limit."""

    data: bytes
    gas: int


class StatusCalls(Protocol):
    """SPEC.md section 7: the issuer's messages and calls about claims. Addresses are 20 bytes, `deadline` in
    Unix seconds. Nothing here asks the chain."""

    def sign_handover(
        self, epoch: Epoch, claim_key: bytes, *, claimant: bytes, nonce: int, deadline: int
    ) -> Signed: ...
    def signer_of_list(
        self,
        kind: str,
        epoch: Epoch,
        claim_addresses: Sequence[bytes],
        *,
        nonce: int,
        deadline: int,
        signature: Signed,
    ) -> bytes | None:
        """Whose signature it is of the Claim or Release; None where it is nobody's."""
        ...

    def signer_of_consent(
        self,
        epoch: Epoch,
        claim_address: bytes,
        *,
        note: bytes,
        whole: bool,
        notes: int,
        deadline: int,
        signature: Signed,
    ) -> bytes | None:
        """Whose signature it is of the Consent to a credit note; None where it is nobody's."""
        ...

    def claim(
        self,
        epoch: Epoch,
        *,
        claimant: bytes,
        nonce: int,
        deadline: int,
        handovers: Sequence[Signed],
        signature: Signed,
    ) -> Call: ...
    def release(
        self,
        epoch: Epoch,
        *,
        claimant: bytes,
        nonce: int,
        deadline: int,
        claim_addresses: Sequence[bytes],
        signature: Signed,
    ) -> Call: ...
    def change(self, epoch: Epoch, claim_address: bytes, change: IssuersChange) -> Call: ...


class ChainRelay(Protocol):
    def post(self, body: bytes) -> bytes:
        """The chain's answer to JSON-RPC. Not answering raises ConnectionError."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """`heads` asks the chain as any verifier would, `relay` for one; None where no chain is configured."""

    config: Config
    database: Database
    keyring: Keyring
    providers: Mapping[str, PaymentProvider]
    heads: HeadSource | None
    status_calls: StatusCalls
    relay: ChainRelay | None
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
