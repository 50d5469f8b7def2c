"""One real chain of each kind for each test worker, one contract on it, and a log of its own for each test.

Tests of the contract and its client run on all three (`ledger`, `chain`). The service starts Anvil only, so
how a node is started, what it keeps and what it offers besides `eth_*` is asked of that alone (`anvil`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from chain import node
from chain.node import AnvilNode
from tests.chain.chains import NAMES, Chain, Chains
from tests.chain.logs import Ledger, deployed


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
def chains(anvil: AnvilNode) -> Iterator[Chains]:
    running = Chains(anvil.rpc_url)
    yield running
    running.stop()


@pytest.fixture(scope="module", params=NAMES)
def chain(request: pytest.FixtureRequest, chains: Chains) -> Chain:
    """Each of the chains in turn."""
    return chains[request.param]


@pytest.fixture(scope="module")
def ledger(chain: Chain) -> Ledger:
    """The contract, with an admin of its own. Its logs do not meet, so tests may share it."""
    return deployed(chain)
