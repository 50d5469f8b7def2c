"""A shopper has an invoice mailed: from its page in both languages, and by program; the settler sends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.chromium import PHONE, check_page, complaints, unexpected
from tests.stack import Stack, eventually


@pytest.fixture(params=["zh-CN", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale=request.param, device_scale_factor=2)
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


def test_an_invoice_is_mailed_from_its_page(stack: Stack, phone: Page) -> None:
    issued = stack.invoice()
    phone.goto(f"{stack.url}/i/{issued['token']}")
    phone.locator("#mail summary").click()
    phone.locator("#address").fill("nobody at home")
    phone.locator("#mail button[type=submit]").click()
    expect(phone.locator("#error-address")).to_be_visible()
    check_page(phone, "mail-error")
    phone.locator("#address").fill("li@example.com")
    phone.locator("#mail button[type=submit]").click()
    expect(phone.locator("#mail [role=status]")).to_be_visible()
    check_page(phone, "mail-asked")
    eventually(lambda: stack.query("SELECT count(*) FROM mails WHERE state = 'waiting'") == 0)
    phone.locator("#mail a[href='/mail']").click()
    check_page(phone, "mail-list")
    phone.locator("[role=listitem] a", has_text=issued["number"]).click()
    expect(phone.locator("main")).to_contain_text(f"{issued['number']}.json")
    check_page(phone, "mail-shown")


def test_programs_ask_with_the_invoices_token(stack: Stack) -> None:
    issued = stack.invoice()
    url = f"{stack.url}/api/v1/invoices/{issued['number']}/mails"
    bearer = {"Authorization": f"Bearer {issued['token']}"}

    def ask(address: str, **headers: str) -> tuple[int, str]:
        answer = requests.post(url, json={"address": address}, headers=headers, timeout=10)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    assert ask("li@example.com") == (401, "invoice.token_missing")
    other = {"Authorization": f"Bearer {stack.invoice()['token']}"}
    assert ask("li@example.com", **other) == (404, "invoice.unknown")
    assert ask("li@example.com\r\nBcc: a@b.cc", **bearer) == (422, "mail.bad_address")
    assert [ask(f"li{n}@example.com", **bearer)[0] for n in range(4)] == [202, 202, 202, 429]
    assert "li0@example.com" not in stack.log("web") + stack.log("settle")
