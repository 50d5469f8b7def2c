"""One header, many stalls: issue the invoice of each order in a basket, and say which had to wait.

Each invoice is a unit of work of its own, since each is a fact of its own: a refund that is under way at
one stall, or another vendor's ceiling, takes nothing from the rest. Whoever asks again, after a crash or
for those that failed, gets what was issued before and the rest anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from invoice_service.domain.basket import chosen
from invoice_service.domain.party import Buyer
from invoice_service.errors import Error
from invoice_service.flow.issue import Issued, issue
from invoice_service.services import Services


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one order: its invoice, or why there is none."""

    order_token: str
    issued: Issued | None = None
    refusal: Error | None = None


def issue_basket(services: Services, order_tokens: Sequence[str], buyer: Buyer) -> tuple[Outcome, ...]:
    """Raises BadBasket; and Unavailable halfway, when nothing more can be issued for now."""
    return tuple(_one(services, token, buyer) for token in chosen(order_tokens, "orders"))


def _one(services: Services, token: str, buyer: Buyer) -> Outcome:
    try:
        return Outcome(token, issued=issue(services, token, buyer))
    except Error as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return Outcome(token, refusal=error)
