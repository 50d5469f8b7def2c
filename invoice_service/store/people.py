"""Accounts as those see them who invite and close them: with the market and region they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from invoice_service.domain.policy import Role
from invoice_service.store.people_tables import accounts, sessions
from invoice_service.store.tables import markets, vendors

_VENDOR = (
    select(vendors.c.market_id, markets.c.region, vendors.c.name_zh)
    .join_from(vendors, markets, markets.c.id == vendors.c.market_id)
    .where(vendors.c.id == bindparam("vendor_id"))
)
_LOCKED_VENDOR = _VENDOR.with_for_update(of=vendors, key_share=True)
_ACCOUNT = select(
    accounts.c.id,
    accounts.c.role,
    accounts.c.name,
    accounts.c.market_id,
    accounts.c.vendor_id,
    accounts.c.disabled_at,
    accounts.c.pin_hash,
)
_BY_ID = _ACCOUNT.where(accounts.c.id == bindparam("account_id"))
_BY_VENDOR = _ACCOUNT.where(accounts.c.vendor_id == bindparam("vendor_id"))


@dataclass(frozen=True, slots=True)
class VendorPlace:
    market_id: int
    region: str
    name_zh: str


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    role: Role
    name: str
    market_id: int | None
    vendor_id: int | None
    disabled_at: datetime | None
    pin_hash: str | None


def lock_vendor(connection: Connection, vendor_id: int) -> VendorPlace | None:
    """Where a vendor belongs; whoever else would make the vendor's account waits until the unit ends."""
    row = connection.execute(_LOCKED_VENDOR, {"vendor_id": vendor_id}).first()
    return None if row is None else VendorPlace(*row)


def account(connection: Connection, account_id: int) -> Account | None:
    return _account(connection.execute(_BY_ID, {"account_id": account_id}).mappings().first())


def lock_account(connection: Connection, account_id: int) -> Account | None:
    statement = _BY_ID.with_for_update()
    return _account(connection.execute(statement, {"account_id": account_id}).mappings().first())


def account_of_vendor(connection: Connection, vendor_id: int) -> Account | None:
    return _account(connection.execute(_BY_VENDOR, {"vendor_id": vendor_id}).mappings().first())


def _account(row: Mapping[str, Any] | Any) -> Account | None:
    return None if row is None else Account(**dict(row) | {"role": Role(row["role"])})


def set_pin(connection: Connection, account_id: int, pin_hash: str | None) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(pin_hash=pin_hash))


def disable(connection: Connection, account_id: int, now: datetime) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(disabled_at=now))


def reopen(connection: Connection, account_id: int) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(disabled_at=None))


def end_sessions(connection: Connection, account_id: int, now: datetime) -> int:
    """Sign an account out everywhere. Answers how many sessions that ended."""
    open_ones = update(sessions).where(sessions.c.account_id == account_id, sessions.c.ended_at.is_(None))
    return connection.execute(open_ones.values(ended_at=now)).rowcount


def end_session(connection: Connection, account_id: int, session_id: int, now: datetime) -> bool:
    """False where there is no such session of that account, or it ended before."""
    one = update(sessions).where(
        sessions.c.id == session_id, sessions.c.account_id == account_id, sessions.c.ended_at.is_(None)
    )
    return connection.execute(one.values(ended_at=now)).rowcount == 1
