"""A market's stalls, vendors and authorisations: found for who manages them, and changed.

`managed_…` are the doors: they find the row and ask the policy, so that what is outside somebody's market
is not found, whichever way it was named. Hours and days are arguments; nothing asks the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy import text as sql

from invoice_service.domain.details import ChooseMarket, MarketDetails, StallDetails, VendorDetails
from invoice_service.domain.policy import Actor, OutOfScope, Role, Scope, check_manage
from invoice_service.store.people_tables import authorisations, stall_codes
from invoice_service.store.tables import goods, markets, stalls, vendors

_STALL = select(
    stalls,
    markets.c.code.label("market_code"),
    markets.c.name_zh.label("market_zh"),
    markets.c.name_en.label("market_en"),
    markets.c.region,
    markets.c.address,
).join_from(stalls, markets, markets.c.id == stalls.c.market_id)
_VENDOR = select(
    vendors,
    markets.c.code.label("market_code"),
    markets.c.name_zh.label("market_zh"),
    markets.c.name_en.label("market_en"),
    markets.c.region,
    markets.c.address,
).join_from(vendors, markets, markets.c.id == vendors.c.market_id)


def managed_markets(connection: Connection, actor: Actor) -> Sequence[RowMapping]:
    """An operator's own market; every market for an administrator. Raises OutOfScope for anybody else."""
    wanted = select(markets).order_by(markets.c.code)
    if actor.role is Role.OPERATOR:
        wanted = wanted.where(markets.c.id == actor.market_id)
    elif actor.role is not Role.ADMIN:
        raise OutOfScope
    return connection.execute(wanted).mappings().all()


def managed_market(
    connection: Connection, actor: Actor, code: str | None, *, lock: bool = False
) -> RowMapping:
    """The named market, or an operator's own. Locked: no second one decides beside us what is new in it.

    Raises ChooseMarket, OutOfScope, NotAllowed.
    """
    if code is None and actor.market_id is None:
        raise ChooseMarket({"market": ChooseMarket.message})
    wanted = select(markets).where(
        markets.c.id == actor.market_id if code is None else markets.c.code == code
    )
    if code is not None and not code.isprintable():
        raise OutOfScope  # as text it would break the statement
    row = connection.execute(wanted.with_for_update(key_share=True) if lock else wanted).mappings().first()
    if row is None:
        raise OutOfScope
    check_manage(actor, Scope(row["id"], row["region"]))
    return row


def managed_stall(connection: Connection, actor: Actor, code: str, *, lock: bool = False) -> RowMapping:
    """Raises OutOfScope, NotAllowed."""
    if not code.isprintable():
        raise OutOfScope  # as text it would break the statement
    wanted = _STALL.where(stalls.c.code == code)
    if lock:
        wanted = wanted.with_for_update(of=stalls, key_share=True)
    row = connection.execute(wanted).mappings().first()
    if row is None:
        raise OutOfScope
    check_manage(actor, Scope(row["market_id"], row["region"]))
    return row


def managed_vendor(connection: Connection, actor: Actor, vendor_id: int, *, lock: bool = False) -> RowMapping:
    """Raises OutOfScope, NotAllowed."""
    wanted = _VENDOR.where(vendors.c.id == vendor_id)
    if lock:
        wanted = wanted.with_for_update(of=vendors, key_share=True)
    row = connection.execute(wanted).mappings().first()
    if row is None:
        raise OutOfScope
    check_manage(actor, Scope(row["market_id"], row["region"], row["id"]))
    return row


def managed_authorisation(connection: Connection, actor: Actor, authorisation_id: int) -> RowMapping:
    """Locked. Raises OutOfScope, NotAllowed."""
    row = connection.execute(_AUTHORISATION, {"id": authorisation_id}).mappings().first()
    if row is None:
        raise OutOfScope
    check_manage(actor, Scope(row["market_id"], row["region"], row["vendor_id"]))
    return row


def change_market(connection: Connection, market_id: int, details: MarketDetails) -> None:
    connection.execute(update(markets).where(markets.c.id == market_id), asdict(details))


def change_stall(connection: Connection, stall_id: int, details: StallDetails) -> None:
    connection.execute(update(stalls).where(stalls.c.id == stall_id), asdict(details))


def set_open(connection: Connection, stall_id: int, is_open: bool) -> None:
    connection.execute(update(stalls).where(stalls.c.id == stall_id), {"is_open": is_open})


def change_vendor(connection: Connection, vendor_id: int, details: VendorDetails) -> None:
    connection.execute(update(vendors).where(vendors.c.id == vendor_id), asdict(details))


def insert_vendors(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(insert(vendors), rows)


def vendor_with_tax_id(connection: Connection, market_id: int, tax_id: str) -> int | None:
    """The one that was there first, if there is any."""
    wanted = select(vendors.c.id).where(vendors.c.market_id == market_id, vendors.c.tax_id == tax_id)
    return connection.execute(wanted.order_by(vendors.c.id).limit(1)).scalar()


def vendors_of(connection: Connection, market_id: int) -> Sequence[RowMapping]:
    wanted = select(vendors).where(vendors.c.market_id == market_id).order_by(vendors.c.id)
    return connection.execute(wanted).mappings().all()


def goods_of(connection: Connection, market_id: int) -> Sequence[RowMapping]:
    wanted = select(goods).where(
        goods.c.vendor_id.in_(select(vendors.c.id).where(vendors.c.market_id == market_id))
    )
    return connection.execute(wanted).mappings().all()


def end_authorisation(connection: Connection, authorisation_id: int, last_day: date) -> None:
    connection.execute(_END, {"id": authorisation_id, "last_day": last_day})


def withdraw_authorisation(connection: Connection, authorisation_id: int) -> None:
    connection.execute(delete(authorisations).where(authorisations.c.id == authorisation_id))


def replace_code(connection: Connection, stall_id: int, now: datetime, reason: str) -> int:
    """The serial of the code that was on the stall until now; 0 if there was none."""
    replaced = (
        update(stall_codes)
        .where(stall_codes.c.stall_id == stall_id, stall_codes.c.replaced_at.is_(None))
        .values(replaced_at=now, reason=reason)
        .returning(stall_codes.c.serial)
    )
    return connection.execute(replaced).scalar() or 0


_AUTHORISATION = sql("""
    SELECT a.id, a.market_id, a.stall_id, a.vendor_id,
           lower(a.days) AS first_day,
           upper(a.days) - 1 AS last_day, s.code, v.name_zh AS vendor_name, m.region
    FROM authorisations AS a
    JOIN stalls AS s ON s.id = a.stall_id
    JOIN vendors AS v ON v.id = a.vendor_id
    JOIN markets AS m ON m.id = a.market_id
    WHERE a.id = :id FOR UPDATE OF a
""")
_END = sql("""
    UPDATE authorisations SET days = daterange(lower(days), CAST(:last_day AS date), '[]') WHERE id = :id
""")
