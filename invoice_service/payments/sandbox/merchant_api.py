"""The HTTP interface for merchants: every request signed by the merchant, every reply by us."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from flask import Blueprint, Response, g, request

from invoice_service.payments.sandbox import wire
from invoice_service.payments.sandbox.bank import Bank, Refused
from invoice_service.payments.sandbox.behaviour import Behaviour
from invoice_service.payments.sandbox.store import Transaction

_MAX_AGE_S = 300


def merchant_api(
    bank: Bank,
    *,
    key: ec.EllipticCurvePrivateKey,
    merchant_key: ec.EllipticCurvePublicKey,
    public_url: str,
    clock: Callable[[], datetime],
) -> Blueprint:
    v1 = Blueprint("v1", __name__, url_prefix="/v1")
    _sign_both_ways(v1, key, merchant_key, clock)
    _say_no(v1)
    _take_payments(v1, bank, public_url)
    _take_refunds(v1, bank)
    _take_behaviour(v1, bank)
    return v1


def _sign_both_ways(
    v1: Blueprint,
    key: ec.EllipticCurvePrivateKey,
    merchant_key: ec.EllipticCurvePublicKey,
    clock: Callable[[], datetime],
) -> None:
    serial = wire.key_serial(key.public_key())

    @v1.before_request
    def authenticate() -> None:
        signed = wire.authorized_merchant(
            request.headers.get("Authorization", ""),
            merchant_key,
            method=request.method,
            path=request.path,
            body=request.get_data(),
        )
        if signed is None or not wire.is_fresh(signed[1], clock(), _MAX_AGE_S):
            raise Refused(401, "SIGN_ERROR", "the request is not freshly signed by a known merchant")
        g.merchant_id = signed[0]

    @v1.after_request
    def sign(reply: Response) -> Response:
        nonce, now_s = secrets.token_hex(16), int(clock().timestamp())
        reply.headers.extend(
            wire.signed_headers(key, serial, body=reply.get_data(), timestamp_s=now_s, nonce=nonce)
        )
        return reply


def _say_no(v1: Blueprint) -> None:
    @v1.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return _json({"code": error.code, "message": str(error)}, error.status)

    @v1.errorhandler(wire.Unreadable)
    def unreadable(error: wire.Unreadable) -> Response:
        return _json({"code": "PARAM_ERROR", "message": str(error)}, 400)


def _take_payments(v1: Blueprint, bank: Bank, public_url: str) -> None:
    @v1.post("/transactions")
    def create() -> Response:
        order = bank.register(g.merchant_id, wire.load(request.get_data()))
        return _json(
            {
                "out_trade_no": order.out_trade_no,
                "prepay_id": order.prepay_id,
                "cashier_url": f"{public_url}/cashier/{order.prepay_id}",
            }
        )

    @v1.get("/transactions/<out_trade_no>")
    def show(out_trade_no: str) -> Response:
        known = bank.transaction(out_trade_no)
        return _json(_transaction(known, bank.state(known)))

    @v1.post("/transactions/<out_trade_no>/pay")
    def pay(out_trade_no: str) -> Response:
        """What no real service has: the merchant taps "pay" in the shopper's place."""
        ignore_expiry = wire.load(request.get_data()).get("ignore_expiry") is True
        paid = bank.pay(out_trade_no, ignore_expiry=ignore_expiry)
        return _json(_transaction(paid, bank.state(paid)))


def _take_refunds(v1: Blueprint, bank: Bank) -> None:
    @v1.post("/refunds")
    def refund() -> Response:
        made = bank.refund(wire.load(request.get_data()))
        return _json(
            {
                "out_refund_no": made.out_refund_no,
                "out_trade_no": made.out_trade_no,
                "refund_id": made.refund_id,
                "amount_fen": made.amount_fen,
                "create_time": wire.iso(made.created_at),
            }
        )


def _take_behaviour(v1: Blueprint, bank: Bank) -> None:
    @v1.get("/behaviour")
    def behaviour() -> Response:
        return _json(asdict(bank.notifier.behaviour))

    @v1.put("/behaviour")
    def behave() -> Response:
        bank.notifier.behave(Behaviour.read(wire.load(request.get_data())))
        return _json(asdict(bank.notifier.behaviour))


def _transaction(known: Transaction, trade_state: str) -> dict[str, object]:
    fields: dict[str, object] = {
        "mchid": known.mchid,
        "out_trade_no": known.out_trade_no,
        "trade_state": trade_state,
        "amount_fen": known.amount_fen if known.paid_fen is None else known.paid_fen,
    }
    if known.paid_at is not None:
        fields |= {"transaction_id": known.transaction_id, "success_time": wire.iso(known.paid_at)}
    return fields


def _json(fields: dict[str, object], status: int = 200) -> Response:
    return Response(wire.dump(fields), status, mimetype="application/json")
