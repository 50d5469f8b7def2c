"""A keyed sale: what the vendor types, and 抹零, the small change that the vendor lets go.

Rounding only goes down, stays below a limit, and never leaves nothing. It is taken from the largest line (and
from the next ones if that is too small), so that lines still sum to what is paid; the line's unit price follows,
so that quantity times price still gives its amount.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from decimal import Decimal


class Rounding(enum.StrEnum):
    """Down to whole 角 (10 fen), to whole 元 (100 fen), or by an amount that the vendor names."""

    NONE = "none"
    JIAO = "jiao"
    YUAN = "yuan"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class KeyedGoods:
    sku: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class KeyedAmount:
    """Sold under the stall's default goods class, as plain amounts are."""

    amount_fen: int


@dataclass(frozen=True, slots=True)
class KeyedSale:
    """`round_off_fen` is what is let go where `rounding` is AMOUNT, and 0 otherwise."""

    items: tuple[KeyedGoods | KeyedAmount, ...]
    rounding: Rounding = Rounding.NONE
    round_off_fen: int = 0
