"""Deploy the contract, open a log and claims in it, so that doing it again after a crash changes nothing.

Whoever deploys has kept the epoch's nonce beforehand. The contract carries that nonce, and its address
follows from the admin account and its transaction count, so a deployment whose record was lost is found
by looking at the addresses that the admin's transactions gave.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import rlp
from eth_account import Account
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.exceptions import TransactionNotFound

from chain.client import (
    NONCE_TOO_LOW,
    ChainIdentity,
    ChainUnavailable,
    NoContract,
    Rejected,
    answering,
    broadcast,
    call,
    connect,
    identity,
)
from chain.compile import artifact
from chain.statuses import Call, Register, State, Status, StatusContract

DEPLOY_GAS = 5_000_000
OPEN_GAS = 300_000
REGISTER_GAS = 200_000
MINED_WITHIN_S = 120.0
LOOK_EVERY_S = 0.01
LOOK_BACK = 16  # the admin sends three transactions an epoch: its last few cover any crash
NO_CODE = b""
NOBODY = bytes(20)


class Standing(Protocol):
    """What became of an invoice: `state` names one of State, `claimant` is 20 bytes or None."""

    @property
    def state(self) -> str: ...
    @property
    def notes(self) -> int: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def claimant(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class OpenedIn:
    block_number: int
    tx_hash: bytes


class Deployer:
    """The admin's hand on one chain endpoint. Raises ChainUnavailable where it does not answer."""

    def __init__(
        self, rpc_url: str, *, admin_key: bytes, sequencer_key: bytes, timeout_s: float = 10.0
    ) -> None:
        self._rpc_url, self._timeout_s = rpc_url, timeout_s
        self._web3 = connect(rpc_url, timeout_s)
        self._admin = Account.from_key(admin_key)
        self._sequencer = Account.from_key(sequencer_key).address
        self._abi, self._bytecode = artifact()["abi"], artifact()["bytecode"]

    def identity(self) -> ChainIdentity:
        return identity(self._web3)

    @answering
    def block_number(self) -> int:
        return int(self._web3.eth.block_number)

    def holds(self, contract: bytes, epoch_nonce: bytes) -> bool:
        """Whether the contract with this nonce stands at the address."""
        try:
            return bytes(call(self._at(contract), "epochNonce")) == epoch_nonce
        except NoContract:
            return False

    def deploy(self, epoch_nonce: bytes) -> bytes:
        """The 20-byte address of the contract that carries `epoch_nonce`: found, or deployed now."""
        found = self._find(epoch_nonce)
        if found is not None:
            return found
        contract = self._web3.eth.contract(abi=self._abi, bytecode=self._bytecode)
        data = contract.constructor(self._admin.address, epoch_nonce).data_in_transaction
        receipt = self._send({"data": data, "gas": DEPLOY_GAS})
        return bytes.fromhex(receipt["contractAddress"][2:])

    def open_log(self, contract: bytes, log_id: bytes, size: int, root: bytes) -> None:
        """Open the log for our sequencer; one that is open for it already is left as it is."""
        ledger = self._at(contract)
        role = call(ledger, "sequencerRole", log_id)
        if call(ledger, "hasRole", role, self._sequencer):
            return
        data = ledger.encode_abi("openLog", args=[log_id, size, root, self._sequencer])
        self._send({"to": ledger.address, "data": data, "gas": OPEN_GAS})

    @answering
    def opened_in(self, contract: bytes, log_id: bytes, since: int) -> OpenedIn:
        """The transaction that opened the log, in block `since` or a later one."""
        opened, newest = self._at(contract).events.LogOpened, int(self._web3.eth.block_number)
        (event,) = opened.get_logs(from_block=min(since, newest), argument_filters={"logId": log_id})
        return OpenedIn(int(event["blockNumber"]), bytes(event["transactionHash"]))

    def register(self, contract: bytes, issuer_id: bytes, relayer_key: bytes) -> None:
        """Register the issuer with the relayer's account; again changes nothing."""
        ledger, relayer = self._at(contract), Account.from_key(relayer_key)
        if call(ledger, "registers", issuer_id) == Register.UNKNOWN:
            data = ledger.encode_abi("registerIssuer", args=[issuer_id, relayer.address])
            self._send({"to": ledger.address, "data": data, "gas": REGISTER_GAS})

    def restore(
        self, contract: bytes, issuer_id: bytes, relayer_key: bytes, earlier: Sequence[tuple[bytes, Standing]]
    ) -> None:
        """Take statuses over from an earlier epoch; again changes nothing, nor once claims are open."""
        if earlier and self._is_restoring(contract, issuer_id):
            newest = self._newest_time()
            taken_over = [(address, _status(standing, newest)) for address, standing in earlier]
            self._as_relayer(relayer_key, contract, self._statuses(contract, issuer_id).restore(taken_over))

    def open_claims(self, contract: bytes, issuer_id: bytes, relayer_key: bytes) -> None:
        """Let the relayer's account open the issuer's claims; again changes nothing."""
        if self._is_restoring(contract, issuer_id):
            self._as_relayer(relayer_key, contract, self._statuses(contract, issuer_id).open_claims())

    @answering
    def _newest_time(self) -> datetime:
        return datetime.fromtimestamp(self._web3.eth.get_block("latest")["timestamp"], UTC)

    def _is_restoring(self, contract: bytes, issuer_id: bytes) -> bool:
        return bool(call(self._at(contract), "registers", issuer_id) == Register.RESTORING)

    def _statuses(self, contract: bytes, issuer_id: bytes) -> StatusContract:
        return StatusContract(self._rpc_url, address=contract, issuer_id=issuer_id, timeout_s=self._timeout_s)

    def _as_relayer(self, relayer_key: bytes, contract: bytes, what: Call) -> None:
        fields = {"to": Web3.to_checksum_address(contract), "data": what.data, "gas": what.gas}
        self._send(fields, by=Account.from_key(relayer_key))

    @answering
    def _find(self, epoch_nonce: bytes) -> bytes | None:
        count = self._web3.eth.get_transaction_count(self._admin.address)
        for nonce in range(count - 1, max(-1, count - 1 - LOOK_BACK), -1):
            address = contract_address(self._admin.address, nonce)
            if self._web3.eth.get_code(to_checksum_address(address)) == NO_CODE:
                continue
            try:
                if bytes(call(self._at(address), "epochNonce")) == epoch_nonce:
                    return address
            except NoContract:
                continue
        return None

    def _at(self, address: bytes) -> Any:
        return self._web3.eth.contract(address=Web3.to_checksum_address(address), abi=self._abi)

    def _send(self, fields: dict[str, Any], by: Any = None) -> Any:
        """Sign as the admin, or as another; send, wait for the receipt. Raises Rejected where it fails."""
        signed = self._sign(fields, by or self._admin)
        outcome = broadcast(self._web3, bytes(signed.raw_transaction))
        if outcome == NONCE_TOO_LOW and self._receipt(signed.hash) is None:
            raise ChainUnavailable("another transaction of the account came first")
        ends_at = time.monotonic() + MINED_WITHIN_S
        while time.monotonic() < ends_at:
            receipt = self._receipt(signed.hash)
            if receipt is None:
                time.sleep(LOOK_EVERY_S)
            elif receipt["status"] == 1:
                return receipt
            else:
                raise Rejected(f"the chain refused transaction {signed.hash.hex()}")
        raise ChainUnavailable("the transaction was not mined in time")

    @answering
    def _sign(self, fields: dict[str, Any], by: Any) -> Any:
        return by.sign_transaction(
            {
                "chainId": self._web3.eth.chain_id,
                "nonce": self._web3.eth.get_transaction_count(by.address),
                "gasPrice": self._web3.eth.gas_price,
                "value": 0,
                **fields,
            }
        )

    @answering
    def _receipt(self, tx_hash: Any) -> Any:
        try:
            return self._web3.eth.get_transaction_receipt(tx_hash)
        except TransactionNotFound:
            return None


def _status(standing: Standing, newest: datetime) -> Status:
    """A development chain's clock may have run ahead of this one's; nothing is restored from the future."""
    state, since = State[standing.state.upper()], standing.since
    return Status(state, standing.notes, min(since, newest) if since else None, standing.claimant or NOBODY)


def contract_address(sender: str, nonce: int) -> bytes:
    """Where a contract made by `sender`'s transaction `nonce` lives (Yellow Paper, section 7)."""
    return bytes(Web3.keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce])))[12:]
