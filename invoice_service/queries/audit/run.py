"""The audit itself: through the log batch by batch, then the outbox, the whole, and the chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import NoResultFound

from invoice_service.ledger import tree
from invoice_service.queries.audit import anchors, entries, issuer, kept, numbers, statuses, whole
from invoice_service.queries.audit.anchors import Chain, NotAsked
from invoice_service.queries.audit.differs import Difference
from invoice_service.queries.audit.entries import Counts
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.queries.audit.kept import Found, Progress
from invoice_service.queries.audit.numbers import NotInForce, Unused
from invoice_service.services import Services
from invoice_service.store import audit, log
from invoice_service.store.log import Head

BATCH = 2_000
KEEP_EVERY_S = 1.0

CLEAN, DIFFERENT, UNDECIDED = "clean", "different", "undecided"
Tell = Callable[[int, int], None]  # (entries compared, of how many)


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, and what does not fit. `resumed_at` is where an earlier run had got to."""

    head: Head
    counts: Counts
    heads: int
    waiting: int
    found: Found
    not_asked: str | None
    resumed_at: int
    unused: tuple[Unused | NotInForce, ...]

    @property
    def verdict(self) -> str:
        if self.found.count:
            return DIFFERENT
        return UNDECIDED if self.not_asked else CLEAN


def run(services: Services, on_chain: Chain | None, tell: Tell, *, restart: bool = False) -> Report:
    """Compare everything up to the head as it is now; goes on where a run that was stopped had got to."""
    file = kept.path(services.config.data_dir)
    with services.database.read() as connection:
        whose, faults = issuer.read(services, connection)
        progress = _begun(connection, whose, None if restart else kept.read(file))
    for fault in faults:
        progress.found.add(fault)
    resumed_at = progress.growth.size
    _through_the_log(services, whose, progress, file, tell)
    found = progress.found
    with services.database.read() as connection:
        waiting = Counts()
        rest = _end_of_log(connection, progress), _outbox(connection, whose, waiting)
        for fault in chain(*rest, whole.differences(connection), statuses.differences(connection)):
            found.add(fault)
        unused = numbers.unused(connection)
        not_asked = _ask(connection, on_chain, found)
    file.unlink(missing_ok=True)
    progress.counts.erased += waiting.erased
    return Report(
        progress.head,
        progress.counts,
        progress.growth.heads,
        waiting.kinds.total(),
        found,
        not_asked,
        resumed_at,
        unused,
    )


def _begun(connection: Connection, whose: Issuer, before: Progress | None) -> Progress:
    """Towards the head as it is now, from where the run before had got to if the log still has its tree."""
    head = log.head(connection)
    if before is None or before.issuer != whose.id or not _still_has(connection, before, head):
        return Progress(whose.id, head)
    before.head = head
    return before


def _still_has(connection: Connection, before: Progress, head: Head) -> bool:
    """The head that it was going under, and the tree up to where it came; both by what is stored now."""
    if before.growth.size > head.size or before.head.size > head.size:
        return False
    if before.head.size and audit.head_root(connection, before.head.size) != before.head.root:
        return False
    try:
        now = tree.root(before.growth.size, log.tile_reader(connection))
    except NoResultFound:  # a tile is gone
        return False
    return now == before.growth.range.root()


def _through_the_log(services: Services, whose: Issuer, progress: Progress, file: Path, tell: Tell) -> None:
    keep_at = time.monotonic() + KEEP_EVERY_S
    size = progress.head.size
    while progress.growth.size < size:
        tell(progress.growth.size, size)
        before = min(progress.growth.size + BATCH, size)
        with services.database.read() as connection:
            for fault in _batch(connection, whose, progress, before):
                progress.found.add(fault)
        if time.monotonic() >= keep_at:
            kept.write(file, progress)
            keep_at = time.monotonic() + KEEP_EVERY_S
    tell(size, size)


def _batch(connection: Connection, whose: Issuer, progress: Progress, before: int) -> Iterator[Difference]:
    rows = audit.entries(connection, progress.growth.size, before)
    yield from entries.differences(connection, whose, rows, progress.counts)
    yield from progress.growth.extend(connection, whose, rows, before)


def _end_of_log(connection: Connection, progress: Progress) -> Iterator[Difference]:
    growth, head = progress.growth, progress.head
    yield from growth.check_open_tiles(connection)
    if growth.range.root() != head.root:
        yield Difference("log state", "its root is not that of the entries")
    if head.size and audit.head_root(connection, head.size) is None:
        yield Difference(f"head {head.size}", "the log's newest size has no signed head")


def _outbox(connection: Connection, whose: Issuer, counts: Counts) -> Iterator[Difference]:
    """What waits is compared as what stands in the log; only its place is not decided yet."""
    after = 0
    while rows := audit.waiting(connection, after, BATCH):
        yield from entries.differences(connection, whose, rows, counts)
        after = rows[-1].at


def _ask(connection: Connection, on_chain: Chain | None, found: Found) -> str | None:
    """Why it could not be asked; None where it was."""
    try:
        for fault in anchors.differences(connection, on_chain):
            found.add(fault)
    except NotAsked as error:
        return str(error)
    return None
