"""Merkle trees to prove things about: small ones of random entries, and uniform ones of any size at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from invoice_service.ledger import tree


@dataclass(frozen=True, slots=True)
class Tree:
    """A log off chain. `read` is what the tree module reads tiles with."""

    read: tree.TileReader

    def root(self, size: int) -> bytes:
        return tree.root(size, self.read)

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        return tree.consistency_proof(old_size, new_size, self.read)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return tree.inclusion_proof(index, size, self.read)


def leaves(count: int, salt: str = "entry") -> list[bytes]:
    return [tree.leaf_hash(f"{salt} {number}".encode()) for number in range(count)]


def tree_of(entries: Sequence[bytes]) -> Tree:
    """The tree over these leaf hashes, stored as tiles."""
    tiles = {(tile.level, tile.index): tile.hashes for tile in tree.extend(0, entries, lambda *_: b"")}
    return Tree(lambda level, index: tiles[level, index])


def uniform() -> Tree:
    """A log whose every entry is the same: its complete subtrees are known by height alone, so that a tree of
    2**50 entries costs nothing to prove things about."""
    by_height = [tree.leaf_hash(b"the same")]
    while len(by_height) <= 64:
        by_height.append(tree.node_hash(by_height[-1], by_height[-1]))
    return Tree(lambda level, _index: by_height[level * tree.TILE_HEIGHT] * tree.TILE_WIDTH)
