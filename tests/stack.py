"""The whole service as real processes: Anvil, sandbox, settler and web on loopback, over a given database.

A test can kill any of them at any time and start it again, as an operator's machine would.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import text

from chain.deploy import Deployer
from chain.node import AnvilNode
from chain.node import start as start_anvil
from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import open_epoch
from invoice_service.store.migrate import migrate
from invoice_service.store.unit_of_work import Database
from tests import forked, make


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def eventually(look: Callable[[], Any], *, within_s: float = 20) -> Any:
    """The first true answer of `look`; fails the test when none comes in time."""
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing within {within_s} s")


@dataclass
class Stack:
    """One installation in `folder`. Processes are named web, sandbox and settle; the chain is `node`."""

    folder: Path
    database_url: str
    extra: dict[str, str] = field(default_factory=dict)
    web_port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    chain_port: int = field(default_factory=free_port)
    node: AnvilNode | None = None
    processes: dict[str, BaseProcess] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.web_port}"

    @property
    def rpc_url(self) -> str:
        return f"http://127.0.0.1:{self.chain_port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
            "CHAIN_RPC_URL": self.rpc_url,
            "PUBLIC_URL": self.url,
            "WEB_BIND": f"127.0.0.1:{self.web_port}",
            "WEB_WORKERS": "1",
            "SANDBOX_BIND": f"127.0.0.1:{self.sandbox_port}",
            "SANDBOX_URL": f"http://127.0.0.1:{self.sandbox_port}",
            "SANDBOX_PUBLIC_URL": f"http://localhost:{self.sandbox_port}",
            **self.extra,
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the service to its end."""
        return forked.run(arguments, self.environment)

    def set_up(self) -> None:
        """Keys, tables, chain, contract and one small market.

        What `prepare` and `deploy` do, without two more processes: those are tried in tests/scripts.
        """
        self.start_chain()
        keyring.make_missing(self.folder, now=datetime.now(UTC), issuer_name="Test market")
        services = build_services(Config.from_environment(self.environment))
        keys, root = services.keyring, keyring.load_root(self.folder)
        deployer = Deployer(self.rpc_url, admin_key=keys.admin, sequencer_key=keys.sequencer)
        try:
            migrate(services.database)
            open_epoch.prepare_log(services, root)
            open_epoch.open_epoch(services, deployer, root)
            with services.database.unit_of_work() as uow:
                make.small_market(uow.connection)
                uow.commit()
        finally:
            services.database.dispose()

    @contextmanager
    def database(self) -> Iterator[Database]:
        database = Database(self.database_url, pool_size=2)
        try:
            yield database
        finally:
            database.dispose()

    def start_chain(self) -> None:
        self.node = start_anvil(port=self.chain_port, state_dir=self.folder / "chain")

    def start(self, *names: str) -> None:
        for name in names:
            self.processes[name] = forked.start([name], self.environment, self.folder / f"{name}.log")
        if "web" in names:
            eventually(lambda: self._answers(f"{self.url}/healthz"))
        if "sandbox" in names:
            eventually(lambda: self._answers(f"http://127.0.0.1:{self.sandbox_port}/healthz"))

    def kill(self, name: str) -> None:
        """SIGKILL to the process and all it started, as when a machine loses power."""
        process = self.processes.pop(name)
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.join()

    def stop(self) -> None:
        """At once: how each ends in good order is tried in tests/scripts."""
        for name in list(self.processes):
            self.kill(name)
        if self.node is not None:
            self.node.stop()
            self.node = None

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def query(self, sql: str, **parameters: Any) -> Any:
        """One value from the database, for looking behind the doors."""
        with self.database() as database, database.read() as connection:
            return connection.execute(text(sql), parameters).scalar()

    # What people do, over HTTP.

    def place(self, amount_fen: int = 1250, **headers: str) -> dict[str, Any]:
        answer = requests.post(
            f"{self.url}/api/v1/stalls/A01/orders",
            json={"amount_fen": amount_fen},
            headers=headers,
            timeout=10,
        )
        assert answer.status_code in (200, 201), answer.text
        order: dict[str, Any] = answer.json()
        return order

    def pay(self, order_id: str) -> None:
        answer = requests.post(f"{self.url}/sandbox/orders/{order_id}/pay", timeout=10)
        assert answer.status_code == 202, answer.text

    def order(self, order_id: str) -> dict[str, Any]:
        order: dict[str, Any] = requests.get(f"{self.url}/api/v1/orders/{order_id}", timeout=10).json()
        return order

    def wait_paid(self, order_id: str) -> None:
        eventually(lambda: self.order(order_id)["status"] == "paid")

    def issue(self, order_id: str, **buyer: str | None) -> requests.Response:
        header = buyer or {"kind": "individual"}
        return requests.post(
            f"{self.url}/api/v1/orders/{order_id}/invoice", json={"buyer": header}, timeout=10
        )

    def invoice(self, amount_fen: int = 1250) -> dict[str, Any]:
        """A paid order's invoice, from nothing."""
        order_id = self.place(amount_fen)["order_id"]
        self.pay(order_id)
        self.wait_paid(order_id)
        issued: dict[str, Any] = self.issue(order_id).json()
        return issued

    def ledger(self, issued: dict[str, Any]) -> dict[str, Any]:
        answer = self.get_file(issued, "")
        ledger: dict[str, Any] = answer.json()["ledger"]
        return ledger

    def get_file(self, issued: dict[str, Any], name: str) -> requests.Response:
        return requests.get(
            f"{self.url}/api/v1/invoices/{issued['number']}{name}",
            headers={"Authorization": f"Bearer {issued['token']}"},
            timeout=10,
        )

    def wait_anchored(self, issued: dict[str, Any]) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            ledger = self.ledger(issued)
            return ledger if ledger["state"] in ("mined", "final") else None

        ledger: dict[str, Any] = eventually(look)
        return ledger

    @staticmethod
    def _answers(url: str) -> bool:
        try:
            return requests.get(url, timeout=2).ok
        except requests.ConnectionError:
            return False
