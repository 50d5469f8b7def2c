"""What a tax officer is told: the same sums everywhere, as they were sold, in the region, for a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from invoice_service.domain.access import SayWhy
from invoice_service.domain.figures import Figures
from invoice_service.domain.listing import BadListing, BadPeriod
from invoice_service.domain.order import Basket, PlainAmount, UnknownStall
from invoice_service.domain.party import make_buyer
from invoice_service.domain.policy import Actor, NotAllowed, OutOfScope
from invoice_service.domain.stall_code import CodeReplaced, ForeignCode
from invoice_service.domain.tax_sources import Asked
from invoice_service.flow import issue, look, order, pay, reissue_code, sum_days
from invoice_service.queries import access, market, supervision
from invoice_service.services import Services
from tests import make
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.people import Town, town

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
REASON = "核对十一月申报"
NOVEMBER = Asked(date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


def who(place: Town, name: str) -> Actor:
    """Signed in by the real clock: the tests' goes weeks back and forth."""
    real = replace(place.services, clock=lambda: datetime.now(UTC))
    return replace(place, services=real).actor(name)


def sell(place: Town, stall: str, wanted: PlainAmount | Basket, *, invoiced: bool = False) -> str:
    placed = order.place(place.services, stall, wanted)
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    if invoiced:
        issue.issue(place.services, placed.token, make_buyer("individual", "", None))
    return placed.token


def look_at_everything(place: Town, name: str = "officer") -> None:
    officer = who(place, name)
    look.at_market(place.services, officer, "PE01", REASON)
    look.at_vendor(place.services, officer, place.vendors["vendor"], REASON)


def change(place: Town, sql: str, **values: object) -> None:
    with place.services.database.unit_of_work() as uow:
        uow.connection.execute(text(sql), values)
        uow.commit()


# -- sums --------------------------------------------------------------------------------------------------


def test_every_way_down_tells_the_same_sums(place: Town, clock: Clock) -> None:
    """Region, markets, vendors, stalls, rules, kinds, sellers, days, and the market's own desk."""
    general = (
        "UPDATE vendors SET taxpayer_kind = 'general', default_tax_class = 'processed_food' WHERE id = :v"
    )
    change(place, general, v=place.vendors["next_door"])
    for day in range(4):
        clock.now = NOON - timedelta(days=day * 9)
        sell(place, "A01", Basket((("leek", Decimal("1.5")), ("pakchoi", Decimal(2)))), invoiced=day == 1)
        sell(place, "A02", PlainAmount(11_301 + day))
        sell(place, "B01", PlainAmount(999))
    clock.now = NOON
    look_at_everything(place)
    officer = who(place, "officer")
    region = supervision.region(place.services, officer, "en", NOVEMBER)
    assert [one.code for one in region.markets] == ["PE01"], "the other market is another region's"
    one = supervision.market(place.services, officer, "en", "PE01", NOVEMBER)
    total = region.sources.total.figures
    assert total.amount_fen == 3 * (750 + 640) + 11_301 + 11_302 + 11_303
    assert (total.orders, total.invoices, total.invoiced_fen) == (6, 1, 1390)
    assert total.exempt_fen == 3 * 1390
    assert total.tax_fen == 11_301 * 3 + 3 - round(11_301 / 1.13) - round(11_302 / 1.13) - round(
        11_303 / 1.13
    )
    assert one.stalls is not None
    for parts in (
        [one_of_them.sums.figures for one_of_them in region.markets],
        [vendor.sums.figures for vendor in one.vendors],
        [stall.figures for stall in one.stalls],
        [day.figures for day in one.sources.days],
    ):
        assert added(parts) == total
    for parts in (one.sources.rules, one.sources.kinds, one.sources.sellers, region.sources.rules):
        sums = added([part.figures for part in parts])
        assert replace(total, orders=0, invoices=0, invoiced_fen=0) == sums
    seen = supervision.vendor(place.services, officer, "en", place.vendors["vendor"], NOVEMBER)
    own = next(vendor for vendor in one.vendors if vendor.id == place.vendors["vendor"])
    assert seen.sources.total == own.sums
    for stall in one.stalls:
        there = supervision.stall(place.services, officer, "en", stall.code, NOVEMBER)
        assert there.sources.total.figures == stall.figures
        assert added([seller.figures for seller in there.sellers]) == stall.figures
        lines = added([part.figures for part in there.sources.rules])
        assert lines == replace(stall.figures, orders=0, invoices=0, invoiced_fen=0)
    listed = supervision.sales(
        place.services, officer, "en", own.id, NOVEMBER.first_day, NOVEMBER.last_day, limit=100
    )
    assert sum(sale.amount_fen for sale in listed.rows) == own.sums.figures.amount_fen
    desk = market.turnover(
        place.services, who(place, "operator"), "en", NOVEMBER.first_day, NOVEMBER.last_day, "vendor"
    )
    assert {row.key: row.amount_fen for row in desk.rows} == {
        str(vendor.id): vendor.sums.figures.amount_fen for vendor in one.vendors
    }
    before = [region.sources, one.sources, one.vendors]
    clock.now = NOON + timedelta(days=9)
    while sum_days.sum_ended(place.services):
        pass
    look_at_everything(place)
    again = supervision.market(place.services, officer, "en", "PE01", NOVEMBER)
    assert [again.sources.total, again.sources.days, again.sources.rules, again.vendors] == [
        one.sources.total, one.sources.days, one.sources.rules, before[2]
    ], "days that are over tell what they told when they were open"  # fmt: skip


def added(parts: list[Figures]) -> Figures:
    names = Figures.__dataclass_fields__
    return Figures(**{name: sum(getattr(part, name) for part in parts) for name in names})


def test_what_was_sold_stays_what_it_was_when_the_seller_changes(place: Town) -> None:
    """A small-scale seller becomes a general taxpayer: the morning's sales stay a small-scale taxpayer's."""
    vendor = place.vendors["vendor"]
    change(place, "UPDATE vendors SET default_tax_class = 'processed_food' WHERE id = :v", v=vendor)
    sell(place, "A01", PlainAmount(10_100))
    change(place, "UPDATE vendors SET taxpayer_kind = 'general' WHERE id = :v", v=vendor)
    sell(place, "A01", PlainAmount(11_300))
    officer = who(place, "officer")

    def told(**narrowed: str) -> tuple[int, int]:
        asked = Asked(NOVEMBER.first_day, NOVEMBER.last_day, **narrowed)
        figures = supervision.region(place.services, officer, "en", asked).sources.total.figures
        return figures.amount_fen, figures.tax_fen

    assert told() == (21_400, 1_400)
    assert told(taxpayer_kind="small_scale") == told(rate="0.01") == (10_100, 100)
    assert told(taxpayer_kind="general", tax_class="processed_food") == told(rate="0.13") == (11_300, 1_300)
    assert told(rate="exempt") == told(tax_class="vegetable") == (0, 0)
    look_at_everything(place)
    asked = Asked(NOVEMBER.first_day, NOVEMBER.last_day, rate="0.13")
    [only] = supervision.market(place.services, officer, "en", "PE01", asked).vendors
    assert (only.sums.figures.amount_fen, only.sums.figures.orders) == (11_300, 0)


def test_whole_months_are_compared_with_whole_months() -> None:
    def earlier(first: str, last: str, compare: str = "before") -> tuple[str, ...] | None:
        found = Asked(date.fromisoformat(first), date.fromisoformat(last), compare).earlier
        return found and tuple(str(day) for day in found)

    assert earlier("2026-03-01", "2026-03-31") == ("2026-02-01", "2026-02-28")
    assert earlier("2026-01-01", "2026-03-31") == ("2025-10-01", "2025-12-31")
    assert earlier("2026-03-01", "2026-03-30") == ("2026-01-30", "2026-02-28")
    assert earlier("2026-11-24", "2026-11-24") == ("2026-11-23", "2026-11-23")
    assert earlier("2024-02-29", "2024-02-29", "year") == ("2023-02-28", "2023-02-28")
    assert earlier("2026-11-01", "2026-11-30", "none") is None


def test_the_day_beside_and_the_change_in_percent(place: Town, clock: Clock) -> None:
    clock.now = NOON - timedelta(days=1)
    sell(place, "A01", PlainAmount(1_000))
    clock.now = NOON
    sell(place, "A01", PlainAmount(1_500))
    today = date(2026, 11, 24)
    seen = supervision.region(place.services, who(place, "officer"), "en", Asked(today, today)).sources
    assert (seen.total.change_percent, seen.days[0].before_fen) == (50, 1_000)
    alone = supervision.region(
        place.services, who(place, "officer"), "en", Asked(today, today, "none")
    ).sources
    assert (alone.total.before, alone.total.change_percent, alone.days[0].before_fen) == (None, None, None)


def test_who_is_over_the_threshold_by_a_fen(place: Town) -> None:
    """¥300,000 a quarter, exempt and taxable sales without tax: the limit is not over, one fen more is."""
    vendor = place.vendors["vendor"]
    for amount in (10_000_000, 10_000_000, 9_999_999):
        place_hour(place, vendor, amount)
    assert used(place) == (99, False, 0, 1)
    place_hour(place, vendor, 1)
    assert used(place) == (100, False, 0, 1)
    place_hour(place, vendor, 1)
    assert used(place) == (100, True, 1, 0)


def place_hour(place: Town, vendor_id: int, fen: int) -> None:
    change(
        place,
        """INSERT INTO vendor_hours
           SELECT :vendor, '2026-11-24 03:00Z', s.id, s.market_id, 1, :fen, :fen, 0, 0, 0, 0
           FROM stalls AS s WHERE s.code = 'A01'
           ON CONFLICT (vendor_id, hour, stall_id) DO UPDATE
           SET amount_fen = vendor_hours.amount_fen + :fen, exempt_fen = vendor_hours.exempt_fen + :fen""",
        vendor=vendor_id,
        fen=fen,
    )


def used(place: Town) -> tuple[int | None, bool, int, int]:
    look_at_everything(place)
    seen = supervision.market(place.services, who(place, "officer"), "en", "PE01", NOVEMBER)
    own = seen.vendors[0]
    return own.used_percent, own.is_over, seen.crossed, seen.close


# -- looks -------------------------------------------------------------------------------------------------


def test_nothing_about_vendors_without_a_look_and_a_look_ends(place: Town, clock: Clock) -> None:
    sell(place, "A01", PlainAmount(500), invoiced=True)
    officer, vendor = who(place, "officer"), place.vendors["vendor"]
    order_id = place.ask("SELECT id FROM orders WHERE status = 'paid'")
    first, last = NOVEMBER.first_day, NOVEMBER.last_day
    doors = {
        "market": lambda: supervision.market(place.services, officer, "en", "PE01", NOVEMBER),
        "vendor": lambda: supervision.vendor(place.services, officer, "en", vendor, NOVEMBER),
        "sales": lambda: supervision.sales(place.services, officer, "en", vendor, first, last),
        "sale": lambda: supervision.sale(place.services, officer, "en", order_id),
        "a look at the sale": lambda: look.at_sale(place.services, officer, order_id),
        "stall": lambda: supervision.stall_check(place.services, officer, "en", "A01"),
    }

    def shut() -> set[str]:
        found = set()
        for name, door in doors.items():
            try:
                door()
            except SayWhy:
                found.add(name)
        return found

    assert shut() == set(doors)
    look.at_market(place.services, officer, "PE01", REASON)
    assert shut() == set(doors) - {"market"}
    look.at_vendor(place.services, officer, place.vendors["next_door"], REASON)
    assert shut() == set(doors) - {"market"}, "a look at one vendor opens no other's books"
    look.at_vendor(place.services, officer, vendor, REASON)
    assert shut() == {"stall"}
    assert look.at_stall(place.services, officer, "A01", REASON) == "A01"
    assert shut() == set()
    clock.now += timedelta(minutes=29)
    assert shut() == set()
    clock.now += timedelta(minutes=2)
    assert shut() == set(doors), "after half an hour the reason is asked for again"


def test_vendors_read_of_looks_at_them_and_at_all_of_them(place: Town) -> None:
    sell(place, "A01", PlainAmount(500))
    order_id = place.ask("SELECT id FROM orders WHERE status = 'paid'")
    look_at_everything(place)
    look.at_sale(place.services, who(place, "officer"), order_id)
    look.at_stall(place.services, who(place, "officer"), "A01", REASON)

    def read(name: str) -> list[tuple[str, str | None]]:
        found, _ = access.records(place.services, who(place, name), whose="others")
        return [(one.action.value, one.reason) for one in found if one.role == "officer"]

    market_look, vendor_look = ("market.look", REASON), ("vendor.look", REASON)
    assert read("vendor") == [("stall.check", REASON), ("sale.look", REASON), vendor_look, market_look]
    assert read("next_door") == [market_look]
    assert read("vendor_2") == []
    assert set(read("operator")) >= {market_look, vendor_look}


def test_a_look_at_one_stall_opens_no_other(place: Town) -> None:
    """Neither another of the same seller, nor another at which nobody sells."""
    officer = who(place, "officer")
    with place.services.database.unit_of_work() as uow:
        for code, vendor in (("A08", "vendor"), ("E01", None), ("E02", None)):
            seller = None if vendor is None else place.vendors[vendor]
            make.stall(uow.connection, place.markets[1], seller, code=code)
        uow.commit()
    for looked, other in (("A01", "A08"), ("E01", "E02")):
        look.at_stall(place.services, officer, looked, REASON)
        supervision.stall_check(place.services, officer, "en", looked)
        with pytest.raises(SayWhy):
            supervision.stall_check(place.services, officer, "en", other)


def test_a_stall_that_changes_hands_is_checked_anew(place: Town) -> None:
    """The look named whoever was authorised then: another seller's day needs another."""
    officer = who(place, "officer")
    look.at_stall(place.services, officer, "A01", REASON)
    change(place, "UPDATE authorisations SET vendor_id = :v WHERE vendor_id = :o",
           v=place.vendors["next_door"], o=place.vendors["vendor"])  # fmt: skip
    with pytest.raises(SayWhy):
        supervision.stall_check(place.services, officer, "en", "A01")


def test_threats_1_2_3_and_5_outside_the_region_nothing_is_there(place: Town) -> None:
    """Another region's officer, and whoever is no officer, by whatever is asked."""
    sell(place, "A01", PlainAmount(500), invoiced=True)
    order_id = place.ask("SELECT id FROM orders WHERE status = 'paid'")
    number = place.ask("SELECT number FROM invoices")
    vendor, first, last = place.vendors["vendor"], NOVEMBER.first_day, NOVEMBER.last_day
    look_at_everything(place)
    before = place.ask("SELECT count(*) FROM access_records")
    doors: list[Callable[[Services, Actor], object]] = [
        lambda services, other: look.at_market(services, other, "PE01", REASON),
        lambda services, other: look.at_vendor(services, other, vendor, REASON),
        lambda services, other: look.at_stall(services, other, "A01", REASON),
        lambda services, other: look.at_sale(services, other, order_id),
        lambda services, other: supervision.market(services, other, "en", "PE01", NOVEMBER),
        lambda services, other: supervision.vendor(services, other, "en", vendor, NOVEMBER),
        lambda services, other: supervision.sales(services, other, "en", vendor, first, last),
        lambda services, other: supervision.sale(services, other, "en", order_id),
        lambda services, other: supervision.order_of_invoice(services, other, number),
        lambda services, other: supervision.stall_check(services, other, "en", "A01"),
    ]
    for name in ("officer_2", "operator", "vendor", "admin", "operator_2"):
        for door in doors:
            with pytest.raises((OutOfScope, NotAllowed)):
                door(place.services, who(place, name))
    assert (
        supervision.region(
            place.services, who(place, "officer_2"), "en", NOVEMBER
        ).sources.total.figures.orders
        == 0
    )
    assert place.ask("SELECT count(*) FROM access_records") == before


def test_a_spot_check_knows_foreign_old_and_unknown_codes(place: Town) -> None:
    officer, operator = who(place, "officer"), who(place, "operator")
    url = market.stall(place.services, operator, "en", "A01").code_url
    assert url is not None
    assert look.at_stall(place.services, officer, url, REASON) == "A01"
    reissue_code.reissue(place.services, operator, "A01", "Torn")
    for code, error in (
        (url, CodeReplaced),
        (url[:-1] + ("A" if url[-1] != "A" else "B"), ForeignCode),
        ("a01", UnknownStall),
        ("", UnknownStall),
        ("A0\u00001", UnknownStall),
        ("ZZZ", OutOfScope),
    ):
        with pytest.raises(error):
            look.at_stall(place.services, officer, code, REASON)
    sell(place, "A01", PlainAmount(1_200))
    seen = supervision.stall_check(place.services, officer, "en", "A01")
    assert seen.seller is not None
    assert (seen.seller.name, seen.today.amount_fen, [sale.amount_fen for sale in seen.sales]) == (
        "Li Xiuying", 1_200, [1_200]
    )  # fmt: skip
    assert seen.sales[0].ledger.state == "queued"


@pytest.mark.parametrize(
    ("first_day", "last_day", "changes", "error"),
    [
        ("2026-11-02", "2026-11-01", {}, BadPeriod),
        ("2025-01-01", "2026-11-01", {}, BadPeriod),
        ("2026-11-01", "2026-11-01", {"compare": "x"}, BadListing),
        ("2026-11-01", "2026-11-01", {"rate": "0.13 OR 1=1"}, BadListing),
        ("2026-11-01", "2026-11-01", {"tax_class": "'; DROP TABLE sales --"}, BadListing),
        ("2026-11-01", "2026-11-01", {"taxpayer_kind": "admin"}, BadListing),
    ],
)
def test_threat_6_hostile_filters(
    first_day: str, last_day: str, changes: dict[str, str], error: type
) -> None:
    with pytest.raises(error):
        Asked(date.fromisoformat(first_day), date.fromisoformat(last_day), **changes)


def test_a_list_of_sales_is_turned_over_without_a_gap_or_a_double(place: Town, clock: Clock) -> None:
    for n in range(7):
        clock.now = NOON + timedelta(seconds=n // 2)  # some at the same instant
        sell(place, "A01", PlainAmount(100 + n), invoiced=n % 3 == 0)
    look_at_everything(place)
    vendor, officer = place.vendors["vendor"], who(place, "officer")

    def pages(**narrowed: str) -> list[int]:
        amounts, after = [], None
        while True:
            found = supervision.sales(
                place.services, officer, "en", vendor, NOVEMBER.first_day, NOVEMBER.last_day,
                after=after, limit=2, **narrowed,
            )  # fmt: skip
            amounts += [sale.amount_fen for sale in found.rows]
            after = found.next_key
            if after is None:
                return amounts

    assert sorted(pages()) == [100 + n for n in range(7)]
    assert sorted(pages(invoiced="yes")) == [100, 103, 106]
    assert sorted(pages(invoiced="no")) == [101, 102, 104, 105]
    with pytest.raises(BadListing):
        pages(invoiced="perhaps")
