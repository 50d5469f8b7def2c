"""Markets: an administrator adds one; its operator keeps its details right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import Action
from invoice_service.domain.details import BadMarket, MarketExists, read_market, read_market_code
from invoice_service.domain.policy import Actor, NotAllowed, Role
from invoice_service.errors import N_
from invoice_service.flow import access
from invoice_service.services import Services
from invoice_service.store import catalogue, market
from invoice_service.store.unit_of_work import broke

REGION_STAYS = N_("Only an administrator moves a market into another region.")


def add(services: Services, actor: Actor, given: Mapping[str, str]) -> str:
    """As typed: code, name_zh, name_en, region (six digits), address. Answers its code.

    Raises NotAllowed, BadMarket, MarketExists.
    """
    if actor.role is not Role.ADMIN:
        raise NotAllowed
    code, details = read_market_code(given), read_market(given)
    with services.database.unit_of_work() as uow:
        try:
            market_id = catalogue.insert_market(uow.connection, {"code": code} | asdict(details))
        except IntegrityError as error:
            if broke(error, "markets_code_key"):
                raise MarketExists({"code": MarketExists.message}) from None
            raise
        access.note(
            uow.connection,
            actor,
            Action.MARKET_CHANGED,
            now=services.clock(),
            market_id=market_id,
            subject=code,
        )
        uow.commit()
    return code


def edit(services: Services, actor: Actor, given: Mapping[str, str], market_code: str | None = None) -> None:
    """Names, region and address; the code stays. The region says which tax office sees the market, so only
    an administrator changes it. Raises OutOfScope, BadMarket."""
    with services.database.unit_of_work() as uow:
        row = market.managed_market(uow.connection, actor, market_code, lock=True)
        details = read_market(given)
        if details.region != row["region"] and actor.role is not Role.ADMIN:
            raise BadMarket({"region": REGION_STAYS})
        market.change_market(uow.connection, row["id"], details)
        access.note(
            uow.connection,
            actor,
            Action.MARKET_CHANGED,
            now=services.clock(),
            market_id=row["id"],
            subject=row["code"],
        )
        uow.commit()
