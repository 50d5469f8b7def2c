"""The modules of a QR code: qrcode's knowledge of the standard, carried out on whole numbers.

qrcode goes from bit to bit in Python, 4 ms for the link on an invoice, a quarter of what its whole page may
take. What it knows is used as it is: the cut of a text into modes, the sizes, the blocks of error
correction, the patterns and the words about format and version. Done here instead are the three loops over
bits, and each becomes a step on something larger: the text is one number, the remainder of a block
(ISO/IEC 18004, 7.5.2) is taken a byte at a time from a table, and the bits reach their places (7.7.3) by one
permutation, which is found out once for each size. Tests compare every module with qrcode's own, in each size
and each mask. Only the choice of a mask may differ: here the whole code is judged, there a few modules less.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from operator import itemgetter
from typing import Any

import qrcode
from qrcode import base, util
from qrcode.constants import ERROR_CORRECT_M

MASKS = range(8)
_LEVEL = ERROR_CORRECT_M
_SHORTEST_MODE = 20  # characters that are worth a mode of their own, as qrcode has it
_PADDING = (0xEC, 0x11)
_LAST_OF_A_KIND = (9, 26, 40)  # versions up to these write the length of a text in so many bits (table 3)
_ROOM = util.BIT_LIMIT_TABLE[_LEVEL]  # bits of data that a version holds

Rows = list[str]  # of digits, "1" is dark


class _Bits:
    """What qrcode's chunks write themselves into."""

    def __init__(self) -> None:
        self.value = self.length = 0

    def put(self, number: int, length: int) -> None:
        self.value = self.value << length | number
        self.length += length


def drawn(text: str, mask: int | None) -> Rows:
    """Without the quiet zone. No `mask` takes the best by the standard's penalties (7.8.3).

    Raises ValueError where no size holds the text.
    """
    version, codewords = _codewords(text)
    if mask is not None:
        return _filled(version, mask, codewords)
    return min((_filled(version, each, codewords) for each in MASKS), key=_penalty)


def _penalty(rows: Rows) -> int:
    return int(util.lost_point([[module == "1" for module in row] for row in rows]))


def _codewords(text: str) -> tuple[int, bytes]:
    """(version, data and corrections as they are placed)."""
    chunks = list(util.optimal_data_chunks(text, minimum=_SHORTEST_MODE))
    for last in _LAST_OF_A_KIND:
        bits = _written(chunks, last)
        version = bisect_left(_ROOM, bits.length, 1)
        if version <= last:
            return version, _interleaved(_padded(bits, _ROOM[version] // 8), version)
    raise ValueError(f"no version of a code holds {len(text)} characters")


def _written(chunks: list[util.QRData], version: int) -> _Bits:
    bits = _Bits()
    for chunk in chunks:
        bits.put(chunk.mode, 4)
        bits.put(len(chunk), util.length_in_bits(chunk.mode, version))
        chunk.write(bits)
    return bits


def _padded(bits: _Bits, size: int) -> bytes:
    """Ended by four zeros if they fit, and filled up (7.4.10)."""
    bits.put(0, min(4, size * 8 - bits.length))
    bits.put(0, -bits.length % 8)
    data = bits.value.to_bytes(bits.length // 8)
    return data + bytes(_PADDING[i % 2] for i in range(size - len(data)))


def _interleaved(data: bytes, version: int) -> bytes:
    """A codeword of each block in turn, then of each one's corrections (7.6)."""
    blocks, corrections, start = [], [], 0
    for block in base.rs_blocks(version, _LEVEL):
        part = data[start : start + block.data_count]
        start += block.data_count
        blocks.append(part)
        corrections.append(_remainder(part, block.total_count - block.data_count))
    return bytes(_in_turn(blocks)) + bytes(_in_turn(corrections))


def _in_turn(parts: list[bytes]) -> Iterator[int]:
    return (codeword for turn in zip_longest(*parts) for codeword in turn if codeword is not None)


def _remainder(data: bytes, size: int) -> bytes:
    """Of the data, as a polynomial over GF(256), by the generator of this degree."""
    multiples, top, rest = _multiples(size), 8 * (size - 1), (1 << 8 * (size - 1)) - 1
    remainder = 0
    for byte in data:
        remainder = (remainder & rest) << 8 ^ multiples[remainder >> top ^ byte]
    return remainder.to_bytes(size)


@cache
def _multiples(size: int) -> list[int]:
    """The generator, without its leading 1, times each byte."""
    generator = base.Polynomial([1], 0)
    for i in range(size):
        generator *= base.Polynomial([1, base.gexp(i)], 0)
    logs = [base.glog(factor) for factor in generator.num[1:]]
    times = (bytes(base.gexp(log + base.glog(byte)) for log in logs) for byte in range(1, 256))
    return [0, *map(int.from_bytes, times)]


def _filled(version: int, mask: int, codewords: bytes) -> Rows:
    size = _size(version)
    bits = f"{int.from_bytes(codewords):0{len(codewords) * 8}b}0"  # the last for modules that hold no bit
    placed = int("".join(size.order(bits)), 2) ^ _blank(version, mask)
    modules = f"{placed:0{size.side**2}b}"
    return [modules[start : start + size.side] for start in range(0, len(modules), size.side)]


@dataclass(frozen=True, slots=True)
class _Size:
    """`free` are the modules for data, in the order of the bits; `order` gives each module its bit."""

    side: int
    free: list[tuple[int, int]]
    order: itemgetter[Any]


@cache
def _size(version: int) -> _Size:
    code = _patterns(version, 0)
    side, bits = code.modules_count, sum(8 * block.total_count for block in base.rs_blocks(version, _LEVEL))
    free = [(row, column) for row, column in _way(side) if code.modules[row][column] is None]
    places = [bits] * side**2  # the zero behind the bits, for what holds none
    for bit, (row, column) in enumerate(free[:bits]):  # up to 7 modules are left over
        places[row * side + column] = bit
    return _Size(side, free, itemgetter(*places))


@cache
def _blank(version: int, mask: int) -> int:
    """The code without data, as a number: the patterns, and the mask where data will be."""
    code, masked = _patterns(version, mask), util.mask_func(mask)
    for row, column in _size(version).free:
        code.modules[row][column] = masked(row, column)
    return int("".join("01"[dark] for row in code.modules for dark in row), 2)


def _patterns(version: int, mask: int) -> Any:
    """As qrcode draws them; what it would fill then is still None."""
    code: Any = qrcode.QRCode(version, _LEVEL, mask_pattern=mask)
    code.data_cache, code.map_data = [], lambda *_: None
    code.make(fit=False)
    return code


def _way(side: int) -> Iterator[tuple[int, int]]:
    """(row, column) in the order of the bits: columns in pairs from the right, up and down by turns, past the
    timing pattern in column 6."""
    upward = True
    for right in (*range(side - 1, 6, -2), 5, 3, 1):
        for row in range(side - 1, -1, -1) if upward else range(side):
            yield row, right
            yield row, right - 1
        upward = not upward
