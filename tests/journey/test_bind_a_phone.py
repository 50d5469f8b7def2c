"""A vendor's phone in real Chromium: scan the operator's code, choose a PIN, and read who looked, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from invoice_service.flow import invite, look
from tests.chromium import PHONE, check_page, language
from tests.people import Town, town
from tests.stack import Stack

PIN, REASON = "271828", "抽查 2026 年 11 月的免税销售"
WORDS = {
    "zh-CN": {"easy": "太容易", "used": "已经用过了", "tax": "税务机关", "none": "还没有人查阅过"},
    "en": {"easy": "too easy", "used": "used already", "tax": "Tax office", "none": "Nobody has looked"},
}


@pytest.fixture
def here(tmp_path: Path, migrated_database_url: str) -> Iterator[tuple[Town, str]]:
    """The town, and where it answers: in a process of its own, whose pages may wait when the test is over."""
    served = Stack(tmp_path, migrated_database_url)
    with town(tmp_path, migrated_database_url) as made:
        try:
            served.start("web")
            yield made, served.url
        finally:
            served.stop()


@pytest.fixture(params=["zh-CN", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale=request.param, device_scale_factor=2)
    yield context.new_page()
    context.close()


def link(here: Town, url: str) -> str:
    invited = invite.invite_phone(here.services, here.actor("operator"), here.vendors["vendor"])
    return url + urlsplit(invited.link).path


def test_a_vendor_connects_a_phone_and_reads_who_looked(
    here: tuple[Town, str], phone: Page, tmp_path: Path
) -> None:
    made, url = here
    code = link(made, url)
    phone.goto(code)
    words = WORDS[language(phone)]
    check_page(phone)

    phone.locator("#pin").fill("123456")
    phone.locator("#pin_again").fill("123456")
    phone.locator("form:has(#pin) button").click()
    expect(phone.locator(".field-error")).to_contain_text(words["easy"])
    expect(phone.locator("#pin")).to_have_value("")
    check_page(phone)

    phone.locator("#pin").fill(PIN)
    phone.locator("#pin_again").fill(PIN)
    phone.locator("form:has(#pin) button").click()
    expect(phone).to_have_url(re.compile("/vendor$"))
    held = json.dumps(phone.context.cookies())
    assert '"stall-ledger-account"' in held

    phone.goto(f"{url}/account/records")
    expect(phone.locator("#main")).not_to_contain_text(words["tax"])
    look.at_vendor(made.services, made.actor("officer"), made.vendors["vendor"], REASON)
    phone.reload()
    expect(phone.locator("#main")).to_contain_text(words["tax"])
    expect(phone.locator("#main")).to_contain_text(REASON)
    check_page(phone)

    phone.goto(code)
    expect(phone.locator("#main")).to_contain_text(words["used"])
    check_page(phone)
    phone.context.clear_cookies(name="stall-ledger-account")
    phone.goto(link(made, url))
    expect(phone.locator("#pin_again")).to_have_count(0)


def test_at_whose_records_nobody_looked(here: tuple[Town, str], phone: Page, tmp_path: Path) -> None:
    made, url = here
    phone.context.add_cookies(
        [{"name": "stall-ledger-account", "value": made.tokens["next_door"], "url": url}]
    )
    phone.goto(f"{url}/account/records")
    words = WORDS[language(phone)]
    expect(phone.locator(".empty")).to_contain_text(words["none"])
    check_page(phone)
