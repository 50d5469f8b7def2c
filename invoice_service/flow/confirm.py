"""Prove once more that it is you, before money, roles or a way of signing in change.

A vendor types the PIN; at a desk it is a passkey, or password and code. It then holds for ten minutes.
"""

from __future__ import annotations

from sqlalchemy import Connection

from invoice_service.domain.account import SignInRefused
from invoice_service.domain.pin import WrongPin
from invoice_service.domain.policy import Actor
from invoice_service.flow import attempts, passkeys, proof, secret
from invoice_service.flow.passkeys import Answer
from invoice_service.services import Services
from invoice_service.store import accounts


def with_pin(services: Services, actor: Actor, pin: str, address: str) -> None:
    """Raises WrongPin, TooManyAttempts."""
    subject = f"pin:{actor.account_id}"  # counted together with those at connecting a phone
    attempts.begin(services, subject, address, known_device=True)
    with services.database.read() as connection:
        account = accounts.proving(connection, actor.account_id)
    if account is None or account.pin_hash is None or not secret.matches(account.pin_hash, pin):
        raise WrongPin({"pin": WrongPin.message})
    with services.database.unit_of_work() as uow:
        _confirmed(uow.connection, services, actor, subject)
        uow.commit()


def with_password(services: Services, actor: Actor, password: str, code: str, address: str) -> None:
    """Raises SignInRefused, TooManyAttempts."""
    subject = f"account:{actor.account_id}"
    attempts.begin(services, subject, address, known_device=True)
    with services.database.read() as connection:
        account = accounts.proving(connection, actor.account_id)
    proved = proof.prove(services, account, password, code)
    if proved is None:
        raise SignInRefused
    with services.database.unit_of_work() as uow:
        if not proof.spend(uow.connection, proved, services.clock()):
            raise SignInRefused
        _confirmed(uow.connection, services, actor, subject)
        uow.commit()


def with_passkey(services: Services, actor: Actor, answer: Answer) -> None:
    """Only one's own. Raises PasskeyRefused."""
    signed = passkeys.signed(services, answer)
    with services.database.unit_of_work() as uow:
        account = accounts.proving(uow.connection, actor.account_id, lock=True)
        passkeys.use(uow.connection, signed, account, services.clock())
        accounts.change_session(uow.connection, actor.session_id, {"confirmed_at": services.clock()})
        uow.commit()


def _confirmed(connection: Connection, services: Services, actor: Actor, subject: str) -> None:
    attempts.forget(connection, subject)
    accounts.change_session(connection, actor.session_id, {"confirmed_at": services.clock()})
