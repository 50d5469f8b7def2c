"""A whole installation for measuring: durable PostgreSQL, Anvil, sandbox, settler and web."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.lib import postgres
from scripts.lib.addresses import free_port
from scripts.lib.processes import Child, wait_until
from scripts.lib.progress import Failed
from tests.stack import Stack

WORKERS = "2"


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what is measured, on a disk: /tmp lies in memory on many machines, where fsync is free."""
    disk = os.environ.get("TMPDIR", "/var/tmp")  # noqa: S108 - the folder inside is ours alone
    with tempfile.TemporaryDirectory(prefix="stall-ledger-bench-", dir=disk) as name:
        folder = Path(name)
        folder.chmod(0o711)  # where root measures, PostgreSQL runs as another user
        yield folder


@contextmanager
def database(folder: Path, port: int | None = None) -> Iterator[str]:
    """The URL of the durable server of a folder, made if there is none yet."""
    server = postgres.prepare(folder, port or free_port())
    child = Child(
        "postgres",
        server.command,
        dict(os.environ),
        folder / "postgres.log",
        user=server.account.uid,
        group=server.account.gid,
        stop_signal=server.stop_signal,
        stop_within_s=60,
    )
    try:
        if not wait_until(server.ready, 60):
            raise Failed(f"PostgreSQL did not start:\n{child.last_lines()}")
        yield server.url
    finally:
        child.stop()


@contextmanager
def running(*names: str) -> Iterator[Stack]:
    """An installation with one small market and the named processes up."""
    with scratch() as folder, database(folder) as url:
        stack = Stack(folder, url, extra={"WEB_WORKERS": WORKERS})
        try:
            stack.set_up()
            stack.start(*names)
            yield stack
        finally:
            _end(stack)


def _end(stack: Stack) -> None:
    """Ask them all to stop; whatever does not in time is killed, and the chain is stopped in any case."""
    try:
        stack.stop()
    finally:
        for name in [name for name, process in stack.processes.items() if process.poll() is None]:
            stack.kill(name)
        if stack.node is not None:
            stack.node.stop()
