"""The sequencer: take facts from the outbox, give them indexes, and sign the log's new head.

The lock on the log's state row makes whoever holds it the sequencer; a second one waits and then finds
less to do. Taking, indexing, tiles and head are one transaction, so a crash at any line leaves
either the old log with its outbox, or the new log.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from invoice_service.keyring import Keyring
from invoice_service.ledger import checkpoint, tree
from invoice_service.ledger import tiles as tlog
from invoice_service.services import Services
from invoice_service.store import log, outbox
from invoice_service.store.log import Head
from invoice_service.store.outbox import OutboxRow


def seal(services: Services) -> int:
    """Move one batch from the outbox into the log. Answers how many entries it sealed."""
    with services.database.unit_of_work() as uow:
        connection = uow.connection
        old = log.lock(connection)
        rows = outbox.take(connection, limit=services.config.seal_batch)
        if not rows:
            uow.nothing_to_do()
            return 0
        append(services, connection, old, rows)
        uow.commit()
    return len(rows)


def append(services: Services, connection: Connection, old: Head, rows: Sequence[OutboxRow]) -> None:
    """Give the rows indexes and sign the new head; `old` must be the head that this unit has locked."""
    leaves = [tree.leaf_hash(row.entry) for row in rows]
    stored = log.tile_reader(connection, tlog.edge(old.size))
    tiles = tree.extend(old.size, leaves, stored)
    size = old.size + len(rows)
    new = Head(size, tree.root(size, log.with_new_tiles(stored, tiles)))
    log.append(connection, old.size, rows)
    log.put_tiles(connection, tiles)
    note = sign_head(services.keyring, services.config.log_origin, new)
    log.advance(connection, new, checkpoint=note, sealed_at=services.clock())


def sign_head(keyring: Keyring, origin: str, head: Head) -> str:
    return checkpoint.sign(checkpoint.Checkpoint(origin, head.size, head.root), keyring.checkpoint)
