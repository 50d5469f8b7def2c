"""Long steps that show that they live, and say what to do when they fail.

On a terminal a running step is one line with a turning sign and a clock; elsewhere (a log, CI) one
line when it starts and one when it ends. A step's own output goes to a log and is shown only when
the step fails, with advice where we know the fault.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
TICK_S = 0.1
GRACE_S = 5.0  # between asking an interrupted step to stop and killing it

ADVICE = (
    (
        r"No space left on device|ENOSPC|Disk quota exceeded",
        "The disk is full. Free about 3 GB and run this again.",
    ),
    (
        r"name resolution|NameResolutionError|NewConnectionError|ConnectTimeout|ProxyError"
        r"|Network is unreachable|SSLError|ENOTFOUND|EAI_AGAIN|ETIMEDOUT"
        r"|ECONNREFUSED|ECONNRESET|ERR_SOCKET_TIMEOUT",
        "A package index could not be reached. Check the network, and HTTPS_PROXY if you are behind a proxy; "
        "a mirror is set with PIP_INDEX_URL and npm_config_registry. Then run this again: it goes on where "
        "it stopped.",
    ),
    (
        r"EBADPLATFORM|No matching distribution found|not a supported wheel|Failed building wheel"
        r"|Unsupported platform",
        "A package has no build for this machine or this Python. Try Python 3.11 to 3.13 on Linux with "
        "glibc 2.34 or newer (Debian 12, Ubuntu 22.04).",
    ),
    (
        r"Read-only file system|EROFS|Permission denied|EACCES|EPERM",
        "Something here cannot be written. Make the checkout yours (chown -R) and run this again; "
        "if .venv belongs to another user, delete it.",
    ),
)


class Failed(Exception):
    """A step that could not be done. The text is for the person at the terminal."""


def say(text: str = "") -> None:
    """Print a line. A terminal that has gone away must not stop us from stopping cleanly."""
    with suppress(OSError, ValueError):
        print(text, flush=True)


def advice_on(output: str) -> str:
    """What to do about a failure, judged by what the tool printed; empty when we do not know."""
    return next((advice for pattern, advice in ADVICE if re.search(pattern, output)), "")


class Clock:
    """One step's line on the terminal."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._started_s = time.monotonic()
        self._live = sys.stdout.isatty()
        if not self._live:
            say(f"{title} …")

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started_s

    def tick(self, detail: str = "") -> None:
        if self._live:
            sign = SPINNER[int(self.elapsed_s / TICK_S) % len(SPINNER)]
            self._draw(f"{sign} {self._title} {detail}  {self.elapsed_s:.0f} s")

    def done(self) -> None:
        self._end("✓", "")

    def failed(self) -> None:
        self._end("✗", "failed after ")

    def _end(self, sign: str, words: str) -> None:
        line = f"{sign} {self._title}  {words}{self.elapsed_s:.1f} s"
        if self._live:
            self._draw(f"{line}\n")
        else:
            say(line)

    def _draw(self, text: str) -> None:
        with suppress(OSError, ValueError):
            print(f"\r\x1b[K{text}", end="", flush=True)


def run(title: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run one command as a step. Raises Failed with the end of its output and advice."""
    clock = Clock(title)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # so that an interrupted step is ended with everything it started
        )
        try:
            while process.poll() is None:
                clock.tick()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(TICK_S)
        except BaseException:
            clock.failed()
            _end_group(process)
            raise
    if process.returncode == 0:
        clock.done()
        return
    clock.failed()
    raise Failed(_explain(title, log))


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _explain(title: str, log: Path) -> str:
    output = log.read_text(errors="replace")
    tail = "\n".join(f"    {line}" for line in output.splitlines()[-15:])
    return f"\n{title}: failed. The last lines of {log}:\n{tail}\n{advice_on(output)}"
