"""Which characters a font can show, read from its own table.

PDF/A forbids a character without a glyph, and people's names go further than any one font: a rare
surname, a minority's script, an emoji. Such a character is printed as 〓, the mark that East Asian
printers have always set where they lack the type; the document itself keeps the real one. So is what the
font has but nobody sees, or what would be set over its neighbours: a soft hyphen, a mark that combines.

Noto Sans SC shows all of Unicode's first 27,500 Chinese characters (and extension A), and of the 65,000 in
extensions B to G the 218 that the national list 通用规范汉字表 asks for. A second font for the rest would be
30 MB more to fetch and read in every process, for names that no register of companies or people writes.
"""

from __future__ import annotations

import struct
import unicodedata
from functools import cache
from pathlib import Path

MISSING = "〓"
_UNSEEN = {"Cf", "Mc", "Me", "Mn"}  # categories: formatting, and marks on the character before

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
    characters = (chr(code) for first, last, _ in groups for code in range(first, last + 1))
    return frozenset(c for c in characters if unicodedata.category(c) not in _UNSEEN)


def printable(text: str, shown: frozenset[str]) -> str:
    """`text` with 〓 for each character that a font does not show; line breaks and tabs are among them."""
    if shown.issuperset(text):
        return text
    return "".join(c if c in shown else MISSING for c in text)
