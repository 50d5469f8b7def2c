"""A pretend WeChat Pay: a company of its own, in a process of its own, that we reach only by HTTP.

It has its own port, keys and database schema, keeps what was paid and which notices it still owes,
and misbehaves on request as real providers do by themselves (`behaviour.py`). No money moves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response
from gunicorn.app.base import BaseApplication
from sqlalchemy.exc import SQLAlchemyError

from invoice_service.payments.sandbox import wire
from invoice_service.payments.sandbox.bank import Bank
from invoice_service.payments.sandbox.cashier import cashier_pages
from invoice_service.payments.sandbox.merchant_api import merchant_api
from invoice_service.payments.sandbox.notifier import SENDERS, Notifier
from invoice_service.payments.sandbox.store import Store

_THREADS = 16
_KEEP_ALIVE_S = 75  # longer than a merchant's pool leaves a connection idle on a quiet morning
_GRACE_S = 10


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`data_dir` holds `sandbox/merchant.pub.pem`, and beside it come the service's own two files.

    Notices go to `notify_url` and nowhere else, whatever address a request names.
    """

    database_url: str
    data_dir: Path
    bind: str  # host:port
    public_url: str  # how a shopper's phone reaches the cashier
    notify_url: str
    notify_ca: Path | None = None  # who vouches for that address, where it is not a public authority


def create_sandbox(
    settings: SandboxSettings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Flask:
    """The service as a WSGI application. Its notices leave once `notifier_of(app).start()` was called."""
    if not settings.notify_url:
        raise ValueError("the sandbox needs the address that its notices go to")
    keys = settings.data_dir / "sandbox"
    merchant_key = wire.load_public_key((keys / "merchant.pub.pem").read_bytes())
    key = own_key(keys)
    store = Store(settings.database_url, connections=_THREADS + SENDERS)
    store.create_schema()
    notifier = Notifier(store, key, settings.notify_url, clock, ca=settings.notify_ca)
    bank = Bank(store, notifier, clock)

    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = wire.MAX_BODY_BYTES
    app.extensions["sandbox.notifier"] = notifier
    app.extensions["sandbox.store"] = store
    public_url = settings.public_url.rstrip("/")
    app.register_blueprint(
        merchant_api(bank, key=key, merchant_key=merchant_key, public_url=public_url, clock=clock)
    )
    app.register_blueprint(cashier_pages(bank))
    app.add_url_rule("/healthz", view_func=lambda: _health(store), endpoint="healthz")
    return app


def notifier_of(app: Flask) -> Notifier:
    notifier: Notifier = app.extensions["sandbox.notifier"]
    return notifier


def close(app: Flask) -> None:
    """Stop sending and leave the database."""
    notifier_of(app).stop()
    app.extensions["sandbox.store"].close()


def run(settings: SandboxSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    _Server(settings).run()


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with one worker: the behaviour and the notifier live in exactly one process."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": self._settings.bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": _THREADS,
            "keepalive": _KEEP_ALIVE_S,
            "graceful_timeout": _GRACE_S,
            "control_socket_disable": True,
            "loglevel": "warning",
            "proc_name": "stall-ledger-sandbox",
            # After the fork: threads and database connections do not survive one.
            "post_worker_init": lambda worker: notifier_of(worker.wsgi).start(),
            "worker_exit": lambda _arbiter, worker: close(worker.wsgi),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_sandbox(self._settings)


def own_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """The service's signing key, made on the first run; its public half is published beside it."""
    secret, public = folder / "service.pem", folder / "service.pub.pem"
    if not secret.exists():
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write(secret, pem, mode=0o600)
    key = wire.load_private_key(secret.read_bytes())
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(public, pem, mode=0o644)
    return key


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Whole or not at all: a key half written by a crash would lock us out for good."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _health(store: Store) -> Response:
    try:
        store.check()
    except SQLAlchemyError:
        return Response("the database does not answer\n", 503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")
