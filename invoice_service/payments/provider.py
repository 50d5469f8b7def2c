"""What a payment provider must do for us, in four calls and a handful of values.

A provider is a stranger who holds the money: we tell it what is to be paid (`start`), it tells us
what was paid (a notice, `parse_notification`), and since notices get lost we can always ask
(`query`). Nothing here decides what a payment means for an order; that is `flow/pay.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from invoice_service.errors import N_, Error, Unavailable


class PaymentState(enum.Enum):
    """A provider's own state words, translated by one table in each provider."""

    UNPAID = "unpaid"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """What we ask a shopper to pay. `out_trade_no` is our reference at the provider, unique and stable."""

    out_trade_no: str
    amount_fen: int
    description: str
    expires_at: datetime
    return_url: str


@dataclass(frozen=True, slots=True)
class PaymentReport:
    """What a provider says about one payment, checked to come from it but not yet judged by us.

    `transaction_id` and `paid_at` are None unless the state is SUCCEEDED (or REFUNDED).
    """

    out_trade_no: str
    state: PaymentState
    amount_fen: int
    transaction_id: str | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefundReport:
    out_refund_no: str
    refund_id: str
    amount_fen: int


class PaymentProvider(Protocol):
    """One merchant account at one provider. Every call may raise `ProviderUnavailable`."""

    name: ClassVar[str]

    def start(self, request: PaymentRequest) -> str:
        """Register the payment and return the URL where the shopper pays. Asking again is harmless."""
        ...

    def query(self, out_trade_no: str) -> PaymentReport:
        """Ask what became of a payment; an unknown reference answers UNPAID."""
        ...

    def parse_notification(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> PaymentReport:
        """Check the signature over the raw `body` and its freshness, then read it.

        Raises BadSignature, StaleNotification, MalformedNotification (each before anything is believed).
        """
        ...

    def refund(
        self, out_trade_no: str, out_refund_no: str, *, amount_fen: int, total_fen: int
    ) -> RefundReport:
        """Pay back; the same `out_refund_no` pays back once however often it is asked.

        Raises RefundRefused for a clear no, after which nothing was paid back nor will be.
        """
        ...


class PretendCashier(PaymentProvider, Protocol):
    """A provider for tests and demos that can also play the shopper."""

    def pay_as_shopper(self, request: PaymentRequest) -> PaymentReport: ...


class ProviderUnavailable(Unavailable):
    code = "payment.provider_unavailable"
    message = N_("The payment service is not answering. You have not been charged; please try again.")


class RefundRefused(Error):
    code = "payment.refund_refused"
    message = N_("The payment service will not pay this back.")
    status = 409


class NotificationRefused(Error):
    """Base of what makes a notice unbelievable. `verdict` is the word kept beside the raw notice."""

    verdict: ClassVar[str]
    status = 401


class BadSignature(NotificationRefused):
    verdict = "bad_signature"
    code = "payment.bad_signature"
    message = N_("The notice is not signed by the payment provider.")


class StaleNotification(NotificationRefused):
    verdict = "stale"
    code = "payment.stale_notification"
    message = N_("The notice is too old to be believed.")


class MalformedNotification(NotificationRefused):
    verdict = "malformed"
    code = "payment.malformed_notification"
    message = N_("The notice cannot be read.")
    status = 400
