"""Who may sell at a stall and when: days, and minutes of the week, both in Asia/Shanghai.

A week is the 10,080 minutes since Monday 00:00. A time of day that ends before it begins runs over
midnight; on Sunday that means into Monday. Ranges hold their beginning and not their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from invoice_service.domain.numbering import SHANGHAI
from invoice_service.errors import N_, Error, InvalidInput

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES
ALWAYS = ((0, WEEK_MINUTES),)


class BadHours(InvalidInput):
    code = "authorisation.bad_hours"
    message = N_("Please give at least one weekday, and times such as 06:00 to 13:30.")


class BadDays(InvalidInput):
    code = "authorisation.bad_days"
    message = N_("The last day must not be before the first.")


class Overlaps(Error):
    code = "authorisation.overlaps"
    message = N_("Somebody else is already authorised at this stall in part of that time.")
    status = 409


Minutes = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Authorisation:
    """`last_day` is None where no end is set; `minutes` are sorted ranges, apart from each other."""

    stall_id: int
    vendor_id: int
    first_day: date
    last_day: date | None
    minutes: Minutes


def minute_of_week(instant: datetime) -> int:
    local = instant.astimezone(SHANGHAI)
    return local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute


def weekly(weekdays: Iterable[int], begins: time, ends: time) -> Minutes:
    """The same hours on some weekdays (0 is Monday). Equal times mean the whole day. Raises BadHours."""
    days = sorted(set(weekdays))
    if not days or not all(0 <= day < 7 for day in days):
        raise BadHours({"weekdays": BadHours.message})
    start, end = begins.hour * 60 + begins.minute, ends.hour * 60 + ends.minute
    length = (end - start) % DAY_MINUTES or DAY_MINUTES
    return joined(
        piece
        for day in days
        for piece in _around(day * DAY_MINUTES + start, day * DAY_MINUTES + start + length)
    )


def _around(begin: int, end: int) -> Sequence[tuple[int, int]]:
    """A range that may run past the week's end, cut where the next week begins."""
    if end <= WEEK_MINUTES:
        return [(begin, end)]
    return [(begin, WEEK_MINUTES), (0, end - WEEK_MINUTES)]


def joined(ranges: Iterable[tuple[int, int]]) -> Minutes:
    """Sorted, with what overlaps or touches made one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(found)


def days(first_day: date, last_day: date | None) -> tuple[date, date | None]:
    """(first day, the day after the last), as PostgreSQL keeps ranges. Raises BadDays."""
    if last_day is not None and last_day < first_day:
        raise BadDays({"last_day": BadDays.message})
    return first_day, None if last_day is None else last_day + timedelta(days=1)
