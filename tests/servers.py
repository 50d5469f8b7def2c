"""PostgreSQL servers of a test's own, which survive what they survive for a user."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from scripts.lib import postgres
from scripts.lib.addresses import free_port
from scripts.lib.processes import Child, wait_until

PATIENCE_S = 30


class Servers:
    """Starts the server of one folder again and again, as one run after another would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.children: list[Child] = []

    def start(self, port: int | None = None) -> postgres.Server:
        server = postgres.prepare(self._folder, port or free_port())
        child = Child(
            "postgres",
            server.command,
            dict(os.environ),
            self._folder / "postgres.log",
            user=server.account.uid,
            group=server.account.gid,
            stop_signal=server.stop_signal,
        )
        self.children.append(child)
        assert wait_until(server.ready, PATIENCE_S), child.output()
        return server

    def kill(self) -> None:
        """The newest, as by a power cut."""
        newest = self.children[-1]
        os.kill(newest.pid, signal.SIGKILL)
        assert wait_until(lambda: newest.exit_code is not None, PATIENCE_S)

    def stop(self) -> None:
        for child in self.children:
            child.stop()
