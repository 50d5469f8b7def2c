"""Speak to the contract over JSON-RPC with web3.py: standard eth_* calls only, so that any EVM chain will do.

Signing needs no network: the gas limit is a formula, nonce and price are arguments. What a node says when
it refuses a transaction differs between clients; one table tells the meanings apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

import requests
from eth_account import Account
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.exceptions import (
    BadFunctionCallOutput,
    ContractLogicError,
    TransactionNotFound,
    Web3Exception,
    Web3RPCError,
)

from chain.compile import artifact

P = ParamSpec("P")
R = TypeVar("R")

# An append costs 58k gas with an empty proof and up to 1,450 a proof node (docs/reference/gas.md); nearly as
# much again leaves room for chains that price the SHA-256 precompile or storage higher.
APPEND_GAS = 110_000
APPEND_GAS_A_NODE = 3_000

ACCEPTED, KNOWN, NONCE_TOO_LOW, UNDERPRICED = "accepted", "known", "nonce_too_low", "underpriced"
# Wordings of Anvil, geth, Besu, Hardhat, Ganache and OpenEthereum, lower case, whole words.
REFUSALS = {
    "already known": KNOWN,
    "already imported": KNOWN,
    "known transaction": KNOWN,
    "nonce too low": NONCE_TOO_LOW,
    "nonce is too low": NONCE_TOO_LOW,
    "doesn't have the correct nonce": NONCE_TOO_LOW,
    "underpriced": UNDERPRICED,
}
# Ganache's wording of a revert without data.
SILENT_REVERT = "VM Exception while processing transaction: revert"
# The last three are how web3.py fails on an answer that is no JSON-RPC: something else listens there.
NO_ANSWER = (
    requests.RequestException, Web3Exception, ValueError, TimeoutError, AttributeError, KeyError, TypeError
)  # fmt: skip


class ChainUnavailable(ConnectionError):
    """The endpoint does not answer, or not in time; nothing is known about what was asked."""


class NoContract(ConnectionError):
    """The endpoint answers, but there is no ledger contract at the address: another chain, or a wiped one."""


class Rejected(ConnectionError):
    """The node refuses a transaction for a reason of its own (no funds, no gas): try again when mended."""


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """`genesis_hash` is the hash of block 0, 32 bytes."""

    chain_id: int
    genesis_hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    size: int
    block_number: int
    time: datetime


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """`gas_price` in wei; `tx_hash` 32 bytes."""

    nonce: int
    raw: bytes
    tx_hash: bytes
    gas_price: int


@dataclass(frozen=True, slots=True)
class Receipt:
    tx_hash: bytes
    block_number: int
    block_hash: bytes
    block_time: datetime
    succeeded: bool
    gas_used: int


def answering(call: Callable[P, R]) -> Callable[P, R]:
    """Every way in which an endpoint fails to answer is a ChainUnavailable."""

    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except NO_ANSWER as error:
            raise ChainUnavailable(_told(error)) from error

    return asked


def _told(error: Exception) -> str:
    """What may be repeated: the words of `requests` name the endpoint, and its URL may hold a key."""
    name = type(error).__name__
    return name if isinstance(error, requests.RequestException) else f"{name}: {error}"[:300]


def connect(rpc_url: str, timeout_s: float) -> Web3:
    """No retries of web3's own (a lost reply is ours to think about), and no CCIP-read (CVE-2026-40072)."""
    provider = HTTPProvider(
        rpc_url, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=None
    )
    provider.global_ccip_read_enabled = False
    return Web3(provider, middleware=[])


@answering
def identity(web3: Web3) -> ChainIdentity:
    block = web3.eth.get_block(0)
    return ChainIdentity(web3.eth.chain_id, bytes(block["hash"]))


class LedgerContract:
    """One log in one deployed contract. Calls that find no answer raise ChainUnavailable."""

    def __init__(
        self,
        rpc_url: str,
        *,
        address: bytes,
        log_id: bytes,
        sequencer_key: bytes | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        self._web3 = connect(rpc_url, timeout_s)
        self._address = Web3.to_checksum_address(address)
        self._contract = self._web3.eth.contract(address=self._address, abi=artifact()["abi"])
        self._log_id = log_id
        self._account = Account.from_key(sequencer_key) if sequencer_key else None
        self._chain_id: int | None = None

    def identity(self) -> ChainIdentity:
        return identity(self._web3)

    def epoch_nonce(self) -> bytes:
        """Raises NoContract."""
        return bytes(self._call("epochNonce"))

    def head(self) -> Head:
        """Raises NoContract."""
        size, root = self._call("head", self._log_id)
        return Head(size, bytes(root))

    def anchored_at(self, root: bytes) -> AnchoredHead | None:
        size, seconds, block_number = self._call("anchoredAt", self._log_id, root)
        return AnchoredHead(size, block_number, datetime.fromtimestamp(seconds, UTC)) if size else None

    def verify_inclusion(self, root: bytes, leaf: bytes, index: int, proof: Sequence[bytes]) -> bool:
        return bool(self._call("verifyInclusion", self._log_id, root, leaf, index, list(proof)))

    @answering
    def block_number(self) -> int:
        return int(self._web3.eth.block_number)

    @answering
    def next_nonce(self) -> int:
        """The sequencer's next nonce by what is mined."""
        return int(self._web3.eth.get_transaction_count(self._signer().address, "latest"))

    @answering
    def gas_price(self) -> int:
        return int(self._web3.eth.gas_price)

    def sign_append(
        self,
        *,
        nonce: int,
        gas_price: int,
        old_size: int,
        new_size: int,
        new_root: bytes,
        proof: Sequence[bytes],
    ) -> SignedTransaction:
        """A legacy transaction: every EVM chain takes it, zero-fee ones included."""
        data = self._contract.encode_abi(
            "append", args=[self._log_id, old_size, new_size, new_root, list(proof)]
        )
        signed = self._signer().sign_transaction(
            {
                "chainId": self._known_chain_id(),
                "to": self._address,
                "nonce": nonce,
                "gas": APPEND_GAS + APPEND_GAS_A_NODE * len(proof),
                "gasPrice": gas_price,
                "value": 0,
                "data": data,
            }
        )
        return SignedTransaction(nonce, bytes(signed.raw_transaction), bytes(signed.hash), gas_price)

    def broadcast(self, raw: bytes) -> str:
        """ "accepted", "known", "nonce_too_low" or "underpriced". Raises ChainUnavailable, Rejected."""
        return broadcast(self._web3, raw)

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        return receipt(self._web3, tx_hash)

    def _call(self, name: str, *arguments: Any) -> Any:
        return call(self._contract, name, *arguments)

    @answering
    def _known_chain_id(self) -> int:
        if self._chain_id is None:
            self._chain_id = self._web3.eth.chain_id
        return self._chain_id

    def _signer(self) -> Any:
        if self._account is None:
            raise ValueError("this client was made without a sequencer's key")
        return self._account


@answering
def call(contract: Any, name: str, *arguments: Any) -> Any:
    """One view of the contract. Raises NoContract where nothing answers at the address."""
    try:
        return contract.functions[name](*arguments).call(ccip_read_enabled=False)
    except BadFunctionCallOutput as error:
        raise NoContract(f"no ledger contract at {contract.address}") from error
    except (ContractLogicError, Web3RPCError) as error:
        if not is_revert(error):
            raise
        raise NoContract(f"no ledger contract at {contract.address}") from error


def is_revert(error: ContractLogicError | Web3RPCError) -> bool:
    """Whether a contract refused. To web3.py a failure of the node itself is the same, where it comes with
    `"data": null` or with words for data; but a whole epoch must not end because a node had a bad moment."""
    if not isinstance(error, ContractLogicError):
        return SILENT_REVERT in str(error)
    if isinstance(error.data, str) and error.data.startswith(("0x", "Reverted ")):
        return True
    return "revert" in str(error.message).removeprefix("execution reverted: ").lower()


@answering
def receipt(web3: Web3, tx_hash: bytes) -> Receipt | None:
    """Of a transaction that is mined."""
    try:
        found = web3.eth.get_transaction_receipt(HexBytes(tx_hash))
    except TransactionNotFound:
        return None
    block = web3.eth.get_block(found["blockHash"])
    return Receipt(
        tx_hash=tx_hash,
        block_number=found["blockNumber"],
        block_hash=bytes(found["blockHash"]),
        block_time=datetime.fromtimestamp(block["timestamp"], UTC),
        succeeded=found["status"] == 1,
        gas_used=found["gasUsed"],
    )


def broadcast(web3: Web3, raw: bytes) -> str:
    """Send a signed transaction. Raises ChainUnavailable, or Rejected with the node's reason."""
    try:
        web3.eth.send_raw_transaction(raw)
    except Web3RPCError as error:
        meaning = _meaning(str(error))
        if meaning is None:
            raise Rejected(str(error)[:300]) from error
        return meaning
    except NO_ANSWER as error:
        raise ChainUnavailable(_told(error)) from error
    return ACCEPTED


def _meaning(refusal: str) -> str | None:
    """None where the table does not know it: an "unknown transaction type" is no known transaction."""
    for wording, meaning in REFUSALS.items():
        if re.search(rf"\b{re.escape(wording)}\b", refusal.lower()):
            return meaning
    return None
