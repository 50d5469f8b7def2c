"""A tax officer looks at a market's vendors, at one vendor, at a stall or at a sale, and says why.

The record comes first: it is committed before a figure leaves, those concerned can read it (who, when, why),
and for half an hour it is what lets the officer read on. No reason, no record; no record, no figures.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from invoice_service.domain import stall_code
from invoice_service.domain.access import LOOK_LASTS, Action, SayWhy
from invoice_service.domain.policy import Actor
from invoice_service.errors import N_, InvalidInput
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import supervised

REASON_MIN, REASON_MAX = 4, 200


class ReasonMissing(InvalidInput):
    code = "access.reason_missing"
    message = N_("Please say why you look, in 4 to 200 characters. The vendor will read it.")


def at_market(services: Services, actor: Actor, code: str, reason: str) -> datetime:
    """At every vendor's sums there; answers until when. Raises OutOfScope, ReasonMissing."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        market = supervised.supervised_market(uow.connection, actor, code)
        _note(uow.connection, actor, Action.MARKET_LOOKED_AT, now, market["id"], None, market["code"], reason)
        uow.commit()
    return now + LOOK_LASTS


def at_vendor(services: Services, actor: Actor, vendor_id: int, reason: str) -> datetime:
    """At a vendor's identity, sums and sales; answers until when. Raises OutOfScope, ReasonMissing."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        vendor = supervised.supervised_vendor(uow.connection, actor, vendor_id)
        of_whom = vendor["market_id"], vendor_id, vendor["name_zh"]
        _note(uow.connection, actor, Action.VENDOR_LOOKED_AT, now, *of_whom, reason)
        uow.commit()
    return now + LOOK_LASTS


def at_stall(services: Services, actor: Actor, read: str, reason: str) -> str:
    """A spot check: a look at the stall, and at whoever is authorised there now. Answers the stall's code.

    `read` is the code as typed, or what a camera read on the stall.
    Raises UnknownStall, ForeignCode, CodeReplaced, OutOfScope, ReasonMissing.
    """
    now = services.clock()
    scanned = stall_code.read(stall_code.in_address(read), services.keyring.tokens)
    with services.database.unit_of_work() as uow:
        stall = supervised.supervised_stall(uow.connection, actor, scanned.stall, now)
        stall_code.check_current(scanned, stall["live_serial"])
        of_whom = stall["market_id"], stall["vendor_id"], stall["code"]
        _note(uow.connection, actor, Action.STALL_CHECKED, now, *of_whom, reason)
        uow.commit()
    return scanned.stall


def at_sale(services: Services, actor: Actor, order_id: UUID) -> None:
    """At one sale and its invoice, for the reason for which the vendor is being looked at.

    Raises OutOfScope, SayWhy.
    """
    now = services.clock()
    with services.database.unit_of_work() as uow:
        sale = supervised.supervised_sale(uow.connection, actor, order_id)
        of_whom = sale["market_id"], sale["vendor_id"]
        since = now - LOOK_LASTS
        reason = supervised.last_look(
            uow.connection, actor.account_id, Action.VENDOR_LOOKED_AT, *of_whom, since
        )
        if reason is None:
            raise SayWhy(vendor_id=sale["vendor_id"], name=sale["name_zh"])
        _note(uow.connection, actor, Action.SALE_LOOKED_AT, now, *of_whom, str(order_id), reason)
        uow.commit()


def _note(
    connection: Connection,
    actor: Actor,
    action: Action,
    now: datetime,
    market_id: int,
    vendor_id: int | None,
    subject: Any,
    reason: str,
) -> None:
    note(
        connection,
        actor,
        action,
        now=now,
        market_id=market_id,
        vendor_id=vendor_id,
        subject=subject,
        reason=checked_reason(reason),
    )


def checked_reason(text: str) -> str:
    """Raises ReasonMissing."""
    reason = text.strip()
    if not (REASON_MIN <= len(reason) <= REASON_MAX and reason.isprintable()):
        raise ReasonMissing({"reason": ReasonMissing.message})
    return reason
