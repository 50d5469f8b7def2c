"""The pattern of a market day: when they come, what they buy, and that the same seed gives the same day."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from invoice_service.domain.goods import parse_quantity
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import BuyerKind, is_uscc
from scripts.lib import market_day
from scripts.lib.market_day import Offer, Visit

MONDAY = datetime(2026, 11, 23, tzinfo=SHANGHAI)
HALF_HOURS = [timedelta(minutes=30 * n) for n in range(48)]
OFFERS = (
    Offer("pakchoi", "斤", 320),
    Offer("eggs", "个", 110),
    Offer("tea", "斤", 48_000),
    Offer("grain", "两", 1),
)


def luck(seed: int = 1) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a pattern, not a secret


def visits(count: int, seed: int = 1) -> list[Visit]:
    source = luck(seed)
    return [market_day.visit("A01", OFFERS, MONDAY, source) for _ in range(count)]


def hour(at: datetime) -> float:
    local = at.astimezone(SHANGHAI)
    return local.hour + local.minute / 60


def test_the_shares_of_a_week_sum_to_its_seven_days() -> None:
    week = [MONDAY + timedelta(days=day) + half for day in range(7) for half in HALF_HOURS]
    assert sum(map(market_day.share, week)) == pytest.approx(7)


def test_the_shares_of_one_day_sum_to_one_where_the_day_is_like_any_other() -> None:
    day = sum(market_day.share(MONDAY + half) for half in HALF_HOURS)
    saturday = sum(market_day.share(MONDAY + timedelta(days=5) + half) for half in HALF_HOURS)
    assert day == pytest.approx(9 * 7 / 75)
    assert saturday > 1.4 * day


def test_an_instant_counts_where_the_market_is_not_where_the_machine_is() -> None:
    eight_in_puer = datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
    assert market_day.share(eight_in_puer) == market_day.share(MONDAY + timedelta(hours=8))


def test_both_peaks_stand_above_the_rest_of_the_day_and_the_night_is_nearly_empty() -> None:
    shares = {half: market_day.share(MONDAY + half) for half in HALF_HOURS}
    in_hours = {half.total_seconds() / 3600: share for half, share in shares.items()}
    morning = [share for at, share in in_hours.items() if 6.5 <= at < 9.5]
    evening = [share for at, share in in_hours.items() if 16.5 <= at < 19]
    between = [share for at, share in in_hours.items() if 9.5 <= at < 16.5 or at >= 19]
    night = [share for at, share in in_hours.items() if at >= 22 or at < 5]
    assert min(morning + evening) > max(between)
    assert sum(night) < 0.01


def test_shoppers_a_minute_make_up_the_day() -> None:
    minutes = (MONDAY + timedelta(days=3, minutes=n) for n in range(24 * 60))
    assert sum(market_day.shoppers_a_minute(at, 750) for at in minutes) == pytest.approx(10 * 7 * 10)


def test_arrivals_are_in_order_on_their_days_and_busiest_at_the_peaks() -> None:
    days = [date(2026, 11, 23) + timedelta(days=n) for n in range(14)]
    found = market_day.arrivals(20_000, days, luck())
    assert len(found) == 20_000
    assert all(earlier <= later for earlier, later in pairwise(found))
    assert {at.astimezone(SHANGHAI).date() for at in found} == set(days)
    peaks = sum(6.5 <= hour(at) < 9.5 or 16.5 <= hour(at) < 19 for at in found)
    assert 0.55 < peaks / len(found) < 0.75


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    days = [date(2026, 11, 23)]
    assert market_day.arrivals(50, days, luck(7)) == market_day.arrivals(50, days, luck(7))
    assert market_day.arrivals(50, days, luck(7)) != market_day.arrivals(50, days, luck(8))
    assert visits(50, 7) == visits(50, 7)
    assert visits(50, 7) != visits(50, 8)


def test_every_quantity_is_one_that_the_service_accepts() -> None:
    baskets = [made.wanted for made in visits(2_000) if isinstance(made.wanted, Basket)]
    quantities = [(sku, quantity) for basket in baskets for sku, quantity in basket.items]
    for _, quantity in quantities:
        assert parse_quantity(decimal_text(quantity), field="quantity") == quantity
    assert all(quantity == int(quantity) for sku, quantity in quantities if sku == "eggs")
    assert any(quantity != int(quantity) for sku, quantity in quantities if sku == "pakchoi")
    assert all(quantity >= Decimal("0.5") for sku, quantity in quantities if sku == "grain")
    assert {quantity for sku, quantity in quantities if sku == "tea"} == {Decimal("0.1")}


def test_no_basket_has_the_same_goods_twice() -> None:
    baskets = [made.wanted for made in visits(500) if isinstance(made.wanted, Basket)]
    assert all(len({sku for sku, _ in basket.items}) == len(basket.items) for basket in baskets)


def test_plain_amounts_are_a_households_or_a_kitchens() -> None:
    amounts = [made.wanted.amount_fen for made in visits(5_000) if isinstance(made.wanted, PlainAmount)]
    (low, high), (kitchen_low, kitchen_high) = market_day.HOUSEHOLD_FEN, market_day.RESTAURANT_FEN
    kitchens = [fen for fen in amounts if fen > high]
    assert all(low <= fen <= high or kitchen_low <= fen <= kitchen_high for fen in amounts)
    assert all(fen % 10 == 0 for fen in amounts)
    assert 0.02 < len(kitchens) / 5_000 < 0.06
    assert len(set(amounts)) > 300


def test_a_stall_without_goods_to_choose_sells_by_plain_amount() -> None:
    source = luck()
    made = [market_day.visit("A01", (), MONDAY, source) for _ in range(100)]
    assert all(isinstance(one.wanted, PlainAmount) for one in made)


def test_how_many_pay_and_for_whom_invoices_are() -> None:
    made = visits(20_000)
    paid = [one for one in made if one.pays]
    buyers = [one.buyer for one in made if one.buyer]
    kinds = Counter(buyer.kind for buyer in buyers)
    assert len(paid) / len(made) == pytest.approx(0.97, abs=0.01)
    assert len(buyers) / len(paid) == pytest.approx(0.35, abs=0.02)
    assert kinds[BuyerKind.INDIVIDUAL] / len(buyers) == pytest.approx(0.7, abs=0.02)
    assert all(one.buyer is None for one in made if not one.pays)
    companies = [buyer for buyer in buyers if buyer.kind is BuyerKind.ORGANIZATION]
    assert all(buyer.name and buyer.tax_id and is_uscc(buyer.tax_id) for buyer in companies)


def test_prices_wander_slowly_and_stay_in_bounds() -> None:
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(900)]
    widest = market_day.SEASON + market_day.WALK
    for stall in ("A01", "A02", "B13"):
        levels = [market_day.price_level(stall, day) for day in days]
        assert all(1 - widest <= level <= 1 + widest for level in levels)
        assert all(abs(later - earlier) < 0.02 for earlier, later in pairwise(levels))
        assert max(levels) - min(levels) > 0.15
    assert market_day.price_level("A01", days[0]) != market_day.price_level("A02", days[0])


def test_winter_is_dearer_than_summer() -> None:
    stalls = [f"A{n:02d}" for n in range(60)]
    winter = sum(market_day.price_level(stall, date(2026, 1, 30)) for stall in stalls)
    summer = sum(market_day.price_level(stall, date(2026, 7, 30)) for stall in stalls)
    assert winter > 1.1 * summer


def test_the_first_stalls_are_the_liveliest() -> None:
    weights = market_day.popularity(40)
    assert weights == sorted(weights, reverse=True)
    assert weights[0] < 6 * weights[-1]  # and yet nobody waits in vain
