"""What a public log serves, and what a follower compares, as vectors: the names, the bytes, and one fork."""

from __future__ import annotations

from typing import Any

from invoice_service.ledger import checkpoint, tiles, tree
from invoice_service.ledger.growth import SignedTree, fork_between
from tests.unit.ledger.evidence_files import ORIGIN, Issuer

NAMES = (
    (0, 0, 256),
    (0, 67, 256),
    (0, 1_234_067, 256),
    (0, 273, 112),
    (1, 1_000, 1),
    (5, 0, 255),
    (63, 0, 1),
)
NO_NAMES = (
    "tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/0/001/234", "tile/0/X001/234", "tile/00/000",
    "tile/64/000", "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256", "tile/entries/x000/000",
)  # fmt: skip


def log_vectors(issuer: Issuer) -> dict[str, Any]:
    size, entries = issuer.size, [each.encode() for each in issuer.entries]
    return {
        "about": "names: of a tile, and of the bundle at its place. files: of the evidence's log, in hex.",
        "names": [
            {
                "level": level,
                "index": index,
                "width": width,
                "tile": tiles.tile_path(level, index, width),
                "bundle": tiles.bundle_path(index, width),
            }
            for level, index, width in NAMES
        ],
        "no_names": list(NO_NAMES),
        "partial": [
            {
                "size": each,
                "tiles": [tiles.tile_path(*at, tiles.width_at(*at, each)) for at in tiles.edge(each)],
            }
            for each in (0, 1, 255, 256, 257, 65_536, 70_000)
        ],
        "files": [
            {"name": tiles.tile_path(0, 0, size), "hex": issuer.read(0, 0).hex()},
            {"name": tiles.bundle_path(0, size), "hex": tiles.bundle(entries).hex()},
        ],
        "fork": fork_vector(issuer, 3),
        "fork_at_one_size": fork_vector(issuer, issuer.size),
    }


def fork_vector(issuer: Issuer, size: int) -> dict[str, Any]:
    """So many entries were signed, of which the last is not in the log of the evidence."""
    leaves = [*issuer.leaves[: size - 1], tree.leaf_hash(b"dropped")]
    kept = checkpoint.Checkpoint(ORIGIN, len(leaves), tree.root_of(leaves))
    seen = checkpoint.Checkpoint(ORIGIN, issuer.size, issuer.head)
    fork = fork_between(kept, SignedTree(seen, [lambda level, index, _width: issuer.read(level, index)]))
    assert fork is not None
    return {
        "kept": checkpoint.sign(kept, issuer.log_key),
        "seen": issuer.note(),
        "proof": {
            "old_size": fork.size,
            "old_root": fork.root.hex(),
            "new_size": seen.size,
            "new_root": seen.root.hex(),
            "path": [step.hex() for step in fork.path],
        },
    }
