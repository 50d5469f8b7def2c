"""How far a small-scale taxpayer is from the sales threshold below which no VAT is due.

The limits are dated data (`[[threshold]]` in tax_rules.toml). Sales count without tax. What is forecast is
the rest of the period at the pace of the last weeks: each weekday at its own mean where two weeks or more
are known, else every day at the mean of all. A forecast is never below what is already sold.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from invoice_service.domain import tax_data
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import DAY, Period, PeriodKind, period_of

HISTORY_DAYS = 56  # the pace of the last eight weeks
WEEKDAYS_KNOWN_AFTER = 14  # days of history
CLOSE_PERCENT = 80


class State(enum.StrEnum):
    NONE = "none"  # general taxpayers: no threshold
    PER_DAY = (
        "per_day"  # sellers without registration: judged by each transaction or day, so told, not summed
    )
    UNKNOWN = "unknown"  # no threshold is known for this day
    BELOW = "below"
    CLOSE = "close"  # 80 % or more is used
    WILL_CROSS = "will_cross"  # at this pace
    CROSSED = "crossed"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Sales up to and including the limit are exempt; limits that do not apply to a taxpayer are None."""

    id: str
    taxpayers: frozenset[TaxpayerKind]
    first_day: date
    last_day: date  # of the law; a later one is another threshold
    basis: str
    confirmed: bool
    month_fen: int | None
    quarter_fen: int | None
    day_fen: int | None
    reason_zh: str
    reason_en: str
    invoice_zh: str  # why an invoice shows the tax all the same
    invoice_en: str
    counts_basis: str
    counts_confirmed: bool
    counts_zh: str
    counts_en: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts of one day, both without tax, apart."""

    exempt_fen: int = 0
    taxable_fen: int = 0

    @property
    def fen(self) -> int:
        return self.exempt_fen + self.taxable_fen


@dataclass(frozen=True, slots=True)
class Gauge:
    """`used_fen` is exempt and taxable sales of the period together. The forecast is None without a limit.

    `by_weekday` tells how the forecast was made; `history_days` over how many days.
    """

    state: State
    period: Period
    threshold: Threshold | None
    limit_fen: int | None
    exempt_fen: int
    taxable_fen: int
    forecast_fen: int | None
    history_days: int
    by_weekday: bool

    @property
    def used_fen(self) -> int:
        return self.exempt_fen + self.taxable_fen

    @property
    def used_percent(self) -> int | None:
        """Rounded down, so that 100 means that all of it is used; 0 where more went back than was sold."""
        return None if self.limit_fen is None else 100 * max(0, self.used_fen) // self.limit_fen

    @property
    def left_fen(self) -> int | None:
        return None if self.limit_fen is None else max(0, self.limit_fen - self.used_fen)


def gauge(taxpayer: TaxpayerKind, tax_period: str, sold: Mapping[date, Counted], today: date) -> Gauge:
    """`sold` holds what counts, day by day: the present period and up to HISTORY_DAYS before today.

    A day after today may have sales in it, where a clock was set back: they count, too.
    """
    period = period_of(PeriodKind(tax_period), today)
    inside = [counted for day, counted in sold.items() if day in period]
    threshold = threshold_on(taxpayer, today)
    limit_fen = _limit(threshold, period.kind)
    pace, history_days, by_weekday = _pace(sold, today)
    used_fen = sum(counted.fen for counted in inside)
    forecast_fen = None if limit_fen is None else used_fen + _still_to_come(sold, period, today, pace)
    return Gauge(
        state=_state(taxpayer, threshold, used_fen, forecast_fen, limit_fen),
        period=period,
        threshold=threshold,
        limit_fen=limit_fen,
        exempt_fen=sum(counted.exempt_fen for counted in inside),
        taxable_fen=sum(counted.taxable_fen for counted in inside),
        forecast_fen=forecast_fen,
        history_days=history_days,
        by_weekday=by_weekday,
    )


def first_day_needed(tax_period: str, today: date) -> date:
    """From which day on `gauge` wants to know what was sold."""
    return min(period_of(PeriodKind(tax_period), today).first_day, today - HISTORY_DAYS * DAY)


@cache
def thresholds() -> tuple[Threshold, ...]:
    return read_thresholds(tax_data.text())


def read_thresholds(data: str) -> tuple[Threshold, ...]:
    """Of the file's text. Raises BadTaxData, also where two answer for a taxpayer on one day."""
    found = tax_data.read(data, "threshold", _threshold)
    tax_data.refuse_overlaps((kind, t.first_day, t.last_day, t.id) for t in found for kind in t.taxpayers)
    return found


def threshold_on(taxpayer: TaxpayerKind, day: date) -> Threshold | None:
    fitting = (t for t in thresholds() if taxpayer in t.taxpayers and t.first_day <= day <= t.last_day)
    return next(fitting, None)


def limit_on(taxpayer: TaxpayerKind, tax_period: str, day: date) -> int | None:
    """In fen without tax, of the month or quarter that a taxpayer declares by; None where none is summed."""
    return _limit(threshold_on(taxpayer, day), PeriodKind(tax_period))


def _limit(threshold: Threshold | None, kind: PeriodKind) -> int | None:
    if threshold is None:
        return None
    return threshold.quarter_fen if kind is PeriodKind.QUARTER else threshold.month_fen


def _pace(sold: Mapping[date, Counted], today: date) -> tuple[Callable[[date], int], int, bool]:
    """(what a day usually brings, over how many days that is known, whether by weekday).

    Known are the days since the first sale of the last weeks: a day without sales since then is a day at
    which nothing was sold, one before is not. Today does not count, since it is not over.
    """
    known = [day for day in sold if sold[day].fen > 0 and today - HISTORY_DAYS * DAY <= day < today]
    if not known:
        return (lambda _: 0), 0, False
    days = [min(known) + n * DAY for n in range((today - min(known)).days)]
    if len(days) < WEEKDAYS_KNOWN_AFTER:
        mean = _mean(sold, days)
        return (lambda _: mean), len(days), False
    means = [_mean(sold, [day for day in days if day.weekday() == weekday]) for weekday in range(7)]
    return (lambda day: means[day.weekday()]), len(days), True


def _mean(sold: Mapping[date, Counted], days: list[date]) -> int:
    return sum(sold[day].fen for day in days if day in sold) // len(days)


def _still_to_come(
    sold: Mapping[date, Counted], period: Period, today: date, pace: Callable[[date], int]
) -> int:
    """What today and the days after it should still bring, beyond what they have brought already.

    What went back today is not expected to be sold again.
    """
    ahead = (day for day in period.days() if day >= today)
    return sum(max(0, pace(day) - max(0, sold.get(day, Counted()).fen)) for day in ahead)


def _state(
    taxpayer: TaxpayerKind,
    threshold: Threshold | None,
    used_fen: int,
    forecast_fen: int | None,
    limit_fen: int | None,
) -> State:
    if taxpayer is TaxpayerKind.GENERAL:
        return State.NONE
    if threshold is None:
        return State.UNKNOWN
    if limit_fen is None or forecast_fen is None:
        return State.PER_DAY
    if used_fen > limit_fen:
        return State.CROSSED
    if forecast_fen > limit_fen:
        return State.WILL_CROSS
    return State.CLOSE if 100 * used_fen >= CLOSE_PERCENT * limit_fen else State.BELOW


def _threshold(entry: tax_data.Entry) -> Threshold:
    first_day, last_day = entry.days()
    return Threshold(
        id=entry.id,
        taxpayers=entry.each_of("taxpayers", TaxpayerKind),
        first_day=first_day,
        last_day=last_day,
        basis=entry.text("basis"),
        confirmed=entry.flag("confirmed"),
        month_fen=entry.whole_yuan("month_yuan"),
        quarter_fen=entry.whole_yuan("quarter_yuan"),
        day_fen=entry.whole_yuan("day_yuan"),
        reason_zh=entry.text("reason_zh"),
        reason_en=entry.text("reason_en"),
        invoice_zh=entry.text("invoice_zh"),
        invoice_en=entry.text("invoice_en"),
        counts_basis=entry.text("counts_basis"),
        counts_confirmed=entry.flag("counts_confirmed"),
        counts_zh=entry.text("counts_zh"),
        counts_en=entry.text("counts_en"),
    )
