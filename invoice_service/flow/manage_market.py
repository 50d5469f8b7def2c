"""Markets: an administrator adds one; its operator keeps its details right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import Action
from invoice_service.domain.details import MarketExists, read_market, read_market_code
from invoice_service.domain.policy import Actor, NotAllowed, Role
from invoice_service.flow import access
from invoice_service.services import Services
from invoice_service.store import catalogue, market
from invoice_service.store.unit_of_work import broke


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
    """Names, region and address; the code stays. Raises OutOfScope, BadMarket."""
    with services.database.unit_of_work() as uow:
        row = market.managed_market(uow.connection, actor, market_code, lock=True)
        market.change_market(uow.connection, row["id"], read_market(given))
        access.note(
            uow.connection,
            actor,
            Action.MARKET_CHANGED,
            now=services.clock(),
            market_id=row["id"],
            subject=row["code"],
        )
        uow.commit()
