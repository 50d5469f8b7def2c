"""The market desk over a real database: who sells when, codes, vendors, figures, and whose they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from invoice_service.domain import stall_code
from invoice_service.domain.authorisation import BadDays, BadHours, Overlaps
from invoice_service.domain.details import (
    BadMarket,
    BadStall,
    BadVendor,
    MarketExists,
    StallExists,
    VendorExists,
)
from invoice_service.domain.listing import BadListing, BadPeriod
from invoice_service.domain.order import PlainAmount, StallClosed, StallUnattended
from invoice_service.domain.party import make_buyer
from invoice_service.domain.policy import Actor, ConfirmFirst, NotAllowed, OutOfScope, Role
from invoice_service.domain.stall_code import CodeReplaced, ForeignCode
from invoice_service.flow import (
    authorise_seller,
    issue,
    manage_market,
    manage_stall,
    manage_vendor,
    order,
    pay,
    reissue_code,
)
from invoice_service.queries import market, shopper
from tests.clock import Clock
from tests.flow.test_rollups import PaysWhenAsked
from tests.people import Town, town

MONDAY_NOON = datetime(2026, 11, 30, 4, tzinfo=UTC)  # in the market; the month's last day
CHANNEL = "pays-when-asked"
ALL_DAY = {
    "first_day": "2026-11-30",
    "last_day": "",
    "weekdays": list("0123456"),
    "begins": "00:00",
    "ends": "00:00",
}
STALL = {
    "code": "B07", "name_zh": "流动摊位", "name_en": "Itinerants", "kind_zh": "蔬菜", "kind_en": "Vegetables",
    "place_zh": "B厅", "place_en": "Hall B",
}  # fmt: skip
VENDOR = {
    "name_zh": "张三", "name_en": "Zhang San", "taxpayer_kind": "natural_person", "tax_id": "",
    "self_produced": "1", "tax_period": "month", "licence_no": "", "licence_until": "",
    "default_tax_class": "vegetable",
}  # fmt: skip
HOSTILE = ("", "code; DROP TABLE orders", "amount_fen desc--", "Code", "\x00", "1 OR 1=1", "{{7*7}}")


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY_NOON)


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        provider: Any = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


def desk(place: Town, number: int = 1) -> Actor:
    name = "operator" if number == 1 else "operator_2"
    now = place.services.clock()
    return Actor(
        place.accounts[name], 1, Role.OPERATOR, name, market_id=place.markets[number], confirmed_at=now
    )


def admin(place: Town) -> Actor:
    return Actor(place.accounts["admin"], 1, Role.ADMIN, "admin")


def sell(place: Town, stall: str, amount_fen: int = 1_000) -> str:
    placed = order.place(place.services, stall, PlainAmount(amount_fen))
    pay.start(place.services, placed.token, CHANNEL)
    pay.check(place.services, placed.token)
    return placed.token


def new_stall(place: Town) -> str:
    return manage_stall.add(place.services, desk(place), STALL)


def new_vendor(place: Town, **changes: str) -> int:
    return manage_vendor.add(place.services, desk(place), VENDOR | changes)


# --- who sells where and when ---------------------------------------------------------------------------


def test_an_itinerant_vendors_money_and_invoices_are_theirs_to_the_minute(place: Town, clock: Clock) -> None:
    """One sells until one o'clock, another after it; an order belongs to who sold when it was placed."""
    code, morning, afternoon = new_stall(place), new_vendor(place), new_vendor(place, name_zh="李四")
    hours = ALL_DAY | {"weekdays": ["0"]}
    authorise_seller.authorise(
        place.services, desk(place), code, morning, **hours | {"begins": "06:00", "ends": "13:00"}
    )
    authorise_seller.authorise(
        place.services, desk(place), code, afternoon, **hours | {"begins": "13:00", "ends": "20:00"}
    )
    clock.now = MONDAY_NOON + timedelta(minutes=59)
    placed = order.place(place.services, code, PlainAmount(700))
    clock.now = MONDAY_NOON + timedelta(minutes=61)
    assert shopper.stall(place.services, code, "zh-CN").vendor_name == "李四"
    pay.start(place.services, placed.token, CHANNEL)
    pay.check(place.services, placed.token)
    issued = issue.issue(place.services, placed.token, make_buyer("individual", "", None))
    assert shopper.invoice(place.services, issued.token).seller_name == "张三"
    sell(place, code, 300)
    found = place.rows("SELECT vendor_id, sum(amount_fen) AS fen FROM vendor_hours GROUP BY 1 ORDER BY 1")
    assert found == [{"vendor_id": morning, "fen": 700}, {"vendor_id": afternoon, "fen": 300}]
    clock.now = MONDAY_NOON + timedelta(hours=9)
    assert shopper.stall(place.services, code, "en").vendor_name is None
    with pytest.raises(StallUnattended):
        order.place(place.services, code, PlainAmount(100))


def test_a_night_on_sunday_runs_into_monday(place: Town, clock: Clock) -> None:
    code, vendor_id = new_stall(place), new_vendor(place)
    night = ALL_DAY | {"weekdays": ["6"], "begins": "22:00", "ends": "02:00"}
    authorise_seller.authorise(place.services, desk(place), code, vendor_id, **night)
    (one,) = market.stall(place.services, desk(place), "en", code).authorisations
    assert [(part.weekday, part.begins, part.ends) for part in one.hours] == [(0, 0, 120), (6, 1320, 1440)]
    for at, sells in (((13, 59), False), ((14, 0), True), ((17, 59), True), ((18, 0), False)):
        clock.now = datetime(2026, 12, 6, *at, tzinfo=UTC)  # Sunday evening in the market, eight hours ahead
        assert (shopper.stall(place.services, code, "en").vendor_name is not None) is sells


def test_overlaps_are_refused_by_the_database_also_in_parallel(place: Town) -> None:
    code, vendors = new_stall(place), [new_vendor(place, name_zh=f"摊{n}") for n in range(6)]

    def ask(vendor_id: int) -> bool:
        try:
            authorise_seller.authorise(place.services, desk(place), code, vendor_id, **ALL_DAY)
        except Overlaps:
            return False
        return True

    with ThreadPoolExecutor(6) as desks:
        assert sum(desks.map(ask, vendors)) == 1
    other_days = ALL_DAY | {"first_day": "2027-01-01"}
    with pytest.raises(Overlaps):
        authorise_seller.authorise(place.services, desk(place), code, vendors[0], **other_days)


WRONG_HOURS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"weekdays": []}, BadHours), ({"weekdays": ["7"]}, BadHours), ({"weekdays": ["x"]}, BadHours),
    ({"begins": "25:00"}, BadHours), ({"ends": ""}, BadHours), ({"begins": "06:00'--"}, BadHours),
    ({"last_day": "2026-11-29"}, BadDays), ({"first_day": "2026-11-29"}, BadDays),
]  # fmt: skip


def test_hours_and_days_that_make_no_sense(place: Town) -> None:
    code, vendor_id = new_stall(place), new_vendor(place)
    for change, error in WRONG_HOURS:
        with pytest.raises(error):
            authorise_seller.authorise(place.services, desk(place), code, vendor_id, **ALL_DAY | change)
    assert not place.rows("SELECT 1 FROM authorisations WHERE vendor_id = :id", id=vendor_id)


def test_a_leap_day_and_an_end_that_never_reaches_into_the_past(place: Town, clock: Clock) -> None:
    code, vendor_id = new_stall(place), new_vendor(place)
    clock.now = datetime(2028, 2, 28, 16, tzinfo=UTC)  # midnight before 29 February
    leap = ALL_DAY | {"first_day": "2028-02-29", "last_day": "2028-02-29"}
    one = authorise_seller.authorise(place.services, desk(place), code, vendor_id, **leap)
    assert shopper.stall(place.services, code, "en").vendor_name == "Zhang San"
    for wrong in (date(2028, 2, 28), date(2028, 3, 1)):
        with pytest.raises(BadDays):
            authorise_seller.end(place.services, desk(place), one, wrong)
    later = authorise_seller.authorise(
        place.services, desk(place), code, vendor_id, **ALL_DAY | {"first_day": "2028-03-01"}
    )
    authorise_seller.end(place.services, desk(place), later, date(2028, 2, 29))  # not begun: withdrawn
    assert [row["id"] for row in place.rows("SELECT id FROM authorisations WHERE id >= :one", one=one)] == [
        one
    ]
    clock.now += timedelta(days=1)
    assert shopper.stall(place.services, code, "en").vendor_name is None


# --- codes ------------------------------------------------------------------------------------------------


def test_a_printed_code_is_checked_a_bent_one_foreign_and_an_old_one_says_so(place: Town) -> None:
    key = place.services.keyring.tokens
    first = stall_code.printed("A01", 1, key)
    assert shopper.stall(place.services, first, "en").is_checked
    assert not shopper.stall(place.services, "A01", "en").is_checked
    foreign = (first[:-1] + ("A" if first[-1] != "A" else "B"), first.replace("A01", "B01"),
               first.replace(".1.", ".2."), "A01.1.", "A01.1", "A01.1.é", "A01.01." + first[6:])  # fmt: skip
    for code in foreign:
        with pytest.raises(ForeignCode):
            shopper.stall(place.services, code, "en")
        with pytest.raises(ForeignCode):
            order.place(place.services, code, PlainAmount(100))
    assert reissue_code.reissue(place.services, desk(place), "A01", "rain") == 2
    for ask in (lambda: shopper.stall(place.services, first, "en"),
                lambda: order.place(place.services, first, PlainAmount(100))):  # fmt: skip
        with pytest.raises(CodeReplaced):
            ask()
    assert shopper.stall(place.services, stall_code.printed("A01", 2, key), "en").is_checked
    detail = market.stall(place.services, desk(place), "en", "A01")
    assert [(code.serial, code.reason) for code in detail.codes] == [(2, None), (1, "rain")]
    for reason in ("", "  ", "\u202e"):
        with pytest.raises(reissue_code.ReasonMissing):
            reissue_code.reissue(place.services, desk(place), "A01", reason)


# --- what is typed ----------------------------------------------------------------------------------------


WRONG_VENDORS = [
    ({"name_zh": ""}, {"name_zh"}),
    ({"name_zh": "x" * 101}, {"name_zh"}),
    ({"name_zh": "a\u202eb"}, {"name_zh"}),
    ({"taxpayer_kind": "king"}, {"taxpayer_kind", "tax_id"}),
    ({"tax_id": "92532528MA6L45LX6L"}, {"tax_id"}),
    ({"taxpayer_kind": "small_scale"}, {"tax_id"}),
    ({"taxpayer_kind": "small_scale", "tax_id": "92532528MA6L45LX6M"}, {"tax_id"}),
    ({"licence_until": "2026-02-30"}, {"licence_until"}),
    ({"tax_period": "year"}, {"tax_period"}),
    ({"default_tax_class": "gold"}, {"default_tax_class"}),
    ({"default_tax_code": "1"}, {"default_tax_code"}),
]


def test_a_vendor_as_nobody_can_be(place: Town) -> None:
    for change, fields in WRONG_VENDORS:
        with pytest.raises(BadVendor) as refused:
            new_vendor(place, **change)
        assert set(refused.value.fields) == fields


def test_a_credit_code_stands_once_in_a_market(place: Town) -> None:
    registered = {"taxpayer_kind": "small_scale", "tax_id": "92532528MA6L45LX6L"}
    known = place.rows("SELECT tax_id FROM vendors WHERE tax_id IS NOT NULL")
    registered["tax_id"] = known[0]["tax_id"] if known else registered["tax_id"]
    with pytest.raises(VendorExists):
        new_vendor(place, **registered)


def test_stalls_and_markets_have_codes_of_their_own(place: Town) -> None:
    new_stall(place)
    with pytest.raises(StallExists):
        manage_stall.add(place.services, desk(place, 2), STALL)
    for code in ("", "a01", "A.1", "A" * 21, "甲", "A01\n"):
        with pytest.raises(BadStall):
            manage_stall.add(place.services, desk(place), STALL | {"code": code.replace("\n", "\x00")})
    details = {"code": "NEW1", "name_zh": "新市场", "name_en": "New", "region": "530802", "address": "x"}
    assert manage_market.add(place.services, admin(place), details) == "NEW1"
    with pytest.raises(MarketExists):
        manage_market.add(place.services, admin(place), details)
    with pytest.raises(BadMarket):
        manage_market.add(place.services, admin(place), details | {"code": "NEW2", "region": "53"})
    with pytest.raises(NotAllowed):
        manage_market.add(place.services, desk(place), details | {"code": "NEW3"})


def test_a_closed_stall_takes_no_orders(place: Town) -> None:
    manage_stall.set_open(place.services, desk(place), "A01", False)
    with pytest.raises(StallClosed):
        order.place(place.services, "A01", PlainAmount(100))
    manage_stall.set_open(place.services, desk(place), "A01", True)
    order.place(place.services, "A01", PlainAmount(100))


# --- whose it is ------------------------------------------------------------------------------------------


def test_threat_1_invoiceshelf_cve_2026_55610_nothing_of_another_market_can_be_changed(place: Town) -> None:
    theirs, services, ours = desk(place, 2), place.services, place.vendors["vendor"]
    before = place.rows("SELECT * FROM stalls"), place.rows("SELECT * FROM vendors")
    tries = (
        lambda: manage_stall.edit(services, theirs, "A01", STALL),
        lambda: manage_stall.set_open(services, theirs, "A01", False),
        lambda: manage_vendor.edit(services, theirs, ours, VENDOR),
        lambda: manage_vendor.look(services, theirs, ours),
        lambda: authorise_seller.authorise(services, theirs, "A01", ours, **ALL_DAY),
        lambda: authorise_seller.end(services, theirs, 1, date(2026, 12, 1)),
        lambda: reissue_code.reissue(services, theirs, "A01", "x"),
        lambda: market.stall(services, theirs, "en", "A01"),
        lambda: market.vendor(services, theirs, "en", ours),
        lambda: market.posters(services, theirs, ["A01"]),
    )
    for attempt in tries:
        with pytest.raises(OutOfScope):
            attempt()
    assert (place.rows("SELECT * FROM stalls"), place.rows("SELECT * FROM vendors")) == before
    assert not place.rows("SELECT 1 FROM access_records WHERE account_id IS NOT NULL")


def test_a_vendor_of_another_market_is_not_authorised_at_our_stall(place: Town) -> None:
    code = new_stall(place)
    with pytest.raises(OutOfScope):
        authorise_seller.authorise(place.services, admin(place), code, place.vendors["vendor_2"], **ALL_DAY)


def test_threat_3_lists_hold_ones_own_market_only(place: Town) -> None:
    for number in (1, 2):
        ours = {
            row["code"]
            for row in place.rows("SELECT code FROM stalls WHERE market_id = :id", id=place.markets[number])
        }
        assert {line.code for line in market.stalls(place.services, desk(place, number), "en").rows} == ours
    assert len(market.markets(place.services, desk(place), "en")) == 1
    assert len(market.markets(place.services, admin(place), "en")) >= 2


# --- figures ----------------------------------------------------------------------------------------------


def test_threat_6_erpnext_cve_2026_44446_sorts_and_filters_come_from_closed_lists(place: Town) -> None:
    who, services = desk(place), place.services
    today = date(2026, 11, 30)
    tries: list[Callable[[str], object]] = [
        lambda value: market.stalls(services, who, "en", sort=value),
        lambda value: market.stalls(services, who, "en", state=value),
        lambda value: market.vendors(services, who, "en", sort=value),
        lambda value: market.vendors(services, who, "en", licence=value),
        lambda value: market.turnover(services, who, "en", today, today, value),
        lambda value: market.posters(services, who, None, size=value),
    ]
    for value in HOSTILE:
        for attempt in tries:
            with pytest.raises(BadListing):
                attempt(value)
        market.stalls(services, who, "en", search=value)


def test_turnover_agrees_to_the_fen_however_it_is_cut(place: Town, clock: Clock) -> None:
    for hour in range(6):
        clock.now = MONDAY_NOON + timedelta(hours=hour * 5)
        sell(place, "A01", 1_001 + hour)
    first, last = date(2026, 11, 30), date(2026, 12, 1)
    totals = {
        by: market.turnover(place.services, desk(place), "en", first, last, by).total_fen
        for by in market.TURNOVER_BY
    }
    assert set(totals.values()) == {6 * 1_001 + 15}
    by_day = market.turnover(place.services, desk(place), "en", first, last, "day")
    assert [(row.key, row.amount_fen) for row in by_day.rows] == [
        ("2026-11-30", 3_006),
        ("2026-12-01", 3_015),
    ]
    for wrong in ((last, first), (first, first + timedelta(days=366))):
        with pytest.raises(BadPeriod):
            market.turnover(place.services, desk(place), "en", *wrong)


def test_the_overview_and_the_wall_say_the_same(place: Town, clock: Clock) -> None:
    for amount in (500, 1_500):
        clock.now += timedelta(seconds=1)  # or neither were the later one
        sell(place, "A01", amount)
    seen = market.overview(place.services, desk(place), "en")
    wall = market.wall(place.services, desk(place), "en")
    assert (
        (seen.today.orders, seen.today.amount_fen) == (wall.today.orders, wall.today.amount_fen) == (2, 2_000)
    )
    assert seen.hours[12].figures.amount_fen == 2_000
    assert [(sale.stall_code, sale.amount_fen) for sale in wall.sales] == [("A01", 1_500), ("A01", 500)]
    assert seen.selling + seen.closed + seen.unattended == seen.stalls == len(wall.stalls)
    marks = market.marks(place.services, [str(place.markets[1])])
    assert marks == {str(place.markets[1]): wall.mark}
    sell(place, "A01", 1)
    assert market.marks(place.services, list(marks)) != marks


def test_alerts_for_licences_silence_and_missing_invoices(place: Town, clock: Clock) -> None:
    services, who = place.services, desk(place)
    lapses = {"licence_until": "2026-12-20", "licence_no": "L1"}
    seller_id, code = new_vendor(place, **lapses), new_stall(place)
    authorise_seller.authorise(services, who, code, seller_id, **ALL_DAY)
    (alert,) = market.overview(services, who, "en").licences
    assert (alert.vendor_id, alert.days_left) == (seller_id, 20)
    for day in range(7):
        clock.now = MONDAY_NOON + timedelta(days=day)
        sell(place, code)
    clock.now = MONDAY_NOON + timedelta(days=7, hours=1, minutes=10)
    (silent,) = market.overview(services, who, "en").silent
    assert (silent.stall_code, silent.usual_days) == (code, 7)
    sell(place, code)
    assert not market.overview(services, who, "en").silent


def test_lists_turn_over_by_key_in_every_order(place: Town) -> None:
    for n in range(5):
        manage_stall.add(place.services, desk(place), STALL | {"code": f"C{n}", "name_zh": f"摊{n % 2}"})
    for sort in market.STALL_SORTS:
        for descending in (False, True):
            whole = market.stalls(place.services, desk(place), "en", sort=sort, descending=descending)
            paged, after = [], None
            while True:
                page = market.stalls(
                    place.services, desk(place), "en", sort=sort, descending=descending, limit=2, after=after
                )
                paged += page.rows
                after = page.next_key
                if after is None:
                    break
            assert paged == list(whole.rows)
            assert whole.total == len(paged)


def test_every_change_is_written_down(place: Town) -> None:
    code, vendor_id = new_stall(place), new_vendor(place)
    one = authorise_seller.authorise(place.services, desk(place), code, vendor_id, **ALL_DAY)
    authorise_seller.end(place.services, desk(place), one, date(2026, 12, 31))
    manage_stall.edit(place.services, desk(place), code, STALL)
    manage_vendor.edit(place.services, desk(place), vendor_id, VENDOR)
    manage_vendor.look(place.services, desk(place), vendor_id)
    manage_stall.look(place.services, desk(place), "A01")
    reissue_code.reissue(place.services, desk(place), code, "worn")
    manage_market.edit(
        place.services, desk(place),
        {"name_zh": "市场", "name_en": "M", "region": "530802", "address": "路"},
    )  # fmt: skip
    actions = [
        row["action"]
        for row in place.rows("SELECT action FROM access_records WHERE account_id IS NOT NULL ORDER BY id")
    ]
    assert actions == [
        "stall.change", "vendor.change", "seller.authorise", "seller.end", "stall.change", "vendor.change",
        "vendor.look", "stall.look", "stall.reissue_code", "market.change",
    ]  # fmt: skip
    [seen] = place.rows("SELECT vendor_id, subject FROM access_records WHERE action = 'stall.look'")
    assert seen == {"vendor_id": place.vendors["vendor"], "subject": "A01"}  # who sells there sees it


def test_who_left_the_desk_open_lets_nobody_redirect_a_stalls_money(place: Town) -> None:
    code, vendor_id = new_stall(place), new_vendor(place)
    stale = replace(desk(place), confirmed_at=place.services.clock() - timedelta(minutes=11))
    with pytest.raises(ConfirmFirst):
        authorise_seller.authorise(place.services, stale, code, vendor_id, **ALL_DAY)
