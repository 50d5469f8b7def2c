"""One basket, many stalls, in real Chromium: two stalls, two payments, one header, one bundle."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from invoice_service.store import allowances
from tests import make
from tests.chromium import PHONE, check_page, complaints, unexpected
from tests.stack import Stack

COMPANY, USCC = "普洱茶业有限公司", "92532528MA6L45LX6L"
LONG = "思茅区茶马古道旁祖传三代石磨黄豆腐与手工米干卤味熟食专卖第一百二十三号摊位"


@pytest.fixture(scope="module", autouse=True)
def neighbour(stack: Stack) -> None:
    """A second stall in the market, another vendor's, with a name as long as names get on a board."""
    with stack.database() as database, database.unit_of_work() as uow:
        market_id = uow.connection.exec_driver_sql("SELECT min(id) FROM markets").scalar_one()
        vendor_id = make.vendor(uow.connection, market_id, name_zh="王强", name_en="Wang Qiang", tax_id=None,
                                taxpayer_kind="natural_person")  # fmt: skip
        make.stall(uow.connection, market_id, vendor_id, code="A02", name_zh=LONG, name_en=LONG)
        uow.commit()


@pytest.fixture(params=["zh-CN", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale=request.param, device_scale_factor=2)
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


def buy(stack: Stack, phone: Page, stall: str, yuan: str) -> None:
    phone.goto(f"{stack.url}/s/{stall}")
    phone.locator("#amount_yuan").fill(yuan)
    phone.locator("form:has(#amount_yuan) button[type=submit]").click()
    expect(phone).to_have_url(re.compile("/o/"))
    stack.pay(phone.url.rsplit("/", 1)[1])
    expect(phone.locator(".paid")).to_be_visible(timeout=10_000)


def test_two_stalls_one_header_one_bundle(stack: Stack, phone: Page, tmp_path: Path) -> None:
    phone.goto(f"{stack.url}/basket")
    check_page(phone, "basket-empty")
    buy(stack, phone, "A01", "12.50")
    buy(stack, phone, "A02", "8.80")
    check_page(phone, "basket-second-stall")
    phone.locator(".paid__again[href$='/basket']").click()
    expect(phone.locator("[data-total]")).to_contain_text("21.30")
    phone.locator("[name=orders]").first.uncheck()
    expect(phone.locator("[data-total]")).to_contain_text("12.50")
    phone.locator("[name=orders]").first.check()
    phone.locator("input[name=kind][value=organization]").check(force=True)
    phone.locator("input[name=name]").fill(COMPANY)
    check_page(phone, "basket")
    phone.locator("form[action$='/basket'] button[type=submit]").click()
    expect(phone.locator("#errors")).to_be_visible()  # no credit code: nothing is issued
    check_page(phone, "basket-error")
    expect(phone.locator("[name=orders]:checked")).to_have_count(2)
    phone.locator("input[name=tax_id]").fill(USCC)
    phone.locator("form[action$='/basket'] button[type=submit]").click()

    expect(phone.locator("[name=invoices]:checked")).to_have_count(2)
    expect(phone.locator("[name=orders]")).to_have_count(0)
    check_page(phone, "basket-invoiced")
    settled(stack, phone)
    with phone.expect_download() as download:
        phone.locator("button[value=zip]").click()
    download.value.save_as(tmp_path / "bundle.zip")
    check_bundle(stack, tmp_path)


@pytest.mark.parametrize("phone", ["zh-CN"], indirect=True)
def test_the_page_says_which_invoice_had_to_wait_and_why(stack: Stack, phone: Page) -> None:
    set_ceiling(stack, 100)
    buy(stack, phone, "A01", "12.50")
    buy(stack, phone, "A02", "8.80")
    phone.goto(f"{stack.url}/basket")
    phone.locator("form[action$='/basket'] button[type=submit]").click()
    expect(phone.locator("#refused")).to_be_visible()
    check_page(phone, "basket-refused")
    expect(phone.locator(".choice__option:has([name=orders])")).to_contain_text(LONG)
    expect(phone.locator(".choice__option:has([name=orders]) .field-error")).to_contain_text("领票额度")
    expect(phone.locator("[name=invoices]")).to_have_count(1)
    set_ceiling(stack, 100_000)
    phone.locator("form[action$='/basket'] button[type=submit]").click()
    expect(phone.locator("[name=invoices]")).to_have_count(2)


def set_ceiling(stack: Stack, ceiling_fen: int) -> None:
    """For the neighbour; how officers do it is tried elsewhere."""
    with stack.database() as database, database.unit_of_work() as uow:
        row = uow.connection.exec_driver_sql(
            "SELECT id, market_id FROM vendors ORDER BY id DESC LIMIT 1"
        ).one()
        officer = make.account(uow.connection, "officer")
        values = {"vendor_id": row.id, "market_id": row.market_id, "ceiling_fen": ceiling_fen}
        allowances.put(
            uow.connection, values | {"set_by": officer, "set_at": datetime.now(UTC), "reason": "新登记户"}
        )
        uow.commit()


def settled(stack: Stack, phone: Page) -> None:
    """Both are on chain, so that whoever unpacks the bundle needs nobody to believe them."""
    for link in phone.locator("a[href*='/i/']").all():
        token = str(link.get_attribute("href")).rpartition("/")[2]
        number = link.locator(".row__note").inner_text()
        stack.wait_anchored({"number": number, "token": token})


def check_bundle(stack: Stack, folder: Path) -> None:
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    evidence = sorted((folder / "evidence").iterdir())
    totals = {json.loads(file.read_text())["body"]["total_fen"] for file in evidence}
    assert totals == {1250, 880}
    files = [*evidence, *sorted((folder / "invoices").iterdir())]
    assert len(files) == 4
    trust = ("--trust", str(stack.folder / "keys" / "issuer.der"), "--rpc", stack.rpc_url)
    for file in files:
        verified = stack.command("verify", str(file), *trust)
        assert verified.returncode == 0, verified.stdout
        assert "on chain in block" in verified.stdout


def test_programs_do_the_same_with_tokens(stack: Stack) -> None:
    orders = [stack.place(fen)["order_id"] for fen in (1250, 880)]
    for order in orders:
        stack.pay(order)
        stack.wait_paid(order)
    unpaid = stack.place(500)["order_id"]
    buyer = {"kind": "organization", "name": COMPANY, "tax_id": USCC}
    results = ask(stack, "baskets", orders=[*orders, unpaid], buyer=buyer).json()["results"]
    assert [result["order_id"] for result in results] == [*orders, unpaid]
    assert [result["problem"] and result["problem"]["code"] for result in results] == [
        None, None, "invoice.not_paid",
    ]  # fmt: skip
    again = ask(stack, "baskets", orders=orders, buyer=buyer).json()["results"]
    assert again == results[:2]
    tokens = [result["invoice"]["token"] for result in again]
    zipped = ask(stack, "bundles", invoices=tokens)
    assert (zipped.status_code, zipped.headers["Content-Type"]) == (200, "application/zip")
    printed = ask(stack, "bundles", invoices=tokens, format="pdf")
    assert printed.content.startswith(b"%PDF")
    refused = ask(stack, "baskets", orders=[], buyer=buyer)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["orders"])
    wrong = ask(stack, "baskets", orders=orders, buyer=buyer | {"tax_id": "1"})
    assert (wrong.status_code, list(wrong.json()["errors"])) == (422, ["buyer.tax_id"])


def ask(stack: Stack, what: str, **wanted: Any) -> requests.Response:
    return requests.post(f"{stack.url}/api/v1/{what}", json=wanted, timeout=20)
