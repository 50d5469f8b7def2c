"""Stalls: add one, change what it says, open and close it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import Action
from invoice_service.domain.details import StallExists, read_stall, read_stall_code
from invoice_service.domain.policy import Actor
from invoice_service.flow import access
from invoice_service.services import Services
from invoice_service.store import catalogue, market
from invoice_service.store.unit_of_work import broke


def add(services: Services, actor: Actor, given: Mapping[str, str], market_code: str | None = None) -> str:
    """A stall with its first code, as typed: code, name_…, kind_…, place_… (zh and en). Answers its code.

    Raises OutOfScope, BadStall, StallExists.
    """
    now = services.clock()
    with services.database.unit_of_work() as uow:
        row = market.managed_market(uow.connection, actor, market_code)
        code = read_stall_code(given)
        values = {"market_id": row["id"], "code": code, "is_open": True} | asdict(read_stall(given))
        try:
            stall_id = catalogue.insert_stall(uow.connection, values)
        except IntegrityError as error:
            if broke(error, "stalls_code_key"):
                raise StallExists({"code": StallExists.message}) from None
            raise
        catalogue.add_code(uow.connection, stall_id, 1, now)
        _note(services, uow.connection, actor, row["id"], code)
        uow.commit()
    return code


def edit(services: Services, actor: Actor, code: str, given: Mapping[str, str]) -> None:
    """Everything but the code, which stands on invoices. Raises OutOfScope, BadStall."""
    with services.database.unit_of_work() as uow:
        row = market.managed_stall(uow.connection, actor, code, lock=True)
        market.change_stall(uow.connection, row["id"], read_stall(given))
        _note(services, uow.connection, actor, row["market_id"], code)
        uow.commit()


def set_open(services: Services, actor: Actor, code: str, is_open: bool) -> None:
    """A closed stall takes no orders; what was ordered before can still be paid. Raises OutOfScope."""
    with services.database.unit_of_work() as uow:
        row = market.managed_stall(uow.connection, actor, code, lock=True)
        if row["is_open"] != is_open:
            market.set_open(uow.connection, row["id"], is_open)
            _note(services, uow.connection, actor, row["market_id"], code)
        uow.commit()


def look(services: Services, actor: Actor, code: str) -> None:
    """Write down that somebody looks at a stall's figures, for whoever sells there now to see.

    The page calls it before it reads them. Raises OutOfScope.
    """
    now = services.clock()
    with services.database.unit_of_work() as uow:
        row = market.managed_stall(uow.connection, actor, code)
        seller = catalogue.stall_row(uow.connection, code, now)
        access.note(
            uow.connection,
            actor,
            Action.STALL_LOOKED_AT,
            now=now,
            market_id=row["market_id"],
            vendor_id=seller["vendor_id"] if seller else None,
            subject=code,
        )
        uow.commit()


def _note(services: Services, connection: Connection, actor: Actor, market_id: int, code: str) -> None:
    access.note(
        connection, actor, Action.STALL_CHANGED, now=services.clock(), market_id=market_id, subject=code
    )
