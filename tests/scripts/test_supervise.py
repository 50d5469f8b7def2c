"""Starting in order, stopping in reverse order, and leaving nothing behind, on small real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scripts.lib.paths import ROOT
from scripts.lib.processes import wait_until
from scripts.lib.progress import Clock, Failed
from scripts.lib.supervise import Step, Supervisor

PATIENCE_S = 20
STAY = "import time; time.sleep(600)"
# Says where it is in `order` when it starts and when it is asked to stop.
NOTE = """
import pathlib, signal, sys, time
name, order = sys.argv[1:]
def note(what):
    with open(order, "a") as file:
        file.write(f"{what} {name}\\n")
def stop(*_):
    note("stopped")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("started")
time.sleep(600)
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs", dict(os.environ))
    yield supervisor
    supervisor.stop()


def noting(name: str, order: Path, after: tuple[str, ...] = ()) -> Step:
    def ready() -> bool:
        return order.exists() and f"started {name}\n" in order.read_text()

    return Step(name, python(NOTE, name, str(order)), after, ready=ready)


def test_starts_what_is_needed_first_and_stops_it_last(supervisor: Supervisor, tmp_path: Path) -> None:
    order = tmp_path / "order"
    steps = [
        noting("web", order, ("database", "migrate")),
        Step("migrate", python("pass"), ("database",)),
        noting("database", order),
    ]
    supervisor.start(steps, Clock("Starting"))
    supervisor.stop()
    assert order.read_text().split("\n")[:-1] == [
        "started database",
        "started web",
        "stopped web",
        "stopped database",
    ]


def test_a_failing_job_is_named_with_its_last_words(supervisor: Supervisor) -> None:
    steps = [Step("migrate", python("import sys; sys.exit('the disk is on fire')"))]
    with pytest.raises(Failed, match=r"(?s)migrate ended with exit code 1.*the disk is on fire"):
        supervisor.start(steps, Clock("Starting"))


def test_a_service_that_ends_by_itself_is_named(supervisor: Supervisor) -> None:
    started = supervisor.start([Step("web", python(STAY), ready=lambda: True)], Clock("Starting"))
    os.kill(started["web"].pid, signal.SIGKILL)
    with pytest.raises(Failed, match="web ended with exit code -9"):
        supervisor.watch(lambda: None)


def test_what_does_not_stop_is_killed_with_everything_it_started(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Step("web", python(STUBBORN), ready=lambda: True, stop_within_s=0.5)
    child = supervisor.start([step], Clock("Starting"))["web"]
    assert wait_until(lambda: child.output().strip() != "", PATIENCE_S)
    grandchild = psutil.Process(int(child.output()))
    supervisor.stop()
    assert child.exit_code == -signal.SIGKILL
    assert wait_until(lambda: not alive(grandchild), PATIENCE_S)
    assert "web did not stop when asked" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_not_even_a_killed_supervisor_leaves_a_process(tmp_path: Path) -> None:
    code = f"""
import json, os, pathlib, sys
from scripts.lib.progress import Clock
from scripts.lib.supervise import Step, Supervisor
supervisor = Supervisor(pathlib.Path({str(tmp_path)!r}), dict(os.environ))
supervisor.listen()
steps = [Step(name, [sys.executable, "-c", {STAY!r}], ready=lambda: True) for name in ("a", "b")]
started = supervisor.start(steps, Clock("Starting"))
print(json.dumps([child.pid for child in started.values()]), flush=True)
supervisor.watch(lambda: None)
"""
    process = subprocess.Popen(python(code), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "Starting …\n"
    children = [psutil.Process(pid) for pid in json.loads(process.stdout.readline())]
    process.kill()
    process.communicate()
    assert wait_until(lambda: not any(map(alive, children)), PATIENCE_S)


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
