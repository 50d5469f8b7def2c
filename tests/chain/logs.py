"""A deployed contract as tests handle it: logs opened by its admin, and calls that it must refuse."""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_account import Account
from web3 import Web3
from web3.exceptions import ContractCustomError

from chain.client import LedgerContract, Receipt, connect
from chain.compile import artifact
from chain.deploy import Deployer, contract_address
from tests.chain.chains import Chain

GAS_PRICE = 0
MINED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Log:
    """A log in the contract, and the key that may append to it."""

    id: bytes
    sequencer_key: bytes = field(repr=False)
    client: LedgerContract

    @property
    def sequencer(self) -> str:
        return str(Account.from_key(self.sequencer_key).address)

    def append(self, old_size: int, new_size: int, root: bytes, proof: list[bytes]) -> Receipt:
        """Sign, send and read the receipt, whether the contract took it or not."""
        signed = self.client.sign_append(
            nonce=self.client.next_nonce(),
            gas_price=GAS_PRICE,
            old_size=old_size,
            new_size=new_size,
            new_root=root,
            proof=proof,
        )
        assert self.client.broadcast(signed.raw) == "accepted"
        return mined(lambda: self.client.receipt(signed.tx_hash))


@dataclass(frozen=True, slots=True)
class Ledger:
    """The contract: `contract` is web3's view of it, for what the client does not offer."""

    chain: Chain
    address: bytes
    admin_key: bytes = field(repr=False)
    epoch_nonce: bytes

    @property
    def rpc_url(self) -> str:
        return self.chain.rpc_url

    @property
    def admin(self) -> str:
        return str(Account.from_key(self.admin_key).address)

    @property
    def contract(self) -> Any:
        return _contract_at(self.rpc_url, self.address)

    def open_log(self, size: int, root: bytes) -> Log:
        """A new log with a sequencer of its own, opened by the admin."""
        log_id, key = secrets.token_bytes(32), secrets.token_bytes(32)
        opening = self.contract.functions.openLog(log_id, size, root, Account.from_key(key).address)
        assert self.send(self.admin_key, opening)["status"] == 1
        return Log(log_id, key, self.client(log_id, key))

    def client(self, log_id: bytes, key: bytes | None = None) -> LedgerContract:
        return LedgerContract(self.rpc_url, address=self.address, log_id=log_id, sequencer_key=key)

    def try_append(
        self, log: Log, old_size: int, new_size: int, root: bytes, proof: list[bytes], sender: str = ""
    ) -> None:
        """Ask what an append would do, without sending it. Raises ContractCustomError where it is refused."""
        call = self.contract.functions.append(log.id, old_size, new_size, root, proof)
        call.call({"from": sender or log.sequencer}, ccip_read_enabled=False)

    def send(self, key: bytes, call: Any, gas: int = 500_000) -> Any:
        """Send any call of the contract from any account, and answer web3's receipt."""
        web3, account = connect(self.rpc_url, 5.0), Account.from_key(key)
        transaction = {
            "chainId": web3.eth.chain_id,
            "nonce": web3.eth.get_transaction_count(account.address),
            "to": Web3.to_checksum_address(self.address),
            "gas": gas,
            "gasPrice": GAS_PRICE,
            "value": 0,
            "data": call._encode_transaction_data(),
        }
        sent = web3.eth.send_raw_transaction(account.sign_transaction(transaction).raw_transaction)
        return web3.eth.wait_for_transaction_receipt(sent, timeout=MINED_WITHIN_S, poll_latency=0.002)


def deployed(chain: Chain) -> Ledger:
    """The contract, put on the chain by an admin of its own."""
    admin, nonce = chain.account(), secrets.token_bytes(32)
    deployer = Deployer(chain.rpc_url, admin_key=admin, sequencer_key=secrets.token_bytes(32))
    return Ledger(chain, deployer.deploy(nonce), admin, nonce)


@functools.cache
def _contract_at(rpc_url: str, address: bytes) -> Any:
    """Made once for many calls: it costs web3 more to make than to call."""
    web3 = connect(rpc_url, 5.0)
    return web3.eth.contract(address=Web3.to_checksum_address(address), abi=artifact()["abi"])


def mined(look: Callable[[], Receipt | None]) -> Receipt:
    """A node accepts a transaction a moment before its block stands."""
    ends_at = time.monotonic() + MINED_WITHIN_S
    while time.monotonic() < ends_at:
        if (receipt := look()) is not None:
            return receipt
        time.sleep(0.002)
    raise AssertionError("nothing was mined")


def deploy_code(rpc_url: str, key: bytes, runtime: bytes) -> bytes:
    """Put any code on the chain from an account, and answer its address."""
    # PUSH2 length, DUP1, PUSH1 offset, PUSH1 0, CODECOPY, PUSH1 0, RETURN; then the code itself.
    head = b"\x61" + len(runtime).to_bytes(2, "big") + bytes.fromhex("80600c6000396000f3")
    address = create(rpc_url, key, head + runtime)
    stands = connect(rpc_url, 5.0).eth.get_code(Web3.to_checksum_address(address))
    assert bytes(stands) == runtime
    return address


def create(rpc_url: str, key: bytes, init_code: bytes) -> bytes:
    """Run `init_code` as a contract's creation from an account, and answer the contract's address."""
    web3, account = connect(rpc_url, 5.0), Account.from_key(key)
    nonce = web3.eth.get_transaction_count(account.address)
    fields = {"chainId": web3.eth.chain_id, "nonce": nonce, "gas": 5_000_000, "gasPrice": 0, "value": 0}
    signed = account.sign_transaction({**fields, "data": init_code})
    sent = web3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = web3.eth.wait_for_transaction_receipt(sent, timeout=MINED_WITHIN_S, poll_latency=0.002)
    assert receipt["status"] == 1
    return contract_address(account.address, nonce)


@contextmanager
def refused_with(error: str) -> Iterator[None]:
    """The contract must refuse with this custom error and no other."""
    with pytest.raises(ContractCustomError) as caught:
        yield
    assert str(caught.value.data).startswith("0x" + selector(error)), f"refused, but with {caught.value}"


def selector(error: str) -> str:
    """First four bytes of the hash of a custom error's signature, as the contract's ABI has it."""
    entry = next(item for item in artifact()["abi"] if item["type"] == "error" and item["name"] == error)
    signature = f"{error}({','.join(argument['type'] for argument in entry['inputs'])})"
    return bytes(Web3.keccak(text=signature))[:4].hex()
