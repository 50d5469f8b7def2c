"""How the simulated shoppers treat a service that has too much to do, and what they tell in the log."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts.lib import traffic
from scripts.lib.paths import ROOT
from scripts.lib.processes import wait_until
from scripts.lib.traffic import Door, NoAnswer, NotOpen, Refused

PATIENCE_S = 30
RETRY_AFTER_S = 2


class Service(ThreadingHTTPServer):
    """Answers from a list of statuses, then always 200 with one stall; keeps when it was asked for what."""

    daemon_threads = True

    def __init__(self, *statuses: int, content: bytes = b'<a href="/s/A01">') -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.content = list(statuses), content
        self.asked: list[tuple[float, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append((time.monotonic(), self.path))
        busy = self.path.startswith("/api/")
        status = self.server.statuses.pop(0) if self.server.statuses else 429 if busy else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(self.server.content)))
        if status in (429, 503):
            self.send_header("Retry-After", str(RETRY_AFTER_S))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """The tests look at `asked`."""


@pytest.fixture
def services() -> Iterator[list[Service]]:
    """Servers that a test appends are stopped with it."""
    started: list[Service] = []
    yield started
    for service in started:
        service.shutdown()
        service.server_close()


def serve(services: list[Service], service: Service) -> Door:
    services.append(service)
    threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
    return Door(service.server_address[1])


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_no_refusal_and_says_how_long_to_wait(services: list[Service], status: int) -> None:
    door = serve(services, Service(status))
    with pytest.raises(NoAnswer) as caught:
        door.page("/")
    assert caught.value.wait_s == RETRY_AFTER_S


def test_nobody_there_is_no_answer(services: list[Service]) -> None:
    door = serve(services, Service())
    services[0].shutdown()
    services[0].server_close()
    services.clear()
    with pytest.raises(NoAnswer) as caught:
        door.page("/")
    assert caught.value.wait_s is None


def test_a_refusal_is_known_by_its_code_and_otherwise_by_its_status(services: list[Service]) -> None:
    with pytest.raises(Refused, match=r"^goods\.sold_out$"):
        serve(services, Service(409, content=b'{"code": "goods.sold_out"}')).page("/")
    with pytest.raises(NotOpen):
        serve(services, Service(409, content=b'{"code": "order.not_open"}')).page("/")
    with pytest.raises(Refused, match=r"^502$"):
        serve(services, Service(502, content=b"<h1>Bad gateway</h1>")).page("/")


def test_shoppers_stay_away_as_long_as_they_were_told(services: list[Service]) -> None:
    """At this speed some ten of them come in a second."""
    door = serve(services, Service(503))
    command = [sys.executable, "-m", "scripts.lib.traffic", "--port", str(door.port), "--speed", "100"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        asked = services[0].asked
        assert wait_until(lambda: any(path.startswith("/api/") for _, path in asked), PATIENCE_S)
        time.sleep(RETRY_AFTER_S)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    front = [at for at, path in asked if path == "/"]
    stalls = [at for at, path in asked if path == "/api/v1/stalls/A01"]
    assert front[1] - front[0] >= RETRY_AFTER_S
    assert sum(at < stalls[0] + RETRY_AFTER_S - 0.2 for at in stalls) <= 4  # who was at the door already
    assert "asked again" in said


def test_the_summary_tells_what_went_wrong_only_where_something_did() -> None:
    counts = Counter({"orders": 12, "paid": 11, "invoices": 4, "left unpaid": 1, "fen": 123_450})
    usual = "12 orders, 11 paid, 4 invoices, 1 left unpaid, ¥1,234.50"
    assert traffic.summary(counts) == usual
    counts["refused goods.sold_out"] = 2
    assert traffic.summary(counts) == f"{usual}, 2 × refused goods.sold_out"
