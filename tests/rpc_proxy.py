"""A JSON-RPC endpoint before the real one, for failures between a request's arrival and its answer."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

Answered = requests.Response
Fault = Callable[[BaseHTTPRequestHandler, Answered], None]
LATE_S = 0.8
# What nodes answer when they are not well: two that web3.py takes for a contract's refusal, and no JSON.
BAD_MOMENTS = (
    b'{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error","data":null}}',
    b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"rate limited","data":"ask again later"}}',
    b"<html>502 Bad Gateway</html>",
)


def pass_on(handler: BaseHTTPRequestHandler, answer: Answered) -> None:
    _send(handler, answer.content)


def lose(handler: BaseHTTPRequestHandler, _answer: Answered) -> None:
    """The request was accepted and done; nobody hears of it."""
    handler.close_connection = True


def answer_late(handler: BaseHTTPRequestHandler, answer: Answered) -> None:
    """When whoever asked has given up."""
    time.sleep(LATE_S)
    with suppress(OSError):
        _send(handler, answer.content)
    handler.close_connection = True


def answer_an_error(handler: BaseHTTPRequestHandler, _answer: Answered) -> None:
    _send(handler, random.choice(BAD_MOMENTS))  # noqa: S311 - any will do


def _send(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def proxy(target_url: str, fault_of: Callable[[str], Fault]) -> Iterator[str]:
    """The URL of a proxy that forwards all, and then does with the answer what `fault_of` its method says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = requests.post(
                target_url, data=body, headers={"Content-Type": "application/json"}, timeout=10
            )
            fault_of(json.loads(body)["method"])(self, answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def often(fault: Fault, *, share: float) -> Callable[[str], Fault]:
    """This share of all answers has the fault."""
    return lambda _method: fault if random.random() < share else pass_on  # noqa: S311 - any will do


def proxy_that_acts_after_accepting(
    target_url: str, method: str, act: Callable[[], None]
) -> AbstractContextManager[str]:
    """Once `method` was accepted, `act` is called and nobody hears of it."""

    def act_and_lose(handler: BaseHTTPRequestHandler, answer: Answered) -> None:
        act()
        lose(handler, answer)

    return proxy(target_url, lambda asked: act_and_lose if asked == method else pass_on)
