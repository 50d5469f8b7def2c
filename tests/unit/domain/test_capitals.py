"""Amounts in capitals: the known spellings, and every amount reads back as itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoice_service.domain.capitals import MAX_FEN, in_capitals

NUMERAL = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
SPELLING = re.compile(r"(?:(?P<yuan>[^圆角分整]+)圆)?零?(?:(?P<jiao>.)角)?(?:(?P<fen>.)分)?整?")


def from_capitals(text: str) -> int:
    """A reader written from the numerals' meaning, not from the writer: fen."""
    parts = SPELLING.fullmatch(text)
    assert parts is not None, text
    jiao, fen = (NUMERAL[parts[name] or "零"] for name in ("jiao", "fen"))
    return whole(parts["yuan"] or "零") * 100 + jiao * 10 + fen


def whole(text: str) -> int:
    for unit, size in (("亿", 10**8), ("万", 10**4), ("仟", 1000), ("佰", 100), ("拾", 10)):
        head, found, tail = text.partition(unit)
        if found:
            return whole(head) * size + whole(tail.lstrip("零") or "零")
    return NUMERAL[text.lstrip("零") or "零"]


@pytest.mark.parametrize(
    ("amount_fen", "spelling"),
    [
        (0, "零圆整"),
        (1, "壹分"),
        (5, "伍分"),
        (50, "伍角整"),
        (99, "玖角玖分"),
        (100, "壹圆整"),
        (105, "壹圆零伍分"),
        (110, "壹圆壹角整"),
        (1000, "壹拾圆整"),
        (1250, "壹拾贰圆伍角整"),
        (168032, "壹仟陆佰捌拾圆叁角贰分"),
        (100001, "壹仟圆零壹分"),
        (140950, "壹仟肆佰零玖圆伍角整"),
        (600714, "陆仟零柒圆壹角肆分"),
        (1640902, "壹万陆仟肆佰零玖圆零贰分"),
        (10000000, "壹拾万圆整"),
        (10700053, "壹拾万柒仟圆伍角叁分"),
        (100000100, "壹佰万零壹圆整"),
        (10001000000, "壹亿零壹万圆整"),
        (10000000100, "壹亿零壹圆整"),
        (10000200000, "壹亿零贰仟圆整"),
        (123456789012, "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾圆壹角贰分"),
        (MAX_FEN, "壹佰亿圆整"),
    ],
)
def test_known_spellings(amount_fen: int, spelling: str) -> None:
    assert in_capitals(amount_fen) == spelling


# Four digits stand in each of three places; zeros at their ends are what is hard about neighbours.
EDGES = (0, 1, 10, 11, 100, 101, 110, 1000, 1001, 1010, 1100, 1111, 2000, 9000, 9009, 9999)
DENSE = {
    "every amount up to ¥300": range(30_000),
    "every four digits of 圆": range(0, 10**6, 100),
    "every four digits of 万": range(7, 10**10, 10**6),
    "every four digits of 亿, as far as they go": range(50, MAX_FEN, 10**10),
    "the last amounts": range(MAX_FEN - 3_000, MAX_FEN + 1),
    "what neighbours begin and end with": [
        (((high * 10**4) + middle) * 10**4 + low) * 100 + cents
        for high, middle, low, cents in product(range(0, 101, 10), EDGES, EDGES, (0, 1, 10, 11))
        if high * 10**8 + middle * 10**4 + low < MAX_FEN // 100
    ],
}


@pytest.mark.parametrize("amounts", DENSE.values(), ids=DENSE)
def test_whole_ranges_read_back(amounts: Iterable[int]) -> None:
    wrong = [amount for amount in amounts if from_capitals(in_capitals(amount)) != amount]
    assert wrong == []


@given(st.integers(0, MAX_FEN) | st.integers(0, 10**7))
@example(MAX_FEN)
@example(10**11 + 10**6)
def test_every_amount_reads_back_as_itself(amount_fen: int) -> None:
    text = in_capitals(amount_fen)
    assert from_capitals(text) == amount_fen
    assert "零零" not in text


@pytest.mark.parametrize("amount_fen", [-1, MAX_FEN + 1])
def test_an_amount_without_a_spelling_is_refused(amount_fen: int) -> None:
    with pytest.raises(ValueError, match="capitals"):
        in_capitals(amount_fen)
