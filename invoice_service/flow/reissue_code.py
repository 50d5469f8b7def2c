"""A stall's code is damaged, stolen or pasted over: print a new one, and let the old one say so."""

from __future__ import annotations

from invoice_service.domain.access import Action
from invoice_service.domain.party import name_problem
from invoice_service.domain.policy import Actor
from invoice_service.errors import N_, InvalidInput
from invoice_service.flow import access
from invoice_service.services import Services
from invoice_service.store import catalogue, market


class ReasonMissing(InvalidInput):
    code = "stall.reason_missing"
    message = N_("Please say in a few words why the code is replaced.")


def reissue(services: Services, actor: Actor, code: str, reason: str) -> int:
    """The serial of the new code; from now on the old one says that it was replaced.

    Raises OutOfScope, ReasonMissing.
    """
    now, why = services.clock(), reason.strip()
    with services.database.unit_of_work() as uow:
        stall = market.managed_stall(uow.connection, actor, code, lock=True)
        if name_problem(why):
            raise ReasonMissing({"reason": ReasonMissing.message})
        serial = market.replace_code(uow.connection, stall["id"], now, why) + 1
        catalogue.add_code(uow.connection, stall["id"], serial, now)
        access.note(
            uow.connection,
            actor,
            Action.CODE_REISSUED,
            now=now,
            market_id=stall["market_id"],
            subject=code,
            reason=why,
        )
        uow.commit()
    return serial
