"""QR codes for the three places they are scanned from: a page, a poster, a terminal.

A code is its grid of modules, drawn in pure black on pure white with the four light modules around it
that ISO/IEC 18004 asks for: never in a theme's colours, so that a dark page or a dark terminal cannot
turn it into its negative, which some cameras do not read. Correction level M survives a smudge of 15 %.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache
from html import escape

from invoice_service.documents import qr_modules

QUIET_ZONE = 4
LONG_TEXT = 110  # characters; a signature has 86
ANY_MASK = 3  # diagonals: for what is as mixed as any mask could make it, or drawn too often to choose

_HALF_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_BLACK_ON_WHITE = "\x1b[38;5;16;48;5;231m"  # the colour cube's corners: themes redefine only 0 to 15
_RESET = "\x1b[0m"

Modules = tuple[tuple[bool, ...], ...]


@lru_cache(maxsize=256)
def modules(text: str, mask: int | None = None) -> Modules:
    """The grid, quiet zone included; True is dark. Remembered, since choosing the best mask takes 4 ms.

    A long text, an address with a signature, is as mixed as any mask could make it: it gets none chosen.
    Raises ValueError where the text does not fit.
    """
    rows = qr_modules.drawn(text, ANY_MASK if len(text) > LONG_TEXT else mask)
    beside = (False,) * QUIET_ZONE
    lines = [(*beside, *row, *beside) for row in rows]
    above = [(False,) * len(lines[0])] * QUIET_ZONE
    return (*above, *lines, *above)


def svg(text: str, *, title: str, mask: int | None = None) -> str:
    """Markup to set inline; `title` is what a screen reader says. The page decides the size.

    The dark modules of a row are dashes of one line through its middle, hence the half above row 0.
    """
    grid = modules(text, mask)
    size = len(grid)
    path = "".join(f"M0 {y}{_dashes(row)}" for y, row in enumerate(grid) if any(row))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -.5 {size} {size}" role="img"'
        f' aria-label="{escape(title)}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0-.5h{size}v{size}H0z"/><path fill="none" stroke="#000" d="{path}"/></svg>'
    )


def _dashes(row: Sequence[bool]) -> str:
    """The pen's way through a row, by eights: a run may be two strokes, but then they are one line."""
    return "".join([_STROKES[eight] for eight in _eights(bytes(row).translate(_DIGITS))])


def _strokes(eight: int) -> str:
    """Drawn where a bit is 1, lifted where it is 0."""
    return "".join(
        f"h{len(run)}" if run[0] == "1" else f"m{len(run)} 0" for run in re.findall("0+|1+", f"{eight:08b}")
    )


_DIGITS = bytes.maketrans(b"\0\1", b"01")
_STROKES = [_strokes(eight) for eight in range(256)]


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


def _packed(row: Sequence[bool], scale: int) -> bytes:
    """One line of pixels, light is 1."""
    return _eights(b"".join((b"1", b"0")[dark] * scale for dark in row))


def _eights(digits: bytes) -> bytes:
    """Of ASCII zeros and ones eight to a byte, filled up with zeros."""
    size = -(-len(digits) // 8)
    return int(digits.ljust(size * 8, b"0"), 2).to_bytes(size)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def terminal(text: str) -> str:
    """Lines of half blocks, two modules to a character, in black on white whatever the theme."""
    grid = modules(text)
    grid = (*grid, (False,) * len(grid[0]))  # the number of rows is odd
    pairs = zip(grid[::2], grid[1::2], strict=True)
    lines = ("".join(_HALF_BLOCKS[pair] for pair in zip(*rows, strict=True)) for rows in pairs)
    return "".join(f"{_BLACK_ON_WHITE}{line}{_RESET}\n" for line in lines)
