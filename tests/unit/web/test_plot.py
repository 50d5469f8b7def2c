"""Bars stand where their sums say, on a scale that ends at a round number."""

from __future__ import annotations

import pytest

from invoice_service.web.vendor.plot import FLOOR, LABELS, TOP, WIDTH, Point, plot, round_up


@pytest.mark.parametrize(
    ("fen", "top"),
    [(0, 500), (399, 500), (500, 500), (501, 1000), (1000, 1000), (1001, 2000), (20_001, 25_000),
     (25_001, 50_000), (999_999, 1_000_000), (12_345_678, 20_000_000)],
)  # fmt: skip
def test_the_scale_ends_at_a_round_number_that_holds_every_bar(fen: int, top: int) -> None:
    assert round_up(fen) == top >= fen


def test_a_bar_is_as_high_as_its_share_of_the_scale() -> None:
    drawn = plot([Point("8", "8", 5_000), Point("9", "9", 10_000), Point("10", "10", 0)])
    assert [bar.height for bar in drawn.bars] == [(FLOOR - TOP) / 2, FLOOR - TOP, 0]
    assert [tick.fen for tick in drawn.ticks] == [0, 2_000, 4_000, 6_000, 8_000, 10_000]
    assert not drawn.compares


def test_the_time_before_stands_beside_and_is_never_higher_than_the_drawing() -> None:
    drawn = plot([Point("Mo", "Monday", 100, 90_000), Point("Tu", "Tuesday", 0, 0)])
    assert drawn.compares
    first = drawn.bars[0]
    assert first.before_x < first.x
    assert first.before_y >= TOP
    assert first.x + first.width <= WIDTH


@pytest.mark.parametrize("count", [1, 7, 24, 31])
def test_bars_keep_apart_and_only_a_few_are_named(count: int) -> None:
    drawn = plot([Point(str(n), str(n), n, n) for n in range(count)])
    ends = [bar.x + bar.width for bar in drawn.bars]
    assert all(end < bar.before_x for end, bar in zip(ends, drawn.bars[1:], strict=False))
    assert ends[-1] <= WIDTH
    assert 1 <= sum(bar.labelled for bar in drawn.bars) <= LABELS


def test_what_is_below_zero_is_not_drawn_and_stays_in_the_table() -> None:
    drawn = plot([Point("8", "8", -5_000, -100), Point("9", "9", 10_000)])
    assert [(bar.height, bar.before_height) for bar in drawn.bars] == [(0, 0), (FLOOR - TOP, 0)]
    assert drawn.bars[0].point.fen == -5_000


def test_nothing_to_draw_is_drawn_as_an_empty_scale() -> None:
    assert plot([]).bars == ()
    assert len(plot([]).ticks) == 6
