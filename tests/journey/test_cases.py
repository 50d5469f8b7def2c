"""An officer follows a finding, decides, reopens, and takes the bundle out; in real Chromium."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize, expect

from invoice_service.supervision import bundle
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, unexpected
from tests.stack import Stack

HOSTILE = "<script>alert(1)</script> {{7*7}} 已核实，经营户 " + "很长的说明" * 20


@pytest.fixture(scope="module")
def officer(stack: Stack) -> str:
    """The session of an officer in whose region three findings were made."""
    stack.invoice()
    with stack.database() as database, database.unit_of_work() as uow:
        row = uow.connection.exec_driver_sql(
            "SELECT o.id, o.market_id, o.vendor_id FROM orders AS o JOIN sales AS s ON s.order_id = o.id"
        ).one()
        day = datetime.now(UTC).date()
        splitting = {
            "rule": "splitting",
            "stall": "A01",
            "records": [str(row.id)],
            "figures": {"count": 4, "limit_fen": 100_000, "within_minutes": 10, "sum_fen": 380_000},
            "thresholds": {"limit_fen": 100_000, "from_percent": 85, "least": 3, "within_minutes": 10},
        }
        make.finding(uow.connection, row.market_id, row.vendor_id)
        make.finding(uow.connection, row.market_id, row.vendor_id, **splitting)
        late = {"count": 12, "waiting": 3, "worst_minutes": 95, "after_minutes": 30}
        make.finding(
            uow.connection, row.market_id, None, rule="late", figures=late, thresholds={"after_minutes": 30},
            first_day=day - timedelta(days=2), last_day=day - timedelta(days=2), times=3,
        )  # fmt: skip
        account = make.account(uow.connection, "officer", region="5308", name="陈立")
        make.account(uow.connection, "officer", region="53", name="王敏")
        token = make.signed_in(uow.connection, account, confirmed=True)
        uow.commit()
    return token


def at_desk(browser: Browser, stack: Stack, token: str, lang: str, size: ViewportSize) -> BrowserContext:
    context = browser.new_context(viewport=size, locale=lang, accept_downloads=True)
    context.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
    return context


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_from_the_list_to_the_decision_and_back(
    stack: Stack, browser: Browser, officer: str, lang: str
) -> None:
    with at_desk(browser, stack, officer, lang, DESKTOP) as context:
        page = context.new_page()
        said = complaints(page)
        page.goto(f"{stack.url}/officer/cases?state=all")
        expect(page.locator("tbody tr")).to_have_count(3)
        expect(page.locator("tbody")).not_to_contain_text("李秀英")
        check_page(page, "cases")
        page.goto(f"{stack.url}/officer/rules")
        expect(page.locator("tbody tr")).to_have_count(10)
        check_page(page, "rules")
        page.goto(f"{stack.url}/officer/cases?state=all&rule=splitting")
        page.locator("tbody a").click()
        expect(page).to_have_url(re.compile(r"/officer/cases/\d+$"))
        check_page(page, "case-new")
        case = page.url
        page.locator("form[action$='/decision'] textarea").fill("没有选择结果")
        page.locator("form[action$='/decision'] button").click()
        expect(page.locator("#error-outcome")).to_be_visible()
        check_page(page, "case-wrong")
        page.goto(case)
        page.locator("form[action$='/assign'] select").select_option(label="王敏")
        page.locator("form[action$='/assign'] button").click()
        expect(page.locator(".note_good")).to_be_visible()
        page.locator("form[action$='/notes'] textarea").fill(HOSTILE)
        page.locator("form[action$='/notes'] button").click()
        expect(page.locator(".note_good")).to_be_visible()
        page.locator("form[action$='/decision'] select").select_option("innocent")
        page.locator("form[action$='/decision'] textarea").fill(HOSTILE)
        page.locator("form[action$='/decision'] button").click()
        expect(page.locator("form[action$='/reopening']")).to_be_visible()
        expect(page.locator("#main")).to_contain_text("<script>alert(1)</script> {{7*7}}")
        check_page(page, "case-closed")
        page.locator(".records a").first.click()
        expect(page).to_have_url(re.compile(r"/officer/sales/"))
        page.goto(case)
        page.locator("form[action$='/reopening'] textarea").fill("又有新的线索")
        page.locator("form[action$='/reopening'] button").click()
        expect(page.locator("form[action$='/decision']")).to_be_visible()
        assert not unexpected(said)


def test_a_bundle_leaves_the_browser_and_is_one(stack: Stack, browser: Browser, officer: str) -> None:
    with at_desk(browser, stack, officer, "zh-CN", PHONE) as context:
        page = context.new_page()
        page.goto(f"{stack.url}/officer/cases?state=all&rule=splitting")
        check_page(page, "cases-phone")
        page.locator("tbody a").click()
        check_page(page, "case-phone")
        with page.expect_download() as taken:
            page.locator("a[href$='.zip']").click()
        with taken.value.path().open("rb") as file:
            finding, verdict = bundle.verify(file, trusted_issuer=None)
        assert finding.rule == "splitting"
        assert [step.name for step in verdict.steps] == ["issuer", "documents", "inclusion", "rule"]
        assert verdict.steps[-1].outcome == "failed", "no four sales were split here"
