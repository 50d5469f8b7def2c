"""From two stalls to a credit note: one header, one bundle, a part paid back, and what a verifier says."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import pypdf
import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from invoice_service.flow import secret
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import PHONE, check_page, complaints, unexpected
from tests.stack import Stack, eventually

PIN = "482913"
BUYER = {"kind": "organization", "name": "普洱茶业有限公司", "tax_id": "92532528MA6L45LX6L"}


@pytest.fixture(scope="module")
def vendor_token(stack: Stack) -> str:
    """A session of the vendor of A01, not yet confirmed; and a neighbour at A02."""
    with stack.database() as database, database.unit_of_work() as uow:
        row = uow.connection.execute(text("SELECT market_id, vendor_id FROM authorisations")).one()
        person = {
            "name_zh": "王强",
            "name_en": "Wang Qiang",
            "tax_id": None,
            "taxpayer_kind": "natural_person",
        }
        neighbour = make.vendor(uow.connection, row.market_id, **person)
        make.stall(uow.connection, row.market_id, neighbour, code="A02")
        account = make.account(
            uow.connection,
            "vendor",
            vendor_id=row.vendor_id,
            market_id=row.market_id,
            pin_hash=secret.hashed(PIN),
        )
        token = make.signed_in(uow.connection, account)
        uow.commit()
    return token


@pytest.fixture(params=["zh-CN", "en"])
def phone(
    stack: Stack, browser: Browser, vendor_token: str, request: pytest.FixtureRequest
) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale=request.param, device_scale_factor=2)
    context.add_cookies([{"name": COOKIE, "value": vendor_token, "url": stack.url}])
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


def buy(stack: Stack, stall: str, wanted: dict[str, Any]) -> str:
    placed = requests.post(f"{stack.url}/api/v1/stalls/{stall}/orders", json=wanted, timeout=10).json()
    order_id: str = placed["order_id"]
    stack.pay(order_id)
    stack.wait_paid(order_id)
    return order_id


def told(stack: Stack, data: bytes, name: str) -> dict[str, Any]:
    answer = requests.post(
        f"{stack.url}/api/v1/verify",
        files={"file": (name, data)},
        headers={"Accept-Language": "en"},
        timeout=20,
    )
    verdict: dict[str, Any] = answer.json()
    return verdict


def test_two_stalls_one_header_a_part_goes_back(stack: Stack, phone: Page) -> None:
    vegetables = {"lines": [{"sku": "pakchoi", "quantity": "2"}, {"sku": "tomato", "quantity": "3"}]}
    orders = [buy(stack, "A01", vegetables), buy(stack, "A02", {"amount_fen": 880})]
    results = requests.post(
        f"{stack.url}/api/v1/baskets", json={"orders": orders, "buyer": BUYER}, timeout=20
    ).json()["results"]
    issued = [result["invoice"] for result in results]
    for invoice in issued:
        stack.wait_anchored(invoice)
    tokens = [invoice["token"] for invoice in issued]
    bundle = requests.post(f"{stack.url}/api/v1/bundles", json={"invoices": tokens}, timeout=30)
    with zipfile.ZipFile(io.BytesIO(bundle.content)) as files:
        evidence = {name: files.read(name) for name in files.namelist() if name.endswith(".json")}
    assert [told(stack, data, name)["verdict"] for name, data in evidence.items()] == ["genuine"] * 2

    pay_back_on_the_phone(stack, phone)
    first = issued[0]
    eventually(lambda: stack.get_file(first, "").json()["status"] == "credited_in_part", within_s=40)
    found = stack.get_file(first, "").json()
    (note,) = found["credit_notes"]
    assert (note["total_fen"], note["whole"], note["reason"]) == (450, False, "02")
    check_the_files(stack, first, note["number"])

    old = next(data for name, data in evidence.items() if first["number"] in name)
    verdict = told(stack, old, "old.json")
    assert (verdict["verdict"], verdict["status"]) == ("genuine", "credited_in_part")
    phone.goto(f"{stack.url}/i/{first['token']}")
    phone.locator("details", has_text=note["number"]).locator("summary").click()
    expect(phone.locator(f"a[href$='/notes/{note['number']}/pdf']")).to_be_visible()
    check_page(phone, "invoice-credited-in-part")


def pay_back_on_the_phone(stack: Stack, phone: Page) -> None:
    """One 斤 of the three of tomatoes; the PIN is asked for, and what was typed is still there."""
    phone.goto(f"{stack.url}/vendor/orders")
    phone.locator("a[href*='/vendor/orders/']").first.click()
    phone.locator("a[href$='/refund']").click()
    check_page(phone, "refund")
    phone.locator("#quantity-1").fill("1")
    pay_back(phone)
    expect(phone.locator("#errors")).to_be_visible()  # all of it is chosen, and a part typed
    phone.locator("#what-some").check(force=True)
    phone.locator("#quantity-1").fill("9")
    pay_back(phone)
    confirm_if_asked(phone)
    if phone.locator("#errors").count() == 0:
        pay_back(phone)
    expect(phone.locator("#errors")).to_be_visible()  # more than was sold
    check_page(phone, "refund-error")
    phone.locator("#quantity-1").fill("1")
    pay_back(phone)
    expect(phone).to_have_url(re.compile(r"/vendor/orders/[0-9a-f-]{36}$"))
    expect(phone.locator("#refunds-title")).to_be_visible()
    check_page(phone, "order-with-refund")


def pay_back(phone: Page) -> None:
    phone.locator("form[action$='/refund'] button[type=submit]").click()


def confirm_if_asked(phone: Page) -> None:
    """Once in ten minutes."""
    if "/account/confirm" in phone.url:
        phone.locator("input[name=pin]").fill(PIN)
        phone.locator("form:has(input[name=pin]) button[type=submit]").click()
        expect(phone.locator("#quantity-1")).to_have_value("9")


def check_the_files(stack: Stack, invoice: dict[str, Any], number: str) -> None:
    """The note proves itself, by its evidence and by its PDF; each paper names the other."""

    def fetched(path: str) -> bytes:
        headers = {"Authorization": f"Bearer {invoice['token']}"}
        answer = requests.get(f"{stack.url}/api/v1/{path}", headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.content

    eventually(
        lambda: told(stack, fetched(f"credit-notes/{number}/evidence"), "note.json")["verdict"] == "genuine"
    )
    pdf = fetched(f"credit-notes/{number}/pdf")
    verdict = told(stack, pdf, "note.pdf")
    assert (verdict["verdict"], verdict["document"], verdict["total_fen"]) == ("genuine", "credit-note", 450)
    assert verdict["status"] is None
    assert invoice["number"] in words(pdf)
    assert number in words(fetched(f"invoices/{invoice['number']}/pdf"))
    assert number.encode() in fetched(f"credit-notes/{number}/xml")
    stranger = requests.get(f"{stack.url}/api/v1/credit-notes/{number}/pdf", timeout=10)
    assert stranger.status_code == 401


def words(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
