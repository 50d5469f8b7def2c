"""The posters of stall codes: one page a stall, to print on A4, A5 or A6 and hang where people pay.

A shopper must see at a glance which stall the code belongs to, since a sticker pasted over another's is
the known fraud: so the page names market, stall, place and vendor, and the payment page names them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from invoice_service.documents import qr
from invoice_service.documents.typeset import compiled

SIZES_MM = {"A4": (210, 297), "A5": (148, 210), "A6": (105, 148)}


@dataclass(frozen=True)
class Poster:
    url: str  # what the code says
    market_zh: str
    market_en: str
    stall_code: str
    stall_zh: str
    stall_en: str
    place_zh: str
    place_en: str
    vendor_zh: str | None  # None while nobody sells there
    serial: int  # counts the codes that this stall has had


def posters(stalls: Sequence[Poster], *, size: str, made_at: datetime) -> bytes:
    """One PDF with a page for each stall, in their order. Raises ValueError for an unknown size or none."""
    if size not in SIZES_MM or not stalls:
        raise ValueError(f"no posters of {len(stalls)} stalls on {size}")
    width, height = SIZES_MM[size]
    pages = [asdict(stall) | {"serial": str(stall.serial)} for stall in stalls]
    sheet = {"width_mm": width, "height_mm": height, "stalls": pages}
    codes = {stall.url: qr.svg(stall.url, title=stall.stall_code) for stall in stalls}
    return compiled("poster.typ", sheet, made_at, files=codes)
