"""CRC-16 as Chinese tax codes have it: x¹⁶+x¹⁵+x²+1 from 0, highest bit first."""

from __future__ import annotations

_POLYNOMIAL = 0x8005


def crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (_POLYNOMIAL if crc & 0x8000 else 0)
        crc &= 0xFFFF
    return crc
