"""One pass over the leaves makes the very tiles and heads that the stored tree has."""

from __future__ import annotations

from collections import defaultdict

from invoice_service.ledger import tree
from invoice_service.ledger.compact import CompactRange

SIZE = 70_000  # three levels of tiles


def test_every_tile_and_many_heads_are_those_of_the_tree() -> None:
    leaves = [tree.leaf_hash(n.to_bytes(4, "big")) for n in range(SIZE)]
    tiles = {(tile.level, tile.index): tile.hashes for tile in tree.extend(0, leaves, lambda *_: b"")}
    grown, made = CompactRange(), defaultdict(bytearray)
    for n, leaf in enumerate(leaves):
        if n < 600 or n % 997 == 0:
            assert grown.root() == tree.root(n, lambda level, index: tiles[level, index])
        for level, found in grown.push(leaf):
            made[level] += found
    assert grown.root() == tree.root_of(leaves)
    for level, hashes in made.items():
        stored = [tiles[at] for at in sorted(tiles) if at[0] == level]
        assert bytes(hashes) == b"".join(stored)
    assert set(made) == {0, 1, 2}
