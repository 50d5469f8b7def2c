"""Our tree and log beside others' in the same run: pymerkle, @openzeppelin/merkle-tree, one transaction each.

In memory all three build a tree over the same entries and make proofs, by processor time. Stored, by the
clock: the sequencer seals signed entries into PostgreSQL, batch by batch; pymerkle puts bare entries into
SQLite, all in one transaction; and the tutorial way sends a transaction for each. They promise different
things: merkle-tree's trees are built anew for each batch and know no growth, and pymerkle stores leaves
alone, so that a process that has just begun works all inner hashes out again.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pymerkle import InmemoryTree, SqliteTree

from chain.node import find_node
from invoice_service.flow import seal
from invoice_service.ledger import proof, tree
from invoice_service.services import Services
from invoice_service.store import log
from scripts.benchmarks import logs, tutorial
from scripts.benchmarks.installation import database, scratch
from scripts.benchmarks.report import Report

T = TypeVar("T")
ENTRIES = 20_000
PROOFS = 1_000
INDEXES = [n * ENTRIES // PROOFS for n in range(PROOFS)]
IN_NODE = Path(__file__).with_name("merkle_tree.mjs")


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds for the entries, and for the proofs."""

    build_s: float
    prove_s: float

    def rates(self, whose: str, building: str) -> dict[str, float]:
        return {
            f"{whose}: entries {building}/s": ENTRIES / self.build_s,
            f"{whose}: proofs/s": PROOFS / self.prove_s,
        }


def measure(runs: int) -> Report:
    report = Report(f"{ENTRIES:,} entries and {PROOFS:,} proofs, beside others")
    with scratch() as folder, database(folder) as url:
        services = logs.services_of(folder, url)
        for run in range(runs):
            entries = [logs.entry(services, n) for n in range(ENTRIES)]
            figures = _in_memory(entries)
            figures |= _stored(services, url, folder / f"{run}.sqlite", run, entries)
            report.add(figures)
        services.database.dispose()
    return report


def _in_memory(entries: Sequence[bytes]) -> dict[str, float]:
    ours, pymerkle, openzeppelin = _ours(entries), _pymerkle(entries), _openzeppelin(entries)
    return {
        **ours.rates("ours in memory", "built"),
        **pymerkle.rates("pymerkle in memory", "built"),
        **openzeppelin.rates("@openzeppelin/merkle-tree", "built"),
        "ours in memory, times pymerkle, building": pymerkle.build_s / ours.build_s,
        "ours in memory, times pymerkle, proving": pymerkle.prove_s / ours.prove_s,
        "ours in memory, times merkle-tree, building": openzeppelin.build_s / ours.build_s,
        "ours in memory, times merkle-tree, proving": openzeppelin.prove_s / ours.prove_s,
    }


def _stored(
    services: Services, url: str, sqlite: Path, run: int, entries: Sequence[bytes]
) -> dict[str, float]:
    ours, pymerkle, one_each = _sealed(services, url, run), _in_sqlite(sqlite, entries), tutorial.one_each()
    return {
        **ours.rates("ours in PostgreSQL", "sealed"),
        **pymerkle.rates("pymerkle in SQLite", "stored"),
        "one transaction an invoice/s": one_each.invoices_per_s,
        "ours in PostgreSQL, times pymerkle in SQLite, storing": pymerkle.build_s / ours.build_s,
        "ours in PostgreSQL, times pymerkle in SQLite, proving": pymerkle.prove_s / ours.prove_s,
        "ours in PostgreSQL, times one transaction an invoice": ENTRIES
        / ours.build_s
        / one_each.invoices_per_s,
    }


def _ours(entries: Sequence[bytes]) -> Took:
    tiles: dict[tuple[int, int], bytes] = {}

    def build() -> bytes:
        for tile in tree.extend(0, [tree.leaf_hash(entry) for entry in entries], lambda *_: b""):
            tiles[tile.level, tile.index] = tile.hashes
        return tree.root(ENTRIES, read)

    def read(level: int, index: int) -> bytes:
        return tiles[level, index]

    root, build_s = _timed(time.process_time, build)
    paths, prove_s = _timed(
        time.process_time, lambda: [tree.inclusion_proof(index, ENTRIES, read) for index in INDEXES]
    )
    leaf = tree.leaf_hash(entries[INDEXES[-1]])
    if not proof.includes(leaf, INDEXES[-1], ENTRIES, paths[-1], root):
        raise RuntimeError("a proof does not hold")
    return Took(build_s, prove_s)


def _pymerkle(entries: Sequence[bytes]) -> Took:
    theirs = InmemoryTree(algorithm="sha256")

    def build() -> bytes:
        theirs.append_entries(entries)
        return theirs.get_root()

    root, build_s = _timed(time.process_time, build)
    if root != tree.root_of([tree.leaf_hash(entry) for entry in entries]):
        raise RuntimeError("pymerkle's tree is not ours")
    _, prove_s = _timed(
        time.process_time, lambda: [theirs.prove_inclusion(at + 1, ENTRIES) for at in INDEXES]
    )
    return Took(build_s, prove_s)


def _openzeppelin(entries: Sequence[bytes]) -> Took:
    """In Node.js, which compiles while it runs: its processor time has that in it."""
    lines = "\n".join(entry.hex() for entry in entries)
    asked = subprocess.run(
        [find_node(), IN_NODE, str(PROOFS)], input=lines, capture_output=True, text=True, check=True
    )
    return Took(**json.loads(asked.stdout))


def _sealed(services: Services, url: str, run: int) -> Took:
    """The log grows from run to run; the proofs are about the entries of this one."""
    logs.queue(services, url, run, ENTRIES)
    _, build_s = _timed(time.perf_counter, lambda: _seal_all(services))
    with services.database.read() as connection:
        head = log.head(connection)
        indexes = [head.size - ENTRIES + index for index in INDEXES]
        paths, prove_s = _timed(time.perf_counter, lambda: logs.proven(connection, head, indexes))
        logs.check_proven(connection, head, indexes, paths)
    return Took(build_s, prove_s)


def _seal_all(services: Services) -> None:
    while seal.seal(services):
        pass


def _in_sqlite(file: Path, entries: Sequence[bytes]) -> Took:
    with SqliteTree(str(file), algorithm="sha256") as theirs:

        def build() -> bytes:
            theirs.append_entries(entries)
            return theirs.get_root()

        _, build_s = _timed(time.perf_counter, build)
        _, prove_s = _timed(
            time.perf_counter, lambda: [theirs.prove_inclusion(at + 1, ENTRIES) for at in INDEXES]
        )
    return Took(build_s, prove_s)


def _timed(clock: Callable[[], float], work: Callable[[], T]) -> tuple[T, float]:
    began = clock()
    done = work()
    return done, clock() - began
