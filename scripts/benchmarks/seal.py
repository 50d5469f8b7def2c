"""The sequencer alone: entries sealed into PostgreSQL a second, tiles and signed heads included.

After each batch another connection reads the head that was just signed, proves some of the batch's entries
from the committed tiles, and checks the proofs. That is no part of the first rate, and part of the second.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import psutil
from sqlalchemy import Connection

from invoice_service.flow import seal
from invoice_service.ledger import checkpoint
from invoice_service.ledger.keys import public_der
from invoice_service.services import Services
from invoice_service.store import log
from invoice_service.store.log import Head
from scripts.benchmarks import logs
from scripts.benchmarks.installation import database, scratch
from scripts.benchmarks.report import Report, percentile

ENTRIES = 100_000
PROVEN_A_BATCH = 10


@dataclass(slots=True)
class _Times:
    """Seconds that sealing took, and, for each batch, the first proof after it and all of them."""

    sealing_s: float = 0.0
    first_s: list[float] = field(default_factory=list)
    proving_s: list[float] = field(default_factory=list)


def measure(runs: int) -> Report:
    report = Report(f"Sequencer alone, {ENTRIES:,} signed entries waiting")
    with scratch() as folder, database(folder) as url:
        services = logs.services_of(folder, url)
        for run in range(runs):
            logs.queue(services, url, run, ENTRIES)
            began_s = _processor_s()
            times = _seal_all(services, random.Random(run))  # noqa: S311 - which entries are proven
            whole_s = times.sealing_s + sum(times.proving_s)
            report.add(
                {
                    "entries sealed/s": ENTRIES / times.sealing_s,
                    "with proofs, entries a second of processor time": ENTRIES / (_processor_s() - began_s),
                    f"with {PROVEN_A_BATCH} proven of each batch, entries/s": ENTRIES / whole_s,
                    "from a commit to a checked proof, p95 ms": 1000 * percentile(times.first_s, 0.95),
                }
            )
        services.database.dispose()
    return report


def _processor_s() -> float:
    """What this process and the server have used. Other load changes it less than the clock."""
    server = psutil.Process().children(recursive=True)
    return time.process_time() + sum(sum(each.cpu_times()[:2]) for each in server)


def _seal_all(services: Services, chance: random.Random) -> _Times:
    times, sealed, ends_at = _Times(), 0, time.perf_counter()
    while batch := seal.seal(services):
        sealed += batch
        sealed_at = time.perf_counter()
        times.sealing_s += sealed_at - ends_at
        _prove(services, batch, chance, times)
        ends_at = time.perf_counter()
    if sealed != ENTRIES:
        raise RuntimeError(f"{sealed} of {ENTRIES} entries were sealed")
    return times


def _prove(services: Services, batch: int, chance: random.Random, times: _Times) -> None:
    """Prove entries of the newest batch, one after another as if asked for one by one."""
    began = time.perf_counter()
    with services.database.read() as connection:
        head = _signed_head(services, connection)
        for n in range(PROVEN_A_BATCH):
            index = [head.size - 1 - chance.randrange(batch)]
            logs.check_proven(connection, head, index, logs.proven(connection, head, index))
            if n == 0:
                times.first_s.append(time.perf_counter() - began)
    times.proving_s.append(time.perf_counter() - began)


def _signed_head(services: Services, connection: Connection) -> Head:
    note = log.newest_checkpoint(connection)
    key = public_der(services.keyring.checkpoint)
    opened = checkpoint.open_note(note or "", origin=services.config.log_origin, public_key_der=key)
    return Head(opened.size, opened.root)
