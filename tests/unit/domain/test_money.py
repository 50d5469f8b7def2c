from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain.money import (
    AmountOutOfRange,
    BadAmount,
    check_amount,
    grouped,
    parse_yuan,
    to_fen,
    yuan,
)


@pytest.mark.parametrize(
    ("fen", "text"),
    [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (-99, "-0.99"), (-100, "-1.00"), (123_456, "1,234.56")],
)
def test_a_sum_below_zero_keeps_its_sign(fen: int, text: str) -> None:
    assert grouped(fen) == text
    assert yuan(fen) == text.replace(",", "")


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12.50", 1250),
        ("12.5", 1250),
        (" 12 ", 1200),
        ("¥0.01", 1),
        ("￥3", 300),
        ("1,234.00", 123400),
        ("12,000", 1200000),
    ],
)
def test_what_people_type(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "-1",
        "+1",
        "1.234",
        "1e3",
        ".5",
        "1.",
        "NaN",
        "Infinity",
        "١٢",
        "1 2",
        "0x10",
        "9" * 10,
        "12,50",
        "1,23,456",
        "1234,567",
    ],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(BadAmount):
        parse_yuan(text)


@given(st.integers(0, 10**11 - 1))
def test_yuan_reads_back(fen: int) -> None:
    assert parse_yuan(yuan(fen)) == fen


@pytest.mark.parametrize(
    ("amount", "fen"), [("0.005", 1), ("0.0049", 0), ("1.115", 112), ("1.125", 113), ("2.675", 268)]
)
def test_half_up(amount: str, fen: int) -> None:
    assert to_fen(Decimal(amount)) == fen


@pytest.mark.parametrize("fen", [0, -1, 101])
def test_outside_the_limits(fen: int) -> None:
    with pytest.raises(AmountOutOfRange) as caught:
        check_amount(fen, max_fen=100, field="amount_fen")
    assert "amount_fen" in caught.value.fields


@pytest.mark.parametrize("fen", [1, 100])
def test_at_the_limits(fen: int) -> None:
    assert check_amount(fen, max_fen=100, field="amount_fen") == fen
