"""A vendor's day on the phone, in real Chromium: money comes in, prices change, the day closes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from invoice_service.flow import secret
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import PHONE, check_page, complaints, unexpected
from tests.stack import Stack

PIN = "482913"
SCRIPT = "<script>alert(1)</script>{{7*7}}"
PAGES = (
    "", "/sales", "/sales?by=week", "/sales?by=month", "/sales?by=year", "/orders", "/invoices", "/goods",
    "/goods/new", "/key", "/threshold", "/close", "/months", "/more",
)  # fmt: skip
LEAST_HEIGHT = """
    [...document.querySelectorAll(".tab, main button, .switch a, .row a, .box")]
        .filter((one) => one.offsetParent).map((one) => one.getBoundingClientRect().height)
        .reduce((least, height) => Math.min(least, height), 999)
"""  # of whatever a thumb has to meet


@dataclass
class Vendor:
    """A vendor's phone, and the browser for whoever else comes by."""

    stack: Stack
    browser: Browser
    page: Page
    complaints: list[str]

    def go(self, path: str) -> None:
        self.page.goto(f"{self.stack.url}/vendor{path}")

    def confirm(self) -> None:
        """The page asked for the PIN; it leads back to where it came from."""
        expect(self.page).to_have_url(re.compile("/account/confirm"))
        self.page.locator("input[name=pin]").fill(PIN)
        self.page.locator("form:has(input[name=pin]) button[type=submit]").click()

    def sell(self, amount_fen: int) -> None:
        order = self.stack.place(amount_fen)
        self.stack.pay(order["order_id"])


@pytest.fixture(scope="module")
def account(stack: Stack) -> int:
    """Of the vendor of stall A01."""
    with stack.database() as database, database.unit_of_work() as uow:
        row = uow.connection.execute(text("SELECT market_id, vendor_id FROM authorisations")).one()
        made = make.account(
            uow.connection,
            "vendor",
            vendor_id=row.vendor_id,
            market_id=row.market_id,
            pin_hash=secret.hashed(PIN),
        )
        uow.commit()
    return made


def phone_of(stack: Stack, browser: Browser, account: int, lang: str, **options: object) -> Vendor:
    """Signed in, and not yet confirmed."""
    with stack.database() as database, database.unit_of_work() as uow:
        token = make.signed_in(uow.connection, account)
        uow.commit()
    settings = {"viewport": PHONE, "device_scale_factor": 2, "locale": lang}
    context = browser.new_context(**settings | options)  # type: ignore[arg-type]
    context.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
    page = context.new_page()
    return Vendor(stack, browser, page, complaints(page))


@pytest.fixture(params=["zh-CN", "en"])
def vendor(stack: Stack, browser: Browser, account: int, request: pytest.FixtureRequest) -> Iterator[Vendor]:
    """A console error or a refused resource fails the test; so does Chromium's word for a form sent back."""
    made = phone_of(stack, browser, account, request.param)
    yield made
    made.page.context.close()
    assert not unexpected(made.complaints)


def fen_of(words: str) -> int:
    return int(re.sub(r"[^0-9]", "", words))


def test_a_payment_slides_in_and_is_said_aloud(vendor: Vendor) -> None:
    vendor.go("")
    before = fen_of(vendor.page.locator(".takings__sum").inner_text())
    vendor.sell(4321)
    fresh = vendor.page.locator(".arrival_new")
    expect(fresh).to_contain_text("43.21", timeout=5_000)
    expect(fresh).to_have_count(1)
    expect(vendor.page.locator("#told")).to_contain_text("43.21")
    assert vendor.page.locator("#told").get_attribute("role") == "status"
    assert fen_of(vendor.page.locator(".takings__sum").inner_text()) == before + 4321
    check_page(vendor.page)


def test_a_keyed_sale_is_scanned_and_paid_by_a_shopper(vendor: Vendor) -> None:
    vendor.go("/key")
    page = vendor.page
    page.locator("#quantity-pakchoi").fill("2.5")  # 8.00
    page.locator("#amount_yuan").fill("4.57")
    expect(page.locator("[data-total]")).to_have_text("12.57")
    page.locator("input[value=jiao]").check(force=True)
    expect(page.locator("[data-total]")).to_have_text("12.50")
    expect(page.locator("[data-let-go]")).to_contain_text("0.07")
    check_page(page)
    page.locator("form[data-tally] button[type=submit]").click()
    expect(page.locator(".scan__amount")).to_contain_text("12.50")
    expect(page.locator(".scan__code svg")).to_be_visible()
    check_page(page)

    shopper = vendor.browser.new_context(locale="zh-CN").new_page()
    shopper.goto(f"{vendor.stack.url}/o/{page.url.rsplit('/', 1)[1]}")
    expect(shopper.locator(".pay__amount")).to_contain_text("12.50")
    shopper.locator("a[href$='/pay']").click()
    shopper.locator("form[action$='/pay'] button, button[type=submit]").first.click()
    shopper.context.close()

    expect(page.locator(".paid__amount")).to_contain_text("12.50", timeout=10_000)
    check_page(page)
    page.locator(".paid__actions a").click()
    expect(page.locator("#amount_yuan")).to_have_value("")

    page.goto(f"{vendor.stack.url}/vendor/orders?amount=12.50")
    page.locator(".row a").first.click()
    expect(page.locator(".sums")).to_contain_text("0.07")  # what was let go stays on record
    check_page(page)


def test_a_keyed_sale_of_nothing_says_so_beside_the_field(vendor: Vendor) -> None:
    vendor.go("/key")
    vendor.page.locator("#quantity-tomato").fill("1,5")
    vendor.page.locator("form[data-tally] button[type=submit]").click()
    expect(vendor.page.locator("#error-quantity-tomato")).to_be_visible()
    expect(vendor.page.locator("#quantity-tomato")).to_have_value("1,5")
    check_page(vendor.page)


def test_a_price_is_changed_after_the_pin_and_what_was_typed_is_kept(vendor: Vendor) -> None:
    vendor.go("/goods")
    price = vendor.page.locator("#price-tomato")
    wanted = "4.80" if price.input_value() != "4.80" else "4.90"
    price.fill("0")
    vendor.page.locator("#ware-tomato .ware__save").click()
    vendor.confirm()
    expect(price).to_have_value("0")
    vendor.page.locator("#ware-tomato .ware__save").click()
    expect(vendor.page.locator("#error-price-tomato")).to_be_visible()
    check_page(vendor.page)
    price.fill(wanted)
    vendor.page.locator("#ware-tomato .ware__save").click()
    expect(vendor.page.locator(".said")).to_contain_text(wanted)
    shopper = vendor.browser.new_context(locale="en").new_page()
    shopper.goto(f"{vendor.stack.url}/s/A01")
    expect(shopper.locator("#price-tomato")).to_contain_text(wanted)
    shopper.context.close()


def test_sold_out_with_one_tap_reaches_the_shopper(vendor: Vendor) -> None:
    vendor.go("/goods")
    switch = vendor.page.locator("#stock-pakchoi")
    expect(switch).to_have_attribute("aria-checked", "true")
    shopper = vendor.browser.new_context(locale="en").new_page()
    for state, shown in (("false", 0), ("true", 1)):
        switch.click()
        expect(switch).to_have_attribute("aria-checked", state)
        shopper.goto(f"{vendor.stack.url}/s/A01")
        expect(shopper.locator(".goods input[name=quantity-pakchoi]")).to_have_count(shown)
    shopper.context.close()


def test_sold_out_without_javascript(stack: Stack, browser: Browser, account: int) -> None:
    vendor = phone_of(stack, browser, account, "en", java_script_enabled=False)
    vendor.go("/goods")
    for state in ("true", "false"):  # garlic is sold out at first, and is afterwards
        vendor.page.locator("#stock-garlic").click()
        expect(vendor.page.locator("#stock-garlic")).to_have_attribute("aria-checked", state)
    vendor.page.context.close()


def test_goods_are_added_and_removed(vendor: Vendor) -> None:
    vendor.go("/goods/new")
    page = vendor.page
    page.locator("#name_zh").fill(SCRIPT + "长" * 6)
    page.locator("#price_yuan").fill("7.5")
    page.locator("#kind").select_option(index=1)
    page.locator("main form button[type=submit]").first.click()
    vendor.confirm()
    expect(page.locator("#name_zh")).to_have_value(SCRIPT + "长" * 6)
    page.locator("main form button[type=submit]").first.click()
    ware = page.locator(".ware", has_text="{{7*7}}")
    expect(ware).to_contain_text("<script>")  # as text, and 49 nowhere
    check_page(page, "goods")
    ware.locator(".ware__name").click()
    check_page(page, "goods-one")
    page.locator("#remove summary").click()
    page.locator("#remove button").click()
    expect(page.locator(".ware", has_text="{{7*7}}")).to_have_count(0)


def test_an_order_is_found_by_its_amount_and_not_by_another_day(vendor: Vendor) -> None:
    vendor.sell(7713)
    vendor.go("/orders")
    vendor.page.locator("#amount").fill("77.13")
    vendor.page.locator("form[role=search] button").click()
    rows = vendor.page.locator("main .row")
    expect(rows.first).to_contain_text("77.13")
    assert all("77.13" in row for row in rows.all_inner_texts())
    vendor.page.locator("#day").fill("2020-01-01")
    vendor.page.locator("form[role=search] button").click()
    expect(vendor.page.locator(".empty")).to_be_visible()
    vendor.go("/orders?amount=abc&day=never")
    expect(vendor.page.locator(".field-error")).to_have_count(2)
    check_page(vendor.page)


def test_older_orders_follow_without_gap_or_repeat(vendor: Vendor) -> None:
    for _ in range(35 - vendor.stack.query("SELECT least(count(*), 35) FROM orders WHERE amount_fen = 111")):
        vendor.stack.place(111)
    vendor.go("/orders?amount=1.11")
    seen: list[str | None] = []
    while True:
        links = vendor.page.locator("main .row a")
        seen += [links.nth(n).get_attribute("href") for n in range(links.count())]
        older = vendor.page.locator("a[href*='cursor=']")
        if not older.count():
            break
        before = vendor.page.url
        older.click()
        expect(vendor.page).not_to_have_url(before)
        expect(links.first).not_to_have_attribute("href", seen[-1] or "")
    assert len(seen) == len(set(seen)) == 35


def test_the_day_is_closed_and_a_difference_shows_at_once(vendor: Vendor) -> None:
    vendor.sell(1000)
    vendor.go("/close")
    page = vendor.page
    counted = page.locator("[data-recorded-fen]")
    expect(counted).to_have_count(1)
    recorded = int(counted.get_attribute("data-recorded-fen") or 0)
    counted.fill(f"{(recorded - 150) / 100:.2f}")
    expect(page.locator(".apart_less")).to_contain_text("1.50")
    counted.fill(f"{recorded / 100:.2f}")
    expect(page.locator(".apart_none")).to_be_visible()
    counted.fill(f"{(recorded - 150) / 100:.2f}")
    page.locator("#cash_yuan").fill("88.8")
    page.locator("#note").fill(SCRIPT)
    check_page(page, "close")
    page.locator("form[data-counts] button[type=submit]").click()
    vendor.confirm()
    expect(page.locator("#cash_yuan")).to_have_value("88.8")
    page.locator("form[data-counts] button[type=submit]").click()
    expect(page).to_have_url(re.compile("/vendor/closed/"))
    expect(page.locator(".state-title")).to_contain_text("1.50")
    expect(page.locator("main")).to_contain_text("88.80")
    expect(page.locator("main")).to_contain_text("{{7*7}}")
    check_page(page, "closed")


def test_a_month_is_downloaded_after_the_pin(vendor: Vendor, tmp_path: Path) -> None:
    vendor.sell(2345)
    vendor.go("/months")
    vendor.page.locator(".row a[href$='.xlsx']").first.click()
    vendor.confirm()
    with vendor.page.expect_download() as download:
        vendor.page.locator("main a.weui-btn[href$='.xlsx']").click()
    download.value.save_as(tmp_path / "month.xlsx")
    workbook = load_workbook(io.BytesIO((tmp_path / "month.xlsx").read_bytes()))
    cells = [cell for sheet in workbook for row in sheet.iter_rows(values_only=True) for cell in row]
    total = vendor.stack.query("SELECT sum(amount_fen) FROM vendor_hours")
    assert any(isinstance(cell, int | float) and round(cell * 100) == total for cell in cells)


def test_a_broken_line_leaves_what_was_seen_and_says_how_old_it_is(vendor: Vendor) -> None:
    page = vendor.page
    vendor.go("")
    shown = page.locator(".takings__sum").inner_text()
    as_of = page.locator("[data-as-of]").get_attribute("data-as-of") or "?"
    page.context.set_offline(True)
    bar = page.locator("#lost")
    expect(bar).to_be_visible(timeout=5_000)
    expect(bar).to_contain_text(as_of)
    page.locator(".tab_sales").click()  # cannot come: what stands here stays
    page.wait_for_timeout(300)
    assert page.locator(".takings__sum").inner_text() == shown
    check_page(page)
    page.context.set_offline(False)
    expect(bar).to_be_hidden(timeout=10_000)
    page.locator(".tab_key").click()
    button = page.locator("form[data-tally] button[type=submit]")
    expect(button).to_be_enabled()
    page.locator("#amount_yuan").fill("5")
    page.context.set_offline(True)
    expect(bar).to_be_visible(timeout=5_000)
    expect(button).to_be_disabled()
    expect(page.locator("#amount_yuan")).to_have_value("5")
    page.context.set_offline(False)
    expect(button).to_be_enabled(timeout=10_000)
    # Chromium and htmx both log each request that found no line.
    lost = re.compile("ERR_INTERNET_DISCONNECTED|^htmx:(sendError|afterRequest)")
    vendor.complaints[:] = [said for said in vendor.complaints if not lost.search(said)]


def test_every_page_is_fit_to_be_used(vendor: Vendor) -> None:
    for path in PAGES:
        vendor.go(path)
        expect(vendor.page.locator("h1")).to_be_visible()
        check_page(vendor.page, "vendor" + re.sub(r"\W+", "-", path))
        assert vendor.page.evaluate(LEAST_HEIGHT) >= 44, path


def test_a_first_visit_is_light(vendor: Vendor) -> None:
    """Compressed bytes on the wire, page and assets together."""
    client = vendor.page.context.new_cdp_session(vendor.page)
    client.send("Network.enable")
    client.send("Network.clearBrowserCache")
    sizes: list[float] = []
    client.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    vendor.go("")
    vendor.page.wait_for_timeout(1_000)
    assert 10_000 < sum(sizes) <= 120_000


@pytest.fixture(scope="module")
def stranger(stack: Stack) -> int:
    """A vendor who has sold nothing yet, of a name that somebody hopes to be run, as long as it may be."""
    with stack.database() as database, database.unit_of_work() as uow:
        connection = uow.connection
        market_id = connection.execute(text("SELECT id FROM markets")).scalar_one()
        name = (SCRIPT + "Longname" * 9)[:100]
        vendor_id = make.vendor(connection, market_id, name_zh=name, name_en=name)
        goods = {"sku": "odd", "name_zh": name, "name_en": name, "price_fen": 4_999_999}
        make.stall(connection, market_id, vendor_id, code="Z09", name_zh=name, name_en=name)
        make.goods(connection, market_id, vendor_id, [goods])
        made = make.account(connection, "vendor", vendor_id=vendor_id, market_id=market_id)
        uow.commit()
    return made


@pytest.mark.parametrize("width", [390, 195])
def test_hostile_and_long_names_and_nothing_sold(
    stack: Stack, browser: Browser, stranger: int, width: int
) -> None:
    """Threats 12 and 13, and every page's empty state; the narrow phone is one at twice the text size."""
    vendor = phone_of(stack, browser, stranger, "en", viewport={"width": width, "height": 844})
    for path in PAGES:
        vendor.go(path)
        assert "49" not in vendor.page.locator("h1").inner_text()
        check_page(vendor.page)
    vendor.go("")
    assert SCRIPT in vendor.page.locator("h1").inner_text()
    vendor.page.context.close()
    assert not vendor.complaints


def test_a_session_that_ended_leads_to_the_door(vendor: Vendor) -> None:
    vendor.go("/more")
    vendor.page.context.clear_cookies()
    vendor.page.locator(".tab_sales").click()
    expect(vendor.page).to_have_url(re.compile("/account/login"), timeout=10_000)
    vendor.complaints[:] = [said for said in vendor.complaints if "401" not in said]


def test_another_vendors_order_is_not_there(stack: Stack, browser: Browser, stranger: int) -> None:
    stack.place(1250)
    order_id = stack.query("SELECT id FROM orders ORDER BY id DESC LIMIT 1")
    vendor = phone_of(stack, browser, stranger, "en")
    answer = vendor.page.goto(f"{stack.url}/vendor/orders/{order_id}")
    assert answer is not None
    assert answer.status == 404
    vendor.page.context.close()
