"""Rows as CSV (RFC 4180) that spreadsheets may open: no cell that somebody typed is ever run as a formula.

Excel and its kin run text that begins with `=`, `+`, `-` or `@`, and some look behind a tab or a line's end.
Such a text gets an apostrophe before it (OWASP, CSV injection). Numbers and instants are ours and need none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"  # without it Excel in China reads UTF-8 as GBK
_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def lines(rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def harmless(text: str) -> str:
    """For texts that people typed. Some programs trim a cell before they ask whether it is a formula."""
    return f"'{text}" if text.startswith(_RUN) or text.lstrip().startswith(_RUN) else text
