"""The sandbox as it really runs: a process of its own that can be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import urllib3

from invoice_service.payments.provider import PaymentRequest
from invoice_service.payments.sandbox.provider import SandboxProvider
from invoice_service.payments.sandbox.service import SandboxSettings, own_key
from tests.sandbox.conftest import Door

ROOT = Path(__file__).parents[2]
SERVE = """
import json, sys
from pathlib import Path
from invoice_service.payments.sandbox.service import SandboxSettings, run
settings = json.loads(sys.argv[1])
run(SandboxSettings(**{**settings, "data_dir": Path(settings["data_dir"])}))
"""
READY = urllib3.Retry(
    total=None, connect=100, read=0, redirect=0, status=0, backoff_factor=0.05, backoff_max=0.3
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def launch(settings: SandboxSettings) -> subprocess.Popen[bytes]:
    arguments = json.dumps({**asdict(settings), "data_dir": str(settings.data_dir)})
    return subprocess.Popen([sys.executable, "-c", SERVE, arguments], cwd=ROOT)


@contextmanager
def running(settings: SandboxSettings) -> Iterator[subprocess.Popen[bytes]]:
    process = launch(settings)
    try:
        with urllib3.PoolManager() as http:
            assert http.request("GET", f"http://{settings.bind}/healthz", retries=READY).data == b"ok\n"
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def settings(database_url: str, data_dir: Path, door: Door) -> SandboxSettings:
    bind = f"127.0.0.1:{free_port()}"
    return SandboxSettings(database_url, data_dir, bind, f"http://{bind}", door.url)


@pytest.fixture
def provider(
    settings: SandboxSettings, door: Door, make_provider: Callable[..., SandboxProvider]
) -> SandboxProvider:
    """Made before the service ever ran: its key is not there yet."""
    door.provider = make_provider(f"http://{settings.bind}", timeout_s=10.0)
    return door.provider


def order(out_trade_no: str) -> PaymentRequest:
    expires_at = datetime.now(UTC) + timedelta(minutes=15)
    return PaymentRequest(out_trade_no, 1250, "李姐的蔬菜摊", expires_at, "http://localhost:8000/o/abc")


def kill(process: subprocess.Popen[bytes]) -> None:
    """As a power cut would; its parent first, so that no new worker is made."""
    workers = psutil.Process(process.pid).children(recursive=True)
    for victim in [process, *workers]:
        os.kill(victim.pid, signal.SIGKILL)
    process.wait(20)
    psutil.wait_procs(workers, timeout=20)  # until then the port still answers


def test_killed_with_a_notice_unanswered_it_remembers_and_tells(
    settings: SandboxSettings, provider: SandboxProvider, door: Door
) -> None:
    with running(settings) as process:
        provider.set_behaviour({"duplicate": 0, "retry_scale": 0.1})
        door.answer = 500
        paid = provider.pay_as_shopper(order("SO-1"))
        door.wait_for(1)
        kill(process)
    with door.changed:
        door.arrived.clear()
    door.answer = 204
    with running(settings):
        assert door.wait_for(1)[0].report == paid
        assert provider.query("SO-1") == paid


def test_it_ends_on_sigterm_and_leaves_no_process_behind(
    settings: SandboxSettings, provider: SandboxProvider
) -> None:
    with running(settings) as process:
        provider.start(order("SO-1"))  # leaves a kept-alive connection open
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert len(children) == 1
    assert not any(child.is_running() for child in children)


def test_it_refuses_to_start_without_the_merchants_key(
    settings: SandboxSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = settings.data_dir / "sandbox" / "merchant.pub.pem"
    missing.unlink()
    process = launch(settings)
    assert process.wait(30) != 0
    assert str(missing) in capfd.readouterr().err


def test_its_key_is_made_once_and_is_its_own_secret(data_dir: Path) -> None:
    folder = data_dir / "sandbox"
    first = own_key(folder)
    assert stat.S_IMODE((folder / "service.pem").stat().st_mode) == 0o600
    (folder / "service.pub.pem").unlink()  # a crash between the two files
    assert own_key(folder).private_numbers() == first.private_numbers()
    assert (folder / "service.pub.pem").exists()
