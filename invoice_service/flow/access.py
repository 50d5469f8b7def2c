"""Write down who did, or looked at, what: in the transaction in which it is done.

So there is nothing done without its record, and no record of what was not done. Nobody can change or
remove a record: the database refuses it, and each day's records are closed under a root in the log.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from invoice_service.domain.access import Action
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import midnight
from invoice_service.domain.policy import Actor
from invoice_service.store import access

SERVICE = "service"  # the role and name of what the service does by itself, or from the shell


def note(
    connection: Connection,
    actor: Actor | None,
    action: Action,
    *,
    now: datetime,
    market_id: int | None = None,
    vendor_id: int | None = None,
    subject: str = "",
    reason: str | None = None,
) -> None:
    """`market_id` and `vendor_id` name whom it concerns, and so who can read it. No actor: the service.

    A closed day takes no more records. Where a clock went back into one, the record is dated when the next
    day began, so that it comes after what was closed, as it did.
    """
    at = now
    if access.is_closed(connection, business_day(now)):
        at = midnight(access.last_closed(connection) + timedelta(days=1))
    access.add(
        connection,
        {
            "at": at,
            "day": business_day(at),
            "account_id": None if actor is None else actor.account_id,
            "role": SERVICE if actor is None else actor.role.value,
            "who": SERVICE if actor is None else actor.name,
            "action": action.value,
            "market_id": market_id,
            "vendor_id": vendor_id,
            "subject": subject,
            "reason": reason,
        },
    )
