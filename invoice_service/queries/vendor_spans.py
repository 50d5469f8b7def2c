"""The spans of time that a vendor's sales are summed over, and the bars that they become."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import zip_longest

from sqlalchemy import RowMapping

from invoice_service.domain.allowance import Allowance
from invoice_service.domain.figures import Figures
from invoice_service.domain.numbering import SHANGHAI, business_day
from invoice_service.domain.period import DAY, Period, PeriodKind, check_day, midnight, period_of
from invoice_service.queries.vendor_views import Bar

HOUR = timedelta(hours=1)
Range = tuple[datetime, datetime]


def so_far(before: Period, wanted: Period, now: datetime) -> Range:
    """As much of the period before as has passed of this one; whole hours, as the sums are."""
    passed = min(max(now - wanted.begins, timedelta()), wanted.ends - wanted.begins)
    return before.begins, min(before.begins + passed, before.ends)


def of_ceiling(vendor: RowMapping, now: datetime) -> list[Range]:
    """This month, for a vendor who has a ceiling."""
    month = _this_month(now)
    return [] if vendor["ceiling_fen"] is None else [(month.begins, month.ends)]


def allowance(vendor: RowMapping, found: Sequence[Figures], now: datetime) -> Allowance | None:
    """What is used of a ceiling, by the sums over `of_ceiling`."""
    if not found:
        return None
    return Allowance(_this_month(now), vendor["ceiling_fen"], found[0].invoiced_fen)


def _this_month(now: datetime) -> Period:
    return period_of(PeriodKind.MONTH, business_day(now))


def bar_ranges(period: Period) -> list[Range]:
    """Hours of a day, days of a week or month, months of a quarter or year."""
    if period.kind is PeriodKind.DAY:
        return [(period.begins + n * HOUR, period.begins + (n + 1) * HOUR) for n in range(24)]
    if period.kind in (PeriodKind.WEEK, PeriodKind.MONTH):
        return [(midnight(day), midnight(day + DAY)) for day in period.days()]
    months = [period_of(PeriodKind.MONTH, day) for day in period.days() if day.day == 1]
    return [(month.begins, month.ends) for month in months]


def padded(earlier: Sequence[int], length: int) -> list[int | None]:
    """The bars before, one for each bar now: March has days that February had not."""
    return [then for _, then in zip_longest(range(length), earlier[:length])]


def bar(period: Period, begins: datetime, figures: Figures, then: int | None) -> Bar:
    local = begins.astimezone(SHANGHAI)
    return Bar(local.date(), local.hour if period.kind is PeriodKind.DAY else None, figures, then)


def between(from_day: date | None, to_day: date | None) -> tuple[datetime | None, datetime | None]:
    """The first instant, and the first one after. Raises DayOutOfRange."""
    begins = None if from_day is None else midnight(check_day(from_day, "from_day"))
    ends = None if to_day is None else midnight(check_day(to_day, "to_day") + DAY)
    return begins, ends
