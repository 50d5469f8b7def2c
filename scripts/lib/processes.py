"""Child processes that never outlive us.

Each starts in a session of its own, so that Ctrl-C reaches only the supervisor, which then stops
everything in order. On Linux the kernel tells a child when the supervisor dies, even by SIGKILL, and
hands us whatever a dead child leaves behind. Children are started from the main thread only: that
death signal fires when the starting *thread* ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from scripts.lib.paths import ROOT

MAX_LOG_BYTES = 10_000_000
SHOWN_LINES = 15
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def adopt_orphans() -> None:
    """What our children's children leave behind becomes ours, so that `end_orphans` finds it."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans() -> None:
    """Kill whatever still runs below us once every child has been stopped."""
    for orphan in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            orphan.kill()
            orphan.wait()


class Child:
    """One started process and its log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        user: int | None = None,
        group: int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_within_s: float = 10.0,
    ) -> None:
        self.name, self.log = name, log
        self._stop_signal, self._stop_within_s = stop_signal, stop_within_s
        _rotate(log)
        self.log_start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=ROOT,
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                preexec_fn=_die_with_us(stop_signal),
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def output(self) -> str:
        """What this run of it wrote so far."""
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def last_lines(self) -> str:
        return "\n".join(f"    {line}" for line in self.output().splitlines()[-SHOWN_LINES:])

    def ask_to_stop(self) -> None:
        if self.exit_code is None:
            self._process.send_signal(self._stop_signal)

    def stop(self) -> bool:
        """Ask, wait, and past the deadline kill with all it started. Answers whether asking was enough."""
        family = self._family()
        self.ask_to_stop()
        try:
            self._process.wait(self._stop_within_s)
            return True
        except subprocess.TimeoutExpired:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait()
            return False

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        return []


def _die_with_us(death_signal: signal.Signals) -> Callable[[], None] | None:
    """For the child, after fork: ask the kernel to be told when the supervisor is gone."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def in_the_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return in_the_child


def _rotate(log: Path) -> None:
    """One older log is kept: enough to see what happened before a restart, bounded for ever."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def wait_until(condition: Callable[[], bool], within_s: float, every_s: float = 0.02) -> bool:
    """Look again and again until it is true or the time is over."""
    ends_at_s = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends_at_s:
            return False
        time.sleep(every_s)
    return True
