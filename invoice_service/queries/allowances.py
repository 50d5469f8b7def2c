"""Ceilings on what may be invoiced in a month: as the vendor, and as the tax office, read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.allowance import Allowance, NoCeiling
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import Period, PeriodKind, period_of
from invoice_service.domain.policy import Actor, OutOfScope, Scope, check_supervise, own_vendor
from invoice_service.queries.market_rows import named
from invoice_service.services import Services
from invoice_service.store import allowances as stored

Row = Mapping[str, Any] | RowMapping


@dataclass(frozen=True, slots=True)
class RequestView:
    """What a vendor asked for. Answered with `granted_fen` None, it was refused."""

    asked_fen: int
    words: str
    created_at: datetime
    answered_at: datetime | None
    answer: str | None
    granted_fen: int | None


@dataclass(frozen=True, slots=True)
class AllowanceView:
    """`request` is the vendor's last, open or answered; None where the ceiling was set anew since."""

    allowance: Allowance
    set_at: datetime
    reason: str
    request: RequestView | None


@dataclass(frozen=True, slots=True)
class RequestToAnswer:
    """`allowance` is None where the ceiling was lifted."""

    id: int
    vendor_id: int
    vendor_name: str
    market_code: str
    market_name: str
    allowance: Allowance | None
    request: RequestView


@dataclass(frozen=True, slots=True)
class RequestList:
    rows: tuple[RequestToAnswer, ...]
    next_key: int | None


def own(services: Services, actor: Actor) -> AllowanceView:
    """A vendor's. Raises NotAllowed, NoCeiling."""
    _, vendor_id = own_vendor(actor)
    with services.database.read() as connection:
        found = of_vendor(connection, vendor_id, services.clock())
    if found is None:
        raise NoCeiling
    return found


def of_vendor(connection: Connection, vendor_id: int, now: datetime) -> AllowanceView | None:
    """Of a vendor whom the caller may look at; None where no ceiling is set."""
    month = _month(now)
    row = stored.by_vendor(connection, vendor_id, month)
    if row is None:
        return None
    is_past = row["answered_at"] is not None and row["answered_at"] < row["set_at"]
    request = None if row["asked_fen"] is None or is_past else _request(row)
    return AllowanceView(_allowance(row, month), row["set_at"], row["reason"], request)


def requests(
    services: Services, actor: Actor, lang: str, *, after: int | None = None, limit: int = 30
) -> RequestList:
    """Those of an officer's region that wait, the oldest first. Raises OutOfScope."""
    if actor.region is None:
        raise OutOfScope
    month = _month(services.clock())
    with services.database.read() as connection:
        found = stored.open_requests(connection, actor.region, month, after=after or 0, limit=limit + 1)
    rows = tuple(_to_answer(row, month, lang) for row in found[:limit])
    return RequestList(rows, rows[-1].id if len(found) > limit else None)


def request(services: Services, actor: Actor, lang: str, request_id: int) -> RequestToAnswer:
    """Raises OutOfScope, NotAllowed."""
    month = _month(services.clock())
    with services.database.read() as connection:
        row = stored.request(connection, request_id, month)
    if row is None:
        raise OutOfScope
    check_supervise(actor, Scope(row["market_id"], row["region"], row["vendor_id"]))
    return _to_answer(row, month, lang)


def waiting(services: Services, actor: Actor) -> int:
    """How many requests wait in an officer's region; nobody else's."""
    if actor.region is None:
        return 0
    with services.database.read() as connection:
        return stored.waiting(connection, actor.region)


def _month(now: datetime) -> Period:
    return period_of(PeriodKind.MONTH, business_day(now))


def _allowance(row: Row, month: Period) -> Allowance:
    return Allowance(month, row["ceiling_fen"], row["used_fen"])


def _request(row: Row) -> RequestView:
    return RequestView(**{name: row[name] for name in RequestView.__dataclass_fields__})


def _to_answer(row: Row, month: Period, lang: str) -> RequestToAnswer:
    return RequestToAnswer(
        id=row["id"],
        vendor_id=row["vendor_id"],
        vendor_name=named(row, lang),
        market_code=row["market_code"],
        market_name=named(row, lang, "market"),
        allowance=None if row["ceiling_fen"] is None else _allowance(row, month),
        request=_request(row),
    )
