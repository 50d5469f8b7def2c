"""The sequencer alone: entries sealed into PostgreSQL a second, tiles and signed heads included."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import open_epoch, seal
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, Kind
from invoice_service.ledger.keys import sign_p256
from invoice_service.services import Services
from invoice_service.store.migrate import migrate
from invoice_service.store.unit_of_work import Database
from scripts.benchmarks.installation import database, scratch
from scripts.benchmarks.report import Report

ENTRIES = 100_000


def measure(runs: int) -> Report:
    report = Report(f"Sequencer alone, {ENTRIES:,} signed entries waiting")
    with scratch() as folder, database(folder) as url:
        services = _services(folder, url)
        for run in range(runs):
            _fill(services, url, run)
            started = time.perf_counter()
            sealed = _seal_all(services)
            took_s = time.perf_counter() - started
            if sealed != ENTRIES:
                raise RuntimeError(f"{sealed} of {ENTRIES} entries were sealed")
            report.add({"entries sealed/s": ENTRIES / took_s})
        services.database.dispose()
    return report


def _seal_all(services: Services) -> int:
    sealed = 0
    while batch := seal.seal(services):
        sealed += batch
    return sealed


def _services(folder: Path, url: str) -> Services:
    keyring.make_missing(folder, now=datetime.now(UTC), issuer_name="bench")
    setting_up = Database(url, pool_size=1)
    migrate(setting_up)
    setting_up.dispose()
    services = build_services(Config(data_dir=folder, database_url=url))
    open_epoch.prepare_log(services, keyring.load_root(folder))
    return services


def _fill(services: Services, url: str, run: int) -> None:
    """Sales as a market leaves them: entries and signatures are real, and facts as long as order ids."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY outbox (kind, fact, entry, signature) FROM STDIN") as copy:
            for n in range(ENTRIES):
                entry = _entry(services, n).encode()
                signature = sign_p256(services.keyring.entry, entry)
                copy.write_row((int(Kind.SALE), f"{run:08d}-0000-7000-8000-{n:012d}", entry, signature))
        connection.commit()


def _entry(services: Services, n: int) -> Entry:
    return Entry(
        kind=Kind.SALE,
        issuer_id=services.keyring.issuer_id,
        claim_address=NO_ADDRESS,
        body_commitment=os.urandom(32),
        buyer_commitment=NO_COMMITMENT,
        instant_ms=1_790_000_000_000 + n,
    )
