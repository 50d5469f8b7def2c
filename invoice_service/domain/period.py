"""Days, weeks, months, quarters and years as a market keeps its books: in Asia/Shanghai, weeks from Monday.

A period is whole days. Its instants run from the first day's midnight there to the midnight after the last,
which is not part of it; no clock but the caller's is asked.
"""

from __future__ import annotations

import enum
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from invoice_service.domain.numbering import SHANGHAI
from invoice_service.errors import N_, InvalidInput

DAY = timedelta(days=1)
FIRST_YEAR, LAST_YEAR = 2000, 2100  # what is outside was mistyped


class DayOutOfRange(InvalidInput):
    code = "day.out_of_range"
    message = N_("Please give a day between the years 2000 and 2100.")


class UnknownPeriod(InvalidInput):
    code = "period.unknown"
    message = N_("A period is a day, a week, a month, a quarter or a year.")


class PeriodKind(enum.StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Period:
    kind: PeriodKind
    first_day: date
    last_day: date

    @property
    def begins(self) -> datetime:
        return midnight(self.first_day)

    @property
    def ends(self) -> datetime:
        """The first instant after it."""
        return midnight(self.last_day + DAY)

    @property
    def length(self) -> int:
        return (self.last_day - self.first_day).days + 1

    def days(self) -> Iterator[date]:
        return (self.first_day + n * DAY for n in range(self.length))

    def before(self) -> Period:
        """The period of the same kind that ends where this one begins."""
        return _around(self.kind, self.first_day - DAY)

    def after(self) -> Period:
        return _around(self.kind, self.last_day + DAY)

    def __contains__(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day


def midnight(day: date) -> datetime:
    """The instant at which a Shanghai day begins, in UTC."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def period_of(kind: str, day: date) -> Period:
    """The period of a kind that holds a day. Raises UnknownPeriod, DayOutOfRange."""
    if kind not in tuple(PeriodKind):
        raise UnknownPeriod({"period": UnknownPeriod.message})
    return _around(PeriodKind(kind), check_day(day, "day"))


def check_day(day: date, field: str) -> date:
    """Raises DayOutOfRange."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise DayOutOfRange({field: DayOutOfRange.message})
    return day


def _around(kind: PeriodKind, day: date) -> Period:
    match kind:
        case PeriodKind.DAY:
            return Period(kind, day, day)
        case PeriodKind.WEEK:
            monday = day - day.weekday() * DAY
            return Period(kind, monday, monday + 6 * DAY)
        case PeriodKind.MONTH:
            return _months(kind, day.year, day.month, day.month)
        case PeriodKind.QUARTER:
            first = (day.month - 1) // 3 * 3 + 1
            return _months(kind, day.year, first, first + 2)
        case PeriodKind.YEAR:
            return _months(kind, day.year, 1, 12)


def _months(kind: PeriodKind, year: int, first: int, last: int) -> Period:
    return Period(kind, date(year, first, 1), date(year, last, monthrange(year, last)[1]))
