"""A running sandbox and the merchant it serves, as two HTTP servers on loopback.

The merchant's door checks every notice with our real provider, and answers what the test wants.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response, request
from werkzeug.serving import make_server

from invoice_service.payments.provider import PaymentReport, PaymentRequest
from invoice_service.payments.sandbox.provider import SandboxProvider
from invoice_service.payments.sandbox.service import SandboxSettings, close, create_sandbox, notifier_of

PATIENCE_S = 15.0


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Clock:
    """The time of day that both companies believe in; a test may move it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Notice:
    headers: dict[str, str]
    body: bytes
    report: PaymentReport


@dataclass
class Door:
    """The merchant's door for notices. `answer` is the status it gives; `arrived` what came."""

    answer: int = 204
    redirect_to: str = ""
    url: str = ""
    arrived: list[Notice] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    provider: SandboxProvider | None = None

    def take(self) -> Response:
        headers, body = dict(request.headers), request.get_data()
        report = self.provider.parse_notification(headers, body, now=datetime.now(UTC))
        with self.changed:
            self.arrived.append(Notice(headers, body, report))
            self.changed.notify_all()
        return Response(status=self.answer, headers={"Location": self.redirect_to})

    def wait_for(self, count: int) -> list[Notice]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.arrived) >= count, PATIENCE_S), self.arrived
            return list(self.arrived)


@dataclass
class Sandbox:
    app: Flask
    url: str
    provider: SandboxProvider
    clock: Clock
    door: Door
    settings: SandboxSettings

    def request(self, out_trade_no: str, **changes: object) -> PaymentRequest:
        fields = {
            "amount_fen": 1250,
            "description": "李姐的蔬菜摊 · 蔬菜",
            "expires_at": self.clock() + timedelta(minutes=15),
            "return_url": "http://localhost:8000/o/abc",
            **changes,
        }
        return PaymentRequest(out_trade_no=out_trade_no, **fields)


@pytest.fixture
def merchant_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def data_dir(tmp_path: Path, merchant_key: ec.EllipticCurvePrivateKey) -> Path:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "merchant.pub.pem").write_bytes(
        merchant_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return tmp_path


@pytest.fixture
def make_provider(data_dir: Path, merchant_key: ec.EllipticCurvePrivateKey) -> Callable[..., SandboxProvider]:
    def make(base_url: str, **changes: object) -> SandboxProvider:
        settings = {
            "merchant_id": "merchant-1",
            "merchant_key": merchant_key,
            "service_public_key": data_dir / "sandbox" / "service.pub.pem",
            "notify_url": "http://localhost:8000/payments/sandbox/notify",
            "timeout_s": 5.0,
            "max_age_s": 300,
            "clock": lambda: datetime.now(UTC),
            "random": lambda count: bytes(range(count)),
            **changes,
        }
        return SandboxProvider(base_url, **settings)

    return make


@pytest.fixture
def door() -> Iterator[Door]:
    door, app = Door(), Flask("merchant")
    app.add_url_rule("/notify", view_func=door.take, endpoint="notify", methods=["POST"])
    with serving(app) as url:
        door.url = f"{url}/notify"
        yield door


@pytest.fixture
def sandbox(
    database_url: str, data_dir: Path, door: Door, make_provider: Callable[..., SandboxProvider]
) -> Iterator[Sandbox]:
    """Well-behaved to the letter: the default's few doubled notices are off."""
    clock = Clock()
    settings = SandboxSettings(
        database_url=database_url,
        data_dir=data_dir,
        bind="127.0.0.1:0",
        public_url="http://pay.example",
        notify_url=door.url,
    )
    app = create_sandbox(settings, clock=clock)
    with serving(app) as url:
        provider = make_provider(url, clock=clock)
        door.provider = provider
        notifier_of(app).start()
        provider.set_behaviour({"duplicate": 0})
        yield Sandbox(app, url, provider, clock, door, settings)
        close(app)
