"""A folder that is a log: the same files by the same paths, so that any web server can serve it on.

Each file is written beside its place, flushed to the disk and moved there, and the checkpoint comes last,
after everything that it stands for. So a crash leaves the log of the last checkpoint, and whatever was
fetched beyond it is found again. `forks/` holds the proof of every fork that was seen.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from invoice_service.ledger import tiles
from invoice_service.ledger.growth import Fork
from invoice_service.ledger.tree import TILE_WIDTH

_LOCK = ".lock"
_FORKS = "forks"


class Busy(Exception):
    """Another follower keeps this folder."""


class Mirror:
    """Raises OSError where the disk does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._touched: set[Path] = set()
        self._outgrown: list[Path] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other followers out. The lock ends with the process, whatever ends it. Raises Busy."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy from None
            yield

    def statement(self) -> bytes | None:
        return self._get(tiles.ISSUER)

    def note(self) -> bytes | None:
        return self._get(tiles.CHECKPOINT)

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """None where there is none of this length."""
        return self._exactly(tiles.tile_path(level, index, width), tiles.tile_bytes(width))

    def bundle(self, index: int, width: int) -> bytes | None:
        return self._exactly(tiles.bundle_path(index, width), width * tiles.BUNDLED_BYTES)

    def keep_tile(self, level: int, index: int, hashes: bytes) -> None:
        width = len(hashes) // tiles.tile_bytes(1)
        self._keep_growing(tiles.tile_path(level, index, width), hashes, width)

    def keep_bundle(self, index: int, data: bytes) -> None:
        width = len(data) // tiles.BUNDLED_BYTES
        self._keep_growing(tiles.bundle_path(index, width), data, width)

    def keep_head(self, statement: bytes, note: bytes) -> None:
        """The last step: from now on the mirror is the log of this checkpoint."""
        for folder in sorted(self._touched):
            _flush(folder)
        _write(self.folder / tiles.ISSUER, statement)
        _write(self.folder / tiles.CHECKPOINT, note)
        _flush(self.folder)
        for partial in self._outgrown:
            shutil.rmtree(partial, ignore_errors=True)
        self._touched.clear()
        self._outgrown.clear()

    def keep_fork(self, fork: Fork, kept: bytes, seen: bytes, statement: bytes) -> Path:
        """Both signed notes, the statement that names their key, and the proof that they contradict."""
        name = hashlib.sha256(kept + seen).hexdigest()[:16]
        folder, draft = self.folder / _FORKS / name, self.folder / _FORKS / f".{name}"
        if folder.is_dir():
            return folder
        draft.mkdir(parents=True, exist_ok=True)
        proof = {
            "old_size": fork.size,
            "old_root": fork.root.hex(),
            "new_size": fork.larger.size,
            "new_root": fork.larger.root.hex(),
            "path": [step.hex() for step in fork.path],
        }
        _write(draft / "kept", kept)
        _write(draft / "seen", seen)
        _write(draft / tiles.ISSUER, statement)
        _write(draft / "proof.json", json.dumps(proof, indent=1).encode() + b"\n")
        _flush(draft)
        draft.rename(folder)
        _flush(folder.parent)
        return folder

    def forks(self) -> list[Path]:
        return sorted(path for path in self.folder.glob(f"{_FORKS}/*") if not path.name.startswith("."))

    def _get(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _exactly(self, name: str, length: int) -> bytes | None:
        data = self._get(name)
        return data if data is not None and len(data) == length else None

    def _keep_growing(self, name: str, data: bytes, width: int) -> None:
        path = self.folder / name
        if self._get(name) != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
            self._touched.update(folder for folder in path.parents if folder.is_relative_to(self.folder))
        partial = path.with_name(f"{path.name}.p")
        if width == TILE_WIDTH and partial.is_dir():
            self._outgrown.append(partial)  # the checkpoint that is served until the next still names it


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing, whatever happens meanwhile."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _flush(folder: Path) -> None:
    """What was moved into a folder is there after a power cut only once the folder is flushed too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
