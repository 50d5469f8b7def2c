"""The ten heaviest statements of desks, rules and exports, with their plans: `./scripts/bench plans`.

Every query behind those pages is asked twice on a data directory that `seed` has filled; each statement is
timed the second time, and the slowest ten are explained. The page is `docs/reference/plans.md`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text

from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.numbering import business_day
from invoice_service.domain.policy import Actor, Role
from invoice_service.domain.sales_asked import SalesAsked
from invoice_service.domain.tax_sources import Asked
from invoice_service.flow import attested_day, look
from invoice_service.queries import exports, market, supervised_cases, supervision, vendor
from invoice_service.services import Services
from invoice_service.store import findings
from scripts.benchmarks.installation import database
from scripts.lib import addresses
from scripts.lib.paths import ROOT
from scripts.lib.running import sole_use_of
from tests import make

HEAVIEST = 10
PAGE = ROOT / "docs" / "reference" / "plans.md"
Statement = tuple[str, Any]


def write(data: Path) -> None:
    """Raises Failed where the directory is in use."""
    data = data.resolve()
    with ExitStack() as stack:
        stack.enter_context(sole_use_of(data))
        port = addresses.kept_port(data / "ports.json", "postgres", (addresses.LOOPBACK,))
        services = build_services(
            Config(data_dir=data, database_url=stack.enter_context(database(data, port)))
        )
        stack.callback(services.database.dispose)
        asked = dict(_questions(services))
        for ask in asked.values():
            ask()
        timed = [(ms, name, one) for name, ask in asked.items() for ms, one in _timed(services, ask)]
        PAGE.write_text(_page(services, _heaviest(timed)), "utf-8")
    print(f"Written: {PAGE}")


def _questions(services: Services) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What desks ask, by what they show."""
    with services.database.unit_of_work() as uow:
        row = uow.connection.execute(text("SELECT id, code, region FROM markets ORDER BY id LIMIT 1")).one()
        sellers = "SELECT vendor_id FROM vendor_hours GROUP BY 1 ORDER BY sum(orders) DESC LIMIT 1"
        seller = uow.connection.execute(text(sellers)).scalar_one()
        people = {
            "officer": make.account(uow.connection, "officer", region=row.region),
            "operator": make.account(uow.connection, "operator", market_id=row.id),
            "vendor": uow.connection.execute(
                text("SELECT id FROM accounts WHERE vendor_id = :v"), {"v": seller}
            ).scalar() or make.account(uow.connection, "vendor", market_id=row.id, vendor_id=seller),
        }  # fmt: skip
        uow.commit()
    now = services.clock()
    officer = Actor(people["officer"], 1, Role.OFFICER, "bench", region=row.region, confirmed_at=now)
    operator = Actor(people["operator"], 1, Role.OPERATOR, "bench", market_id=row.id)
    own = Actor(people["vendor"], 1, Role.VENDOR, "bench", market_id=row.id, vendor_id=seller)
    look.at_market(services, officer, row.code, "measuring")
    look.at_vendor(services, officer, seller, "measuring")
    today = business_day(now)
    year = Asked(today - timedelta(days=364), today)
    narrowed = replace(year, taxpayer_kind="small_scale", compare="year")
    days = year.first_day, year.last_day
    sold = SalesAsked(*days)
    yield "officer: a region's year", lambda: supervision.region(services, officer, "en", year)
    yield "officer: a region's year, narrowed", lambda: supervision.region(services, officer, "en", narrowed)
    yield "officer: a market's year", lambda: supervision.market(services, officer, "en", row.code, year)
    yield (
        "officer: a market's year, narrowed",
        lambda: supervision.market(services, officer, "en", row.code, narrowed),
    )
    yield "officer: a vendor's year", lambda: supervision.vendor(services, officer, "en", seller, year)
    yield (
        "officer: a vendor's sales that have no invoice",
        lambda: supervision.sales(services, officer, "en", seller, *days, invoiced="no"),
    )
    yield (
        "officer: a market's sales, a page of them",
        lambda: exports.sales(services, officer, "en", row.code, sold, limit=100),
    )
    yield "officer: findings", lambda: supervised_cases.listed(services, officer, "en", state="all")
    yield "operator: the overview", lambda: market.overview(services, operator, "en")
    for by in ("stall", "goods", "hour", "day"):
        yield f"operator: a year by {by}", _turnover(services, operator, days, by)
    yield "vendor: today", lambda: vendor.today(services, own, "en")
    yield "vendor: a month", lambda: vendor.sales(services, own, "en", "month", today)
    yield "settler: the documents of a day, for the rules", lambda: _rules(services, row.id, today)


def _turnover(services: Services, operator: Actor, days: tuple[date, date], by: str) -> Callable[[], Any]:
    return lambda: market.turnover(services, operator, "en", *days, by)


def _rules(services: Services, market_id: int, today: date) -> None:
    with services.database.unit_of_work() as uow:
        row = findings.market(uow.connection, market_id)
        day = today - timedelta(days=1)
        attested_day.read(uow.connection, row, day, history_days=92, as_of=datetime.now(UTC))


def _timed(services: Services, ask: Callable[[], Any]) -> list[tuple[float, Statement]]:
    """(ms, statement) of everything that is sent. Of a cursor it is the time to open it."""
    found: list[tuple[float, Statement]] = []
    with _listening(services, found):
        ask()
    return found


@contextmanager
def _listening(services: Services, found: list[tuple[float, Statement]]) -> Iterator[None]:
    engine, started = services.database.engine, [0.0]

    def before(*_: Any) -> None:
        started[0] = time.perf_counter()

    def after(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            found.append(((time.perf_counter() - started[0]) * 1000, (statement, parameters)))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


def _heaviest(timed: list[tuple[float, str, Statement]]) -> list[tuple[float, str, Statement]]:
    """Each statement once, where it took longest."""
    once: dict[str, tuple[float, str, Statement]] = {}
    for one in sorted(timed, key=lambda one: -one[0]):
        once.setdefault(one[2][0], one)
    return list(once.values())[:HEAVIEST]


def _page(services: Services, heaviest: list[tuple[float, str, Statement]]) -> str:
    with services.database.read() as connection:
        orders = connection.execute(text("SELECT count(*) FROM orders")).scalar_one()
        parts = [_explained(connection, n, *one) for n, one in enumerate(heaviest, 1)]
    head = f"""# The ten heaviest statements, and how PostgreSQL runs them

Written by `./scripts/bench plans --data DIR` on {datetime.now(UTC):%Y-%m-%d}, {orders:,} orders. Each stands
under what asks it; the time is the client's. What to look for: no `Seq Scan` over a table that grows with
sales, but where all of its rows are wanted.
"""
    return head + "".join(parts)


def _explained(connection: Connection, n: int, ms: float, name: str, one: Statement) -> str:
    statement, parameters = one
    values: Mapping[str, Any] = parameters
    explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}", values)
    plan = "\n".join(line[0][:160] for line in explained)
    return f"\n## {n}. {name}: {ms:.1f} ms\n\n```text\n{plan}\n```\n"
