"""Do a long step again only when what it was made from has changed.

A stamp is a file in `.venv/stamps` that holds a digest of the step's inputs. It is written after the
step succeeded, so a step that was interrupted is simply done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from scripts.lib.paths import ROOT, STAMPS


def digest(files: Iterable[Path], *also: str) -> str:
    """One digest over the names and contents of `files`, and whatever else decides the outcome."""
    total = hashlib.sha256(repr(also).encode())
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file.relative_to(ROOT)} {content}\n".encode())
    return total.hexdigest()


def is_current(step: str, inputs: str) -> bool:
    stamp = STAMPS / step
    return stamp.is_file() and stamp.read_text() == inputs


def set_current(step: str, inputs: str) -> None:
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / step).write_text(inputs)
