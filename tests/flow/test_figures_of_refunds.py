"""The figures of days on which money went back: on phones, on desks, at the day's end."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import text

from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.period import PeriodKind, period_of
from invoice_service.domain.refund import Back, Reason
from invoice_service.domain.sales_asked import SalesAsked
from invoice_service.domain.tax_sources import Asked
from invoice_service.domain.token import fingerprint
from invoice_service.flow import (
    close_day,
    export_finding,
    export_month,
    export_sales,
    find,
    look,
    order,
    pay,
    refund,
    seal,
    settle_refunds,
)
from invoice_service.flow.close_day import BadCount
from invoice_service.queries import exports, live, supervised_cases, supervision, vendor
from invoice_service.store import orders
from invoice_service.supervision import bundle
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.people import Town, town

CHANNEL = "pays-when-asked"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))  # sessions go by the real clock


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


def sell(place: Town, wanted: PlainAmount | Basket) -> UUID:
    placed = order.place(place.services, "A01", wanted)
    pay.start(place.services, placed.token, CHANNEL)
    pay.check(place.services, placed.token)
    with place.services.database.read() as connection:
        known = orders.by_token(connection, fingerprint(placed.token))
    assert known is not None
    return known.id


def give_back(place: Town, order_id: UUID, wanted: list[Back] | None = None) -> None:
    fresh = replace(place.actor("vendor"), confirmed_at=place.services.clock())
    key = f"back {order_id} {place.services.clock()}"
    refund.ask(place.services, fresh, order_id, wanted, Reason.RETURNED, idempotency_key=key)
    settle_refunds.advance(place.services)


def sell_and_give_back_more(place: Town, clock: Clock) -> tuple[UUID, UUID, UUID]:
    """Yesterday ¥10 and two jin of leek for ¥10, today pak choi for ¥3.20; today ¥10 and ¥4 go back."""
    today = clock.now
    clock.now = today - timedelta(days=1)
    plain, leek = sell(place, PlainAmount(1_000)), sell(place, Basket((("leek", Decimal(2)),)))
    clock.now = today
    greens = sell(place, Basket((("pakchoi", Decimal(1)),)))
    give_back(place, plain)
    give_back(place, leek, [Back(0, amount_fen=400)])
    return plain, leek, greens


def test_a_day_on_which_more_went_back_than_was_sold(place: Town, clock: Clock) -> None:
    seller, own = place.actor("vendor"), str(place.vendors["vendor"])
    sold = sell_and_give_back_more(place, clock)
    shown = vendor.today(place.services, seller, "en")
    assert (shown.figures.orders, shown.figures.amount_fen, shown.figures.exempt_fen) == (1, -1_080, -1_080)
    assert {one.order_id: one.refunded_fen for one in shown.last} == dict(
        zip(sold, (1_000, 400, 0), strict=True)
    )
    assert live.vendor_marks(place.services, [own]) == {own: shown.mark}
    day = vendor.sales(place.services, seller, "en")
    assert sum(bar.figures.amount_fen for bar in day.bars) == day.total.amount_fen == -1_080
    assert [(one.name, one.quantity, one.amount_fen, one.share_percent) for one in day.goods] == [
        ("Pak choi", 1, 320, 100),
        ("Leek", 0, -400, 0),
        ("Vegetables", -1, -1_000, 0),
    ]
    listed = vendor.orders(place.services, seller, "en").rows
    assert {(row.order_id, row.status, row.refunded_fen) for row in listed if row.paid_at} == {
        (sold[0], "refunded", 1_000),
        (sold[1], "paid", 400),
        (sold[2], "paid", 0),
    }
    gauge = vendor.gauge(place.services, seller, "en").gauge
    assert gauge.used_percent == 0
    give_back(place, sold[2])
    assert live.vendor_marks(place.services, [own]) != {own: shown.mark}, "the phone is told"


def test_a_channel_is_counted_less_what_it_paid_back(place: Town, clock: Clock) -> None:
    sell_and_give_back_more(place, clock)
    day = business_day(clock.now)
    fresh = replace(place.actor("vendor"), confirmed_at=clock.now)
    (channel,) = vendor.day_close(place.services, fresh, day).channels
    assert (channel.payments, channel.recorded_fen, channel.refunded_fen) == (1, -1_080, 1_400)
    closed = close_day.close_day(place.services, fresh, day, stated_fen={CHANNEL: -1_000}, cash_fen=0)
    assert closed.difference_fen == {CHANNEL: 80}
    for wrong in ({CHANNEL: -(10**10)}, {"gold": -1}, {}):
        with pytest.raises(BadCount):
            close_day.close_day(place.services, fresh, day, stated_fen=wrong, cash_fen=0)
    (before,) = vendor.day_close(place.services, fresh, day - timedelta(days=1)).channels
    assert (before.recorded_fen, before.refunded_fen) == (2_000, 0), "yesterday stays as it was"


def test_a_months_workbook_says_what_went_back(place: Town, clock: Clock) -> None:
    sell_and_give_back_more(place, clock)
    day = business_day(clock.now)
    fresh = replace(place.actor("vendor"), confirmed_at=clock.now)
    _, data = export_month.export_month(place.services, fresh, "en", day)
    titles, *rows = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(values_only=True)
    assert titles[2:4] == ("Takings less paid back (¥)", "Paid back (¥)")
    by_day = {row[0].date(): row[2:4] for row in rows if isinstance(row[0], datetime)}
    assert by_day[day] == (-10.8, 14)
    if day.day > 1:
        assert by_day[day - timedelta(days=1)] == (20, 0)
    assert rows[-1][3] == 14, "the total"


def test_pages_of_such_a_day(place: Town, clock: Clock) -> None:
    sell_and_give_back_more(place, clock)
    look.at_market(place.services, place.actor("officer"), "PE01", "退款检查")
    look.at_vendor(place.services, place.actor("officer"), place.vendors["vendor"], "退款检查")
    phone = place.browser("vendor")
    said = {
        "/vendor": ("-10.80", "Partly paid back"),
        "/vendor/sales": ("-10.80", "The same in figures"),
        "/vendor/orders": ("Partly paid back", "Paid back"),
        "/vendor/close": ("-10.80", "Paid back: ¥14.00"),
        "/vendor/threshold": ("Taxable",),
        "/vendor/returns": ("VAT return",),
    }
    for path, texts in said.items():
        page = phone.get(path, headers={"Accept-Language": "en"})
        assert page.status_code == 200, path
        assert [text for text in texts if text not in page.text] == [], path
        assert 'height="-' not in page.text
        assert 'width="-' not in page.text
    today = str(business_day(clock.now))
    counted = {"day": today, f"stated-{CHANNEL}": "−10.80", "cash_yuan": "0"}
    assert phone.post("/vendor/close", data=counted).status_code == 303
    assert place.ask("SELECT stated_fen->>:c FROM day_closes", c=CHANNEL) == "-1080"
    for name, path in (
        ("operator", "/market"),
        ("operator", "/market/wall"),
        ("operator", f"/market/turnover?by=hour&first_day={today}&last_day={today}"),
        ("officer", "/officer/markets/PE01"),
        ("officer", f"/officer/vendors/{place.vendors['vendor']}"),
    ):
        page = place.browser(name).get(path)
        assert page.status_code == 200, path
        assert "-10.80" in page.text, path


def test_an_officer_sees_of_each_sale_what_went_back(place: Town, clock: Clock) -> None:
    officer, vendor_id = place.actor("officer"), place.vendors["vendor"]
    whole, part, none = sell_and_give_back_more(place, clock)
    look.at_vendor(place.services, officer, vendor_id, "退款检查")
    day = business_day(clock.now)
    listed = supervision.sales(place.services, officer, "en", vendor_id, day - timedelta(days=1), day)
    assert {one.order_id: one.refunded_fen for one in listed.rows} == {whole: 1_000, part: 400, none: 0}
    said = {
        f"/officer/vendors/{vendor_id}": (">Paid back<", ">Partly paid back<"),
        f"/officer/sales/{whole}": (">Goods returned<", "Paid back at", "</span>10.00"),
        f"/officer/sales/{part}": (">Goods returned<", "Paid back at", "</span>4.00"),
    }
    for path, texts in said.items():
        page = place.browser("officer").get(path, headers={"Accept-Language": "en"}).text
        page = page[page.index("refunds-title") :] if "sales" in path else page
        assert [text for text in texts if text not in page] == [], path
    assert "refunds-title" not in place.browser("officer").get(f"/officer/sales/{none}").text
    days = {"first_day": str(day - timedelta(days=1)), "last_day": str(day)}
    told = place.api(
        "officer", "GET", f"/api/v1/supervision/vendors/{vendor_id}/sales", query_string=days
    ).json
    assert told is not None
    assert sorted(one["refunded_fen"] for one in told["items"]) == [0, 400, 1_000]
    greens = sell(place, Basket((("pakchoi", Decimal(1)),)))
    give_back(place, greens)
    look.at_stall(place.services, officer, "A01", "退款检查")
    check = place.browser("officer").get("/officer/stalls/A01", headers={"Accept-Language": "en"}).text
    assert ">Paid back<" in check


def test_a_month_in_which_money_only_went_back_has_a_workbook(place: Town, clock: Clock) -> None:
    month = period_of(PeriodKind.MONTH, business_day(clock.now))
    now, clock.now = clock.now, month.begins - timedelta(days=1)
    sold = sell(place, PlainAmount(1_000))
    clock.now = now
    give_back(place, sold)
    page = place.browser("vendor").get(f"/vendor/months?day={month.first_day}").text
    assert f'href="/vendor/months/{month.first_day}.xlsx"' in page
    assert "-10.00" in page


def test_a_refund_stands_under_its_cell_of_the_return(place: Town, clock: Clock) -> None:
    sold = sell(place, Basket((("leek", Decimal(2)),)))
    give_back(place, sold, [Back(0, amount_fen=400)])
    vendor_id, day = place.vendors["vendor"], business_day(clock.now)
    look.at_vendor(place.services, place.actor("officer"), vendor_id, "退款检查")
    period = f"returns/{period_of(PeriodKind.QUARTER, day).first_day}"
    told = place.api("vendor", "GET", f"/api/v1/vendor/{period}/cells/12").json
    assert told is not None
    assert sorted((one["is_back"], one["amount_fen"], one["part_fen"]) for one in told["items"]) == [
        (False, 1_000, 1_000),
        (True, -400, -400),
    ]
    for name, path in (
        ("vendor", f"/vendor/{period}"),
        ("officer", f"/officer/vendors/{vendor_id}/{period}"),
    ):
        page = place.browser(name).get(f"{path}/cells/12", headers={"Accept-Language": "en"})
        assert [text for text in ("Paid back", "-4.00", "6.00") if text not in page.text] == [], path


def test_exports_and_lists_add_up_to_the_markets_figures(place: Town, clock: Clock) -> None:
    plain, leek, greens = sell_and_give_back_more(place, clock)
    officer = replace(place.actor("officer"), confirmed_at=clock.now)
    look.at_market(place.services, officer, "PE01", "退款检查")
    today = business_day(clock.now)
    expected = {
        today: [(greens, False, 320), (plain, True, -1_000), (leek, True, -400)],
        today - timedelta(days=1): [(plain, False, 1_000), (leek, False, 1_000)],
    }
    for day, rows in expected.items():
        asked = SalesAsked(day, day, invoiced="no", stall="A01")
        listed, after = [], None
        while True:
            page = exports.sales(place.services, officer, "en", "PE01", asked, after=after, limit=1)
            listed += page.rows
            after = page.next_key
            if after is None:
                break
        found = [(row.order_id, row.is_back, row.amount_fen) for row in listed]
        assert sorted(found) == sorted(rows)
        told = supervision.market(place.services, officer, "en", "PE01", Asked(day, day)).sources
        sums = told.total.figures
        assert sum(row.exempt_fen for row in listed) == sums.exempt_fen == sums.amount_fen
        assert told.days[0].figures == sums
        assert sum(one.figures.amount_fen for one in told.rules) == sums.amount_fen
        data = "".join(export_sales.at_once(place.services, officer, "en", "PE01", asked))
        lines = list(csv.DictReader(io.StringIO(data.removeprefix("\ufeff"))))
        assert [(line["Order"], line["Sale or refund"], line["Amount (¥)"]) for line in lines] == [
            (str(order_id), "refund" if is_back else "sale", yuan(fen)) for order_id, is_back, fen in found
        ]
        commitments = {line["Entry's commitment"] for line in lines}
        assert commitments == {row.entry for row in listed}
    assert (
        list(exports.sales(place.services, officer, "en", "PE01", replace(asked, invoiced="yes")).rows) == []
    )


def findings(place: Town, clock: Clock) -> list[dict[str, object]]:
    """The rules run over yesterday and today: what does not fit its sums or entry, or looks uninvoiced."""
    today = business_day(clock.now)
    clock.now += timedelta(days=1)
    for day in (today - timedelta(days=1), today):
        find.run(place.services, place.markets[1], day)
    return place.rows("SELECT id, figures FROM findings WHERE rule IN ('audit', 'uninvoiced')")


def test_what_went_back_is_no_difference_between_sales_and_sums(place: Town, clock: Clock) -> None:
    sell_and_give_back_more(place, clock)
    assert findings(place, clock) == []


@pytest.mark.parametrize(
    ("false", "figures"),
    [
        (
            "UPDATE vendor_hours SET amount_fen = amount_fen + 7, exempt_fen = exempt_fen + 7"
            " WHERE hour = (SELECT max(hour) FROM vendor_hours)",
            {"what": "sums", "recorded_fen": -1_073, "attested_fen": -1_080},
        ),
        (
            "UPDATE refunds SET amount_fen = 393 WHERE amount_fen = 400",
            {"what": "amount", "recorded_fen": 393, "attested_fen": 400},
        ),
    ],
    ids=["sums", "refund"],
)
def test_a_false_sum_or_refund_is_found_and_found_again_from_its_file(
    place: Town, clock: Clock, false: str, figures: dict[str, object]
) -> None:
    sell_and_give_back_more(place, clock)
    seal.seal(place.services)
    officer = replace(place.actor("officer"), confirmed_at=clock.now + timedelta(days=1))
    with place.services.database.unit_of_work() as uow:
        uow.connection.execute(text(false))
        uow.commit()
    (row,) = findings(place, clock)
    assert row["figures"] == figures
    case = supervised_cases.one(place.services, officer, "en", int(str(row["id"])))
    named = [place.ask("SELECT order_id FROM refunds WHERE id = :id", id=one.refund) for one in case.records]
    assert named == [one.sale for one in case.records]
    assert len(named) == (figures["what"] == "amount")
    with export_finding.export(place.services, officer, int(str(row["id"]))) as file:
        found, verdict = bundle.verify(file, trusted_issuer=place.services.keyring.issuer_id)
    assert found.figures == figures
    assert [(step.name, step.outcome) for step in verdict.steps][1:] == [
        ("documents", "passed"),
        ("inclusion", "passed"),
        ("rule", "passed"),
    ]
