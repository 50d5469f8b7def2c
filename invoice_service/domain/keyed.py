"""A keyed sale: what the vendor types, and 抹零, the small change that the vendor lets go.

Rounding only goes down, stays below a limit, and never leaves nothing. It is taken from the largest line
(and from the next ones if that is too small), so that lines still sum to what is paid; the line's unit price
follows, so that quantity times price still gives its amount.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from invoice_service.domain.goods import Goods
from invoice_service.domain.money import check_amount, yuan
from invoice_service.domain.order import (
    NothingOrdered,
    OrderLine,
    TooManyLines,
    plain_line,
    priced_at,
    priced_lines,
)
from invoice_service.errors import N_, InvalidInput


class BadRounding(InvalidInput):
    code = "keyed.bad_rounding"
    message = N_("What you let go must be less than ¥{most_yuan}, and something must be left to pay.")


class UnknownRounding(InvalidInput):
    code = "keyed.unknown_rounding"
    message = N_("Please choose one of the offered ways to round down.")


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
    """Sold under the vendor's default goods class, as plain amounts are."""

    amount_fen: int


@dataclass(frozen=True, slots=True)
class KeyedSale:
    """`round_off_fen` is what is let go where `rounding` is AMOUNT, and 0 otherwise."""

    items: tuple[KeyedGoods | KeyedAmount, ...]
    rounding: Rounding = Rounding.NONE
    round_off_fen: int = 0


def read_rounding(text: str) -> Rounding:
    """Raises UnknownRounding."""
    if text not in tuple(Rounding):
        raise UnknownRounding({"rounding": UnknownRounding.message})
    return Rounding(text)


def keyed_lines(
    sale: KeyedSale, default_goods: Goods, stock: Mapping[str, Goods], *, max_lines: int, max_fen: int
) -> tuple[OrderLine, ...]:
    """The lines before rounding. Raises NothingOrdered, TooManyLines, UnknownGoods, SoldOut, BadQuantity,
    AmountOutOfRange."""
    if not sale.items:
        raise NothingOrdered({"lines": NothingOrdered.message})
    if len(sale.items) > max_lines:
        raise TooManyLines({"lines": TooManyLines.message}, most=max_lines)
    return tuple(_line(item, default_goods, stock, max_fen) for item in sale.items)


def _line(
    item: KeyedGoods | KeyedAmount, default_goods: Goods, stock: Mapping[str, Goods], max_fen: int
) -> OrderLine:
    if isinstance(item, KeyedAmount):
        return plain_line(default_goods, check_amount(item.amount_fen, max_fen=max_fen, field="lines"))
    (line,) = priced_lines([(item.sku, item.quantity)], stock, max_lines=1)
    return line


def rounded(
    lines: Sequence[OrderLine], rounding: Rounding, round_off_fen: int, *, below_fen: int
) -> tuple[tuple[OrderLine, ...], int]:
    """(lines that sum to what is to be paid, what was let go). Raises BadRounding."""
    total_fen = sum(line.amount_fen for line in lines)
    off_fen = {
        Rounding.NONE: 0,
        Rounding.JIAO: total_fen % 10,
        Rounding.YUAN: total_fen % 100,
        Rounding.AMOUNT: round_off_fen,
    }[rounding]
    spare_fen = total_fen - len(lines)  # every line keeps a fen, or it would not be on the invoice
    if off_fen and not (0 < off_fen < below_fen and off_fen <= spare_fen):
        raise BadRounding({"rounding": BadRounding.message}, most_yuan=yuan(below_fen))
    return _reduced(lines, off_fen), off_fen


def _reduced(lines: Sequence[OrderLine], off_fen: int) -> tuple[OrderLine, ...]:
    kept = list(lines)
    for n in sorted(range(len(lines)), key=lambda n: -lines[n].amount_fen):
        taken = min(off_fen, lines[n].amount_fen - 1)
        if taken:
            kept[n] = priced_at(lines[n], lines[n].amount_fen - taken)
            off_fen -= taken
    return tuple(kept)
