"""The buyer header 抬头 that shoppers carry in WeChat and Alipay, as a QR code that says `$01…$`.

By the tax administration's rules for it (便捷开票二维码应用规范) that is `$01`, the base64 of
`name</>tax no.</>address|phone</>bank|account</>CRC`, and `$`; the CRC is over all before it, the last
separator too. Only name and tax number are taken out: nothing else stands on our invoices, so nothing else
is kept. `web/static/src/header_code.js` reads the same, on the phone, so that the rest need not leave it.
"""

from __future__ import annotations

import base64
import re

from invoice_service.domain.crc import crc16
from invoice_service.domain.party import BadBuyer, Buyer, BuyerKind, make_buyer
from invoice_service.errors import N_

FIELD = "header_code"
CHARACTERS_MAX = 2_000  # the largest QR code that the rules provide for has 1,451
SEPARATOR = "</>"
NOT_ONE = N_("This is not a buyer header's code: those begin with $01 and end with $.")
UNREADABLE = N_("This buyer header's code cannot be read. Please have it shown again.")
CRC_WRONG = N_("This buyer header's code is damaged: its check digits do not fit. Please scan it again.")

_CODE = re.compile(r"\$01([A-Za-z0-9+/]*)={0,2}\$", re.ASCII)
_CRC = re.compile(r"[0-9A-Fa-f]{1,4}", re.ASCII)  # some writers leave zeros in front out
_PARTS = 5


def read(code: str) -> Buyer:
    """Whom the header names. Raises BadBuyer, for a name or a tax number that no invoice can carry, too.

    Some writers encode the text as UTF-8, some as GBK; the CRC then tells which it was.
    """
    packed = _unpacked(code)
    problem = UNREADABLE
    for encoding in ("utf-8", "gb18030"):
        try:
            text = packed.decode(encoding)
        except UnicodeDecodeError:
            continue
        parts = text.split(SEPARATOR)
        if len(parts) == _PARTS and _CRC.fullmatch(parts[-1]):
            if _fits(text.removesuffix(parts[-1]), int(parts[-1], 16)):
                return _buyer(name=parts[0], tax_id=parts[1])
            problem = CRC_WRONG
    raise BadBuyer({FIELD: problem})


def _unpacked(code: str) -> bytes:
    found = _CODE.fullmatch(re.sub(r"\s", "", code)) if len(code) <= CHARACTERS_MAX else None
    if found is None:
        raise BadBuyer({FIELD: NOT_ONE})
    if len(found[1]) % 4 == 1:
        raise BadBuyer({FIELD: UNREADABLE})
    return base64.b64decode(found[1] + "==")


def _fits(text: str, crc: int) -> bool:
    """The tax administration's own program takes the CRC of GBK, with ? for what that lacks, whatever it then
    encodes; others take it of UTF-8."""
    return crc in (crc16(text.encode("gbk", "replace")), crc16(text.encode()))


def _buyer(name: str, tax_id: str) -> Buyer:
    kind = BuyerKind.ORGANIZATION if tax_id.strip() else BuyerKind.INDIVIDUAL
    return make_buyer(kind, name, tax_id)
