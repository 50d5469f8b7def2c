"""What tests that attack the service share: did anything change, was the answer a proper refusal,
and the pretend payment service's own key for notices that it never sent."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from invoice_service import keyring
from invoice_service.app import MERCHANT_ID
from invoice_service.payments.provider import PaymentRequest
from invoice_service.payments.sandbox import wire
from invoice_service.payments.sandbox.provider import SandboxProvider
from invoice_service.store.tables import metadata
from tests.stack import Stack

CHINESE, ENGLISH = "zh-CN", "en"
# The settler moves entries on by itself: from the outbox into the log, and the log onto the chain.
MOVING = {"outbox", "log_entries", "log_heads", "log_tiles", "log_state", "submissions", "chain_health"}
INNARDS = re.compile(r"Traceback|File \"|line \d+, in |sqlalchemy|psycopg|SELECT |INSERT |werkzeug", re.I)
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def digest(stack: Stack, *, but: str = "") -> str:
    """How many rows every table has (`but` one), and how every order and payment stands."""
    tables = sorted(metadata.tables.keys() - MOVING - {but})
    counts = [f"(SELECT count(*) FROM {table})" for table in tables]  # noqa: S608 - our own names
    facts = "(SELECT count(*) FROM outbox) + (SELECT count(*) FROM log_entries)"
    orders = "(SELECT md5(string_agg(concat(id, status, paid_at), ';' ORDER BY id)) FROM orders)"
    payments = "(SELECT md5(string_agg(concat(id, disposition, refunded_at), ';' ORDER BY id)) FROM payments)"
    found: str = stack.query(f"SELECT concat_ws(' ', {', '.join([*counts, facts, orders, payments])})")
    return found


def ask(stack: Stack, method: str, path: str, language: str = ENGLISH, **options: Any) -> requests.Response:
    """One request over the wire, without following redirects."""
    headers = {"Accept-Language": language, **options.pop("headers", {})}
    return requests.request(
        method, stack.url + path, headers=headers, timeout=20, allow_redirects=False, **options
    )


def refusal(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that must be a refusal of this kind, and tells no innards."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["title"]
    assert not INNARDS.search(answer.text), answer.text
    return problem


class Phone:
    """A browser without JavaScript: keeps cookies, sends each form with its token."""

    def __init__(self, stack: Stack, language: str = ENGLISH) -> None:
        self.stack = stack
        self.session = requests.Session()
        self.session.headers.update({"Accept-Language": language, "Accept": "text/html"})

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.stack.url + path, timeout=20, allow_redirects=False)

    def form_token(self, page: str) -> str:
        """What makes a post from here a post from our own page."""
        token = CSRF.search(self.get(page).text)
        assert token, f"{page} has no form"
        return token[1]

    def post(self, path: str, token: str, **options: Any) -> requests.Response:
        data = {"csrf_token": token, **options.pop("data", {})}
        url = self.stack.url + path
        return self.session.post(url, data=data, timeout=20, allow_redirects=False, **options)

    def submit(self, page: str, path: str | None = None, **options: Any) -> requests.Response:
        """Open `page`, then post a form of it to `path` (or to the page's own address)."""
        return self.post(path or page, self.form_token(page), **options)


# -- the payment service, from both sides ---------------------------------------------------------


def provider(stack: Stack) -> SandboxProvider:
    """Our own account at the running sandbox."""
    return SandboxProvider(
        base_url=f"http://127.0.0.1:{stack.sandbox_port}",
        merchant_id=MERCHANT_ID,
        merchant_key=keyring.load(stack.folder).merchant,
        service_public_key=stack.folder / "sandbox" / "service.pub.pem",
        notify_url=f"{stack.url}/payments/sandbox/notify",
        timeout_s=10,
        max_age_s=300,
        clock=lambda: datetime.now(UTC),
        random=secrets.token_bytes,
    )


def trade_no(stack: Stack, order: Mapping[str, Any]) -> str:
    """Our reference for an order at the provider, found by its amount: tests give each order its own."""
    found: str = stack.query(
        "SELECT out_trade_no FROM orders WHERE amount_fen = :fen", fen=order["amount_fen"]
    )
    return found


def payment_request(stack: Stack, order: Mapping[str, Any]) -> PaymentRequest:
    return PaymentRequest(
        out_trade_no=trade_no(stack, order),
        amount_fen=order["amount_fen"],
        description="李家蔬菜",
        expires_at=datetime.now(UTC) + timedelta(minutes=10),
        return_url=f"{stack.url}/o/{order['order_id']}",
    )


def notice(out_trade_no: str, paid_fen: int, **changes: str | int) -> bytes:
    """A notice as the payment service words it, about a transaction of its own."""
    paid_at = wire.iso(datetime.now(UTC))
    transaction_id = str(changes.get("transaction_id", f"4200{secrets.randbelow(10**24):024d}"))
    resource = {
        "mchid": MERCHANT_ID,
        "out_trade_no": out_trade_no,
        "transaction_id": transaction_id,
        "trade_state": "SUCCESS",
        "amount_fen": paid_fen,
        "success_time": paid_at,
    }
    return wire.dump(
        {
            "id": f"EV{transaction_id}",
            "event_type": wire.EVENT_PAID,
            "create_time": paid_at,
            "resource": resource | changes,
        }
    )


def signed(stack: Stack, body: bytes, *, age_s: int = 0) -> dict[str, str]:
    """The headers that only the payment service itself can make."""
    key = wire.load_private_key((stack.folder / "sandbox" / "service.pem").read_bytes())
    headers = wire.signed_headers(
        key,
        wire.key_serial(key.public_key()),
        body=body,
        timestamp_s=int(time.time()) - age_s,
        nonce=secrets.token_hex(16),
    )
    return headers | {"Content-Type": "application/json"}


def deliver(
    stack: Stack, body: bytes, headers: Mapping[str, str], *, door: str = "sandbox", language: str = ENGLISH
) -> requests.Response:
    return ask(stack, "POST", f"/payments/{door}/notify", language, data=body, headers=dict(headers))


def verdicts(stack: Stack, order: Mapping[str, Any]) -> str:
    """What was made of the notices about an order, in the order in which they came."""
    sql = "SELECT string_agg(verdict, ' ' ORDER BY id) FROM provider_notices WHERE out_trade_no = :no"
    found: str | None = stack.query(sql, no=trade_no(stack, order))
    return found or ""


_ACCOUNT = """
    SELECT concat_ws(' ', status,
        (SELECT count(*) FROM payments WHERE order_id = o.id),
        (SELECT sum(amount_fen) FROM payments WHERE order_id = o.id),
        (SELECT count(*) FROM sales WHERE order_id = o.id),
        (SELECT count(*) FROM log_entries WHERE fact = o.id::text)
        + (SELECT count(*) FROM outbox WHERE fact = o.id::text))
    FROM orders AS o WHERE out_trade_no = :no
"""


def assert_paid_once(stack: Stack, order: Mapping[str, Any]) -> None:
    """One payment of exactly the order's amount, one sale, one entry about it."""
    assert stack.query(_ACCOUNT, no=trade_no(stack, order)) == f"paid 1 {order['amount_fen']} 1 1"


def changed(evidence: bytes, **fields: Any) -> bytes:
    """Evidence with other values in its body."""
    document = json.loads(evidence)
    document["body"] |= fields
    return json.dumps(document, ensure_ascii=False).encode()
