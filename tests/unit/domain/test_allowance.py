"""What is left of a ceiling, when it is close, and what is taken for an amount or for words."""

from __future__ import annotations

from datetime import date

import pytest

from invoice_service.domain.allowance import (
    MAX_FEN,
    AboveAllowance,
    Allowance,
    AllowanceUsed,
    BadAllowance,
    State,
    amount_problem,
    check,
    in_one_line,
    typed_fen,
    words_problem,
)
from invoice_service.domain.period import period_of

NOVEMBER = period_of("month", date(2026, 11, 24))


@pytest.mark.parametrize(
    ("ceiling_fen", "used_fen", "percent", "left_fen", "state"),
    [
        (10_000, 0, 0, 10_000, State.BELOW),
        (10_000, 7_999, 79, 2_001, State.BELOW),
        (10_000, 8_000, 80, 2_000, State.CLOSE),
        (10_000, 9_999, 99, 1, State.CLOSE),
        (10_000, 10_000, 100, 0, State.USED_UP),
        (10_000, 25_000, 250, 0, State.USED_UP),  # it was lowered below what had been invoiced
        (3, 2, 66, 1, State.BELOW),
        (1, 0, 0, 1, State.BELOW),
    ],
)
def test_how_much_is_used(ceiling_fen: int, used_fen: int, percent: int, left_fen: int, state: State) -> None:
    found = Allowance(NOVEMBER, ceiling_fen, used_fen)
    assert (found.used_percent, found.left_fen, found.state) == (percent, left_fen, state)


def test_room_is_what_is_left_to_the_fen() -> None:
    found = Allowance(NOVEMBER, 10_000, 9_000)
    found.check_room(1_000)
    with pytest.raises(AllowanceUsed, match=r"or from December 1, 2026\.") as refused:
        found.check_room(1_001)
    assert refused.value.code == "invoice.allowance_used"
    found = Allowance(NOVEMBER, 10_000, 0)
    found.check_room(10_000)
    with pytest.raises(AboveAllowance) as never:  # no month has room for it: no day is promised
        found.check_room(10_001)
    assert "from" not in str(never.value)


@pytest.mark.parametrize(
    ("typed", "fen"),
    [("5000", 500_000), ("¥12,000.5", 1_200_050), ("", 0), ("-3", 0), ("1e9", 0), ("12,50", 0), ("五千", 0)],
)
def test_amounts_as_typed(typed: str, fen: int) -> None:
    assert typed_fen(typed) == fen


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert amount_problem(MAX_FEN) is None
    assert amount_problem(501, above_fen=500, otherwise="more") is None
    assert amount_problem(500, above_fen=500, otherwise="more") == "more"
    assert words_problem(in_one_line(" 旺季\r\n要多开 ")) is None
    check({"ceiling_fen": None, "reason": None})
    for fen, words in ((0, "abc"), (-1, "x" * 201), (MAX_FEN + 1, "abcd\u202e"), (0, "\u0000abcd")):
        with pytest.raises(BadAllowance) as wrong:
            check({"ceiling_fen": amount_problem(fen), "reason": words_problem(in_one_line(words))})
        assert set(wrong.value.fields) == {"ceiling_fen", "reason"}
