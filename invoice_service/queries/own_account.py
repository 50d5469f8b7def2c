"""What people see of their own account: ways to sign in, sessions, and what an invitation offers them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from invoice_service.domain.invitation import check_open
from invoice_service.domain.policy import Actor, Role, is_fresh
from invoice_service.domain.token import fingerprint
from invoice_service.services import Services
from invoice_service.store import accounts, invitations, passkeys


@dataclass(frozen=True, slots=True)
class PasskeyView:
    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionView:
    id: int
    device: str
    address: str
    created_at: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    name: str
    role: Role
    login: str | None
    has_password: bool
    recovery_codes: int
    passkeys: tuple[PasskeyView, ...]
    sessions: tuple[SessionView, ...]


@dataclass(frozen=True, slots=True)
class WaysView:
    """By what somebody who is signed in can prove it again. `is_fresh`: they have just done so."""

    pin: bool
    password: bool
    passkey: bool
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class InvitedView:
    """`is_reset`: the account has a sign-in already, which setting up replaces."""

    name: str
    login: str
    role: Role
    expires_at: datetime
    is_reset: bool


def account(services: Services, actor: Actor) -> AccountView:
    now = services.clock()
    with services.database.read() as connection:
        found = accounts.proving(connection, actor.account_id)
        assert found is not None  # noqa: S101 - somebody is signed in to it
        known = passkeys.of_account(connection, actor.account_id)
        sessions = accounts.live_sessions(connection, actor.account_id, now)
        left = accounts.unused_recovery_codes(connection, actor.account_id)
    return AccountView(
        name=found.name,
        role=found.role,
        login=found.login,
        has_password=found.password_hash is not None,
        recovery_codes=left,
        passkeys=tuple(_passkey(one) for one in known),
        sessions=tuple(
            SessionView(
                id=row["id"],
                device=row["device"],
                address=row["address"],
                created_at=row["created_at"],
                seen_at=row["seen_at"],
                is_this=row["id"] == actor.session_id,
            )
            for row in sessions
        ),
    )


def ways_to_confirm(services: Services, actor: Actor) -> WaysView:
    with services.database.read() as connection:
        found = accounts.proving(connection, actor.account_id)
        assert found is not None  # noqa: S101 - somebody is signed in to it
        known = passkeys.of_account(connection, actor.account_id)
    return WaysView(
        pin=found.pin_hash is not None,
        password=found.password_hash is not None,
        passkey=bool(known),
        is_fresh=is_fresh(actor, services.clock()),
    )


def invited(services: Services, token: str) -> InvitedView:
    """Looking changes nothing: mail programs open links before people do.

    Raises InvitationUnknown, …Used, …Late, …Revoked.
    """
    with services.database.read() as connection:
        invitation = invitations.find(connection, fingerprint(token))
        invitation = check_open(invitation, services.clock(), is_phone=False)
        found = accounts.proving(connection, invitation.account_id)
        assert found is not None  # noqa: S101 - an invitation has one
        has_passkey = bool(passkeys.of_account(connection, found.id))
    return InvitedView(
        name=found.name,
        login=found.login or "",
        role=found.role,
        expires_at=invitation.expires_at,
        is_reset=has_passkey or found.password_hash is not None,
    )


def _passkey(one: passkeys.Passkey) -> PasskeyView:
    name = base64.urlsafe_b64encode(one.id).decode().rstrip("=")
    return PasskeyView(name, one.name, one.created_at, one.last_used_at)
