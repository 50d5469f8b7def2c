"""What must be true of the whole: each fact stands once, and nothing stands beyond the log's head."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from invoice_service.domain.access import Action
from invoice_service.ledger.entry import Kind
from invoice_service.queries.audit import numbers, refunds
from invoice_service.queries.audit.differs import Difference
from invoice_service.queries.audit.kinds import named
from invoice_service.store import audit


def differences(connection: Connection) -> Iterator[Difference]:
    for kind, fact in audit.without_entry(connection):
        yield Difference(named(kind, fact), "it stands neither in the log nor in the outbox")
    for row in audit.twice(connection):
        yield Difference(named(row.kind, row.fact), "it waits in the outbox and stands in the log")
    for order_id in audit.paid_without_sale(connection):
        yield Difference(named(Kind.SALE, order_id), "the order was paid, and there is no sale")
    for number in audit.erased_without(connection, Action.BUYER_ERASED):
        yield Difference(
            named(Kind.INVOICE, number), "its buyer was erased, and no record says by whom and why"
        )
    yield from refunds.differences(connection)
    for row in audit.beyond(connection):
        yield Difference(f"{row.what} {row.place}", "it stands beyond the log's head")
    yield from numbers.differences(connection)
