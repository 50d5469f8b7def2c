"""The desks' pages on a full market: `./scripts/bench desks --data DIR` after `seed`.

Each is asked for warm, one request at a time, as vendors picked by chance, as the market's operator and as an
officer of its region. What is reported is how long the whole answer took over HTTP.
"""

from __future__ import annotations

import http.client
import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from invoice_service.domain.numbering import business_day
from invoice_service.web.identity import COOKIE
from scripts.benchmarks.installation import database
from scripts.benchmarks.report import Report, percentile
from scripts.lib import addresses
from scripts.lib.progress import Failed
from scripts.lib.running import sole_use_of
from tests import make
from tests.stack import Stack

VENDORS = 20
WARM, ASKED = 12, 40  # each connection of each process plans a statement anew five times
FULL = 100_000  # fewer orders than this would measure nothing


@dataclass(frozen=True, slots=True)
class Visitor:
    role: str
    cookie: str
    places: dict[str, str]  # what stands for the parameters of a path


PAGES = {
    "vendor": (
        "/vendor", "/vendor/part", "/vendor/sales?by=day", "/vendor/sales?by=week", "/vendor/sales?by=month",
        "/vendor/orders", "/vendor/orders?amount=12.50", "/vendor/orders?day={day}", "/vendor/orders/{order}",
        "/vendor/invoices", "/vendor/goods", "/vendor/key", "/vendor/threshold", "/vendor/close",
        "/vendor/months", "/account", "/account/records",
    ),
    "operator": (
        "/market", "/market/part", "/market/stalls", "/market/stalls?sort=amount&order=desc",
        "/market/stalls/{stall}", "/market/vendors", "/market/vendors/{vendor}",
        "/market/turnover?by=stall&first_day={week}&last_day={day}",
        "/market/turnover?by=goods&first_day={month}&last_day={day}",
        "/market/turnover?by=stall&first_day={year}&last_day={day}",
        "/market/turnover?by=goods&first_day={year}&last_day={day}",
        "/market/turnover?by=hour&first_day={year}&last_day={day}",
        "/market/turnover?by=day&first_day={year}&last_day={day}",
        "/market/posters", "/market/people", "/market/details", "/market/wall", "/market/wall/part",
    ),
    "officer": (
        "/officer", "/officer?first_day={year}&last_day={day}",
        "/officer?first_day={year}&last_day={day}&compare=year&tax_class=vegetable",
        "/officer/markets/{market}", "/officer/markets/{market}?first_day={month}&last_day={day}&rate=exempt",
        "/officer/markets/{market}?first_day={year}&last_day={day}",
        "/officer/markets/{market}?first_day={year}&last_day={day}&taxpayer_kind=small_scale",
        "/officer/vendors/{vendor}", "/officer/vendors/{vendor}?first_day={year}&last_day={day}",
        "/officer/vendors/{vendor}?first_day={year}&last_day={day}&invoiced=no",
        "/officer/sales/{order}", "/officer/check", "/officer/stalls/{stall}",
        "/officer/stalls/{stall}/sources?first_day={year}&last_day={day}", "/officer/cases", "/officer/rules",
        "/officer/exports", "/officer/allowances",
        "/api/v1/supervision/markets/{market}/sales?first_day={year}&last_day={day}&limit=100",
    ),
}  # fmt: skip


def measure(data: Path, runs: int) -> Report:
    """Raises Failed where the directory holds no history to speak of."""
    with _served(data.resolve()) as (stack, visitors, orders):
        report = Report(f"Pages on {orders:,} orders, warm")
        for run in range(runs):
            if run:
                stack.kill("web")
                stack.start("web")  # each run has first requests of its own
            report.add(_asked(stack, visitors, random.Random(run)))  # noqa: S311
    return report


def _asked(stack: Stack, visitors: list[Visitor], luck: random.Random) -> dict[str, float]:
    figures: dict[str, float] = {}
    first_ms: list[float] = []
    connection = http.client.HTTPConnection("localhost", stack.web_port)
    for role, paths in PAGES.items():
        own = [visitor for visitor in visitors if visitor.role == role]
        for path in paths:
            all_ms = [_get_ms(connection, luck.choice(own), path) for _ in range(WARM + ASKED)]
            first_ms.append(all_ms[0])
            took_ms = all_ms[WARM:]
            figures[f"{path}, p50 ms"] = percentile(took_ms, 0.5)
            figures[f"{path}, p95 ms"] = percentile(took_ms, 0.95)
    figures["slowest first request, ms"] = max(first_ms)
    figures["slowest page, p95 ms"] = max(v for name, v in figures.items() if name.endswith("p95 ms"))
    return figures


def _get_ms(connection: http.client.HTTPConnection, visitor: Visitor, path: str) -> float:
    started = time.perf_counter()
    as_program = {"Authorization": f"Bearer {visitor.cookie}"}
    signed_in = as_program if path.startswith("/api/") else {"Cookie": f"{COOKIE}={visitor.cookie}"}
    connection.request("GET", path.format_map(visitor.places), headers=signed_in)
    response = connection.getresponse()
    response.read()
    if response.status != 200:
        raise Failed(f"{path} answered {response.status} to the {visitor.role}")
    return (time.perf_counter() - started) * 1000


_LOOK = text("""
    INSERT INTO access_records (at, day, account_id, role, who, action, market_id, vendor_id, subject, reason)
    VALUES (:at, :day, :account, 'officer', 'bench', :action, :market, :vendor, :subject, 'measuring')
""")


@contextmanager
def _served(data: Path) -> Iterator[tuple[Stack, list[Visitor], int]]:
    with ExitStack() as stack_of:
        stack_of.enter_context(sole_use_of(data))
        url = os.environ.get("DATABASE_URL") or stack_of.enter_context(
            database(data, addresses.kept_port(data / "ports.json", "postgres", (addresses.LOOPBACK,)))
        )
        stack = Stack(data, url, extra={"WEB_WORKERS": "2"})
        with stack.database() as db, db.unit_of_work() as uow:
            orders = uow.connection.execute(text("SELECT count(*) FROM orders")).scalar_one()
            if orders < FULL:
                raise Failed(
                    f"{data} holds {orders} orders. Run `./scripts/bench seed --orders 2000000 --data …`."
                )
            visitors = list(_visitors(uow.connection))
            uow.commit()
        stack_of.callback(stack.stop)
        stack.start("web")
        yield stack, visitors, orders


def _visitors(connection: Connection) -> Iterator[Visitor]:
    """Signed-in vendors who have sold much and little, and one operator."""
    query = text("""
        SELECT v.id, v.market_id, s.code, m.code AS market, m.region,
               (SELECT id FROM orders WHERE vendor_id = v.id AND status = 'paid'
                ORDER BY id DESC LIMIT 1) AS paid
        FROM vendors AS v JOIN authorisations AS a ON a.vendor_id = v.id JOIN stalls AS s ON s.id = a.stall_id
        JOIN markets AS m ON m.id = v.market_id
        ORDER BY md5(v.id::text) LIMIT :count
    """)
    rows = connection.execute(query, {"count": VENDORS}).all()
    for row in rows:
        known = connection.execute(
            text("SELECT id FROM accounts WHERE vendor_id = :id"), {"id": row.id}
        ).scalar()
        account = known or make.account(connection, "vendor", market_id=row.market_id, vendor_id=row.id)
        places = _days() | {"order": str(row.paid)}
        yield Visitor("vendor", make.signed_in(connection, account, confirmed=True), places)
    officer = make.account(connection, "officer", region=rows[0].region)
    where = {
        "market": rows[0].market,
        "stall": rows[0].code,
        "vendor": str(rows[0].id),
        "order": str(rows[0].paid),
    }
    for action, vendor_id, subject in (
        ("market.look", None, rows[0].market),
        ("vendor.look", rows[0].id, ""),
        ("stall.check", rows[0].id, rows[0].code),
    ):
        whom = {"market": rows[0].market_id, "vendor": vendor_id, "subject": subject}
        look = whom | {"account": officer, "action": action}
        connection.execute(_LOOK, look | {"at": datetime.now(UTC), "day": _days()["day"]})
    yield Visitor("officer", make.signed_in(connection, officer, confirmed=True), _days() | where)
    operator = make.account(connection, "operator", market_id=rows[0].market_id)
    places = _days() | {"stall": rows[0].code, "vendor": str(rows[0].id)}
    yield Visitor("operator", make.signed_in(connection, operator, confirmed=True), places)


def _days() -> dict[str, str]:
    """Today in the market, and the first days of periods that end with it."""
    today = business_day(datetime.now(UTC))
    spans = {"day": 0, "week": 6, "month": 29, "year": 364}
    return {name: str(today - timedelta(days=days)) for name, days in spans.items()}
