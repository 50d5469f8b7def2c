"""Accounts, how they sign in, and who is signed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from invoice_service.domain.account import SESSION_IDLE
from invoice_service.domain.policy import Actor, Role
from invoice_service.store.people_tables import accounts, recovery_codes, sessions

_ACTOR = (
    select(
        accounts.c.id.label("account_id"),
        sessions.c.id.label("session_id"),
        accounts.c.role,
        accounts.c.name,
        accounts.c.market_id,
        accounts.c.vendor_id,
        accounts.c.region,
        sessions.c.confirmed_at,
        sessions.c.seen_at,
    )
    .join_from(sessions, accounts, accounts.c.id == sessions.c.account_id)
    .where(
        sessions.c.token_hash == bindparam("token_hash"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > bindparam("now"),
        accounts.c.disabled_at.is_(None),
        or_(accounts.c.role == Role.VENDOR.value, sessions.c.seen_at > bindparam("busy_since")),
    )
)
_PROVES = select(
    accounts.c.id,
    accounts.c.role,
    accounts.c.name,
    accounts.c.login,
    accounts.c.market_id,
    accounts.c.vendor_id,
    accounts.c.region,
    accounts.c.user_handle,
    accounts.c.password_hash,
    accounts.c.totp_secret,
    accounts.c.totp_step,
    accounts.c.pin_hash,
    accounts.c.disabled_at,
)


@dataclass(frozen=True, slots=True)
class Proving:
    """An account with what it proves itself by."""

    id: int
    role: Role
    name: str
    login: str | None
    market_id: int | None
    vendor_id: int | None
    region: str | None
    user_handle: bytes
    password_hash: str | None = field(repr=False)
    totp_secret: bytes | None = field(repr=False)
    totp_step: int | None
    pin_hash: str | None = field(repr=False)
    disabled_at: datetime | None


def actor(connection: Connection, token_hash: bytes, now: datetime) -> tuple[Actor, datetime] | None:
    """Who is signed in with a session that has neither ended nor expired, nor lain idle at a desk; and when
    that was last written down."""
    asked = {"token_hash": token_hash, "now": now, "busy_since": now - SESSION_IDLE}
    row = connection.execute(_ACTOR, asked).mappings().first()
    if row is None:
        return None
    values = dict(row)
    seen_at = values.pop("seen_at")
    return Actor(**values | {"role": Role(row["role"])}), seen_at


def by_login(connection: Connection, login: str) -> Proving | None:
    return _proving(connection.execute(_PROVES.where(accounts.c.login == login)).mappings().first())


def proving(connection: Connection, account_id: int, *, lock: bool = False) -> Proving | None:
    statement = _PROVES.where(accounts.c.id == account_id)
    statement = statement.with_for_update() if lock else statement
    return _proving(connection.execute(statement).mappings().first())


def _proving(row: Mapping[str, Any] | Any) -> Proving | None:
    return None if row is None else Proving(**dict(row) | {"role": Role(row["role"])})


def insert_account(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(accounts).returning(accounts.c.id), values).scalar_one()


def change(connection: Connection, account_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(values))


def use_totp_step(connection: Connection, account_id: int, step: int) -> bool:
    """False where that step, or a later one, was used before: of two at once, one is the second."""
    newer = or_(accounts.c.totp_step.is_(None), accounts.c.totp_step < step)
    used = update(accounts).where(accounts.c.id == account_id, newer).values(totp_step=step)
    return connection.execute(used).rowcount == 1


def put_recovery_codes(connection: Connection, account_id: int, hashes: Sequence[bytes]) -> None:
    """In place of those there were."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.account_id == account_id))
    if hashes:
        rows = [{"account_id": account_id, "code_hash": code_hash} for code_hash in hashes]
        connection.execute(insert(recovery_codes), rows)


def use_recovery_code(connection: Connection, account_id: int, code_hash: bytes, now: datetime) -> bool:
    """False where the account has no such code, or it was used before."""
    unused = update(recovery_codes).where(
        recovery_codes.c.account_id == account_id,
        recovery_codes.c.code_hash == code_hash,
        recovery_codes.c.used_at.is_(None),
    )
    return connection.execute(unused.values(used_at=now)).rowcount == 1


def unused_recovery_codes(connection: Connection, account_id: int) -> int:
    unused = recovery_codes.c.account_id == account_id, recovery_codes.c.used_at.is_(None)
    return connection.execute(select(func.count()).where(*unused)).scalar_one()


def insert_session(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(sessions).returning(sessions.c.id), values).scalar_one()


def change_session(connection: Connection, session_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(values))


def end_other_sessions(connection: Connection, account_id: int, kept: int, now: datetime) -> int:
    """Answers how many that ended."""
    others = update(sessions).where(
        sessions.c.account_id == account_id, sessions.c.id != kept, sessions.c.ended_at.is_(None)
    )
    return connection.execute(others.values(ended_at=now)).rowcount


def live_sessions(connection: Connection, account_id: int, now: datetime) -> list[Mapping[str, Any]]:
    """Those that still sign somebody in, the last seen first."""
    wanted = (
        select(sessions, accounts.c.role)
        .join_from(sessions, accounts, accounts.c.id == sessions.c.account_id)
        .where(
            sessions.c.account_id == account_id,
            sessions.c.ended_at.is_(None),
            sessions.c.expires_at > now,
            or_(accounts.c.role == Role.VENDOR.value, sessions.c.seen_at > now - SESSION_IDLE),
        )
        .order_by(sessions.c.seen_at.desc(), sessions.c.id.desc())
        .limit(50)
    )
    return list(map(dict, connection.execute(wanted).mappings()))
