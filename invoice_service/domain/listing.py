"""Lists that people sort, filter and turn over: choices come from closed lists, pages follow a key.

What a caller sends never becomes part of a statement; it only picks one of what is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TypeVar

from invoice_service.domain.period import check_day
from invoice_service.errors import N_, InvalidInput

Row = TypeVar("Row")
PERIOD_MAX = timedelta(days=366)  # a year, a leap year too; more is a report, not a page


class BadListing(InvalidInput):
    code = "list.bad_choice"
    message = N_("Please choose one of the offered values.")


class BadPeriod(InvalidInput):
    code = "period.invalid"
    message = N_("Please give a period of at most 366 days, its first day first.")


def chosen(value: str, offered: Sequence[str], field: str) -> str:
    """Raises BadListing."""
    if value not in offered:
        raise BadListing({field: BadListing.message})
    return value


def check_period(first_day: date, last_day: date) -> None:
    """Raises BadPeriod, DayOutOfRange."""
    check_day(first_day, "first_day")
    check_day(last_day, "last_day")
    if not timedelta(0) <= last_day - first_day < PERIOD_MAX:
        raise BadPeriod({"last_day": BadPeriod.message})


def page_of(
    rows: Sequence[Row],
    key: Callable[[Row], tuple[str, ...]],
    *,
    descending: bool,
    limit: int | None,
    after: tuple[str, ...] | None,
) -> tuple[tuple[Row, ...], tuple[str, ...] | None]:
    """The rows that follow a key, and the key of the next page. For lists that fit into memory whole."""
    ordered = sorted(rows, key=key, reverse=descending)
    if after is not None:
        ordered = [row for row in ordered if (key(row) < after if descending else key(row) > after)]
    if limit is None or len(ordered) <= limit:
        return tuple(ordered), None
    shown = tuple(ordered[:limit])
    return shown, key(shown[-1])


def number_key(number: int) -> str:
    """A whole number as text that sorts as numbers do."""
    return f"{number:020d}"
