"""Passkeys: the public keys that an account's devices sign with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from invoice_service.store.people_tables import passkeys


@dataclass(frozen=True, slots=True)
class Passkey:
    id: bytes
    account_id: int
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(passkeys), values)


def by_id(connection: Connection, passkey_id: bytes) -> Passkey | None:
    row = connection.execute(select(passkeys).where(passkeys.c.id == passkey_id)).mappings().first()
    return None if row is None else Passkey(**row)


def of_account(connection: Connection, account_id: int) -> Sequence[Passkey]:
    """The oldest first."""
    wanted = select(passkeys).where(passkeys.c.account_id == account_id).order_by(passkeys.c.created_at)
    return [Passkey(**row) for row in connection.execute(wanted).mappings()]


def used(connection: Connection, passkey_id: bytes, sign_count: int, now: datetime) -> None:
    seen = update(passkeys).where(passkeys.c.id == passkey_id)
    connection.execute(seen.values(sign_count=sign_count, last_used_at=now))


def remove(connection: Connection, account_id: int, passkey_id: bytes) -> bool:
    """False where that account has no such passkey."""
    one = delete(passkeys).where(passkeys.c.account_id == account_id, passkeys.c.id == passkey_id)
    return connection.execute(one).rowcount == 1


def remove_all(connection: Connection, account_id: int) -> None:
    connection.execute(delete(passkeys).where(passkeys.c.account_id == account_id))
