"""Orders, payments and refunds at the sandbox, through our own provider and real HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.payments.provider import PaymentReport, PaymentState, ProviderUnavailable, RefundRefused
from invoice_service.payments.sandbox import wire


def cause_of(refused: pytest.ExceptionInfo[ProviderUnavailable | RefundRefused]) -> str:
    return str(refused.value.__cause__)


def test_starting_again_answers_the_same_cashier(sandbox) -> None:
    first = sandbox.provider.start(sandbox.request("SO-1"))
    assert first.startswith("http://pay.example/cashier/")
    assert sandbox.provider.start(sandbox.request("SO-1", description="changed")) == first


def test_a_reference_cannot_be_used_for_another_amount(sandbox) -> None:
    sandbox.provider.start(sandbox.request("SO-1"))
    with pytest.raises(ProviderUnavailable) as refused:
        sandbox.provider.start(sandbox.request("SO-1", amount_fen=1251))
    assert cause_of(refused) == "409 OUT_TRADE_NO_USED"


def test_an_unknown_order_is_unpaid(sandbox) -> None:
    assert sandbox.provider.query("SO-9") == PaymentReport("SO-9", PaymentState.UNPAID, 0, None, None)


def test_a_payment_can_be_asked_for(sandbox) -> None:
    sandbox.provider.start(sandbox.request("SO-1"))
    assert sandbox.provider.query("SO-1") == PaymentReport("SO-1", PaymentState.UNPAID, 1250, None, None)
    paid = sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    assert (paid.state, paid.amount_fen) == (PaymentState.SUCCEEDED, 1250)
    assert sandbox.provider.query("SO-1") == paid


def test_paying_twice_pays_once(sandbox) -> None:
    request = sandbox.request("SO-1")
    first = sandbox.provider.pay_as_shopper(request)
    assert sandbox.provider.pay_as_shopper(request) == first
    assert len(sandbox.door.wait_for(1)) == 1


def test_many_taps_at_once_are_one_payment(sandbox) -> None:
    request = sandbox.request("SO-1")
    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(lambda _: sandbox.provider.pay_as_shopper(request), range(16)))
    assert len({report.transaction_id for report in paid}) == 1


def test_an_expired_order_is_closed_and_cannot_be_paid(sandbox) -> None:
    request = sandbox.request("SO-1")
    sandbox.provider.start(request)
    sandbox.clock.ahead = timedelta(minutes=4)
    assert sandbox.provider.query("SO-1").state is PaymentState.UNPAID
    late = sandbox.request("SO-2", expires_at=sandbox.clock() - timedelta(seconds=1))
    with pytest.raises(ProviderUnavailable) as refused:
        sandbox.provider.pay_as_shopper(late)
    assert cause_of(refused) == "400 ORDER_CLOSED"
    assert sandbox.provider.query("SO-2").state is PaymentState.CLOSED


def test_a_payment_may_arrive_after_the_order_expired(sandbox) -> None:
    late = sandbox.request("SO-1", expires_at=sandbox.clock() - timedelta(seconds=1))
    paid = sandbox.provider.pay_as_shopper(late, ignore_expiry=True)
    assert paid.state is PaymentState.SUCCEEDED
    assert sandbox.door.wait_for(1)[0].report == paid


def test_cve_2026_9189_a_genuine_payment_of_another_amount_is_told_as_it_is(sandbox) -> None:
    sandbox.provider.set_behaviour({"duplicate": 0, "wrong_amount_fen": 1})
    assert sandbox.provider.pay_as_shopper(sandbox.request("SO-1")).amount_fen == 1
    assert sandbox.door.wait_for(1)[0].report.amount_fen == 1


def test_a_refund_is_paid_once_however_often_it_is_asked(sandbox) -> None:
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    first = sandbox.provider.refund("SO-1", "RF-1", amount_fen=1250, total_fen=1250)
    assert (first.out_refund_no, first.amount_fen) == ("RF-1", 1250)
    assert sandbox.provider.refund("SO-1", "RF-1", amount_fen=1250, total_fen=1250) == first
    assert sandbox.provider.query("SO-1").state is PaymentState.REFUNDED


def test_no_more_is_paid_back_than_was_paid(sandbox) -> None:
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    sandbox.provider.refund("SO-1", "RF-1", amount_fen=1000, total_fen=1250)
    with pytest.raises(RefundRefused) as refused:
        sandbox.provider.refund("SO-1", "RF-2", amount_fen=251, total_fen=1250)
    assert cause_of(refused) == "403 NOT_ENOUGH"
    sandbox.provider.refund("SO-1", "RF-2", amount_fen=250, total_fen=1250)


def test_cve_2026_47741_parallel_refunds_pay_back_no_more_than_was_paid(sandbox) -> None:
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))

    def refund(number: int) -> int:
        try:
            return sandbox.provider.refund("SO-1", f"RF-{number}", amount_fen=500, total_fen=1250).amount_fen
        except RefundRefused:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(refund, range(8))) == 1000


def test_the_same_refund_asked_in_parallel_is_one_refund(sandbox) -> None:
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    with ThreadPoolExecutor(8) as pool:
        reports = pool.map(
            lambda _: sandbox.provider.refund("SO-1", "RF-1", amount_fen=500, total_fen=1250), range(8)
        )
        assert len({report.refund_id for report in reports}) == 1


@pytest.mark.parametrize(
    ("refund", "cause"),
    [
        (("SO-1", "RF-1", 400, 1250), "409 OUT_REFUND_NO_USED"),
        (("SO-2", "RF-1", 500, 1250), "409 OUT_REFUND_NO_USED"),
        (("SO-1", "RF-2", 500, 1251), "400 INVALID_REQUEST"),
        (("SO-3", "RF-3", 500, 1250), "400 INVALID_REQUEST"),
        (("SO-9", "RF-9", 500, 1250), "404"),
        (("SO-1", "RF-2", 0, 1250), "400 PARAM_ERROR"),
    ],
    ids=str,
)
def test_a_refund_must_fit_its_payment(sandbox, refund: tuple[str, str, int, int], cause: str) -> None:
    sandbox.provider.pay_as_shopper(sandbox.request("SO-1"))
    sandbox.provider.pay_as_shopper(sandbox.request("SO-2"))
    sandbox.provider.start(sandbox.request("SO-3"))
    sandbox.provider.refund("SO-1", "RF-1", amount_fen=500, total_fen=1250)
    out_trade_no, out_refund_no, amount_fen, total_fen = refund
    error = ProviderUnavailable if cause == "404" else RefundRefused  # of what is not known, nothing is
    with pytest.raises(error) as refused:
        sandbox.provider.refund(out_trade_no, out_refund_no, amount_fen=amount_fen, total_fen=total_fen)
    assert cause_of(refused) == cause


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": 0},
        {"amount_fen": True},
        {"amount_fen": 12.5},
        {"description": "x" * 128},
        {"description": "two\nlines"},
        {"return_url": "javascript:alert(1)"},
        {"return_url": "http://"},
        {"return_url": "//elsewhere"},
        {"return_url": "http://[oops"},
        {"out_trade_no": "a/b"},
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_refused(sandbox, changes: dict[str, object]) -> None:
    request = sandbox.request(changes.pop("out_trade_no", "SO-1"), **changes)
    with pytest.raises(ProviderUnavailable) as refused:
        sandbox.provider.start(request)
    assert cause_of(refused) == "400 PARAM_ERROR"


def test_merchant_requests_must_be_signed_by_the_merchant(sandbox, make_provider) -> None:
    stranger = make_provider(sandbox.url, merchant_key=ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ProviderUnavailable) as refused:
        stranger.start(sandbox.request("SO-1"))
    assert cause_of(refused) == "401 SIGN_ERROR"
    unsigned = urllib3.request("PUT", f"{sandbox.url}/v1/behaviour", body=b"{}", retries=False)
    assert unsigned.status == 401


@pytest.mark.parametrize("off_s", [-301, 301])
def test_an_old_or_future_request_is_refused(sandbox, make_provider, off_s: int) -> None:
    provider = make_provider(
        sandbox.url, clock=lambda: sandbox.clock() + timedelta(seconds=off_s), max_age_s=1_000
    )
    with pytest.raises(ProviderUnavailable) as refused:
        provider.query("SO-1")
    assert cause_of(refused) == "401 SIGN_ERROR"


def test_every_door_for_merchants_asks_who_calls(sandbox) -> None:
    """Not one of the routes under /v1 answers a request without a signature."""
    rules = [rule for rule in sandbox.app.url_map.iter_rules() if rule.rule.startswith("/v1/")]
    assert len(rules) >= 6
    client = sandbox.app.test_client()
    for rule in rules:
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            path = rule.rule.replace("<out_trade_no>", "SO-1")
            assert client.open(path, method=method).status_code == 401, (method, path)


def test_an_oversized_body_is_refused(sandbox) -> None:
    reply = urllib3.request("POST", f"{sandbox.url}/v1/refunds", body=b"x" * 20_000, retries=False)
    assert reply.status == 413


def test_what_is_set_can_be_read_back(sandbox) -> None:
    changed = sandbox.provider.set_behaviour({"drop": 0.5, "delay_ms": [10, 20]})
    assert sandbox.provider.behaviour() == changed
    assert (changed["drop"], changed["delay_ms"], changed["duplicate"]) == (0.5, [10, 20], 0.02)


def test_its_tables_live_in_a_schema_of_their_own(sandbox, database_url: str) -> None:
    import sqlalchemy as sa

    engine = sa.create_engine(database_url)
    inspector = sa.inspect(engine)
    assert set(inspector.get_table_names(schema="sandbox")) == {"transactions", "refunds", "notices_due"}
    assert inspector.get_table_names(schema="public") == []
    engine.dispose()


def test_health_is_said_plainly(sandbox) -> None:
    assert urllib3.request("GET", f"{sandbox.url}/healthz").data == b"ok\n"


def test_replies_are_signed_and_readable_by_the_published_key(sandbox, data_dir) -> None:
    key = wire.load_public_key((data_dir / "sandbox" / "service.pub.pem").read_bytes())
    reply = urllib3.request("GET", f"{sandbox.url}/v1/behaviour", retries=False)
    assert wire.signed_at_s(reply.headers, reply.data, key) is not None
