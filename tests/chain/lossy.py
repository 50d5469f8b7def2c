"""A line to the chain that loses replies: what was asked arrives and is done, the answer does not come."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


@dataclass
class Lossy:
    """`loses` is told a request's method and how many came before it, and says whether its reply is lost."""

    url: str
    loses: Callable[[str, int], bool]
    asked: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def nothing(_method: str, _count: int) -> bool:
    return False


@contextmanager
def lossy(rpc_url: str) -> Iterator[Lossy]:
    class Forwards(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = requests.post(
                rpc_url, data=body, headers={"Content-Type": "application/json"}, timeout=10
            )
            method, count = json.loads(body)["method"], len(line.asked)
            line.asked.append(method)
            self.close_connection = True
            if line.loses(method, count):
                line.lost.append(method)
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forwards) as server:
        line = Lossy(f"http://127.0.0.1:{server.server_address[1]}", nothing)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield line
        finally:
            server.shutdown()
            thread.join()
