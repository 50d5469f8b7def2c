"""How far an audit got, in a file of the data directory: whoever was killed goes on from there.

The file says under which head it was going, how far it came, and what the tree was there; only a log that
still has that head and that tree is gone on with. A row that was changed after it was compared is for the
next audit to find, as it would be without an interruption; `--restart` begins anew.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invoice_service.ledger.compact import CompactRange
from invoice_service.queries.audit.differs import Difference
from invoice_service.queries.audit.entries import Counts
from invoice_service.queries.audit.tree import Growth
from invoice_service.store.log import Head

GOOD_FOR_S = 86_400
VERSION = 1
TOLD_MOST = 1_000


@dataclass(slots=True)
class Found:
    """The first difference of each subject: a thousand by name, and how many there are."""

    told: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def add(self, difference: Difference) -> None:
        if difference.subject in self.told:
            return
        self.count += 1
        if len(self.told) < TOLD_MOST:
            self.told[difference.subject] = difference.what


@dataclass(slots=True)
class Progress:
    """An audit of `issuer`'s log on its way to `head`."""

    issuer: bytes
    head: Head
    growth: Growth = field(default_factory=Growth)
    counts: Counts = field(default_factory=Counts)
    found: Found = field(default_factory=Found)


def path(data_dir: Path) -> Path:
    return data_dir / "audit" / "progress.json"


def write(file: Path, progress: Progress) -> None:
    """Whole or not at all, also when killed."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    with draft.open("w") as out:
        json.dump(_to_json(progress), out)
        out.flush()
        os.fsync(out.fileno())
    draft.rename(file)


def read(file: Path) -> Progress | None:
    """None where there is none that can be read, or an old one: what was compared then says little of now."""
    try:
        if time.time() - file.stat().st_mtime > GOOD_FOR_S:
            return None
        kept = json.loads(file.read_text())
        return _from_json(kept) if kept["version"] == VERSION else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _to_json(progress: Progress) -> dict[str, Any]:
    growth, counts, found = progress.growth, progress.counts, progress.found
    return {
        "version": VERSION,
        "issuer": progress.issuer.hex(),
        "under": {"size": progress.head.size, "root": progress.head.root.hex()},
        "done": growth.size,
        "roots": [root.hex() for root in growth.range.roots],
        "tiles": {str(level): hashes.hex() for level, hashes in growth.open_tiles.items()},
        "heads": growth.heads,
        "forked_at": growth.forked_at,
        "kinds": {str(kind): count for kind, count in counts.kinds.items()},
        "erased": counts.erased,
        "found": found.told,
        "found_count": found.count,
    }


def _from_json(kept: dict[str, Any]) -> Progress:
    growth = Growth(
        CompactRange(kept["done"], [bytes.fromhex(root) for root in kept["roots"]]),
        {int(level): bytearray.fromhex(hashes) for level, hashes in kept["tiles"].items()},
        kept["heads"],
        kept["forked_at"],
    )
    return Progress(
        bytes.fromhex(kept["issuer"]),
        Head(kept["under"]["size"], bytes.fromhex(kept["under"]["root"])),
        growth,
        Counts(Counter({int(kind): count for kind, count in kept["kinds"].items()}), kept["erased"]),
        Found(dict(kept["found"]), kept["found_count"]),
    )
