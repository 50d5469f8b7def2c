"""All rules over one market's day of a hundred thousand sales: how long, and in how much memory.

Each run is a process of its own, so that what it took at most is its own, too. The log's entries are on no
chain here: every one of them is late, which is the most that rule can find.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import midnight
from invoice_service.flow import find
from scripts.benchmarks import history
from scripts.benchmarks.installation import database, scratch
from scripts.benchmarks.report import Report
from scripts.benchmarks.seed import SEED, STALLS, add_stalls, prepared
from scripts.lib.paths import ROOT
from scripts.lib.progress import Clock

ORDERS = 104_000  # of which about three in a hundred are never paid


def measure(runs: int) -> Report:
    report = Report(f"All rules over a day of 100,000 sales at {STALLS} stalls")
    ended = midnight(business_day(datetime.now(UTC))) - timedelta(seconds=1)
    with scratch() as folder, database(folder) as url:
        config = prepared(folder, url)
        add_stalls(config, STALLS)
        clock, done = Clock(f"Making {ORDERS:,} orders"), 0
        for more in history.fill(config, ORDERS, until=ended, seed=SEED, processes=2, days=1):
            done += more
            clock.tick(f"{done:,}")
        clock.done()
        for _ in range(runs):
            report.add(_run(folder, url))
    return report


def _run(folder: Path, url: str) -> dict[str, float]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(folder), "DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmarks.rules"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _once() -> None:
    """In the process of one run."""
    services = build_services(Config.from_environment(os.environ))
    day = business_day(datetime.now(UTC)) - timedelta(days=1)
    with services.database.unit_of_work() as uow:
        market_id = uow.connection.execute(text("SELECT id FROM markets")).scalar_one()
        for table in ("findings", "rule_runs"):
            uow.connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - of the two above
        uow.commit()
    before_kb, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    found = find.run(services, market_id, day)
    took_s = time.perf_counter() - started
    with services.database.read() as connection:
        sales = connection.execute(text("SELECT sales FROM rule_runs")).scalar_one()
    most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {
        "s": took_s,
        "memory at most, MB": most_kb / 1000,
        "of it for the rows, MB": (most_kb - before_kb) / 1000,
    }
    print(json.dumps(figures | {"sales": sales, "findings": found}))


if __name__ == "__main__":
    _once()
