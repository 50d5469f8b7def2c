"""The Merkle tree of RFC 9162 section 2.1: roots and proofs from stored tiles.

A log of n entries is one binary tree over the entries' leaf hashes. It is stored as *tiles*
(C2SP tlog-tiles): a tile at level L, index N holds up to 256 hashes, each the root of a complete
subtree of 256**L leaves. Every hash a proof needs is either in a tile or a few steps above one.
A tile is append-only: a partial tile is a prefix of the wider one that follows it.

Nothing here reads or writes storage: functions take a `read` that answers a tile's bytes.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
# Tiles whose inner hashes a process keeps, 16 KiB each: those above the leaves of a few million entries.
TILES_REMEMBERED = 512
EMPTY_ROOT = hashlib.sha256(b"").digest()

TileReader = Callable[[int, int], bytes]
"""(level, index) → the tile's hashes, concatenated: 32 to 8192 bytes. Never asked beyond the size."""


def leaf_hash(entry: bytes) -> bytes:
    """RFC 9162 section 2.1.1: SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 section 2.1.1: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over any positive number of sibling subtree roots of equal height, left to right."""
    row = list(hashes)
    while len(row) > 1:
        paired = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = paired + row[len(row) - len(row) % 2 :]
    return row[0]


@dataclass(frozen=True, slots=True)
class Tile:
    """`hashes` is the whole tile as it now stands, not only what was added."""

    level: int
    index: int
    hashes: bytes


def extend(size: int, leaves: Sequence[bytes], read: TileReader) -> list[Tile]:
    """The tiles that change when `leaves` (leaf hashes) follow the first `size` entries.

    Only the rightmost partial tile of each level is read. Levels grow bottom-up: each tile that
    becomes full contributes one hash to the level above.
    """
    changed: list[Tile] = []
    level, first, added = 0, size, list(leaves)
    while added:
        index, used = divmod(first, TILE_WIDTH)
        pending = (read(level, index) if used else b"") + b"".join(added)
        full_roots = []
        for start in range(0, len(pending), TILE_WIDTH * HASH_BYTES):
            tile = Tile(level, index, pending[start : start + TILE_WIDTH * HASH_BYTES])
            changed.append(tile)
            if len(tile.hashes) == TILE_WIDTH * HASH_BYTES:
                full_roots.append(fold(split(tile.hashes)))
            index += 1
        level, first, added = level + 1, first // TILE_WIDTH, full_roots
    return changed


def split(hashes: bytes) -> list[bytes]:
    return [hashes[i : i + HASH_BYTES] for i in range(0, len(hashes), HASH_BYTES)]


@lru_cache(maxsize=TILES_REMEMBERED)
def _rows(hashes: bytes) -> tuple[bytes, ...]:
    """The complete subtrees' roots in a tile, a row of hashes for each height from 0. Remembered by the
    tile's own bytes, so that what is remembered is right whatever becomes of the log."""
    rows = [hashes]
    while len(rows[-1]) >= 2 * HASH_BYTES:
        row = rows[-1]
        pairs = [row[at : at + 2 * HASH_BYTES] for at in range(0, len(row) - HASH_BYTES, 2 * HASH_BYTES)]
        rows.append(b"".join([hashlib.sha256(b"\x01" + pair).digest() for pair in pairs]))
    return tuple(rows)


def subtree(level: int, index: int, read: TileReader) -> bytes:
    """The root of the complete subtree of 2**level leaves that starts at leaf index * 2**level."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    tile_index, offset = divmod(index, TILE_WIDTH >> height)
    return _rows(read(tile_level, tile_index))[height][offset * HASH_BYTES : (offset + 1) * HASH_BYTES]


def _complete(start: int, end: int) -> Iterable[tuple[int, int]]:
    """The (level, index) of the complete subtrees that make up leaves [start, end), left to right.

    `start` must be a multiple of the largest power of two not above end - start, as it always is
    in a proof.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _range_root(start: int, end: int, read: TileReader) -> bytes:
    """MTH(D[start:end]) of RFC 9162 section 2.1.1 for a range as `_complete` takes it."""
    length = end - start
    if length & (length - 1) == 0:  # nearly all of a path is single subtrees
        level = length.bit_length() - 1
        return subtree(level, start >> level, read)
    parts = [subtree(level, index, read) for level, index in _complete(start, end)]
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def root(size: int, read: TileReader) -> bytes:
    """The tree head of the first `size` entries."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: TileReader) -> list[bytes]:
    """RFC 9162 section 2.1.3.1: the path from entry `index` to the head of `size` entries.

    Raises IndexError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise IndexError(f"entry {index} is not among the first {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(start, middle, read))
            start = middle
    return path[::-1]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes that are all at hand: a small tree, stored nowhere."""
    return root(len(leaves), _reader_of(leaves))


def path_in(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """`inclusion_proof` in such a tree. Raises IndexError."""
    return inclusion_proof(index, len(leaves), _reader_of(leaves))


def _reader_of(leaves: Sequence[bytes]) -> TileReader:
    tiles = {(tile.level, tile.index): tile.hashes for tile in extend(0, leaves, lambda *_: b"")}
    return lambda level, index: tiles[level, index]


def consistency_proof(old_size: int, new_size: int, read: TileReader) -> list[bytes]:
    """RFC 9162 section 2.1.4.1: what shows that the first `old_size` of `new_size` entries are unchanged.

    Raises IndexError unless 0 <= old_size <= new_size. Empty when either size makes it trivial.
    """
    if not 0 <= old_size <= new_size:
        raise IndexError(f"{old_size} entries cannot have grown to {new_size}")
    if old_size in (0, new_size):
        return []
    proof: list[bytes] = []
    start, end, old_is_complete = 0, new_size, True
    while old_size != end:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if old_size <= middle:
            proof.append(_range_root(middle, end, read))
            end = middle
        else:
            proof.append(_range_root(start, middle, read))
            start, old_is_complete = middle, False
    if not old_is_complete:
        proof.append(_range_root(start, end, read))
    return proof[::-1]


def inclusion_of_many(indexes: Sequence[int], size: int, read: TileReader) -> list[bytes]:
    """One proof for many entries at once: the roots of what lies between them, as one walks down the tree.

    `indexes` are in order, each once. Entries of one day lie together, so that a hundred thousand of them
    share a proof of a few dozen hashes. Raises IndexError.
    """
    if indexes and not 0 <= indexes[0] <= indexes[-1] < size:
        raise IndexError(f"not all of them are among the first {size}")
    path: list[bytes] = []

    def walk(start: int, end: int) -> None:
        if bisect_left(indexes, end) == bisect_left(indexes, start):
            path.append(_range_root(start, end, read))
        elif end - start > 1:
            middle = start + (1 << ((end - start - 1).bit_length() - 1))
            walk(start, middle)
            walk(middle, end)

    if size:
        walk(0, size)
    return path
