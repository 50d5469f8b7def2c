"""The relay to the chain's endpoint: it waits only so long, reads only so much, and follows nobody."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chain.client import ChainUnavailable
from chain.node import CHAIN_ID, AnvilNode
from chain.relay import Relay

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def endpoint(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def long_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b"x" * 100_000)
    except ConnectionError:
        return  # nobody listens any more, which is what is wanted


def dripping_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(40):
            handler.wfile.write(b"x" * 70_000)
            time.sleep(0.05)
    except ConnectionError:
        return


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("Location", "http://127.0.0.1:1/")
    handler.end_headers()


def test_it_passes_on_and_back(anvil: AnvilNode) -> None:
    relay = Relay(anvil.rpc_url, timeout_s=5, max_bytes=100_000)
    answer = json.loads(relay.post(b'[{"jsonrpc":"2.0","id":0,"method":"eth_chainId","params":[]}]'))
    assert answer == [{"jsonrpc": "2.0", "id": 0, "result": hex(CHAIN_ID)}]


@pytest.mark.parametrize(
    ("answer", "timeout_s", "max_bytes"), [(long_answer, 5, 250_000), (dripping_answer, 0.3, 10_000_000)]
)
def test_it_stops_listening(answer: Answer, timeout_s: float, max_bytes: int) -> None:
    with endpoint(answer) as url:
        began = time.monotonic()
        with pytest.raises(ChainUnavailable):
            Relay(url, timeout_s=timeout_s, max_bytes=max_bytes).post(b"[]")
        assert time.monotonic() - began < 2


def test_it_goes_nowhere_else() -> None:
    with endpoint(redirect) as url:
        assert Relay(url, timeout_s=2, max_bytes=1_000).post(b"[]") == b""


def test_nobody_there() -> None:
    with pytest.raises(ChainUnavailable, match=r"^ConnectionError$"):
        Relay("http://127.0.0.1:9", timeout_s=1, max_bytes=1_000).post(b"[]")
