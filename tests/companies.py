"""Companies at the command line of a running installation, and a service in front of it that lies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import requests

from invoice_service import keyring
from invoice_service.claimant import Claimant
from tests.chain.registers import Key
from tests.stack import Stack

Issued = dict[str, Any]


def invoiced(stack: Stack, count: int) -> list[Issued]:
    issued = [stack.invoice(1000 + n) for n in range(count)]
    stack.wait_anchored(issued[-1])
    return issued


def run(stack: Stack, what: str, key: Path, issued: list[Issued], **changed: str) -> CompletedProcess[str]:
    listed = key.with_suffix(".list")
    listed.write_text("".join(f"{one['number']} {one['token']}\n" for one in issued))
    options = {
        "service": stack.url,
        "rpc": stack.rpc_url,
        "trust": str(stack.folder / "keys" / "issuer.der"),
        "key": str(key),
    } | changed
    arguments = [part for name, value in options.items() for part in (f"--{name}", value) if part]
    return stack.command(what, str(listed), *arguments)


def company(stack: Stack, **changed: str) -> Claimant:
    root = keyring.load(stack.folder).issuer_id
    where = {"service_url": stack.url, "rpc_url": stack.rpc_url} | changed
    return Claimant(where["service_url"], where["rpc_url"], root, Key().secret)


def words(done: CompletedProcess[str]) -> list[str]:
    return [line.split(": ", 1)[1].split(" since")[0] for line in done.stdout.splitlines()[1:]]


@contextmanager
def lying(stack: Stack, lie: Callable[[str, bytes], tuple[int, bytes]]) -> Iterator[str]:
    """In front of the real one: `lie` gets path and true answer, and says what to answer instead."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = {
                name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers
            }
            true = requests.request(self.command, stack.url + self.path, data=body, headers=sent, timeout=10)
            status, answer = lie(self.path, true.content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
