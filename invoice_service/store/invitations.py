"""Invitations: who was asked to connect a phone or to set up a sign-in, and whether they did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from invoice_service.domain.invitation import Invitation
from invoice_service.store.people_tables import accounts, invitations

_INVITATION = select(
    invitations.c.id,
    invitations.c.account_id,
    (accounts.c.role == "vendor").label("is_phone"),
    invitations.c.expires_at,
    invitations.c.used_at,
    invitations.c.revoked_at,
    accounts.c.disabled_at.is_not(None).label("is_closed"),
).join_from(invitations, accounts, accounts.c.id == invitations.c.account_id)
_BY_TOKEN = _INVITATION.where(invitations.c.token_hash == bindparam("token_hash"))
_BY_ID = _INVITATION.where(invitations.c.id == bindparam("invitation_id"))
# The account too: whoever takes up one of two invitations to an account has it to himself until he is done.
_LOCKED = _BY_TOKEN.with_for_update()
_OPEN = (invitations.c.used_at.is_(None), invitations.c.revoked_at.is_(None))


def add(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(invitations).returning(invitations.c.id), values).scalar_one()


def find(connection: Connection, token_hash: bytes) -> Invitation | None:
    row = connection.execute(_BY_TOKEN, {"token_hash": token_hash}).mappings().first()
    return None if row is None else Invitation(**row)


def by_id(connection: Connection, invitation_id: int) -> Invitation | None:
    row = connection.execute(_BY_ID, {"invitation_id": invitation_id}).mappings().first()
    return None if row is None else Invitation(**row)


def lock(connection: Connection, token_hash: bytes) -> Invitation | None:
    """With its account, locked until the unit ends: of two who come at once the second sees it used."""
    row = connection.execute(_LOCKED, {"token_hash": token_hash}).mappings().first()
    return None if row is None else Invitation(**row)


def use(connection: Connection, invitation_id: int, now: datetime) -> None:
    connection.execute(update(invitations).where(invitations.c.id == invitation_id).values(used_at=now))


def revoke_open(connection: Connection, account_id: int, now: datetime) -> int:
    """Take back what is neither used nor revoked. Answers how many that were."""
    statement = update(invitations).where(invitations.c.account_id == account_id, *_OPEN)
    return connection.execute(statement.values(revoked_at=now)).rowcount
