"""A stall's week as a drawing: seven columns, the hours down the side, a block for each vendor's hours.

The drawing is inline SVG whose numbers are attributes, since our pages may set no inline styles.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext

from invoice_service.errors import N_
from invoice_service.queries.market_views import Schedule

LEFT, TOP, COLUMN, HOUR = 44, 26, 92, 15  # in the drawing's own units
TONES = 6
WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


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
    vendors: tuple[tuple[int, str], ...]  # (tone, name), for the legend


def drawing(plan: Schedule) -> Week:
    names = {part.vendor_id: part.vendor_name for part in plan.ranges}
    tones = {vendor_id: n % TONES for n, vendor_id in enumerate(names)}
    slots = tuple(
        Slot(
            x=LEFT + part.weekday * COLUMN + 2,
            y=TOP + part.begins / 60 * HOUR,
            width=COLUMN - 4,
            height=(part.ends - part.begins) / 60 * HOUR,
            tone=tones[part.vendor_id],
            name=part.vendor_name,
            hours=f"{clock(part.begins)}–{clock(part.ends)}",
        )
        for part in plan.ranges
    )
    return Week(
        width=LEFT + 7 * COLUMN + 2,
        height=TOP + 24 * HOUR + 8,
        columns=tuple((LEFT + n * COLUMN + COLUMN // 2, gettext(day)) for n, day in enumerate(WEEKDAYS)),
        lines=tuple((TOP + hour * HOUR, clock(hour * 60)) for hour in range(0, 25, 3)),
        slots=slots,
        vendors=tuple((tones[vendor_id], name) for vendor_id, name in names.items()),
    )


def clock(minutes: int) -> str:
    """Minutes since midnight as 06:30; the day's end is 24:00."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
