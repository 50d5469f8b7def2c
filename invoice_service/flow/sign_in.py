"""Sign in: with a passkey, or with a password and a second factor. A password alone never does."""

from __future__ import annotations

from invoice_service.domain import device
from invoice_service.domain.access import Action
from invoice_service.domain.account import SignInRefused, normal_login
from invoice_service.domain.token import fingerprint
from invoice_service.flow import attempts, passkeys, proof, sessions
from invoice_service.flow.passkeys import Answer
from invoice_service.flow.sessions import SignedIn, Visit
from invoice_service.services import Services
from invoice_service.store import accounts
from invoice_service.store.accounts import Proving


def with_password(services: Services, login: str, password: str, code: str, visit: Visit) -> SignedIn:
    """Raises SignInRefused, TooManyAttempts."""
    login = normal_login(login)
    with services.database.read() as connection:
        account = accounts.by_login(connection, login)
    subject, known = _subject(services, login, account, visit)
    attempts.begin(services, subject, visit.address, known_device=known)
    proved = proof.prove(services, account, password, code)
    if proved is None:
        raise SignInRefused
    now = services.clock()
    with services.database.unit_of_work() as uow:
        if not proof.spend(uow.connection, proved, now):
            raise SignInRefused
        proof.renew(uow.connection, proved, password)
        attempts.forget(uow.connection, subject)
        signed_in = sessions.begin(
            uow.connection, services, proved.account.id, visit, action=Action.SIGNED_IN
        )
        uow.commit()
    return signed_in


def with_passkey(services: Services, answer: Answer, visit: Visit) -> SignedIn:
    """The passkey says whose it is. Raises PasskeyRefused."""
    signed = passkeys.signed(services, answer)
    now = services.clock()
    with services.database.unit_of_work() as uow:
        account = accounts.proving(uow.connection, signed.passkey.account_id, lock=True)
        passkeys.use(uow.connection, signed, account, now)
        signed_in = sessions.begin(
            uow.connection, services, signed.passkey.account_id, visit, action=Action.SIGNED_IN
        )
        uow.commit()
    return signed_in


def _subject(services: Services, login: str, account: Proving | None, visit: Visit) -> tuple[str, bool]:
    """Whose guesses are counted together, and whether this is a device of theirs.

    Those on a device that has signed in before are counted apart from all others', so that a stranger who
    guesses at an account locks its owner out of nothing.
    """
    name = account and device.known_as(visit.notes, account.id, services.keyring.tokens)
    if account is not None and name:
        return f"device:{account.id}:{name}", True
    return f"login:{fingerprint(login).hex()}", False
