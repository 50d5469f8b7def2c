"""Logs to measure: durable ones of any size, facts that wait for the sequencer, and proofs that are checked.

A log is filled by the sequencer's own step in large batches, without an outbox and with signatures that are
chance: nothing measured here reads them, and everything else about the log is as it always is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import Connection, bindparam, select

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import open_epoch, seal
from invoice_service.ledger import proof, tree
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, SIGNATURE_BYTES, Entry, Kind
from invoice_service.ledger.keys import sign_p256
from invoice_service.services import Services
from invoice_service.store import log
from invoice_service.store.log import Head
from invoice_service.store.migrate import migrate
from invoice_service.store.outbox import OutboxRow
from invoice_service.store.tables import log_entries
from invoice_service.store.unit_of_work import Database

_ENTRY = select(log_entries.c.entry).where(log_entries.c.index == bindparam("index"))
FILLED_AT_ONCE = 100_000
FILLING = 99_999_999  # in the place of a run, in the facts of a filled log


def services_of(folder: Path, url: str) -> Services:
    """A service with keys of its own and an empty log."""
    keyring.make_missing(folder, now=datetime.now(UTC), issuer_name="bench")
    setting_up = Database(url, pool_size=1)
    migrate(setting_up)
    setting_up.dispose()
    services = build_services(Config(data_dir=folder, database_url=url))
    open_epoch.prepare_log(services, keyring.load_root(folder))
    return services


def fill(services: Services, url: str, size: int) -> None:
    """Make an empty log one of `size` entries."""
    for first in range(0, size, FILLED_AT_ONCE):
        numbers = range(first, min(first + FILLED_AT_ONCE, size))
        rows = [
            OutboxRow(n, int(Kind.SALE), _fact(FILLING, n), entry(services, n), _chance()) for n in numbers
        ]
        with services.database.unit_of_work() as uow:
            seal.append(services, uow.connection, log.lock(uow.connection), rows)
            uow.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) log_entries, log_tiles")


def queue(services: Services, url: str, run: int, count: int) -> None:
    """Sales as a market leaves them: entries and signatures are real, and facts as long as order ids."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy("COPY outbox (kind, fact, entry, signature) FROM STDIN") as copy:
            for n in range(count):
                made = entry(services, n)
                signature = sign_p256(services.keyring.entry, made)
                copy.write_row((int(Kind.SALE), _fact(run, n), made, signature))
        connection.commit()


def _fact(run: int, n: int) -> str:
    return f"{run:08d}-0000-7000-8000-{n:012d}"


def _chance() -> bytes:
    return os.urandom(SIGNATURE_BYTES)


def entry(services: Services, n: int) -> bytes:
    """A sale's, with a commitment that is chance."""
    return Entry(
        kind=Kind.SALE,
        issuer_id=services.keyring.issuer_id,
        claim_address=NO_ADDRESS,
        body_commitment=os.urandom(32),
        buyer_commitment=NO_COMMITMENT,
        instant_ms=1_790_000_000_000 + n,
    ).encode()


def proven(connection: Connection, head: Head, indexes: Sequence[int]) -> list[list[bytes]]:
    """An inclusion proof for each, as an evidence file gets it: one at a time, on one connection."""
    return [
        tree.inclusion_proof(index, head.size, log.keeping_reader(connection, index, head.size))
        for index in indexes
    ]


def grown(connection: Connection, head: Head, old_sizes: Sequence[int]) -> list[list[bytes]]:
    """A consistency proof to the head from each."""
    return [
        tree.consistency_proof(size, head.size, log.reader_towards(connection, size, head.size))
        for size in old_sizes
    ]


def check_proven(
    connection: Connection, head: Head, indexes: Sequence[int], paths: list[list[bytes]]
) -> None:
    """Check proofs with the entries that are stored. Raises RuntimeError."""
    for index, path in zip(indexes, paths, strict=True):
        stored = connection.execute(_ENTRY, {"index": index}).scalar_one()
        if not proof.includes(tree.leaf_hash(stored), index, head.size, path, head.root):
            raise RuntimeError(f"entry {index} is not proven under the head of {head.size}")


def check_grown(
    connection: Connection, head: Head, old_sizes: Sequence[int], paths: list[list[bytes]]
) -> None:
    """Raises RuntimeError."""
    for size, path in zip(old_sizes, paths, strict=True):
        old_root = tree.root(size, log.tile_reader(connection))
        if not proof.is_consistent(size, head.size, path, old_root, head.root):
            raise RuntimeError(f"the head of {head.size} is not proven to begin with {size}")
