"""./scripts/run as a person meets it: what it refuses, how it stops, that it finds everything again."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from scripts.lib.addresses import free_port
from scripts.lib.paths import ROOT
from scripts.lib.processes import wait_until

PATIENCE_S = 120  # two cores, shared with the other tests
# The second pass of ./scripts/run: the first one would set this checkout up.
RUN = "import sys; from scripts.lib import running; sys.exit(running.main(sys.argv[1:]))"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", RUN, "--local", *arguments]


def refused(*arguments: str) -> str:
    """What it says when it refuses to start."""
    result = subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    return result.stderr


def test_a_taken_port_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused("--data", str(tmp_path), "--port", str(port))
    assert sentence == (
        f"Port {port} is taken by another program. Stop that one, or choose another port: "
        f"./scripts/run --port {port + 1}\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_a_second_run_on_the_same_data_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    with (tmp_path / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711\n")
        lock.flush()
        sentence = refused("--data", str(tmp_path), "--port", str(free_port()))
    assert f"already runs on {tmp_path} (process 4711)" in sentence


def test_a_data_directory_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sentence = refused("--data", str(tmp_path / "file" / "data"), "--port", str(free_port()))
    assert "Check that" in sentence
    assert "Traceback" not in sentence


def test_shoppers_in_an_empty_service_are_refused_before_anything_starts(tmp_path: Path) -> None:
    sentence = refused("--data", str(tmp_path / "data"), "--port", str(free_port()), "--empty", "--traffic")
    assert sentence == (
        "--traffic needs the demo market and its pretend payments, which --empty leaves out. Choose one.\n"
    )
    assert not (tmp_path / "data").exists()


class Run:
    """One run of the whole service, with everything it started."""

    def __init__(self, data: Path, port: int, *options: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.output = data.with_name("run.output")
        arguments = command("--data", str(data), "--port", str(port), *options)
        with self.output.open("w") as output:
            self.process = subprocess.Popen(arguments, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        done = wait_until(
            lambda: "Ctrl-C stops it" in self.said() or self.process.poll() is not None, PATIENCE_S
        )
        assert done, self.said()
        assert self.process.poll() is None, self.said()
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def said(self) -> str:
        return self.output.read_text()

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)

    def left_behind(self) -> list[psutil.Process]:
        return [process for process in self.family if process.is_running()]


@contextmanager
def running(data: Path, port: int, *options: str) -> Iterator[Run]:
    run = Run(data, port, *options)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


def test_the_next_start_finds_everything_as_it_was_even_after_a_kill_and_over_https(open_path: Path) -> None:
    data, port = open_path / "data", free_port()
    with running(data, port) as first:
        assert f"http://localhost:{port}/s/" in first.said()
        stall = first.said().split(f"http://localhost:{port}/s/")[1].split()[0]
        path = f"/api/v1/stalls/{stall}/orders"
        order = requests.post(first.url + path, json={"amount_fen": 1250}, timeout=30).json()
        order_path = f"/api/v1/orders/{order['order_id']}"
        kept = requests.get(first.url + order_path, timeout=30).json()
        assert (kept["amount_fen"], kept["status"]) == (1250, "open")
        deployed = (data / "logs/deploy.log").read_text()
        assert {process.name() for process in first.family} >= {"postgres", "anvil"}
        first.process.kill()
        first.process.wait()
        assert wait_until(lambda: first.left_behind() == [], PATIENCE_S)

    with running(data, port, "--traffic", "--https") as second:  # shoppers come, and their log is named
        secure, trusted = f"https://localhost:{port}", str(data / "https/ca.crt")
        again = requests.get(secure + order_path, verify=trusted, timeout=30).json()
        assert (again["amount_fen"], again["status"]) == (1250, "open")
        assert (data / "logs/deploy.log").read_text() == deployed * 2
        log = data / "logs/traffic.log"
        assert f"a line a minute in {log}" in second.said()
        assert wait_until(lambda: "Stalls to go to: " in log.read_text(), PATIENCE_S), log.read_text()
        assert second.end(signal.SIGTERM) == 0
        assert "shoppers a minute: " in log.read_text()
        assert second.left_behind() == []

    with running(data, port) as third:
        assert requests.get(third.url + order_path, timeout=30).json() == kept
        assert (data / "logs/deploy.log").read_text() == deployed * 3
        third.process.send_signal(signal.SIGINT)
        assert third.end(signal.SIGINT) == 0  # an impatient second Ctrl-C changes nothing
        assert third.left_behind() == []


def test_an_empty_service_over_https_has_no_stall_and_a_certificate_that_browsers_can_trust(
    open_path: Path,
) -> None:
    data, port = open_path / "data", free_port()
    with running(data, port, "--empty", "--https") as run:
        answer = requests.get(
            f"https://localhost:{port}/readyz", verify=str(data / "https/ca.crt"), timeout=30
        )
        assert answer.json()["database"] == "ok"
        assert str(data / "https/ca.crt") in run.said()
        assert "/s/" not in run.said()
        assert os.stat(data / "https/ca.key").st_mode & 0o777 == 0o600


@pytest.fixture(autouse=True)
def _no_servers_of_the_test_run(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "CHAIN_RPC_URL"):
        monkeypatch.delenv(name, raising=False)
