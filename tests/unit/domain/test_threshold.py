"""The gauge of the small-scale threshold: what is used, and what is to be expected."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.threshold import Counted, Gauge, State, first_day_needed, gauge, threshold_on

SMALL = TaxpayerKind.SMALL_SCALE
DAY = timedelta(days=1)
LIMIT = 10_000_000
TODAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
SALES = st.builds(Counted, st.integers(-500_000, 2_000_000), st.integers(-500_000, 2_000_000))  # or gone back


def small(sold: dict[date, Counted], today: date, tax_period: str = "month") -> Gauge:
    return gauge(SMALL, tax_period, sold, today)


def every_day(first: date, last: date, fen: int) -> dict[date, Counted]:
    return {first + n * DAY: Counted(fen, 0) for n in range((last - first).days + 1)}


@given(today=TODAYS, period=st.sampled_from(["month", "quarter"]), data=st.data())
def test_whatever_was_sold_the_parts_add_up_and_the_forecast_is_not_below(
    today: date, period: str, data: st.DataObject
) -> None:
    first = first_day_needed(period, today)
    days = st.integers(0, (today - first).days + 40).map(lambda n: first + n * DAY)
    sold = data.draw(st.dictionaries(days, SALES, max_size=40))
    found = small(sold, today, period)
    inside = [one for day, one in sold.items() if day in found.period]
    assert found.exempt_fen + found.taxable_fen == found.used_fen == sum(one.fen for one in inside)
    assert found.forecast_fen is not None
    assert found.forecast_fen >= found.used_fen
    assert found.limit_fen == (LIMIT if period == "month" else 3 * LIMIT)
    assert (found.state is State.CROSSED) == (found.used_fen > found.limit_fen)
    assert (found.used_percent or 0) >= 100 or found.state is not State.CROSSED


def test_on_the_first_day_the_pace_is_that_of_the_weeks_before() -> None:
    sold = every_day(date(2026, 10, 1), date(2026, 10, 31), 100_000)
    found = small(sold, date(2026, 11, 1))
    assert (found.used_fen, found.forecast_fen, found.by_weekday) == (0, 30 * 100_000, True)
    assert found.state is State.BELOW


def test_on_the_last_day_only_the_rest_of_that_day_is_to_come() -> None:
    sold = every_day(date(2026, 10, 1), date(2026, 11, 29), 100_000) | {date(2026, 11, 30): Counted(40_000)}
    found = small(sold, date(2026, 11, 30))
    assert (found.used_fen, found.forecast_fen) == (2_940_000, 3_000_000)


def test_a_vendor_of_a_few_days_is_forecast_at_the_plain_mean() -> None:
    sold = {date(2026, 11, 2): Counted(300_000), date(2026, 11, 4): Counted(0, 100_000)}
    found = small(sold, date(2026, 11, 6))  # 2, 3, 4, 5 November: 400,000 in four days
    assert (found.by_weekday, found.history_days) == (False, 4)
    assert found.forecast_fen == 400_000 + 25 * 100_000


def test_weekdays_have_their_own_pace_once_two_weeks_are_known() -> None:
    days = [date(2026, 11, 2) + n * DAY for n in range(14)]
    sold = {day: Counted(700_000 if day.weekday() == 6 else 100_000) for day in days}
    found = small(sold, date(2026, 11, 16))
    rest = [date(2026, 11, 16) + n * DAY for n in range(15)]
    expected = sum(700_000 if day.weekday() == 6 else 100_000 for day in rest)
    assert (found.by_weekday, found.forecast_fen) == (True, found.used_fen + expected)


def test_a_vendor_who_never_sold_is_forecast_nothing() -> None:
    found = small({}, date(2026, 11, 16))
    assert (found.used_fen, found.forecast_fen, found.state) == (0, 0, State.BELOW)


@pytest.mark.parametrize(
    ("used", "state"),
    [
        (LIMIT * 80 // 100 - 1, State.BELOW),
        (LIMIT * 80 // 100, State.CLOSE),
        (LIMIT, State.CLOSE),  # up to and including the limit
        (LIMIT + 1, State.CROSSED),
    ],
)
def test_the_states_at_their_edges(used: int, state: State) -> None:
    today = date(2026, 11, 30)  # sold today: no pace is known yet
    assert small({today: Counted(used)}, today).state is state


def test_it_warns_before_it_is_crossed() -> None:
    sold = every_day(date(2026, 11, 1), date(2026, 11, 10), 400_000)
    found = small(sold, date(2026, 11, 11))
    assert (found.used_percent, found.state) == (40, State.WILL_CROSS)


def test_the_limit_is_of_the_taxpayers_own_period() -> None:
    sold = every_day(date(2026, 10, 1), date(2026, 10, 31), 400_000)
    found = small(sold, date(2026, 11, 1), "quarter")
    assert (found.limit_fen, found.used_fen) == (3 * LIMIT, 31 * 400_000)


def test_general_taxpayers_have_no_threshold() -> None:
    found = gauge(TaxpayerKind.GENERAL, "month", {date(2026, 11, 1): Counted(9)}, date(2026, 11, 1))
    assert (found.state, found.limit_fen, found.forecast_fen) == (State.NONE, None, None)


def test_the_unregistered_are_judged_day_by_day() -> None:
    found = gauge(TaxpayerKind.NATURAL_PERSON, "month", {}, date(2026, 11, 1))
    assert (found.state, found.limit_fen) == (State.PER_DAY, None)
    assert found.threshold is not None
    assert found.threshold.day_fen == 100_000


def test_no_threshold_is_invented_for_a_year_whose_law_is_not_known() -> None:
    assert threshold_on(SMALL, date(2027, 12, 31)) is not None
    assert threshold_on(SMALL, date(2028, 1, 1)) is None
    found = small({date(2028, 1, 1): Counted(LIMIT)}, date(2028, 1, 1))
    assert (found.state, found.used_fen) == (State.UNKNOWN, LIMIT)


def test_sales_beyond_a_clock_that_was_set_back_still_count() -> None:
    sold = {date(2026, 11, 20): Counted(9_000_000), date(2026, 11, 21): Counted(2_000_000)}
    assert small(sold, date(2026, 11, 3)).state is State.CROSSED
