"""One header for many stalls: each invoice is a fact of its own, and the bundle holds every one of them."""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdf
import pytest

from invoice_service.domain.allowance import AboveAllowance
from invoice_service.domain.basket import MOST, BadBasket
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.order import PlainAmount, UnknownOrder
from invoice_service.domain.party import BuyerDiffers, make_buyer
from invoice_service.domain.policy import Actor
from invoice_service.domain.refund import Back, Reason, RefundUnderWay
from invoice_service.errors import Unavailable
from invoice_service.flow import allow, issue, look, order, pay, refund
from invoice_service.flow.issue_basket import issue_basket
from invoice_service.queries import bundles, documents
from invoice_service.store.unit_of_work import Database
from tests import header_codes
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.people import Town, town
from tests.till import open_till

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
COMPANY = make_buyer("organization", "普洱茶业有限公司", "92532528MA6L45LX6L")
UNKNOWN = "AAAAAAAAAAAAAAAAAAAAAA"
NOTHING_LISTENS = "postgresql+psycopg://nobody@127.0.0.1:9/nothing"


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str) -> Iterator[Town]:
    clock = Clock(NOON)
    with town(tmp_path, migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


def who(place: Town, name: str) -> Actor:
    """Signed in by the real clock, and confirmed by the test's."""
    real = replace(place, services=replace(place.services, clock=lambda: datetime.now(UTC)))
    return replace(real.actor(name), confirmed_at=NOON)


def bought(place: Town, stall: str, amount_fen: int = 1250) -> str:
    placed = order.place(place.services, stall, PlainAmount(amount_fen))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    return placed.token


def invoiced(place: Town, *stalls: str) -> list[str]:
    outcomes = issue_basket(place.services, [bought(place, stall) for stall in stalls], COMPANY)
    return [outcome.issued.token for outcome in outcomes if outcome.issued]


def forbid(place: Town, name: str) -> None:
    """A ceiling below everything that anybody buys here."""
    look.at_vendor(place.services, who(place, "officer"), place.vendors[name], "核定额度")
    allow.set_ceiling(place.services, who(place, "officer"), place.vendors[name], 100, "新登记户先观察")


def pay_back(place: Town, token: str) -> None:
    order_id = place.ask("SELECT id FROM orders WHERE status = 'paid' ORDER BY created_at DESC LIMIT 1")
    assert place.services.keyring.tokens.derive("order", str(order_id)) == token
    key = "a key of this refund"
    refund.ask(place.services, who(place, "vendor"), order_id, None, Reason.RETURNED, idempotency_key=key)


def test_orders_of_three_vendors_and_two_markets_under_one_header(place: Town) -> None:
    tokens = [bought(place, stall, fen) for stall, fen in (("A01", 1250), ("A02", 880), ("B01", 2000))]
    outcomes = issue_basket(place.services, tokens, COMPANY)
    assert [outcome.order_token for outcome in outcomes] == tokens
    assert [outcome.issued and outcome.issued.total_fen for outcome in outcomes] == [1250, 880, 2000]
    again = issue_basket(place.services, [*tokens, tokens[0]], COMPANY)
    assert [one.issued for one in again] == [
        one.issued and replace(one.issued, created=False) for one in outcomes
    ]
    buyers = [
        json.loads(bytes(row["document"])) for row in place.rows("SELECT document FROM buyer_documents")
    ]
    assert [buyer["name"] for buyer in buyers] == [COMPANY.name] * 3


def test_what_cannot_be_issued_takes_nothing_from_the_rest(place: Town) -> None:
    goes_back = bought(place, "A01")
    pay_back(place, goes_back)
    forbid(place, "next_door")
    theirs = bought(place, "A01")
    issue.issue(place.services, theirs, make_buyer("individual", "", None))
    unpaid = order.place(place.services, "A01", PlainAmount(500)).token
    first, last = bought(place, "A01"), bought(place, "B01")
    tokens = [goes_back, first, bought(place, "A02"), theirs, unpaid, UNKNOWN, last]
    outcomes = issue_basket(place.services, tokens, COMPANY)
    assert [type(outcome.refusal) for outcome in outcomes] == [
        RefundUnderWay, type(None), AboveAllowance, BuyerDiffers, issue.NotPaid, UnknownOrder, type(None),
    ]  # fmt: skip
    assert [outcome.order_token for outcome in outcomes if outcome.issued] == [first, last]
    assert place.ask("SELECT count(*) FROM invoices") == 3
    assert place.ask("SELECT count(*) FROM outbox WHERE kind = 3") == 3


def test_two_taps_at_once_issue_each_invoice_once(place: Town) -> None:
    tokens = [bought(place, stall) for stall in ("A01", "A02", "B01")]
    with ThreadPoolExecutor(4) as pool:
        given = [tokens, tokens[::-1], tokens, tokens[::-1]]
        answers = list(pool.map(lambda some: issue_basket(place.services, some, COMPANY), given))
    numbers = [{one.issued.number for one in answer if one.issued} for answer in answers]
    assert numbers == [numbers[0]] * 4
    assert len(numbers[0]) == 3
    assert sum(one.issued.created for answer in answers for one in answer if one.issued) == 3


def test_a_lost_database_ends_it_and_asking_again_goes_on(
    place: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [bought(place, stall) for stall in ("A01", "A02", "B01")]
    true_issue, lost = issue.issue, Database(NOTHING_LISTENS, pool_size=1)

    def second_is_lost(services: Any, token: str, buyer: Any) -> issue.Issued:
        where = replace(services, database=lost) if token == tokens[1] else services
        return true_issue(where, token, buyer)

    with monkeypatch.context() as broken:
        broken.setattr("invoice_service.flow.issue_basket.issue", second_is_lost)
        with pytest.raises(Unavailable):
            issue_basket(place.services, tokens, COMPANY)
    lost.dispose()
    outcomes = issue_basket(place.services, tokens, COMPANY)
    assert [outcome.issued and outcome.issued.created for outcome in outcomes] == [False, True, True]


def test_a_basket_holds_one_to_twenty(place: Town) -> None:
    for count in (0, MOST + 1):
        tokens = [f"{n:022d}" for n in range(count)]
        with pytest.raises(BadBasket):
            issue_basket(place.services, tokens, COMPANY)
        with pytest.raises(BadBasket):
            bundles.zipped(place.services, tokens)
        with pytest.raises(BadBasket):
            bundles.merged(place.services, tokens)
    for hostile in ("", "\ud800", "a" * 65, "../../o", "A\x00"):
        with pytest.raises(BadBasket):
            issue_basket(place.services, [hostile], COMPANY)
    full = [f"{n:022d}" for n in range(MOST)]
    assert len(issue_basket(place.services, [*full, full[0]], COMPANY)) == MOST


DAMAGED = {
    "en": "This buyer header&#39;s code is damaged: its check digits do not fit. Please scan it again.",
    "zh-CN": "这个抬头码有误：校验码不符，请重新扫描。",
}


@pytest.mark.parametrize("language", DAMAGED)
def test_a_headers_code_is_taken_if_its_check_digits_fit(place: Town, language: str) -> None:
    """By the page and by programs. With others, nothing is issued, and what was chosen and read stays."""
    tokens, asked_in = [bought(place, "A01"), bought(place, "A02")], {"Accept-Language": language}
    phone, wrong, right = place.browser(), header_codes.header_code(crc="1"), header_codes.header_code()
    for token in tokens:
        phone.get(f"/o/{token}")
    refused = phone.post("/basket", data={"orders": tokens, "header_code": wrong}, headers=asked_in)
    assert refused.status_code == 422
    assert DAMAGED[language] in refused.text
    assert refused.text.count(" checked") == len(tokens) + 1
    assert f'value="{wrong}"' in refused.text
    wanted = {"orders": tokens, "buyer": {"header_code": wrong}}
    answer = place.api("nobody", "POST", "/api/v1/baskets", json=wanted, headers=asked_in)
    told = answer.get_json()
    assert (answer.status_code, told["code"]) == (422, "buyer.invalid")
    assert told["errors"] == {"buyer.header_code": html.unescape(DAMAGED[language])}
    assert place.ask("SELECT count(*) FROM invoices") == 0

    taken = phone.post("/basket", data={"orders": tokens[:1], "header_code": right})
    assert (taken.status_code, taken.location) == (303, "/basket")
    wanted = {"orders": tokens, "buyer": {"header_code": right}}
    results = place.api("nobody", "POST", "/api/v1/baskets", json=wanted).get_json()["results"]
    assert [result["problem"] for result in results] == [None, None]
    kept = [json.loads(bytes(row["document"])) for row in place.rows("SELECT document FROM buyer_documents")]
    assert [(buyer["name"], buyer["tax_id"]) for buyer in kept] == [
        (header_codes.NAME, header_codes.USCC)
    ] * 2


def test_the_bundle_is_every_file_of_every_invoice(place: Town) -> None:
    tokens = invoiced(place, "A01", "A02", "B01")
    pieces = list(bundles.zipped(place.services, [*tokens, tokens[0]]))
    assert len(pieces) == len(tokens) + 1, "invoice by invoice, and the rest"
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    expected = {}
    for token in tokens:
        number, pdf = documents.pdf(place.services, token)
        expected |= {
            f"invoices/{number}.pdf": pdf,
            f"evidence/{number}.json": documents.evidence(place.services, token)[1].to_bytes(),
            f"xml/{number}.ubl.xml": documents.xml(place.services, token, "ubl")[1],
            f"xml/{number}.flat.xml": documents.xml(place.services, token, "flat")[1],
        }
    assert set(archive.namelist()) == {*expected, "README.txt", "all-invoices.pdf"}
    assert {name: archive.read(name) for name in expected} == expected
    said = archive.read("README.txt").decode()
    assert all(name.partition("/")[2][:20] in said for name in expected)
    assert "¥37.50" in said
    assert "没有签名" in said
    assert archive.read("all-invoices.pdf") == bundles.merged(place.services, tokens)
    assert b"".join(bundles.zipped(place.services, tokens)) == b"".join(pieces), "the same bytes again"


def test_the_merged_pdf_has_every_page_and_claims_no_signature(place: Town) -> None:
    tokens = invoiced(place, "A01", "B01")
    merged = pypdf.PdfReader(io.BytesIO(bundles.merged(place.services, tokens)))
    numbers = [documents.evidence(place.services, token)[0] for token in tokens]
    texts = [page.extract_text().replace(" ", "") for page in merged.pages]
    assert [number in text for number, text in zip(numbers, texts, strict=True)] == [True, True]
    assert "无签名" in str(merged.metadata.title)
    assert not merged.get_fields()
    assert not any("/Annots" in page for page in merged.pages)
    assert not list(merged.attachments)


def test_one_token_that_opens_nothing_refuses_the_bundle_before_its_first_byte(place: Town) -> None:
    tokens = [*invoiced(place, "A01"), UNKNOWN]
    with pytest.raises(UnknownInvoice):
        bundles.zipped(place.services, tokens)


def test_a_credit_note_in_force_comes_along(
    tmp_path: Path, migrated_database_url: str, anvil_url: str
) -> None:
    with open_till(tmp_path, migrated_database_url, anvil_url) as till:
        sold = till.sell([("pakchoi", "2")])
        till.ask(sold, [Back(0, quantity=Decimal(1))])
        till.settle()
        assert sold.invoice is not None
        note = till.office.query("SELECT number FROM credit_notes")
        pieces = bundles.zipped(till.services, [sold.invoice.token])
        archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    numbers = {name.rpartition("/")[2][:20] for name in archive.namelist() if "/" in name}
    assert numbers == {sold.invoice.number, note}
    assert json.loads(archive.read(f"evidence/{note}.json"))["body"]["type"] == "credit-note"
    assert "¥3.20" in archive.read("README.txt").decode(), "what is left of 6.40"
    assert len(pypdf.PdfReader(io.BytesIO(archive.read("all-invoices.pdf"))).pages) == 2
