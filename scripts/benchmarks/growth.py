"""What an entry costs as the log grows: the sequencer and proofs, on logs of several sizes in turns.

Each log has a server of its own. They are filled first; then each run gives all of them the same batches, one
batch at a time in turn, so that a slow minute of the machine slows them all.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from invoice_service.flow import seal
from invoice_service.services import Services
from invoice_service.store import log
from scripts.benchmarks import logs
from scripts.benchmarks.installation import database, scratch
from scripts.benchmarks.report import Report

SIZES = (10_000, 100_000, 1_000_000)  # 10,000,000 takes minutes and 5 GB: `--sizes`
BATCHES = 8
PROOFS = 1_000


@dataclass(frozen=True, slots=True)
class Filled:
    """A log that had `size` entries when it was filled, and has a few batches more since."""

    size: int
    url: str
    services: Services


def measure(runs: int, sizes: Sequence[int] = SIZES) -> Report:
    report = Report(f"An entry's cost on logs of {', '.join(f'{size:,}' for size in sizes)} entries")
    with scratch() as folder, ExitStack() as stack:
        filled = [stack.enter_context(_filled(folder / str(size), size)) for size in sizes]
        for run in range(runs):
            sealing = _sealing_us(filled, run)
            figures = {f"{size:,}: sequencer, µs an entry": took_us for size, took_us in sealing.items()}
            figures["the largest log's entry against the smallest's"] = sealing[sizes[-1]] / sealing[sizes[0]]
            for each in filled:
                figures |= _proofs(each, random.Random(run))  # noqa: S311 - which entries are proven
            report.add(figures)
    return report


@contextmanager
def _filled(folder: Path, size: int) -> Iterator[Filled]:
    folder.mkdir(mode=0o711)
    began = time.perf_counter()
    with database(folder) as url:
        services = logs.services_of(folder, url)
        logs.fill(services, url, size)
        services.database.dispose()
    print(f"  a log of {size:,} entries, filled in {time.perf_counter() - began:.0f} s", flush=True)
    with database(folder) as url:  # started anew, so that nothing of the filling is left to be written
        services = logs.services_of(folder, url)
        yield Filled(size, url, services)
        services.database.dispose()


def _sealing_us(filled: Sequence[Filled], run: int) -> dict[int, float]:
    """Microseconds an entry by size of the log, each seal from taking the batch to its commit."""
    took_s = dict.fromkeys((each.size for each in filled), 0.0)
    entries = BATCHES * filled[0].services.config.seal_batch
    for each in filled:
        logs.queue(each.services, each.url, run, entries)
    for _ in range(BATCHES):
        for each in filled:
            began = time.perf_counter()
            seal.seal(each.services)
            took_s[each.size] += time.perf_counter() - began
    return {size: 1e6 * seconds / entries for size, seconds in took_s.items()}


def _proofs(each: Filled, chance: random.Random) -> dict[str, float]:
    """Of one process that makes one after the other, about entries anywhere; they are checked afterwards."""
    with each.services.database.read() as connection:
        head = log.head(connection)
        indexes = [chance.randrange(head.size) for _ in range(PROOFS)]
        sizes = [chance.randrange(1, head.size) for _ in range(PROOFS)]
        logs.proven(connection, head, sizes[: PROOFS // 2])  # so that tiles near the root have been seen
        paths, proving = _timed(lambda: logs.proven(connection, head, indexes))
        growths, growing = _timed(lambda: logs.grown(connection, head, sizes))
        logs.check_proven(connection, head, indexes, paths)
        logs.check_grown(connection, head, sizes, growths)
    return {
        f"{each.size:,}: inclusion proofs/s": PROOFS / proving.wall_s,
        f"{each.size:,}: inclusion proofs a second of processor time": PROOFS / proving.processor_s,
        f"{each.size:,}: consistency proofs/s": PROOFS / growing.wall_s,
        f"{each.size:,}: consistency proofs a second of processor time": PROOFS / growing.processor_s,
    }


@dataclass(frozen=True, slots=True)
class _Took:
    """`processor_s` is this process's alone, without the server's. Other load changes it less."""

    wall_s: float
    processor_s: float


def _timed(work: Callable[[], list[list[bytes]]]) -> tuple[list[list[bytes]], _Took]:
    began_s, began_processor_s = time.perf_counter(), time.process_time()
    done = work()
    return done, _Took(time.perf_counter() - began_s, time.process_time() - began_processor_s)
