"""Connect a phone to a vendor's account: by a one-time code from the operator's screen, and the vendor's PIN.

Opening the link changes nothing, since messengers and scanners fetch links before people do; sending the PIN
does. The first phone chooses the PIN. Whoever photographs a code over the vendor's shoulder lacks it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from invoice_service.domain.access import Action
from invoice_service.domain.invitation import Invitation, InvitationUsed, check_open
from invoice_service.domain.pin import WrongPin, check_new_pin
from invoice_service.domain.policy import Actor
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, Error
from invoice_service.flow import attempts, secret
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import accounts, invitations, people
from invoice_service.store.people import Account

SESSION_LIFE = timedelta(days=180)
_SESSION_TOKEN_BYTES = 32


class AnotherAccount(Error):
    code = "invitation.another_account"
    message = N_("This phone is signed in as {name}. Sign out there first, then scan the code again.")
    status = 409


@dataclass(frozen=True, slots=True)
class Bound:
    """`token` opens the new session."""

    token: str
    expires_at: datetime


def bind(
    services: Services,
    token: str,
    pin: str,
    pin_again: str,
    *,
    device: str,
    address: str,
    signed_in: Actor | None,
) -> Bound:
    """`signed_in` is who this phone is signed in as by now.

    Raises InvitationUnknown, …Used, …Late, …Revoked; AnotherAccount, BadPin, WrongPin, TooManyAttempts.
    """
    seen = _look(services, token, signed_in)
    if seen.pin_hash is None:
        check_new_pin(pin, pin_again)
    else:
        attempts.begin(services, _subject(seen), address)
        if not secret.matches(seen.pin_hash, pin):
            raise WrongPin({"pin": WrongPin.message})
    with services.database.unit_of_work() as uow:
        invitation = _open(invitations.lock(uow.connection, fingerprint(token)), services)
        if people.account(uow.connection, seen.id) != seen:
            raise InvitationUsed  # another code, or a new PIN, came in between
        if seen.pin_hash is None:
            people.set_pin(uow.connection, seen.id, secret.hashed(pin))
        attempts.forget(uow.connection, _subject(seen))
        bound = _bind(services, uow.connection, seen, invitation, device=device, address=address)
        if signed_in is not None:
            people.end_session(uow.connection, seen.id, signed_in.session_id, services.clock())
        uow.commit()
    return bound


def _look(services: Services, token: str, signed_in: Actor | None) -> Account:
    """Whose invitation it is, before any PIN is looked at."""
    with services.database.read() as connection:
        invitation = _open(invitations.find(connection, fingerprint(token)), services)
        if signed_in is not None and signed_in.account_id != invitation.account_id:
            raise AnotherAccount(name=signed_in.name)
        account = people.account(connection, invitation.account_id)
    assert account is not None  # noqa: S101 - an invitation has one
    return account


def _open(invitation: Invitation | None, services: Services) -> Invitation:
    return check_open(invitation, services.clock(), is_phone=True)


def _bind(
    services: Services,
    connection: Connection,
    account: Account,
    invitation: Invitation,
    *,
    device: str,
    address: str,
) -> Bound:
    now = services.clock()
    token = base64.urlsafe_b64encode(services.random(_SESSION_TOKEN_BYTES)).decode().rstrip("=")
    values = {
        "token_hash": fingerprint(token),
        "account_id": account.id,
        "device": device,
        "address": address,
        "created_at": now,
        "seen_at": now,
        "expires_at": now + SESSION_LIFE,
        "confirmed_at": now,
    }
    invitations.use(connection, invitation.id, now)
    session_id = accounts.insert_session(connection, values)
    vendor = Actor(account.id, session_id, account.role, account.name, account.market_id, account.vendor_id)
    note(
        connection,
        vendor,
        Action.PHONE_BOUND,
        now=now,
        market_id=account.market_id,
        vendor_id=account.vendor_id,
        subject=device,
    )
    return Bound(token, now + SESSION_LIFE)


def _subject(account: Account) -> str:
    return f"pin:{account.id}"
