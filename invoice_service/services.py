"""What flows and queries work with: one frozen value, made by `app.build_services`.

Time and randomness are in it because they are arguments: a test passes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from invoice_service.config import Config
from invoice_service.keyring import Keyring
from invoice_service.ledger.evidence import HeadSource
from invoice_service.payments.provider import PaymentProvider
from invoice_service.store.chain import Epoch
from invoice_service.store.unit_of_work import Database


class HandoverSigner(Protocol):
    """SPEC.md section 7: signs that an invoice is handed over, as (r, vs). `claimant` is 20 bytes."""

    def __call__(
        self, epoch: Epoch, issuer_id: bytes, key: bytes, *, claimant: bytes, nonce: int, deadline: int
    ) -> tuple[bytes, bytes]: ...


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
    sign_handover: HandoverSigner
    relay: ChainRelay | None
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
