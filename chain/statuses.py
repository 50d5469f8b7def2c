"""What became of invoices, by the contract: its EIP-712 messages, its calls, and what it tells.

A company claims with two kinds of signature. Each invoice's own claim key hands it over to the company, with
the company's nonce and a deadline; the company signs the list. Anyone may send the two, since neither is good
for another list, another company, another epoch of the contract (its nonce is the domain's salt), or again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from coincurve import PublicKey
from coincurve.utils import GROUP_ORDER_INT
from eth_account import Account
from eth_account.messages import encode_typed_data
from web3 import Web3

from chain.client import ChainUnavailable, Receipt, answering, broadcast, call, connect, receipt
from chain.compile import artifact

# Gas limits: about twice what docs/reference/gas.md says, for chains that price storage higher.
CLAIM_GAS, CLAIM_GAS_AN_ITEM = 120_000, 60_000
RELEASE_GAS, RELEASE_GAS_AN_ITEM = 120_000, 30_000
RESTORE_GAS, RESTORE_GAS_AN_ITEM = 100_000, 60_000
CHANGE_GAS = 150_000  # lock, unlock, credit
MINED_WITHIN_S = 120.0
LOOK_EVERY_S = 0.05
LIST_MOST = 100  # items in one transaction: 6 million gas of a block, at most

_HEAD = [
    ("issuerId", "bytes32"),
    ("claimAddresses", "address[]"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
]
TYPES: dict[str, list[tuple[str, str]]] = {
    "Handover": [
        ("issuerId", "bytes32"), ("claimant", "address"), ("nonce", "uint256"), ("deadline", "uint256")
    ],
    "Claim": _HEAD,
    "Release": _HEAD,
    "Consent": [
        ("issuerId", "bytes32"), ("claimAddress", "address"), ("note", "bytes32"), ("whole", "bool"),
        ("notes", "uint256"), ("deadline", "uint256"),
    ],
}  # fmt: skip


class State(IntEnum):
    FREE = 0
    CLAIMED = 1
    LOCKED = 2
    CREDITED = 3


class Register(IntEnum):
    """How an issuer is in the contract: not at all, taking statuses over from before, or in use."""

    UNKNOWN = 0
    RESTORING = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class Status:
    """`time` of the block that wrote the state, None if none did; `claimant` 20 bytes, zero for nobody."""

    state: State
    notes: int
    time: datetime | None
    claimant: bytes


@dataclass(frozen=True, slots=True)
class Signature:
    """ERC-2098: `vs` has the recovery bit in its highest bit. 32 bytes each."""

    r: bytes
    vs: bytes


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature is good: one epoch of the contract. `contract` 20 bytes, `epoch_nonce` 32."""

    chain_id: int
    contract: bytes
    epoch_nonce: bytes

    def digest(self, kind: str, **values: Any) -> bytes:
        """The 32 bytes that are signed (EIP-712). Addresses are 20 bytes; `kind` is one of TYPES."""
        message = encode_typed_data(
            domain_data={
                "name": "InvoiceLedger",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": Web3.to_checksum_address(self.contract),
                "salt": self.epoch_nonce,
            },
            message_types={kind: [{"name": name, "type": of} for name, of in TYPES[kind]]},
            message_data={name: _written(of, values[name]) for name, of in TYPES[kind]},
        )
        return bytes(Web3.keccak(b"\x19" + message.version + message.header + message.body))


def sign(key: bytes, digest: bytes) -> Signature:
    """With a secp256k1 key of 32 bytes."""
    signed = Account.unsafe_sign_hash(digest, key)
    return Signature(signed.r.to_bytes(32, "big"), (signed.s | (signed.v - 27) << 255).to_bytes(32, "big"))


def _written(of: str, value: Any) -> Any:
    if of == "address":
        return Web3.to_checksum_address(value)
    if of == "address[]":
        return [Web3.to_checksum_address(one) for one in value]
    return value


def signer_of(digest: bytes, signature: Signature) -> bytes:
    """The address (20 bytes) whose key signed. Raises ValueError for what is no signature to the contract."""
    odd, s = divmod(int.from_bytes(signature.vs, "big"), 1 << 255)
    if s > GROUP_ORDER_INT // 2:
        raise ValueError("s in the upper half")
    compact = signature.r + s.to_bytes(32, "big") + bytes([odd])
    public = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    return bytes(Web3.keccak(public.format(compressed=False)[1:]))[12:]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the contract, ready to be signed as a transaction: its data, and a gas limit."""

    data: bytes
    gas: int


class StatusContract:
    """One issuer's invoices in one contract. What asks the chain raises ChainUnavailable, NoContract."""

    def __init__(self, rpc_url: str, *, address: bytes, issuer_id: bytes, timeout_s: float = 5.0) -> None:
        web3 = connect(rpc_url, timeout_s)
        self._web3 = web3
        self._contract = web3.eth.contract(address=Web3.to_checksum_address(address), abi=artifact()["abi"])
        self._address = address
        self._issuer_id = issuer_id

    def domain(self) -> Domain:
        return Domain(self._chain_id(), self._address, bytes(call(self._contract, "epochNonce")))

    def register(self) -> Register:
        return Register(call(self._contract, "registers", self._issuer_id))

    def status_of(self, claim_address: bytes) -> Status:
        found = call(self._contract, "statusOf", self._issuer_id, Web3.to_checksum_address(claim_address))
        state, notes, seconds, claimant = found
        time = datetime.fromtimestamp(seconds, UTC) if seconds else None
        return Status(State(state), notes, time, bytes.fromhex(claimant[2:]))

    def nonce_of(self, claimant: bytes) -> int:
        """What the company's next claim or release must bear."""
        return int(call(self._contract, "nonces", Web3.to_checksum_address(claimant)))

    def claim(
        self,
        claimant: bytes,
        nonce: int,
        deadline: int,
        handovers: Sequence[Signature],
        signature: Signature,
    ) -> Call:
        """`deadline` in Unix seconds; the handovers stand in the order of the list that was signed."""
        pairs = [astuple(one) for one in handovers]
        arguments = (Web3.to_checksum_address(claimant), nonce, deadline, pairs, astuple(signature))
        return self._encoded("claim", *arguments, gas=CLAIM_GAS + CLAIM_GAS_AN_ITEM * len(pairs))

    def release(
        self,
        claimant: bytes,
        nonce: int,
        deadline: int,
        claim_addresses: Sequence[bytes],
        signature: Signature,
    ) -> Call:
        addresses = [Web3.to_checksum_address(one) for one in claim_addresses]
        arguments = (Web3.to_checksum_address(claimant), nonce, deadline, addresses, astuple(signature))
        return self._encoded("release", *arguments, gas=RELEASE_GAS + RELEASE_GAS_AN_ITEM * len(addresses))

    def lock(self, claim_address: bytes) -> Call:
        return self._encoded("lock", Web3.to_checksum_address(claim_address))

    def unlock(self, claim_address: bytes) -> Call:
        return self._encoded("unlock", Web3.to_checksum_address(claim_address))

    def credit(self, claim_address: bytes, note: bytes, *, whole: bool) -> Call:
        """`note` is the credit note's body commitment."""
        return self._encoded("credit", Web3.to_checksum_address(claim_address), note, whole)

    def credit_claimed(
        self, claim_address: bytes, note: bytes, *, whole: bool, deadline: int, consent: Signature
    ) -> Call:
        address = Web3.to_checksum_address(claim_address)
        return self._encoded("creditClaimed", address, note, whole, deadline, astuple(consent))

    def restore(self, earlier: Sequence[tuple[bytes, Status]]) -> Call:
        """Statuses by claim address, from an earlier epoch."""
        written = [
            (
                Web3.to_checksum_address(claim_address),
                (
                    status.state,
                    status.notes,
                    int(status.time.timestamp()) if status.time else 0,
                    Web3.to_checksum_address(status.claimant),
                ),
            )
            for claim_address, status in earlier
        ]
        return self._encoded("restore", written, gas=RESTORE_GAS + RESTORE_GAS_AN_ITEM * len(written))

    def open_claims(self) -> Call:
        return self._encoded("openClaims")

    def send(self, key: bytes, what: Call) -> Receipt:
        """As a transaction of the key's account, waiting until it is mined.

        Raises ChainUnavailable, Rejected. In doubt (no answer, nothing mined in time) ask for statuses.
        """
        account = Account.from_key(key)
        signed = self._signed(account, what)
        broadcast(self._web3, bytes(signed.raw_transaction))
        ends_at = time.monotonic() + MINED_WITHIN_S
        while time.monotonic() < ends_at:
            found = receipt(self._web3, bytes(signed.hash))
            if found is not None:
                return found
            time.sleep(LOOK_EVERY_S)
        raise ChainUnavailable("the transaction was not mined in time")

    @answering
    def _signed(self, account: Any, what: Call) -> Any:
        return account.sign_transaction(
            {
                "chainId": self._web3.eth.chain_id,
                "to": self._contract.address,
                "nonce": self._web3.eth.get_transaction_count(account.address),
                "gas": what.gas,
                "gasPrice": self._web3.eth.gas_price,
                "value": 0,
                "data": what.data,
            }
        )

    def _encoded(self, name: str, *arguments: Any, gas: int = CHANGE_GAS) -> Call:
        data = self._contract.encode_abi(name, args=[self._issuer_id, *arguments])
        return Call(bytes.fromhex(data[2:]), gas)

    @answering
    def _chain_id(self) -> int:
        return int(self._web3.eth.chain_id)
