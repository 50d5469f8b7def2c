"""Two hundred vendors' phones open, each on its Today page, while shoppers pay and ask for invoices.

The same load as `path`, in turns without and with the phones, so that the share of the rate that is kept is
of one run. The phones live in a process of their own: each holds its event stream, and asks for the page's
live part when told, as the page's script does. How late a payment shows is counted from the instant at which
the payment was recorded until the phone has the next part.
"""

from __future__ import annotations

import http.client
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from typing import Any

from sqlalchemy import text

from invoice_service.web.identity import COOKIE
from scripts.benchmarks import path
from scripts.benchmarks.installation import running
from scripts.benchmarks.report import Report, percentile
from scripts.lib.progress import Failed
from tests import make
from tests.stack import Stack

PHONES = 200
SECONDS = 10.0
LIVE, PART = "/vendor/live", "/vendor/part"
Seen = tuple[int, datetime]  # (vendor id, when the phone had the new part)


def measure(runs: int) -> Report:
    report = Report(f"{PHONES} vendors' phones open")
    with running("sandbox", "settle", "web") as stack:
        path.open_stalls(stack)
        vendors = _vendors(stack)
        path.load(stack, 2.0)
        for _ in range(runs):
            alone = path.load(stack, SECONDS)["complete invoices/s"]
            since = datetime.now(UTC)
            with _open(stack, vendors) as seen:
                together = path.load(stack, SECONDS)
                time.sleep(2)
            late_ms = _late_ms(stack, since, list(_drained(seen)))
            report.add(
                {
                    "rate kept, %": 100 * together["complete invoices/s"] / alone,
                    "invoices/s without phones": alone,
                    "invoices/s with phones": together["complete invoices/s"],
                    "payment shown after, p50 ms": percentile(late_ms, 0.5),
                    "payment shown after, p95 ms": percentile(late_ms, 0.95),
                }
            )
    return report


def _vendors(stack: Stack) -> list[tuple[int, str]]:
    """(vendor id, session token) of every stall's vendor and of as many more as there are phones."""
    with stack.database() as database, database.unit_of_work() as uow:
        connection = uow.connection
        market_id = connection.execute(text("SELECT id FROM markets")).scalar_one()
        sellers = connection.execute(text("SELECT vendor_id FROM authorisations ORDER BY id")).scalars().all()
        for n in range(PHONES - len(sellers)):
            make.stall(connection, market_id, make.vendor(connection, market_id), code=f"Q{n}")
        sellers = connection.execute(text("SELECT vendor_id FROM authorisations ORDER BY id")).scalars().all()
        found = []
        for vendor_id in sellers[:PHONES]:
            account = make.account(connection, "vendor", market_id=market_id, vendor_id=vendor_id)
            found.append((vendor_id, make.signed_in(connection, account)))
        uow.commit()
    return found


@contextmanager
def _open(stack: Stack, vendors: list[tuple[int, str]]) -> Iterator[Queue[Seen]]:
    spawn = multiprocessing.get_context("spawn")
    seen, ready = spawn.Queue(), spawn.Semaphore(0)
    process = spawn.Process(target=_phones, args=(stack.web_port, vendors, seen, ready), daemon=True)
    process.start()
    try:
        for _ in vendors:
            if not ready.acquire(timeout=90):
                raise Failed("not every phone got its event stream")
        yield seen
    finally:
        process.terminate()
        process.join()


def _phones(port: int, vendors: list[tuple[int, str]], seen: Queue[Seen], ready: Any) -> None:
    threads = [
        threading.Thread(target=_phone, args=(port, *one, seen, ready), daemon=True) for one in vendors
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _phone(port: int, vendor_id: int, token: str, seen: Queue[Seen], ready: Any) -> None:
    headers = {"Cookie": f"{COOKIE}={token}"}
    asking = http.client.HTTPConnection("127.0.0.1", port)
    events = _stream(port, headers)
    ready.release()
    for line in events:
        if line.startswith(b"event: change"):
            asking.request("GET", PART, headers=headers)
            asking.getresponse().read()
            seen.put((vendor_id, datetime.now(UTC)))


def _stream(port: int, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Asks again, as it is told to, while the phones of the run before still hold their places."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", LIVE, headers=headers)
        events = connection.getresponse()
        if events.status == 200:
            return events
        time.sleep(float(events.headers["Retry-After"]))


def _drained(seen: Queue[Seen]) -> Iterator[Seen]:
    while not seen.empty():
        yield seen.get()


def _late_ms(stack: Stack, since: datetime, seen: list[Seen]) -> list[float]:
    """For each payment, until the first look of its vendor's phone after it."""
    query = text("""
        SELECT o.vendor_id, p.recorded_at FROM payments AS p JOIN orders AS o ON o.id = p.order_id
        WHERE p.recorded_at > :since ORDER BY p.recorded_at
    """)
    with stack.database() as database, database.read() as connection:
        paid = connection.execute(query, {"since": since}).all()
    looks: dict[int, list[datetime]] = {}
    for vendor_id, at in sorted(seen):
        looks.setdefault(vendor_id, []).append(at)
    late = []
    for vendor_id, recorded_at in paid:
        shown = next((at for at in looks.get(vendor_id, []) if at > recorded_at), None)
        if shown is None:
            raise Failed(f"a payment to vendor {vendor_id} never showed")
        late.append((shown - recorded_at).total_seconds() * 1000)
    return late
