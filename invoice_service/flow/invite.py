"""Ask somebody in: a vendor's phone by a QR code, anyone else by a link. Each works once, and for a while.

Only the newest invitation of an account is good: a new one takes the earlier ones back. The database holds a
token's SHA-256, so the link is known to whoever made it and whoever got it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import Action
from invoice_service.domain.account import LOGIN, BadLogin
from invoice_service.domain.invitation import DESK_LIFE, PHONE_LIFE
from invoice_service.domain.policy import (
    Actor,
    OutOfScope,
    Role,
    Scope,
    check_fresh,
    check_invite,
    check_manage,
    check_reach,
)
from invoice_service.domain.token import TOKEN_BYTES, fingerprint
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import accounts, invitations, passkeys, people
from invoice_service.store.people import Account
from invoice_service.store.unit_of_work import broke

MAX_NAME = 60
_REGION = re.compile(r"[0-9]{2,6}")


class BadInvitation(InvalidInput):
    code = "invitation.invalid"


class LoginTaken(Error):
    code = "account.login_taken"
    message = N_("This login is taken. Please choose another.")
    status = 409


class AccountClosed(Error):
    code = "account.closed"
    message = N_("This account is closed.")
    status = 409


@dataclass(frozen=True, slots=True)
class Invited:
    """`link` is shown once, as text or as a QR code; it cannot be read again. `id`: the invitation's."""

    id: int
    link: str
    expires_at: datetime
    account_id: int
    name: str


def invite_phone(services: Services, actor: Actor, vendor_id: int, *, forget_pin: bool = False) -> Invited:
    """A code that connects one phone to a vendor's account, made where there is none, reopened where closed.

    A vendor who forgot the PIN needs `forget_pin`: it ends every session of the account and removes its
    passkeys, so that whoever had got in is out. Since whoever scans that code chooses the new PIN, it is
    asked of somebody who has just proved who they are.
    Raises OutOfScope, NotAllowed, ConfirmFirst.
    """
    now = services.clock()
    with services.database.unit_of_work() as uow:
        account = _vendor_account(services, uow.connection, actor, vendor_id)
        if forget_pin:
            check_fresh(actor, now)
            people.set_pin(uow.connection, account.id, None)
            passkeys.remove_all(uow.connection, account.id)
            people.end_sessions(uow.connection, account.id, now)
        reason = "forgotten PIN" if forget_pin else None
        invited = _invite(services, uow.connection, actor, account, PHONE_LIFE, reason=reason)
        uow.commit()
    return invited


def invite_desk(
    services: Services,
    actor: Actor,
    role: Role,
    name: str,
    login: str,
    *,
    market_id: int | None = None,
    region: str | None = None,
) -> Invited:
    """A new account for an operator (of a market), an officer (of a region) or an administrator.

    Raises OutOfScope, NotAllowed, ConfirmFirst, BadInvitation, LoginTaken.
    """
    check_invite(actor, role, market_id)
    check_fresh(actor, services.clock())
    name, login = name.strip(), login.strip().lower()
    _check(role, name, login, market_id, region)
    values = {
        "role": role.value,
        "name": name,
        "login": login,
        "market_id": market_id,
        "vendor_id": None,
        "region": region,
    }
    with services.database.unit_of_work() as uow:
        try:
            account = _make(services, uow.connection, values)
        except IntegrityError as error:
            raise _refusal(error) from None
        invited = _invite(services, uow.connection, actor, account, DESK_LIFE)
        uow.commit()
    return invited


def invite_again(services: Services, actor: Actor, account_id: int) -> Invited:
    """For who lost the link, or can no longer sign in: setting up again replaces what there was.

    Raises OutOfScope, ConfirmFirst, AccountClosed.
    """
    check_fresh(actor, services.clock())
    with services.database.unit_of_work() as uow:
        account = within_reach(uow.connection, actor, account_id)
        if account.disabled_at is not None:
            raise AccountClosed
        life = PHONE_LIFE if account.role is Role.VENDOR else DESK_LIFE
        invited = _invite(services, uow.connection, actor, account, life)
        uow.commit()
    return invited


def revoke(services: Services, actor: Actor, account_id: int) -> int:
    """Take every unused invitation to an account back. Answers how many that were. Raises OutOfScope."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        account = within_reach(uow.connection, actor, account_id)
        count = invitations.revoke_open(uow.connection, account.id, now)
        if count:
            _note(uow.connection, actor, Action.INVITATION_REVOKED, account, now)
        uow.commit()
    return count


def within_reach(connection: Connection, actor: Actor, account_id: int) -> Account:
    """The account, locked, if the actor might have invited it. Raises OutOfScope."""
    account = people.lock_account(connection, account_id)
    if account is None:
        raise OutOfScope
    check_reach(actor, account.role, account.market_id)
    return account


def _vendor_account(services: Services, connection: Connection, actor: Actor, vendor_id: int) -> Account:
    place = people.lock_vendor(connection, vendor_id)
    if place is None:
        raise OutOfScope
    check_manage(actor, Scope(place.market_id, place.region, vendor_id))
    existing = people.account_of_vendor(connection, vendor_id)
    if existing is None:
        values = {
            "role": Role.VENDOR.value,
            "name": place.name_zh,
            "login": None,
            "market_id": place.market_id,
            "vendor_id": vendor_id,
            "region": None,
        }
        return _make(services, connection, values)
    if existing.disabled_at is not None:
        check_fresh(actor, services.clock())
        people.reopen(connection, existing.id)
    return existing


def _make(services: Services, connection: Connection, values: dict[str, Any]) -> Account:
    common = {"user_handle": services.random(32), "created_at": services.clock()}
    account_id = accounts.insert_account(connection, values | common)
    made = people.account(connection, account_id)
    assert made is not None  # noqa: S101 - it was inserted just now
    return made


def _invite(
    services: Services,
    connection: Connection,
    actor: Actor,
    account: Account,
    life: timedelta,
    *,
    reason: str | None = None,
) -> Invited:
    now = services.clock()
    invitations.revoke_open(connection, account.id, now)
    token = base64.urlsafe_b64encode(services.random(TOKEN_BYTES)).decode().rstrip("=")
    values = {
        "token_hash": fingerprint(token),
        "account_id": account.id,
        "invited_by": actor.account_id,
        "created_at": now,
        "expires_at": now + life,
    }
    invitation_id = invitations.add(connection, values)
    _note(connection, actor, Action.INVITED, account, now, reason=reason)
    door = "bind" if account.role is Role.VENDOR else "set-up"
    link = f"{services.config.public_url}/account/{door}/{token}"
    return Invited(invitation_id, link, now + life, account.id, account.name)


def _note(
    connection: Connection,
    actor: Actor,
    action: Action,
    account: Account,
    now: datetime,
    *,
    reason: str | None = None,
) -> None:
    note(
        connection,
        actor,
        action,
        now=now,
        market_id=account.market_id,
        vendor_id=account.vendor_id,
        subject=account.name,
        reason=reason,
    )


def _check(role: Role, name: str, login: str, market_id: int | None, region: str | None) -> None:
    problems = {}
    if not (1 <= len(name) <= MAX_NAME and name.isprintable()):
        problems["name"] = N_("A name has 1 to 60 characters.")
    if not LOGIN.fullmatch(login):
        problems["login"] = BadLogin.message
    if role is Role.VENDOR:
        problems["role"] = N_("Vendors are invited with a QR code for their phone.")
    if (role is Role.OPERATOR) is not (market_id is not None):
        problems["market"] = N_("An operator belongs to one market; nobody else does.")
    if (role is Role.OFFICER) is not (region is not None):
        problems["region"] = N_("A tax officer belongs to one region; nobody else does.")
    elif region is not None and not _REGION.fullmatch(region):
        problems["region"] = N_("A region is the first two to six digits of its code.")
    if problems:
        raise BadInvitation(problems)


def _refusal(error: IntegrityError) -> Error:
    """Raises again what it does not know."""
    if broke(error, "accounts_login_key"):
        return LoginTaken({"login": LoginTaken.message})
    if broke(error, "accounts_market_id_fkey"):
        return OutOfScope()
    raise error
