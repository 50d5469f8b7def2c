"""The cashier: the phone page where a shopper pays, and sees that it was paid.

It works without JavaScript, sets no cookie and loads nothing from elsewhere. Whoever holds the
unguessable `prepay_id` may pay that order, once. Leaving for the merchant is a link, not a redirect
of the form: the page's own policy (`form-action 'self'`) would stop that.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from invoice_service.payments.sandbox.bank import Bank, Refused
from invoice_service.payments.sandbox.store import Transaction

_CHINA = timezone(timedelta(hours=8))
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",  # the address is a key to the order
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

TEXTS = {
    "zh": {
        "html_lang": "zh-CN",
        "brand": "沙盒支付",
        "cashier": "收银台",
        "sandbox": "沙盒环境：不涉及真实资金",
        "other_lang": "en",
        "other_language": "English",
        "pay_to": "付款给",
        "order": "订单号",
        "valid_until": "请在此时间前支付",
        "pay": "立即支付",
        "paid": "支付成功",
        "paid_note": "请返回商家页面领取发票。",
        "already_paid": "此订单已支付",
        "already_paid_note": "不会重复扣款。",
        "refunded": "已退款",
        "refunded_note": "款项已按原路退回。",
        "refunded_amount": "退款金额",
        "closed": "订单已过期",
        "closed_note": "未扣款。请返回商家重新下单。",
        "missing": "找不到这笔订单",
        "missing_note": "请重新扫描摊位上的二维码。",
        "payee": "收款方",
        "paid_at": "支付时间",
        "expired_at": "过期时间",
        "transaction": "交易单号",
        "method": "支付方式",
        "method_sandbox": "沙盒零钱",
        "back": "返回商家",
    },
    "en": {
        "html_lang": "en",
        "brand": "Sandbox Pay",
        "cashier": "Cashier",
        "sandbox": "Sandbox: no real money",
        "other_lang": "zh",
        "other_language": "中文",
        "pay_to": "Pay to",
        "order": "Order",
        "valid_until": "Pay before",
        "pay": "Pay",
        "paid": "Paid",
        "paid_note": "Go back to the stall's page for your invoice.",
        "already_paid": "Already paid",
        "already_paid_note": "You are not charged twice.",
        "refunded": "Refunded",
        "refunded_note": "The money went back the way it came.",
        "refunded_amount": "Refunded",
        "closed": "This order has expired",
        "closed_note": "You were not charged. Go back to the stall and order again.",
        "missing": "There is no such order",
        "missing_note": "Please scan the code on the stall again.",
        "payee": "Payee",
        "paid_at": "Paid at",
        "expired_at": "Expired at",
        "transaction": "Transaction",
        "method": "Payment method",
        "method_sandbox": "Sandbox balance",
        "back": "Back to the merchant",
    },
}
"""The pages' words. The service is another company: it does not share our catalogue."""


_SCREENS = {"NOTPAY": "open", "SUCCESS": "already_paid", "REFUND": "refunded", "CLOSED": "closed"}


@dataclass(frozen=True, slots=True)
class CashierView:
    """`screen`: open · paid · already_paid · refunded · closed."""

    screen: str
    prepay_id: str
    out_trade_no: str
    payee: str
    amount: str
    refunded: str
    moment: str  # in China's time: paid at, or may be paid until
    transaction_id: str | None
    return_url: str


def cashier_pages(bank: Bank) -> Blueprint:
    pages = Blueprint("cashier", __name__)

    @pages.after_request
    def protect(reply: Response) -> Response:
        reply.headers.extend(_HEADERS)
        return reply

    @pages.errorhandler(Refused)
    def missing(error: Refused) -> tuple[str, int]:
        return render_template("missing.html", t=_texts()), error.status

    @pages.get("/cashier/<prepay_id>")
    def cashier(prepay_id: str) -> str:
        order = bank.prepaid(prepay_id)
        view = _view(order, bank.state(order), just_paid="paid" in request.args)
        return render_template("cashier.html", t=_texts(), order=view)

    @pages.post("/cashier/<prepay_id>/pay")
    def pay(prepay_id: str) -> AnyResponse:
        """The shopper's tap. A second one pays nothing and says so."""
        order = bank.prepaid(prepay_id)
        first_tap = bank.state(order) == "NOTPAY"
        with suppress(Refused):  # it has expired: the page that follows says so
            bank.pay(order.out_trade_no)
        paid = 1 if first_tap else None
        return redirect(url_for("cashier.cashier", prepay_id=prepay_id, lang=_lang(), paid=paid), 303)

    return pages


def _lang() -> str:
    asked = request.args.get("lang")
    return asked if asked in TEXTS else request.accept_languages.best_match(TEXTS, "zh")


def _texts() -> dict[str, str]:
    return TEXTS[_lang()]


def _view(order: Transaction, trade_state: str, *, just_paid: bool) -> CashierView:
    screen = _SCREENS[trade_state]
    return CashierView(
        screen="paid" if screen == "already_paid" and just_paid else screen,
        prepay_id=order.prepay_id,
        out_trade_no=order.out_trade_no,
        payee=order.description,
        amount=_yuan(order.amount_fen if order.paid_fen is None else order.paid_fen),
        refunded=_yuan(order.refunded_fen),
        moment=_local(order.expires_at if order.paid_at is None else order.paid_at),
        transaction_id=order.transaction_id,
        return_url=order.return_url,
    )


def _yuan(amount_fen: int) -> str:
    return f"{amount_fen // 100:,}.{amount_fen % 100:02d}"


def _local(moment: datetime) -> str:
    return moment.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")
