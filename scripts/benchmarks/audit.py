"""The audit over a market's history: entries compared a second of processor time, the chain not asked.

Of the entries three quarters are sales, the others invoices, each with its lines, buyer, token and claim key.
What a signature alone costs is measured beside it, so that figures of a busy machine can be compared.
"""

from __future__ import annotations

import resource
import time
from datetime import UTC, datetime

from sqlalchemy import text

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.flow import open_epoch
from invoice_service.ledger.entry import ENTRY_BYTES
from invoice_service.ledger.keys import public_der, sign_p256, verifies_p256
from invoice_service.queries.audit import run as audit
from invoice_service.services import Services
from invoice_service.store import deployment
from scripts.benchmarks import history, seed
from scripts.benchmarks.installation import database, scratch
from scripts.benchmarks.report import Report

ORDERS = 45_000  # come to about 60,000 entries
SIGNATURES = 5_000


def measure(runs: int) -> Report:
    """The same history each time, compared from its beginning."""
    report = Report(f"Audit of the history of {ORDERS:,} orders, one process")
    with scratch() as folder, database(folder) as url:
        config = seed.prepared(folder, url)
        seed.add_stalls(config, seed.STALLS)
        sum(history.fill(config, ORDERS, until=datetime.now(UTC), seed=seed.SEED, processes=2))
        services = build_services(config)
        _backdate_keys(services)
        for _ in range(runs):
            report.add(_once(services))
        services.database.dispose()
    return report


def _once(services: Services) -> dict[str, float]:
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    found = audit.run(services, None, lambda _done, _size: None, restart=True)
    took_s, took_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    if found.found.count:
        raise RuntimeError(f"{found.found.count} differences: {found.found.told}")
    return {
        "entries compared/s of processor time": found.head.size / took_cpu_s,
        "entries compared/s": found.head.size / took_s,
        "signatures alone/s of processor time": _signatures(services),
        "entries": found.head.size,
        "heads": found.heads,
        "most memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _signatures(services: Services) -> float:
    """How many the processor verifies, and does nothing else."""
    key, entry = services.keyring.entry, bytes(ENTRY_BYTES)
    signature, public = sign_p256(key, entry), public_der(key)
    began_s = time.process_time()
    for _ in range(SIGNATURES):
        verifies_p256(public, entry, signature)
    return SIGNATURES / (time.process_time() - began_s)


def _backdate_keys(services: Services) -> None:
    """The history is older than the keys that were made for it a minute ago."""
    with services.database.unit_of_work() as uow:
        uow.connection.execute(text("UPDATE keys SET valid_from = '2020-01-01'"))
        root = keyring.load_root(services.config.data_dir)
        deployment.put_statement(uow.connection, open_epoch.sign_statement(uow.connection, services, root))
        uow.connection.execute(text("ANALYZE"))
        uow.commit()
