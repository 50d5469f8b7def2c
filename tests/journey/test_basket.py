"""One basket, many stalls, in real Chromium: from the codes on two posters to a credit note.

Two phones: the shopper's, which scans two stalls, pays both, has both invoiced to one header and saves them
as one bundle; and that of a vendor, who pays a part back. Whoever then scans the paper that was handed out
before is told that it was credited in part.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from invoice_service.flow import secret
from invoice_service.store import allowances
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import PHONE, check_page, complaints, language, unexpected
from tests.qr_reader import read_qr
from tests.stack import Stack, eventually
from tests.unit.documents.test_pdf import VERIFY_CODE_MM, scanned
from tests.unit.documents.test_posters import code_of

COMPANY, USCC = "普洱茶业有限公司", "92532528MA6L45LX6L"
LONG = "思茅区茶马古道旁祖传三代石磨黄豆腐与手工米干卤味熟食专卖第一百二十三号摊位"
PIN = "482913"
CREDITED_IN_PART = {"zh-CN": "部分红冲", "en": "Credited in part"}


@pytest.fixture(scope="module", autouse=True)
def neighbour(stack: Stack) -> None:
    """A second stall in the market, another vendor's, with a name as long as names get on a board."""
    with stack.database() as database, database.unit_of_work() as uow:
        market_id = uow.connection.exec_driver_sql("SELECT min(id) FROM markets").scalar_one()
        vendor_id = make.vendor(uow.connection, market_id, name_zh="王强", name_en="Wang Qiang", tax_id=None,
                                taxpayer_kind="natural_person")  # fmt: skip
        make.stall(uow.connection, market_id, vendor_id, code="A02", name_zh=LONG, name_en=LONG)
        uow.commit()


@pytest.fixture(scope="module")
def scan(stack: Stack, neighbour: None) -> dict[str, str]:
    """The address that a phone reads off each stall's poster, as the market's office prints it."""
    with stack.database() as database, database.unit_of_work() as uow:
        market_id = uow.connection.exec_driver_sql("SELECT min(id) FROM markets").scalar_one()
        operator = make.account(uow.connection, "operator", market_id=market_id)
        token = make.signed_in(uow.connection, operator)
        uow.commit()
    printed = requests.get(
        f"{stack.url}/market/posters.pdf", params={"size": "A6"}, cookies={COOKIE: token}, timeout=20
    )
    return {stall: code_of(printed.content, read_qr, page) for page, stall in enumerate(("A01", "A02"))}


@pytest.fixture(params=["zh-CN", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    yield from opened(browser, request.param)


@pytest.fixture(scope="module")
def vendor_account(stack: Stack) -> int:
    """Of the vendor at A01."""
    with stack.database() as database, database.unit_of_work() as uow:
        row = uow.connection.exec_driver_sql("SELECT id, market_id FROM vendors ORDER BY id LIMIT 1").one()
        account = make.account(uow.connection, "vendor", vendor_id=row.id, market_id=row.market_id,
                               pin_hash=secret.hashed(PIN))  # fmt: skip
        uow.commit()
    return account


@pytest.fixture
def vendor_phone(stack: Stack, browser: Browser, phone: Page, vendor_account: int) -> Iterator[Page]:
    """In the shopper's language, and not yet confirmed by its PIN."""
    with stack.database() as database, database.unit_of_work() as uow:
        token = make.signed_in(uow.connection, vendor_account)
        uow.commit()
    locale = phone.evaluate("navigator.language")
    yield from opened(browser, locale, {"name": COOKIE, "value": token, "url": stack.url})


def opened(browser: Browser, locale: str, *cookies: Any) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale=locale, device_scale_factor=2)
    context.add_cookies(cookies)
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


def test_from_two_posters_to_a_credit_note(
    stack: Stack, phone: Page, vendor_phone: Page, scan: dict[str, str], tmp_path: Path
) -> None:
    phone.goto(f"{stack.url}/basket")
    check_page(phone, "basket-empty")
    buy_goods(stack, phone, scan["A01"], pakchoi="2", tomato="3")
    buy_for(stack, phone, scan["A02"], "8.80")
    check_page(phone, "basket-second-stall")
    phone.locator(".paid__again[href$='/basket']").click()
    enter_one_header(phone)
    invoices = settled(stack, phone)
    save_bundle(phone, tmp_path)
    evidence = check_bundle(stack, tmp_path)

    pay_back_on_the_phone(stack, vendor_phone)
    first = next(one for one in invoices if total_of(evidence[one["number"]]) == 1990)
    number = credited(stack, first)
    check_note(stack, first, number)
    see_note(stack, phone, first, number)
    verdict = told(stack, evidence[first["number"]], "old.json")
    assert (verdict["verdict"], verdict["status"]) == ("genuine", "credited_in_part")
    scan_the_paper(phone, tmp_path / "invoices" / f"{first['number']}.pdf")


def buy_goods(stack: Stack, phone: Page, poster: str, **quantities: str) -> None:
    phone.goto(poster)
    expect(phone.locator(".stall-head__checked")).to_be_visible()
    phone.locator("#goods summary").click()
    for sku, quantity in quantities.items():
        phone.locator(f"#quantity-{sku}").fill(quantity)
    phone.locator("#goods button[type=submit]").click()
    pay(stack, phone)


def buy_for(stack: Stack, phone: Page, poster: str, yuan: str) -> None:
    phone.goto(poster)
    phone.locator("#amount_yuan").fill(yuan)
    phone.locator("form:has(#amount_yuan) button[type=submit]").click()
    pay(stack, phone)


def pay(stack: Stack, phone: Page) -> None:
    """At the provider's cashier, and back."""
    phone.locator("a[href$='/pay']").click()
    expect(phone).to_have_url(re.compile(f":{stack.sandbox_port}/cashier/"))
    phone.locator("form button[type=submit]").first.click()
    phone.locator(f"a[href^='{stack.url}/o/']").first.click()
    expect(phone.locator(".paid")).to_be_visible(timeout=10_000)


def enter_one_header(phone: Page) -> None:
    expect(phone.locator("[data-total]")).to_contain_text("28.70")
    phone.locator("[name=orders]").first.uncheck()
    expect(phone.locator("[data-total]")).to_contain_text("19.90")
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


def save_bundle(phone: Page, folder: Path) -> None:
    for kind in ("zip", "pdf"):
        with phone.expect_download() as download:
            phone.locator(f"button[value={kind}]").click()
        download.value.save_as(folder / f"bundle.{kind}")


def settled(stack: Stack, phone: Page) -> list[dict[str, str]]:
    """Both are on chain, so that whoever unpacks the bundle needs nobody to believe them."""
    found = []
    for link in phone.locator("a[href*='/i/']").all():
        token = str(link.get_attribute("href")).rpartition("/")[2]
        found.append({"number": link.locator(".row__note").inner_text(), "token": token})
        stack.wait_anchored(found[-1])
    return found


def check_bundle(stack: Stack, folder: Path) -> dict[str, bytes]:
    """Every file in it verifies; answers the evidence by the invoice's number."""
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    evidence = {file.stem: file.read_bytes() for file in (folder / "evidence").iterdir()}
    assert {total_of(data) for data in evidence.values()} == {1990, 880}
    assert "¥28.70" in (folder / "README.txt").read_text()
    files = [*(folder / "evidence").iterdir(), *(folder / "invoices").iterdir()]
    assert len(files) == 4
    assert sum(1 for _ in (folder / "xml").iterdir()) == 4  # UBL and flat
    trust = ("--trust", str(stack.folder / "keys" / "issuer.der"), "--rpc", stack.rpc_url)
    for file in files:
        verified = stack.command("verify", str(file), *trust)
        assert verified.returncode == 0, verified.stdout
        assert "on chain in block" in verified.stdout
    for merged in (folder / "all-invoices.pdf", folder / "bundle.pdf"):
        printed = words(merged.read_bytes())
        assert all(number in printed and COMPANY in printed for number in evidence)
    return evidence


def total_of(evidence: bytes) -> int:
    total_fen: int = json.loads(evidence)["body"]["total_fen"]
    return total_fen


def words(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


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
    expect(phone).to_have_url(re.compile("/account/confirm"))
    phone.locator("input[name=pin]").fill(PIN)
    phone.locator("form:has(input[name=pin]) button[type=submit]").click()
    expect(phone.locator("#quantity-1")).to_have_value("9")
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


def credited(stack: Stack, invoice: dict[str, str]) -> str:
    """The number of the credit note that the invoice got."""
    eventually(lambda: stack.get_file(invoice, "").json()["status"] == "credited_in_part", within_s=40)
    (note,) = stack.get_file(invoice, "").json()["credit_notes"]
    assert (note["total_fen"], note["whole"], note["reason"]) == (450, False, "02")
    number: str = note["number"]
    return number


def check_note(stack: Stack, invoice: dict[str, str], number: str) -> None:
    """It proves itself, by its evidence and by its PDF; each paper names the other."""

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


def see_note(stack: Stack, phone: Page, invoice: dict[str, str], number: str) -> None:
    """On the invoice's page, with its files."""
    phone.goto(f"{stack.url}/i/{invoice['token']}")
    expect(phone.locator(".facts").first).to_contain_text(CREDITED_IN_PART[language(phone)])
    phone.locator("details", has_text=number).locator("summary").click()
    expect(phone.locator(f"a[href$='/notes/{number}/pdf']")).to_be_visible()
    check_page(phone, "invoice-credited-in-part")
    with phone.expect_download() as download:
        phone.locator(f"a[href$='/notes/{number}/xml?format=flat']").click()
    assert download.value.suggested_filename == f"{number}.flat.xml"
    assert number in Path(download.value.path()).read_text()


def told(stack: Stack, data: bytes, name: str) -> dict[str, Any]:
    answer = requests.post(f"{stack.url}/api/v1/verify", files={"file": (name, data)}, timeout=20)
    verdict: dict[str, Any] = answer.json()
    return verdict


def scan_the_paper(phone: Page, paper: Path) -> None:
    """The invoice as it was handed out, before anything was paid back."""
    phone.goto(read_qr(scanned(paper.read_bytes(), VERIFY_CODE_MM, dpi=150)))
    expect(phone.locator(".verdict")).to_contain_text(CREDITED_IN_PART[language(phone)])
    check_page(phone, "paper-credited-in-part")


@pytest.mark.parametrize("phone", ["zh-CN"], indirect=True)
def test_the_page_says_which_invoice_had_to_wait_and_why(
    stack: Stack, phone: Page, scan: dict[str, str]
) -> None:
    set_ceiling(stack, 100)
    buy_for(stack, phone, scan["A01"], "12.50")
    buy_for(stack, phone, scan["A02"], "8.80")
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
