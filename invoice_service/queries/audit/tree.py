"""The log as a tree: every tile and every head, made again from the entries alone.

What is kept meanwhile is a compact range and the tiles that are not full, so that memory does not grow with
the log. An entry that is not there is replaced by the hash that its tile holds: the gap is named once, and
does not hide what comes after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.ledger import tree
from invoice_service.ledger.checkpoint import BadCheckpoint
from invoice_service.ledger.compact import CompactRange
from invoice_service.ledger.tree import HASH_BYTES, TILE_WIDTH
from invoice_service.queries.audit.differs import Difference
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit

FULL_BYTES = TILE_WIDTH * HASH_BYTES


@dataclass(slots=True)
class Growth:
    """The tree over the entries so far; `open_tiles` by level, those that are not full.

    `heads` were compared. From the first head with another root on, every head has another: `forked_at` is
    its size, so that it is told once.
    """

    range: CompactRange = field(default_factory=CompactRange)
    open_tiles: dict[int, bytearray] = field(default_factory=dict)
    heads: int = 0
    forked_at: int | None = None

    @property
    def size(self) -> int:
        return self.range.size

    def extend(
        self, connection: Connection, issuer: Issuer, entries: Sequence[Row[Any]], before: int
    ) -> Iterator[Difference]:
        """Go on to `before` entries; some of those in between may be missing."""
        first = self.size
        heads = audit.heads(connection, first, before)
        stored = audit.tiles(connection, 0, first // TILE_WIDTH, before // TILE_WIDTH)
        found = {row.at: bytes(row.entry) for row in entries}
        for index in range(first, before):
            if index in found:
                leaf = tree.leaf_hash(found[index])
            else:
                leaf = _in_tile(stored, index)
                yield Difference(f"entry {index}", "it is missing")
            yield from self._push(connection, leaf, stored)
            if index + 1 in heads:
                yield from self._check_head(issuer, heads[index + 1])

    def _push(self, connection: Connection, leaf: bytes, stored: Mapping[int, bytes]) -> Iterator[Difference]:
        size = self.size
        for level, found in self.range.push(leaf):
            hashes = self.open_tiles.setdefault(level, bytearray())
            hashes += found
            if len(hashes) == FULL_BYTES:
                index = size >> tree.TILE_HEIGHT * (level + 1)
                held = stored if level == 0 else audit.tiles(connection, level, index, index)
                yield from _compared(level, index, bytes(hashes), held.get(index))
                hashes.clear()

    def check_open_tiles(self, connection: Connection) -> Iterator[Difference]:
        """The right edge, at the very end: the log may have grown past it meanwhile."""
        for level, hashes in sorted(self.open_tiles.items()):
            index = self.size >> tree.TILE_HEIGHT * (level + 1)
            if hashes:
                held = audit.tiles(connection, level, index, index).get(index)
                yield from _compared(level, index, bytes(hashes), held and held[: len(hashes)])

    def _check_head(self, issuer: Issuer, head: Row[Any]) -> Iterator[Difference]:
        self.heads += 1
        root = self.range.root()
        if bytes(head.root) != root and self.forked_at is None:
            self.forked_at = head.size
            yield Difference(f"head {head.size}", "its root, and every later one, is not that of the entries")
        elif (fault := _fault_of_note(issuer, head)) is not None:
            yield Difference(f"head {head.size}", fault)


def _compared(level: int, index: int, made: bytes, held: bytes | None) -> Iterator[Difference]:
    if held is None:
        yield Difference(f"tile {level}/{index}", "it is missing")
    elif held != made:
        yield Difference(f"tile {level}/{index}", "it does not hold the hashes of the entries")


def _in_tile(stored: Mapping[int, bytes], index: int) -> bytes:
    tile, offset = divmod(index, TILE_WIDTH)
    start = offset * HASH_BYTES
    return stored.get(tile, b"")[start : start + HASH_BYTES].ljust(HASH_BYTES, b"\0")


def _fault_of_note(issuer: Issuer, head: Row[Any]) -> str | None:
    """Of the signed note beside a head's columns; None where it says the same."""
    if issuer.statement is None:
        return None  # told already
    try:
        signed, _ = issuer.statement.open_note(head.checkpoint)
    except BadCheckpoint as error:
        return f"its checkpoint does not hold: {error}"
    if (signed.size, signed.root) != (head.size, bytes(head.root)):
        return "its checkpoint is that of another head"
    return None
