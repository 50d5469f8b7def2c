"""JSON Schemas (draft 2020-12) of the documents that entries commit to, for programs that make or read them.

A schema sees the shape of each member; that sums agree and commitments hold is for `ledger.evidence` to say.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

NAMES = ("invoice", "credit-note", "buyer")
MIMETYPE = "application/schema+json"


@cache
def schema(name: str) -> bytes:
    """`name` is one of NAMES."""
    return Path(__file__).with_name(f"{name}.json").read_bytes()
