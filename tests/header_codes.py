"""Buyer headers' codes as other programs write them; the CRC bit by bit, as the tax administration has it."""

from __future__ import annotations

import base64

NAME, USCC = "普洱茶业有限公司", "92532528MA6L45LX6L"
ADDRESS, BANK = "云南省普洱市茶城大道1号|0879-2140000", "中国银行普洱分行|6217000000000000000"


def crc_of(data: bytes) -> str:
    """Bits are shifted in from below, and two empty bytes push the last of them through."""
    register = 0
    for byte in data + b"\0\0":
        for bit in range(7, -1, -1):
            falls_out = register & 0x8000
            register = (register << 1 & 0xFFFF) ^ (byte >> bit & 1)
            if falls_out:
                register ^= 0x8005
    return f"{register:X}"


def header_code(
    name: str = NAME,
    tax_id: str = USCC,
    address: str = ADDRESS,
    bank: str = BANK,
    *,
    crc: str | None = None,
    crc_encoding: str = "gbk",
    encoding: str = "utf-8",
) -> str:
    text = "</>".join([name, tax_id, address, bank, ""])
    crc = crc_of(text.encode(crc_encoding, "replace")) if crc is None else crc
    return f"$01{base64.b64encode((text + crc).encode(encoding)).decode()}$"


def packed(text: str) -> str:
    """Any text in the wrapping of a header."""
    return f"$01{base64.b64encode(text.encode()).decode()}$"
