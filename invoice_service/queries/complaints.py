"""Complaints as whoever made them, the market's office and the tax office read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.complaint import UnknownComplaint, check_answer
from invoice_service.domain.listing import chosen
from invoice_service.domain.policy import Actor, Role, Scope
from invoice_service.domain.token import fingerprint
from invoice_service.queries.market_rows import named
from invoice_service.services import Services
from invoice_service.store import complaints as stored
from invoice_service.store import market, supervised

STATES = ("waiting", "answered", "all")


@dataclass(frozen=True, slots=True)
class AnswerView:
    """`office`: market · tax. Shoppers read the office, and not who it was."""

    office: str
    who: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ComplaintView:
    """`vendor_name` is who was authorised at the stall then; None where nobody was."""

    id: UUID
    kind: str
    words: str
    created_at: datetime
    answered_at: datetime | None
    market_name: str
    stall_code: str
    stall_name: str
    vendor_name: str | None
    answers: tuple[AnswerView, ...] = ()


@dataclass(frozen=True, slots=True)
class ComplaintList:
    rows: tuple[ComplaintView, ...]
    next_key: UUID | None


def of_holder(services: Services, token: str, lang: str) -> ComplaintView:
    """Raises UnknownComplaint."""
    with services.database.read() as connection:
        row = stored.by_token(connection, fingerprint(token))
        if row is None:
            raise UnknownComplaint
        return _view(connection, row, lang)


def one(services: Services, actor: Actor, lang: str, complaint_id: UUID) -> ComplaintView:
    """Raises UnknownComplaint, OutOfScope, NotAllowed."""
    with services.database.read() as connection:
        row = stored.by_id(connection, complaint_id)
        if row is None:
            raise UnknownComplaint
        check_answer(actor, Scope(row["market_id"], row["region"]))
        return _view(connection, row, lang)


def listed(
    services: Services,
    actor: Actor,
    lang: str,
    *,
    state: str = "waiting",
    after: UUID | None = None,
    limit: int = 30,
    market_code: str | None = None,
) -> ComplaintList:
    """The newest first: of a region, or of a market. Raises BadListing, OutOfScope, ChooseMarket."""
    chosen(state, STATES, "state")
    with services.database.read() as connection:
        wanted = _whose(connection, actor, market_code)
        wanted |= {state: True} if state != "all" else {}
        wanted |= {"after": after} if after is not None else {}
        found = stored.listed(connection, wanted, limit=limit + 1)
    rows = tuple(_line(row, lang) for row in found[:limit])
    return ComplaintList(rows, rows[-1].id if len(found) > limit else None)


def _whose(connection: Connection, actor: Actor, market_code: str | None) -> dict[str, object]:
    if actor.role is Role.OFFICER and market_code is not None:
        return {"market_id": supervised.supervised_market(connection, actor, market_code)["id"]}
    if actor.role is Role.OFFICER:
        return {"region": actor.region}
    return {"market_id": market.managed_market(connection, actor, market_code)["id"]}


def _view(connection: Connection, row: RowMapping, lang: str) -> ComplaintView:
    answers = tuple(AnswerView(**answer) for answer in stored.answers(connection, row["id"]))
    return _line(row, lang, answers)


def _line(
    row: Mapping[str, Any] | RowMapping, lang: str, answers: tuple[AnswerView, ...] = ()
) -> ComplaintView:
    return ComplaintView(
        id=row["id"],
        kind=row["kind"],
        words=row["words"],
        created_at=row["created_at"],
        answered_at=row["answered_at"],
        market_name=named(row, lang, "market"),
        stall_code=row["stall_code"],
        stall_name=named(row, lang, "stall"),
        vendor_name=named(row, lang, "vendor") if row["vendor_id"] else None,
        answers=answers,
    )
