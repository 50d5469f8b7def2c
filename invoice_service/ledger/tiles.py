"""The files of a public log, by the paths of C2SP tlog-tiles: how they are named, and which exist at a size.

A log of n entries is a checkpoint and a finite set of files that never change: tiles of hashes, and
bundles of entries. What a file holds follows from its name alone, so anybody may keep and serve copies.
Of the tiles of one level only the last can be partial; it is named with its width, and the wider one
that follows has another name.

    tile/<level>/<index>            256 hashes
    tile/<level>/<index>.p/<width>  the first 1 to 255 of them
    tile/entries/<index>[.p/<width>]  the entries below that tile of level 0

SPEC.md section 9 says the same without code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from invoice_service.ledger.entry import ENTRY_BYTES
from invoice_service.ledger.tree import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH

CHECKPOINT = "checkpoint"
ISSUER = "issuer.json"
MAX_SIZE = 2**63 - 1  # of a log: an index is a signed 64-bit integer wherever it is stored
MAX_LEVEL = 63
BUNDLED_BYTES = 2 + ENTRY_BYTES  # of one entry in a bundle, with its length

_PLACE = re.compile(r"((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
_LEVEL = re.compile(r"0|[1-9][0-9]?", re.ASCII)


class NoSuchName(ValueError):
    """The text names no file of any log: each file has one spelling."""


class BadBundle(ValueError):
    """The bytes are not as many of our entries as the bundle's name says."""


def place(index: int, width: int = TILE_WIDTH) -> str:
    """`<index>[.p/<width>]`: 1234067 is x001/x234/067. Three digits a folder keep folders small."""
    digits = str(index).zfill(3)
    digits = digits.zfill(len(digits) + -len(digits) % 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    return f"tile/{level}/{place(index, width)}"


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    return f"tile/entries/{place(index, width)}"


def read_place(text: str) -> tuple[int, int]:
    """(index, width) of what `place` writes. Raises NoSuchName for everything else."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise NoSuchName(text)
    index, width = int(found[1].replace("x", "").replace("/", "")), int(found[2] or TILE_WIDTH)
    if width > TILE_WIDTH or place(index, width) != text:
        raise NoSuchName(text)
    return index, width


def read_level(text: str) -> int:
    """Raises NoSuchName unless it is 0 to 63, in decimal without leading zeros."""
    if not _LEVEL.fullmatch(text) or int(text) > MAX_LEVEL:
        raise NoSuchName(text)
    return int(text)


def levels(size: int) -> int:
    """How many levels of tiles a log of `size` entries has: 0 to 8."""
    return -(-size.bit_length() // TILE_HEIGHT)


def full_tiles(level: int, size: int) -> int:
    """How many tiles of a level are full; the one with this index is partial, if it is there at all."""
    return size >> TILE_HEIGHT * (level + 1)


def width_at(level: int, index: int, size: int) -> int:
    """How wide a tile is in a log of `size` entries: 0 to 256 hashes."""
    return min(TILE_WIDTH, max(0, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def size_with(level: int, index: int, width: int) -> int:
    """The size from which on a log has this tile."""
    return (index * TILE_WIDTH + width) << TILE_HEIGHT * level


def edge(size: int) -> list[tuple[int, int]]:
    """(level, index) of the partial tiles. Their hashes together, and no others, make the tree's root."""
    at = [(level, full_tiles(level, size)) for level in range(levels(size))]
    return [(level, index) for level, index in at if width_at(level, index, size)]


def towards(index: int, size: int) -> list[tuple[int, int]]:
    """(level, index) of all tiles that proofs in a log of `size` entries take hashes from: that the entry
    `index` is in it, and that it grew from `index` entries. They are those above, and those at the edge."""
    above = [(level, index >> TILE_HEIGHT * (level + 1)) for level in range(levels(size))]
    return [*dict.fromkeys([*above, *edge(size)])]


def bundle(entries: Iterable[bytes]) -> bytes:
    """Each entry after its length, two bytes big-endian."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_in(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. Raises BadBundle, also for entries that are not of our length."""
    if len(data) != width * BUNDLED_BYTES:
        raise BadBundle(f"{len(data)} bytes are not {width} entries")
    starts = range(0, len(data), BUNDLED_BYTES)
    if any(data[at : at + 2] != ENTRY_BYTES.to_bytes(2, "big") for at in starts):
        raise BadBundle("an entry has another length")
    return [data[at + 2 : at + BUNDLED_BYTES] for at in starts]


def tile_bytes(width: int) -> int:
    return width * HASH_BYTES
