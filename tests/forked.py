"""Commands of the service in processes of their own, without the two seconds each would take to import all.

They are forked from a server that has imported everything once. Each gets the environment, the session and
the files it would have if it had been started by name; that start itself is tried in tests/scripts.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from invoice_service import cli

_context = multiprocessing.get_context("forkserver")
# The driver is imported when the first database is named, which would be in each process anew.
_context.set_forkserver_preload(
    [__name__, "psycopg", "invoice_service.server", "invoice_service.payments.sandbox.service"]
)


def _nothing() -> None:
    """Before most commands."""


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    first: Callable[[], None] = _nothing,
) -> BaseProcess:
    """`python -m invoice_service` with these arguments; what it prints is added to `log`.

    `first` is called in the new process before the command.
    """
    process = _context.Process(target=_main, args=(list(arguments), dict(environment), log, log, first))
    process.start()
    return process


@contextmanager
def running(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[BaseProcess]:
    """The same until the block ends, and then killed."""
    process = start(arguments, environment, log)
    try:
        yield process
    finally:
        process.kill()
        process.join()


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = _context.Process(
            target=_main, args=(list(arguments), dict(environment), out, err, _nothing)
        )
        process.start()
        process.join(timeout=60)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{arguments} takes over a minute")
        return subprocess.CompletedProcess(
            list(arguments), process.exitcode, out.read_text(), err.read_text()
        )


def _main(
    arguments: list[str], environment: dict[str, str], out: Path, err: Path, first: Callable[[], None]
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    for path, descriptor in ((out, 1), (err, 2)):
        with path.open("ab") as file:
            os.dup2(file.fileno(), descriptor)
    sys.argv[1:] = arguments
    first()
    cli.main()
