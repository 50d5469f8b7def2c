"""A buyer header from its QR code, as a picture or as text, and remembered on the phone if that is wished."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import qrcode
import requests
from playwright.sync_api import Browser, Page, expect

from tests.chromium import PHONE, check_page, complaints, unexpected
from tests.header_codes import ADDRESS, BANK, NAME, USCC, header_code
from tests.stack import Stack


@pytest.fixture(params=["zh-CN", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale=request.param, device_scale_factor=2)
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


def form_of(stack: Stack) -> str:
    order = stack.place()["order_id"]
    stack.pay(order)
    stack.wait_paid(order)
    return f"{stack.url}/o/{order}/invoice"


def picture(code: str, file: Path) -> Path:
    """A screenshot of the code, as WeChat would show it."""
    drawn = qrcode.QRCode(border=4)
    drawn.add_data(code)
    drawn.make_image().save(file)
    return file


def test_a_picture_fills_the_form_and_the_rest_stays_on_the_phone(
    stack: Stack, phone: Page, tmp_path: Path
) -> None:
    sent: list[str] = []
    phone.on("request", lambda request: sent.append(f"{request.url} {request.headers} {request.post_data}"))
    phone.goto(form_of(stack))
    phone.locator("[data-header] summary").click()
    phone.locator("#header-picture").set_input_files(picture(header_code(crc="0000"), tmp_path / "bad.png"))
    expect(phone.locator("[data-header] [role=status]")).to_have_attribute("data-state", "bad")
    check_page(phone, "header-crc")
    (tmp_path / "no.png").write_bytes(b"no picture")
    phone.locator("#header-picture").set_input_files(tmp_path / "no.png")
    expect(phone.locator("#name")).to_have_value("")
    phone.locator("#header-picture").set_input_files(picture(header_code(), tmp_path / "good.png"))
    expect(phone.locator("#name")).to_have_value(NAME)
    expect(phone.locator("#tax_id")).to_have_value(USCC)
    expect(phone.locator("#kind-organization")).to_be_checked()
    check_page(phone, "header-taken")
    phone.locator("form.buyer button[type=submit]").click()
    expect(phone.locator("body")).to_contain_text(NAME)
    everything = "\n".join(sent)
    assert not [part for text in (ADDRESS, BANK) for part in text.split("|") if part in everything]
    assert phone.evaluate("localStorage.length") == 0, "nothing is remembered that nobody asked for"


def test_headers_are_remembered_only_if_asked_and_only_on_the_phone(stack: Stack, phone: Page) -> None:
    phone.goto(form_of(stack))
    remember = phone.locator("[data-remember] input")
    expect(remember).not_to_be_checked()
    phone.locator("[data-header] summary").click()
    phone.wait_for_function("document.querySelector('[data-camera]').hidden === !navigator.mediaDevices")
    phone.locator("#header_code").fill(header_code(encoding="gbk"))
    expect(phone.locator("#name")).to_have_value(NAME)
    expect(phone.locator("#header_code")).to_have_value("")
    remember.check()
    with phone.expect_request(lambda request: request.method == "POST") as posted:
        phone.locator("form.buyer button[type=submit]").click()
    assert "remember" not in str(posted.value.post_data)
    held = json.loads(phone.evaluate("localStorage['buyer-headers']"))
    assert held == [{"kind": "organization", "name": NAME, "taxId": USCC}]
    assert not [cookie for cookie in phone.context.cookies() if USCC in str(cookie)]

    phone.goto(form_of(stack))
    check_page(phone, "header-kept")
    phone.locator("[data-pick]").click()
    expect(phone.locator("#tax_id")).to_have_value(USCC)
    phone.locator("[data-forget]").click()
    expect(phone.locator("[data-kept]")).to_be_hidden()
    assert phone.evaluate("localStorage.length") == 0


def test_without_scripts_and_for_programs_the_server_reads_the_code(stack: Stack, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False, locale="en") as context:
        page = context.new_page()
        page.goto(form_of(stack))
        page.locator("[data-header] summary").click()
        page.locator("#header_code").fill(header_code(crc="1"))
        page.locator("form.buyer button[type=submit]").click()
        expect(page.locator("#error-header_code")).to_contain_text("check digits")
        page.locator("#header_code").fill(header_code())
        page.locator("form.buyer button[type=submit]").click()
        expect(page.locator("body")).to_contain_text(NAME)
    order = form_of(stack).split("/")[-2]
    url = f"{stack.url}/api/v1/orders/{order}/invoice"
    for header, fields in (
        ({"header_code": header_code(crc="1")}, ["buyer.header_code"]),
        ({"header_code": header_code(), "kind": "individual"}, ["buyer.kind"]),
        ({}, ["buyer.kind"]),
    ):
        answer = requests.post(url, json={"buyer": header}, timeout=10)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, fields)
    issued = requests.post(url, json={"buyer": {"header_code": header_code()}}, timeout=10).json()
    assert stack.get_file(issued, "").json()["buyer_name"] == NAME
    kept = stack.query("SELECT string_agg(convert_from(document, 'UTF8'), '') FROM buyer_documents")
    assert ADDRESS.split("|")[0] not in kept
