"""A stall's week as a drawing: seven columns, the hours down the side, a block for each vendor's hours.

The drawing is inline SVG whose numbers are attributes, since our pages may set no inline styles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import get_day_names
from flask_babel import get_locale, gettext

from invoice_service.domain.authorisation import WEEK_MINUTES
from invoice_service.queries.market_views import AuthorisationView, HoursView

LEFT, TOP, COLUMN, HOUR = 44, 26, 92, 15  # in the drawing's own units
TONES = 6


@dataclass(frozen=True, slots=True)
class Slot:
    x: int
    y: float
    width: int
    height: float
    tone: int
    name: str
    hours: str

    @property
    def has_room(self) -> bool:
        """For a name within."""
        return self.height >= 18


@dataclass(frozen=True, slots=True)
class Week:
    width: int
    height: int
    columns: tuple[tuple[int, str], ...]  # (x of the middle, weekday)
    lines: tuple[tuple[int, str], ...]  # (y, hour)
    slots: tuple[Slot, ...]


def drawing(authorised: Sequence[AuthorisationView], today: date) -> Week:
    """The week that holds today."""
    monday = today - timedelta(days=today.weekday())
    parts = [
        (one, part)
        for one in authorised
        for part in one.hours
        if _holds(one, monday + timedelta(days=part.weekday))
    ]
    names = {one.vendor_id: one.vendor_name for one, _ in parts}
    tones = {vendor_id: n % TONES for n, vendor_id in enumerate(names)}
    return Week(
        width=LEFT + 7 * COLUMN + 2,
        height=TOP + 24 * HOUR + 8,
        columns=tuple((LEFT + n * COLUMN + COLUMN // 2, day) for n, day in enumerate(weekdays())),
        lines=tuple((TOP + hour * HOUR, clock(hour * 60)) for hour in range(0, 25, 3)),
        slots=tuple(_slot(one, part, tones[one.vendor_id]) for one, part in parts),
    )


def _holds(one: AuthorisationView, day: date) -> bool:
    return one.first_day <= day and (one.last_day is None or day <= one.last_day)


def _slot(one: AuthorisationView, part: HoursView, tone: int) -> Slot:
    return Slot(
        x=LEFT + part.weekday * COLUMN + 2,
        y=TOP + part.begins / 60 * HOUR,
        width=COLUMN - 4,
        height=(part.ends - part.begins) / 60 * HOUR,
        tone=tone,
        name=one.vendor_name,
        hours=_span(part.begins, part.ends),
    )


def weekdays() -> list[str]:
    """Mon … Sun, in the reader's language."""
    names = get_day_names("abbreviated", locale=get_locale())
    return [names[day] for day in range(7)]


def hours_words(hours: Sequence[HoursView]) -> list[str]:
    """Days with the same hours together: "Mon–Fri 06:00–13:00"; the whole week in two words."""
    if sum(part.ends - part.begins for part in hours) == WEEK_MINUTES:
        return [gettext("all hours")]
    days: dict[tuple[int, int], list[int]] = {}
    for part in hours:
        days.setdefault((part.begins, part.ends), []).append(part.weekday)
    return [f"{_days(held)} {_span(*span)}" for span, held in sorted(days.items())]


def _days(held: Sequence[int]) -> str:
    """Neighbouring days as a range."""
    names, runs = weekdays(), list[list[int]]()
    for day in sorted(held):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(names[run[0]] if len(run) == 1 else f"{names[run[0]]}–{names[run[-1]]}" for run in runs)


def _span(begins: int, ends: int) -> str:
    return f"{clock(begins)}–{clock(ends)}"


def clock(minutes: int) -> str:
    """Minutes since midnight as 06:30; the day's end is 24:00."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
