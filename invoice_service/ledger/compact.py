"""A growing tree in the memory of a few hashes: what a log's tiles and heads must be, from its leaves alone.

The roots of the complete subtrees along the right edge are all that the next leaf and the next head need
(RFC 9162 calls them nothing; others, a *compact range*). Each subtree whose height is a multiple of eight
becomes one hash of a tile on its way, so that one pass over the leaves gives every tile, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from invoice_service.ledger.tree import EMPTY_ROOT, TILE_HEIGHT, node_hash


@dataclass(slots=True)
class CompactRange:
    """`size` leaves; `roots` of the complete subtrees that make them up, the largest first."""

    size: int = 0
    roots: list[bytes] = field(default_factory=list)

    def push(self, leaf: bytes) -> Iterator[tuple[int, bytes]]:
        """Add a leaf hash. Yields (tile level, hash) for each hash of a tile that it makes known; use it up.

        As a binary counter counts: the new leaf is joined with as many subtrees as there are ones to carry.
        """
        carried, height, bits = leaf, 0, self.size
        yield 0, carried
        while bits & 1:
            carried, bits, height = node_hash(self.roots.pop(), carried), bits >> 1, height + 1
            if height % TILE_HEIGHT == 0:
                yield height // TILE_HEIGHT, carried
        self.roots.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """The tree head of the leaves so far."""
        return joined(self.roots)


def joined(roots: Sequence[bytes]) -> bytes:
    """The root over complete subtrees of ever smaller size, left to right."""
    if not roots:
        return EMPTY_ROOT
    *others, root = roots
    for other in reversed(others):
        root = node_hash(other, root)
    return root
