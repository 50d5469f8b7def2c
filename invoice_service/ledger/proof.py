"""Checking Merkle proofs, as a verifier does who has only hashes: RFC 9162 sections 2.1.3.2 and 2.1.4.2."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from invoice_service.ledger.tree import HASH_BYTES, node_hash


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` (a leaf hash) stands at `index` of the tree of `size` entries with head `root`."""
    if not 0 <= index < size or any(len(node) != HASH_BYTES for node in path):
        return False
    node, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and computed == root


def is_consistent(
    old_size: int, new_size: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Whether the tree of `new_size` entries begins with the whole tree of `old_size` entries."""
    if not 0 < old_size <= new_size or any(len(node) != HASH_BYTES for node in path):
        return False
    if old_size == new_size:
        return not path and old_root == new_root
    nodes = list(path) if old_size & (old_size - 1) else [old_root, *path]
    if not nodes:
        return False
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_computed = new_computed = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_computed = node_hash(sibling, old_computed)
            new_computed = node_hash(sibling, new_computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_computed = node_hash(new_computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old_computed == old_root and new_computed == new_root


def includes_many(leaves: Mapping[int, bytes], size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether all these leaf hashes stand at their indexes of the tree of `size` entries with head `root`.

    `path` is what `tree.inclusion_of_many` makes; every hash of it must be used, in its order.
    """
    indexes, rest = sorted(leaves), list(reversed(path))
    if not indexes or not 0 <= indexes[0] <= indexes[-1] < size or any(len(n) != HASH_BYTES for n in path):
        return False

    def hash_of(start: int, end: int) -> bytes:
        if bisect_left(indexes, end) == bisect_left(indexes, start):
            return rest.pop()
        if end - start == 1:
            return leaves[start]
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        left = hash_of(start, middle)
        return node_hash(left, hash_of(middle, end))

    try:
        return hash_of(0, size) == root and not rest
    except IndexError:
        return False
