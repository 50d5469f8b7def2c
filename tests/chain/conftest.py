"""One real Anvil for each test worker, one contract on it, and a log of its own for each test."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator

import pytest

from chain import node
from chain.deploy import Deployer
from chain.node import AnvilNode
from tests.chain.logs import Ledger


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Asks the system for a port of 127.0.0.1 that nothing listens on."""
    return _free_port


@pytest.fixture(scope="session")
def anvil() -> Iterator[AnvilNode]:
    running = node.start(port=_free_port())
    yield running
    running.stop()


@pytest.fixture(scope="session")
def ledger(anvil: AnvilNode) -> Ledger:
    """The contract, with an admin of its own. Its logs do not meet, so tests may share it."""
    admin = secrets.token_bytes(32)
    nonce = secrets.token_bytes(32)
    deployer = Deployer(anvil.rpc_url, admin_key=admin, sequencer_key=secrets.token_bytes(32))
    return Ledger(anvil.rpc_url, deployer.deploy(nonce), admin, nonce)
