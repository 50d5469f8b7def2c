"""Notices: told at once, told again until answered, and misbehaving only when asked to."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Flask

from invoice_service.payments.provider import PaymentState
from invoice_service.payments.sandbox.service import close, create_sandbox, notifier_of
from tests.sandbox.conftest import serving


def due_count(database_url: str) -> int:
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        count = connection.execute(sa.text("SELECT count(*) FROM sandbox.notices_due")).scalar_one()
    engine.dispose()
    return count


def test_a_payment_is_told_with_a_signed_notice(sandbox) -> None:
    paid = sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    notice = sandbox.door.wait_for(1)[0]
    assert notice.report == paid
    assert notice.headers["Content-Type"] == "application/json"


def test_an_answered_notice_is_owed_no_longer(sandbox, database_url: str) -> None:
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    sandbox.door.wait_for(1)
    notifier_of(sandbox.app).stop()
    assert due_count(database_url) == 0


def test_a_notice_is_told_again_until_it_is_answered(sandbox) -> None:
    sandbox.provider.set_behaviour({"duplicate": 0, "retry_scale": 0.01})
    sandbox.door.answer = 500
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    first, second = sandbox.door.wait_for(2)[:2]
    sandbox.door.answer = 204
    assert first.body == second.body
    assert first.headers["Sandbox-Nonce"] != second.headers["Sandbox-Nonce"]


def test_a_redirect_is_no_answer_and_is_not_followed(sandbox) -> None:
    visited = []
    elsewhere = Flask("elsewhere")

    @elsewhere.post("/notify")
    def trap() -> str:
        visited.append(1)
        return "ok"

    with serving(elsewhere) as url:
        sandbox.provider.set_behaviour({"duplicate": 0, "retry_scale": 0.01})
        sandbox.door.answer, sandbox.door.redirect_to = 307, f"{url}/notify"
        sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
        sandbox.door.wait_for(2)
    assert visited == []


def test_erpnext_cve_2026_31017_a_request_cannot_choose_where_notices_go(sandbox, make_provider) -> None:
    visited = []
    elsewhere = Flask("elsewhere")

    @elsewhere.post("/steal")
    def trap() -> str:
        visited.append(1)
        return "ok"

    with serving(elsewhere) as url:
        provider = make_provider(sandbox.url, notify_url=f"{url}/steal")
        provider.pay_as_shopper(sandbox.request("SO-1"))
        sandbox.door.wait_for(1)
    assert visited == []


def test_a_doubled_notice_comes_twice_with_the_same_event(sandbox) -> None:
    sandbox.provider.set_behaviour({"duplicate": 1})
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    first, second = sandbox.door.wait_for(2)
    assert first.body == second.body


def test_notices_may_overtake_each_other(sandbox) -> None:
    sandbox.provider.set_behaviour({"duplicate": 0, "reorder": True})
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    sandbox.provider.pay_as_shopper(sandbox.request("SO-2"))
    arrived = [notice.report.out_trade_no for notice in sandbox.door.wait_for(2)]
    assert arrived == ["SO-2", "SO-1"]


def test_a_late_notice_still_comes(sandbox) -> None:
    sandbox.provider.set_behaviour({"duplicate": 0, "delay_ms": [300, 300]})
    paid = sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    assert sandbox.door.arrived == []
    assert sandbox.door.wait_for(1)[0].report == paid


def test_a_dropped_notice_is_not_even_owed_and_only_asking_helps(sandbox, database_url: str) -> None:
    sandbox.provider.set_behaviour({"drop": 1})
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    assert due_count(database_url) == 0
    assert sandbox.provider.query("SO-1").state is PaymentState.SUCCEEDED


def test_a_notice_of_a_payment_is_unmoved_by_its_refund(sandbox) -> None:
    sandbox.provider.set_behaviour({"duplicate": 0, "delay_ms": [500, 500]})
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    sandbox.provider.refund("SO-1", "RF-1", amount_fen=1250, total_fen=1250)
    assert sandbox.door.wait_for(1)[0].report.state is PaymentState.SUCCEEDED


def test_the_next_start_goes_on_telling(sandbox) -> None:
    """Stopped with a notice unanswered; the service that starts next tells it."""
    sandbox.provider.set_behaviour({"duplicate": 0, "retry_scale": 0.02})
    sandbox.door.answer = 503
    paid = sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    sandbox.door.wait_for(1)
    notifier_of(sandbox.app).stop()

    with sandbox.door.changed:
        sandbox.door.arrived.clear()
    sandbox.door.answer = 204
    again = create_sandbox(sandbox.settings)
    notifier_of(again).start()
    assert sandbox.door.wait_for(1)[0].report == paid
    close(again)
    assert due_count(sandbox.settings.database_url) == 0


def test_a_notice_nobody_ever_answers_is_given_up_after_a_last_attempt(sandbox, database_url: str) -> None:
    sandbox.provider.set_behaviour({"duplicate": 0, "retry_scale": 0})
    sandbox.door.answer = 500
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    sandbox.door.wait_for(16)

    sandbox.door.answer = 204
    sandbox.provider.set_behaviour({"duplicate": 0, "delay_ms": [500, 500]})
    sandbox.provider.pay_as_shopper(sandbox.request("SO-2"))
    arrived = [notice.report.out_trade_no for notice in sandbox.door.wait_for(17)]
    assert arrived == ["SO-1"] * 16 + ["SO-2"]
    notifier_of(sandbox.app).stop()
    assert due_count(database_url) == 0
