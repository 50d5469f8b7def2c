"""Connect a phone to a vendor's account: by a one-time code from the operator's screen, and the vendor's PIN.

Opening the link changes nothing, since messengers and scanners fetch links before people do; sending the PIN
does. The first phone chooses the PIN. Whoever photographs a code over the vendor's shoulder lacks it.
"""

from __future__ import annotations

from invoice_service.domain.access import Action
from invoice_service.domain.invitation import Invitation, InvitationUsed, check_open
from invoice_service.domain.pin import WrongPin, check_new_pin
from invoice_service.domain.policy import Actor
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, Error
from invoice_service.flow import attempts, secret, sessions
from invoice_service.flow.sessions import SignedIn, Visit
from invoice_service.services import Services
from invoice_service.store import invitations, people
from invoice_service.store.people import Account


class AnotherAccount(Error):
    code = "invitation.another_account"
    message = N_("This phone is signed in as {name}. Sign out there first, then scan the code again.")
    status = 409


def bind(
    services: Services, token: str, pin: str, pin_again: str, visit: Visit, *, signed_in: Actor | None
) -> SignedIn:
    """`signed_in` is who this phone is signed in as by now; the session that it has ends (`visit.replaces`).

    Raises InvitationUnknown, …Used, …Late, …Revoked; AnotherAccount, BadPin, WrongPin, TooManyAttempts.
    """
    seen = _look(services, token, signed_in)
    if seen.pin_hash is None:
        check_new_pin(pin, pin_again)
    else:
        attempts.begin(services, _subject(seen), visit.address)
        if not secret.matches(seen.pin_hash, pin):
            raise WrongPin({"pin": WrongPin.message})
    with services.database.unit_of_work() as uow:
        invitation = _open(invitations.lock(uow.connection, fingerprint(token)), services)
        if people.account(uow.connection, seen.id) != seen:
            raise InvitationUsed  # another code, or a new PIN, came in between
        if seen.pin_hash is None:
            people.set_pin(uow.connection, seen.id, secret.hashed(pin))
        attempts.forget(uow.connection, _subject(seen))
        invitations.use(uow.connection, invitation.id, services.clock())
        bound = sessions.begin(uow.connection, services, seen.id, visit, action=Action.PHONE_BOUND)
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


def _subject(account: Account) -> str:
    return f"pin:{account.id}"
