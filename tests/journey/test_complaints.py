"""A shopper reports a stall, from its page and from a forged code; both offices answer; in real Chromium."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, expect

from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, unexpected
from tests.stack import Stack

SCRIPT = "<script>alert(1)</script> {{7*7}} 没有发票"
WORDS = {
    "zh-CN": {"market": "市场管理方", "tax": "税务机关"},
    "en": {"market": "Market office", "tax": "Tax office"},
}


@pytest.fixture(scope="module")
def offices(stack: Stack) -> dict[str, str]:
    """The sessions of an operator and of an officer."""
    with stack.database() as database, database.unit_of_work() as uow:
        market = uow.connection.exec_driver_sql("SELECT id FROM markets").scalar_one()
        people = {
            "market": make.account(uow.connection, "operator", market_id=market, name="周敏"),
            "officer": make.account(uow.connection, "officer", region="5308", name="陈立"),
        }
        tokens = {desk: make.signed_in(uow.connection, one, confirmed=True) for desk, one in people.items()}
        uow.commit()
    return tokens


def at_desk(browser: Browser, stack: Stack, token: str, lang: str) -> BrowserContext:
    context = browser.new_context(viewport=DESKTOP, locale=lang)
    context.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
    return context


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_from_the_stalls_page_to_the_answer(
    stack: Stack, browser: Browser, offices: dict[str, str], lang: str
) -> None:
    with browser.new_context(viewport=PHONE, locale=lang, device_scale_factor=2) as phone:
        shopper = phone.new_page()
        said = complaints(shopper)
        shopper.goto(f"{stack.url}/s/A01")
        shopper.locator(".foot-link a").click()
        expect(shopper.locator("#stall")).to_have_value("A01")
        check_page(shopper, "complain")
        shopper.locator("form[action$='/complain'] button[type=submit]").click()
        expect(shopper.locator("#error-kind")).to_be_visible()
        check_page(shopper, "complain-wrong")
        shopper.locator("#kind-invoice_refused").check(force=True)
        shopper.locator("#words").fill(SCRIPT)
        shopper.locator("form[action$='/complain'] button[type=submit]").click()
        expect(shopper).to_have_url(re.compile(r"/c/[\w-]{22}$"))
        expect(shopper.locator("#main")).to_contain_text(SCRIPT)
        check_page(shopper, "complaint-sent")
        for desk, office in (("market", "market"), ("officer", "tax")):
            with at_desk(browser, stack, offices[desk], lang) as context:
                page = context.new_page()
                page.goto(f"{stack.url}/{desk}/complaints?state=all")
                expect(page.locator("tbody")).to_contain_text("{{7*7}}")
                check_page(page, f"complaints-{desk}")
                page.locator("tbody a").first.click()
                check_page(page, f"complaint-{desk}")
                page.locator("#words").fill(f"{office} {SCRIPT}")
                page.locator("form[data-once] button[type=submit]").last.click()
                expect(page.locator(".note_good")).to_be_visible()
                check_page(page, f"complaint-{desk}-answered")
            shopper.reload()
            expect(shopper.locator("#main")).to_contain_text(WORDS[lang][office])
            expect(shopper.locator("#main")).to_contain_text(f"{office} {SCRIPT}")
            expect(shopper.locator("#main")).not_to_contain_text("周敏")
        check_page(shopper, "complaint-answered")
        assert not unexpected(said)


def test_a_forged_code_leads_to_a_report_of_it(stack: Stack, browser: Browser) -> None:
    with browser.new_context(viewport=PHONE, locale="zh-CN") as phone:
        page = phone.new_page()
        page.goto(f"{stack.url}/s/A01.1.AAAAAAAAAAAAAAAA")
        check_page(page, "foreign-code")
        page.locator("#main a.weui-btn").click()
        expect(page.locator("#kind-foreign_code")).to_be_checked()
        expect(page.locator("#stall")).to_have_value("A01")


def test_the_api_says_no_to_a_flood_and_to_a_stranger(stack: Stack) -> None:
    """Twenty in ten minutes from one address; a reader without a session gets none of them."""
    url = f"{stack.url}/api/v1/stalls/A01/complaints"
    given = {"kind": "foreign_code"}
    answers = [
        requests.post(url, json=given, headers={"Idempotency-Key": f"flood-of-reports-{n}"}, timeout=10)
        for n in range(21)
    ]
    assert {answer.status_code for answer in answers} == {201, 429}
    assert answers[0].json()["url"].endswith("/c/" + answers[0].json()["token"])
    assert requests.get(f"{stack.url}/api/v1/complaints", timeout=10).status_code == 401
