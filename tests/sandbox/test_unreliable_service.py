"""Our provider against a service that answers wrongly: whatever comes is "unavailable", never believed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.payments.provider import PaymentState, ProviderUnavailable
from invoice_service.payments.sandbox import wire
from invoice_service.payments.sandbox.provider import SandboxProvider
from invoice_service.payments.sandbox.service import own_key

PAID = {
    "mchid": "merchant-1",
    "out_trade_no": "SO-1",
    "trade_state": "SUCCESS",
    "amount_fen": 1250,
    "transaction_id": "4200001",
    "success_time": "2026-11-23T04:00:00Z",
}


@dataclass
class CannedService:
    """Answers every request the same. `silent`: accepts the request and never answers."""

    key: ec.EllipticCurvePrivateKey
    url: str = ""
    status: int = 200
    body: bytes = wire.dump(PAID)
    age_s: int = 0
    signed: bool = True
    location: str = ""
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def headers(self) -> dict[str, str]:
        signed_at = datetime.now(UTC) - timedelta(seconds=self.age_s)
        signature = wire.signed_headers(
            self.key,
            wire.key_serial(self.key.public_key()),
            body=self.body,
            timestamp_s=int(signed_at.timestamp()),
            nonce="0123456789abcdef",
        )
        location = {"Location": self.location} if self.location else {}
        return {"Content-Length": str(len(self.body)), **location, **(signature if self.signed else {})}


def handler_of(service: CannedService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            service.connections += 1
            super().setup()

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service.asked.append(self.path)
            if service.silent:
                service.ended.wait()
                self.close_connection = True
                return
            self.send_response(service.status)
            for name, value in service.headers().items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(service.body)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None: ...

    return Handler


@pytest.fixture
def service(data_dir: Path) -> Iterator[CannedService]:
    service = CannedService(own_key(data_dir / "sandbox"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(service))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    yield service
    service.ended.set()
    server.shutdown()
    thread.join()
    server.socket.close()


@pytest.fixture
def provider(service: CannedService, make_provider: Callable[..., SandboxProvider]) -> SandboxProvider:
    return make_provider(service.url, timeout_s=0.5)


def test_the_canned_reply_is_believed_while_nothing_is_wrong_with_it(provider: SandboxProvider) -> None:
    assert provider.query("SO-1").state is PaymentState.SUCCEEDED


def test_requests_share_one_connection(provider: SandboxProvider, service: CannedService) -> None:
    for _ in range(5):
        provider.query("SO-1")
    assert service.connections == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"signed": False},
        {"status": 404, "signed": False},
        {"age_s": 301},
        {"age_s": -301},
        {"status": 500},
        {"status": 503, "body": b"<html>", "signed": False},
        {"status": 302, "location": "/elsewhere"},
        {"body": b"[]"},
        {"body": b""},
        {"body": wire.dump({**PAID, "out_trade_no": "SO-2"})},
        {"body": wire.dump({**PAID, "mchid": "merchant-2"})},
        {"body": wire.dump({**PAID, "amount_fen": True})},
        {"body": wire.dump({**PAID, "transaction_id": ""})},
        {"body": wire.dump({**PAID, "padding": "x" * 20_000})},
        {"status": 404, "body": wire.dump(PAID)},
        {"silent": True},
    ],
    ids=lambda wrong: str(wrong)[:80],
)
def test_a_wrong_reply_is_unavailable(
    provider: SandboxProvider, service: CannedService, wrong: dict[str, object]
) -> None:
    for name, value in wrong.items():
        setattr(service, name, value)
    with pytest.raises(ProviderUnavailable):
        provider.query("SO-1")
    assert service.asked == ["/v1/transactions/SO-1"]


def test_a_reply_signed_by_a_stranger_is_unavailable(
    provider: SandboxProvider, service: CannedService
) -> None:
    service.key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ProviderUnavailable):
        provider.query("SO-1")


def test_only_the_signed_word_makes_an_order_unknown(
    provider: SandboxProvider, service: CannedService
) -> None:
    service.status, service.body = 404, wire.dump({"code": wire.NOT_FOUND})
    assert provider.query("SO-1").state is PaymentState.UNPAID


def test_an_older_refund_cannot_be_played_again(provider: SandboxProvider, service: CannedService) -> None:
    service.body = wire.dump({"out_refund_no": "RF-1", "refund_id": "50", "amount_fen": 500})
    assert provider.refund("SO-1", "RF-1", amount_fen=500, total_fen=1250).refund_id == "50"
    for out_refund_no, amount_fen in (("RF-2", 500), ("RF-1", 501)):
        with pytest.raises(ProviderUnavailable):
            provider.refund("SO-1", out_refund_no, amount_fen=amount_fen, total_fen=1250)


def test_a_reference_cannot_reach_another_door(provider: SandboxProvider, service: CannedService) -> None:
    with pytest.raises(ProviderUnavailable):
        provider.query("../behaviour?x=")
    assert service.asked == ["/v1/transactions/..%2Fbehaviour%3Fx%3D"]


def test_a_service_that_went_away_is_unavailable_and_welcome_back(
    provider: SandboxProvider, service: CannedService
) -> None:
    service.silent = True
    with pytest.raises(ProviderUnavailable):
        provider.query("SO-1")
    service.silent = False
    assert provider.query("SO-1").state is PaymentState.SUCCEEDED
