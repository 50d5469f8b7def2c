"""An officer brings a pile in real Chromium: progress, verdicts, steps, the record as XLSX and PDF."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator

import openpyxl
import pypdf
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from invoice_service.web.identity import COOKIE
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, language, unexpected
from tests.stack import Stack

WORDS = {
    "zh-CN": {"genuine": "真实", "altered": "被改动", "unknown": "查无此票", "unreadable": "无法识别"},
    "en": {"genuine": "Genuine", "altered": "Altered", "unknown": "Unknown", "unreadable": "Unreadable"},
}


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    with stack.database() as database, database.unit_of_work() as uow:
        officer = make.account(uow.connection, "officer", region="5308", name="陈立")
        made = make.signed_in(uow.connection, officer, confirmed=True)
        uow.commit()
    return made


@pytest.fixture(params=["zh-CN", "en"])
def desk(stack: Stack, browser: Browser, token: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with browser.new_context(viewport=DESKTOP, locale=request.param, accept_downloads=True) as context:
        context.add_cookies([{"name": COOKIE, "value": token, "url": stack.url}])
        page = context.new_page()
        said = complaints(page)
        yield page
        assert not unexpected(said)


@pytest.fixture(scope="module")
def files(stack: Stack) -> dict[str, bytes]:
    """Of one anchored invoice: its PDF and evidence; the same bent; and more than a small request holds."""
    issued = stack.invoice(1250)
    stack.wait_anchored(issued)
    evidence = stack.get_file(issued, "/evidence").content
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("bent.json", evidence.replace(b"1250", b"9250"))
        packed.writestr("<script>alert(1)</script>.txt", b"x")
    return {
        "invoice.pdf": stack.get_file(issued, "/pdf").content,
        "evidence.json": evidence,
        "pile.zip": archive.getvalue(),
        "picture.png": b"\x89PNG" + bytes(2_000_000),
    }


def bring(page: Page, stack: Stack, files: dict[str, bytes], numbers: str = "") -> None:
    page.goto(f"{stack.url}/officer/verify")
    kept = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files.items()
    ]
    page.locator("#files").set_input_files(kept)  # type: ignore[arg-type]
    page.locator("#numbers").fill(numbers)
    page.locator("#reason").fill("企业送来的报销发票")
    page.locator("form[action$='/verify'] button[type=submit]").click()


def test_a_pile_gets_one_verdict_each(stack: Stack, desk: Page, files: dict[str, bytes]) -> None:
    bring(desk, stack, files, "26539999999999999999")
    expect(desk.locator("#check")).to_have_attribute("data-done", "6")
    words = WORDS[language(desk)]
    verdicts = desk.locator("tbody td:nth-child(2) .badge").all_inner_texts()
    expected = ("genuine", "genuine", "altered", "unreadable", "unreadable", "unknown")
    assert verdicts == [words[one] for one in expected]
    desk.locator("details.proof-steps summary").first.click()
    expect(desk.locator("details.proof-steps ol").first).to_contain_text("chain")
    check_page(desk, "check-result")
    with desk.expect_download() as downloaded:
        desk.locator("a[href$='.xlsx']").click()
    sheet = openpyxl.load_workbook(io.BytesIO(downloaded.value.path().read_bytes())).active
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == verdicts
    with desk.expect_download() as downloaded:
        desk.locator("a[href$='.pdf']").click()
    text = "".join(page.extract_text() for page in pypdf.PdfReader(downloaded.value.path()).pages)
    assert words["altered"] in text
    desk.locator("tbody a.number").first.click()
    expect(desk.locator("#reason")).to_be_visible()
    desk.goto(f"{stack.url}/officer/verify")
    check_page(desk, "verify-pile")
    desk.set_viewport_size(PHONE)
    check_page(desk, "verify-pile")
    desk.goto(f"{stack.url}/officer/verify")
    desk.locator("section:has(#latest-title) a").first.click()
    check_page(desk, "check-result")


def test_what_is_refused_keeps_what_was_typed(stack: Stack, desk: Page) -> None:
    bring(desk, stack, {"broken.zip": b"PK\x03\x04 nothing"}, "26539999999999999999")
    expect(desk.locator("#error-files")).to_be_visible()
    expect(desk.locator("#numbers")).to_have_value("26539999999999999999")
    check_page(desk, "verify-pile-refused")


def test_five_hundred_over_the_api_and_no_more_for_others(
    stack: Stack, token: str, files: dict[str, bytes]
) -> None:
    """A pile may be large for an officer alone; the measured time stands in docs/reference/performance.md."""
    url, who = f"{stack.url}/api/v1/supervision/checks", {"Authorization": f"Bearer {token}"}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for n in range(500):
            archive.writestr(f"{n}.json", files["evidence.json"] + b" " * n)
    body = {"files": ("pile.zip", packed.getvalue())}
    begun = requests.post(url, headers=who, files=body, data={"reason": "核对整批发票"}, timeout=60)
    assert begun.status_code == 201, begun.text
    started, seen = time.monotonic(), []
    while not seen or seen[-1] < 500:
        step = requests.post(f"{url}/{begun.json()['id']}/steps", headers=who, timeout=60).json()
        seen.append(step["done"])
        assert time.monotonic() - started < 60
    assert seen == sorted(seen)
    items = requests.get(f"{url}/{begun.json()['id']}", headers=who, timeout=60).json()["items"]
    assert {item["verdict"] for item in items} == {"genuine"}
    assert [item["same_as"] for item in items[:3]] == [None, 1, 1], "files of one invoice are told"
    refused = requests.post(url, files=body, data={"reason": "核对整批发票"}, timeout=60)
    assert refused.status_code in (401, 413)
