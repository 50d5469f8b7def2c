"""The development chain keeps its state through kills and damage, and listens to nobody outside."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from chain import node
from chain.client import Head, LedgerContract
from chain.deploy import Deployer
from chain.node import AnvilNode
from invoice_service.ledger.tree import EMPTY_ROOT
from scripts.lib.addresses import free_port

WITHIN_S = 15.0
FIRST_OF_THE_WELL_KNOWN = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def _until(condition: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + WITHIN_S
    while not condition() and time.monotonic() < ends_at:
        time.sleep(0.01)
    return condition()


@pytest.fixture
def nodes() -> Iterator[list[AnvilNode]]:
    """Nodes that a test started; what still runs at its end is killed."""
    started: list[AnvilNode] = []
    yield started
    for one in started:
        one.process.kill()
        one.process.wait()


class Chain:
    """A data directory and the contract that was put on the chain kept there."""

    def __init__(self, state_dir: Path, port: int, nodes: list[AnvilNode]) -> None:
        self.state_dir, self.port, self._nodes = state_dir, port, nodes
        self._admin, self._sequencer, self._log_id = (secrets.token_bytes(32) for _ in range(3))
        self.node = self.start()
        deployer = Deployer(self.node.rpc_url, admin_key=self._admin, sequencer_key=self._sequencer)
        contract = deployer.deploy(secrets.token_bytes(32))
        deployer.open_log(contract, self._log_id, 0, EMPTY_ROOT)
        self.client = LedgerContract(
            self.node.rpc_url, address=contract, log_id=self._log_id, sequencer_key=self._sequencer
        )

    def start(self) -> AnvilNode:
        self.node = node.start(port=self.port, state_dir=self.state_dir)
        self._nodes.append(self.node)
        return self.node

    def kill(self) -> None:
        self.node.process.send_signal(signal.SIGKILL)
        self.node.process.wait()

    def append_first(self, root: bytes) -> None:
        signed = self.client.sign_append(
            nonce=0, gas_price=0, old_size=0, new_size=1, new_root=root, proof=[]
        )
        self.client.broadcast(signed.raw)
        assert _until(lambda: self.client.receipt(signed.tx_hash) is not None)


@pytest.fixture
def kept(tmp_path: Path, free_port: Callable[[], int], nodes: list[AnvilNode]) -> Chain:
    return Chain(tmp_path, free_port(), nodes)


def test_what_was_saved_survives_sigkill(kept: Chain) -> None:
    kept.append_first(b"\x07" * 32)
    assert kept.node.save()
    before = (kept.client.identity(), kept.client.block_number(), kept.client.anchored_at(b"\x07" * 32))

    kept.kill()
    kept.start()

    assert kept.client.head() == Head(1, b"\x07" * 32)
    after = (kept.client.identity(), kept.client.block_number(), kept.client.anchored_at(b"\x07" * 32))
    assert after == before


def test_a_kill_loses_what_came_after_the_last_save_and_no_more(kept: Chain) -> None:
    kept.node.save()
    saved = kept.client.block_number()
    kept.append_first(b"\x07" * 32)

    kept.kill()
    kept.start()

    assert (kept.client.block_number(), kept.client.head()) == (saved, Head(0, EMPTY_ROOT))
    kept.append_first(b"\x07" * 32)
    assert kept.client.head() == Head(1, b"\x07" * 32), "what was in the lost seconds is sent again"


def test_stopping_saves(kept: Chain) -> None:
    kept.append_first(b"\x07" * 32)
    kept.node.stop()
    kept.start()
    assert kept.client.head() == Head(1, b"\x07" * 32)


def test_an_idle_chain_does_not_grow(anvil: AnvilNode) -> None:
    """It mines when a transaction arrives, never by the clock."""
    assert anvil.call("anvil_getAutomine") is True
    assert anvil.call("anvil_getIntervalMining") is None


def test_an_idle_chain_is_not_saved_again(kept: Chain) -> None:
    assert kept.node.save()
    assert not kept.node.save()


@pytest.mark.parametrize("left", [0, 1, 2000])
def test_a_truncated_state_falls_back_to_the_older_one(kept: Chain, left: int) -> None:
    kept.node.save()
    kept.append_first(b"\x07" * 32)
    kept.node.save()
    kept.kill()
    newest = kept.state_dir / "state.json"
    newest.write_bytes(newest.read_bytes()[:left])

    kept.start()

    assert kept.client.head() == Head(0, EMPTY_ROOT), "the head is lost, the log is not"
    kept.append_first(b"\x07" * 32)
    assert kept.node.save()


def test_a_damaged_state_never_takes_the_place_of_the_good_older_one(kept: Chain) -> None:
    """Killed between the two renames of the first save after a fallback: the older one still loads."""
    kept.node.save()
    kept.append_first(b"\x07" * 32)
    kept.node.save()
    kept.kill()
    (kept.state_dir / "state.json").write_bytes(b"")
    kept.start()
    kept.append_first(b"\x08" * 32)
    kept.node.save()
    kept.kill()
    (kept.state_dir / "state.json").unlink()

    kept.start()

    assert kept.client.head() == Head(0, EMPTY_ROOT)


def test_killed_while_writing_leaves_the_state_before(kept: Chain) -> None:
    kept.node.save()
    kept.kill()
    (kept.state_dir / "state.draft").write_bytes(b'{"block":')
    kept.start()
    assert kept.client.head() == Head(0, EMPTY_ROOT)


def test_nobody_has_money_and_no_key_is_known(anvil: AnvilNode) -> None:
    assert anvil.call("eth_accounts") == []
    assert anvil.call("eth_getBalance", FIRST_OF_THE_WELL_KNOWN, "latest") == "0x0"


def test_it_listens_on_loopback_only_and_sends_no_cors_headers(anvil: AnvilNode) -> None:
    import requests

    listening = [
        one.laddr.ip
        for one in psutil.Process(anvil.process.pid).net_connections(kind="inet")
        if one.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    answer = requests.post(anvil.rpc_url, json=question, headers={"Origin": "http://evil.example"}, timeout=5)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_chain_id_can_be_chosen(free_port: Callable[[], int], nodes: list[AnvilNode]) -> None:
    nodes.append(node.start(port=free_port(), chain_id=777))
    assert nodes[0].call("eth_chainId") == hex(777)


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(node.NodeFailed, match="cannot be had"),
    ):
        node.start(port=taken.getsockname()[1], state_dir=tmp_path)


# As a process of its own


@pytest.fixture
def supervisor(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    command = [sys.executable, "-m", "chain.node", "--data", str(tmp_path), "--port", str(port)]
    with subprocess.Popen(command, cwd=node.ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert b"Anvil answers" in process.stdout.readline()
        anvils = psutil.Process(process.pid).children()
        yield process, port
        process.kill()
        for one in anvils:
            if one.is_running():
                one.kill()


def test_asked_to_stop_it_saves_and_stops_its_node(
    supervisor: tuple[subprocess.Popen[bytes], int], tmp_path: Path, nodes: list[AnvilNode]
) -> None:
    process, port = supervisor
    (anvil,) = psutil.Process(process.pid).children()
    Deployer(
        f"http://127.0.0.1:{port}", admin_key=b"\x01" * 32, sequencer_key=secrets.token_bytes(32)
    ).deploy(bytes(32))

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=WITHIN_S) == 0
    assert not anvil.is_running()
    nodes.append(node.start(port=port, state_dir=tmp_path))
    assert nodes[0].call("eth_blockNumber") == "0x1"


def test_it_saves_by_itself_while_it_runs(
    supervisor: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    _process, port = supervisor
    state = tmp_path / "state.json"
    before = state.stat().st_mtime_ns
    Deployer(
        f"http://127.0.0.1:{port}", admin_key=b"\x01" * 32, sequencer_key=secrets.token_bytes(32)
    ).deploy(bytes(32))
    assert _until(lambda: state.exists() and state.stat().st_mtime_ns != before)


def test_it_exits_when_its_node_does(supervisor: tuple[subprocess.Popen[bytes], int]) -> None:
    process, _port = supervisor
    (anvil,) = psutil.Process(process.pid).children()
    anvil.kill()
    assert process.wait(timeout=WITHIN_S) != 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_its_node_does_not_outlive_it(supervisor: tuple[subprocess.Popen[bytes], int]) -> None:
    process, _port = supervisor
    (anvil,) = psutil.Process(process.pid).children()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert _until(lambda: not anvil.is_running() or anvil.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("newest_last", [True, False])
def test_the_first_genesis_block_stays(tmp_path: Path, newest_last: bool) -> None:
    """Each start of Anvil makes another block 0 and saves it too, in any order; the first must win."""

    def started() -> str:
        running = node.start(port=free_port(), state_dir=tmp_path)
        try:
            running.call("evm_mine")
            found: str = running.call("eth_getBlockByNumber", "0x0", False)["hash"]
        finally:
            running.stop()
        return found

    second = int(time.time())
    first = started()
    assert _until(lambda: int(time.time()) > second)  # genesis blocks differ by their second
    started()
    path = tmp_path / "state.json"
    state = json.loads(path.read_text())
    state["blocks"].sort(key=lambda block: block["header"]["timestamp"], reverse=not newest_last)
    path.write_text(json.dumps(state))
    assert started() == first
