"""`./scripts/run` the second time: seconds until it is ready."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from scripts.benchmarks.installation import scratch
from scripts.benchmarks.report import Report
from scripts.lib.addresses import free_port
from scripts.lib.asking import answers
from scripts.lib.paths import ROOT
from scripts.lib.processes import wait_until

GIVES_UP_S = 120.0


def measure(runs: int) -> Report:
    report = Report("./scripts/run --local, from the command to /readyz")
    with scratch() as folder:
        report.add({"first start with a new data directory, s": _start(folder)})
        for _ in range(runs):
            report.add({"second start, s": _start(folder)})
    return report


def _start(folder: Path) -> float:
    port = free_port()
    script = str(ROOT / "scripts" / "run")
    command = [sys.executable, script, "--local", "--port", str(port), "--data", str(folder)]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ready_or_ended() -> bool:
        return answers(port, "/readyz") or process.poll() is not None

    try:
        if not wait_until(ready_or_ended, GIVES_UP_S) or process.poll() is not None:
            raise RuntimeError("it did not start")
        return time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
