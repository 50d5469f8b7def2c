"""Filling a market with history: measured in a folder that goes away, or kept in a data directory to try.

`./scripts/bench seed` measures; with `--orders 2000000 --data DIR` it fills the demo market of DIR, which
`./scripts/run --data DIR` then shows. What is made and how, `history.py` says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from invoice_service.config import Config
from invoice_service.store import catalogue
from invoice_service.store.unit_of_work import Database
from scripts.benchmarks import history
from scripts.benchmarks.installation import database, scratch
from scripts.benchmarks.report import Report
from scripts.lib import addresses, market_day
from scripts.lib.paths import ROOT
from scripts.lib.progress import Clock, Failed
from scripts.lib.running import sole_use_of
from tests import make

ORDERS = 60_000
STALLS = 200
SEED = 2026


def measure(runs: int) -> Report:
    """Each run adds to a market of 200 stalls, so that later ones write into fuller tables."""
    report = Report(f"History, {ORDERS:,} orders a run into a market of {STALLS} stalls")
    with scratch() as folder, database(folder) as url:
        config = prepared(folder, url)
        add_stalls(config, STALLS)
        for run in range(runs):
            started = time.perf_counter()
            done = sum(_filling(config, ORDERS, SEED + run))
            report.add({"orders made/s": done / (time.perf_counter() - started)})
    return report


def fill(data: Path, orders: int, *, stalls: int) -> None:
    """Add history to the demo market of a data directory that is not in use. Raises Failed."""
    data = data.resolve()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(sole_use_of(data))
        url = os.environ.get("DATABASE_URL") or stack.enter_context(
            database(data, addresses.kept_port(data / "ports.json", "postgres", (addresses.LOOPBACK,)))
        )
        config = prepared(data, url)
        add_stalls(config, stalls)
        clock, done = Clock(f"Making {orders:,} orders"), 0
        for more in _filling(config, orders, SEED):
            done += more
            clock.tick(f"{done:,}, {done / clock.elapsed_s:,.0f} a second")
        clock.done()


def _filling(config: Config, orders: int, seed: int) -> Iterator[int]:
    processes = max(2, os.cpu_count() or 2)
    return history.fill(config, orders, until=datetime.now(UTC), seed=seed, processes=processes)


def prepared(folder: Path, url: str) -> Config:
    """Keys, tables, an empty log and the demo market, by the commands that `./scripts/run` uses."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(folder), "DATABASE_URL": url}
    for command in (["invoice_service", "prepare"], ["scripts.demo.seed"]):
        _run(command, environment)
    return Config(data_dir=folder, database_url=url)


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(done.stderr)


def add_stalls(config: Config, wanted: int) -> None:
    """More stalls in the demo market, each a neighbour's double under a name and number of its own."""
    with Database(config.database_url, pool_size=1).unit_of_work() as uow:
        rows = catalogue.all_stalls(uow.connection, datetime.now(UTC))
        originals = [row for row in rows if row["vendor_id"]]
        for n in range(len(rows), wanted):
            _add_double(uow.connection, originals[n % len(originals)], n)
        uow.connection.execute(text("ANALYZE"))
        uow.commit()


def _add_double(connection: Connection, row: catalogue.StallRow, n: int) -> None:
    copied = ("self_produced", "default_name_zh", "default_name_en", "default_tax_code", "default_tax_class")
    vendor_id = make.vendor(
        connection,
        row["market_id"],
        name_zh=f"演示经营户{n:03d}",
        name_en=f"Demo vendor {n:03d}",
        taxpayer_kind=row["taxpayer_kind"],
        tax_id=row["tax_id"] and market_day.company_code(n),
        **{name: row[name] for name in copied},
    )
    make.stall(
        connection,
        row["market_id"],
        vendor_id,
        code=f"H{n:03d}",
        name_zh=f"{row['name_zh']}{n}号",
        name_en=f"{row['name_en']} {n}",
        kind_zh=row["kind_zh"],
        kind_en=row["kind_en"],
        place_zh=f"B厅{n // 20}排{n % 20 + 1}号",
        place_en=f"Hall B, row {n // 20}, no. {n % 20 + 1}",
    )
    names = ("sku", "name_zh", "name_en", "unit", "price_fen", "tax_code", "available")
    stock = [
        {name: getattr(goods, name) for name in names} | {"tax_class": goods.tax_class.value}
        for goods in catalogue.stock(connection, row["vendor_id"])
    ]
    make.goods(connection, row["market_id"], vendor_id, stock)
