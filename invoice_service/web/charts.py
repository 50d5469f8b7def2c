"""Figures as `static/src/charts.js` draws them on every desk; none where nothing was sold.

The page says the same in a sentence and in a table.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def sources(days: Sequence[DaySource]) -> dict[str, Any] | None:
    """Turnover by day, or by month where there are too many days for bars, beside the earlier days' line."""
    points = [(day.day.isoformat()[5:], day.figures.amount_fen, day.before_fen) for day in days]
    if len(points) > DAYS_AS_BARS:
        points = _by_month(days)
    chart = _bars([label for label, _, _ in points], [now for _, now, _ in points])
    if chart and any(then for _, _, then in points):
        earlier = {"name": gettext("Compared with"), "values": [then for _, _, then in points], "quiet": True}
        chart["series"].append(earlier)
    return chart


def ranked(places: Sequence[tuple[str, int, str]]) -> dict[str, Any] | None:
    """(name, fen, where a click leads), the largest first."""
    top = places[:RANKED]
    chart = _bars([name for name, _, _ in top], [fen for _, fen, _ in top], kind="rank")
    return None if chart is None else chart | {"links": [link for _, _, link in top]}


def _by_month(days: Sequence[DaySource]) -> list[tuple[str, int, int | None]]:
    months: dict[str, list[DaySource]] = {}
    for day in days:
        months.setdefault(day.day.isoformat()[:7], []).append(day)
    return [
        (month, sum(day.figures.amount_fen for day in its), sum(day.before_fen or 0 for day in its))
        for month, its in months.items()
    ]


def _bars(labels: list[str], values: Sequence[int], kind: str = "bar") -> dict[str, Any] | None:
    if not any(values):
        return None
    return {
        "kind": kind,
        "unit": "fen",
        "labels": labels,
        "series": [{"name": gettext("Takings"), "values": list(values)}],
    }
