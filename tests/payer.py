"""A payment provider for tests that are about what a payment or a refund does, and not about providers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from invoice_service.payments.provider import PaymentReport, PaymentRequest, PaymentState, RefundReport


class PaysWhenAsked:
    """A provider whose every order is paid by the time somebody asks."""

    name = "pays-when-asked"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._amounts: dict[str, int] = {}

    def start(self, request: PaymentRequest) -> str:
        self._amounts[request.out_trade_no] = request.amount_fen
        return "https://pay.example"

    def query(self, out_trade_no: str) -> PaymentReport:
        return PaymentReport(
            out_trade_no=out_trade_no,
            transaction_id=f"T-{out_trade_no}",
            state=PaymentState.SUCCEEDED,
            amount_fen=self._amounts[out_trade_no],
            paid_at=self._clock(),
        )

    def refund(self, _trade_no: str, out_refund_no: str, *, amount_fen: int, **_total: int) -> RefundReport:
        return RefundReport(out_refund_no, f"R-{out_refund_no}", amount_fen)
