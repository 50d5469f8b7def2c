"""The whole path over HTTP: order, payment at the sandbox, notice, invoice, seal, anchor.

Eight clients, threads of the process that measures, do it one request at a time and share the machine with
all they ask. In the same run: the bare loop of the SQL that a complete invoice takes, on one connection, and
the tutorial way, one chain transaction an invoice with web3.py, waiting for its receipt.
"""

from __future__ import annotations

import http.client
import json
import secrets
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from sqlalchemy import text

from scripts.benchmarks import tutorial
from scripts.benchmarks.installation import running
from scripts.benchmarks.report import Report, percentile
from tests import make
from tests.stack import Stack, eventually

CLIENTS = 8
SECONDS = 10.0
BARE_SECONDS = 3.0
LOCK = "SELECT * FROM orders JOIN order_lines ON order_id = id WHERE id = %s FOR UPDATE OF orders"
BUYER = {"kind": "organization", "name": "普洱茶业有限公司", "tax_id": "92532528MA6L45LX6L"}
INVOICE_REQUEST = json.dumps({"buyer": BUYER}).encode()
ORDER_REQUEST = json.dumps({"amount_fen": 1250}).encode()


def measure(runs: int) -> Report:
    report = Report(f"Whole path, {CLIENTS} clients")
    with running("sandbox", "settle", "web") as stack:
        open_stalls(stack)
        load(stack, 2.0)  # warm: pools, prepared statements, templates
        for _ in range(runs):
            figures = _watched_load(stack)
            with _paused(stack, "settle"):  # or it would seal what the loop writes
                figures["bare SQL loop, invoices/s"] = bare = _bare_loop(stack.database_url)
            figures["share of the bare loop, %"] = 100 * figures["complete invoices/s"] / bare
            figures["tutorial way, invoices/s"] = one_each = tutorial.one_each().invoices_per_s
            figures["times the tutorial way"] = figures["complete invoices/s"] / one_each
            report.add(figures)
    return report


def open_stalls(stack: Stack) -> None:
    """A stall a client: nobody sells ten baskets a second, and a vendor's sums are one row an hour."""
    with stack.database() as database, database.unit_of_work() as uow:
        market_id = uow.connection.execute(text("SELECT id FROM markets")).scalar_one()
        for n in range(CLIENTS):
            make.stall(uow.connection, market_id, make.vendor(uow.connection, market_id), code=f"P{n}")
        uow.commit()


class _Client:
    """One phone after another: keeps its connection, and notes how long each kind of request took."""

    def __init__(self, port: int, stall: str) -> None:
        self._orders = f"/api/v1/stalls/{stall}/orders"
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self.took_ms: dict[str, list[float]] = defaultdict(list)
        self.done = 0

    def run(self, ends_at: float) -> None:
        while time.perf_counter() < ends_at:
            self._one()

    def _one(self) -> None:
        _, order = self._post(self._orders, ORDER_REQUEST, "order")
        token = order["order_id"]
        self._post(f"/sandbox/orders/{token}/pay", b"", "pay")
        for _ in range(1000):
            status, _ = self._post(f"/api/v1/orders/{token}/invoice", INVOICE_REQUEST, "invoice")
            if status == 201:
                self.done += 1
                return
            time.sleep(0.005)  # the notice is on its way
        raise RuntimeError("a payment never arrived")

    def _post(self, path: str, body: bytes, kind: str) -> tuple[int, dict[str, str]]:
        started = time.perf_counter()
        self._connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        data = response.read()
        if response.status < 300:
            self.took_ms[kind].append((time.perf_counter() - started) * 1000)
        elif response.status != 409:
            raise RuntimeError(f"{path}: {response.status} {data[:200]!r}")
        return response.status, json.loads(data) if data else {}


def load(stack: Stack, seconds: float) -> dict[str, float]:
    clients = [_Client(stack.web_port, f"P{n}") for n in range(CLIENTS)]
    started = time.perf_counter()
    threads = [threading.Thread(target=client.run, args=(started + seconds,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    figures = {"complete invoices/s": sum(client.done for client in clients) / elapsed}
    for kind in ("order", "pay", "invoice"):
        took_ms = [value for client in clients for value in client.took_ms[kind]]
        figures[f"{kind} request, p50 ms"] = percentile(took_ms, 0.5)
        figures[f"{kind} request, p95 ms"] = percentile(took_ms, 0.95)
    return figures


_INDEXED = text("""
    SELECT e.index, i.issued_at FROM invoices AS i JOIN log_entries AS e ON e.kind = 3 AND e.fact = i.number
    WHERE i.issued_at > :since
""")
_LANDED = "SELECT coalesce(max(new_size), 0) FROM submissions WHERE status IN ('mined', 'final')"


class _Watcher(threading.Thread):
    """Notes when how many entries were known to be on chain, looking fifty times a second."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._stopping = threading.Event()
        self.landed: list[tuple[int, datetime]] = []

    def run(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            while not self._stopping.wait(0.02):
                row = connection.execute(_LANDED).fetchone()
                if row and (not self.landed or row[0] > self.landed[-1][0]):
                    self.landed.append((row[0], datetime.now(UTC)))

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def _watched_load(stack: Stack) -> dict[str, float]:
    """A load, and how long its invoices took from their instant until their head was known to be mined."""
    watcher, since = _Watcher(stack.database_url), datetime.now(UTC)
    watcher.start()
    figures = load(stack, SECONDS)
    eventually(lambda: stack.query("SELECT count(*) FROM outbox") == 0, within_s=30)
    size = stack.query("SELECT size FROM log_state")
    eventually(lambda: watcher.landed and watcher.landed[-1][0] >= size, within_s=30)
    watcher.stop()
    with stack.database() as database, database.read() as connection:
        issued = connection.execute(_INDEXED, {"since": since}).all()
    took_ms = []
    for index, issued_at in issued:
        seen = next(at for size, at in watcher.landed if size > index)
        took_ms.append((seen - issued_at).total_seconds() * 1000)
    figures["issued to mined, p50 ms"] = percentile(took_ms, 0.5)
    figures["issued to mined, p95 ms"] = percentile(took_ms, 0.95)
    return figures


@contextmanager
def _paused(stack: Stack, name: str) -> Iterator[None]:
    process = stack.processes[name]
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def _bare_loop(url: str) -> float:
    """The statements of one complete invoice with its four commits: each write as the service sends it, the
    reads in their simplest form, which flatters the loop a little."""
    done, ends_at = 0, time.perf_counter() + BARE_SECONDS
    with psycopg.connect(url) as connection:
        stall = connection.execute(
            "SELECT stall_id, market_id, vendor_id FROM authorisations LIMIT 1"
        ).fetchone()
        assert stall is not None  # noqa: S101 - set_up made one
        while time.perf_counter() < ends_at:
            _bare_invoice(connection, stall)
            done += 1
        connection.execute("DELETE FROM outbox WHERE kind IN (2, 4)")  # they are no real entries
    return done / BARE_SECONDS


def _bare_invoice(connection: psycopg.Connection, stall: tuple) -> None:  # type: ignore[type-arg]
    stall_id, market_id, vendor_id = stall
    key, sha = secrets.token_hex(16), secrets.token_bytes
    run = connection.execute
    run(
        "SELECT * FROM stalls JOIN authorisations AS a ON a.stall_id = stalls.id AND a.days @> current_date "
        "JOIN vendors ON vendors.id = a.vendor_id WHERE code = 'A01'"
    )
    run(
        "INSERT INTO orders VALUES (%s, %s, %s, %s, %s, %s, 'open', 1250, now(), now(), NULL)",
        (key, market_id, stall_id, vendor_id, sha(32), key),
    )
    run(
        "INSERT INTO order_lines VALUES (%s, 0, NULL, 'a', 'a', 'a', 1, 12.5, 1250, %s, 'vegetable')",
        (key, "1" * 19),
    )
    connection.commit()
    run("SELECT * FROM orders JOIN order_lines ON order_id = id WHERE id = %s", (key,))
    run("INSERT INTO payment_attempts VALUES (%s, 'sandbox', now(), 0, NULL)", (key,))
    connection.commit()
    run(LOCK, (key,))
    payment = run(
        "INSERT INTO payments (market_id, order_id, provider, transaction_id, amount_fen, paid_at, "
        "recorded_at, disposition) VALUES (%s, %s, 'bare', %s, 1250, now(), now(), 'settles') RETURNING id",
        (market_id, key, key),
    ).fetchone()
    run("UPDATE orders SET status = 'paid', paid_at = now() WHERE id = %s", (key,))
    run(
        "INSERT INTO sales VALUES "
        "(%s, %s, %s, 1250, %s, %s, %s, 1250, 0, 0, 'small_scale', '{vegetables}', '{0}', 1250)",
        (key, market_id, payment and payment[0], sha(700), sha(32), sha(32)),
    )
    outbox = "INSERT INTO outbox (kind, fact, entry, signature) VALUES (%s, %s, %s, %s)"
    run(outbox, (2, key, sha(133), sha(64)))
    run(
        "INSERT INTO provider_notices (provider, received_at, headers, body, verdict) "
        "VALUES ('bare', now(), '{}', %s, 'accepted')",
        (sha(400),),
    )
    connection.commit()
    run(LOCK, (key,))
    run("SELECT * FROM invoices JOIN buyer_documents USING (number) WHERE order_id = %s", (key,))
    row = run(
        "SELECT commitment, nextval('invoice_sequence') FROM sales WHERE order_id = %s", (key,)
    ).fetchone()
    number = f"269{row[1]:017d}" if row else ""
    run(
        "WITH a AS (INSERT INTO invoices VALUES "
        "(%s, %s, %s, %s, %s, %s, %s, %s, 1250, 0, 1250, now(), %s, %s)) "
        "INSERT INTO buyer_documents VALUES (%s, %s, %s)",
        (
            *(number, market_id, key, stall_id, vendor_id, sha(32), sha(900), sha(32), sha(20), sha(60)),
            *(number, sha(150), sha(32)),
        ),
    )
    run("INSERT INTO invoice_lines VALUES (%s, 0, 'a', 1250, 0, DEFAULT, 'a', 0)", (number,))
    run(outbox, (4, key, sha(133), sha(64)))
    connection.commit()
