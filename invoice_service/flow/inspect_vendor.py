"""A tax officer looks at one vendor's figures, and says why. No reason, no figures; no figures, no record.

Reading and recording are one transaction: the figures leave this function only after the record of the look
is kept, and the vendor sees it on the phone: which office, when, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from invoice_service.domain.access import Action
from invoice_service.domain.numbering import SHANGHAI, business_day
from invoice_service.domain.policy import Actor, OutOfScope, Scope, check_see
from invoice_service.errors import N_, InvalidInput
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import dossier
from invoice_service.store.dossier import Identity, Sums

REASON_MIN, REASON_MAX = 4, 200


class ReasonMissing(InvalidInput):
    code = "access.reason_missing"
    message = N_("Please say why you look, in 4 to 200 characters. The vendor will read it.")


@dataclass(frozen=True, slots=True)
class Inspection:
    """`as_of` is when it was looked at; days and months are Shanghai's."""

    vendor: Identity
    today: Sums
    month: Sums
    as_of: datetime


def inspect(services: Services, actor: Actor, vendor_id: int, reason: str) -> Inspection:
    """Raises OutOfScope, ReasonMissing."""
    now = services.clock()
    midnight = datetime.combine(business_day(now), time(), SHANGHAI)
    tomorrow = midnight + timedelta(days=1)
    with services.database.unit_of_work() as uow:
        vendor = dossier.identity(uow.connection, vendor_id)
        if vendor is None:
            raise OutOfScope
        check_see(actor, Scope(vendor.market_id, vendor.region, vendor.id))
        reason = checked_reason(reason)
        today = dossier.sums(uow.connection, vendor_id, midnight, tomorrow)
        month = dossier.sums(uow.connection, vendor_id, midnight.replace(day=1), tomorrow)
        note(
            uow.connection,
            actor,
            Action.VENDOR_LOOKED_AT,
            now=now,
            market_id=vendor.market_id,
            vendor_id=vendor.id,
            subject=vendor.name_zh,
            reason=reason,
        )
        uow.commit()
    return Inspection(vendor, today, month, now)


def checked_reason(text: str) -> str:
    """Raises ReasonMissing."""
    reason = text.strip()
    if not (REASON_MIN <= len(reason) <= REASON_MAX and reason.isprintable()):
        raise ReasonMissing({"reason": ReasonMissing.message})
    return reason
