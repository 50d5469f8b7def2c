"""The chain in the service's words: what flows, queries and verifiers ask of it, answered by `chain`.

Beside `app.py` and the command line this is the one place where the two meet: each Protocol that a flow
declares has its implementation here, or is fulfilled by a class of `chain` as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from chain import statuses
from chain.client import LedgerContract, NoContract
from chain.events import StatusEvents
from chain.sender import Sender
from chain.statuses import Domain, Signature, StatusContract, sign, signer_of
from invoice_service.domain.relay import Credit, CreditClaimed, IssuersChange, Lock, Unlock
from invoice_service.domain.standing import Standing, State
from invoice_service.keyring import Keyring
from invoice_service.ledger import statement
from invoice_service.ledger.evidence import AnchoredHead, EpochOnChain
from invoice_service.services import Call, Services, Signed
from invoice_service.store.chain import Epoch

EPOCHS_REMEMBERED = 4  # making a contract's client reads the whole ABI


@dataclass(frozen=True, slots=True)
class ChainHeads:
    """A chain endpoint, asked as any verifier would ask it."""

    rpc_url: str
    timeout_s: float

    def open(self, epoch: statement.Epoch) -> EpochOnChain | None:
        contract = LedgerContract(
            self.rpc_url, address=epoch.contract, log_id=epoch.log_id, timeout_s=self.timeout_s
        )
        identity = contract.identity()
        if (identity.chain_id, identity.genesis_hash) != (epoch.chain_id, epoch.genesis_hash):
            return None
        try:
            is_the_one = contract.epoch_nonce() == epoch.nonce
        except NoContract:
            return None
        return _Opened(self, epoch.contract, contract) if is_the_one else None


@dataclass(frozen=True, slots=True)
class _Opened:
    """One epoch's contract, in the verifier's words."""

    endpoint: ChainHeads
    address: bytes
    heads: LedgerContract
    _statuses: dict[bytes, StatusContract] = field(default_factory=dict)  # making one reads the whole ABI

    def anchored_at(self, root: bytes) -> AnchoredHead | None:
        return self.heads.anchored_at(root)

    def standing(self, issuer_id: bytes, claim_address: bytes) -> Standing:
        if issuer_id not in self._statuses:
            self._statuses[issuer_id] = StatusContract(
                self.endpoint.rpc_url,
                address=self.address,
                issuer_id=issuer_id,
                timeout_s=self.endpoint.timeout_s,
            )
        found = self._statuses[issuer_id].status_of(claim_address)
        return Standing(State[found.state.name], found.notes, found.time)


def ledger_contract(services: Services, epoch: Epoch) -> LedgerContract:
    """An opened epoch's contract, as its sequencer speaks to it."""
    return LedgerContract(
        services.config.chain_rpc_url,
        address=_address(epoch),
        log_id=epoch.log_id,
        sequencer_key=services.keyring.sequencer,
        timeout_s=services.config.chain_timeout_s,
    )


def relay_account(services: Services, epoch: Epoch) -> Sender:
    """The account that sends for others, on an opened epoch's contract."""
    return Sender(
        services.config.chain_rpc_url,
        contract=_address(epoch),
        key=services.keyring.relayer,
        timeout_s=services.config.chain_timeout_s,
    )


def status_events(services: Services, epoch: Epoch) -> StatusEvents:
    """What an opened epoch's contract tells of our invoices."""
    return StatusEvents(
        services.config.chain_rpc_url,
        address=_address(epoch),
        issuer_id=services.keyring.issuer_id,
        timeout_s=services.config.chain_timeout_s,
    )


@dataclass(frozen=True, slots=True)
class ContractStandings:
    """What an epoch's contract says of our invoices, with who claimed them."""

    contract: StatusContract

    def standing(self, claim_address: bytes) -> Standing:
        found = self.contract.status_of(claim_address)
        claimant = found.claimant if any(found.claimant) else None
        return Standing(State[found.state.name], found.notes, found.time, claimant)


def standings(services: Services, epoch: Epoch) -> ContractStandings:
    config = services.config
    return ContractStandings(
        StatusContract(
            config.chain_rpc_url,
            address=_address(epoch),
            issuer_id=services.keyring.issuer_id,
            timeout_s=config.chain_timeout_s,
        )
    )


@dataclass(frozen=True, slots=True)
class StatusCalls:
    """Messages and calls about claims, for `flow.claim` and its neighbours. Asks nobody anything."""

    rpc_url: str
    keyring: Keyring

    def sign_handover(
        self, epoch: Epoch, claim_key: bytes, *, claimant: bytes, nonce: int, deadline: int
    ) -> Signed:
        terms = {"issuerId": self.keyring.issuer_id, "nonce": nonce, "deadline": deadline}
        signed = sign(claim_key, _domain(epoch).digest("Handover", claimant=claimant, **terms))
        return signed.r, signed.vs

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
        terms = {"issuerId": self.keyring.issuer_id, "nonce": nonce, "deadline": deadline}
        return _signer(_domain(epoch).digest(kind, claimAddresses=list(claim_addresses), **terms), signature)

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
        told = {"note": note, "whole": whole, "notes": notes, "deadline": deadline}
        who = {"issuerId": self.keyring.issuer_id, "claimAddress": claim_address}
        return _signer(_domain(epoch).digest("Consent", **who, **told), signature)

    def claim(
        self,
        epoch: Epoch,
        *,
        claimant: bytes,
        nonce: int,
        deadline: int,
        handovers: Sequence[Signed],
        signature: Signed,
    ) -> Call:
        handed = [Signature(*one) for one in handovers]
        call = self._of(epoch).claim(claimant, nonce, deadline, handed, Signature(*signature))
        return Call(call.data, call.gas)

    def release(
        self,
        epoch: Epoch,
        *,
        claimant: bytes,
        nonce: int,
        deadline: int,
        claim_addresses: Sequence[bytes],
        signature: Signed,
    ) -> Call:
        call = self._of(epoch).release(claimant, nonce, deadline, claim_addresses, Signature(*signature))
        return Call(call.data, call.gas)

    def change(self, epoch: Epoch, claim_address: bytes, change: IssuersChange) -> Call:
        call = _called(self._of(epoch), claim_address, change)
        return Call(call.data, call.gas)

    def _of(self, epoch: Epoch) -> StatusContract:
        return _status_contract(self.rpc_url, _address(epoch), self.keyring.issuer_id)


def _called(contract: StatusContract, claim_address: bytes, change: IssuersChange) -> statuses.Call:
    match change:
        case Lock():
            return contract.lock(claim_address)
        case Unlock():
            return contract.unlock(claim_address)
        case Credit():
            return contract.credit(claim_address, change.note, whole=change.whole)
        case CreditClaimed():
            return contract.credit_claimed(
                claim_address,
                change.note,
                whole=change.whole,
                deadline=change.deadline,
                consent=Signature(*change.consent),
            )


def _signer(digest: bytes, signature: Signed) -> bytes | None:
    try:
        return signer_of(digest, Signature(*signature))
    except ValueError:
        return None


@lru_cache(maxsize=EPOCHS_REMEMBERED)
def _status_contract(rpc_url: str, address: bytes, issuer_id: bytes) -> StatusContract:
    return StatusContract(rpc_url, address=address, issuer_id=issuer_id)


def _domain(epoch: Epoch) -> Domain:
    return Domain(epoch.chain_id, _address(epoch), epoch.nonce)


def _address(epoch: Epoch) -> bytes:
    assert epoch.contract is not None  # noqa: S101 - opened epochs have one
    return epoch.contract
