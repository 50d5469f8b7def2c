"""价税合计(大写): an amount in the banker's numerals that Chinese invoices carry beside the figures.

Capitals make a printed amount hard to alter, so each amount must have exactly one spelling. The rules
for filling in bills (支付结算办法, annex 1) leave three choices open; we always write 圆, end a whole
number of 圆 or 角 with 整, and leave out the optional 零 where only the 圆 or 万 place is zero.
"""

from __future__ import annotations

MAX_FEN = 10**12  # ten thousand million yuan: far above any invoice, and the last figure tested

DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")
_GROUPS = ("亿", "万", "")  # each holds four digits


def in_capitals(amount_fen: int) -> str:
    """1250 → 壹拾贰圆伍角整. Raises ValueError outside 0 … MAX_FEN: a minus sign has no spelling."""
    if not 0 <= amount_fen <= MAX_FEN:
        raise ValueError(f"{amount_fen} fen cannot be written in capitals")
    yuan, cents = divmod(amount_fen, 100)
    jiao, fen = divmod(cents, 10)
    if not cents:
        return (_whole(yuan) or DIGITS[0]) + "圆整"
    text = _whole(yuan) + "圆" if yuan else ""
    if jiao:
        text += DIGITS[jiao] + "角"
    elif yuan:
        text += DIGITS[0]
    return text + (DIGITS[fen] + "分" if fen else "整")


def _whole(number: int) -> str:
    """The digits and places of a whole number below 10**12; empty for 0."""
    text, gap = "", False
    for power, name in zip((10**8, 10**4, 1), _GROUPS, strict=True):
        group = number // power % 10**4
        if group:
            zero = DIGITS[0] if text and (gap or group < 1000) else ""
            text += zero + _four_digits(group) + name
        gap = not group
    return text


def _four_digits(number: int) -> str:
    """1 … 9999. A run of zeros between two digits is one 零; zeros before or after are not spoken."""
    text, gap = "", False
    for digit, place in zip(f"{number:04d}", _PLACES, strict=True):
        if digit != "0":
            text += (DIGITS[0] if text and gap else "") + DIGITS[int(digit)] + place
        gap = digit == "0"
    return text
