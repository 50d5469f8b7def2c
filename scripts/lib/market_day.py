"""When shoppers come to a Chinese wet market, to whom they go, what they buy, and how it ends.

The one pattern behind the live traffic (`traffic`) and behind made history (`scripts/benchmarks/history.py`).
Pure: time and luck are arguments, so the same seed gives the same day again. Every hour is Asia/Shanghai's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from functools import cache, lru_cache

from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import Buyer, make_buyer, uscc_check_character

# How many come in each half-hour, from midnight: breakfast and the day's dishes, then what work left undone.
HALF_HOUR_WEIGHTS = (
    0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 12, 30,  # 00:00
    60, 110, 130, 140, 130, 120, 100, 60, 50, 45, 40, 38,  # 06:00
    25, 20, 18, 18, 20, 25, 30, 45, 60, 95, 115, 120,  # 12:00
    110, 90, 50, 35, 25, 15, 10, 5, 2, 1, 1, 0,  # 18:00
)  # fmt: skip
HALF_HOUR_MINUTES = 30
WEEKDAY_WEIGHTS = (9, 9, 9, 10, 11, 14, 13)  # from Monday

UNPAID, INVOICED, INDIVIDUALS = 0.03, 0.35, 0.7  # of all, of those who paid, of those with an invoice
BY_GOODS = 0.6  # who choose from the list; the others pay what the vendor says
RESTAURANTS = 0.04  # who buy for a kitchen, by plain amount
KINDS_IN_A_BASKET = (1, 1, 2, 2, 3)

HOUSEHOLD_FEN = (300, 8_000)
RESTAURANT_FEN = (15_000, 90_000)
_TYPICAL_HOUSEHOLD_FEN, _TYPICAL_RESTAURANT_FEN = 1_500, 36_000
_JIAO = 10  # nobody at a stall asks for single fen
WEIGHED = frozenset({"斤", "公斤", "两"})

SEASON, WALK = 0.10, 0.15  # how far prices go from their middle, either way
_KNOT_DAYS = 28  # a walk changes its direction once in so many days
_DEAREST_DAY = 30  # of the year: before Spring Festival


@dataclass(frozen=True, slots=True)
class Offer:
    """Goods that can be had at a stall now."""

    sku: str
    unit: str
    price_fen: int


@dataclass(frozen=True, slots=True)
class Visit:
    """One shopper at one stall. `buyer` asks for an invoice; who does not pay asks for none."""

    wanted: PlainAmount | Basket
    pays: bool
    buyer: Buyer | None


def share(at: datetime) -> float:
    """Which part of an average day's shoppers comes in the half-hour of this instant; more at weekends."""
    local = at.astimezone(SHANGHAI)
    half_hour = (local.hour * 60 + local.minute) // HALF_HOUR_MINUTES
    of_the_day = HALF_HOUR_WEIGHTS[half_hour] / sum(HALF_HOUR_WEIGHTS)
    return of_the_day * WEEKDAY_WEIGHTS[local.weekday()] * 7 / sum(WEEKDAY_WEIGHTS)


def shoppers_a_minute(at: datetime, a_day: float) -> float:
    """How fast they come at this instant, where `a_day` come on an average day."""
    return a_day * share(at) / HALF_HOUR_MINUTES


def arrivals(total: int, days: Sequence[date], luck: random.Random) -> list[datetime]:
    """The instants, in order, at which `total` shoppers come in the course of these days."""
    chosen = luck.choices(days, [WEEKDAY_WEIGHTS[day.weekday()] for day in days], k=total)
    half_hours = luck.choices(range(len(HALF_HOUR_WEIGHTS)), HALF_HOUR_WEIGHTS, k=total)
    return sorted(_instant(day, half_hour, luck) for day, half_hour in zip(chosen, half_hours, strict=True))


def _instant(day: date, half_hour: int, luck: random.Random) -> datetime:
    midnight = datetime.combine(day, clock_time(), SHANGHAI)  # Shanghai has no summer time: its days are even
    milliseconds = luck.randrange(HALF_HOUR_MINUTES * 60_000)
    after = timedelta(minutes=HALF_HOUR_MINUTES * half_hour, milliseconds=milliseconds)
    return midnight.astimezone(UTC) + after


def popularity(stalls: int) -> list[float]:
    """Weights of stalls in their order: most go no further than they must."""
    return [1 / (1 + n) ** 0.4 for n in range(stalls)]


def visit(stall: str, offers: Sequence[Offer], at: datetime, luck: random.Random) -> Visit:
    """What somebody does at this stall, which has these goods now and takes plain amounts."""
    wanted = _wanted(stall, offers, at, luck)
    pays = luck.random() >= UNPAID
    buyer = _buyer(luck) if pays and luck.random() < INVOICED else None
    return Visit(wanted, pays, buyer)


def _wanted(stall: str, offers: Sequence[Offer], at: datetime, luck: random.Random) -> PlainAmount | Basket:
    if luck.random() < RESTAURANTS:
        return _plain(stall, at, luck, _TYPICAL_RESTAURANT_FEN, RESTAURANT_FEN)
    if offers and luck.random() < BY_GOODS:
        chosen = luck.sample(offers, min(len(offers), luck.choice(KINDS_IN_A_BASKET)))
        return Basket(tuple((offer.sku, _quantity(offer, luck)) for offer in chosen))
    return _plain(stall, at, luck, _TYPICAL_HOUSEHOLD_FEN, HOUSEHOLD_FEN)


def _plain(
    stall: str, at: datetime, luck: random.Random, typical_fen: int, bounds: tuple[int, int]
) -> PlainAmount:
    """Log-normal: most amounts are small, a few are many times as large."""
    fen = typical_fen * luck.lognormvariate(0, 0.7) * price_level(stall, at.astimezone(SHANGHAI).date())
    low, high = bounds
    return PlainAmount(min(high, max(low, round(fen / _JIAO) * _JIAO)))


def _quantity(offer: Offer, luck: random.Random) -> Decimal:
    """What a household takes: less of what is dear, but something; by tenths where it goes on the scales."""
    affordable = HOUSEHOLD_FEN[1] / offer.price_fen
    if offer.unit in WEIGHED:
        return Decimal(max(1, min(luck.randrange(5, 40), int(affordable * 10)))) / 10
    return Decimal(max(1, min(luck.choice((1, 1, 2, 2, 3, 5)), int(affordable))))


@lru_cache(maxsize=4096)
def price_level(stall: str, day: date) -> float:
    """Around 1: dearer in winter, and beside that a slow walk of each stall's own."""
    year = 2 * math.pi * (day.timetuple().tm_yday - _DEAREST_DAY) / 365.25
    knot, days = divmod(day.toordinal(), _KNOT_DAYS)
    here, there = _knot(stall, knot), _knot(stall, knot + 1)
    walked = here + (there - here) * days / _KNOT_DAYS
    return 1 + SEASON * math.cos(year) + WALK * walked


@cache
def _knot(stall: str, number: int) -> float:
    """From -1 to 1, the same in every process and at every start: prices do not jump when we restart."""
    return random.Random(f"{stall}/{number}").uniform(-1, 1)  # noqa: S311 - a pattern, not a secret


def company_code(n: int) -> str:
    """A credit code with a right check character, in a series (DEM) that nobody has."""
    first17 = f"91530802DEM{n:06d}"
    return first17 + uscc_check_character(first17)


def _company(n: int) -> Buyer:
    return make_buyer("organization", f"普洱示例餐饮{n}号有限公司", company_code(n))


_INDIVIDUAL = make_buyer("individual", "", None)
_COMPANIES = tuple(_company(n) for n in range(1, 41))


def _buyer(luck: random.Random) -> Buyer:
    return _INDIVIDUAL if luck.random() < INDIVIDUALS else luck.choice(_COMPANIES)
