"""What a shopper is to pay: priced lines, or the plain amount that the vendor said after weighing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID

from invoice_service.domain.goods import BadQuantity, Goods, SoldOut, UnknownGoods
from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.money import to_fen
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TaxClass
from invoice_service.errors import N_, Error, InvalidInput, Name, NotFound

PLAIN_UNIT = "份"
PRICE_DECIMALS = 13  # what an invoice has room for


class TooManyLines(InvalidInput):
    code = "order.too_many_lines"
    message = N_("One order holds at most {most} kinds of goods.")


class NothingOrdered(InvalidInput):
    code = "order.empty"
    message = N_("Please enter an amount or choose some goods.")


class UnknownStall(NotFound):
    code = "stall.unknown"
    message = N_("There is no stall with this code. Please scan the code on the stall again.")


class UnknownOrder(NotFound):
    code = "order.unknown"
    message = N_("There is no such order. Please open it from the phone that placed it.")


class StallClosed(Error):
    code = "stall.closed"
    message = N_("This stall is closed right now.")
    status = 409


class StallUnattended(Error):
    code = "stall.unattended"
    message = N_("Nobody is registered to sell at this stall at this hour.")
    status = 409


@dataclass(frozen=True, slots=True)
class Stall:
    """A stall with who sells there now, as an order needs it. `default_goods` prices plain amounts."""

    id: int
    market_id: int
    vendor_id: int
    code: str
    name_zh: str
    is_open: bool
    market_code: str
    market_name_zh: str
    region: str
    seller_name: str
    seller_tax_id: str | None
    taxpayer: TaxpayerKind
    self_produced: bool
    default_goods: Goods


@dataclass(frozen=True, slots=True)
class PlainAmount:
    """The way most sales go: the vendor weighs and says what it comes to."""

    amount_fen: int


@dataclass(frozen=True, slots=True)
class Basket:
    """(sku, quantity) pairs at the stall's listed prices."""

    items: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`unit_price` is in yuan and, like `amount_fen`, includes tax."""

    sku: str | None
    name_zh: str
    name_en: str
    unit: str
    quantity: Decimal
    unit_price: Decimal
    amount_fen: int
    tax_code: str
    tax_class: TaxClass


@dataclass(frozen=True, slots=True)
class Order:
    id: UUID
    stall: Stall  # with the seller of that hour
    out_trade_no: str
    status: OrderStatus
    amount_fen: int
    lines: tuple[OrderLine, ...]
    created_at: datetime
    expires_at: datetime
    paid_at: datetime | None = None
    keyed_by: int | None = None  # the account of the vendor who keyed it
    rounded_off_fen: int = 0  # 抹零: what the vendor let go; the lines are what is left


def plain_line(goods: Goods, amount_fen: int) -> OrderLine:
    """The one line of an order for a plain amount, sold under the stall's default goods."""
    return OrderLine(
        sku=None,
        name_zh=goods.name_zh,
        name_en=goods.name_en,
        unit=PLAIN_UNIT,
        quantity=Decimal(1),
        unit_price=Decimal(amount_fen) / 100,
        amount_fen=amount_fen,
        tax_code=goods.tax_code,
        tax_class=goods.tax_class,
    )


def priced_lines(
    wanted: Sequence[tuple[str, Decimal]], stock: Mapping[str, Goods], *, max_lines: int
) -> tuple[OrderLine, ...]:
    """Lines for (sku, quantity) pairs at the stall's own prices.

    Raises NothingOrdered, TooManyLines, UnknownGoods (foreign or misspelt), SoldOut.
    """
    if not wanted:
        raise NothingOrdered({"lines": NothingOrdered.message})
    if len(wanted) > max_lines:
        raise TooManyLines({"lines": TooManyLines.message}, most=max_lines)
    return tuple(_priced_line(_in_stock(sku, stock), quantity) for sku, quantity in wanted)


def _in_stock(sku: str, stock: Mapping[str, Goods]) -> Goods:
    goods = stock.get(sku)
    if goods is None:
        raise UnknownGoods({"lines": UnknownGoods.message}, sku=sku)
    if not goods.available:
        raise SoldOut({"lines": SoldOut.message}, name=Name(goods.name_zh, goods.name_en))
    return goods


def _priced_line(goods: Goods, quantity: Decimal) -> OrderLine:
    unit_price = Decimal(goods.price_fen) / 100
    amount_fen = to_fen(unit_price * quantity)
    if amount_fen == 0:  # so little of it that nothing would be paid
        raise BadQuantity({"lines": BadQuantity.message})
    return OrderLine(
        sku=goods.sku,
        name_zh=goods.name_zh,
        name_en=goods.name_en,
        unit=goods.unit,
        quantity=quantity,
        unit_price=unit_price,
        amount_fen=amount_fen,
        tax_code=goods.tax_code,
        tax_class=goods.tax_class,
    )


def priced_at(line: OrderLine, amount_fen: int) -> OrderLine:
    """The line for another amount, at the unit price with the fewest decimals that gives it."""
    exact = Decimal(amount_fen) / 100 / line.quantity
    for decimals in range(2, PRICE_DECIMALS + 1):
        unit_price = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
        if unit_price > 0 and to_fen(unit_price * line.quantity) == amount_fen:
            break
    return replace(line, amount_fen=amount_fen, unit_price=unit_price)
