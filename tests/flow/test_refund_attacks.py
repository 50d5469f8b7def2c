"""Refunds as an attacker would have them: of others, of more than there is, twice, or instead of a claim."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from chain.statuses import Domain, State, sign
from invoice_service.app import create_app
from invoice_service.domain.refund import (
    MORE_THAN_LEFT,
    Back,
    BadRefund,
    Reason,
    RefundStatus,
    RefundUnderWay,
)
from invoice_service.flow import consent, order, pay, settle_refunds
from invoice_service.flow.issue import NotPaid
from invoice_service.flow.refund import NothingPaid
from invoice_service.web.identity import COOKIE
from tests import make
from tests.chain.registers import Key
from tests.till import Sold, Till, open_till

KEY = "0123456789abcdef"


@pytest.fixture
def till(tmp_path: Path, migrated_database_url: str, anvil_url: str) -> Iterator[Till]:
    with open_till(tmp_path, migrated_database_url, anvil_url) as opened:
        yield opened


@pytest.fixture
def client(till: Till) -> FlaskClient:
    return create_app(till.services).test_client()


def session(till: Till, account_id: int) -> dict[str, str]:
    with till.services.database.unit_of_work() as uow:
        token = make.signed_in(uow.connection, account_id, confirmed=True)
        uow.commit()
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": KEY}


def another_vendor(till: Till, *, in_another_market: bool) -> dict[str, str]:
    with till.services.database.unit_of_work() as uow:
        market_id = till.vendor.market_id
        if in_another_market:
            market_id = make.market(uow.connection, code="KM01", name_zh="篆新", name_en="Zhuanxin")
        assert market_id is not None
        vendor_id = make.vendor(uow.connection, market_id, name_zh="王强", name_en="Wang Qiang")
        account_id = make.account(uow.connection, "vendor", market_id=market_id, vendor_id=vendor_id)
        uow.commit()
    return session(till, account_id)


def path(sold: Sold) -> str:
    return f"/api/v1/vendor/orders/{sold.order_id}/refunds"


@pytest.mark.parametrize("in_another_market", [False, True])
def test_threat_1_a_sale_of_another_vendor(till: Till, client: FlaskClient, in_another_market: bool) -> None:
    """Not its refunds either, and the Idempotency-Key under which the owner asked answers nothing."""
    sold = till.sell()
    owner = session(till, till.vendor.account_id)
    made = client.post(path(sold), json={"reason": "02"}, headers=owner)
    assert made.status_code == 201
    stranger = another_vendor(till, in_another_market=in_another_market)
    for wanted in ({"reason": "02"}, {"reason": "04", "lines": [{"line": 0, "amount_fen": 1}]}):
        assert client.post(path(sold), json=wanted, headers=stranger).status_code == 404
    refund_id = made.get_json()["refund_id"]
    assert client.get(f"/api/v1/vendor/refunds/{refund_id}", headers=stranger).status_code == 404
    assert client.get(f"/api/v1/vendor/refunds/{refund_id}", headers=owner).status_code == 200
    assert till.office.query("SELECT count(*) FROM refunds") == 1


NEVER_PAID = {
    "en": "This order has not been paid, so there is nothing to pay back.",
    "zh-CN": "这笔订单还没有付款，无款可退。",
}


def test_what_was_never_paid_is_not_paid_back(till: Till, client: FlaskClient) -> None:
    """By a program or by the vendor's page, which does not offer it either, in both languages."""
    placed = order.place(till.services, "A01", order.PlainAmount(500))
    unpaid = Sold(till.office.query("SELECT id FROM orders"), placed.token)
    owner = session(till, till.vendor.account_id)
    client.application.config["WTF_CSRF_ENABLED"] = False
    client.set_cookie(COOKIE, owner["Authorization"].removeprefix("Bearer "))
    page = f"/vendor/orders/{unpaid.order_id}"
    for code, words in NEVER_PAID.items():
        language = {"Accept-Language": code}
        answer = client.post(path(unpaid), json={"reason": "02"}, headers=owner | language)
        told = answer.get_json()
        assert (answer.status_code, told["code"], told["title"]) == (409, "refund.not_paid", words)
        assert f"{page}/refund" not in client.get(page, headers=language).text
        refused = [client.get(f"{page}/refund", headers=language)] + [
            client.post(f"{page}/refund", data=form, headers=language)
            for form in ({"reason": "02", "what": "all"}, {"reason": "04", "what": "some", "yuan-0": "1"})
        ]
        assert [(one.status_code, words in one.text) for one in refused] == [(409, True)] * 3
    assert till.office.query("SELECT count(*) FROM refunds") == 0
    assert till.paid_back() == []


BAD_QUANTITIES = (
    "-1", "0", "0.0", "-0", "+1", "1e5", "1E-3", "1e999999999", "Infinity", "NaN", "sNaN", "0x1", "1_0", " 1",
    "1 ", "١", "1,5", "", ".", "9" * 4000, "1." + "0" * 4000, "1.0000001", "\0", "\ud800", 1, 1.5, -1, True,
    None, [], {},
)  # fmt: skip
BAD_AMOUNTS = (0, -1, -(10**18), 10**18, 10**400, 1.5, 1e3, "1", "1e3", True, None, [], 1251)
BAD_REASONS = (
    "", "05", "00", "2", " 02", "02 ", "０２", "RETURNED", "02\0", "\ud800", "'; --", "0" * 10_000, 2, None,
    [], {},
)  # fmt: skip
BAD_LINES = (
    [], {}, "x", [1], [None], [[]], [{}], [{"line": -1}], [{"line": 10**30}], [{"line": "0"}],
    [{"line": 0.0}], [{"line": True}], [{"line": 1}], [{"line": 0, "more": 1}], [{"line": 0}] * 2,
    [{"line": 0}] * 1000, [{"line": 0, "quantity": "1", "amount_fen": 1}],
)  # fmt: skip


def test_what_is_no_refund_is_refused_and_sets_nothing_aside(till: Till, client: FlaskClient) -> None:
    sold = till.sell()
    owner = session(till, till.vendor.account_id)
    bent: list[Any] = [
        *({"reason": "02", "lines": [{"line": 0, "quantity": bad}]} for bad in BAD_QUANTITIES),
        *({"reason": "04", "lines": [{"line": 0, "amount_fen": bad}]} for bad in BAD_AMOUNTS),
        *({"reason": bad} for bad in BAD_REASONS),
        *({"reason": "02", "lines": bad} for bad in BAD_LINES),
        {}, [], "x", {"reason": "02", "more": 1}, {"lines": None},
    ]  # fmt: skip
    for wanted in bent:
        answer = client.post(
            path(sold), data=json.dumps(wanted), content_type="application/json", headers=owner
        )
        assert (answer.status_code, "Traceback" in answer.text) == (422, False), (wanted, answer.text)
    assert till.office.query("SELECT count(*) FROM refunds") == 0
    assert till.office.query("SELECT sum(returned_fen) FROM order_lines") == 0
    unkeyed = {"Authorization": owner["Authorization"]}
    assert client.post(path(sold), json={"reason": "02"}, headers=unkeyed).status_code == 422


def test_a_consent_is_to_one_note_in_one_epoch(till: Till) -> None:
    """That to a refund which lapsed is none to the next, of the same sum; nor is one for another contract."""
    sold, company = till.sell(), Key()
    assert sold.invoice is not None
    till.office.claim(company, [sold.invoice])
    till.office.settle()
    first = till.ask(sold)
    earlier = till.office.query("SELECT commitment FROM credit_notes")
    till.office.clock.now += timedelta(hours=72, minutes=1)
    till.settle(1)
    assert till.refund(first).status is RefundStatus.LAPSED
    with pytest.raises(consent.NoConsentWanted):
        till.consent(company, first)
    second = till.ask(sold)
    with pytest.raises(consent.NotTheClaimant):
        till.consent(company, second, note=earlier)
    epoch, deadline = till.office.epoch, int(till.office.clock.now.timestamp()) + 86_400
    assert epoch.contract is not None
    message = {
        "issuerId": till.services.keyring.issuer_id,
        "claimAddress": till.office.claim_address(sold.invoice.number),
        "note": till.office.query("SELECT commitment FROM credit_notes ORDER BY number DESC"),
        "whole": True,
        "notes": 0,
        "deadline": deadline,
    }
    for domain in (
        Domain(epoch.chain_id, epoch.contract, bytes(32)),
        Domain(epoch.chain_id, bytes(20), epoch.nonce),
        Domain(1, epoch.contract, epoch.nonce),
    ):
        signed = sign(company.secret, domain.digest("Consent", **message))
        with pytest.raises(consent.NotTheClaimant):
            consent.consent(till.services, second, deadline, (signed.r, signed.vs))
    till.settle(2)
    assert till.refund(second).status is RefundStatus.CONSENT
    assert till.paid_back() == []


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each answers or raises."""
    start = threading.Barrier(len(acts))

    def act(one: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return one()
        except (RefundUnderWay, NotPaid) as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, acts))


def test_threat_10_an_invoice_and_a_refund_at_the_same_instant(till: Till) -> None:
    """Whichever came first: what was invoiced and not credited is what was paid and did not go back."""
    sales = [till.sell(buyer=None) for _ in range(6)]
    for sold in sales:
        invoiced, asked = at_once(lambda sold=sold: till.invoice(sold), lambda sold=sold: till.ask(sold))
        assert isinstance(asked, UUID)
        with_note = till.office.query("SELECT count(*) FROM credit_notes WHERE refund_id = :id", id=asked)
        assert with_note == (0 if isinstance(invoiced, RefundUnderWay) else 1)
    till.settle()
    assert {status for (status,) in till.office.rows("SELECT status FROM refunds")} == {"done"}
    assert [amount_fen for _, amount_fen in till.paid_back()] == [1250] * len(sales)
    invoiced_fen, credited_fen = (
        till.office.query(f"SELECT coalesce(sum(total_fen), 0) FROM {table}")  # noqa: S608 - our own names
        for table in ("invoices", "credit_notes")
    )
    assert invoiced_fen == credited_fen
    before, again = till.recounted()
    assert before == again


def test_threat_10_two_parts_that_are_too_much_together_at_the_same_instant(till: Till) -> None:
    """Either alone could go back. The other is told that one is under way, and after it that less is left."""
    most_of_it = [Back(0, quantity=Decimal("0.6"))]
    sales = [till.sell([("pakchoi", "1")], buyer=None) for _ in range(4)]
    for sold in sales:
        answers = at_once(*[lambda sold=sold: till.ask(sold, most_of_it)] * 2)
        assert {type(answer) for answer in answers} == {UUID, RefundUnderWay}
    till.settle(1)
    assert [amount_fen for _, amount_fen in till.paid_back()] == [192] * len(sales)
    with pytest.raises(BadRefund) as refused:
        till.ask(sales[0], most_of_it)
    assert refused.value.fields == {"lines.0": MORE_THAN_LEFT}


def test_a_claim_and_a_refund_on_their_way_at_the_same_time(till: Till) -> None:
    """What the issuer asked for goes first, and money goes back only behind its lock."""
    sold = till.sell()
    assert sold.invoice is not None
    till.ask(sold)
    settle_refunds.advance(till.services)
    claim_id = till.office.claim(Key(), [sold.invoice])
    till.settle()
    assert till.office.outcomes(claim_id) == ["credited"]
    assert till.office.state(sold.invoice) == (State.CREDITED, 1)
    assert len(till.paid_back()) == 1


def test_what_came_too_late_is_returned_and_is_no_sale_to_refund(till: Till) -> None:
    placed = order.place(till.services, "A01", order.PlainAmount(500))
    provider, wanted = (
        till.services.providers["sandbox"],
        pay._request(till.services, placed.token, "sandbox"),
    )
    provider.start(wanted)
    late = Sold(till.office.query("SELECT id FROM orders"), placed.token)
    till.office.clock.now += timedelta(hours=1)
    pay.close_expired(till.services)
    assert till.office.query("SELECT status FROM orders") == "closed"
    with pytest.raises(NothingPaid):
        till.ask(late)
    provider.pay_as_shopper(wanted, ignore_expiry=True)
    pay.check(till.services, placed.token)
    for _ in range(2):
        with pytest.raises(NothingPaid):
            till.ask(late, reason=Reason.ISSUED_IN_ERROR)
        pay.return_owed(till.services)
    assert [amount_fen for _, amount_fen in till.paid_back()] == [500]


def test_of_an_order_that_was_paid_back_the_shopper_still_finds_the_invoice(
    till: Till, client: FlaskClient
) -> None:
    """It exists still, and its page names the credit note."""
    sold = till.sell()
    assert sold.invoice is not None
    till.ask(sold)
    till.settle()
    page = client.get(f"/o/{sold.token}", headers={"Accept-Language": "en"}).text
    assert "Your money went back the way it came." in page
    assert f'href="/i/{sold.invoice.token}"' in page
