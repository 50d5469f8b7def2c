"""A ceiling is set, warns, refuses an invoice and is raised; then the invoice follows. In real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import Browser, Page, ViewportSize, expect

from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, unexpected
from tests.stack import Stack

SCRIPT = "<script>alert(1)</script> {{7*7}} 火锅店每周订三次"
NAMES = {"zh-CN": "玉罕", "en": "Yu Han, organic vegetables and herbs from the hills behind Ning'er"}


@dataclass
class People:
    """A vendor at a stall of the own, in the hands of three: the seller, an officer, a shopper."""

    stack: Stack
    stall: str
    vendor_id: int
    officer: Page
    seller: Page
    shopper: Page

    def paid(self, amount_fen: int) -> str:
        url = f"{self.stack.url}/api/v1/stalls/{self.stall}/orders"
        token = str(requests.post(url, json={"amount_fen": amount_fen}, timeout=10).json()["order_id"])
        self.stack.pay(token)
        self.stack.wait_paid(token)
        return token


@pytest.fixture(params=["zh-CN", "en"])
def people(stack: Stack, browser: Browser, request: pytest.FixtureRequest) -> Iterator[People]:
    lang: str = request.param
    stall = {"zh-CN": "B01", "en": "B02"}[lang]
    with stack.database() as database, database.unit_of_work() as uow:
        market = uow.connection.exec_driver_sql("SELECT id FROM markets").scalar_one()
        vendor = make.vendor(uow.connection, market, name_zh=NAMES[lang], name_en=NAMES[lang])
        make.stall(uow.connection, market, vendor, code=stall, name_zh="玉罕山货", name_en="Yu Han's Greens")
        officer = make.account(uow.connection, "officer", name="陈立", region="5308")
        seller = make.account(uow.connection, "vendor", market_id=market, vendor_id=vendor)
        tokens = [make.signed_in(uow.connection, one, confirmed=True) for one in (officer, seller)]
        uow.commit()
    with ExitStack() as open_contexts:

        def page(viewport: ViewportSize, token: str | None) -> Page:
            context = browser.new_context(viewport=viewport, locale=lang)
            open_contexts.callback(context.close)
            if token:
                context.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
            return context.new_page()

        pages = page(DESKTOP, tokens[0]), page(PHONE, tokens[1]), page(PHONE, None)
        said = [complaints(one) for one in pages]
        yield People(stack, stall, vendor, *pages)
        assert not [words for one in said for words in unexpected(one)]


def test_set_warned_refused_raised_and_issued(people: People) -> None:
    url, desk, seller, shopper = people.stack.url, people.officer, people.seller, people.shopper
    set_the_ceiling(people, "100")
    seller.goto(f"{url}/vendor")
    expect(seller.locator("#allowance-title")).to_be_visible()
    expect(seller.locator(".notice")).to_have_count(0)
    assert people.stack.issue(people.paid(8_000)).status_code == 201
    expect(seller.locator(".notice_wait")).to_contain_text("80 %" if "en" in lang_of(seller) else "80%")
    check_page(seller, "allowance-today-close")

    waits = people.paid(3_000)
    problem = people.stack.issue(waits)
    assert (problem.status_code, problem.json()["code"]) == (409, "invoice.allowance_used")
    assert problem.headers["Content-Type"] == "application/problem+json"
    shopper.goto(f"{url}/o/{waits}")
    shopper.locator(".paid__actions a").first.click()
    shopper.locator("#kind-organization").check(force=True)
    shopper.locator("#name").fill("普洱饮食有限公司")
    shopper.locator("#tax_id").fill("91440300708461136T")
    shopper.locator("form[data-buyer] button[type=submit]").click()
    expect(shopper.locator(".state-title")).to_be_visible()
    expect(shopper.locator("#main")).to_contain_text(re.compile(r"年\d+月1日起|or from \w+ 1, 20"))
    check_page(shopper, "allowance-invoice-waits")

    assert people.stack.issue(people.paid(2_000)).status_code == 201
    expect(seller.locator(".notice_bad")).to_be_visible()
    check_page(seller, "allowance-today-used-up")
    seller.locator("a.notice_bad").click()
    check_page(seller, "allowance-vendor")
    seller.locator("#asked_yuan").fill("100")
    seller.locator("form[data-once] button[type=submit]").click()
    expect(seller.locator(".field-error")).to_have_count(2)
    check_page(seller, "allowance-vendor-wrong")
    seller.locator("#asked_yuan").fill("5,000")
    seller.locator("#words").fill(SCRIPT)
    seller.locator("form[data-once] button[type=submit]").click()
    expect(seller.locator("#asked")).to_contain_text(SCRIPT)
    check_page(seller, "allowance-vendor-asked")

    desk.goto(f"{url}/officer/vendors/{people.vendor_id}")
    check_page(desk, "allowance-officer-vendor")
    desk.locator(".desk-nav a", has=desk.locator(".badge")).click()
    row = desk.locator("tbody tr", has_text=NAMES[lang_of(desk)])
    expect(row).to_contain_text("{{7*7}}")
    check_page(desk, "allowance-requests")
    row.locator("a").click()
    check_page(desk, "allowance-request")
    desk.locator("#granted_yuan").fill("90")
    desk.locator("form[action*='/allowances/'] button.btn-primary").click()
    expect(desk.locator(".field-error")).to_have_count(2)
    check_page(desk, "allowance-request-wrong")
    desk.locator("#granted_yuan").fill("4000")
    desk.locator("#words").fill("同意提高，三个月后复核")
    desk.locator("form[action*='/allowances/'] button.btn-primary").click()
    expect(desk.locator(".note_good")).to_be_visible()
    check_page(desk, "allowance-requests-none")

    seller.reload()
    expect(seller.locator("#asked")).to_contain_text("4,000.00")
    check_page(seller, "allowance-vendor-raised")
    shopper.locator("form[action$='/invoice'] button").click()
    expect(shopper).to_have_url(re.compile(r"/i/[\w-]{22}$"))
    expect(shopper.locator("#main")).to_contain_text("普洱饮食有限公司")


def set_the_ceiling(people: People, yuan: str) -> None:
    """After a look at the vendor; what is missing is said beside it."""
    desk = people.officer
    desk.goto(f"{people.stack.url}/officer/vendors/{people.vendor_id}/allowance")
    desk.locator("#reason").fill("核定领票额度")
    desk.locator("form[action$='/looks'] button[type=submit]").click()
    check_page(desk, "allowance-officer-none")
    desk.locator("button.btn-primary").click()
    expect(desk.locator(".field-error")).to_have_count(2)
    check_page(desk, "allowance-officer-wrong")
    desk.locator("#ceiling_yuan").fill(yuan)
    desk.locator("#reason").fill("新登记户，先观察三个月")
    desk.locator("button.btn-primary").click()
    expect(desk.locator(".note_good")).to_be_visible()
    expect(desk.locator("section[aria-labelledby=allowance-title]")).to_contain_text("100.00")


def lang_of(page: Page) -> str:
    return page.locator("html").get_attribute("lang") or ""
