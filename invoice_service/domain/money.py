"""Money is a whole number of fen. Decimals exist only where people type them and where rates multiply.

One rounding rule everywhere: half up, to the fen, once per line. Totals are sums of rounded lines,
never a rounding of their own.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from invoice_service.errors import N_, InvalidInput

# A comma parts thousands and nothing else: "12,50" may not become ¥1,250.
_YUAN = re.compile(r"(\d{1,9}|\d{1,3}(,\d{3}){1,2})(\.\d{1,2})?", re.ASCII)


class BadAmount(InvalidInput):
    code = "amount.invalid"
    message = N_("Please enter an amount such as 12.50.")


class AmountOutOfRange(InvalidInput):
    code = "amount.out_of_range"
    message = N_("The amount must be between ¥0.01 and ¥{max_yuan}.")


def parse_yuan(text: str) -> int:
    """What a person types ("12.5", "12.50", "¥12,000") as fen. Raises BadAmount."""
    plain = text.strip().removeprefix("¥").removeprefix("\uffe5").strip()
    if not _YUAN.fullmatch(plain):
        raise BadAmount({"amount_yuan": BadAmount.message})
    return int(Decimal(plain.replace(",", "")) * 100)


def yuan(amount_fen: int) -> str:
    """Fen as yuan with two decimals and no separator: 1250 → "12.50"."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def grouped(amount_fen: int) -> str:
    """Fen as yuan with its thousands apart: 123456 → "1,234.56"."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100:,}.{abs(amount_fen) % 100:02d}"


def to_fen(yuan_amount: Decimal) -> int:
    """Yuan with any number of decimals, rounded half up to the fen."""
    return int((yuan_amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def check_amount(amount_fen: int, *, max_fen: int, field: str) -> int:
    """Raises AmountOutOfRange unless 1 <= amount_fen <= max_fen."""
    if not 1 <= amount_fen <= max_fen:
        error = AmountOutOfRange({field: AmountOutOfRange.message}, max_yuan=yuan(max_fen))
        raise error
    return amount_fen
