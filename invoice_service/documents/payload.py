"""The payload that tills and accounting programs expect in an invoice's code: `01,32,,NUMBER,TOTAL,DAY,,CRC`.

It names the invoice and proves nothing: anybody can write one. So it is written and never believed; what
proves an invoice is the signed address in the other code.
"""

from __future__ import annotations

from datetime import date

from invoice_service.domain.crc import crc16
from invoice_service.domain.money import yuan

_FULLY_DIGITAL_ORDINARY = "32"  # 数电普通发票: these have neither a code nor check digits of their own


def payload(number: str, total_fen: int, day: date) -> str:
    """Of an invoice of that Shanghai day; the total of a credit note is negative."""
    text = f"01,{_FULLY_DIGITAL_ORDINARY},,{number},{yuan(total_fen)},{day:%Y%m%d},,"
    return text + checksum(text)


def checksum(text: str) -> str:
    """Four capital hexadecimal digits."""
    return f"{crc16(text.encode('ascii')):04X}"
