"""The life of an order, in one table. No other code decides which state may follow which."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from invoice_service.errors import N_, Error


class OrderStatus(enum.StrEnum):
    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"
    REFUNDED = "refunded"


class ForbiddenTransition(Error):
    code = "order.forbidden_transition"
    message = N_("This order is {status}; it cannot become {wanted}.")
    status = 409


ORDER_TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.OPEN: frozenset({OrderStatus.PAID, OrderStatus.CLOSED}),
    OrderStatus.PAID: frozenset({OrderStatus.REFUNDED}),
    OrderStatus.CLOSED: frozenset(),  # a payment that still arrives is kept beside it and paid back
    OrderStatus.REFUNDED: frozenset(),
}


def step(current: OrderStatus, wanted: OrderStatus) -> OrderStatus:
    """`wanted`, if it may follow `current`. Raises ForbiddenTransition."""
    if wanted not in ORDER_TRANSITIONS[current]:
        raise ForbiddenTransition(status=current.value, wanted=wanted.value)
    return wanted


class Disposition(enum.StrEnum):
    """What a verified payment meant for its order when it arrived."""

    SETTLES = "settles"
    LATE = "late"  # the order had closed
    SURPLUS = "surplus"  # the order had been paid already


DISPOSITIONS: Mapping[OrderStatus, Disposition] = {
    OrderStatus.OPEN: Disposition.SETTLES,
    OrderStatus.CLOSED: Disposition.LATE,
    OrderStatus.PAID: Disposition.SURPLUS,
    OrderStatus.REFUNDED: Disposition.SURPLUS,
}
