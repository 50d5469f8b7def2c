"""Proofs in the tree of the evidence's log, and what must not pass for one.

A verifier that only follows the path lets an index beyond the log stand for its last entry, and takes a tree
of nothing, or a larger one, for the beginning of any other.
"""

from __future__ import annotations

from invoice_service.ledger import tree
from tests.unit.ledger.evidence_files import Issuer
from tests.vectors.cases import Vectors


def proof_vectors(issuer: Issuer) -> Vectors:
    return {
        "about": "Leaf hashes, roots and paths in hex; holds: whether the path proves it.",
        "inclusion": _inclusion(issuer.leaves, issuer.head),
        "consistency": _consistency(issuer),
    }


def _inclusion(leaves: list[bytes], root: bytes) -> list[Vectors]:
    size, leaf = len(leaves), leaves[-1]
    last = tree.path_in(leaves, size - 1)
    swapped = [last[1], last[0], *last[2:]]
    return [
        _leaf("the last of six", leaf, size - 1, size, last, root, holds=True),
        _leaf("an index at the size", leaf, size, size, last, root, holds=False),
        _leaf("an index beyond the size", leaf, 2 * size, size, last, root, holds=False),
        _leaf("the right index beyond 2^32", leaf, 2**32 + size - 1, size, last, root, holds=False),
        _leaf("a path too short", leaf, size - 1, size, last[:-1], root, holds=False),
        _leaf("a path too long", leaf, size - 1, size, [*last, root], root, holds=False),
        _leaf("a path in another order", leaf, size - 1, size, swapped, root, holds=False),
        _leaf("the root as its own leaf", root, 0, size, [], root, holds=False),
        _leaf("the only one", leaf, 0, 1, [], leaf, holds=True),
        _leaf("after the only one", leaf, 1, 1, [], leaf, holds=False),
        _leaf("the only one, with a path", leaf, 0, 1, [root], leaf, holds=False),
        _leaf("in an empty log", tree.EMPTY_ROOT, 0, 0, [], tree.EMPTY_ROOT, holds=False),
    ]


def _consistency(issuer: Issuer) -> list[Vectors]:
    n, new = issuer.size, issuer.head
    path = {m: tree.consistency_proof(m, n, issuer.read) for m in (3, 4)}
    old = {m: tree.root_of(issuer.leaves[:m]) for m in (3, 4)}
    return [
        _growth("three to six", 3, n, path[3], old[3], new, holds=True),
        _growth("four to six", 4, n, path[4], old[4], new, holds=True),
        _growth("to itself", n, n, [], new, new, holds=True),
        _growth("to another of the same size", n, n, [], old[3], new, holds=False),
        _growth("to itself, with a path", n, n, [new], new, new, holds=False),
        _growth("from nothing", 0, n, [], tree.EMPTY_ROOT, new, holds=False),
        _growth("from nothing, with a path", 0, n, [new], tree.EMPTY_ROOT, new, holds=False),
        _growth("from nothing to nothing", 0, 0, [], tree.EMPTY_ROOT, tree.EMPTY_ROOT, holds=False),
        _growth("backwards", n, 3, path[3], new, old[3], holds=False),
        _growth("backwards, by the roots as they grew", n, 3, path[3], old[3], new, holds=False),
        _growth("fewer than before, of the same root", n, n - 1, [], new, new, holds=False),
        _growth("without a path", 3, n, [], old[3], new, holds=False),
        _growth("without a path, from four", 4, n, [], old[4], new, holds=False),
        _growth("a path too short", 3, n, path[3][:-1], old[3], new, holds=False),
        _growth("a path too long", 3, n, [*path[3], new], old[3], new, holds=False),
    ]


def _leaf(
    name: str, leaf: bytes, index: int, size: int, path: list[bytes], root: bytes, *, holds: bool
) -> Vectors:
    return {
        "name": name,
        "leaf": leaf.hex(),
        "index": index,
        "size": size,
        "path": [step.hex() for step in path],
        "root": root.hex(),
        "holds": holds,
    }


def _growth(
    name: str, old_size: int, new_size: int, path: list[bytes], old: bytes, new: bytes, *, holds: bool
) -> Vectors:
    return {
        "name": name,
        "old_size": old_size,
        "new_size": new_size,
        "path": [step.hex() for step in path],
        "old_root": old.hex(),
        "new_root": new.hex(),
        "holds": holds,
    }
