"""Accounts, how they sign in, and who is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from invoice_service.domain.policy import Actor, Role
from invoice_service.store.tables import accounts, sessions

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
    )
    .join_from(sessions, accounts, accounts.c.id == sessions.c.account_id)
    .where(
        sessions.c.token_hash == bindparam("token_hash"),
        sessions.c.ended_at.is_(None),
        sessions.c.expires_at > bindparam("now"),
        accounts.c.disabled_at.is_(None),
    )
)


def actor(connection: Connection, token_hash: bytes, now: datetime) -> Actor | None:
    """Who is signed in with a session that has neither ended nor expired."""
    row = connection.execute(_ACTOR, {"token_hash": token_hash, "now": now}).mappings().first()
    return None if row is None else Actor(**dict(row) | {"role": Role(row["role"])})


def insert_account(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(accounts).returning(accounts.c.id), values).scalar_one()


def insert_session(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(sessions).returning(sessions.c.id), values).scalar_one()
