"""The tree against the reference vectors, and by property against pymerkle, which others wrote."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree, MerkleProof

from invoice_service.ledger import proof, tree
from tests.unit.ledger.vectors import load

VECTORS, TILES = load("tree.json"), load("tiles.json")
LEAVES = [tree.leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]


class Tiles:
    """Tiles as a log stores them: grown batch by batch."""

    def __init__(self) -> None:
        self.size = 0
        self.stored: dict[tuple[int, int], bytes] = {}

    def read(self, level: int, index: int) -> bytes:
        return self.stored[level, index]

    def grow(self, leaves: list[bytes]) -> None:
        for tile in tree.extend(self.size, leaves, self.read):
            before = self.stored.get((tile.level, tile.index), b"")
            assert tile.hashes.startswith(before)  # a tile only ever grows
            self.stored[tile.level, tile.index] = tile.hashes
        self.size += len(leaves)


def grown(leaves: list[bytes]) -> Tiles:
    tiles = Tiles()
    tiles.grow(leaves)
    return tiles


def as_bytes(theirs: MerkleProof) -> list[bytes]:
    return [bytes.fromhex(node) for node in theirs.serialize()["path"]]


def unhex(path: list[str]) -> list[bytes]:
    return [bytes.fromhex(node) for node in path]


def test_reference_roots() -> None:
    tiles = grown(LEAVES)
    assert tree.EMPTY_ROOT.hex() == VECTORS["empty_root"]
    assert [tree.root(size, tiles.read).hex() for size in range(1, 9)] == VECTORS["roots"]


@pytest.mark.parametrize("case", VECTORS["inclusion"])
def test_reference_inclusion_proofs(case: dict) -> None:  # type: ignore[type-arg]
    path = tree.inclusion_proof(case["index"], case["size"], grown(LEAVES).read)
    assert path == unhex(case["path"])
    root = bytes.fromhex(VECTORS["roots"][case["size"] - 1])
    assert proof.includes(LEAVES[case["index"]], case["index"], case["size"], path, root)


@pytest.mark.parametrize("case", VECTORS["consistency"])
def test_reference_consistency_proofs(case: dict) -> None:  # type: ignore[type-arg]
    path = tree.consistency_proof(case["old"], case["new"], grown(LEAVES).read)
    assert path == unhex(case["path"])
    old, new = (bytes.fromhex(VECTORS["roots"][case[name] - 1]) for name in ("old", "new"))
    assert proof.is_consistent(case["old"], case["new"], path, old, new)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.data())
def test_as_pymerkle_computes_it(batches: list[int], data: st.DataObject) -> None:
    tiles, oracle, n = Tiles(), InmemoryTree(algorithm="sha256"), 0
    leaves: list[bytes] = []
    for batch in batches:
        entries = [str(n + i).encode() for i in range(batch)]
        leaves += map(tree.leaf_hash, entries)
        tiles.grow(leaves[n:])
        for entry in entries:
            oracle.append_entry(entry)
        n += batch
    size = data.draw(st.integers(1, n))
    old = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, size - 1))
    root, old_root = tree.root(size, tiles.read), tree.root(old, tiles.read)
    assert root == oracle.get_root(size)
    assert old_root == oracle.get_root(old)
    path = tree.inclusion_proof(index, size, tiles.read)
    assert proof.includes(leaves[index], index, size, path, root)
    assert [leaves[index], *path] == as_bytes(oracle.prove_inclusion(index + 1, size))
    growth = tree.consistency_proof(old, size, tiles.read)
    assert proof.is_consistent(old, size, growth, old_root, root)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 600), st.data())
def test_forged_proofs_are_refused(size: int, data: st.DataObject) -> None:
    leaves = [tree.leaf_hash(str(i).encode()) for i in range(size)]
    read = grown(leaves).read
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size - 1))
    root, old_root = tree.root(size, read), tree.root(old, read)
    path, growth = tree.inclusion_proof(index, size, read), tree.consistency_proof(old, size, read)
    other = bytes(32)
    assert not proof.includes(other, index, size, path, root)
    assert not proof.includes(leaves[index], (index + 1) % size, size, path, root)
    assert not proof.includes(leaves[index], index, size, [*path, other], root)
    assert not proof.includes(leaves[index], index, size, path[:-1], root)
    assert not proof.includes(leaves[index], index, size, [b"short", *path[1:]], root)
    assert not proof.includes(leaves[index], -1, size, path, root)
    assert not proof.is_consistent(old, size, growth, other, root)
    assert not proof.is_consistent(old, size, growth, old_root, other)
    assert not proof.is_consistent(old, size, [*growth, other], old_root, root)
    assert not proof.is_consistent(old, size, growth[:-1], old_root, root)
    assert not proof.is_consistent(0, size, growth, old_root, root)
    assert not proof.is_consistent(size, old, growth, root, old_root)


def test_a_path_that_ends_too_early_or_too_late() -> None:
    """Its root is right for a tree of another height: a leaf, or a node, is not the head of a larger log."""
    leaf, other = LEAVES[:2]
    both = tree.node_hash(leaf, other)
    assert proof.includes(leaf, 0, 1, [], leaf)
    assert not proof.includes(leaf, 0, 2, [], leaf)
    assert not proof.includes(leaf, 0, 4, [other], both)
    assert not proof.includes(leaf, 0, 1, [other], tree.node_hash(other, leaf))
    assert not proof.is_consistent(1, 4, [other], leaf, both)
    assert not proof.is_consistent(
        1, 2, [other, other], leaf, tree.node_hash(other, tree.node_hash(leaf, other))
    )


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        tree.inclusion_proof(index, size, grown(LEAVES).read)


def test_a_log_does_not_shrink() -> None:
    with pytest.raises(IndexError):
        tree.consistency_proof(4, 3, grown(LEAVES).read)


@pytest.fixture(scope="module")
def long_log() -> Tiles:
    """Past the border of the second level, grown in steps that stop short of every border, and on it."""
    tiles = Tiles()
    for size in (1, 255, 256, 65_535, 65_536, TILES["size"]):
        tiles.grow([tree.leaf_hash(str(n).encode()) for n in range(tiles.size, size)])
    return tiles


def test_tiles_of_a_long_log(long_log: Tiles) -> None:
    for case in TILES["tiles"]:
        tile = long_log.read(case["level"], case["index"])
        assert len(tile) == case["width"] * 32
        assert tile[:32].hex() == case["first"]
        assert hashlib.sha256(tile).hexdigest() == case["sha256"]


def test_roots_of_a_long_log_as_pymerkle_computes_them(long_log: Tiles) -> None:
    oracle = InmemoryTree(algorithm="sha256")
    for n in range(TILES["size"]):
        oracle.append_entry(str(n).encode())
    for case in TILES["roots"]:
        assert tree.root(case["size"], long_log.read).hex() == case["root"]
        assert oracle.get_root(case["size"]).hex() == case["root"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_proofs_over_the_border_of_the_second_level(long_log: Tiles, data: st.DataObject) -> None:
    size = data.draw(st.integers(65_500, TILES["size"]))
    old, index = data.draw(st.integers(1, size)), data.draw(st.integers(0, size - 1))
    root, old_root = tree.root(size, long_log.read), tree.root(old, long_log.read)
    leaf = tree.leaf_hash(str(index).encode())
    path = tree.inclusion_proof(index, size, long_log.read)
    growth = tree.consistency_proof(old, size, long_log.read)
    assert proof.includes(leaf, index, size, path, root)
    assert root_above(leaf, index, size, path) == root
    assert proof.is_consistent(old, size, growth, old_root, root)


# SPEC.md tells the checking of proofs from the top down; the code climbs from the leaf. They must agree.


def root_above(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    if size == 1 or not path:
        return leaf if size == 1 and not path else None
    split = 1 << ((size - 1).bit_length() - 1)
    if index < split:
        below = root_above(leaf, index, split, path[:-1])
        return below and tree.node_hash(below, path[-1])
    below = root_above(leaf, index - split, size - split, path[:-1])
    return below and tree.node_hash(path[-1], below)


def roots_above(old: int, new: int, path: Sequence[bytes], known: bytes | None) -> tuple[bytes, bytes] | None:
    if old == new:
        rest = [known, *path] if known else list(path)
        return (rest[0], rest[0]) if len(rest) == 1 else None
    if not path:
        return None
    split = 1 << ((new - 1).bit_length() - 1)
    if old <= split:
        below = roots_above(old, split, path[:-1], known)
        return below and (below[0], tree.node_hash(below[1], path[-1]))
    below = roots_above(old - split, new - split, path[:-1], None)
    return below and (tree.node_hash(path[-1], below[0]), tree.node_hash(path[-1], below[1]))


NODES = st.lists(st.sampled_from([bytes([n]) * 32 for n in range(4)]), max_size=7)


@settings(max_examples=500)
@given(st.integers(1, 40), NODES, st.data())
def test_any_path_as_the_specification_says_it(size: int, path: list[bytes], data: st.DataObject) -> None:
    """Random paths of every length: both ways name the same root, or none."""
    leaf, index = bytes(32), data.draw(st.integers(0, size - 1))
    root = root_above(leaf, index, size, path)
    assert proof.includes(leaf, index, size, path, root or b"") is (root is not None)
    old = data.draw(st.integers(1, size))
    known = bytes([5]) * 32
    heads = roots_above(old, size, path, known)
    if heads is not None and heads[0] == known:
        assert proof.is_consistent(old, size, path, *heads)
    for new_root in (known, heads[1] if heads else known):
        expected = heads == (known, new_root)
        assert proof.is_consistent(old, size, path, known, new_root) is expected


@given(size=st.integers(1, 700), seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_one_proof_for_many_entries(size: int, seed: int) -> None:
    """It holds for exactly these leaves at these places, and no hash of it can go, come or change."""
    luck = random.Random(seed)  # noqa: S311
    leaves = [tree.leaf_hash(n.to_bytes(4, "big")) for n in range(size)]
    tiles = grown(leaves)
    chosen = sorted(luck.sample(range(size), luck.randint(1, size)))
    path, root = tree.inclusion_of_many(chosen, size, tiles.read), tree.root(size, tiles.read)
    placed = {index: leaves[index] for index in chosen}
    assert proof.includes_many(placed, size, path, root)
    other = luck.choice(chosen)
    assert not proof.includes_many({**placed, other: bytes(32)}, size, path, root)
    assert not proof.includes_many(placed, size, [*path, bytes(32)], root)
    if path:
        assert not proof.includes_many(placed, size, path[1:], root)
        assert not proof.includes_many(placed, size, [bytes(32), *path[1:]], root)


def test_a_proof_for_many_is_of_entries_in_the_log() -> None:
    tiles = grown(LEAVES)
    assert not proof.includes_many({}, len(LEAVES), [], tree.root(len(LEAVES), tiles.read))
    for indexes in ([-1], [len(LEAVES)]):
        with pytest.raises(IndexError):
            tree.inclusion_of_many(indexes, len(LEAVES), tiles.read)
