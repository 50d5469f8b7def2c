"""Which characters a font can show, read from its own table.

PDF/A forbids a character without a glyph, and people's names go further than any one font: a rare
surname, a minority's script, an emoji. Such a character is printed as 〓, the mark that East Asian
printers have always set where they lack the type; the document itself keeps the real one.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

MISSING = "〓"

_UNICODE_FULL = (
    3,
    10,
)  # platform and encoding of the table that covers all planes (OpenType, cmap format 12)


@cache
def coverage(font: Path) -> frozenset[str]:
    """Every character with a glyph. Raises LookupError for a font without a full Unicode table."""
    data = font.read_bytes()
    cmap = _offset_of_cmap(data)
    for i in range(struct.unpack_from(">H", data, cmap + 2)[0]):
        platform, encoding, offset = struct.unpack_from(">HHI", data, cmap + 4 + 8 * i)
        if (platform, encoding) == _UNICODE_FULL:
            return _characters(data, cmap + offset)
    raise LookupError(f"{font} has no full Unicode table")


def _offset_of_cmap(data: bytes) -> int:
    tables = struct.unpack_from(">H", data, 4)[0]
    records = (struct.unpack_from(">4sIII", data, 12 + 16 * i) for i in range(tables))
    return next(offset for tag, _, offset, _ in records if tag == b"cmap")


def _characters(data: bytes, start: int) -> frozenset[str]:
    """Format 12: a count, then groups of (first character, last character, first glyph)."""
    count = struct.unpack_from(">I", data, start + 12)[0]
    groups = struct.iter_unpack(">III", data[start + 16 : start + 16 + 12 * count])
    return frozenset(chr(code) for first, last, _ in groups for code in range(first, last + 1))


def printable(text: str, font: Path) -> str:
    """`text` with 〓 for each character that the font lacks; line breaks and tabs are among them."""
    shown = coverage(font)
    return "".join(c if c in shown else MISSING for c in text)
