"""Other people's logs for a follower to meet: honest ones, and servers that answer whatever a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from invoice_service.ledger import checkpoint, tiles, tree
from invoice_service.ledger.checkpoint import Checkpoint
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, Kind
from tests.unit.ledger.evidence_files import ORIGIN, Issuer

ISSUER = Issuer()
Answer = Callable[[BaseHTTPRequestHandler], None]


def entry(n: int, *, other: bool = False) -> bytes:
    kind = Kind.INVOICE if other else Kind.SALE
    return Entry(kind, ISSUER.id, NO_ADDRESS, n.to_bytes(32, "big"), NO_COMMITMENT, n).encode()


def statement_of(issuer: Issuer) -> bytes:
    return json.dumps(issuer.signed_statement()).encode()


def note(size: int, root: bytes, *, issuer: Issuer = ISSUER, origin: str = ORIGIN) -> bytes:
    return checkpoint.sign(Checkpoint(origin, size, root), issuer.log_key).encode()


@cache
def files(size: int, forked_at: int | None = None) -> Mapping[str, bytes]:
    """Every file of a log that never had another size. Entries from `forked_at` on are others."""
    entries = [entry(n, other=forked_at is not None and n >= forked_at) for n in range(size)]
    held: dict[tuple[int, int], bytes] = {}
    leaves = [tree.leaf_hash(each) for each in entries]
    for tile in tree.extend(0, leaves, lambda *at: held[at]):
        held[tile.level, tile.index] = tile.hashes
    made = {
        tiles.tile_path(level, index, len(hashes) // tree.HASH_BYTES): hashes
        for (level, index), hashes in held.items()
    }
    for first in range(0, size, 256):
        some = entries[first : first + 256]
        made[tiles.bundle_path(first // 256, len(some))] = tiles.bundle(some)
    made[tiles.ISSUER] = statement_of(ISSUER)
    made[tiles.CHECKPOINT] = note(size, tree.root(size, lambda *at: held[at]))
    return made


@dataclass
class Server:
    """`answers` by path below the log's address: bytes, or a function that answers for itself."""

    url: str
    answers: dict[str, bytes | Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def show(self, shown: Mapping[str, bytes | Answer]) -> None:
        self.answers = dict(shown)


@contextmanager
def served(shown: Mapping[str, bytes] | None = None) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body at once, or the other side waits for 40 ms

        def do_GET(self) -> None:
            name = self.path.removeprefix("/log/")
            server.asked.append(name)
            answer = server.answers.get(name)
            if callable(answer):
                answer(self)
            else:
                body(self, answer or b"", 404 if answer is None else 200)

        def log_message(self, *_: object) -> None: ...

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A follower that hangs up on a hostile answer is what is wanted."""

    http = Quiet(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_address[1]}/log", dict(shown or {}))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def body(handler: BaseHTTPRequestHandler, data: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
