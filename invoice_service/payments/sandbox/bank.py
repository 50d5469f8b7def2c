"""What the pretend payment service does, apart from HTTP: orders, payments, refunds.

Every call may be repeated: the merchant's own references (`out_trade_no`, `out_refund_no`) make the
second time answer what the first did, and refuse a second time that asks for something else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from invoice_service.payments.sandbox import wire
from invoice_service.payments.sandbox.notifier import Notifier
from invoice_service.payments.sandbox.store import Order, Refund, Store, Transaction

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Refused(Exception):
    """A clear no: `code` for the merchant's program, the text for its programmer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def _not_found() -> Refused:
    return Refused(404, wire.NOT_FOUND, "there is no such order")


class Bank:
    def __init__(self, store: Store, notifier: Notifier, clock: Callable[[], datetime]) -> None:
        self.notifier = notifier
        self._store = store
        self._clock = clock

    def register(self, merchant_id: str, fields: Mapping[str, object]) -> Transaction:
        """The order that `fields` describe, or the one of that reference that is already here."""
        order = self._read_order(merchant_id, fields)
        known = self._store.register(order)
        if (known.mchid, known.amount_fen) != (order.mchid, order.amount_fen):
            raise Refused(409, "OUT_TRADE_NO_USED", "this reference is in use for another amount")
        return known

    def transaction(self, out_trade_no: str) -> Transaction:
        known = self._store.find(out_trade_no)
        if known is None:
            raise _not_found()
        return known

    def prepaid(self, prepay_id: str) -> Transaction:
        known = self._store.find_prepaid(prepay_id)
        if known is None:
            raise _not_found()
        return known

    def pay(self, out_trade_no: str, *, ignore_expiry: bool = False) -> Transaction:
        """Pay once; paying again answers the same transaction. The notice is on its way on return."""
        now = self._clock()
        planned = self.notifier.plan(now)
        paid = self._store.pay(
            out_trade_no,
            transaction_id=_transaction_id(now),
            now=now,
            not_expired_at=_LONG_AGO if ignore_expiry else now,
            wrong_amount_fen=self.notifier.behaviour.wrong_amount_fen,
            notices=planned,
        )
        if paid is not None:
            self.notifier.hand_over(paid, planned)
            return paid
        known = self.transaction(out_trade_no)
        if known.transaction_id is None:
            raise Refused(400, "ORDER_CLOSED", "the order has expired and can no longer be paid")
        return known

    def refund(self, fields: Mapping[str, object]) -> Refund:
        wanted = Refund(
            out_refund_no=wire.reference(fields, "out_refund_no"),
            out_trade_no=wire.reference(fields, "out_trade_no"),
            refund_id=f"50{secrets.randbelow(10**26):026d}",
            amount_fen=wire.amount_fen(fields, "amount_fen"),
            created_at=self._clock(),
        )
        if self.transaction(wanted.out_trade_no).paid_fen != wire.amount_fen(fields, "total_fen"):
            raise Refused(400, "INVALID_REQUEST", "total_fen is not what was paid")
        refund = self._store.refund(wanted)
        if refund is None:
            raise Refused(403, "NOT_ENOUGH", "more would be paid back than was paid")
        if (refund.out_trade_no, refund.amount_fen) != (wanted.out_trade_no, wanted.amount_fen):
            raise Refused(409, "OUT_REFUND_NO_USED", "this reference is in use for another refund")
        return refund

    def state(self, transaction: Transaction) -> str:
        return transaction.trade_state(self._clock())

    def _read_order(self, merchant_id: str, fields: Mapping[str, object]) -> Order:
        """`notify_url` is read and let go: notices go to the one address the merchant has registered
        with us, so that no request can make us fetch anything."""
        _web_address(fields, "notify_url")
        return Order(
            out_trade_no=wire.reference(fields, "out_trade_no"),
            prepay_id=secrets.token_urlsafe(24),  # whoever has it may pay: never guessable
            mchid=merchant_id,
            description=wire.text(fields, "description", most=127),
            amount_fen=wire.amount_fen(fields, "amount_fen"),
            return_url=_web_address(fields, "return_url"),
            created_at=self._clock(),
            expires_at=wire.instant(fields, "expires_at"),
        )


def _transaction_id(now: datetime) -> str:
    """28 digits that begin with the day, as WeChat Pay's do."""
    return f"4200{now:%Y%m%d}{secrets.randbelow(10**16):016d}"


def _web_address(fields: Mapping[str, object], name: str) -> str:
    """An http or https address, never a script: shoppers will tap it."""
    url = wire.text(fields, name, most=500)
    try:
        parts = urlsplit(url)
        hostname = parts.hostname
    except ValueError:
        hostname = None
    if hostname is None or parts.scheme not in ("http", "https"):
        raise wire.Unreadable(f"{name} is not an http or https address")
    return url
