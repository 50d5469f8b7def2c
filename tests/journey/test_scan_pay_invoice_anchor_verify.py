"""The main job on a phone, in real Chromium: scan, pay, invoice, watch it reach the chain, verify."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import PHONE, check_page, complaints, language, unexpected
from tests.stack import Stack

COMPANY, USCC = "普洱茶业有限公司", "92532528MA6L45LX6L"
WORDS = {
    "zh-CN": {"block": r"区块 ?\d+", "genuine": "由本服务开具，一字未改"},
    "en": {"block": r"block \d+", "genuine": "unchanged to the byte"},
}


@pytest.fixture(params=["zh-CN", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A phone-sized browser in either language; a console error or a refused resource fails the test."""
    context = browser.new_context(viewport=PHONE, locale=request.param, device_scale_factor=2)
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


def test_a_shopper_pays_and_sees_the_invoice_reach_the_chain(
    stack: Stack, phone: Page, tmp_path: Path
) -> None:
    phone.goto(f"{stack.url}/s/A01")
    check_page(phone)
    phone.locator("#amount_yuan").fill("12.50")
    phone.locator("form:has(#amount_yuan) button[type=submit]").click()

    expect(phone).to_have_url(re.compile("/o/"))
    check_page(phone)
    order_url = phone.url
    phone.locator("a[href$='/pay']").click()

    expect(phone).to_have_url(re.compile(f":{stack.sandbox_port}/cashier/"))
    check_page(phone)
    expect(phone.locator("body")).to_contain_text("12.50")
    phone.locator("form[action$='/pay'] button, button[type=submit]").first.click()
    phone.goto(order_url)

    expect(phone.locator(".paid")).to_be_visible(timeout=10_000)
    expect(phone.locator(".paid__amount")).to_contain_text("12.50")
    check_page(phone)
    clock = phone.locator("[data-clock]")
    shown = clock.inner_text()
    expect(clock).not_to_have_text(shown, timeout=3_000)  # it runs: not a screenshot
    phone.locator("a[href$='/invoice']").click()

    phone.locator("input[name=kind][value=organization]").check(force=True)
    phone.locator("input[name=name]").fill(COMPANY)
    phone.locator("input[name=tax_id]").fill(USCC[:-1] + "A")
    check_page(phone)
    phone.locator("form:has(input[name=tax_id]) button[type=submit]").click()
    expect(phone.locator("input[name=tax_id]")).to_be_visible()  # a wrong check character stays here
    phone.locator("input[name=tax_id]").fill(USCC)
    phone.locator("form:has(input[name=tax_id]) button[type=submit]").click()

    expect(phone).to_have_url(re.compile("/i/"))
    expect(phone.locator("body")).to_contain_text(COMPANY)
    on_chain = re.compile(WORDS[language(phone)]["block"])
    expect(phone.locator("#live")).to_contain_text(on_chain, timeout=10_000)
    check_page(phone)

    with phone.expect_download() as download:
        phone.locator("a[href$='/evidence']").first.click()
    evidence = tmp_path / "evidence.json"
    download.value.save_as(evidence)
    phone.goto(f"{stack.url}/verify")
    check_page(phone)
    phone.locator("input[type=file]").set_input_files(evidence)
    phone.locator("form:has(input[type=file]) button[type=submit]").first.click()
    expect(phone.locator("body")).to_contain_text(WORDS[language(phone)]["genuine"])
    check_page(phone)

    verified = stack.command("verify", str(evidence), "--trust", str(stack.folder / "keys" / "issuer.der"),
                             "--rpc", stack.rpc_url)  # fmt: skip
    assert verified.returncode == 0, verified.stdout
    assert "on chain in block" in verified.stdout


def test_the_order_page_turns_paid_by_itself(stack: Stack, phone: Page) -> None:
    order = stack.place(880)
    phone.goto(f"{stack.url}/o/{order['order_id']}")
    stack.pay(order["order_id"])
    expect(phone.locator(".paid__amount")).to_contain_text("8.80", timeout=5_000)


def test_this_phone_finds_its_orders_again(stack: Stack, phone: Page) -> None:
    phone.goto(f"{stack.url}/s/A01")
    phone.locator("#amount_yuan").fill("7.77")
    phone.locator("form:has(#amount_yuan) button[type=submit]").click()
    expect(phone).to_have_url(re.compile("/o/"))
    token = phone.url.rsplit("/", 1)[1].split("?")[0]
    phone.goto(f"{stack.url}/s/A01")
    expect(phone.locator(f"a[href*='{token}']")).to_be_visible()


def test_goods_by_quantity_without_javascript(stack: Stack, browser: Browser) -> None:
    """The second way, on a browser that runs no scripts."""
    with browser.new_context(java_script_enabled=False, locale="en") as context:
        page = context.new_page()
        page.goto(f"{stack.url}/s/A01")
        page.locator("summary", has=page.locator(".fold__title")).click()
        page.locator("#quantity-pakchoi").fill("2.5")
        page.locator("#quantity-tomato").fill("1")
        page.locator("form:has(#quantity-pakchoi) button[type=submit]").click()
        expect(page.locator(".pay__amount")).to_contain_text("12.50")
        page.locator("a[href$='/pay']").click()
        expect(page.locator("body")).to_contain_text("12.50")
        page.locator("form button[type=submit]").first.click()
        expect(page.locator(f"a[href^='{stack.url}/o/']").first).to_be_visible()
