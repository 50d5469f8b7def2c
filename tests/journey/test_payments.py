"""Money and the news of it: notices that are doubled, forged or misdirected, and a service that dies."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from invoice_service import keyring
from invoice_service.payments.sandbox import wire
from tests.attack import (
    CHINESE,
    ENGLISH,
    INNARDS,
    Phone,
    ask,
    assert_paid_once,
    deliver,
    digest,
    notice,
    provider,
    refusal,
    signed,
    trade_no,
    verdicts,
)
from tests.stack import Stack, eventually

AT_ONCE = 8


@pytest.fixture
def patient(stack: Stack) -> Stack:
    """The usual market, whose payment service sends each notice once and at once."""
    provider(stack).set_behaviour({"duplicate": 0})
    return stack


# -- notices that are true ------------------------------------------------------------------------


def test_a_notice_sent_twice_pays_once(patient: Stack) -> None:
    provider(patient).set_behaviour({"duplicate": 1})
    order = patient.place(1001)
    patient.pay(order["order_id"])
    eventually(lambda: verdicts(patient, order) == "accepted duplicate")
    assert_paid_once(patient, order)


def test_threat_17_stellarbank_39_copies_at_the_same_instant_pay_once(patient: Stack) -> None:
    order = patient.place(1002)
    body = notice(trade_no(patient, order), 1002)
    headers = signed(patient, body)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: deliver(patient, body, headers).status_code, range(AT_ONCE)))
    assert answers == [204] * AT_ONCE  # a provider that hears anything else sends again
    assert sorted(verdicts(patient, order).split()) == ["accepted"] + ["duplicate"] * (AT_ONCE - 1)
    assert_paid_once(patient, order)


def test_notice_and_question_at_the_same_instant_pay_once(patient: Stack) -> None:
    """The notice comes while the shopper taps "I have paid" and we ask."""
    provider(patient).set_behaviour({"drop": 1, "duplicate": 0})
    order = patient.place(1003)
    patient.pay(order["order_id"])
    known = provider(patient).query(trade_no(patient, order))
    assert known.transaction_id
    body = notice(known.out_trade_no, 1003, transaction_id=known.transaction_id)
    headers = signed(patient, body)
    page = f"/o/{order['order_id']}"
    phone = Phone(patient)
    token = phone.form_token(page)

    def news(n: int) -> int:
        if n % 2:
            return deliver(patient, body, headers).status_code
        return phone.post(f"{page}/check", token).status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert sorted(threads.map(news, range(AT_ONCE))) == [204] * 4 + [303] * 4
    assert_paid_once(patient, order)


def test_notices_that_overtake_each_other(patient: Stack) -> None:
    provider(patient).set_behaviour({"reorder": True, "duplicate": 1})
    placed = [patient.place(1010 + n) for n in range(4)]
    for order in placed:
        patient.pay(order["order_id"])
    for order in placed:
        eventually(lambda order=order: verdicts(patient, order) == "accepted duplicate")
        assert_paid_once(patient, order)


# -- services that die ----------------------------------------------------------------------------


def test_payment_service_killed_between_payment_and_notice(patient: Stack) -> None:
    """It wrote down what it owes us, and tells us when it is back."""
    provider(patient).set_behaviour({"delay_ms": [1500, 1500], "duplicate": 0})
    order, other = patient.place(1005), patient.place(1006)
    patient.pay(order["order_id"])
    patient.kill("sandbox")
    assert verdicts(patient, order) == ""
    down = ask(patient, "POST", f"/sandbox/orders/{other['order_id']}/pay")
    refusal(down, 503, "payment.provider_unavailable")
    assert int(down.headers["Retry-After"]) > 0
    assert Phone(patient).get(f"/o/{other['order_id']}/pay").status_code == 503
    patient.start("sandbox")
    eventually(lambda: verdicts(patient, order) == "accepted")
    assert_paid_once(patient, order)


def test_a_second_payment_of_a_paid_order_goes_back(patient: Stack) -> None:
    """Another transaction for the same order, truly signed: kept as surplus, never a second sale."""
    order = patient.place(1020)
    patient.pay(order["order_id"])
    patient.wait_paid(order["order_id"])
    body = notice(trade_no(patient, order), 1020)
    assert deliver(patient, body, signed(patient, body)).status_code == 204
    surplus = "SELECT count(*) FROM payments WHERE amount_fen = 1020 AND disposition = 'surplus'"
    assert patient.query(surplus) == 1
    eventually(lambda: patient.query(f"{surplus} AND refunded_at IS NOT NULL") == 1)
    assert patient.query("SELECT count(*) FROM sales WHERE amount_fen = 1020") == 1
    page = Phone(patient).get(f"/o/{order['order_id']}").text
    assert "already paid when another payment" in page


# -- notices that are not true ---------------------------------------------------------------------

Forge = Callable[[Stack, str, int], tuple[bytes, dict[str, str]]]


def _signed(body: Callable[[str, int], bytes], **options: int) -> Forge:
    """Truly signed by the service, whatever it says."""

    def forge(stack: Stack, no: str, fen: int) -> tuple[bytes, dict[str, str]]:
        data = body(no, fen)
        return data, signed(stack, data, **options)

    return forge


def _tampered(change: Callable[[bytes, dict[str, str]], tuple[bytes, dict[str, str]]]) -> Forge:
    """A true notice that somebody changed on its way."""

    def forge(stack: Stack, no: str, fen: int) -> tuple[bytes, dict[str, str]]:
        data = notice(no, fen)
        return change(data, signed(stack, data))

    return forge


def _by_merchant_key(stack: Stack, no: str, fen: int) -> tuple[bytes, dict[str, str]]:
    """Signed with our own key under the service's name: what a thief of the merchant key could send."""
    data = notice(no, fen)
    genuine = signed(stack, data)
    forged = wire.signed_headers(
        keyring.load(stack.folder).merchant,
        genuine["Sandbox-Serial"],
        body=data,
        timestamp_s=int(time.time()),
        nonce="0" * 32,
    )
    return data, forged


def _without(name: str) -> Forge:
    return _tampered(lambda body, headers: (body, {k: v for k, v in headers.items() if k != name}))


def _with(**values: str) -> Forge:
    changed = {name.replace("_", "-"): value for name, value in values.items()}
    return _tampered(lambda body, headers: (body, headers | changed))


FORGERIES: dict[str, tuple[Forge, int, str, str]] = {
    "threat_7_CVE-2026-9189_one_fen_more": (
        _signed(lambda no, fen: notice(no, fen + 1)), 422, "payment.refused", "wrong_amount",
    ),
    "threat_7_CVE-2026-9189_one_fen": (
        _signed(lambda no, _fen: notice(no, 1)), 422, "payment.refused", "wrong_amount",
    ),
    "threat_7_CVE-2026-9189_an_order_that_is_not_ours": (
        _signed(lambda no, fen: notice(no[:-1] + "0", fen)), 422, "payment.refused", "unknown_order",
    ),
    "threat_8_iPaymu_CVE-2026-0656_unsigned": (
        lambda _stack, no, fen: (notice(no, fen), {}), 401, "payment.bad_signature", "bad_signature",
    ),
    "threat_9_GHSA-xff3-5c9p-2mr4_signed_with_nothing": (
        _with(Sandbox_Signature=""), 401, "payment.bad_signature", "bad_signature",
    ),
    "no signature header": (_without("Sandbox-Signature"), 401, "payment.bad_signature", "bad_signature"),
    "no key named": (_without("Sandbox-Serial"), 401, "payment.bad_signature", "bad_signature"),
    "another key named": (_with(Sandbox_Serial="0" * 32), 401, "payment.bad_signature", "bad_signature"),
    "signed with our own key": (_by_merchant_key, 401, "payment.bad_signature", "bad_signature"),
    "signature of something else": (
        _tampered(lambda body, headers: (body.replace(b"SUCCESS", b"SUCCES5"), headers)),
        401, "payment.bad_signature", "bad_signature",
    ),
    "one space more": (
        _tampered(lambda body, headers: (body + b" ", headers)),
        401, "payment.bad_signature", "bad_signature",
    ),
    "amount changed on the way": (
        _tampered(lambda body, headers: (body.replace(b'"amount_fen":2', b'"amount_fen":3'), headers)),
        401, "payment.bad_signature", "bad_signature",
    ),
    "threat_19_BTCPay_WebhookSender_no_timestamp": (
        _without("Sandbox-Timestamp"), 401, "payment.bad_signature", "bad_signature",
    ),
    "time changed on the way": (
        _with(Sandbox_Timestamp=str(int(time.time()))[:-1]), 401, "payment.bad_signature", "bad_signature",
    ),
    "stale": (_signed(notice, age_s=301 + 5), 401, "payment.stale_notification", "stale"),
    "from the future": (_signed(notice, age_s=-600), 401, "payment.stale_notification", "stale"),
    "another merchant's": (
        _signed(lambda no, fen: notice(no, fen, mchid="somebody-else")),
        400, "payment.malformed_notification", "malformed",
    ),
    "a reply instead of a notice": (
        _signed(lambda no, fen: wire.dump({"out_trade_no": no, "trade_state": "SUCCESS", "amount_fen": fen})),
        400, "payment.malformed_notification", "malformed",
    ),
    "an amount as a text": (
        _signed(lambda no, fen: notice(no, fen, amount_fen=str(fen))),
        400, "payment.malformed_notification", "malformed",
    ),
    "a NUL in the reference": (
        _signed(lambda no, fen: notice(f"{no}\0", fen)), 400, "payment.malformed_notification", "malformed",
    ),
    "not JSON": (
        _signed(lambda _no, _fen: b"\xff\x00paid"), 400, "payment.malformed_notification", "malformed",
    ),
    "nested without end": (
        _signed(lambda _no, _fen: b"[" * 16_000), 400, "payment.malformed_notification", "malformed",
    ),
    "nothing at all": (lambda _stack, _no, _fen: (b"", {}), 401, "payment.bad_signature", "bad_signature"),
}  # fmt: skip


@pytest.fixture(scope="module")
def targets(stack: Stack) -> dict[str, dict[str, Any]]:
    """An open order for every forgery."""
    return {name: stack.place(2000 + n) for n, name in enumerate(FORGERIES)}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_notice(patient: Stack, targets: dict[str, dict[str, Any]], name: str) -> None:
    """Refused, kept with the verdict, and nothing else has changed."""
    forge, status, code, verdict = FORGERIES[name]
    order = targets[name]
    before, newest = digest(patient, but="provider_notices"), _newest_notice(patient)
    body, headers = forge(patient, trade_no(patient, order), order["amount_fen"])
    chinese, english = (
        refusal(deliver(patient, body, headers, language=language), status, code)
        for language in (CHINESE, ENGLISH)
    )
    assert chinese["title"] != english["title"]
    assert _kept_since(patient, newest, body) == [verdict, verdict]
    assert digest(patient, but="provider_notices") == before
    assert patient.order(order["order_id"])["status"] == "open"


def _kept_since(stack: Stack, notice_id: int, body: bytes) -> list[str]:
    """The verdicts on every notice after that one; each must be these very bytes."""
    sql = """
        SELECT array_agg(CASE WHEN body = :body THEN verdict ELSE 'other bytes' END)
        FROM provider_notices WHERE id > :id
    """
    found: list[str] = stack.query(sql, id=notice_id, body=body)
    return found


def _newest_notice(stack: Stack) -> int:
    newest: int = stack.query("SELECT coalesce(max(id), 0) FROM provider_notices")
    return newest


def test_threat_7_one_transaction_cannot_pay_two_orders(patient: Stack) -> None:
    """CVE-2026-9189: a genuine payment, presented again for another order of the same amount."""
    cheap = patient.place(2500)
    cheap_no = trade_no(patient, cheap)
    body = notice(cheap_no, 2500, transaction_id="4200000000000000000000000007")
    assert deliver(patient, body, signed(patient, body)).status_code == 204
    victim = patient.place(2500)
    victim_no = patient.query("SELECT out_trade_no FROM orders WHERE amount_fen = 2500 AND status = 'open'")
    before = digest(patient, but="provider_notices")
    body = notice(victim_no, 2500, transaction_id="4200000000000000000000000007")
    refusal(deliver(patient, body, signed(patient, body)), 422, "payment.refused")
    assert digest(patient, but="provider_notices") == before
    assert patient.order(victim["order_id"])["status"] == "open"


def test_threat_7_a_shopper_charged_another_amount(patient: Stack) -> None:
    """The service itself took another amount and says so, truly signed: no sale, not by asking either."""
    provider(patient).set_behaviour({"wrong_amount_fen": 1, "duplicate": 0})
    order = patient.place(2600)
    patient.pay(order["order_id"])
    eventually(lambda: verdicts(patient, order) == "wrong_amount")
    page = f"/o/{order['order_id']}"
    assert Phone(patient).submit(page, f"{page}/check").status_code == 303
    assert patient.order(order["order_id"])["status"] == "open"
    refusal(patient.issue(order["order_id"]), 409, "invoice.not_paid")


@pytest.mark.parametrize("door", ["wechat", "alipay", "Sandbox", "sandbox%20", "..%2fsandbox"])
def test_threat_9_another_providers_door(patient: Stack, door: str) -> None:
    """GHSA-xff3-5c9p-2mr4: the sandbox's own notice, truly signed, knocking where it does not belong."""
    order = patient.place(2700)
    body = notice(trade_no(patient, order), 2700)
    before = digest(patient)
    answer = deliver(patient, body, signed(patient, body), door=door)
    assert answer.status_code == 404
    assert not INNARDS.search(answer.text)
    assert digest(patient) == before


def test_a_notice_too_large_to_be_one_is_not_kept(patient: Stack) -> None:
    """Anyone can knock here, and what is kept is kept for ever."""
    before = digest(patient)
    refusal(deliver(patient, b" " * 70_000, {}), 413, "request.too_large")
    assert digest(patient) == before


def test_a_notice_is_posted_and_nothing_else(patient: Stack) -> None:
    before = digest(patient)
    for method in ("GET", "PUT", "DELETE"):
        answer = ask(patient, method, "/payments/sandbox/notify")
        assert answer.status_code == requests.codes.method_not_allowed
    assert digest(patient) == before
