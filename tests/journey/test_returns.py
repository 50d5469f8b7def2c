"""A return that was sealed and amended, on the tax desk and on the vendor's phone. In real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.numbering import business_day
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.period import PeriodKind, midnight, period_of
from invoice_service.flow import issue, order, pay, seal, seal_returns
from invoice_service.services import Services
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, unexpected
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.stack import Stack

LANG = "zh-CN"
NAME = {"zh-CN": "普洱宁洱有机蔬菜食品有限公司", "en": "Pu'er Ning'er Organic Vegetables and Foods Co., Ltd."}
LAST = period_of(PeriodKind.QUARTER, business_day(datetime.now(UTC))).before()


@dataclass
class People:
    stack: Stack
    vendor_id: int
    officer: Page
    seller: Page


@pytest.fixture
def people(own_stack: Stack, browser: Browser) -> Iterator[People]:
    """A company above the threshold in the last quarter; a payment of that time was told of today."""
    with own_stack.database() as database, database.unit_of_work() as uow:
        market = uow.connection.exec_driver_sql("SELECT id FROM markets").scalar_one()
        vendor_id = make.vendor(
            uow.connection, market, name_zh=NAME["zh-CN"], name_en=NAME["en"],
            tax_id="91530802MA6NXYTF18", default_tax_class="processed_food",
        )  # fmt: skip
        make.stall(uow.connection, market, vendor_id, code="R01")
        officer = make.account(uow.connection, "officer", name="陈立", region="5308")
        seller = make.account(uow.connection, "vendor", market_id=market, vendor_id=vendor_id)
        tokens = [make.signed_in(uow.connection, one, confirmed=True) for one in (officer, seller)]
        uow.commit()
    sell_and_seal(own_stack)
    own_stack.start("web")
    with ExitStack() as open_contexts:

        def page(viewport: ViewportSize, token: str) -> Page:
            context = browser.new_context(viewport=viewport, locale=LANG)
            open_contexts.callback(context.close)
            context.add_cookies([{"name": COOKIE, "value": token, "url": own_stack.url}])
            return context.new_page()

        pages = page(DESKTOP, tokens[0]), page(PHONE, tokens[1])
        said = [complaints(one) for one in pages]
        yield People(own_stack, vendor_id, *pages)
        assert not [words for one in said for words in unexpected(one)]


def sell_and_seal(stack: Stack) -> None:
    now = datetime.now(UTC)
    clock = Clock(now)
    made = build_services(Config.from_environment(stack.environment), clock=clock)
    provider = PaysWhenAsked(clock)
    services = replace(
        made,
        providers={provider.name: provider},
        config=replace(made.config, max_amount_fen=100_000_000),
    )
    then = midnight(LAST.first_day) + timedelta(hours=9)
    try:
        for day in range(40):
            sell(services, clock, then + timedelta(days=day), 1_010_000 + day, invoiced=day % 3 == 0)
        clock.now = now
        assert seal_returns.seal_ended(services) == 1
        sell(services, clock, then, 40_400, learnt=now)
        clock.now = now
        assert seal_returns.seal_ended(services) == 1
        sell(services, clock, now, 30_300)
        seal.seal(services)
    finally:
        made.database.dispose()


def sell(
    services: Services,
    clock: Clock,
    at: datetime,
    amount_fen: int,
    *,
    invoiced: bool = False,
    learnt: datetime | None = None,
) -> None:
    clock.now = at
    placed = order.place(services, "R01", PlainAmount(amount_fen))
    pay.start(services, placed.token, "pays-when-asked")
    pay.check(replace(services, clock=lambda: learnt or at), placed.token)
    if invoiced:
        issue.issue(services, placed.token, make_buyer("individual", "", None))


def test_from_the_vendor_to_the_sale_behind_a_figure(people: People) -> None:
    desk, seller, url = people.officer, people.seller, people.stack.url
    desk.goto(f"{url}/officer/vendors/{people.vendor_id}")
    desk.locator("#reason").fill("核对上季度申报")
    desk.locator("form[action$='/looks'] button[type=submit]").click()
    desk.locator("section[aria-labelledby=gauge-title] a").click()
    expect(desk.locator("tbody tr")).to_have_count(2)
    check_page(desk, "returns-officer-periods")
    desk.locator("tbody tr a").last.click()
    rows = desk.locator("section[aria-labelledby=form-title] tbody tr")
    expect(rows).to_have_count(13)
    expect(rows.first).to_contain_text("400,407.80")
    expect(desk.locator("section[aria-labelledby=changes-1] tbody tr")).to_have_count(5)
    check_page(desk, "returns-officer-return")
    rows.first.locator("a").click()
    expect(desk.locator("tbody tr")).to_have_count(30)
    check_page(desk, "returns-officer-cell")
    desk.locator(".pager a").click()
    expect(desk.locator("tbody tr")).to_have_count(11)
    desk.locator("tbody tr a").last.click()
    expect(desk).to_have_url(re.compile(r"/officer/sales/"))
    desk.goto(f"{url}/officer/vendors/{people.vendor_id}/returns/{LAST.after().first_day}")
    check_page(desk, "returns-officer-running")
    desk.goto(f"{url}/officer/vendors/{people.vendor_id}/returns/{LAST.first_day}/cells/22")
    check_page(desk, "returns-officer-computed")

    seller.goto(f"{url}/vendor/threshold")
    seller.locator("a[href='/vendor/returns']").click()
    expect(seller.locator("[role=listitem]")).to_have_count(2)
    check_page(seller, "returns-vendor-periods")
    seller.locator("[role=listitem] a").last.click()
    expect(seller.locator(".gauge__sum")).to_contain_text("4,004.07")
    check_page(seller, "returns-vendor-return")
    seller.locator("[role=listitem] a").first.click()
    expect(seller.locator("[role=listitem]")).to_have_count(30)
    check_page(seller, "returns-vendor-cell")
    seller.goto(f"{url}/vendor/returns/{LAST.after().first_day}")
    check_page(seller, "returns-vendor-running")
