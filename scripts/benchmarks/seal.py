"""The sequencer alone: entries sealed into PostgreSQL a second, tiles and signed heads included."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import open_epoch, seal
from invoice_service.services import Services
from invoice_service.store.migrate import migrate
from invoice_service.store.unit_of_work import Database
from scripts.benchmarks.installation import database
from scripts.benchmarks.report import Report

ENTRIES = 50_000


def measure(runs: int) -> None:
    report = Report(f"Sequencer alone, {ENTRIES:,} entries waiting")
    with tempfile.TemporaryDirectory(prefix="stall-ledger-bench-") as name, database(Path(name)) as url:
        services = _services(Path(name), url)
        for run in range(runs):
            _fill(url, run)
            started = time.perf_counter()
            while seal.seal(services):
                pass
            report.add({"entries sealed/s": ENTRIES / (time.perf_counter() - started)})
        services.database.dispose()
    report.show()


def _services(folder: Path, url: str) -> Services:
    keyring.make_missing(folder, now=datetime.now(UTC), issuer_name="bench")
    migrate(Database(url, pool_size=1))
    services = build_services(Config(data_dir=folder, database_url=url))
    open_epoch.prepare_log(services, keyring.load_root(folder))
    return services


def _fill(url: str, run: int) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY outbox (kind, fact, entry, signature) FROM STDIN") as copy:
            for n in range(ENTRIES):
                copy.write_row((1, f"{run}-{n}", os.urandom(133), os.urandom(64)))
        connection.commit()
