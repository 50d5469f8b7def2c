"""The tree against the reference vectors, and by property against pymerkle, which others wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree, MerkleProof

from invoice_service.ledger import proof, tree
from scripts.lib.paths import ROOT

VECTORS = json.loads((ROOT / "tests" / "vectors" / "tree.json").read_text())
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


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        tree.inclusion_proof(index, size, grown(LEAVES).read)


def test_a_log_does_not_shrink() -> None:
    with pytest.raises(IndexError):
        tree.consistency_proof(4, 3, grown(LEAVES).read)
