"""Our side of the sandbox: which notices it believes, and what it makes of each state."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.payments.provider import (
    BadSignature,
    MalformedNotification,
    NotificationRefused,
    PaymentReport,
    PaymentState,
    ProviderUnavailable,
    StaleNotification,
)
from invoice_service.payments.sandbox import wire
from invoice_service.payments.sandbox.provider import STATES, SandboxProvider

MERCHANT_KEY = ec.generate_private_key(ec.SECP256R1())
SERVICE_KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def make_provider(**changes: object) -> SandboxProvider:
    settings = {
        "base_url": "http://127.0.0.1:1",
        "merchant_id": "merchant-1",
        "merchant_key": MERCHANT_KEY,
        "service_public_key": SERVICE_KEY.public_key(),
        "notify_url": "http://127.0.0.1:2/payments/sandbox/notify",
        "timeout_s": 2.0,
        "max_age_s": 300,
        "clock": lambda: NOW,
        "random": lambda count: b"\x07" * count,
        **changes,
    }
    return SandboxProvider(**settings)


def notice(**resource: object) -> dict[str, object]:
    return {
        "id": "EV4200",
        "event_type": "TRANSACTION.SUCCESS",
        "create_time": "2026-11-23T03:59:59Z",
        "resource": {
            "mchid": "merchant-1",
            "out_trade_no": "SO-1",
            "transaction_id": "4200001",
            "trade_state": "SUCCESS",
            "amount_fen": 1250,
            "success_time": "2026-11-23T03:59:58.5Z",
            **resource,
        },
    }


def parse(
    body: bytes, *, key: ec.EllipticCurvePrivateKey = SERVICE_KEY, signed_at: datetime = NOW, **headers: str
) -> PaymentReport:
    signed = wire.signed_headers(
        key,
        wire.key_serial(key.public_key()),
        body=body,
        timestamp_s=int(signed_at.timestamp()),
        nonce="0123456789abcdef",
    )
    return make_provider().parse_notification({**signed, **headers}, body, now=NOW)


def test_a_genuine_notice_is_read_whole() -> None:
    assert parse(wire.dump(notice())) == PaymentReport(
        out_trade_no="SO-1",
        state=PaymentState.SUCCEEDED,
        amount_fen=1250,
        transaction_id="4200001",
        paid_at=NOW - timedelta(seconds=1.5),
    )


def test_ipaymu_cve_2026_0656_an_unsigned_notice_is_refused() -> None:
    with pytest.raises(BadSignature):
        make_provider().parse_notification({}, wire.dump(notice()), now=NOW)


def test_a_notice_signed_by_a_stranger_is_refused() -> None:
    with pytest.raises(BadSignature):
        parse(wire.dump(notice()), key=ec.generate_private_key(ec.SECP256R1()))


def test_a_notice_signed_with_our_own_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        parse(wire.dump(notice()), key=MERCHANT_KEY)


def test_a_stranger_who_names_the_right_key_is_refused() -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    named = {"Sandbox-Serial": wire.key_serial(SERVICE_KEY.public_key())}
    with pytest.raises(BadSignature):
        parse(wire.dump(notice()), key=stranger, **named)


@pytest.mark.parametrize("age_s", [301, -301, 86_400])
def test_btcpay_webhook_sender_a_notice_out_of_its_time_is_refused(age_s: int) -> None:
    with pytest.raises(StaleNotification):
        parse(wire.dump(notice()), signed_at=NOW - timedelta(seconds=age_s))


def test_a_stale_timestamp_cannot_be_made_young() -> None:
    with pytest.raises(BadSignature):
        parse(
            wire.dump(notice()),
            signed_at=NOW - timedelta(days=1),
            **{"Sandbox-Timestamp": str(int(NOW.timestamp()))},
        )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"{",
        b"\xff",
        wire.dump({**notice(), "id": 7}),
        wire.dump({**notice(), "create_time": "now"}),
        wire.dump({**notice(), "event_type": "REFUND.SUCCESS"}),
        wire.dump({**notice(), "resource": None}),
        wire.dump(notice(amount_fen=True)),
        wire.dump(notice(amount_fen=1250.0)),
        wire.dump(notice(amount_fen="1250")),
        wire.dump(notice(amount_fen=0)),
        wire.dump(notice(amount_fen=10**30)),
        wire.dump(notice(out_trade_no="")),
        wire.dump(notice(out_trade_no="x" * 65)),
        wire.dump(notice(transaction_id=None)),
        wire.dump(notice(success_time="2026-11-23T03:59:58")),
        wire.dump(notice(trade_state=None)),
    ],
    ids=lambda body: body.decode("latin-1")[:90],
)
def test_a_genuine_notice_that_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedNotification):
        parse(body)


def test_a_notice_for_another_merchant_is_not_ours() -> None:
    with pytest.raises(MalformedNotification):
        parse(wire.dump(notice(mchid="merchant-2")))


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("NOTPAY", PaymentState.UNPAID),
        ("USERPAYING", PaymentState.UNPAID),
        ("PAYERROR", PaymentState.UNPAID),
        ("SUCCESS", PaymentState.SUCCEEDED),
        ("REFUND", PaymentState.REFUNDED),
        ("CLOSED", PaymentState.CLOSED),
        ("REVOKED", PaymentState.CLOSED),
        ("success", PaymentState.UNKNOWN),
        ("SETTLED_TWICE", PaymentState.UNKNOWN),
    ],
)
def test_each_state_is_translated_and_an_unknown_one_is_not_guessed(word: str, state: PaymentState) -> None:
    report = parse(wire.dump(notice(trade_state=word)))
    assert report.state is state
    paid = state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED)
    assert (report.transaction_id is not None, report.paid_at is not None) == (paid, paid)


def test_the_table_of_states_reaches_every_state_of_ours() -> None:
    assert {*STATES.values(), PaymentState.UNKNOWN} == set(PaymentState)


@pytest.mark.parametrize(
    "changes",
    [
        {"merchant_id": ""},
        {"merchant_id": "a b"},
        {"merchant_key": None},
        {"merchant_key": b""},
        {"service_public_key": None},
        {"service_public_key": b""},
        {"service_public_key": ""},
        {"service_public_key": SERVICE_KEY},
    ],
    ids=lambda changes: " ".join(f"{name}={type(value).__name__}" for name, value in changes.items()),
)
def test_ghsa_xff3_5c9p_2mr4_an_empty_key_refuses_to_construct(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the sandbox needs"):
        make_provider(**changes)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\n"])
def test_an_unusable_key_file_refuses_to_construct(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "service.pub.pem"
    path.write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own words
        make_provider(service_public_key=path)


def test_before_the_service_has_published_its_key_nothing_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "service.pub.pem"
    provider = make_provider(service_public_key=path)
    body = wire.dump(notice())
    serial = wire.key_serial(SERVICE_KEY.public_key())
    headers = wire.signed_headers(
        SERVICE_KEY, serial, body=body, timestamp_s=int(NOW.timestamp()), nonce="0123456789abcdef"
    )
    with pytest.raises(BadSignature):
        provider.parse_notification(headers, body, now=NOW)

    path.write_bytes(
        SERVICE_KEY.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    assert provider.parse_notification(headers, body, now=NOW).amount_fen == 1250


def test_a_service_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(ProviderUnavailable):
        make_provider().query("SO-1")


def test_each_refusal_has_a_word_of_its_own() -> None:
    kinds = NotificationRefused.__subclasses__()
    assert len({kind.verdict for kind in kinds}) == len(kinds) == 3


def test_a_respelled_body_breaks_the_signature() -> None:
    body = wire.dump(notice())
    signed = wire.signed_headers(
        SERVICE_KEY,
        wire.key_serial(SERVICE_KEY.public_key()),
        body=body,
        timestamp_s=int(NOW.timestamp()),
        nonce="0123456789abcdef",
    )
    respelled = json.dumps(json.loads(body), indent=1).encode()
    with pytest.raises(BadSignature):
        make_provider().parse_notification(signed, respelled, now=NOW)
