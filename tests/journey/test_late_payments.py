"""Orders whose time runs out, and news of money that comes late or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from invoice_service.payments.provider import PaymentState
from tests.attack import (
    CHINESE,
    ENGLISH,
    Phone,
    ask,
    assert_paid_once,
    deliver,
    notice,
    payment_request,
    provider,
    refusal,
    signed,
    verdicts,
)
from tests.stack import Stack, eventually


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Stack]:
    """A market whose orders live for three seconds, and that asks about payments after one."""
    limits = {"ORDER_LIFETIME_S": "3", "PAYMENT_QUERY_AFTER_S": "1"}
    running = Stack(tmp_path_factory.mktemp("hasty"), module_database_url, limits)
    try:
        running.set_up()
        running.start("sandbox", "settle", "web")
        yield running
    finally:
        running.stop()


def test_a_lost_notice_is_made_good_by_asking(hasty: Stack) -> None:
    provider(hasty).set_behaviour({"drop": 1})
    order = hasty.place(1004)
    hasty.pay(order["order_id"])
    hasty.wait_paid(order["order_id"])
    assert verdicts(hasty, order) == ""
    assert_paid_once(hasty, order)


def test_an_order_stays_open_while_nobody_can_say_whether_it_was_paid(hasty: Stack) -> None:
    """Its time runs out while the payment service is down: not knowing is no reason to close."""
    provider(hasty).set_behaviour({"drop": 1})
    order = hasty.place(1007)
    hasty.pay(order["order_id"])
    hasty.kill("sandbox")
    try:
        overdue = "SELECT expires_at < now() - interval '1 second' FROM orders WHERE amount_fen = 1007"
        eventually(lambda: hasty.query(overdue))
        assert hasty.order(order["order_id"])["status"] == "open"
    finally:
        hasty.start("sandbox")
    hasty.wait_paid(order["order_id"])
    assert_paid_once(hasty, order)


def test_an_order_that_nobody_pays_closes(hasty: Stack) -> None:
    order = hasty.place(1008)
    eventually(lambda: hasty.order(order["order_id"])["status"] == "closed")
    refusal(ask(hasty, "POST", f"/sandbox/orders/{order['order_id']}/pay"), 409, "order.not_open")
    refusal(hasty.issue(order["order_id"]), 409, "invoice.not_paid")
    pages = [Phone(hasty, language).get(f"/o/{order['order_id']}").text for language in (CHINESE, ENGLISH)]
    assert "This order has closed" in pages[1]
    assert "This order has closed" not in pages[0]


def test_threat_18_paypal_35_litemall_271_late_payment_moves_nothing_back(hasty: Stack) -> None:
    """Kept, shown, paid back; the order stays closed, and a copy of the notice later changes nothing."""
    provider(hasty).set_behaviour({"duplicate": 0})
    order = hasty.place(1009)
    eventually(lambda: hasty.order(order["order_id"])["status"] == "closed")
    hasty.kill("settle")
    report = provider(hasty).pay_as_shopper(payment_request(hasty, order), ignore_expiry=True)
    eventually(lambda: verdicts(hasty, order) == "accepted")
    assert hasty.order(order["order_id"])["status"] == "closed"
    page = Phone(hasty).get(f"/o/{order['order_id']}").text
    assert "arrived after this order had closed" in page
    assert "It is recorded and will be returned" in page
    refusal(hasty.issue(order["order_id"]), 409, "invoice.not_paid")

    hasty.start("settle")
    returned = "SELECT count(*) FROM payments WHERE amount_fen = 1009 AND refunded_at IS NOT NULL"
    eventually(lambda: hasty.query(returned) == 1)
    assert provider(hasty).query(report.out_trade_no).state is PaymentState.REFUNDED
    assert report.transaction_id
    body = notice(report.out_trade_no, 1009, transaction_id=report.transaction_id)
    assert deliver(hasty, body, signed(hasty, body)).status_code == 204
    assert verdicts(hasty, order) == "accepted duplicate"
    assert hasty.order(order["order_id"])["status"] == "closed"
    sales = "SELECT count(*) FROM sales JOIN orders ON orders.id = order_id WHERE orders.amount_fen = 1009"
    assert hasty.query(sales) == 0
    english, chinese = (
        Phone(hasty, language).get(f"/o/{order['order_id']}").text for language in (ENGLISH, CHINESE)
    )
    assert "Paid back: ¥10.09" in english
    assert "¥10.09" in chinese
    assert "Paid back" not in chinese
