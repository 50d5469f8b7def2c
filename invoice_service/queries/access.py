"""Who did or looked at what, as those concerned see it, the newest first.

Vendors see what concerns them: which office looked, when and why. Operators see their market's, officers
their own looks, administrators all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from invoice_service.domain.access import Action, record_document
from invoice_service.domain.invoice import Document
from invoice_service.domain.policy import Actor, OutOfScope, Role
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.ledger import canonical, tree
from invoice_service.ledger.entry import Kind
from invoice_service.services import Services
from invoice_service.store import access, log

WHOSE = ("others", "all")
_CONCERNING = {
    # A look at all vendors of the market is one at each of them.
    Role.VENDOR: "(r.vendor_id = :vendor_id OR r.market_id = :market_id AND r.action = 'market.look')",
    Role.OPERATOR: "r.market_id = :market_id",
    Role.OFFICER: "r.account_id = :account_id",
    Role.ADMIN: "TRUE",
}
_BY_OTHERS = "r.account_id IS DISTINCT FROM :account_id"


class BadFilter(InvalidInput):
    code = "access.bad_filter"
    message = N_("Please choose one of the offered values.")


class NotClosedYet(Error):
    code = "access.not_closed"
    message = N_(
        "The day of this record is not closed yet. It can be proven from ten minutes after midnight."
    )
    status = 409


@dataclass(frozen=True, slots=True)
class AccessView:
    """`is_closed`: its day's root stands in the ledger."""

    id: int
    at: datetime
    role: str
    who: str
    action: Action
    subject: str
    reason: str | None
    is_own: bool
    is_closed: bool


@dataclass(frozen=True, slots=True)
class AccessProof:
    """What shows to anybody that one record is one of its day's, by SPEC.md sections 4 and 6.

    `index` is the record's among the day's; `log_index` the ACCESS_DAY entry's, None until it is sealed.
    """

    record: Document
    index: int
    size: int
    path: tuple[str, ...]
    body: Document
    salt: str
    log_index: int | None


def records(
    services: Services, actor: Actor, *, whose: str = "all", after: int | None = None, limit: int = 30
) -> tuple[tuple[AccessView, ...], int | None]:
    """One page, and after which record the next one begins. Raises BadFilter."""
    if whose not in WHOSE:
        raise BadFilter({"whose": BadFilter.message})
    conditions = [_CONCERNING[actor.role]]
    conditions += [_BY_OTHERS] if whose == "others" else []
    conditions += ["r.id < :after"] if after is not None else []
    statement = text(f"""
        SELECT r.id, r.at, r.account_id, r.role, r.who, r.action, r.subject, r.reason,
               d.day IS NOT NULL AS is_closed
        FROM access_records AS r LEFT JOIN access_days AS d ON d.day = r.day
        WHERE {" AND ".join(conditions)} ORDER BY r.id DESC LIMIT :wanted
    """)  # noqa: S608 - the conditions are those above
    with services.database.read() as connection:
        rows = connection.execute(statement, _whom(actor) | {"after": after, "wanted": limit + 1}).all()
    views = tuple(_view(row, actor) for row in rows[:limit])
    return views, views[-1].id if len(rows) > limit else None


def proof(services: Services, actor: Actor, record_id: int) -> AccessProof:
    """Raises OutOfScope, NotClosedYet."""
    with services.database.read() as connection:
        day = _day_of(connection, actor, record_id)
        if day.body is None:
            raise NotClosedYet
        rows = access.records_of(connection, day.day)
        entry = log.entry_of(connection, Kind.ACCESS_DAY, day.day.isoformat())
    index = next(n for n, row in enumerate(rows) if row["id"] == record_id)
    leaves = [tree.leaf_hash(canonical.encode(record_document(row))) for row in rows]
    return AccessProof(
        record=record_document(rows[index]),
        index=index,
        size=len(rows),
        path=tuple(step.hex() for step in tree.path_in(leaves, index)),
        body=canonical.decode(day.body),
        salt=day.salt.hex(),
        log_index=None if entry is None else entry.index,
    )


def _day_of(connection: Connection, actor: Actor, record_id: int) -> Any:
    statement = text(f"""
        SELECT r.day, d.body, d.salt
        FROM access_records AS r LEFT JOIN access_days AS d ON d.day = r.day
        WHERE r.id = :record_id AND {_CONCERNING[actor.role]}
    """)  # noqa: S608 - the condition is one of those above
    row = connection.execute(statement, _whom(actor) | {"record_id": record_id}).first()
    if row is None:
        raise OutOfScope
    return row


def _whom(actor: Actor) -> dict[str, Any]:
    return {"account_id": actor.account_id, "market_id": actor.market_id, "vendor_id": actor.vendor_id}


def _view(row: Any, actor: Actor) -> AccessView:
    return AccessView(
        id=row.id,
        at=row.at,
        role=row.role,
        who=row.who,
        action=Action(row.action),
        subject=row.subject,
        reason=row.reason,
        is_own=row.account_id == actor.account_id,
        is_closed=row.is_closed,
    )
