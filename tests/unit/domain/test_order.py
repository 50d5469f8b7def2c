from decimal import Decimal

import pytest

from invoice_service.domain.goods import BadQuantity, Goods, SoldOut, UnknownGoods, parse_quantity
from invoice_service.domain.order import NothingOrdered, TooManyLines, plain_line, priced_lines
from invoice_service.domain.tax import TaxClass

CABBAGE = Goods("pakchoi", "小白菜", "Pak choi", "斤", 320, "1010112060000000000", TaxClass.VEGETABLE)
GARLIC = Goods(
    "garlic", "大蒜", "Garlic", "斤", 600, "1010112030000000000", TaxClass.VEGETABLE, available=False
)
STOCK = {"pakchoi": CABBAGE, "garlic": GARLIC}


def test_a_line_is_rounded_half_up_once() -> None:
    (line,) = priced_lines([("pakchoi", Decimal("1.015625"))], STOCK, max_lines=9)
    assert line.amount_fen == 325
    assert line.unit_price == Decimal("3.20")


def test_a_plain_amount_is_one_line_of_the_default_goods() -> None:
    line = plain_line(CABBAGE, 1250)
    assert (line.name_zh, line.quantity, line.unit_price, line.amount_fen) == (
        "小白菜",
        1,
        Decimal("12.5"),
        1250,
    )


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ([], NothingOrdered),
        ([("pakchoi", Decimal(1))] * 10, TooManyLines),
        ([("beef", Decimal(1))], UnknownGoods),
        ([("garlic", Decimal(1))], SoldOut),
        ([("pakchoi", Decimal("0.000001"))], BadQuantity),
    ],
)
def test_what_is_refused(wanted: list[tuple[str, Decimal]], error: type[Exception]) -> None:
    with pytest.raises(error):
        priced_lines(wanted, STOCK, max_lines=9)


@pytest.mark.parametrize(
    "text", ["0", "0.000000", "-1", "+1", "1000000000", "100001", "1.1234567", "1e2", "", "NaN", "１", " 1"]
)
def test_bad_quantities(text: str) -> None:
    with pytest.raises(BadQuantity):
        parse_quantity(text, field="lines")


@pytest.mark.parametrize("text", ["0.000001", "1", "2.5", "100000"])
def test_good_quantities(text: str) -> None:
    assert parse_quantity(text, field="lines") == Decimal(text)
