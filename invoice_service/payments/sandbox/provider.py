"""Our side of the sandbox: the four provider calls over signed HTTP.

Requests are signed with our merchant key; nothing the service says is believed unless its own key
signed it, replies as well as notices. Whatever goes wrong on the way is `ProviderUnavailable`: the
caller cannot know whether the other side acted, so it asks again later, and every call may be
repeated without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import ClassVar, TypeVar
from urllib.parse import quote

import urllib3
from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.payments.provider import (
    BadSignature,
    MalformedNotification,
    PaymentReport,
    PaymentRequest,
    PaymentState,
    ProviderUnavailable,
    RefundRefused,
    RefundReport,
    StaleNotification,
)
from invoice_service.payments.sandbox import wire

T = TypeVar("T")

STATES = {
    "NOTPAY": PaymentState.UNPAID,
    "USERPAYING": PaymentState.UNPAID,
    "PAYERROR": PaymentState.UNPAID,  # that attempt failed; the shopper may try again
    "SUCCESS": PaymentState.SUCCEEDED,
    "REFUND": PaymentState.REFUNDED,
    "CLOSED": PaymentState.CLOSED,
    "REVOKED": PaymentState.CLOSED,
}
"""The service's words for ours. Any other word is UNKNOWN: asked again later, never guessed."""

_PAID = (PaymentState.SUCCEEDED, PaymentState.REFUNDED)
_CLEAR_NO = (400, 403, 409)
_NONCE_BYTES = 16
_CONNECTIONS = 32  # one for each web thread that may be paying at the same moment


class _UnexpectedReply(Exception):
    """Why a reply was not believed, or is no answer; the cause of a ProviderUnavailable, for the log.

    `is_a_no` where the service understood and will not.
    """

    def __init__(self, text: str, *, is_a_no: bool = False) -> None:
        super().__init__(text)
        self.is_a_no = is_a_no


class SandboxProvider:
    """One merchant account at the sandbox. Safe to share between threads.

    `service_public_key` may be the path of the file that the service publishes on its first run:
    until it is there, calls raise ProviderUnavailable and no notice is believed. Empty or unusable
    keys are refused with ValueError: a check against nothing must not pass. `random` answers that
    many random bytes.
    """

    name: ClassVar[str] = "sandbox"

    def __init__(
        self,
        base_url: str,
        merchant_id: str,
        merchant_key: ec.EllipticCurvePrivateKey,
        service_public_key: ec.EllipticCurvePublicKey | Path,
        *,
        notify_url: str,
        timeout_s: float,
        max_age_s: int,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        if not merchant_id or not wire.is_reference(merchant_id):
            raise ValueError("the sandbox needs a merchant id")
        if not isinstance(merchant_key, ec.EllipticCurvePrivateKey):
            raise ValueError("the sandbox needs the merchant's private key")
        if not isinstance(service_public_key, ec.EllipticCurvePublicKey | Path):
            raise ValueError("the sandbox needs the service's public key, or the path of its file")
        self._base_url = base_url.rstrip("/")
        self._merchant_id = merchant_id
        self._merchant_key = merchant_key
        self._service_key = service_public_key
        self._notify_url = notify_url
        self._max_age_s = max_age_s
        self._clock = clock
        self._random = random
        self._http = urllib3.PoolManager(
            maxsize=_CONNECTIONS, retries=False, timeout=urllib3.Timeout(total=timeout_s)
        )
        self._key()  # an unusable key file is refused here, not at the first payment

    # -- the Protocol ---------------------------------------------------------------------------

    def start(self, request: PaymentRequest) -> str:
        fields = {
            "out_trade_no": request.out_trade_no,
            "amount_fen": request.amount_fen,
            "description": request.description,
            "expires_at": wire.iso(request.expires_at),
            "notify_url": self._notify_url,
            "return_url": request.return_url,
        }
        reply = _found(self._call("POST", "/v1/transactions", fields))
        _check_about(reply, "out_trade_no", request.out_trade_no)
        return _read(lambda: wire.text(reply, "cashier_url", most=500))

    def query(self, out_trade_no: str) -> PaymentReport:
        reply = self._call("GET", f"/v1/transactions/{quote(out_trade_no, safe='')}")
        if reply is None:
            return PaymentReport(out_trade_no, PaymentState.UNPAID, 0, None, None)
        return self._report_about(out_trade_no, reply)

    def parse_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> PaymentReport:
        key = self._key()
        signed_at_s = wire.signed_at_s(headers, body, key) if key else None
        if signed_at_s is None:
            raise BadSignature
        if not wire.is_fresh(signed_at_s, now, self._max_age_s):
            raise StaleNotification
        try:
            return self._read_notice(body)
        except wire.Unreadable as error:
            raise MalformedNotification from error

    def refund(
        self, out_trade_no: str, out_refund_no: str, *, amount_fen: int, total_fen: int
    ) -> RefundReport:
        fields = {
            "out_trade_no": out_trade_no,
            "out_refund_no": out_refund_no,
            "amount_fen": amount_fen,
            "total_fen": total_fen,
        }
        try:
            reply = _found(self._call("POST", "/v1/refunds", fields))
        except ProviderUnavailable as error:
            if isinstance(error.__cause__, _UnexpectedReply) and error.__cause__.is_a_no:
                raise RefundRefused from error.__cause__
            raise
        _check_about(reply, "out_refund_no", out_refund_no)
        _check_about(reply, "amount_fen", amount_fen)
        return RefundReport(out_refund_no, _read(lambda: wire.reference(reply, "refund_id")), amount_fen)

    # -- what only a sandbox can do -------------------------------------------------------------

    def pay_as_shopper(self, request: PaymentRequest, *, ignore_expiry: bool = False) -> PaymentReport:
        """Start the payment and tap "pay" in the shopper's place. The notice comes as for a real one.

        `ignore_expiry`: the money was on its way when the order expired, as happens to real providers.
        """
        self.start(request)
        path = f"/v1/transactions/{quote(request.out_trade_no, safe='')}/pay"
        reply = _found(self._call("POST", path, {"ignore_expiry": ignore_expiry}))
        return self._report_about(request.out_trade_no, reply)

    def behaviour(self) -> Mapping[str, object]:
        return _found(self._call("GET", "/v1/behaviour"))

    def set_behaviour(self, behaviour: Mapping[str, object]) -> Mapping[str, object]:
        """Replace how the service misbehaves; what is left out takes its default."""
        return _found(self._call("PUT", "/v1/behaviour", behaviour))

    # -- one request ----------------------------------------------------------------------------

    def _call(
        self, method: str, path: str, fields: Mapping[str, object] | None = None
    ) -> Mapping[str, object] | None:
        """The signed reply to a signed request; None where the service knows no such thing."""
        body = b"" if fields is None else wire.dump(fields)
        status, headers, answer = self._exchange(method, path, body)
        key = self._key()
        signed_at_s = wire.signed_at_s(headers, answer, key) if key else None
        if signed_at_s is None or not wire.is_fresh(signed_at_s, self._clock(), self._max_age_s):
            raise ProviderUnavailable from _UnexpectedReply(f"{status}, not freshly signed by the service")
        reply = _read(lambda: wire.load(answer))
        if reply.get("code") == wire.NOT_FOUND:
            return None
        if status != 200:
            said = f"{status} {reply.get('code')}"
            raise ProviderUnavailable from _UnexpectedReply(said, is_a_no=status in _CLEAR_NO)
        return reply

    def _exchange(self, method: str, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        headers = {
            "Authorization": wire.authorization(
                self._merchant_key,
                self._merchant_id,
                method=method,
                path=path,
                body=body,
                timestamp_s=int(self._clock().timestamp()),
                nonce=self._random(_NONCE_BYTES).hex(),
            ),
            "Content-Type": "application/json",
        }
        try:
            response = self._http.request(
                method,
                self._base_url + path,
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            answer = response.read(wire.MAX_BODY_BYTES + 1)  # no stranger fills our memory
            if len(answer) > wire.MAX_BODY_BYTES:
                response.close()
            response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise ProviderUnavailable from error
        return response.status, response.headers, answer

    def _key(self) -> ec.EllipticCurvePublicKey | None:
        if isinstance(self._service_key, Path):
            try:
                self._service_key = wire.load_public_key(self._service_key.read_bytes())
            except FileNotFoundError:
                return None
        return self._service_key

    # -- reading what it says -------------------------------------------------------------------

    def _read_notice(self, body: bytes) -> PaymentReport:
        notice = wire.load(body)
        wire.reference(notice, "id")
        wire.instant(notice, "create_time")
        if wire.text(notice, "event_type", most=64) != wire.EVENT_PAID:
            raise wire.Unreadable("the notice is about another kind of event")
        return self._report(wire.section(notice, "resource"))

    def _report(self, fields: Mapping[str, object]) -> PaymentReport:
        if wire.reference(fields, "mchid") != self._merchant_id:
            raise wire.Unreadable("this is about another merchant")
        state = STATES.get(wire.text(fields, "trade_state", most=32), PaymentState.UNKNOWN)
        paid = state in _PAID
        return PaymentReport(
            out_trade_no=wire.reference(fields, "out_trade_no"),
            state=state,
            amount_fen=wire.amount_fen(fields, "amount_fen"),
            transaction_id=wire.reference(fields, "transaction_id") if paid else None,
            paid_at=wire.instant(fields, "success_time") if paid else None,
        )

    def _report_about(self, out_trade_no: str, reply: Mapping[str, object]) -> PaymentReport:
        _check_about(reply, "out_trade_no", out_trade_no)
        return _read(lambda: self._report(reply))


def _check_about(reply: Mapping[str, object], name: str, asked: object) -> None:
    """A reply must answer our question: an older, truly signed one may be played to us again."""
    if reply.get(name) != asked:
        raise ProviderUnavailable from _UnexpectedReply(f"the reply is about another {name}")


def _found(reply: Mapping[str, object] | None) -> Mapping[str, object]:
    if reply is None:
        raise ProviderUnavailable from _UnexpectedReply("404")
    return reply


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except wire.Unreadable as error:
        raise ProviderUnavailable from error
