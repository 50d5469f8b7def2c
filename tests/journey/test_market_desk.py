"""A market operator's first day in real Chromium, from the invitation to the figures of what was sold."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from invoice_service.domain.numbering import business_day
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, scan, unexpected
from tests.journey.test_sign_in import button, invited, with_authenticator
from tests.stack import Stack

PIN = "482913"
WORDS = {
    "zh-CN": {
        "overlap": "授权给其他经营户",
        "replaced": "已换新",
        "foreign": "不是",
        "now": "经营中",
        "rows": "2 行",
    },
    "en": {
        "overlap": "already authorised",
        "replaced": "replaced",
        "foreign": "not",
        "now": "Selling",
        "rows": "2 rows",
    },
}
BAD_LIST = (
    "名称,纳税人类型,统一社会信用代码,自产,纳税期,经营类别\n段七,国王,,是,月,蔬菜\n段八,自然人,,是,月,蔬菜\n"
)


@dataclass
class Desk:
    """An operator at a desktop, signed in with a passkey; and whoever else comes by with a phone."""

    stack: Stack
    browser: Browser
    page: Page
    lang: str

    def go(self, path: str = "") -> None:
        self.page.goto(f"{self.stack.url}/market{path}")

    def send(self, action: str, **fields: str) -> None:
        """Fill in the form that is sent to `action`, choices by their value, and send it."""
        form = self.page.locator(f"form[action$='{action}']" if action else "form[data-once]").last
        for name, value in fields.items():
            field = form.locator(f"[name={name}]")
            if field.evaluate("(one) => one.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        form.locator("button[type=submit]").last.click()

    def phone(self) -> BrowserContext:
        return self.browser.new_context(viewport=PHONE, locale=self.lang, device_scale_factor=2)


def status_of(page: Page, url: str) -> int:
    answer = page.goto(url)
    assert answer is not None
    return answer.status


@pytest.fixture(scope="module", params=["zh-CN", "en"])
def desk(stack: Stack, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """An administrator opens the market and invites an operator, who sets up a passkey and is at the desk."""
    lang = request.param
    with browser.new_context(viewport=DESKTOP, locale=lang) as office:
        page = office.new_page()
        page.set_default_timeout(10_000)
        with_authenticator(page)
        page.goto(invited(stack, f"admin-{lang.lower()}"))
        button(page, "/passkey")
        expect(page).to_have_url(re.compile(r"\d/account$"))
        page.goto(f"{stack.url}/market")
        check_page(page, "choose")
        page.locator("form[action$='/market/choose'] button").last.click()
        expect(page.locator("#overview")).to_be_visible()
        page.goto(f"{stack.url}/market/people")
        check_page(page, "people-empty")
        page.locator("#name").fill("岩温")
        page.locator("#login").fill(f"operator-{lang.lower()}")
        page.locator("form:has(#login) button").click()
        check_page(page, "people-invited")
        link = page.locator(".copy-line input").input_value()
    with browser.new_context(viewport=DESKTOP, locale=lang, accept_downloads=True) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        said = complaints(page)
        with_authenticator(page)
        page.goto(link)
        button(page, "/passkey")
        expect(page.locator("#overview")).to_be_visible()
        check_page(page, "overview-empty")
        yield Desk(stack, browser, page, lang)
        assert not unexpected(said)


def test_a_stall_a_vendor_and_who_sells_when(desk: Desk) -> None:
    page, words = desk.page, WORDS[desk.lang]
    code, name = ("B07", "刀玉香") if desk.lang == "en" else ("B08", "刀玉兰")
    desk.go("/stalls/new")
    desk.send("", code="b 7", name_zh="玉香野菜", kind_zh="野菜", place_zh="B区7排")
    expect(page.locator("#error-code")).to_be_visible()
    expect(page.locator("#name_zh")).to_have_value("玉香野菜")
    check_page(page, "stall-new-wrong")
    page.locator("#code").fill(code)
    page.locator("form[data-once] button[type=submit]").click()
    expect(page).to_have_url(re.compile(f"/stalls/{code}$"))
    check_page(page, "stall-empty")

    desk.go("/vendors/new")
    desk.send("", name_zh=name, taxpayer_kind="small_scale", tax_id="91530802MA6K4YQ77B")
    expect(page.locator("#error-tax_id")).to_be_visible()
    check_page(page, "vendor-new-wrong")
    desk.send("", taxpayer_kind="natural_person", tax_id="", self_produced="1")
    expect(page).to_have_url(re.compile(r"/vendors/\d+$"))
    vendor_id = page.url.rpartition("/")[2]
    check_page(page, "vendor-empty")

    desk.go(f"/stalls/{code}")
    desk.send("/authorise", vendor_id=vendor_id, begins="00:00", ends="00:00")
    left_of_the_week = 7 - business_day(datetime.now(UTC)).weekday()
    expect(page.locator(".week__slot")).to_have_count(left_of_the_week)
    expect(page.locator(".desk-head .badge")).to_contain_text(words["now"])
    check_page(page, "stall-authorised")

    desk.go("/stalls/A01")  # where somebody sells at all hours
    page.locator(".fold", has=page.locator("#vendor_id")).locator("summary").click()
    desk.send("/authorise", vendor_id=vendor_id, begins="06:00", ends="09:30")
    expect(page.locator("[role=alert]")).to_contain_text(words["overlap"])
    expect(page.locator("#begins")).to_have_value("06:00")
    check_page(page, "stall-overlap")

    astray = page.context.new_page()
    assert status_of(astray, f"{desk.stack.url}/market/stalls/NONE") == 404
    expect(astray.locator(".desk-nav")).to_be_visible()
    check_page(astray, "error")
    astray.close()

    desk.go(f"/stalls/{code}")
    desk.send("/end", ends_on="2020-01-01")
    expect(page.locator("[role=alert]")).to_be_visible()
    desk.send(f"/stalls/{code}/open")  # that is: close it
    with desk.phone() as shopper:
        seen = shopper.new_page()
        seen.goto(page.locator(".copy-line input").input_value())
        expect(seen.locator(".notice_wait")).to_be_visible()
        check_page(seen, "closed-stall")
    desk.go("/stalls?state=closed")
    expect(page.locator("tbody tr")).to_contain_text([code])
    desk.go(f"/stalls/{code}")
    desk.send(f"/stalls/{code}/open")


def test_a_code_is_scanned_replaced_and_forged(desk: Desk) -> None:
    page, words = desk.page, WORDS[desk.lang]
    desk.go("/stalls/A01")
    first = page.locator(".copy-line input").input_value()
    with desk.phone() as shopper:
        seen = shopper.new_page()
        seen.goto(first)
        for text in ("李" if desk.lang == "zh-CN" else "Li", "A"):
            expect(seen.locator(".stall-head")).to_contain_text(text)
        expect(seen.locator(".stall-head__checked")).to_be_visible()
        check_page(seen, "stall-page")

        page.locator(".fold", has=page.locator("#reason")).locator("summary").click()
        desk.send("/reissue", reason="被人贴住了" if desk.lang == "zh-CN" else "Pasted over")
        second = page.locator(".copy-line input").input_value()
        assert second != first
        assert status_of(seen, first) == 410
        expect(seen.locator("#main")).to_contain_text(words["replaced"])
        check_page(seen, "code-replaced")
        assert status_of(seen, second[:-1] + ("A" if second[-1] != "A" else "B")) == 404
        expect(seen.locator("#main")).to_contain_text(words["foreign"])
        check_page(seen, "code-forged")
        seen.goto(second)
        expect(seen.locator(".stall-head__checked")).to_be_visible()


def test_a_vendors_phone_is_connected_across_the_counter(desk: Desk) -> None:
    page = desk.page
    desk.go("/vendors")
    page.locator("tbody a.cell-main", has_text=re.compile("李秀英|Li Xiuying")).click()
    page.locator("form[action$='/phone'] button").first.click()
    expect(page.locator(".qr-box svg")).to_be_visible()
    check_page(page, "phone-code")
    with desk.phone() as vendors:
        phone = vendors.new_page()
        phone.goto(scan(page, ".qr-box svg"))
        phone.locator("#pin").fill(PIN)
        if phone.locator("#pin_again").count():
            phone.locator("#pin_again").fill(PIN)
        phone.locator("form:has(#pin) button").click()
        expect(phone).to_have_url(re.compile("/vendor$"))
        expect(page.locator(".qr-box .done-mark")).to_be_visible(timeout=10_000)
        check_page(page, "phone-connected")
        page.locator(".qr-box a.btn").click()

        sessions = page.locator("form[action*='/sessions/']")
        expect(sessions).not_to_have_count(0)
        check_page(page, "vendor-with-phone")
        for _ in range(sessions.count()):
            sessions.first.locator("button").click()
            expect(page.locator(".note_good")).to_be_visible()
        phone.reload()
        expect(phone).to_have_url(re.compile("/account/login"))

    page.locator("form[action$='/phone'] button").first.click()
    first = page.url
    with page.context.expect_page() as opened:
        page.evaluate("(url) => { window.open(url) }", first.removesuffix("/phone"))
    second = opened.value
    second.locator("form[action$='/phone'] button").first.click()
    expect(second.locator(".qr-box svg")).to_be_visible()
    expect(page.locator(".qr-box form[action$='/phone']")).to_be_visible(timeout=10_000)
    check_page(page, "phone-lapsed")


def test_money_arrives_on_the_overview_and_the_wall(desk: Desk) -> None:
    page = desk.page
    desk.stack.invoice(1250)
    desk.go("/wall")
    wall = page.context.new_page()
    wall.set_viewport_size(DESKTOP)
    wall.goto(f"{desk.stack.url}/market/wall")
    desk.go()
    before = page.locator(".figure__value").first.inner_text()
    orders = wall.locator(".wall-figure__value").nth(1).inner_text()
    issued = desk.stack.invoice(987654)
    desk.stack.wait_anchored(issued)
    expect(page.locator(".figure__value").first).not_to_have_text(before, timeout=10_000)
    expect(wall.locator(".wall-figure__value").nth(1)).not_to_have_text(orders, timeout=10_000)
    expect(wall.locator(".wall-list").first).to_contain_text("9,876.54")
    expect(wall.locator(".wall-list").last).to_contain_text("…", timeout=10_000)
    for figure in wall.locator(".wall-figure__value").all():
        assert figure.evaluate("(one) => one.scrollWidth <= one.clientWidth"), figure.inner_text()
    check_page(wall, "wall")
    check_page(page, "overview")


def test_turnover_is_exported_by_whoever_has_just_proved_it(desk: Desk) -> None:
    page = desk.page
    desk.stack.invoice(1111)
    with desk.stack.database() as database, database.unit_of_work() as uow:
        uow.connection.exec_driver_sql("UPDATE sessions SET confirmed_at = NULL WHERE ended_at IS NULL")
        uow.commit()
    desk.go("/turnover?first_day=2026-13-01")
    expect(page.locator("[role=alert]")).to_be_visible()
    check_page(page, "turnover-wrong")
    for by in ("stall", "vendor", "goods", "kind", "hour", "day"):
        desk.go(f"/turnover?by={by}")
        expect(page.locator("tbody tr").first).to_be_visible()
        check_page(page, f"turnover-{by}")
    total = page.locator(".figure__value").inner_text()
    page.locator("a[href*='turnover.xlsx']").click()
    expect(page).to_have_url(re.compile("/account/confirm"))
    with page.expect_download() as downloading:
        button(page, "/confirm/passkey")
    book = openpyxl.load_workbook(io.BytesIO(Path(downloading.value.path()).read_bytes()))
    figures = [cell for row in book.worksheets[0].iter_rows(values_only=True) for cell in row]
    assert any(
        str(cell) in (total[1:].replace(",", ""), total[1:].replace(",", "").rstrip("0")) for cell in figures
    )


def test_posters_and_lists(desk: Desk, tmp_path: Path) -> None:
    page, words = desk.page, WORDS[desk.lang]
    desk.go("/posters")
    check_page(page, "posters")
    page.locator("#code-A01").check()
    with page.expect_download() as downloading:
        page.locator("form button[type=submit]").last.click()
    assert Path(downloading.value.path()).read_bytes().startswith(b"%PDF-1.7")

    wrong, bad, good = tmp_path / "a.xlsx", tmp_path / "bad.csv", tmp_path / "good.csv"
    wrong.write_bytes(b"not a workbook")
    bad.write_text(BAD_LIST)
    good.write_text(BAD_LIST.replace("国王", "自然人").replace("段", "段" if desk.lang == "en" else "玉"))
    desk.go("/import")
    check_page(page, "import")
    for file, name in ((wrong, "import-wrong"), (bad, "import-problem")):
        page.locator("#file").set_input_files(file)
        page.locator("form:has(#file) button").click()
        expect(page.locator(".note_bad")).to_be_visible()
        check_page(page, name)
    expect(page.locator("#problems-title")).to_be_visible()
    expect(page.locator("section tbody tr").first).to_contain_text("2")
    page.locator("#file").set_input_files(good)
    page.locator("form:has(#file) button").click()
    run = page.locator("form[action$='/import/run'] button")
    expect(run).to_contain_text(words["rows"])
    check_page(page, "import-fine")
    run.click()
    expect(page).to_have_url(re.compile("/vendors$"))
    expect(page.locator(".note_good")).to_be_visible()
    expect(page.locator("tbody")).to_contain_text("七")


LONG = "长".join("摊位名字很" for _ in range(17))  # 100 characters and more
HOSTILE = "<script>alert(1)</script>{{7*7}}#eval(1)"
STALLS = 200
PLACES = (
    "", "/stalls", "/stalls/S001", "/stalls/new", "/vendors", "/vendors/{vendor}", "/vendors/new",
    "/turnover", "/turnover?by=vendor", "/posters", "/import", "/people", "/details", "/wall",
)  # fmt: skip


@pytest.fixture(scope="module")
def crowded(stack: Stack) -> tuple[str, int]:
    """A market of two hundred stalls, whose names are as long and as hostile as the database takes.

    Its operator's session, and one of its vendors.
    """
    with stack.database() as database, database.unit_of_work() as uow:
        market = make.market(uow.connection, code="FULL", name_zh=LONG, name_en=HOSTILE)
        vendor = 0
        for number in range(STALLS):
            name = (HOSTILE, LONG, "岩温")[number % 3]
            vendor = make.vendor(
                uow.connection,
                market,
                name_zh=name,
                name_en=name,
                tax_id=None,
                taxpayer_kind="natural_person",
            )
            names = {"name_zh": name, "name_en": name, "place_zh": name, "place_en": name}
            kinds = {"kind_zh": name, "kind_en": name}
            make.stall(uow.connection, market, vendor, code=f"S{number:03}", **names, **kinds)
        account = make.account(uow.connection, "operator", market_id=market, name=LONG[:60])
        token = make.signed_in(uow.connection, account, confirmed=True)
        uow.commit()
    return token, vendor


# Each language once: English, whose words are longer, where there is least room.
@pytest.mark.parametrize(("lang", "size"), [("zh-CN", DESKTOP), ("en", PHONE)], ids=["desktop", "phone"])
def test_no_page_breaks_with_two_hundred_stalls_and_hostile_names(
    stack: Stack, browser: Browser, crowded: tuple[str, int], lang: str, size: ViewportSize
) -> None:
    """Threats 12 and 13 on every page of the desk: what was typed is shown as it was typed."""
    token, vendor = crowded
    with browser.new_context(viewport=size, locale=lang) as context:
        context.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
        page = context.new_page()
        said = complaints(page)
        page.on("dialog", lambda dialog: said.append(f"a script ran: {dialog.message}"))
        for path in PLACES:
            page.goto(f"{stack.url}/market{path.format(vendor=vendor)}")
            check_page(page, "full" + re.sub(r"\W+", "-", path))
            assert "49" not in page.locator("h1").first.inner_text()
        page.goto(f"{stack.url}/market/stalls")
        expect(page.locator("tbody tr")).to_have_count(STALLS)
        expect(page.locator("tbody").first).to_contain_text("<script>alert(1)</script>{{7*7}}")
    assert not unexpected(said)
