"""Figures as `static/src/charts.js` draws them; none where nothing was sold.

The page says the same in a sentence and in a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext

from invoice_service.queries.market_views import DayFigures, HourFigures, TurnoverRow

RANKED = 15  # more bars than these are a table's work


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


def _bars(labels: list[str], values: list[int], kind: str = "bar") -> dict[str, Any] | None:
    if not any(values):
        return None
    return {
        "kind": kind,
        "unit": "fen",
        "labels": labels,
        "series": [{"name": gettext("Takings"), "values": values}],
    }
