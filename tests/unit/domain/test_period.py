"""Days, weeks, months, quarters and years in Asia/Shanghai, at their edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import DayOutOfRange, PeriodKind, UnknownPeriod, period_of

DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("kind", "day", "first", "last"),
    [
        ("day", "2026-12-31", "2026-12-31", "2026-12-31"),
        ("week", "2026-11-23", "2026-11-23", "2026-11-29"),  # a Monday
        ("week", "2026-11-22", "2026-11-16", "2026-11-22"),  # a Sunday
        ("week", "2027-01-01", "2026-12-28", "2027-01-03"),  # over the year's end
        ("month", "2026-02-28", "2026-02-01", "2026-02-28"),
        ("month", "2028-02-01", "2028-02-01", "2028-02-29"),
        ("month", "2026-12-31", "2026-12-01", "2026-12-31"),
        ("quarter", "2026-03-31", "2026-01-01", "2026-03-31"),
        ("quarter", "2026-04-01", "2026-04-01", "2026-06-30"),
        ("quarter", "2026-12-31", "2026-10-01", "2026-12-31"),
        ("year", "2028-06-15", "2028-01-01", "2028-12-31"),
    ],
)
def test_which_period_holds_a_day(kind: str, day: str, first: str, last: str) -> None:
    found = period_of(kind, date.fromisoformat(day))
    assert (found.first_day.isoformat(), found.last_day.isoformat()) == (first, last)


@given(kind=st.sampled_from(list(PeriodKind)), day=DAYS)
def test_periods_follow_each_other_without_gaps(kind: PeriodKind, day: date) -> None:
    found = period_of(kind, day)
    assert day in found
    assert found.before().ends == found.begins
    assert found.after().begins == found.ends
    assert found.before().after() == found
    assert len(list(found.days())) == found.length


@given(day=DAYS, minute=st.integers(0, 24 * 60 - 1))
def test_an_instant_lies_in_the_period_of_its_business_day(day: date, minute: int) -> None:
    found = period_of(PeriodKind.DAY, day)
    assert business_day(found.begins + timedelta(minutes=minute)) == day
    assert business_day(found.ends) != day


def test_a_day_begins_at_midnight_in_the_market() -> None:
    assert period_of("month", date(2027, 1, 1)).begins == datetime(2026, 12, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize("day", [date.min, date(1999, 12, 31), date(2101, 1, 1), date.max])
def test_a_day_that_was_mistyped_is_refused(day: date) -> None:
    with pytest.raises(DayOutOfRange):
        period_of("week", day)


@pytest.mark.parametrize("kind", ["", "decade", "DAY", "day; DROP TABLE orders"])
def test_a_period_is_one_of_five(kind: str) -> None:
    with pytest.raises(UnknownPeriod):
        period_of(kind, date(2026, 1, 1))
