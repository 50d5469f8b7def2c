"""QR codes for the three places they are scanned from: a page, a poster, a terminal.

A code is its grid of modules, drawn in pure black on pure white with the four light modules around it
that ISO/IEC 18004 asks for: never in a theme's colours, so that a dark page or a dark terminal cannot
turn it into its negative, which some cameras do not read. Correction level M survives a smudge of 15 %.
"""

from __future__ import annotations

import re
import struct
import zlib
from functools import lru_cache
from html import escape
from itertools import product

from invoice_service.documents import qr_modules

QUIET_ZONE = 4
LONG_TEXT = 110  # characters; a signature has 86
ANY_MASK = 3  # diagonals: for what is as mixed as any mask could make it, or drawn too often to choose

_HALF_BLOCKS = {"00": " ", "10": "▀", "01": "▄", "11": "█"}
_BLACK_ON_WHITE = "\x1b[38;5;16;48;5;231m"  # the colour cube's corners: themes redefine only 0 to 15
_RESET = "\x1b[0m"

Modules = tuple[str, ...]  # rows of digits, "1" is dark


@lru_cache(maxsize=256)
def modules(text: str, mask: int | None = None) -> Modules:
    """The grid, quiet zone included. Remembered, since choosing the best mask takes 4 ms.

    A long text, an address with a signature, is as mixed as any mask could make it: it gets none chosen.
    Raises ValueError where the text does not fit.
    """
    rows = qr_modules.drawn(text, ANY_MASK if len(text) > LONG_TEXT else mask)
    beside = "0" * QUIET_ZONE
    lines = [beside + row + beside for row in rows]
    above = ["0" * len(lines[0])] * QUIET_ZONE
    return (*above, *lines, *above)


def svg(text: str, *, title: str, mask: int | None = None) -> str:
    """Markup to set inline; `title` is what a screen reader says. The page decides the size.

    The dark modules of a row are dashes of one line through its middle, hence the half above row 0.
    """
    grid = modules(text, mask)
    size = len(grid)
    path = "".join([f"M0 {y}{_dashes(row)}" for y, row in enumerate(grid) if "1" in row])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -.5 {size} {size}" role="img"'
        f' aria-label="{escape(title)}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0-.5h{size}v{size}H0z"/><path fill="none" stroke="#000" d="{path}"/></svg>'
    )


def _dashes(row: str) -> str:
    """The pen's way through a row, by eights: a run may be two strokes, but then they are one line."""
    return "".join([_STROKES[row[start : start + 8]] for start in range(0, len(row), 8)])


def _strokes(digits: str) -> str:
    """Drawn where a digit is 1, lifted where it is 0."""
    return "".join(
        f"h{len(run)}" if run[0] == "1" else f"m{len(run)} 0" for run in re.findall("0+|1+", digits)
    )


# Of up to eight digits, since a row ends where it ends.
_STROKES = {
    digits: _strokes(digits) for size in range(1, 9) for digits in map("".join, product("01", repeat=size))
}


def png(text: str, scale: int) -> bytes:
    """A one-bit grey PNG with `scale` pixels to a module."""
    grid = modules(text)
    rows = b"".join((b"\x00" + _packed(row, scale)) * scale for row in grid)
    size = len(grid) * scale
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(rows, 9))
        + _chunk(b"IEND", b"")
    )


def _packed(row: str, scale: int) -> bytes:
    """One line of pixels, eight to a byte, filled up with zeros; light is 1."""
    pixels = "".join([("1", "0")[module == "1"] * scale for module in row])
    size = -(-len(pixels) // 8)
    return int(pixels.ljust(size * 8, "0"), 2).to_bytes(size)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def terminal(text: str) -> str:
    """Lines of half blocks, two modules to a character, in black on white whatever the theme."""
    grid = modules(text)
    grid = (*grid, "0" * len(grid[0]))  # the number of rows is odd
    pairs = zip(grid[::2], grid[1::2], strict=True)
    lines = ("".join([_HALF_BLOCKS[a + b] for a, b in zip(*rows, strict=True)]) for rows in pairs)
    return "".join(f"{_BLACK_ON_WHITE}{line}{_RESET}\n" for line in lines)
