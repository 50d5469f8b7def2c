"""The chains that the contract's tests run on: Anvil, Ganache and Hardhat's node.

They differ where chains may: Anvil and Hardhat follow London's rules, Ganache Berlin's; gas is free on
Anvil and Ganache, and has a price on Hardhat, where accounts need money. What all three do alike is what
the contract and its client rest on. Ganache and Hardhat are for tests alone: the service starts Anvil.
"""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from eth_account import Account

from chain import node
from chain.client import connect

NAMES = ("anvil", "ganache", "hardhat")
STARTER = Path(__file__).with_name("chains.mjs")
GIVE = {"anvil": "anvil_setBalance", "ganache": "evm_setAccountBalance", "hardhat": "hardhat_setBalance"}
ALLOWANCE_WEI = 10**20  # buys all that a test can do, even a thousand deployments
STOPS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Chain:
    """A running node."""

    name: str
    rpc_url: str

    def account(self) -> bytes:
        """The key of a new account that can send transactions at the price that the node advises."""
        key = secrets.token_bytes(32)
        if connect(self.rpc_url, 5.0).eth.gas_price:
            self.give_money(key)
        return key

    def give_money(self, key: bytes) -> None:
        self.ask(GIVE[self.name], Account.from_key(key).address, hex(ALLOWANCE_WEI))

    def ask(self, method: str, *parameters: object) -> Any:
        """A method of the node's own, for what only tests need: a clock that is moved, blocks that wait."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = requests.post(self.rpc_url, json=request, timeout=10).json()
        assert "error" not in answer, answer
        return answer["result"]


class Chains:
    """Each chain is started when it is first asked for, and once at most."""

    def __init__(self, anvil_url: str) -> None:
        self._running = {"anvil": Chain("anvil", anvil_url)}
        self._processes: list[subprocess.Popen[bytes]] = []

    def __getitem__(self, name: str) -> Chain:
        if name not in self._running:
            self._running[name] = self._start(name)
        return self._running[name]

    def _start(self, name: str) -> Chain:
        process = subprocess.Popen(
            [node.find_node(), STARTER, name, str(node.CHAIN_ID)],
            cwd=node.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert url, f"{name} did not start; ./scripts/test installs it"
        return Chain(name, url)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
            process.communicate(timeout=STOPS_WITHIN_S)
