"""`./scripts/run` the second time: seconds until it is ready."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from scripts.benchmarks.report import Report
from scripts.lib.addresses import free_port
from scripts.lib.paths import ROOT

GIVES_UP_S = 120.0


def measure(runs: int) -> None:
    report = Report("./scripts/run --local, from the command to /readyz")
    with tempfile.TemporaryDirectory(prefix="stall-ledger-bench-") as folder:
        report.add({"first start with a new data directory, s": _start(Path(folder))})
        for _ in range(runs):
            report.add({"second start, s": _start(Path(folder))})
    report.show()


def _start(folder: Path) -> float:
    folder.chmod(0o711)
    port = free_port()
    command = [
        sys.executable,
        str(ROOT / "scripts" / "run"),
        "--local",
        "--port",
        str(port),
        "--data",
        str(folder),
    ]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not _ready(port):
            if process.poll() is not None or time.perf_counter() - started > GIVES_UP_S:
                raise RuntimeError("it did not start")
            time.sleep(0.05)
        return time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
