"""How far a small-scale taxpayer is from the sales threshold below which no VAT is due.

The limits are dated data (`[[threshold]]` in tax_rules.toml). Sales count without tax. What is forecast is the
rest of the period at the pace of the last weeks: each weekday at its own mean where two weeks or more are
known, else every day at the mean of all. A forecast is never below what is already sold.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

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
    last_day: date
    basis: str
    confirmed: bool
    month_fen: int | None
    quarter_fen: int | None
    day_fen: int | None
    reason_zh: str
    reason_en: str
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
        """Rounded down, so that 100 means that all of it is used."""
        return None if self.limit_fen is None else 100 * self.used_fen // self.limit_fen

    @property
    def left_fen(self) -> int | None:
        return None if self.limit_fen is None else max(0, self.limit_fen - self.used_fen)
