"""A tax officer's day in real Chromium: from the region's sums to one sale, for a reason; a spot check."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from invoice_service.config import Config
from invoice_service.domain.numbering import business_day
from invoice_service.ledger import evidence
from invoice_service.web.identity import COOKIE
from scripts.benchmarks import history
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, language, unexpected
from tests.stack import Stack

ORDERS = 1500
REASON = "核对第三季度申报"
HOSTILE = "<script>alert(1)</script>{{7*7}}#eval(1)"
LONG = "长".join("经营户名字很" for _ in range(17))
WORDS = {
    "zh-CN": {
        "selling": "此时获准在此经营",
        "recorded": REASON,
        "foreign": "不是市场制作",
        "nobody": "无人获准",
    },
    "en": {
        "selling": "may sell here now",
        "recorded": REASON,
        "foreign": "not made by the market",
        "nobody": "Nobody",
    },
}


@dataclass(frozen=True)
class Office:
    """Two markets of one region, with weeks of history, and one that is elsewhere."""

    stack: Stack
    token: str  # the officer's session
    seller: int  # who has sold most at A01
    hostile: int  # a vendor whose name is a script
    vendor_token: str


@pytest.fixture(scope="module")
def office(stack: Stack) -> Office:
    with stack.database() as database, database.unit_of_work() as uow:
        connection = uow.connection
        seller = connection.exec_driver_sql("SELECT id FROM vendors").scalar_one()
        home = connection.exec_driver_sql("SELECT id FROM markets").scalar_one()
        butcher = make.vendor(
            connection, home, name_zh=HOSTILE, name_en=HOSTILE, taxpayer_kind="natural_person", tax_id=None,
            default_tax_class="fresh_meat",
        )  # fmt: skip
        grocer = make.vendor(
            connection, home, name_zh=LONG, name_en=LONG, taxpayer_kind="general",
            default_tax_class="processed_food", licence_no="L-1", licence_until=date(2026, 1, 1),
        )  # fmt: skip
        make.stall(connection, home, butcher, code="A02", name_zh=HOSTILE, name_en=HOSTILE)
        make.stall(connection, home, grocer, code="A03", name_zh=LONG, name_en=LONG)
        make.stall(connection, home, None, code="A04", name_zh="空摊", name_en="Empty")
        near = make.market(
            connection, code="PE02", name_zh="宁洱农贸市场", name_en="Ning'er Market", region="530821"
        )
        make.stall(
            connection, near, make.vendor(connection, near, name_zh="白兰", name_en="Bai Lan"), code="N01"
        )
        away = make.market(
            connection, code="KM01", name_zh="篆新农贸市场", name_en="Zhuanxin", region="530102"
        )
        make.stall(connection, away, make.vendor(connection, away), code="K01")
        officer = make.account(connection, "officer", name="陈立", region="5308")
        token = make.signed_in(connection, officer, confirmed=True)
        vendor = make.account(connection, "vendor", market_id=home, vendor_id=seller)
        vendor_token = make.signed_in(connection, vendor)
        uow.commit()
    config = Config(data_dir=stack.folder, database_url=stack.database_url)
    until = datetime.now(UTC) - timedelta(minutes=2)
    assert sum(history.fill(config, ORDERS, until=until, seed=7, processes=2)) == ORDERS
    return Office(stack, token, seller, butcher, vendor_token)


@pytest.fixture(params=["zh-CN", "en"])
def desk(office: Office, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with browser.new_context(viewport=DESKTOP, locale=request.param) as context:
        context.add_cookies([{"name": COOKIE, "value": office.token, "url": office.stack.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        said = complaints(page)
        page.on("dialog", lambda dialog: said.append(f"a script ran: {dialog.message}"))
        yield page
        assert not unexpected(said)


def last_weeks() -> str:
    today = business_day(datetime.now(UTC))
    return f"first_day={today - timedelta(days=20)}&last_day={today}"


def say_why(page: Page) -> None:
    expect(page.locator("#reason")).to_be_visible()
    page.locator("#reason").fill(REASON)
    page.locator("form[action$='/looks'] button[type=submit]").click()
    expect(page.locator(".note_plain")).to_contain_text(REASON)


def fen(text: str) -> int:
    """¥1,234.50 → 123450."""
    return int(re.sub(r"[^\d]", "", text))


def column(page: Page, table: str, n: int) -> list[int]:
    cells = page.locator(f"{table} tbody tr td:nth-child({n})").all_inner_texts()
    return [fen(cell) for cell in cells]


def turnover(page: Page) -> int:
    return fen(page.locator(".figure__value").first.inner_text())


def test_from_the_region_to_one_sale_and_its_entry(office: Office, desk: Page) -> None:
    """Every sum that stands in two places is the same to the fen."""
    url = f"{office.stack.url}/officer"
    forget_looks(office)
    desk.goto(f"{url}?{last_weeks()}")
    check_page(desk, "officer-region")
    region = turnover(desk)
    markets = desk.locator("section", has=desk.locator("#markets-title"))
    assert sum(column(desk, "section:has(#markets-title)", 2)) == region
    assert sum(column(desk, "section:has(#rules-title)", 3)) == region
    assert sum(column(desk, "section:has(#kinds-title)", 2)) == region
    assert sum(column(desk, "section:has(#sellers-title)", 2)) == region
    assert fen_of_days(desk) == region
    expect(markets).not_to_contain_text("KM01")

    markets.locator("a", has_text=re.compile("思茅|Simao")).click()
    check_page(desk, "officer-why")
    desk.locator("#reason").fill("x")
    desk.locator("form[action$='/looks'] button[type=submit]").click()
    expect(desk.locator("#error-reason")).to_be_visible()
    check_page(desk, "officer-why-wrong")
    say_why(desk)
    check_page(desk, "officer-market")
    market = turnover(desk)
    assert market < region
    vendors = "section:has(#vendors-title)"
    assert sum(column(desk, vendors, 2)) == market == sum(column(desk, "section:has(#stalls-title)", 2))

    desk.locator("#rate").select_option("exempt")
    desk.locator(".filters button").first.click()
    assert turnover(desk) == sum(column(desk, vendors, 4)) < market
    check_page(desk, "officer-market-exempt")
    desk.locator("#rate").select_option("all")
    desk.locator(".filters button").first.click()

    link = desk.locator(f"{vendors} a[href*='/vendors/{office.seller}?']")
    row = desk.locator(
        f"{vendors} tbody tr:has(a[href*='/vendors/{office.seller}?']) td:nth-child(2)"
    ).inner_text()
    link.click()
    say_why(desk)
    assert turnover(desk) == fen(row)
    check_page(desk, "officer-vendor")
    desk.locator("#invoiced").select_option("yes")
    desk.locator("form[action='#sales-title'] button").click()
    check_page(desk, "officer-vendor-invoiced")
    first = desk.locator("section:has(#sales-title) tbody tr").first
    number = first.locator("td").nth(3).inner_text().strip()
    first.locator("a").click()
    expect(desk.locator("#main")).to_contain_text(number)
    check_page(desk, "officer-sale")
    with desk.expect_download() as taken:
        desk.locator("a[href$='/evidence']").click()
    proof = evidence.parse(taken.value.path().read_bytes())
    trusted = bytes.fromhex(proof.issuer["statement"]["issuer"])
    assert proof.body["number"] == number
    steps = evidence.verify(proof, trusted_issuer=trusted, chain=None).steps
    # History is made with keys of today: that an entry is older than its key is all that may be amiss.
    passed = [step.name for step in steps if step.outcome == "passed"]
    assert passed[:4] == ["issuer", "pin", "body", "buyer"]
    assert passed[4:] in ([], ["signature", "inclusion"])
    desk.goto(f"{url}/invoices/{number}")
    expect(desk).to_have_url(re.compile("/officer/sales/"))
    reasons = "SELECT count(*) FROM access_records WHERE action = 'sale.look' AND reason = :reason"
    assert office.stack.query(reasons, reason=REASON) >= 2


def forget_looks(office: Office) -> None:
    """As if the half hour were over: another officer asks in the other language."""
    with office.stack.database() as database, database.unit_of_work() as uow:
        moved = make.account(uow.connection, "officer", region="5308")
        uow.connection.exec_driver_sql(
            "UPDATE sessions SET account_id = %s FROM accounts AS a "
            "WHERE a.id = sessions.account_id AND a.role = 'officer'",
            (moved,),
        )
        uow.commit()


def fen_of_days(page: Page) -> int:
    page.locator("section:has(#days-title) summary").click()
    return sum(column(page, "section:has(#days-title)", 2))


def test_a_vendor_reads_who_looked_and_why(office: Office, browser: Browser) -> None:
    """Both at the market's vendors and at this one."""
    with browser.new_context(viewport=PHONE, locale="zh-CN") as context:
        context.add_cookies([{"name": COOKIE, "value": office.vendor_token, "url": office.stack.url}])
        page = context.new_page()
        page.goto(f"{office.stack.url}/account/records")
        for text in ("查看了本市场全部经营户的汇总", "查看了一笔交易及其发票", REASON):
            expect(page.locator("#main")).to_contain_text(text)
        check_page(page, "vendor-records")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_spot_check(office: Office, browser: Browser, desk: Page, size: ViewportSize) -> None:
    """By the code as typed, as scanned, foreign, of another region, of a stall where nobody may sell."""
    url = office.stack.url
    desk.set_viewport_size(size)
    paid = office.stack.invoice(3300)
    office.stack.wait_anchored(paid)
    desk.goto(f"{url}/officer/check")
    words = WORDS[language(desk)]
    check_page(desk, "officer-check")
    check(desk, "A01")
    expect(desk.locator(".note_good")).to_contain_text(words["selling"])
    expect(desk.locator("section:has(#recent-title) tbody")).to_contain_text("33.00")
    check_page(desk, "officer-stall")
    desk.goto(f"{url}/officer/check")
    check(desk, "A04")
    expect(desk.locator(".note_bad")).to_contain_text(words["nobody"])
    check_page(desk, "officer-stall-empty")
    astray = desk.context.new_page()  # which may complain: these are refused
    for code in ("K01", "../../x", "", "NONE", f"{url}/s/A01.1.AAAAAAAAAAAAAAAA"):
        astray.goto(f"{url}/officer/check")
        astray.locator("#code").evaluate("(one) => one.required = false")
        with astray.expect_response(lambda answer: answer.request.method == "POST") as answered:
            check(astray, code)
        assert answered.value.status == 404, code
        expect(astray.locator("#error-code")).to_be_visible()
    expect(astray.locator("#error-code")).to_contain_text(words["foreign"])
    check_page(astray, "officer-check-foreign")
    astray.close()


def check(page: Page, code: str) -> None:
    page.locator("#code").fill(code)
    page.locator("form[action$='/check'] button[type=submit]").click()


def test_no_page_breaks_on_a_phone_or_with_hostile_names(office: Office, desk: Page) -> None:
    """Threats 12 and 13: what was typed is shown as it was typed. Bad filters are refused in the form."""
    url = f"{office.stack.url}/officer"
    forget_looks(office)
    for path in ("/markets/PE01", f"/vendors/{office.hostile}"):
        desk.goto(f"{url}{path}?{last_weeks()}")
        say_why(desk)
    for size, name in ((DESKTOP, "desktop"), (PHONE, "phone")):
        desk.set_viewport_size(size)
        for path in ("", "/markets/PE01", "/stalls/A02/sources", f"/vendors/{office.hostile}"):
            desk.goto(f"{url}{path}?{last_weeks()}&compare=year")
            check_page(desk, f"officer{path.replace('/', '-')}-{name}")
        assert desk.locator("h1").inner_text() == HOSTILE
        for wrong in ("first_day=2026-02-30", "first_day=2026-11-20&last_day=2026-11-19", "rate=' OR 1=1",
                      "compare=x", "taxpayer_kind=admin", "tax_class=vegetable'--"):  # fmt: skip
            desk.goto(f"{url}?{wrong}")
            expect(desk.locator("[role=alert]")).to_be_visible()
        check_page(desk, f"officer-wrong-{name}")
        desk.goto(f"{url}?first_day=2020-01-01&last_day=2020-01-31")
        expect(desk.locator(".empty-note").first).to_be_visible()
        check_page(desk, f"officer-nothing-{name}")
    astray = desk.context.new_page()
    astray.goto(f"{url}/markets/KM01")
    expect(astray.locator(".desk-nav")).to_be_visible()
    check_page(astray, "officer-error")
    astray.close()


def test_sales_are_taken_out_in_the_background(office: Office, desk: Page) -> None:
    """From the market's page to a file that holds every sale of its days."""
    desk.goto(f"{office.stack.url}/officer/exports")
    check_page(desk, "exports-empty")
    desk.goto(f"{office.stack.url}/officer/markets/PE01?{last_weeks()}")
    if desk.locator("#reason").is_visible():
        say_why(desk)
    desk.locator("form[action$='/exports'] button").click()
    expect(desk).to_have_url(re.compile(r"/officer/exports$"))
    fetch = desk.locator("a[href$='.csv.gz']").first
    expect(fetch).to_be_visible(timeout=20_000)
    check_page(desk, "exports")
    with desk.expect_download() as taken:
        fetch.click()
    rows = gzip.decompress(taken.value.path().read_bytes()).decode().splitlines()
    done = int(desk.locator("tbody tr").first.locator("td.num").first.inner_text().replace(",", ""))
    assert len(rows) - 1 == done > 0
    assert not any(row.startswith(("=", "+", "-", "@")) for row in rows)
    desk.locator("form[action$='/delete'] button").first.click()
    expect(desk.locator(".note_good")).to_be_visible()
