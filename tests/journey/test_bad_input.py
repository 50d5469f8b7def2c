"""Bad input gets a clear error in the reader's language, and changes nothing."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import pypdf
import pytest
import requests

from invoice_service import keyring
from invoice_service.ledger import statement
from invoice_service.ledger.keys import public_der
from tests.attack import CHINESE, ENGLISH, INNARDS, Phone, ask, changed, digest, provider, refusal
from tests.stack import Stack

Test = TypeVar("Test", bound=Callable[..., None])
USCC = "92532528MA6L45LX6L"
COMPANY = {"kind": "organization", "name": "普洱茶业有限公司", "tax_id": USCC}
PERSON = {"kind": "individual"}
ORDERS = "/api/v1/stalls/A01/orders"
NESTED = "[" * 100_000
LONG_NUMBER = "9" * 5_000  # past what Python reads as one integer


def changes_things(test: Test) -> Test:
    """Marks a test that needs new orders or invoices of its own."""
    test.changes_things = True  # type: ignore[attr-defined]
    return test


@pytest.fixture(scope="module", autouse=True)
def _quiet_sandbox(stack: Stack) -> None:
    """No doubled notices: a row that arrives by itself would look like a change."""
    provider(stack).set_behaviour({"duplicate": 0})


@pytest.fixture(autouse=True)
def _nothing_changes(stack: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    """Holds every test to it, but those that say otherwise and look for themselves."""
    if hasattr(request.function, "changes_things"):
        yield
        return
    request.getfixturevalue("paid")
    request.getfixturevalue("invoiced")
    before = digest(stack)
    yield
    assert digest(stack) == before


@pytest.fixture(scope="module")
def paid(stack: Stack) -> str:
    """A paid order without an invoice."""
    order_id: str = stack.place(4242)["order_id"]
    stack.pay(order_id)
    stack.wait_paid(order_id)
    return order_id


@dataclass(frozen=True)
class Invoiced:
    order_id: str
    issued: dict[str, Any]
    evidence: bytes
    pdf: bytes


@pytest.fixture(scope="module")
def invoiced(stack: Stack) -> Invoiced:
    """A paid order whose invoice, made out to a company, is on the chain."""
    order_id = stack.place(1250)["order_id"]
    stack.pay(order_id)
    stack.wait_paid(order_id)
    issued = stack.issue(order_id, **COMPANY).json()
    stack.wait_anchored(issued)
    files = [stack.get_file(issued, name).content for name in ("/evidence", "/pdf")]
    return Invoiced(order_id, issued, *files)


def refused(
    stack: Stack,
    method: str,
    path: str,
    status: int,
    code: str,
    field: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Asked in both languages: the same refusal, in two texts. Answers the English one."""
    chinese, english = (
        refusal(ask(stack, method, path, language, **options), status, code)
        for language in (CHINESE, ENGLISH)
    )
    assert chinese["title"] != english["title"]
    assert set(english.get("errors", {})) == set(chinese.get("errors", {})) == ({field} if field else set())
    if field:
        assert chinese["errors"][field] != english["errors"][field]
    return english


ORDER_CASES = {
    "amount 0": ({"amount_fen": 0}, 422, "amount.out_of_range", "amount_fen"),
    "amount negative": ({"amount_fen": -1250}, 422, "amount.out_of_range", "amount_fen"),
    "amount over the limit": ({"amount_fen": 5_000_001}, 422, "amount.out_of_range", "amount_fen"),
    "amount beyond any integer column": ({"amount_fen": 10**30}, 422, "amount.out_of_range", "amount_fen"),
    "amount as a float": ({"amount_fen": 12.5}, 422, "input.invalid", "amount_fen"),
    "amount as a whole float": ({"amount_fen": 1250.0}, 422, "input.invalid", "amount_fen"),
    "amount as a string": ({"amount_fen": "1250"}, 422, "input.invalid", "amount_fen"),
    "amount as a bool": ({"amount_fen": True}, 422, "input.invalid", "amount_fen"),
    "amount null": ({"amount_fen": None}, 422, "input.invalid", "amount_fen"),
    "amount as a list": ({"amount_fen": [1250]}, 422, "input.invalid", "amount_fen"),
    "neither amount nor lines": ({}, 422, "input.invalid", "amount_fen"),
    "both amount and lines": (
        {"amount_fen": 1, "lines": [{"sku": "tomato", "quantity": "1"}]}, 422, "input.invalid", "amount_fen",
    ),
    "unknown field": ({"amount_fen": 1, "price": 1}, 422, "input.invalid", "price"),
    "unknown field that is no text": ({"amount_fen": 1, "\ud800": 1}, 422, "input.invalid", "?"),
    "unknown field in a line": (
        {"lines": [{"sku": "tomato", "quantity": "1", "price_fen": 1}]},
        422, "input.invalid", "lines.0.price_fen",
    ),
    "no lines": ({"lines": []}, 422, "order.empty", "lines"),
    "lines null": ({"lines": None}, 422, "input.invalid", "lines"),
    "line without quantity": ({"lines": [{"sku": "tomato"}]}, 422, "input.invalid", "lines.0.quantity"),
    "quantity as a number": (
        {"lines": [{"sku": "tomato", "quantity": 1}]}, 422, "input.invalid", "lines.0.quantity",
    ),
    "sku too long": (
        {"lines": [{"sku": "x" * 61, "quantity": "1"}]}, 422, "input.invalid", "lines.0.sku",
    ),
    "foreign goods": ({"lines": [{"sku": "durian", "quantity": "1"}]}, 422, "goods.unknown", "lines"),
    "goods by SQL": ({"lines": [{"sku": "' OR 1=1 --", "quantity": "1"}]}, 422, "goods.unknown", "lines"),
    "goods that are no text": (
        {"lines": [{"sku": "\ud800", "quantity": "1"}]}, 422, "goods.unknown", "lines",
    ),
    "sold-out goods": ({"lines": [{"sku": "garlic", "quantity": "1"}]}, 409, "goods.sold_out", "lines"),
    "one good among bad ones": (
        {"lines": [{"sku": "tomato", "quantity": "1"}, {"sku": "garlic", "quantity": "1"}]},
        409, "goods.sold_out", "lines",
    ),
    "too many lines": (
        {"lines": [{"sku": "tomato", "quantity": "1"}] * 61}, 422, "order.too_many_lines", "lines",
    ),
    "so little that it costs nothing": (
        {"lines": [{"sku": "tomato", "quantity": "0.000001"}]}, 422, "goods.bad_quantity", "lines",
    ),
    "goods over the limit together": (
        {"lines": [{"sku": "tomato", "quantity": "60000"}, {"sku": "tomato", "quantity": "60000"}]},
        422, "amount.out_of_range", "amount_fen",
    ),
} | {
    f"quantity {text!r}": (
        {"lines": [{"sku": "tomato", "quantity": text}]}, 422, "goods.bad_quantity", "lines.0.quantity",
    )
    for text in (
        "0", "0.000", "-1", "+1", "1000000000", "0.1234567", "1e3", "NaN", "Infinity", "", " 1", "1\n", "1,5",
        ".5", "1.", "٣", "１", "1" * 400_000,
    )
}  # fmt: skip


@pytest.mark.parametrize("case", ORDER_CASES)
def test_an_order_that_makes_no_sense(stack: Stack, case: str) -> None:
    body, status, code, field = ORDER_CASES[case]
    data = json.dumps(body)
    refused(
        stack, "POST", ORDERS, status, code, field, data=data, headers={"Content-Type": "application/json"}
    )


@pytest.mark.parametrize("code", ["Z99", "a01", "A01%00", "%FF%FE", "'%20OR%20'1'='1", "../A01", "A" * 2000])
def test_unknown_stall(stack: Stack, code: str) -> None:
    for method, path in (("GET", f"/api/v1/stalls/{code}"), ("POST", f"/api/v1/stalls/{code}/orders")):
        options = {"json": {"amount_fen": 1}} if method == "POST" else {}
        known = "not_found" if ".." in code else "stall.unknown"
        refused(stack, method, path, 404, known, **options)
    for language in (CHINESE, ENGLISH):
        page = Phone(stack, language).get(f"/s/{code}")
        assert page.status_code == 404
        assert not INNARDS.search(page.text)


def test_closed_stall(stack: Stack) -> None:
    phone = Phone(stack)
    form = phone.get("/s/A01").text
    _set_open(stack, False)
    try:
        refused(stack, "POST", ORDERS, 409, "stall.closed", json={"amount_fen": 100})
        token = form.split('name="csrf_token" value="')[1].split('"')[0]
        sent = phone.session.post(
            f"{stack.url}/s/A01", data={"csrf_token": token, "amount_yuan": "1"}, timeout=10
        )
        assert sent.status_code == 409
        assert "closed" in sent.text
    finally:
        _set_open(stack, True)


def _set_open(stack: Stack, is_open: bool) -> None:
    stack.query("UPDATE stalls SET is_open = :is_open RETURNING id", is_open=is_open)


BODY_CASES: dict[str, tuple[bytes, str, int, str]] = {
    "broken JSON": (b'{"amount_fen": 12', "application/json", 400, "request.bad"),
    "no JSON at all": (b"amount_fen=12", "application/json", 400, "request.bad"),
    "not UTF-8": (b'{"amount_fen": "\xff\xfe"}', "application/json", 400, "request.bad"),
    "nested without end": (NESTED.encode(), "application/json", 400, "request.bad"),
    "a number without end": (
        b'{"amount_fen": %s}' % LONG_NUMBER.encode(), "application/json", 400, "request.bad",
    ),
    "infinity": (b'{"amount_fen": Infinity}', "application/json", 400, "request.bad"),
    "not a number": (b'{"amount_fen": NaN}', "application/json", 400, "request.bad"),
    "another content type": (b'{"amount_fen": 12}', "text/plain", 415, "request.media_type"),
    "a form": (b"amount_fen=12", "application/x-www-form-urlencoded", 415, "request.media_type"),
    "too large": (b'{"amount_fen": %s}' % (b" " * 1_100_000), "application/json", 413, "request.too_large"),
}  # fmt: skip


@pytest.mark.parametrize("case", BODY_CASES)
def test_a_body_that_cannot_be_read(stack: Stack, paid: str, case: str) -> None:
    body, content_type, status, code = BODY_CASES[case]
    for path in (ORDERS, f"/api/v1/orders/{paid}/invoice"):
        refused(stack, "POST", path, status, code, data=body, headers={"Content-Type": content_type})


def test_an_oversized_body_sent_in_chunks(stack: Stack) -> None:
    """Without a Content-Length no more than the limit is read, and what is cut off there is no JSON."""
    headers = {"Content-Type": "application/json"}
    chunks = [b'{"amount_fen": 1', *[b" " * 100_000] * 12, b"}"]
    answer = ask(stack, "POST", ORDERS, data=iter(chunks), headers=headers)
    refusal(answer, 400, "request.bad")


def test_a_list_where_an_object_belongs(stack: Stack, paid: str) -> None:
    for path in (ORDERS, f"/api/v1/orders/{paid}/invoice"):
        problem = refusal(ask(stack, "POST", path, json=[1, 2]), 422, "input.invalid")
        assert problem["errors"]


BUYER_CASES: dict[str, tuple[Any, str, str | None]] = {
    "wrong USCC": (COMPANY | {"tax_id": USCC[:-1] + "A"}, "buyer.invalid", "buyer.tax_id"),
    "USCC too short": (COMPANY | {"tax_id": USCC[:-1]}, "buyer.invalid", "buyer.tax_id"),
    "USCC with a letter never used": (COMPANY | {"tax_id": "I" + USCC[1:]}, "buyer.invalid", "buyer.tax_id"),
    "USCC in full-width digits": (
        COMPANY | {"tax_id": USCC.translate(str.maketrans("0123456789", "０１２３４５６７８９"))},
        "buyer.invalid", "buyer.tax_id",
    ),
    "company without USCC": ({"kind": "organization", "name": "A"}, "buyer.invalid", "buyer.tax_id"),
    "company without name": ({"kind": "organization", "tax_id": USCC}, "buyer.invalid", "buyer.name"),
    "person with USCC": (PERSON | {"tax_id": USCC}, "buyer.invalid", "buyer.tax_id"),
    "unknown kind": (COMPANY | {"kind": "government"}, "buyer.invalid", "buyer.kind"),
    "name of 10,000 characters": (COMPANY | {"name": "普" * 10_000}, "buyer.invalid", "buyer.name"),
    "name a number": (COMPANY | {"name": 5}, "input.invalid", "buyer.name"),
    "no kind": ({"name": "A"}, "input.invalid", "buyer.kind"),
    "no buyer": (None, "input.invalid", "buyer"),
    "buyer a list": ([COMPANY], "input.invalid", None),
} | {
    f"name with {name}": (COMPANY | {"name": f"普洱{character}茶业"}, "buyer.invalid", "buyer.name")
    for name, character in {
        "a control character": "\x07",
        "a NUL": "\x00",
        "a line break": "\n",
        "an escape sequence": "\x1b[2J",
        "a bidi override": "\u202e",
        "a bidi isolate": "\u2066",
        "a zero-width space": "\u200b",
        "a zero-width joiner": "\u200d",
        "a byte order mark": "\ufeff",
        "half a character": "\ud800",
        "a private character": "\ue000",
        "a line separator": "\u2028",
    }.items()
}  # fmt: skip


@pytest.mark.parametrize("case", BUYER_CASES)
def test_a_buyer_that_cannot_stand_on_an_invoice(stack: Stack, paid: str, case: str) -> None:
    buyer, code, field = BUYER_CASES[case]
    path = f"/api/v1/orders/{paid}/invoice"
    if field is None:
        refusal(ask(stack, "POST", path, json={"buyer": buyer}), 422, code)
    else:
        refused(stack, "POST", path, 422, code, field, json={"buyer": buyer})


def test_a_wrong_buyer_on_the_page_keeps_what_was_typed(stack: Stack, paid: str) -> None:
    for language in (CHINESE, ENGLISH):
        form = {"kind": "organization", "name": "普洱茶业有限公司", "tax_id": USCC[:-1] + "A"}
        page = Phone(stack, language).submit(f"/o/{paid}/invoice", data=form)
        assert page.status_code == 422
        assert USCC[:-1] + "A" in page.text
        assert not INNARDS.search(page.text)


PAGE_ORDERS: dict[str, dict[str, str]] = {
    "nothing": {"amount_yuan": ""},
    "amount 0": {"amount_yuan": "0"},
    "amount negative": {"amount_yuan": "-12.50"},
    "three decimals": {"amount_yuan": "12.505"},
    "an exponent": {"amount_yuan": "1e3"},
    "words": {"amount_yuan": "twelve"},
    "a decimal comma": {"amount_yuan": "12,50"},
    "over the limit": {"amount_yuan": "50000.01"},
    "a thousand digits": {"amount_yuan": "9" * 1000},
    "a NUL": {"amount_yuan": "1\x00"},
    "no goods": {"way": "goods"},
    "quantity negative": {"way": "goods", "quantity-tomato": "-1"},
    "quantity with 7 decimals": {"way": "goods", "quantity-tomato": "1.2345678"},
    "quantity 10^9": {"way": "goods", "quantity-tomato": "1000000000"},
    "sold out": {"way": "goods", "quantity-garlic": "1"},
    "foreign goods": {"way": "goods", "quantity-<script>": "1"},
}


@pytest.mark.parametrize("case", PAGE_ORDERS)
def test_an_order_on_the_page_that_makes_no_sense(stack: Stack, case: str) -> None:
    pages = [
        Phone(stack, language).submit("/s/A01", data=PAGE_ORDERS[case]) for language in (CHINESE, ENGLISH)
    ]
    for page in pages:
        assert page.status_code in (409, 422), page.text
        assert not INNARDS.search(page.text)
        assert "<script>" not in page.text
        assert 'role="alert"' in page.text
    assert pages[0].text != pages[1].text


def test_unknown_tokens(stack: Stack, invoiced: Invoiced) -> None:
    for token in ("x", "A" * 22, "%00", "%F0%9F%8D%85", "..%2F", "' OR 1=1 --"):
        bearer = {"Authorization": f"Bearer {token}"}
        number = invoiced.issued["number"]
        refused(
            stack,
            "GET",
            f"/api/v1/orders/{token}",
            404,
            "order.unknown" if "2F" not in token else "not_found",
        )
        refused(stack, "GET", f"/api/v1/invoices/{number}", 404, "invoice.unknown", headers=bearer)
    for path in ("/o/A", "/o/A/part", "/o/A/live", "/o/A/pay", "/o/A/invoice",
                 "/i/A", "/i/A/part", "/i/A/live", "/i/A/pdf", "/i/A/xml", "/i/A/evidence"):  # fmt: skip
        answer = ask(stack, "GET", path, headers={"Accept": "text/html"}, stream=True)
        assert answer.status_code == 404, path
        answer.close()


@changes_things
def test_invoice_before_payment(stack: Stack) -> None:
    order_id = stack.place(77)["order_id"]
    before = digest(stack)
    refused(
        stack, "POST", f"/api/v1/orders/{order_id}/invoice", 409, "invoice.not_paid", json={"buyer": PERSON}
    )
    page = Phone(stack).get(f"/o/{order_id}/invoice")
    sent = Phone(stack).submit(f"/o/{order_id}/invoice", data=PERSON) if page.status_code == 200 else page
    assert sent.status_code == 409
    assert digest(stack) == before


def test_invoice_twice_for_one_buyer_is_one_invoice(stack: Stack, invoiced: Invoiced) -> None:
    for buyer in (COMPANY, COMPANY | {"tax_id": USCC.lower()}, COMPANY | {"name": f" {COMPANY['name']} "}):
        again = stack.issue(invoiced.order_id, **buyer)
        assert again.status_code == 200
        assert again.json() == invoiced.issued


def test_invoice_twice_for_another_buyer(stack: Stack, invoiced: Invoiced) -> None:
    path = f"/api/v1/orders/{invoiced.order_id}/invoice"
    for buyer in (PERSON, COMPANY | {"name": "别家有限公司"}):
        refused(stack, "POST", path, 409, "invoice.buyer_differs", json={"buyer": buyer})


def test_paying_what_is_paid(stack: Stack, paid: str) -> None:
    refused(stack, "POST", f"/sandbox/orders/{paid}/pay", 409, "order.not_open")
    for language in (CHINESE, ENGLISH):
        page = Phone(stack, language).get(f"/o/{paid}/pay")
        assert page.status_code == 409
        assert not INNARDS.search(page.text)
    assert Phone(stack).get(f"/o/{paid}").status_code == 200
    assert stack.query("SELECT count(*) FROM payments WHERE amount_fen = 4242") == 1


# -- Idempotency-Key -----------------------------------------------------------------------------


def place(stack: Stack, key: str, body: dict[str, Any], stall: str = "A01") -> requests.Response:
    return ask(stack, "POST", f"/api/v1/stalls/{stall}/orders", json=body, headers={"Idempotency-Key": key})


@changes_things
def test_the_same_key_again_is_the_same_order(stack: Stack) -> None:
    first = place(stack, "till-1/000000000001", {"amount_fen": 1300})
    before = digest(stack)
    again = place(stack, "till-1/000000000001", {"amount_fen": 1300})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    for other in ({"amount_fen": 1301}, {"lines": [{"sku": "tomato", "quantity": "1"}]}):
        refusal(place(stack, "till-1/000000000001", other), 409, "idempotency.key_reused")
    assert digest(stack) == before


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "大蒜"), ("en", "Garlic is sold out today.")])
def test_what_is_sold_out_is_named_in_the_readers_language(stack: Stack, language: str, words: str) -> None:
    answer = requests.post(
        f"{stack.url}/api/v1/stalls/A01/orders",
        json={"lines": [{"sku": "garlic", "quantity": "1"}]},
        headers={"Accept-Language": language},
        timeout=10,
    )
    assert words in answer.json()["title"]


@changes_things
def test_the_same_key_again_after_the_goods_sold_out(stack: Stack) -> None:
    """What was promised once is answered again, whatever has changed at the stall since."""
    wanted = {"lines": [{"sku": "tomato", "quantity": "1.5"}]}
    first = place(stack, "till-1/000000000002", wanted)
    assert first.status_code == 201
    stack.query("UPDATE goods SET available = false WHERE sku = 'tomato' RETURNING id")
    _set_open(stack, False)
    try:
        again = place(stack, "till-1/000000000002", {"lines": [{"sku": "tomato", "quantity": "1.50"}]})
        assert (again.status_code, again.json()) == (200, first.json())
    finally:
        stack.query("UPDATE goods SET available = true WHERE sku = 'tomato' RETURNING id")
        _set_open(stack, True)


@changes_things
def test_the_same_key_in_parallel_is_one_order(stack: Stack) -> None:
    orders_before = stack.query("SELECT count(*) FROM orders")
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda _: place(stack, "till-1/000000000003", {"amount_fen": 1400}), range(16))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert stack.query("SELECT count(*) FROM orders") == orders_before + 1


@changes_things
def test_one_key_for_different_orders_in_parallel_serves_one(stack: Stack) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(
            threads.map(lambda n: place(stack, "till-1/000000000004", {"amount_fen": 1500 + n}), range(8))
        )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


@pytest.mark.parametrize("key", ["", "x" * 15, "x" * 201, "till-1/00000000\t01"])
def test_a_key_that_is_none(stack: Stack, key: str) -> None:
    refusal(place(stack, key, {"amount_fen": 100}), 422, "idempotency.bad_key")


@changes_things
def test_a_key_of_another_order_for_an_invoice(stack: Stack, paid: str, invoiced: Invoiced) -> None:
    """One key, two orders: the second is refused before anything is issued."""
    other = stack.place(4343)["order_id"]
    stack.pay(other)
    stack.wait_paid(other)
    send = partial(
        ask, stack, "POST", json={"buyer": PERSON}, headers={"Idempotency-Key": "till-1/0000000000005"}
    )
    assert send(f"/api/v1/orders/{other}/invoice").status_code == 201
    assert send(f"/api/v1/orders/{other}/invoice").status_code == 200
    refusal(send(f"/api/v1/orders/{paid}/invoice"), 409, "idempotency.key_reused")
    assert stack.order(paid)["invoice_number"] is None


# -- verification --------------------------------------------------------------------------------


# The service takes 120 files a minute from one address; this module stays below that.


def verify(stack: Stack, data: bytes, language: str = ENGLISH) -> requests.Response:
    """As a file, the way a page or a script sends it."""
    return ask(stack, "POST", "/api/v1/verify", language, files={"file": ("file", data)})


def test_the_real_files_are_genuine(stack: Stack, invoiced: Invoiced) -> None:
    """The other tests here would prove nothing if these failed."""
    for data in (invoiced.evidence, invoiced.pdf):
        verdict = verify(stack, data).json()
        assert (verdict["verdict"], verdict["number"]) == ("genuine", invoiced.issued["number"]), verdict
    raw = ask(
        stack, "POST", "/api/v1/verify", data=invoiced.evidence, headers={"Content-Type": "application/json"}
    )
    assert raw.json()["verdict"] == "genuine"


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "total": lambda file: file["body"].update(total_fen=1251),
    "total as a float": lambda file: file["body"].update(total_fen=1250.0),
    "number": lambda file: file["body"].update(number="26539000000009999999"),
    "remark": lambda file: file["body"].update(remarks="红包"),
    "line": lambda file: file["body"]["lines"][0].update(amount_fen=1),
    "field added": lambda file: file["body"].update(discount_fen=0),
    "field removed": lambda file: file["body"].pop("remarks"),
    "buyer": lambda file: file["buyer"].update(name="别家有限公司"),
    "salt": lambda file: file.update(body_salt="00" * 32),
    "signature": lambda file: file.update(signature="00" * 64),
    "entry": lambda file: file.update(entry=file["entry"][:-2] + "00"),
    "place in the log": lambda file: file.update(index=file["index"] + 1),
    "head": lambda file: file.update(checkpoint=file["checkpoint"].replace("\n", "\n9", 1)),
    "issuer": lambda file: file["issuer"]["statement"].update(name="Somebody else"),
}


@pytest.mark.parametrize("part", CHANGES)
def test_a_changed_evidence_file(stack: Stack, invoiced: Invoiced, part: str) -> None:
    document = json.loads(invoiced.evidence)
    CHANGES[part](document)
    data = json.dumps(document, ensure_ascii=False).encode()
    verdict = verify(stack, data).json()
    assert verdict["verdict"] == "altered"
    assert verdict["sentence"] == "This is not what was issued. Do not accept it."
    assert verdict["number"] is None  # what a changed file claims is not repeated


def test_a_value_written_twice_is_no_evidence(stack: Stack, invoiced: Invoiced) -> None:
    """Two readers may take two different values out of one such file."""
    text = invoiced.evidence.decode()
    twice = text.replace('"total_fen":', '"total_fen": 999999, "total_fen":', 1)
    assert json.loads(twice)["body"]["total_fen"] == 1250
    refusal(verify(stack, twice.encode()), 422, "verify.unreadable")


def test_a_version_is_a_number(stack: Stack, invoiced: Invoiced) -> None:
    data = json.dumps(json.loads(invoiced.evidence) | {"version": True}).encode()
    refusal(verify(stack, data), 422, "verify.unreadable")


def test_a_pdf_with_other_print_is_not_called_unchanged(stack: Stack, invoiced: Invoiced) -> None:
    """The evidence inside may be moved to any page: only what it says is vouched for."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(invoiced.pdf))
    writer.pages[0].rotate(180)
    changed_print = io.BytesIO()
    writer.write(changed_print)
    for language in (CHINESE, ENGLISH):
        sentences = [
            verify(stack, data, language).json()["sentence"]
            for data in (invoiced.evidence, invoiced.pdf, changed_print.getvalue())
        ]
        assert sentences[1] == sentences[2] != sentences[0]
    assert "Compare what is printed" in sentences[2]


@pytest.mark.parametrize("kind", ["evidence", "pdf"])
def test_a_truncated_file(stack: Stack, invoiced: Invoiced, kind: str) -> None:
    data: bytes = getattr(invoiced, kind)
    for length in (1, 5, len(data) // 2, len(data) * 9 // 10):
        refusal(verify(stack, data[:length]), 422, "verify.unreadable")


def test_a_pdf_in_a_compression_unheard_of(stack: Stack, invoiced: Invoiced) -> None:
    """One of the many ways in which a stranger's file surprises a parser."""
    data = invoiced.pdf.replace(b"/FlateDecode", b"/UnheardOfXX")
    refusal(verify(stack, data), 422, "verify.unreadable")


UNREADABLE = {
    "nothing": b"",
    "JSON of another kind": b'{"type": "receipt"}',
    "a list": b"[]",
    "a string": b'"evidence"',
    "null": b"null",
    "nested without end": NESTED.encode(),
    "nested objects": b'{"type":' * 50_000,
    "a number without end": LONG_NUMBER.encode(),
    "another program's PDF without evidence": b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    "a PDF in name only": b"%PDF-1.7\nhello",
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "too much of it": b'{"type": "stall-ledger-evidence", "x": "%s"}' % (b"x" * 300_000),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_evidence(stack: Stack, case: str) -> None:
    data = UNREADABLE[case]
    refusal(verify(stack, data, CHINESE), 422, "verify.unreadable")
    raw = ask(stack, "POST", "/api/v1/verify", data=data, headers={"Content-Type": "application/json"})
    assert refusal(raw, 422, "verify.unreadable")["errors"]["file"]


def test_a_foreign_issuers_evidence(
    stack: Stack, invoiced: Invoiced, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Another installation's file, whole and well signed by its own root: unknown here, not genuine."""
    folder = tmp_path_factory.mktemp("foreign")
    keyring.make_missing(folder, now=datetime.now(UTC), issuer_name="Another market")
    root = keyring.load_root(folder)
    document = json.loads(invoiced.evidence)
    issuer_id = keyring.load(folder).issuer_id
    opened = statement.open_signed(document["issuer"])
    foreign = dataclasses.replace(opened, issuer_id=issuer_id, root_key=public_der(root))
    document["issuer"] = statement.sign(foreign, root)
    answers = [
        verify(stack, json.dumps(document).encode(), language).json() for language in (CHINESE, ENGLISH)
    ]
    assert [answer["verdict"] for answer in answers] == ["unknown", "unknown"]
    assert answers[0]["sentence"] != answers[1]["sentence"]


FACT_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "a number that is too short": ({"number": "123"}, "number"),
    "a number of letters": ({"number": "A" * 20}, "number"),
    "a number as a number": ({"number": 26539000000000000001}, "number"),
    "a number in another script": ({"number": "٣" * 20}, "number"),
    "no day": ({"date": "2026-02-30"}, "date"),
    "a day in words": ({"date": "yesterday"}, "date"),
    "a day before there were invoices": ({"date": "0001-01-01"}, "date"),
    "a day as a number": ({"date": 20261123}, "date"),
    "a total in words": ({"total_yuan": "twelve"}, "total_yuan"),
    "a negative total": ({"total_yuan": "-1"}, "total_yuan"),
    "a total as a number": ({"total_yuan": 12.5}, "total_yuan"),
    "no total": ({"total_yuan": None}, "total_yuan"),
}


@pytest.mark.parametrize("case", FACT_CASES)
def test_facts_that_cannot_be_looked_up(stack: Stack, invoiced: Invoiced, case: str) -> None:
    change, field = FACT_CASES[case]
    facts = {"number": invoiced.issued["number"], "date": "2026-11-23", "total_yuan": "12.50"}
    refused(stack, "POST", "/api/v1/verify", 422, "input.invalid", field, json=facts | change)


def test_wrong_facts_are_unknown(stack: Stack, invoiced: Invoiced) -> None:
    """Which of the three is wrong is not told, so none of them can be guessed alone."""
    day = stack.query("SELECT (issued_at AT TIME ZONE 'Asia/Shanghai')::date::text FROM invoices LIMIT 1")
    facts = {"number": invoiced.issued["number"], "date": day, "total_yuan": "12.50"}
    right = ask(stack, "POST", "/api/v1/verify", json=facts).json()
    assert right["verdict"] == "genuine"
    number = str(int(facts["number"]) + 900_000)
    for change in ({"number": number}, {"date": "2020-01-01"}, {"date": "9999-12-31"},
                   {"total_yuan": "12.51"}, {"total_yuan": "999999999.99"}):  # fmt: skip
        answer = ask(stack, "POST", "/api/v1/verify", json=facts | change)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {**answer.json(), "verdict": "unknown", "status": None, "number": None}


def test_the_verify_page_says_no_in_both_languages(stack: Stack, invoiced: Invoiced) -> None:
    files = {
        "altered": (changed(invoiced.evidence, total_fen=1), 200),
        "truncated": (invoiced.pdf[:2000], 422),
        "foreign": (b'{"type": "receipt"}', 422),
    }
    for data, status in files.values():
        pages = [
            Phone(stack, language).submit("/verify", files={"file": ("invoice.json", data)})
            for language in (CHINESE, ENGLISH)
        ]
        for page in pages:
            assert page.status_code == status, page.text
            assert not INNARDS.search(page.text)
            assert "verdict_genuine" not in page.text
        assert pages[0].text != pages[1].text
    empty = Phone(stack).submit("/verify", data={"number": "", "date": "", "total_yuan": ""})
    assert empty.status_code == 422


def test_asking_wrongly(stack: Stack) -> None:
    refused(stack, "GET", "/api/v1/nothing", 404, "not_found")
    refused(stack, "DELETE", "/api/v1/stalls/A01", 405, "request.method")
    refused(stack, "BREW", ORDERS, 405, "request.method")
    refused(stack, "GET", "/api/v1/invoices/26539000000000000001", 401, "invoice.token_missing")
    page = ask(stack, "GET", "/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
