"""One PostgreSQL server for the whole run, and fresh databases on it in a few milliseconds.

The process that was started by hand (xdist's controller, or the only one there is) owns the server;
workers find it by the environment. It forgets everything in a crash, which makes it quick; what must
survive a crash is tested on servers of the tests' own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from chain import node
from scripts.lib import postgres
from scripts.lib.addresses import free_port
from scripts.lib.paths import ROOT
from scripts.lib.processes import Child, wait_until

SERVER_URL = "TEST_SERVER_URL"  # handed from the controller to the workers
SERVER_FOLDER = "TEST_SERVER_FOLDER"
STARTS_WITHIN_S = 30
MEMORY_WANTED = 4 << 30  # bytes; a run uses less than one
TEMPLATE = "migrated_template"
pytest.register_assert_rewrite("tests.whole")  # so that what is not whole is shown
_numbers = count(1)
_server: list[Child] = []


# Whose tests start whole installations, and are few and slow.
SLOW_FOLDERS = ("scripts", "journey")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of few slow tests first, so that the two processes end together."""

    def rank(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return SLOW_FOLDERS.index(folder) if folder in SLOW_FOLDERS else len(SLOW_FOLDERS)

    items.sort(key=rank)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    folder = Path(tempfile.mkdtemp(prefix="stall-ledger-tests-", dir=_in_memory()))
    folder.chmod(0o711)  # where root runs the tests, PostgreSQL runs as another user
    server = postgres.prepare(folder, free_port(), durable=False)
    child = Child(
        "postgres",
        server.command,
        dict(os.environ),
        folder / "postgres.log",
        user=server.account.uid,
        group=server.account.gid,
        stop_signal=server.stop_signal,
    )
    _server.append(child)
    if not wait_until(lambda: server.ready() or child.exit_code is not None, STARTS_WITHIN_S):
        pytest.exit(f"PostgreSQL did not start:\n{child.last_lines()}", 1)
    os.environ[SERVER_URL], os.environ[SERVER_FOLDER] = server.url, str(folder)


def _in_memory() -> str | None:
    """Where a database's seven hundred files cost least to make, if there is such a place with room."""
    place = "/dev/shm"  # noqa: S108 - a folder of one's own is made in it
    is_roomy = os.path.isdir(place) and shutil.disk_usage(place).free >= MEMORY_WANTED
    return place if is_roomy and os.access(place, os.W_OK) else None


def pytest_unconfigure() -> None:
    for child in _server:
        child.stop()
        shutil.rmtree(os.environ[SERVER_FOLDER], ignore_errors=True)


@contextmanager
def _database(template: str = "template0") -> Iterator[str]:
    """A database that no other test sees, dropped afterwards with whoever is still connected to it.

    Copied as files, which takes half as long as through the write-ahead log: nothing here is kept in a crash.
    """
    name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_numbers)}"
    _on_the_server(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield _url(name)
    finally:
        _on_the_server(f"DROP DATABASE {name} WITH (FORCE)")


def _on_the_server(statement: str) -> None:
    with psycopg.connect(os.environ[SERVER_URL], autocommit=True) as connection:
        connection.execute(statement.encode())


def _url(database: str) -> str:
    return f"{os.environ[SERVER_URL].rpartition('/')[0]}/{database}"


@pytest.fixture
def database_url() -> Iterator[str]:
    """An empty database for one test."""
    with _database() as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url() -> Iterator[str]:
    """An empty database for the tests of one module."""
    with _database() as url:
        yield url


@pytest.fixture
def migrated_database_url(_migrated_template: None) -> Iterator[str]:
    """A database with every table and no row, for one test: a copy of one that was migrated once."""
    with _database(TEMPLATE) as url:
        yield url


@pytest.fixture(scope="module")
def module_migrated_database_url(_migrated_template: None) -> Iterator[str]:
    """The same, for the tests of one module."""
    with _database(TEMPLATE) as url:
        yield url


def copy_of_database(url: str) -> AbstractContextManager[str]:
    """A database of one's own, with everything that is in one that nobody is connected to."""
    return _database(url.rpartition("/")[2])


@pytest.fixture(scope="session")
def _migrated_template() -> None:
    """Migrated by the first worker that asks; the others wait for it."""
    with (Path(os.environ[SERVER_FOLDER]) / "template.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(os.environ[SERVER_URL]) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone()
        if known is None:
            draft = f"{TEMPLATE}_draft"
            _on_the_server(f"CREATE DATABASE {draft} TEMPLATE template0")
            environment = {**os.environ, "DATABASE_URL": _url(draft)}
            command = [sys.executable, "-m", "invoice_service", "migrate"]
            subprocess.run(command, cwd=ROOT, env=environment, check=True)
            _on_the_server(f"ALTER DATABASE {draft} RENAME TO {TEMPLATE}")


@pytest.fixture(scope="session")
def anvil_url() -> Iterator[str]:
    """A chain of this worker's own, without history. Tests take accounts of their own on it."""
    running = node.start(port=free_port())
    try:
        yield running.rpc_url
    finally:
        running.stop()


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that a server running as another user can reach.

    Where root runs the tests, PostgreSQL runs as an unprivileged user, and pytest closes its own folders
    to others each time a run begins, beneath the servers of any other run.
    """
    with tempfile.TemporaryDirectory(prefix="stall-ledger-test-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)
        yield folder
