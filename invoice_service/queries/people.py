"""Accounts, their sessions and invitations, as those see them who may; and what an invitation opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from invoice_service.domain.invitation import Progress, check_open, progress
from invoice_service.domain.policy import Actor, NotAllowed, OutOfScope, Role, check_reach
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, InvalidInput
from invoice_service.services import Services
from invoice_service.store import accounts as stored_accounts
from invoice_service.store import invitations
from invoice_service.store import people as stored_people

_INVITED_VENDOR = text("""
    SELECT v.name_zh AS vendor_zh, v.name_en AS vendor_en, m.name_zh AS market_zh, m.name_en AS market_en,
           a.pin_hash IS NOT NULL AS has_pin
    FROM accounts AS a
    JOIN vendors AS v ON v.id = a.vendor_id
    JOIN markets AS m ON m.id = a.market_id
    WHERE a.id = :account_id
""")


@dataclass(frozen=True, slots=True)
class PhoneInvitation:
    """`has_pin`: the vendor chose one before, and has to give it."""

    vendor_name: str
    market_name: str
    has_pin: bool
    expires_at: datetime


def phone_invitation(services: Services, token: str, lang: str) -> PhoneInvitation:
    """Whose phone a link connects. Changes nothing. Raises InvitationUnknown, …Used, …Late, …Revoked."""
    with services.database.read() as connection:
        found = invitations.find(connection, fingerprint(token))
        invitation = check_open(found, services.clock(), is_phone=True)
        row = connection.execute(_INVITED_VENDOR, {"account_id": invitation.account_id}).one()
    names = (row.vendor_zh, row.market_zh) if lang == "zh-CN" else (row.vendor_en, row.market_en)
    return PhoneInvitation(*names, has_pin=row.has_pin, expires_at=invitation.expires_at)


def phone_progress(services: Services, actor: Actor, invitation_id: int) -> tuple[Progress, int]:
    """What became of a one-time code, and whose phone it is for: a vendor's id. Raises OutOfScope."""
    with services.database.read() as connection:
        invitation = invitations.by_id(connection, invitation_id)
        if invitation is None or not invitation.is_phone:
            raise OutOfScope
        account = _reach(connection, actor, invitation.account_id)
    assert account.vendor_id is not None  # noqa: S101 - a phone is a vendor's
    return progress(invitation, services.clock()), account.vendor_id


STATES = ("all", "open", "closed")
_STATE = {"all": "TRUE", "open": "a.disabled_at IS NULL", "closed": "a.disabled_at IS NOT NULL"}


class BadChoice(InvalidInput):
    code = "people.bad_choice"
    message = N_("Please choose one of the offered values.")


@dataclass(frozen=True, slots=True)
class AccountView:
    """`invited_until`: an invitation is open until then. `has_sign_in`: it was taken up before."""

    id: int
    role: Role
    name: str
    login: str | None
    market_id: int | None
    vendor_id: int | None
    region: str | None
    created_at: datetime
    closed_at: datetime | None
    seen_at: datetime | None
    invited_until: datetime | None
    has_sign_in: bool


@dataclass(frozen=True, slots=True)
class SessionView:
    id: int
    device: str
    address: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


def accounts(
    services: Services,
    actor: Actor,
    *,
    role: str | None = None,
    state: str = "open",
    vendor_id: int | None = None,
    after: int | None = None,
    limit: int = 30,
) -> tuple[tuple[AccountView, ...], int | None]:
    """An operator's market, an administrator's everybody, by age; and after which the next page begins.

    Raises NotAllowed, BadChoice.
    """
    wanted = [_STATE[_chosen(state, STATES, "state")], _within(actor)]
    if role is not None:
        wanted.append("a.role = :role")
        _chosen(role, tuple(Role), "role")
    wanted += ["a.vendor_id = :vendor_id"] if vendor_id is not None else []
    wanted += ["a.id > :after"] if after is not None else []
    statement = text(f"""
        SELECT a.id, a.role, a.name, a.login, a.market_id, a.vendor_id, a.region, a.created_at,
               a.disabled_at AS closed_at,
               (SELECT max(s.seen_at) FROM sessions AS s WHERE s.account_id = a.id) AS seen_at,
               (SELECT max(i.expires_at) FROM invitations AS i
                WHERE i.account_id = a.id AND i.used_at IS NULL AND i.revoked_at IS NULL
                  AND i.expires_at > :now) AS invited_until,
               a.pin_hash IS NOT NULL OR a.password_hash IS NOT NULL
               OR EXISTS (SELECT FROM passkeys AS p WHERE p.account_id = a.id) AS has_sign_in
        FROM accounts AS a WHERE {" AND ".join(wanted)} ORDER BY a.id LIMIT :wanted
    """)  # noqa: S608 - the conditions are those written here
    values = {
        "market_id": actor.market_id,
        "role": role,
        "vendor_id": vendor_id,
        "after": after,
        "now": services.clock(),
        "wanted": limit + 1,
    }
    with services.database.read() as connection:
        rows = connection.execute(statement, values).mappings().all()
    views = tuple(AccountView(**dict(row) | {"role": Role(row["role"])}) for row in rows[:limit])
    return views, views[-1].id if len(rows) > limit else None


def sessions(services: Services, actor: Actor, account_id: int) -> tuple[SessionView, ...]:
    """Where somebody is signed in, the last seen first. Raises OutOfScope."""
    with services.database.read() as connection:
        _reach(connection, actor, account_id)
        rows = stored_accounts.live_sessions(connection, account_id, services.clock())
    names = SessionView.__dataclass_fields__
    return tuple(SessionView(**{name: row[name] for name in names}) for row in rows)


def _reach(connection: Connection, actor: Actor, account_id: int) -> stored_people.Account:
    account = stored_people.account(connection, account_id)
    if account is None:
        raise OutOfScope
    check_reach(actor, account.role, account.market_id)
    return account


def _within(actor: Actor) -> str:
    """Which accounts are the actor's to manage."""
    if actor.role is Role.ADMIN:
        return "TRUE"
    if actor.role is Role.OPERATOR:
        return "a.market_id = :market_id"
    raise NotAllowed


def _chosen(value: str, offered: tuple[str, ...], field: str) -> str:
    if value not in offered:
        raise BadChoice({field: BadChoice.message})
    return value
