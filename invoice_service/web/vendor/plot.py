"""Where the bars of a plot stand. Templates draw them (`vendor/_plot.html`); nothing here knows of pages.

Drawn to a fixed grid of units that the phone scales, so that no width needs an inline style. The scale ends
at a round number (1, 2, 2.5 or 5 times a power of ten), so that its lines can be read at arm's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT = 340, 176
LEFT, TOP, BOTTOM = 40, 12, 24  # room for the scale, for its uppermost label, for the names of the bars
FLOOR = HEIGHT - BOTTOM
LABELS = 8  # at most so many names side by side are readable on a phone
_ROUND = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_LINES = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One bar to draw: `label` stands below it, `name` in the table; `before_fen` is the time before it."""

    label: str
    name: str
    fen: int
    before_fen: int | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    point: Point
    x: float
    width: float
    y: float
    height: float
    before_x: float
    before_width: float
    before_y: float
    before_height: float
    labelled: bool

    @property
    def middle(self) -> float:
        return round((min(self.x, self.before_x) + self.x + self.width) / 2, 2)


@dataclass(frozen=True, slots=True)
class Tick:
    fen: int
    y: float


@dataclass(frozen=True, slots=True)
class Plot:
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    compares: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = FLOOR


def plot(points: Sequence[Point]) -> Plot:
    highest = max((max(point.fen, point.before_fen or 0) for point in points), default=0)
    top_fen = round_up(highest)
    slot = (WIDTH - LEFT) / max(len(points), 1)
    every = -(-len(points) // LABELS)
    bars = tuple(_bar(point, n, slot, top_fen, n % every == 0) for n, point in enumerate(points))
    ticks = tuple(Tick(top_fen * n // _LINES, _up(top_fen * n // _LINES, top_fen)) for n in range(_LINES + 1))
    return Plot(bars, ticks, any(point.before_fen for point in points))


def round_up(fen: int) -> int:
    """The least round number of whole yuan that is not below `fen`; ¥5 where nothing was sold."""
    yuan = max(Decimal(fen) / 100, Decimal(5))
    power = Decimal(10) ** yuan.adjusted()
    return int(next(power * step for step in _ROUND if power * step >= yuan) * 100)


def _bar(point: Point, n: int, slot: float, top_fen: int, labelled: bool) -> Bar:
    """The time before stands behind, a third of a bar to the left, so that both can be seen."""
    left, room = LEFT + n * slot, slot * 0.8
    offset = room * 0.3 if point.before_fen is not None else 0.0
    y, before_y = _up(point.fen, top_fen), _up(point.before_fen or 0, top_fen)
    return Bar(
        point=point,
        x=round(left + slot * 0.1 + offset, 2),
        width=round(room - offset, 2),
        y=y,
        height=round(FLOOR - y, 2),
        before_x=round(left + slot * 0.1, 2),
        before_width=round(room - offset, 2),
        before_y=before_y,
        before_height=round(FLOOR - before_y, 2),
        labelled=labelled,
    )


def _up(fen: int, top_fen: int) -> float:
    """Never below the floor, also where more went back than was sold: the table has the figure."""
    return round(FLOOR - (FLOOR - TOP) * max(0, fen) / top_fen, 2)
