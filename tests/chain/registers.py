"""An issuer in the contract as tests handle it: who signs what, and what the chain said."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_account import Account
from web3.logs import DISCARD

from chain.client import connect
from chain.statuses import Call, Domain, Signature, State, StatusContract, sign
from tests.chain.logs import GAS_PRICE, MINED_WITHIN_S, Ledger

NOBODY = bytes(20)
FAR = 2**40  # a deadline, Unix seconds
NOTE = b"\x07" * 32


@dataclass(frozen=True, slots=True)
class Key:
    """A secp256k1 key and its address."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def address(self) -> bytes:
        return bytes.fromhex(Account.from_key(self.secret).address[2:])


@dataclass(frozen=True, slots=True)
class IssuersRegister:
    """An issuer in the contract, with the account that speaks for it."""

    ledger: Ledger
    issuer_id: bytes
    account: Key
    contract: StatusContract
    domain: Domain

    def send(self, by: Key, what: Call) -> Any:
        """As a transaction, with the gas limit that is signed; answers web3's receipt."""
        web3, account = connect(self.ledger.rpc_url, 5.0), Account.from_key(by.secret)
        transaction = {
            "chainId": web3.eth.chain_id,
            "nonce": web3.eth.get_transaction_count(account.address),
            "to": self.ledger.contract.address,
            "gas": what.gas,
            "gasPrice": GAS_PRICE,
            "value": 0,
            "data": what.data,
        }
        sent = web3.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)
        return web3.eth.wait_for_transaction_receipt(sent, timeout=MINED_WITHIN_S, poll_latency=0.002)

    def ask(self, by: Key, what: Call) -> None:
        """What a call would do. Raises ContractCustomError where it is refused."""
        function, arguments = self.ledger.contract.decode_function_input(what.data)
        function(**arguments).call({"from": Account.from_key(by.secret).address}, ccip_read_enabled=False)

    def claim(
        self, company: Key, items: Sequence[Key], *, nonce: int | None = None, deadline: int = FAR
    ) -> Call:
        nonce = self.contract.nonce_of(company.address) if nonce is None else nonce
        handovers = self.sign_handovers(company, items, nonce, deadline)
        signature = self.sign_claim(company, items, nonce, deadline)
        return self.contract.claim(company.address, nonce, deadline, handovers, signature)

    def release(
        self, company: Key, items: Sequence[Key], *, nonce: int | None = None, deadline: int = FAR
    ) -> Call:
        nonce = self.contract.nonce_of(company.address) if nonce is None else nonce
        signature = self.sign_release(company, items, nonce, deadline)
        addresses = [item.address for item in items]
        return self.contract.release(company.address, nonce, deadline, addresses, signature)

    def sign_handovers(
        self, company: Key, items: Sequence[Key], nonce: int, deadline: int
    ) -> list[Signature]:
        terms = {"issuerId": self.issuer_id, "nonce": nonce, "deadline": deadline}
        digest = self.domain.digest("Handover", claimant=company.address, **terms)
        return [sign(item.secret, digest) for item in items]

    def sign_claim(self, by: Key, items: Sequence[Key], nonce: int, deadline: int) -> Signature:
        return self._sign_list("Claim", by, items, nonce, deadline)

    def sign_release(self, by: Key, items: Sequence[Key], nonce: int, deadline: int) -> Signature:
        return self._sign_list("Release", by, items, nonce, deadline)

    def _sign_list(self, kind: str, by: Key, items: Sequence[Key], nonce: int, deadline: int) -> Signature:
        terms = {"issuerId": self.issuer_id, "nonce": nonce, "deadline": deadline}
        addresses = [item.address for item in items]
        return sign(by.secret, self.domain.digest(kind, claimAddresses=addresses, **terms))

    def consent(
        self, company: Key, item: Key, *, whole: bool, notes: int = 0, deadline: int = FAR
    ) -> Signature:
        digest = self.domain.digest(
            "Consent", issuerId=self.issuer_id, claimAddress=item.address, note=NOTE, whole=whole,
            notes=notes, deadline=deadline,
        )  # fmt: skip
        return sign(company.secret, digest)

    def credit_claimed(self, company: Key, item: Key, *, whole: bool, notes: int = 0) -> Call:
        consent = self.consent(company, item, whole=whole, notes=notes)
        return self.contract.credit_claimed(item.address, NOTE, whole=whole, deadline=FAR, consent=consent)

    def state(self, item: Key) -> tuple[State, int, bytes]:
        status = self.contract.status_of(item.address)
        return status.state, status.notes, status.claimant

    def events(self, receipt: Any) -> list[tuple[str, bytes]]:
        """(event's name, claim address) in the order of the logs."""
        found = []
        for name in ("Claimed", "ClaimSkipped", "Released", "Locked", "Unlocked", "Credited"):
            for one in self.ledger.contract.events[name]().process_receipt(receipt, errors=DISCARD):
                address = bytes.fromhex(one["args"]["claimAddress"][2:])
                found.append((one["logIndex"], name, address))
        return [(name, address) for _, name, address in sorted(found)]


def registered(ledger: Ledger, issuer_id: bytes | None = None) -> IssuersRegister:
    """An issuer of that name, or of one of its own."""
    issuer_id, account = issuer_id or secrets.token_bytes(32), Key()
    call = ledger.contract.functions.registerIssuer(issuer_id, Account.from_key(account.secret).address)
    assert ledger.send(ledger.admin_key, call)["status"] == 1
    contract = StatusContract(ledger.rpc_url, address=ledger.address, issuer_id=issuer_id)
    return IssuersRegister(ledger, issuer_id, account, contract, contract.domain())
