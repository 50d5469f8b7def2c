"""A keyed sale's lines, and what the vendor lets go."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from invoice_service.domain.goods import Goods, UnknownGoods
from invoice_service.domain.keyed import (
    BadRounding,
    KeyedAmount,
    KeyedGoods,
    KeyedSale,
    Rounding,
    UnknownRounding,
    keyed_lines,
    read_rounding,
    rounded,
)
from invoice_service.domain.money import AmountOutOfRange, to_fen
from invoice_service.domain.order import NothingOrdered, OrderLine, TooManyLines
from invoice_service.domain.tax import TaxClass

CODE = "1010112060000000000"
DEFAULT = Goods("", "蔬菜", "Vegetables", "", 0, CODE, TaxClass.VEGETABLE)
STOCK = {
    sku: Goods(sku, sku, sku, "斤", price, CODE, TaxClass.VEGETABLE)
    for sku, price in {"cheap": 1, "pakchoi": 320, "beef": 4_599, "saffron": 1_234_567}.items()
}
ITEMS = st.one_of(
    st.builds(KeyedAmount, st.integers(1, 5_000_000)),
    st.builds(
        KeyedGoods,
        st.sampled_from(["pakchoi", "beef", "saffron"]),
        st.decimals("0.01", "3000", places=2),
    ),
)


def lines_of(*items: KeyedGoods | KeyedAmount) -> tuple[OrderLine, ...]:
    return keyed_lines(KeyedSale(items), DEFAULT, STOCK, max_lines=60, max_fen=5_000_000)


@given(
    items=st.lists(ITEMS, min_size=1, max_size=12),
    rounding=st.sampled_from(list(Rounding)),
    off=st.integers(-5, 150),
)
def test_any_lines_and_rounding_sum_to_what_is_paid(
    items: list[KeyedGoods | KeyedAmount], rounding: Rounding, off: int
) -> None:
    lines = lines_of(*items)
    total = sum(line.amount_fen for line in lines)
    try:
        kept, let_go = rounded(lines, rounding, off, below_fen=100)
    except BadRounding:
        assume(False)
        raise
    assert sum(line.amount_fen for line in kept) == total - let_go > 0
    assert 0 <= let_go < 100
    assert all(line.amount_fen > 0 and line.unit_price > 0 for line in kept)
    assert all(to_fen(line.unit_price * line.quantity) == line.amount_fen for line in kept)
    assert all(-line.unit_price.as_tuple().exponent <= 13 for line in kept)  # type: ignore[operator]
    assert [line.name_zh for line in kept] == [line.name_zh for line in lines]
    if rounding is Rounding.JIAO:
        assert (total - let_go) % 10 == 0
    if rounding is Rounding.YUAN:
        assert (total - let_go) % 100 == 0


def test_it_is_taken_from_the_largest_line() -> None:
    kept, let_go = rounded(
        lines_of(KeyedAmount(250), KeyedGoods("beef", Decimal("1.5")), KeyedAmount(99)),
        Rounding.YUAN,
        0,
        below_fen=100,
    )
    assert let_go == 48  # of ¥72.48
    assert [line.amount_fen for line in kept] == [250, 6899 - 48, 99]
    assert kept[1].unit_price == Decimal("45.67")


def test_where_no_line_is_large_enough_several_give() -> None:
    kept, let_go = rounded(lines_of(*[KeyedAmount(15)] * 10), Rounding.YUAN, 0, below_fen=100)
    assert let_go == 50
    assert sum(line.amount_fen for line in kept) == 100
    assert min(line.amount_fen for line in kept) == 1


@pytest.mark.parametrize(
    ("items", "rounding", "off"),
    [
        ([KeyedAmount(99)], Rounding.YUAN, 0),  # nothing would be left
        ([KeyedAmount(9)], Rounding.JIAO, 0),
        ([KeyedAmount(5_000)], Rounding.AMOUNT, 100),  # no longer small change
        ([KeyedAmount(50)], Rounding.AMOUNT, 50),
        ([KeyedAmount(50)], Rounding.AMOUNT, -1),  # only down
        ([KeyedAmount(2), KeyedAmount(2)], Rounding.AMOUNT, 3),  # a line would vanish
    ],
)
def test_rounding_that_is_refused(items: list[KeyedAmount], rounding: Rounding, off: int) -> None:
    with pytest.raises(BadRounding):
        rounded(lines_of(*items), rounding, off, below_fen=100)


@pytest.mark.parametrize(
    ("items", "error"),
    [
        ([], NothingOrdered),
        ([KeyedAmount(1)] * 61, TooManyLines),
        ([KeyedAmount(0)], AmountOutOfRange),
        ([KeyedAmount(-5)], AmountOutOfRange),
        ([KeyedAmount(5_000_001)], AmountOutOfRange),
        ([KeyedGoods("melon", Decimal(1))], UnknownGoods),
    ],
)
def test_lines_that_are_refused(items: list[KeyedAmount], error: type[Exception]) -> None:
    with pytest.raises(error):
        lines_of(*items)


def test_a_rounding_is_one_of_four() -> None:
    assert read_rounding("jiao") is Rounding.JIAO
    with pytest.raises(UnknownRounding):
        read_rounding("up")
