"""The words and codes of both kinds of XML, and how a market's units become those of the world.

UN/ECE Recommendation 20 knows no 斤. It is half a kilogram by law, so weights are written in kilograms,
exactly, and the unit that was used stands beside them. What is counted gets the code that comes nearest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

EXEMPT = "免税"
YES, NO = "是", "否"

SELLER_KINDS = {"general": "一般纳税人", "small_scale": "小规模纳税人", "natural_person": "自然人"}
BUYER_KINDS = {"individual": "个人", "organization": "单位"}
EXEMPT_CODE = "-2"  # what the bureaus' systems write where a rate would stand
SELF_PRODUCED = "12"  # 特定要素: an invoice for what its seller grew
_SELF_PRODUCED_RULES = "self-produced"

PRICE_DECIMALS = 13  # as many as a 数电票 takes
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class UnitCode:
    """`size`: how many of the coded unit one of ours is."""

    code: str
    size: Decimal = Decimal(1)


UNIT_CODES: Mapping[str, UnitCode] = {
    "斤": UnitCode("KGM", Decimal("0.5")),
    "公斤": UnitCode("KGM"),
    "两": UnitCode("KGM", Decimal("0.05")),
    "个": UnitCode("H87"),  # piece
    "把": UnitCode("XBH"),  # bunch
    "条": UnitCode("H87"),
    "只": UnitCode("H87"),
    "盒": UnitCode("XBX"),  # box
    "份": UnitCode("PTN"),  # portion
}
ANY_UNIT = UnitCode("C62")  # one, of whatever is counted


def measured(line: Mapping[str, Any]) -> tuple[Decimal, UnitCode]:
    """How much a line is of, in its coded unit. Where only money is taken off, it is one allowance."""
    if line["quantity"] is None:
        return Decimal(1), ANY_UNIT
    unit = UNIT_CODES.get(line["unit"], ANY_UNIT)
    return _EXACT.multiply(Decimal(line["quantity"]), unit.size), unit


def net_price(net_fen: int, quantity: Decimal) -> Decimal:
    """Yuan without tax for one: times the quantity, rounded to the fen, it is the line's net again."""
    exact = _EXACT.divide(_EXACT.divide(Decimal(net_fen), Decimal(100)), quantity)
    return exact.quantize(Decimal(1).scaleb(-PRICE_DECIMALS), context=_EXACT)


def percent(rate: str) -> str:
    """ "0.09" → "9"."""
    return f"{(Decimal(rate) * 100).normalize():f}"


def is_exempt(line: Mapping[str, Any]) -> bool:
    return bool(line["treatment"] == "exempt")


def is_self_produced(lines: list[Mapping[str, Any]]) -> bool:
    return all(line["rule"].startswith(_SELF_PRODUCED_RULES) for line in lines)
