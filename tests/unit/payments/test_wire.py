"""The sandbox's wire format: what a signature covers, and what a field may hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from invoice_service.payments.sandbox import wire

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
REQUEST = {"method": "POST", "path": "/v1/refunds", "body": b'{"amount_fen":1250}'}


def authorization(**changes: object) -> str:
    fields = {**REQUEST, "timestamp_s": 1_795_406_400, "nonce": "0123456789abcdef", **changes}
    return wire.authorization(KEY, "merchant-1", **fields)


def headers(body: bytes = b"{}", **changes: object) -> dict[str, str]:
    fields = {"timestamp_s": 1_795_406_400, "nonce": "0123456789abcdef", **changes}
    return wire.signed_headers(KEY, wire.key_serial(KEY.public_key()), body=body, **fields)


def test_a_request_names_its_merchant_and_time() -> None:
    signed = wire.authorized_merchant(authorization(), KEY.public_key(), **REQUEST)
    assert signed == ("merchant-1", 1_795_406_400)


@pytest.mark.parametrize(
    "changed", [{"method": "PUT"}, {"path": "/v1/refunds/1"}, {"body": b'{"amount_fen":1251}'}]
)
def test_a_request_is_signed_as_a_whole(changed: dict[str, object]) -> None:
    assert wire.authorized_merchant(authorization(), KEY.public_key(), **{**REQUEST, **changed}) is None


@pytest.mark.parametrize(
    "old_new", [("merchant-1", "merchant 1"), ('"0123456789abcdef"', '""'), ("SANDBOX", "X")]
)
def test_a_malformed_authorization_is_no_authorization(old_new: tuple[str, str]) -> None:
    header = authorization().replace(*old_new)
    assert wire.authorized_merchant(header, KEY.public_key(), **REQUEST) is None


def test_a_request_of_another_key_is_refused() -> None:
    assert wire.authorized_merchant(authorization(), OTHER_KEY.public_key(), **REQUEST) is None


def test_a_notice_tells_when_it_was_signed_whatever_the_case_of_its_headers() -> None:
    shouted = {name.upper(): value for name, value in headers().items()}
    assert wire.signed_at_s(shouted, b"{}", KEY.public_key()) == 1_795_406_400


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Sandbox-Timestamp", "1795406401"),
        ("Sandbox-Timestamp", ""),
        ("Sandbox-Timestamp", "١٧٩٥٤٠٦٤٠٠"),
        ("Sandbox-Nonce", "0123456789abcdee"),
        ("Sandbox-Nonce", ""),
        ("Sandbox-Nonce", "01234567\n9abcdef"),
        ("Sandbox-Signature", ""),
        ("Sandbox-Signature", "not base64!"),
        ("Sandbox-Signature", "AAAA"),
        ("Sandbox-Serial", ""),
        ("Sandbox-Serial", "0" * 32),
    ],
)
def test_no_header_of_a_notice_can_be_changed(header: str, value: str) -> None:
    assert wire.signed_at_s({**headers(), header: value}, b"{}", KEY.public_key()) is None


@pytest.mark.parametrize("missing", ["Timestamp", "Nonce", "Signature", "Serial"])
def test_no_header_of_a_notice_can_be_left_out(missing: str) -> None:
    left = {name: value for name, value in headers().items() if name != f"Sandbox-{missing}"}
    assert wire.signed_at_s(left, b"{}", KEY.public_key()) is None


def test_the_signature_is_over_the_raw_bytes_not_over_their_meaning() -> None:
    body = b'{"b":1,"a":2}'
    respelled = json.dumps(json.loads(body)).encode()
    assert wire.signed_at_s(headers(body), body, KEY.public_key()) is not None
    assert wire.signed_at_s(headers(body), respelled, KEY.public_key()) is None


@pytest.mark.parametrize(("age_s", "fresh"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_freshness_counts_both_ways(age_s: int, fresh: bool) -> None:
    signed_at_s = int((NOW - timedelta(seconds=age_s)).timestamp())
    assert wire.is_fresh(signed_at_s, NOW, 300) is fresh


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"a":' * 3000, b'{"a":"' + b"x" * 20_000 + b'"}'],
    ids=["empty", "cut", "list", "null", "text", "not utf-8", "deep", "long"],
)
def test_a_body_is_one_json_object_of_bounded_size(body: bytes) -> None:
    with pytest.raises(wire.Unreadable):
        wire.load(body)


@pytest.mark.parametrize("value", [True, 12.0, "1250", None, 0, -1, 10**12 + 1, [1250]])
def test_an_amount_is_a_whole_number_of_fen(value: object) -> None:
    with pytest.raises(wire.Unreadable):
        wire.amount_fen({"amount_fen": value}, "amount_fen")


@pytest.mark.parametrize("value", [None, 7, "", "x" * 128, "line\nbreak", "nul\x00"])
def test_a_text_is_short_and_printable(value: object) -> None:
    with pytest.raises(wire.Unreadable):
        wire.text({"name": value}, "name", most=127)


@pytest.mark.parametrize("value", ["a b", "a/b", "../x", "é", "x" * 65])
def test_a_reference_can_stand_in_a_path(value: str) -> None:
    with pytest.raises(wire.Unreadable):
        wire.reference({"id": value}, "id")


@pytest.mark.parametrize(
    "value", ["2026-11-23T12:00:00", "yesterday", "", 1_795_406_400, "0001-01-01T00:00:00+23:59"]
)
def test_an_instant_says_its_offset(value: object) -> None:
    with pytest.raises(wire.Unreadable):
        wire.instant({"at": value}, "at")


def test_an_instant_keeps_its_moment() -> None:
    assert wire.instant({"at": "2026-11-23T12:00:00+08:00"}, "at") == NOW
    assert wire.iso(NOW) == "2026-11-23T04:00:00Z"


def test_only_p256_keys_are_keys() -> None:
    curve, other = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)
    for key in (curve, other):
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        with pytest.raises(ValueError, match="P-256"):
            wire.load_private_key(private)
        with pytest.raises(ValueError, match="P-256"):
            wire.load_public_key(public)
