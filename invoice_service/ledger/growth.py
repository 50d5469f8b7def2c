"""Whether one signed head of a log goes on from another, judged by tiles that need not be trusted.

A signed head is a promise about every entry before it. Tiles from anywhere are believed only so far as
they hash up to its root: first the partial tiles of the right edge, which together make the root, then
from there down each full tile against the one hash that stands for it in the tile above. Two heads of
one log belong together if the larger one's tree begins with the smaller one's; if it does not, somebody
was shown another log, and the two signed notes prove it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from invoice_service.ledger import tiles, tree
from invoice_service.ledger.checkpoint import Checkpoint
from invoice_service.ledger.tree import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH

Source = Callable[[int, int, int], bytes | None]
"""(level, index, width) → that many hashes, which may be wrong; None where there is no such tile."""


class Contradiction(Exception):
    """What was answered for tiles or entries is not what the signed head stands for; the text says which."""


class SignedTree:
    """The tiles of one signed head, each checked before it is handed out.

    `sources` are asked in their order; the first answer that holds is taken, so a damaged copy costs a
    question more and is never believed. One tile of each level is remembered: memory does not grow.
    Raises Contradiction, and whatever a source raises.
    """

    def __init__(self, head: Checkpoint, sources: Sequence[Source]) -> None:
        self.head = head
        self._sources = sources
        self._edge = self._take_edge()
        self._last: dict[int, tuple[int, bytes]] = {}

    def read(self, level: int, index: int) -> bytes:
        """A tile as wide as it is under this head: 32 to 8192 bytes."""
        if (level, index) in self._edge:
            return self._edge[level, index]
        last, hashes = self._last.get(level, (-1, b""))
        if last != index:
            hashes = self._take(level, index, self._expected(level, index))
            self._last[level] = index, hashes
        return hashes

    def _expected(self, level: int, index: int) -> bytes:
        above, offset = divmod(index, TILE_WIDTH)
        return self.read(level + 1, above)[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]

    def _take(self, level: int, index: int, expected: bytes) -> bytes:
        for source in self._sources:
            hashes = source(level, index, TILE_WIDTH)
            if hashes is not None and tree.fold(tree.split(hashes)) == expected:
                return hashes
        raise Contradiction(f"{tiles.tile_path(level, index)} does not belong to its signed head")

    def _take_edge(self) -> dict[tuple[int, int], bytes]:
        size = self.head.size
        for source in self._sources:
            found = {at: source(*at, tiles.width_at(*at, size)) or b"" for at in tiles.edge(size)}
            if all(found.values()) and tree.root(size, partial(_in, found)) == self.head.root:
                return found
        raise Contradiction("its last tiles do not make the root of its signed head")


def _in(held: Mapping[tuple[int, int], bytes], level: int, index: int) -> bytes:
    return held[level, index]


@dataclass(frozen=True, slots=True)
class Fork:
    """Two heads of which neither goes on from the other, and why anybody must believe it.

    The tree of `larger` begins with `size` entries whose root is `root`: `path` is the consistency proof
    (SPEC.md section 6). The issuer signed another root for that size.
    """

    size: int
    root: bytes
    path: tuple[bytes, ...]
    larger: Checkpoint


def fork_between(smaller: Checkpoint, larger: SignedTree) -> Fork | None:
    """None where the larger tree begins with the smaller one. Raises what reading `larger` raises."""
    begins_with = tree.root(smaller.size, larger.read)
    if begins_with == smaller.root:
        return None
    path = tree.consistency_proof(smaller.size, larger.head.size, larger.read)
    return Fork(smaller.size, begins_with, tuple(path), larger.head)


def new_tiles(old_size: int, new_size: int) -> list[tuple[int, range]]:
    """The tiles that a log has at `new_size` and had not, or not so wide, at `old_size`: highest level first.

    In this order each tile comes after the one that holds its hash.
    """
    return [
        (level, range(tiles.full_tiles(level, old_size), -(-(new_size >> TILE_HEIGHT * level) // TILE_WIDTH)))
        for level in reversed(range(tiles.levels(new_size)))
    ]
