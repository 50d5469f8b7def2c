"""The tutorial way, to compare with: one chain transaction an invoice with web3.py, its hash as data, waiting
for the receipt before the next. The chain is an Anvil of its own that mines at once and asks no fee."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3

from chain import node
from scripts.lib.addresses import free_port

SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class OneEach:
    invoices_per_s: float
    gas: int


def one_each() -> OneEach:
    with _fresh_chain() as url:
        web3 = Web3(HTTPProvider(url))
        account = Account.create()
        done, gas, ends_at = 0, 0, time.perf_counter() + SECONDS
        while time.perf_counter() < ends_at:
            gas = send(web3, account, done, account.address, secrets.token_bytes(32))
            done += 1
    return OneEach(done / SECONDS, gas)


def send(web3: Web3, account: LocalAccount, nonce: int, to: str, data: bytes) -> int:
    """Answers the gas it took."""
    fields = {
        "to": to,
        "nonce": nonce,
        "gas": 60_000,
        "gasPrice": 0,
        "value": 0,
        "chainId": node.CHAIN_ID,
        "data": data,
    }
    sent = web3.eth.send_raw_transaction(account.sign_transaction(fields).raw_transaction)
    return web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)["gasUsed"]


@contextmanager
def _fresh_chain() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        running_node = node.start(port=free_port(), state_dir=Path(folder))
        try:
            yield running_node.rpc_url
        finally:
            running_node.stop()
