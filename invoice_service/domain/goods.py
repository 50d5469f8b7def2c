"""What is sold: goods, their units, and how much of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from invoice_service.domain.tax import TaxClass
from invoice_service.errors import N_, Error, InvalidInput

UNITS = ("斤", "公斤", "两", "个", "把", "条", "只", "盒", "份")
QUANTITY_MAX = Decimal(100_000)
QUANTITY_DECIMALS = 6
_QUANTITY = re.compile(rf"\d{{1,9}}(\.\d{{1,{QUANTITY_DECIMALS}}})?", re.ASCII)


class BadQuantity(InvalidInput):
    code = "goods.bad_quantity"
    message = N_("A quantity is above 0 and at most 100000, with at most 6 decimals.")


class UnknownGoods(InvalidInput):
    code = "goods.unknown"
    message = N_("This stall does not sell {sku}.")


class SoldOut(Error):
    code = "goods.sold_out"
    message = N_("{name} is sold out today.")
    status = 409


@dataclass(frozen=True, slots=True)
class Goods:
    """One thing a stall sells. `price_fen` is per unit and includes tax."""

    sku: str
    name_zh: str
    name_en: str
    unit: str
    price_fen: int
    tax_code: str  # 19 digits 税收分类编码
    tax_class: TaxClass
    available: bool = True


def parse_quantity(text: str, *, field: str) -> Decimal:
    """A decimal string as a quantity. Raises BadQuantity for 0, signs, exponents, or too many digits."""
    if not _QUANTITY.fullmatch(text):
        raise BadQuantity({field: BadQuantity.message})
    quantity = Decimal(text)
    if not 0 < quantity <= QUANTITY_MAX:
        raise BadQuantity({field: BadQuantity.message})
    return quantity
