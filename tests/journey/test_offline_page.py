"""A stranger verifies without us: the page as it is served and as it was saved, real files, a real chain."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from invoice_service.domain.numbering import business_day
from invoice_service.keyring import load, load_root
from invoice_service.ledger import link
from invoice_service.ledger.entry import Kind
from invoice_service.store import deployment
from tests.chromium import DESKTOP, FLAGS, PHONE, check_page, complaints, unexpected
from tests.journey.test_camera import film
from tests.stack import Stack
from tests.unit.ledger.evidence_files import Issuer, sign_statement
from tests.unit.ledger.vectors import load as load_vectors

ALTERED = "This is not what was issued. Do not accept it."
UNKNOWN = "This service never issued this."
SIGNED = (
    "The issuer signed this number, date and total. Whether the invoice is in its log, and counts today, "
    "only the online check can say."
)
NO_KEYS = "This page knows no keys of the issuer you trust, and cannot judge this code."
IN_LOG = "Signed by the issuer and in its log. The chain was not asked."
ON_CHAIN = "Issued by this service, unchanged to the byte, and on the chain."
PDF_ON_CHAIN = "The evidence in this PDF is genuine and on the chain."
UNREADABLE = "This is not an evidence file, nor a PDF that carries one."
WORDS = {"zh-CN": ["开具方已签名", "无有效签名"], "en": ["Signed by the issuer", "Not signed"]}
VIEWS = [(PHONE, "zh-CN"), (PHONE, "en"), (DESKTOP, "zh-CN"), (DESKTOP, "en")]


@dataclass(frozen=True)
class Files:
    """Of one invoice that is on the chain; `link` is what its code says, `page` as somebody saved it."""

    number: str
    link: str
    evidence: Path
    pdf: Path
    page: Path

    def changed(self, name: str, **body: Any) -> Path:
        document = json.loads(self.evidence.read_bytes())
        document["body"] |= body
        return self.written(name, json.dumps(document).encode())

    def written(self, name: str, data: bytes) -> Path:
        path = self.evidence.with_name(name)
        path.write_bytes(data)
        return path


@pytest.fixture(scope="module")
def files(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("files")
    issued = stack.invoice()
    stack.wait_anchored(issued)
    for name in ("evidence", "pdf"):
        (folder / f"invoice.{name}").write_bytes(stack.get_file(issued, f"/{name}").content)
    saved = requests.get(f"{stack.url}/verify/offline?download", timeout=10)
    name = re.fullmatch(
        r'attachment; filename="(verify-[0-9a-f]{16}\.html)"', saved.headers["Content-Disposition"]
    )
    assert name
    (folder / name[1]).write_bytes(saved.content)
    keys = load(stack.folder)
    day = business_day(datetime.fromisoformat(issued["issued_at"]))
    facts = link.Facts(Kind.INVOICE, issued["number"], day, 1250)
    code = link.code_of(facts, issuer_id=keys.issuer_id, key=keys.entry)
    address = link.address(stack.url, code)
    evidence, pdf = folder / "invoice.evidence", folder / "invoice.pdf"
    return Files(issued["number"], address, evidence, pdf, folder / name[1])


@pytest.fixture
def english(browser: Browser) -> Iterator[Page]:
    """A browser in English; what it complains of, or a refused resource, fails the test."""
    context = browser.new_context(viewport=PHONE, locale="en")
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


def bring(page: Page, *paths: Path) -> None:
    page.locator("#files").set_input_files(paths)
    expect(page.locator(".card-of-file").first).to_be_visible()


def sentences(page: Page, count: int) -> list[str]:
    """What stands first in each card, newest first."""
    expect(page.locator(".card-of-file")).to_have_count(count)
    return page.locator(".verdict__word + .verdict__sentence").all_inner_texts()


def ask_the_service(page: Page) -> None:
    page.locator("#ask-service").click()
    expect(page.locator("#results")).to_contain_text(re.compile("As told by|链上情况据"))


@pytest.mark.parametrize(
    ("size", "language"), VIEWS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_it_is_a_good_page(stack: Stack, browser: Browser, files: Files, size: Any, language: str) -> None:
    with browser.new_context(viewport=size, locale=language) as context:
        page = context.new_page()
        said = complaints(page)
        page.goto(f"{stack.url}/verify/offline")
        expect(page.locator("html")).to_have_attribute("lang", language)
        check_page(page, "offline-empty")
        bring(page, files.changed("changed.json", total_fen=1), files.evidence)
        ask_the_service(page)
        page.locator(".steps-taken summary").first.click()
        check_page(page, "offline-result")
        assert not unexpected(said)


def test_a_file_and_a_pdf_without_and_with_the_chain(stack: Stack, english: Page, files: Files) -> None:
    asked: list[str] = []
    english.on("request", lambda request: asked.append(request.url))
    english.goto(f"{stack.url}/verify/offline")
    bring(english, files.evidence, files.pdf)
    pdf, evidence = sentences(english, 2)
    assert evidence == IN_LOG
    assert "the chain was not asked" in pdf
    body = json.loads(files.evidence.read_bytes())["body"]
    card = english.locator(".card-of-file").first
    for fact in (body["seller"]["name"], "¥12.50", " ".join(re.findall("....", files.number))):
        expect(card).to_contain_text(fact)
    # Nothing left this page: what it asked for is itself.
    assert {url for url in asked if not url.startswith("data:")} == {f"{stack.url}/verify/offline"}

    ask_the_service(english)
    pdf, evidence = sentences(english, 2)
    assert evidence == ON_CHAIN
    assert pdf.startswith(PDF_ON_CHAIN)
    expect(card).to_contain_text(f"As told by localhost:{stack.web_port}.")
    expect(card).to_contain_text("this installation itself")  # who runs that chain
    assert english.locator(".card-of-file").first.locator(".check_passed").count() == 7
    assert english.locator("#fingerprint").inner_text().replace(" ", "") == load(stack.folder).issuer_id.hex()


def test_saved_it_is_the_same_page_and_works_from_disk(stack: Stack, english: Page, files: Files) -> None:
    served = requests.get(f"{stack.url}/verify/offline", headers={"Accept-Encoding": "identity"}, timeout=10)
    assert files.page.read_bytes() == served.content
    assert "unsafe-inline" not in served.headers["Content-Security-Policy"]
    english.goto(files.page.as_uri())
    bring(english, files.evidence, files.pdf, files.changed("changed.json", total_fen=1))
    changed, pdf, evidence = sentences(english, 3)
    assert (changed, evidence) == (ALTERED, IN_LOG)
    assert "signed by the issuer" in pdf
    ask_the_service(english)
    changed, pdf, evidence = sentences(english, 3)
    assert (changed, evidence) == (ALTERED, ON_CHAIN)
    assert pdf.startswith(PDF_ON_CHAIN)
    expect(english.locator("#download")).to_be_hidden()


def test_where_the_browser_has_no_webcrypto(stack: Stack, english: Page, files: Files) -> None:
    """As over plain HTTP in a market's Wi-Fi: the libraries that the page carries do the same."""
    english.add_init_script("Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })")
    english.goto(f"{stack.url}/verify/offline")
    expect(english.locator("#engine")).to_have_text("noble")
    bring(english, files.evidence, files.changed("changed.json", total_fen=1))
    assert sentences(english, 2) == [ALTERED, IN_LOG]


def test_whom_to_trust_is_the_readers_to_say(stack: Stack, english: Page, files: Files) -> None:
    foreign = files.written("foreign.json", Issuer(66).evidence().to_bytes())
    english.goto(f"{stack.url}/verify/offline")
    bring(english, foreign, files.evidence)
    assert sentences(english, 2) == [IN_LOG, UNKNOWN]
    pin = english.locator("#pin")
    pin.fill(Issuer(66).id.hex())
    pin.blur()
    expect(english.locator(".card-of-file").first).to_contain_text("The issuer you trust never issued this.")
    assert sentences(english, 2)[1] == IN_LOG
    pin.fill("")
    pin.blur()
    expect(english.locator(".verdict_undecided")).to_have_count(2)
    pin.fill("no fingerprint")
    pin.blur()
    expect(english.locator("#pin-problem")).to_contain_text("64 digits")


def test_a_chain_that_does_not_answer_leaves_it_undecided(
    stack: Stack, browser: Browser, files: Files
) -> None:
    with browser.new_context(locale="en") as context:
        page = context.new_page()  # Chromium's console reports the refused connection
        page.goto(f"{stack.url}/verify/offline")
        bring(page, files.evidence)
        page.locator("#endpoint").fill("http://127.0.0.1:9/")
        page.locator("#endpoint").blur()
        expect(page.locator(".verdict_undecided")).to_have_count(1)
        expect(page.locator(".check_open")).to_contain_text("The chain is not answering")
        expect(page.locator(".card-of-file")).not_to_contain_text("As told by")
        expect(page.locator(".facts")).to_have_count(0)  # repeated only where it is genuine


def test_hostile_files_get_a_plain_sentence(stack: Stack, english: Page, files: Files) -> None:
    whole = files.evidence.read_text()
    huge = files.evidence.with_name("huge.pdf")
    with huge.open("wb") as sparse:
        sparse.write(b"%PDF-1.7\n")
        sparse.truncate(100_000_000)
    broken = files.pdf.read_bytes()
    hostile = [
        files.written("deep.json", b"[" * 200_000),
        files.written("twice.json", whole.replace('"version": 1', '"version": 1, "version": 1', 1).encode()),
        files.written("random.bin", os.urandom(100_000)),
        files.written("random.pdf", b"%PDF-1.7\n" + os.urandom(100_000)),
        files.written("cut.pdf", broken[: len(broken) // 2]),
        files.written("circle.pdf", b"%PDF-1.7\ntrailer<</Prev 9/Root 1 0 R>>startxref\n9\n%%EOF\n"),
        files.written("empty.json", b""),
        files.written("<img src=x onerror=alert(1)>.json", b"{}"),
        huge,
    ]
    english.goto(f"{stack.url}/verify/offline")
    bring(english, *hostile)
    assert sentences(english, len(hostile)) == [UNREADABLE] * len(hostile)
    expect(english.locator(".verdict_unreadable")).to_have_count(len(hostile))
    expect(english.locator("#results img")).to_have_count(0)
    script = files.changed("script.json", remarks="<script>document.title='owned'</script>")
    english.locator("#files").set_input_files(script)
    expect(english.locator(".card-of-file").first).to_contain_text(ALTERED)
    expect(english.locator("#results")).not_to_contain_text("owned")


def test_files_are_dropped_and_pasted(stack: Stack, english: Page, files: Files) -> None:
    english.goto(f"{stack.url}/verify/offline")
    text = files.evidence.read_text()
    dropped = english.evaluate_handle(
        "text => { const c = new DataTransfer(); c.items.add(new File([text], 'a.json')); return c; }", text
    )
    english.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    assert sentences(english, 1) == [IN_LOG]
    english.evaluate(
        """text => { const clipboardData = new DataTransfer(); clipboardData.setData("text/plain", text);
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true })); }""",
        text,
    )
    assert sentences(english, 2) == [IN_LOG, IN_LOG]


def forged(address: str) -> str:
    """The same signature under a kind and a number that it was not made for."""
    start = address.rindex("/") + 1
    return f"{address[:start]}{load_vectors('link.json')['good'][1]['code'][:24]}{address[start + 24 :]}"


def paste(page: Page, address: str) -> None:
    page.locator("#link").fill(address)
    page.locator("#check-link").click()
    expect(page.locator("#link")).to_have_value("")


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_link_is_judged_without_a_network_and_led_to_the_online_check(
    stack: Stack, browser: Browser, files: Files, language: str
) -> None:
    """From disk and with every connection cut; then the way to the service, which says all it knows."""
    with browser.new_context(viewport=PHONE, locale=language) as context:
        page = context.new_page()
        said = complaints(page)
        page.goto(files.page.as_uri())
        context.set_offline(True)
        paste(page, forged(files.link))
        paste(page, files.link)
        assert page.locator(".verdict__word").all_inner_texts() == WORDS[language]
        right, wrong = page.locator(".card-of-file").all()
        for fact in (" ".join(re.findall("....", files.number)), "¥12.50"):
            expect(right).to_contain_text(fact)
        expect(wrong.locator(".facts")).to_have_count(0)
        check_page(page, "offline-link")
        context.set_offline(False)
        right.locator(".online a").click()
        page.wait_for_url(f"{files.link}")
        expect(page.locator(".verdict_genuine")).to_be_visible()
        expect(page.locator("#number")).to_have_value(files.number)
        check_page(page, "link")
        page.goto(forged(files.link))
        expect(page.locator(".verdict_unknown")).to_be_visible()
        check_page(page, "link-unsigned")
        assert not unexpected(said)


def test_links_as_people_bring_them(stack: Stack, english: Page, files: Files) -> None:
    code = files.link.rpartition("/")[2]
    english.goto(f"{stack.url}/verify/offline")
    for brought in (code, f" {files.link}?from=chat ", f"https://elsewhere.example/v/{code}"):
        paste(english, brought)
    assert sentences(english, 3) == [SIGNED] * 3
    # Wherever the address led, the way online is the service's own.
    ways = english.locator(".online a").evaluate_all("ways => ways.map(way => way.href)")
    assert ways == [files.link] * 3
    hostile = [code[:-1], code.upper(), f"{files.link}/", code * 100, "javascript:alert(1)", "😀" * 110]
    for brought in hostile:
        english.locator("#link").fill(brought)
        english.locator("#check-link").click()
        expect(english.locator("#link-problem")).to_have_text("That is not the code of an invoice.")
    expect(english.locator(".card-of-file")).to_have_count(3)
    english.evaluate(
        """text => { const clipboardData = new DataTransfer(); clipboardData.setData("text/plain", text);
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true })); }""",
        files.link,
    )
    assert sentences(english, 4) == [SIGNED] * 4
    pin = english.locator("#pin")
    for trusted in (Issuer(66).id.hex(), ""):
        pin.fill(trusted)
        pin.blur()
        expect(english.locator(".verdict_undecided")).to_have_count(4)
        assert sentences(english, 4) == [NO_KEYS] * 4
        expect(english.locator(".online")).to_have_count(0)
        pin.fill(load(stack.folder).issuer_id.hex())
        pin.blur()
        expect(english.locator(".verdict_signed")).to_have_count(4)


def state(stack: Stack, signed: dict[str, Any]) -> None:
    with stack.database() as database, database.unit_of_work() as uow:
        deployment.put_statement(uow.connection, signed)
        uow.commit()


def test_where_the_key_was_revoked_since(stack: Stack, english: Page, files: Files) -> None:
    """The page carries what the issuer states when it is asked for: by a revoked key nothing is certain."""
    before = json.loads(files.evidence.read_bytes())["issuer"]
    keys = [key | {"revoked_ms": 2**52} for key in before["statement"]["keys"]]
    state(stack, sign_statement(before["statement"] | {"keys": keys}, load_root(stack.folder)))
    english.goto(f"{stack.url}/verify/offline")
    paste(english, files.link)
    state(stack, before)
    expect(english.locator(".verdict_undecided")).to_have_count(1)
    assert sentences(english, 1)[0].startswith("The key that signed this code has been revoked since.")
    english.reload()
    paste(english, files.link)
    assert sentences(english, 1) == [SIGNED]


@contextmanager
def scanning(stack: Stack, browser: Browser, printed: str, folder: Path) -> Iterator[Page]:
    """The page while a phone's camera looks at a printed code."""
    film(printed, folder / "code.y4m")
    camera = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={folder / 'code.y4m'}",
    )
    filming = browser.browser_type.launch(
        executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=[*FLAGS, *camera]
    )
    context = filming.new_context(viewport=PHONE, locale="en", permissions=["camera"])
    page = context.new_page()
    said = complaints(page)
    page.goto(f"{stack.url}/verify/offline")
    page.locator("#scan").click()
    yield page
    expect(page.locator("#video")).to_be_hidden()
    filming.close()
    assert not unexpected(said)


def test_the_camera_reads_a_printed_link(
    stack: Stack, browser: Browser, files: Files, tmp_path: Path
) -> None:
    with scanning(stack, browser, files.link, tmp_path) as page:
        expect(page.locator(".verdict_signed")).to_be_visible(timeout=15_000)
        assert sentences(page, 1) == [SIGNED]


def test_an_older_printed_code_only_names_the_invoice(
    stack: Stack, browser: Browser, files: Files, tmp_path: Path
) -> None:
    """As invoices bore it before links were signed."""
    with scanning(stack, browser, f"{stack.url}/verify?number={files.number}", tmp_path) as page:
        expect(page.locator("#code")).to_contain_text("Get its PDF or evidence file", timeout=15_000)
        expect(page.locator("#code")).to_contain_text(files.number[-4:])
