"""Figures as `static/src/charts.js` draws them on every desk; none where nothing was sold.

The page says the same in a sentence and in a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from flask_babel import gettext

from invoice_service.queries.market_views import DayFigures, HourFigures, TurnoverRow
from invoice_service.queries.supervision_views import DaySource

RANKED = 15  # more bars than these are a table's work
DAYS_AS_BARS = 62


def hours(today: Sequence[HourFigures]) -> dict[str, Any] | None:
    """From the first hour of a market's morning to its last, sold in or not."""
    shown = [hour for hour in today if 5 <= hour.hour <= 21 or hour.figures.orders]
    return _bars([f"{hour.hour}:00" for hour in shown], [hour.figures.amount_fen for hour in shown])


def days(week: Sequence[DayFigures]) -> dict[str, Any] | None:
    labels = [f"{day.day.month}-{day.day.day}" for day in week]
    return _bars(labels, [day.figures.amount_fen for day in week])


def turnover(by: str, rows: Sequence[TurnoverRow]) -> dict[str, Any] | None:
    """Hours and days in their order; what can be ranked, from the top."""
    if by in ("hour", "day"):
        labels = [f"{row.key}:00" if by == "hour" else row.key[5:] for row in rows]
        return _bars(labels, [row.amount_fen for row in rows])
    top = rows[:RANKED]
    return _bars([row.label for row in top], [row.amount_fen for row in top], kind="rank")


def sources(days: Sequence[DaySource], link: Callable[[date, date], str]) -> dict[str, Any] | None:
    """Turnover by day, or by month where there are too many days for bars, beside the earlier days' line.

    A click on a bar leads to `link` of its first and last day.
    """
    bars = [[day] for day in days] if len(days) <= DAYS_AS_BARS else _by_month(days)
    labels = [str(its[0].day)[5:] if len(days) <= DAYS_AS_BARS else str(its[0].day)[:7] for its in bars]
    values = [sum(day.figures.amount_fen for day in its) for its in bars]
    chart = _bars(labels, values, name=gettext("Turnover"))
    if chart is None:
        return None
    before = [sum(day.before_fen or 0 for day in its) for its in bars]
    if any(before):
        chart["series"].append({"name": gettext("Compared with"), "values": before, "quiet": True})
    return chart | {"links": [link(its[0].day, its[-1].day) for its in bars]}


def ranked(places: Sequence[tuple[str, int, str]]) -> dict[str, Any] | None:
    """(name, fen, where a click leads), the largest first."""
    names, sums = [name for name, _, _ in places], [fen for _, fen, _ in places]
    chart = _bars(names, sums, kind="rank", name=gettext("Turnover"))
    return None if chart is None else chart | {"links": [link for _, _, link in places]}


def _by_month(days: Sequence[DaySource]) -> list[list[DaySource]]:
    months: dict[str, list[DaySource]] = {}
    for day in days:
        months.setdefault(str(day.day)[:7], []).append(day)
    return list(months.values())


def _bars(
    labels: list[str], values: Sequence[int], kind: str = "bar", name: str = ""
) -> dict[str, Any] | None:
    if not any(values):
        return None
    return {
        "kind": kind,
        "unit": "fen",
        "labels": labels,
        "series": [{"name": name or gettext("Takings"), "values": list(values)}],
    }
