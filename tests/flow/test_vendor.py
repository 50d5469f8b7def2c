"""A vendor's phone over a real database: keyed sales, figures, lists, goods, the day's end."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from invoice_service.domain.authorisation import weekly
from invoice_service.domain.keyed import BadRounding, KeyedAmount, KeyedGoods, KeyedSale, Rounding
from invoice_service.domain.listing import BadListing
from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.order import PlainAmount, StallClosed, StallUnattended
from invoice_service.domain.party import make_buyer
from invoice_service.domain.policy import Actor, ConfirmFirst, NotAllowed, OutOfScope, Role
from invoice_service.domain.threshold import State
from invoice_service.flow import close_day, edit_goods, issue, key_sale, order, pay
from invoice_service.flow.close_day import BadCount, DayToCome
from invoice_service.flow.edit_goods import BadGoods, GoodsChanged, TooManyGoods
from invoice_service.flow.key_sale import ChooseStall
from invoice_service.flow.order import Placed
from invoice_service.queries import live, shopper, vendor
from invoice_service.store.idempotency import KeyReused
from tests import make
from tests.clock import Clock
from tests.flow.test_rollups import PaysWhenAsked
from tests.people import Town, town

CHANNEL = "pays-when-asked"
NOON = datetime(2026, 11, 30, 4, tzinfo=UTC)  # a Monday, the month's last day, noon in the market
PERSON = make_buyer("individual", "", None)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        with made.services.database.unit_of_work() as uow:  # nothing was ordered yet
            uow.connection.execute(text("DELETE FROM order_lines"))
            uow.connection.execute(text("DELETE FROM orders"))
            uow.commit()
        provider: Any = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


def seller(place: Town, name: str = "vendor", *, fresh: bool = True) -> Actor:
    """The signed-in vendor, as of the test's own clock."""
    return Actor(
        account_id=place.accounts[name],
        session_id=1,
        role=Role.VENDOR,
        name=name,
        market_id=place.markets[2 if name == "vendor_2" else 1],
        vendor_id=place.vendors[name],
        confirmed_at=place.services.clock() if fresh else None,
    )


def operator(place: Town, number: int) -> Actor:
    name = "operator" if number == 1 else "operator_2"
    return Actor(
        account_id=place.accounts[name],
        session_id=1,
        role=Role.OPERATOR,
        name=name,
        market_id=place.markets[number],
        confirmed_at=place.services.clock(),
    )


def sell(place: Town, amount_fen: int, stall: str = "A01", *, invoiced: bool = False) -> Placed:
    """A shopper pays now."""
    placed = order.place(place.services, stall, PlainAmount(amount_fen))
    paid(place, placed)
    if invoiced:
        issue.issue(place.services, placed.token, PERSON)
    return placed


def paid(place: Town, placed: Placed) -> None:
    pay.start(place.services, placed.token, CHANNEL)
    pay.check(place.services, placed.token)


def keyed(place: Town, *items: KeyedAmount | KeyedGoods, name: str = "vendor", **changes: Any) -> Placed:
    changes = {"idempotency_key": secrets.token_hex(16)} | changes
    sale = KeyedSale(items, changes.pop("rounding", Rounding.NONE), changes.pop("off", 0))
    return key_sale.key_sale(place.services, seller(place, name), sale, **changes)


# --- keyed sales ------------------------------------------------------------------------------------------


def test_a_keyed_sale_is_paid_and_invoiced_like_any_other(place: Town) -> None:
    placed = keyed(place, KeyedGoods("pakchoi", Decimal("1.5")), KeyedAmount(1_234), rounding=Rounding.JIAO)
    shown = shopper.order(place.services, placed.token, "en")
    assert (placed.amount_fen, shown.amount_fen, shown.rounded_off_fen) == (1_710, 1_710, 4)
    assert [line.amount_fen for line in shown.lines] == [480, 1_230]
    paid(place, placed)
    issued = issue.issue(place.services, placed.token, PERSON)
    assert issued.total_fen == 1_710
    invoice = shopper.invoice(place.services, issued.token)
    assert sum(line.amount_fen for line in invoice.lines) == invoice.total_fen == 1_710
    (row,) = place.rows("SELECT keyed_by, rounded_off_fen FROM orders")
    assert row == {"keyed_by": place.accounts["vendor"], "rounded_off_fen": 4}
    (record,) = place.rows("SELECT * FROM access_records WHERE action = 'order.key'")
    assert (record["vendor_id"], record["subject"]) == (place.vendors["vendor"], "A01 ¥17.10")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    fen=st.lists(st.integers(1, 90_000), min_size=1, max_size=6),
    grams=st.lists(st.integers(20, 9_000), max_size=4),
    rounding=st.sampled_from(list(Rounding)),
    off=st.integers(0, 99),
)
def test_any_keyed_sale_is_invoiced_for_what_was_paid(
    place: Town, fen: list[int], grams: list[int], rounding: Rounding, off: int
) -> None:
    items = [*map(KeyedAmount, fen), *(KeyedGoods("pakchoi", Decimal(g) / 1000) for g in grams)]
    try:
        placed = keyed(place, *items, rounding=rounding, off=off)
    except BadRounding:
        return
    paid(place, placed)
    issued = issue.issue(place.services, placed.token, PERSON)
    shown = shopper.order(place.services, placed.token, "en")
    assert sum(line.amount_fen for line in shown.lines) == issued.total_fen == placed.amount_fen
    assert shown.rounded_off_fen < 100


def test_threat_10_two_parallel_keyed_sales_with_one_key_are_one(place: Town) -> None:
    key = secrets.token_hex(16)
    with ThreadPoolExecutor(8) as phones:
        placed = list(phones.map(lambda _: keyed(place, KeyedAmount(500), idempotency_key=key), range(8)))
    assert len({one.token for one in placed}) == 1
    assert sum(one.created for one in placed) == 1
    assert place.ask("SELECT count(*) FROM orders") == 1
    assert place.ask("SELECT count(*) FROM access_records WHERE action = 'order.key'") == 1
    with pytest.raises(KeyReused):
        keyed(place, KeyedAmount(501), idempotency_key=key)


def test_threat_10_a_neighbours_key_opens_nothing(place: Town) -> None:
    key = secrets.token_hex(16)
    mine = keyed(place, KeyedAmount(500), idempotency_key=key)
    theirs = keyed(place, KeyedAmount(500), idempotency_key=key, name="next_door")
    assert mine.token != theirs.token


def test_a_vendor_of_several_stalls_says_which(place: Town) -> None:
    with place.services.database.unit_of_work() as uow:
        make.stall(uow.connection, place.markets[1], place.vendors["vendor"], code="A09")
        uow.commit()
    with pytest.raises(ChooseStall, match="A01, A09"):
        keyed(place, KeyedAmount(500))
    placed = keyed(place, KeyedAmount(500), stall_code="A09")
    assert shopper.order(place.services, placed.token, "en").stall_code == "A09"
    with pytest.raises(StallUnattended):
        keyed(place, KeyedAmount(500), stall_code="A02")  # a neighbour's


def test_who_is_not_authorised_at_this_hour_keys_nothing(place: Town, clock: Clock) -> None:
    with place.services.database.unit_of_work() as uow:
        uow.connection.exec_driver_sql("DELETE FROM authorisations")
        (stall_id,) = uow.connection.exec_driver_sql("SELECT id FROM stalls WHERE code = 'A01'").one()
        mornings = weekly(range(7), time(6), time(12))
        make.authorise(uow.connection, place.markets[1], stall_id, place.vendors["vendor"], minutes=mornings)
        uow.commit()
    with pytest.raises(StallUnattended):
        keyed(place, KeyedAmount(500))  # noon has passed
    clock.now = NOON - timedelta(minutes=1)
    assert keyed(place, KeyedAmount(500)).amount_fen == 500


def test_a_closed_stall_takes_no_keyed_sale(place: Town) -> None:
    with place.services.database.unit_of_work() as uow:
        uow.connection.exec_driver_sql("UPDATE stalls SET is_open = false")
        uow.commit()
    with pytest.raises(StallClosed):
        keyed(place, KeyedAmount(500))


@pytest.mark.parametrize("number", [1, 2])
def test_an_operator_keys_no_sale_and_edits_no_goods(place: Town, number: int) -> None:
    actor = operator(place, number)
    sale = KeyedSale((KeyedAmount(500),))
    with pytest.raises(NotAllowed):
        key_sale.key_sale(place.services, actor, sale, idempotency_key=secrets.token_hex(16))
    with pytest.raises(NotAllowed):
        edit_goods.set_available(place.services, actor, "pakchoi", available=False)
    with pytest.raises(NotAllowed):
        close_day.close_day(place.services, actor, NOON.date(), stated_fen={}, cash_fen=0)


# --- figures ----------------------------------------------------------------------------------------------


def test_today_is_the_days_takings_and_the_last_payments(place: Town, clock: Clock) -> None:
    clock.now = NOON - timedelta(days=1)
    sell(place, 700)
    clock.now = NOON
    sell(place, 1_000, invoiced=True)
    clock.now = NOON + timedelta(minutes=1)
    paid(place, keyed(place, KeyedGoods("pakchoi", Decimal("2.50"))))
    sell(place, 99_000, "A02")  # next door
    shown = vendor.today(place.services, seller(place), "en")
    assert (shown.figures.orders, shown.figures.amount_fen, shown.figures.exempt_fen) == (2, 1_800, 1_800)
    assert (shown.figures.invoices, shown.figures.invoiced_percent) == (1, 50)
    assert shown.yesterday.amount_fen == 700
    assert [(one.amount_fen, one.goods, one.is_invoiced, one.is_keyed) for one in shown.last] == [
        (800, "Pak choi 2.5 斤", False, True),
        (1_000, "Vegetables", True, False),
        (700, "Vegetables", False, False),
    ]
    assert [stall.code for stall in shown.stalls] == ["A01"]
    own = str(place.vendors["vendor"])
    assert live.vendor_marks(place.services, [own, "999"]) == {own: shown.mark, "999": "2026-11-30 0 0 0"}


def test_an_empty_day_is_an_empty_page(place: Town) -> None:
    shown = vendor.today(place.services, seller(place), "zh-CN")
    assert (shown.figures.orders, shown.figures.invoiced_percent, shown.last) == (0, None, ())
    bars = vendor.sales(place.services, seller(place), "zh-CN", "month")
    assert (bars.total.amount_fen, bars.change_percent, bars.goods) == (0, None, ())
    assert vendor.gauge(place.services, seller(place), "en").gauge.state is State.BELOW
    assert vendor.orders(place.services, seller(place), "en").rows == ()
    assert vendor.invoices(place.services, seller(place), "en").rows == ()


def test_sales_at_the_months_and_the_years_end_fall_on_their_days(place: Town, clock: Clock) -> None:
    """A minute before and after midnight in the market, which is afternoon in UTC."""
    midnight = datetime(2027, 1, 1, tzinfo=SHANGHAI)
    for moment, fen in ((midnight - timedelta(minutes=1), 100), (midnight + timedelta(minutes=1), 200)):
        clock.now = moment.astimezone(UTC)
        sell(place, fen)

    def total(kind: str, day: date) -> int:
        return vendor.sales(place.services, seller(place), "en", kind, day).total.amount_fen

    for kind, old, new in (("day", 100, 200), ("month", 100, 200), ("quarter", 100, 200), ("year", 100, 200)):
        assert (total(kind, date(2026, 12, 31)), total(kind, date(2027, 1, 1))) == (old, new), kind
    assert total("week", date(2026, 12, 31)) == total("week", date(2027, 1, 3)) == 300
    shown = vendor.sales(place.services, seller(place), "en", "day", date(2027, 1, 1))
    assert (shown.before.amount_fen, shown.before_so_far.amount_fen) == (100, 0)
    assert [(bar.hour, bar.figures.amount_fen) for bar in shown.bars if bar.figures.orders] == [(0, 200)]
    assert shown.bars[23].before_fen == 100


def test_bars_stand_beside_those_of_the_period_before(place: Town, clock: Clock) -> None:
    for day, fen in ((date(2026, 2, 28), 100), (date(2026, 3, 1), 300), (date(2026, 3, 28), 200)):
        clock.now = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
        sell(place, fen)
    clock.now += timedelta(hours=1)
    shown = vendor.sales(place.services, seller(place), "en", "month", date(2026, 3, 28))
    assert len(shown.bars) == 31
    assert [(bar.begins.day, bar.figures.amount_fen, bar.before_fen) for bar in shown.bars[27:]] == [
        (28, 200, 100),
        (29, 0, None),  # February had no such day
        (30, 0, None),
        (31, 0, None),
    ]
    assert (shown.total.amount_fen, shown.before.amount_fen, shown.change_percent) == (500, 100, 400)
    year = vendor.sales(place.services, seller(place), "en", "year", date(2026, 3, 28))
    assert [bar.figures.amount_fen for bar in year.bars] == [0, 100, 500, *[0] * 9]
    (goods,) = year.goods
    assert (goods.lines, goods.amount_fen, goods.share_percent) == (3, 600, 100)


def test_a_clock_that_jumps_back_does_no_harm(place: Town, clock: Clock) -> None:
    sell(place, 100, invoiced=True)
    clock.now = NOON - timedelta(days=1, hours=3)
    sell(place, 200, invoiced=True)
    today = vendor.today(place.services, seller(place), "en")
    assert (today.day, today.figures.amount_fen) == (date(2026, 11, 29), 200)
    month = vendor.sales(place.services, seller(place), "en", "month")
    assert month.total.amount_fen == 300
    assert vendor.gauge(place.services, seller(place), "en").gauge.used_fen == 300
    rows = vendor.orders(place.services, seller(place), "en").rows
    assert [row.amount_fen for row in rows] == [100, 200]
    assert [row.total_fen for row in vendor.invoices(place.services, seller(place), "en").rows] == [100, 200]


def test_the_gauge_counts_exempt_and_taxable_sales_apart(place: Town) -> None:
    with place.services.database.unit_of_work() as uow:
        uow.connection.exec_driver_sql(
            "UPDATE vendors SET tax_period = 'month', default_tax_class = 'processed_food' WHERE id = %s",
            (place.vendors["next_door"],),
        )
        uow.commit()
    sell(place, 10_100, "A02")
    sell(place, 1_000, "A01")
    theirs = vendor.gauge(place.services, seller(place, "next_door"), "en")
    assert (theirs.gauge.exempt_fen, theirs.gauge.taxable_fen, theirs.gauge.limit_fen) == (0, 10_000, 10**7)
    mine = vendor.gauge(place.services, seller(place), "en").gauge
    assert (mine.exempt_fen, mine.taxable_fen, mine.limit_fen) == (1_000, 0, 3 * 10**7)
    assert "¥100,000" in theirs.rule_text
    assert theirs.gauge.threshold is not None
    assert theirs.gauge.threshold.basis == "财政部 税务总局公告2026年第10号"


def test_a_months_days_sum_to_the_month(place: Town, clock: Clock) -> None:
    for day in (1, 1, 15, 30):
        clock.now = datetime(2026, 11, day, 4, tzinfo=UTC)
        sell(place, 100 * day, invoiced=day == 15)
    found = vendor.month_summary(place.services, seller(place), "en")
    assert len(found.days) == 30
    assert [one.day.day for one in found.days if one.figures.orders] == [1, 15, 30]
    assert sum(one.figures.amount_fen for one in found.days) == found.total.amount_fen == 4_700
    assert found.total.invoiced_fen == 1_500


# --- lists ------------------------------------------------------------------------------------------------


def test_pages_hold_each_order_once_while_others_come_in(place: Town, clock: Clock) -> None:
    for n in range(7):
        clock.now = NOON + timedelta(seconds=n)
        sell(place, 100 + n, invoiced=n % 2 == 0)
    first = vendor.orders(place.services, seller(place), "en", limit=3)
    clock.now = NOON + timedelta(seconds=60)
    sell(place, 999)
    second = vendor.orders(place.services, seller(place), "en", limit=3, after=first.next_key)
    third = vendor.orders(place.services, seller(place), "en", limit=3, after=second.next_key)
    assert [row.amount_fen for page in (first, second, third) for row in page.rows] == [
        106, 105, 104, 103, 102, 101, 100,
    ]  # fmt: skip
    assert third.next_key is None
    issued = vendor.invoices(place.services, seller(place), "en", limit=3)
    rest = vendor.invoices(place.services, seller(place), "en", limit=3, after=issued.next_key)
    assert [row.total_fen for page in (issued, rest) for row in page.rows] == [106, 104, 102, 100]
    assert rest.next_key is None


def test_orders_are_found_by_amount_and_day_and_state(place: Town, clock: Clock) -> None:
    for day, fen in ((28, 100), (29, 200), (30, 100)):
        clock.now = datetime(2026, 11, day, 15, 59, tzinfo=UTC)  # a minute to midnight in the market
        sell(place, fen, invoiced=True)
    order.place(place.services, "A01", PlainAmount(100))  # not paid

    def amounts(**narrowed: Any) -> list[tuple[int, str]]:
        rows = vendor.orders(place.services, seller(place), "en", **narrowed).rows
        return [(row.amount_fen, row.status) for row in rows]

    assert amounts(amount_fen=200) == [(200, "paid")]
    assert amounts(amount_fen=100, status="open") == [(100, "open")]
    assert amounts(from_day=date(2026, 11, 29), to_day=date(2026, 11, 29)) == [(200, "paid")]
    assert len(amounts(from_day=date(2026, 11, 29))) == 3
    assert len(amounts(to_day=date(2026, 11, 28))) == 1
    found = vendor.invoices(place.services, seller(place), "en", amount_fen=100, from_day=date(2026, 11, 29))
    assert [row.total_fen for row in found.rows] == [100]


def test_threat_6_a_status_that_is_no_status(place: Town) -> None:
    with pytest.raises(BadListing):
        vendor.orders(place.services, seller(place), "en", status="paid' OR '1'='1")


def test_an_order_shows_its_lines_payments_and_invoice(place: Town) -> None:
    placed = keyed(place, KeyedAmount(1_234), rounding=Rounding.YUAN)
    (row,) = vendor.orders(place.services, seller(place), "en").rows
    opened = vendor.order(place.services, seller(place), "en", row.order_id)
    assert (opened.token, opened.rounded_off_fen, opened.invoice_number) == (placed.token, 34, None)
    paid(place, placed)
    issued = issue.issue(place.services, placed.token, PERSON)
    found = vendor.order(place.services, seller(place), "en", row.order_id)
    assert found.token is None  # paid: whose invoice it becomes is the shopper's to say
    assert [line.amount_fen for line in found.lines] == [1_200]
    assert [(one.channel, one.amount_fen, one.disposition) for one in found.payments] == [
        (CHANNEL, 1_200, "settles")
    ]
    assert found.payments[0].paid_at == found.paid_at == NOON
    assert (found.invoice_number, found.ledger and found.ledger.state) == (issued.number, "queued")


def test_threats_2_and_3_a_neighbours_records_are_not_there(place: Town) -> None:
    sell(place, 100, "A02", invoiced=True)
    (theirs,) = vendor.orders(place.services, seller(place, "next_door"), "en").rows
    mine = seller(place)
    with pytest.raises(OutOfScope):
        vendor.order(place.services, mine, "en", theirs.order_id)
    assert vendor.orders(place.services, mine, "en").rows == ()
    assert vendor.invoices(place.services, mine, "en", amount_fen=100).rows == ()
    other = place.vendors["next_door"]
    reads: list[Any] = [
        lambda actor: vendor.today(place.services, actor, "en", other),
        lambda actor: vendor.sales(place.services, actor, "en", vendor_id=other),
        lambda actor: vendor.orders(place.services, actor, "en", vendor_id=other),
        lambda actor: vendor.order(place.services, actor, "en", theirs.order_id, vendor_id=other),
        lambda actor: vendor.invoices(place.services, actor, "en", vendor_id=other),
        lambda actor: vendor.goods(place.services, actor, "en", other),
        lambda actor: vendor.gauge(place.services, actor, "en", other),
        lambda actor: vendor.day_close(place.services, actor, vendor_id=other),
        lambda actor: vendor.month_summary(place.services, actor, "en", vendor_id=other),
    ]
    for read in reads:
        for stranger in (mine, seller(place, "vendor_2"), operator(place, 2)):
            with pytest.raises(OutOfScope):
                read(stranger)
        assert read(operator(place, 1))


def test_no_question_of_a_vendor_takes_more_than_three_statements(place: Town) -> None:
    for _ in range(12):
        sell(place, 100, invoiced=True)
    mine = seller(place)
    (first, *_) = vendor.orders(place.services, mine, "en").rows
    asked: list[str] = []
    event.listen(place.services.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    questions: list[Any] = [
        lambda: vendor.today(place.services, mine, "en"),
        lambda: vendor.sales(place.services, mine, "en", "year"),
        lambda: vendor.orders(place.services, mine, "en"),
        lambda: vendor.order(place.services, mine, "en", first.order_id),
        lambda: vendor.invoices(place.services, mine, "en"),
        lambda: vendor.goods(place.services, mine, "en"),
        lambda: vendor.keying(place.services, mine, "en"),
        lambda: vendor.gauge(place.services, mine, "en"),
        lambda: vendor.day_close(place.services, mine),
        lambda: vendor.month_summary(place.services, mine, "en"),
        lambda: live.vendor_marks(place.services, [str(n) for n in range(200)]),
    ]
    for question in questions:
        asked.clear()
        question()
        assert 1 <= len(asked) <= 3, asked


# --- goods ------------------------------------------------------------------------------------------------

TOMATO = {"name_zh": " 番茄 ", "name_en": "", "unit": "斤", "price_yuan": "4.5", "kind": "solanaceous"}


def listed(place: Town, sku: str) -> Any:
    (found,) = [one for one in vendor.goods(place.services, seller(place), "en").items if one.sku == sku]
    return found


def told(place: Town) -> list[str]:
    rows = place.rows("SELECT subject FROM access_records WHERE action = 'goods.change' ORDER BY id")
    return [row["subject"] for row in rows]


def test_goods_are_added_changed_and_removed_and_each_is_written_down(place: Town) -> None:
    mine = seller(place)
    sku = edit_goods.add(place.services, mine, TOMATO)
    one = listed(place, sku)
    assert (one.name, one.price_fen, one.tax_class, one.kind) == ("番茄", 450, "vegetable", "solanaceous")
    edit_goods.set_price(place.services, mine, sku, 480, expected_price_fen=450)
    edit_goods.set_available(place.services, mine, sku, available=False)
    edit_goods.set_available(place.services, mine, sku, available=False)  # changes nothing
    renamed = TOMATO | {"name_zh": "小番茄", "price_yuan": "4.80", "kind": ""}
    edit_goods.edit(place.services, mine, sku, renamed, expected_price_fen=480)
    assert (listed(place, sku).name_zh, listed(place, sku).available) == ("小番茄", False)
    edit_goods.remove(place.services, mine, sku)
    assert told(place) == [
        "+ 番茄 ¥4.50", "番茄 ¥4.50 → ¥4.80", "番茄 ✗", "番茄 → 小番茄", "− 小番茄",
    ]  # fmt: skip


def test_removed_goods_stay_on_what_was_sold(place: Town) -> None:
    placed = keyed(place, KeyedGoods("pakchoi", Decimal(1)))
    edit_goods.remove(place.services, seller(place), "pakchoi")
    paid(place, placed)
    issue.issue(place.services, placed.token, PERSON)
    assert shopper.order(place.services, placed.token, "en").lines[0].name == "Pak choi"


def test_what_costs_needs_a_fresh_confirmation_and_the_sold_out_switch_does_not(place: Town) -> None:
    stale = seller(place, fresh=False)
    wanted = {"name_zh": "小白菜", "unit": "斤", "price_yuan": "3.30"}
    for change in (
        lambda: edit_goods.add(place.services, stale, TOMATO),
        lambda: edit_goods.set_price(place.services, stale, "pakchoi", 330, expected_price_fen=320),
        lambda: edit_goods.edit(place.services, stale, "pakchoi", wanted, expected_price_fen=320),
        lambda: edit_goods.remove(place.services, stale, "pakchoi"),
    ):
        with pytest.raises(ConfirmFirst):
            change()
    edit_goods.set_available(place.services, stale, "pakchoi", available=False)
    renamed = wanted | {"price_yuan": "3.20", "name_zh": "青菜"}
    edit_goods.edit(place.services, stale, "pakchoi", renamed, expected_price_fen=320)
    assert (listed(place, "pakchoi").name_zh, listed(place, "pakchoi").price_fen) == ("青菜", 320)


def test_two_phones_do_not_overwrite_each_others_price(place: Town) -> None:
    def raise_to(price_fen: int) -> str:
        try:
            edit_goods.set_price(place.services, seller(place), "pakchoi", price_fen, expected_price_fen=320)
        except GoodsChanged:
            return "refused"
        return "changed"

    with ThreadPoolExecutor(2) as phones:
        assert sorted(phones.map(raise_to, (330, 340))) == ["changed", "refused"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name_zh": "  "}, "name_zh"),
        ({"name_zh": "长" * 101}, "name_zh"),
        ({"name_en": "a\u202eb"}, "name_en"),
        ({"unit": "吨"}, "unit"),
        ({"price_yuan": "0"}, "price_yuan"),
        ({"price_yuan": "-1"}, "price_yuan"),
        ({"price_yuan": "12,50"}, "price_yuan"),
        ({"price_yuan": "50000.01"}, "price_yuan"),
        ({"kind": "gold"}, "kind"),
        ({"kind": ""}, "kind"),
    ],
)
def test_goods_that_are_refused(place: Town, change: dict[str, str], field: str) -> None:
    with pytest.raises(BadGoods) as refusal:
        edit_goods.add(place.services, seller(place), TOMATO | change)
    assert list(refusal.value.fields) == [field]


def test_a_neighbours_goods_are_not_there_and_a_list_has_an_end(place: Town) -> None:
    with pytest.raises(OutOfScope):
        edit_goods.remove(place.services, seller(place), "their-melons")
    config = replace(place.services.config, max_goods=1)
    with pytest.raises(TooManyGoods):
        edit_goods.add(replace(place.services, config=config), seller(place), TOMATO)


# --- the day's end ----------------------------------------------------------------------------------------


def test_a_day_is_closed_against_what_was_recorded(place: Town, clock: Clock) -> None:
    sell(place, 1_000)
    sell(place, 500)
    day = date(2026, 11, 30)
    early = close_day.close_day(
        place.services, seller(place), day, stated_fen={CHANNEL: 1_400}, cash_fen=2_000, note=" 少一块 "
    )
    assert (early.is_early, early.difference_fen) == (True, {CHANNEL: -100})
    clock.now = NOON + timedelta(days=1)
    last = close_day.close_day(
        place.services, seller(place), day, stated_fen={CHANNEL: 1_500}, cash_fen=2_000
    )
    assert (last.is_early, last.difference_fen) == (False, {CHANNEL: 0})
    shown = vendor.day_close(place.services, seller(place), day)
    assert [(one.stated_fen, one.recorded_fen, one.note) for one in shown.closes] == [
        (1_500, 1_500, ""),
        (1_400, 1_500, "少一块"),
    ]
    (channel,) = shown.channels
    assert (channel.payments, channel.recorded_fen, channel.stated_fen, channel.difference_fen) == (
        2, 1_500, 1_500, 0,
    )  # fmt: skip
    assert (shown.is_over, shown.figures.amount_fen) == (True, 1_500)
    assert place.ask("SELECT count(*) FROM access_records WHERE action = 'day.close'") == 2


def test_a_day_is_closed_with_its_own_payments_only(place: Town, clock: Clock) -> None:
    """A second before and after midnight in the market, and next door."""
    clock.now = datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)
    sell(place, 100)
    sell(place, 7_000, "A02")
    clock.now = datetime(2026, 11, 30, 16, 0, 0, tzinfo=UTC)
    sell(place, 200)
    for day, fen in ((date(2026, 11, 30), 100), (date(2026, 12, 1), 200)):
        closed = close_day.close_day(place.services, seller(place), day, stated_fen={CHANNEL: 0}, cash_fen=0)
        assert closed.recorded_fen == {CHANNEL: fen}


@pytest.mark.parametrize(
    ("stated", "cash", "note", "field"),
    [
        ({}, 0, "", f"stated_fen.{CHANNEL}"),
        ({CHANNEL: 1, "gold": 1}, 0, "", "stated_fen.gold"),
        ({CHANNEL: -1}, 0, "", f"stated_fen.{CHANNEL}"),
        ({CHANNEL: 10**12}, 0, "", f"stated_fen.{CHANNEL}"),
        ({CHANNEL: 1}, -1, "", "cash_fen"),
        ({CHANNEL: 1}, 1, "x" * 101, "note"),
        ({CHANNEL: 1}, 1, "a\x00b", "note"),
    ],
)
def test_counts_that_are_refused(
    place: Town, stated: dict[str, int], cash: int, note: str, field: str
) -> None:
    sell(place, 1)
    with pytest.raises(BadCount) as refusal:
        close_day.close_day(
            place.services, seller(place), NOON.date(), stated_fen=stated, cash_fen=cash, note=note
        )
    assert list(refusal.value.fields) == [field]
    assert place.ask("SELECT count(*) FROM day_closes") == 0


def test_no_day_is_closed_before_it_begins_or_without_a_fresh_confirmation(place: Town) -> None:
    with pytest.raises(DayToCome):
        close_day.close_day(place.services, seller(place), date(2026, 12, 1), stated_fen={}, cash_fen=0)
    with pytest.raises(ConfirmFirst):
        close_day.close_day(
            place.services, seller(place, fresh=False), NOON.date(), stated_fen={}, cash_fen=0
        )
