"""Set up one's sign-in from an invitation, and change it later.

A desk's account has passkeys, or a password together with one-time codes, or both, and never a password
alone. Whatever changes ends the account's other sessions: whoever had got in before is out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import Action
from invoice_service.domain.account import (
    RECOVERY_BYTES,
    RECOVERY_CODES,
    BadCode,
    checked_password,
    recovery_code,
)
from invoice_service.domain.invitation import check_open
from invoice_service.domain.pin import check_new_pin
from invoice_service.domain.policy import Actor, NotAllowed, OutOfScope, Role, check_fresh
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, Error
from invoice_service.flow import passkeys, proof, secret, sessions
from invoice_service.flow.passkeys import Answer
from invoice_service.flow.sessions import SignedIn, Visit
from invoice_service.services import Services
from invoice_service.store import accounts, invitations, people
from invoice_service.store import passkeys as stored_passkeys
from invoice_service.store.accounts import Proving

MOST_PASSKEYS = 10


class LastWayIn(Error):
    code = "passkey.last"
    message = N_("This is your only way to sign in. Add another passkey, or a password with codes, first.")
    status = 409


class TooManyPasskeys(Error):
    code = "passkey.too_many"
    message = N_("An account has at most ten passkeys. Remove one that you no longer use.")
    status = 409


class PasskeyKnown(Error):
    code = "passkey.known"
    message = N_("This passkey is in use already.")
    status = 409


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A password with the secret that an authenticator took up, and the code it shows for it."""

    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    code: str = field(repr=False)


def set_up_passkey(services: Services, token: str, answer: Answer, visit: Visit) -> SignedIn:
    """Take an invitation up. Raises InvitationUnknown, …Used, …Late, …Revoked; PasskeyRefused."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        account = _invited(uow.connection, services, token)
        passkeys.spend(uow.connection, answer.challenge, now)
        _add_passkey(uow.connection, passkeys.made(answer, account.id, visit.device, now))
        signed_in = sessions.begin(uow.connection, services, account.id, visit, action=Action.SIGN_IN_SET_UP)
        uow.commit()
    return signed_in


def set_up_password(
    services: Services, token: str, new: NewSecret, visit: Visit
) -> tuple[SignedIn, tuple[str, ...]]:
    """Take an invitation up; answers the recovery codes too, which nobody can read again.

    Raises InvitationUnknown, …Used, …Late, …Revoked; BadPassword, BadCode.
    """
    with services.database.read() as connection:
        seen = check_open(invitations.find(connection, fingerprint(token)), services.clock(), is_phone=False)
        account = accounts.proving(connection, seen.account_id)
    assert account is not None  # noqa: S101 - an invitation has one
    values = _kept(services, account, new)
    with services.database.unit_of_work() as uow:
        account = _invited(uow.connection, services, token)
        accounts.change(uow.connection, account.id, values)
        codes = _new_codes(uow.connection, services, account.id)
        signed_in = sessions.begin(uow.connection, services, account.id, visit, action=Action.SIGN_IN_SET_UP)
        uow.commit()
    return signed_in, codes


def set_password(services: Services, actor: Actor, new: NewSecret) -> tuple[str, ...]:
    """A new password, new one-time codes and new recovery codes, which are answered.

    Raises ConfirmFirst, NotAllowed, BadPassword, BadCode.
    """
    if actor.role is Role.VENDOR:
        raise NotAllowed
    check_fresh(actor, services.clock())
    with services.database.read() as connection:
        account = accounts.proving(connection, actor.account_id)
    assert account is not None  # noqa: S101 - somebody is signed in to it
    values = _kept(services, account, new)
    with services.database.unit_of_work() as uow:
        accounts.change(uow.connection, actor.account_id, values)
        codes = _new_codes(uow.connection, services, actor.account_id)
        _changed(uow.connection, services, actor)
        uow.commit()
    return codes


def set_pin(services: Services, actor: Actor, pin: str, again: str) -> None:
    """A vendor's new PIN; other phones are signed out. Raises ConfirmFirst, NotAllowed, BadPin."""
    if actor.role is not Role.VENDOR:
        raise NotAllowed
    check_fresh(actor, services.clock())
    check_new_pin(pin, again)
    hashed = secret.hashed(pin)
    with services.database.unit_of_work() as uow:
        people.set_pin(uow.connection, actor.account_id, hashed)
        _changed(uow.connection, services, actor)
        uow.commit()


def new_recovery_codes(services: Services, actor: Actor) -> tuple[str, ...]:
    """In place of all earlier ones. Raises ConfirmFirst; NotAllowed where there is no password to go with."""
    check_fresh(actor, services.clock())
    with services.database.unit_of_work() as uow:
        account = accounts.proving(uow.connection, actor.account_id, lock=True)
        if account is None or account.password_hash is None:
            raise NotAllowed
        codes = _new_codes(uow.connection, services, actor.account_id)
        _changed(uow.connection, services, actor)
        uow.commit()
    return codes


def add_passkey(services: Services, actor: Actor, answer: Answer, name: str) -> None:
    """Raises ConfirmFirst, PasskeyRefused, PasskeyKnown, TooManyPasskeys."""
    now = services.clock()
    check_fresh(actor, now)
    row = passkeys.made(answer, actor.account_id, name, now)
    with services.database.unit_of_work() as uow:
        accounts.proving(uow.connection, actor.account_id, lock=True)
        if len(stored_passkeys.of_account(uow.connection, actor.account_id)) >= MOST_PASSKEYS:
            raise TooManyPasskeys
        passkeys.spend(uow.connection, answer.challenge, now)
        _add_passkey(uow.connection, row)
        _changed(uow.connection, services, actor)
        uow.commit()


def remove_passkey(services: Services, actor: Actor, passkey_id: bytes) -> None:
    """Raises ConfirmFirst, OutOfScope, LastWayIn."""
    check_fresh(actor, services.clock())
    with services.database.unit_of_work() as uow:
        account = accounts.proving(uow.connection, actor.account_id, lock=True)
        if not stored_passkeys.remove(uow.connection, actor.account_id, passkey_id):
            raise OutOfScope
        is_last = not stored_passkeys.of_account(uow.connection, actor.account_id)
        if is_last and account and account.role is not Role.VENDOR and account.password_hash is None:
            raise LastWayIn
        _changed(uow.connection, services, actor)
        uow.commit()


def _invited(connection: Connection, services: Services, token: str) -> Proving:
    """Use the invitation up, and forget how the account signed in before, everywhere."""
    now = services.clock()
    invitation = check_open(invitations.lock(connection, fingerprint(token)), now, is_phone=False)
    invitations.use(connection, invitation.id, now)
    nothing = {"password_hash": None, "totp_secret": None, "totp_step": None}
    accounts.change(connection, invitation.account_id, nothing)
    accounts.put_recovery_codes(connection, invitation.account_id, ())
    stored_passkeys.remove_all(connection, invitation.account_id)
    people.end_sessions(connection, invitation.account_id, now)
    account = accounts.proving(connection, invitation.account_id)
    assert account is not None  # noqa: S101 - an invitation has one
    return account


def _kept(services: Services, account: Proving, new: NewSecret) -> Mapping[str, Any]:
    """Columns of a checked password and secret. Slow, so outside of any transaction."""
    password = checked_password(new.password, account.login)
    step = proof.first_step(services, new.totp_secret, new.code)
    if step is None:
        raise BadCode({"code": BadCode.message})
    return {
        "password_hash": secret.hashed(password),
        "totp_secret": proof.sealed(services, account.id, new.totp_secret),
        "totp_step": step,
    }


def _new_codes(connection: Connection, services: Services, account_id: int) -> tuple[str, ...]:
    codes = tuple(recovery_code(services.random(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))
    accounts.put_recovery_codes(connection, account_id, [fingerprint(code) for code in codes])
    return codes


def _add_passkey(connection: Connection, row: Mapping[str, Any]) -> None:
    try:
        stored_passkeys.add(connection, row)
    except IntegrityError:
        raise PasskeyKnown from None


def _changed(connection: Connection, services: Services, actor: Actor) -> None:
    now = services.clock()
    accounts.end_other_sessions(connection, actor.account_id, actor.session_id, now)
    sessions.record(connection, actor, Action.SIGN_IN_CHANGED, now)
