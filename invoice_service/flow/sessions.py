"""Being signed in: a row with the hash of 32 random bytes. Who holds the bytes is signed in, until it ends.

So a session can be listed, and ended from another device at once; a token from before never turns into one
(a new one is made at each sign-in), and a stolen database opens nothing.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from invoice_service.domain import device
from invoice_service.domain.access import Action
from invoice_service.domain.account import PHONE_SESSION_LIFE, SESSION_LIFE
from invoice_service.domain.policy import Actor, OutOfScope, Role
from invoice_service.domain.token import fingerprint
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import accounts, people

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Visit:
    """Where somebody comes from. `notes` are the browser's own, of accounts it has signed in to; `replaces`
    is the session it was signed in with until now."""

    device: str
    address: str
    notes: str = ""
    replaces: int | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` is shown to the browser once; `notes` replaces what it came with."""

    token: str
    actor: Actor
    lasts_s: int
    notes: str


def begin(
    connection: Connection, services: Services, account_id: int, visit: Visit, *, action: Action
) -> SignedIn:
    """A new session of somebody who has just proved who they are; `action` says in the record how."""
    account = accounts.proving(connection, account_id)
    assert account is not None  # noqa: S101 - whoever proved it has it locked
    now = services.clock()
    life = PHONE_SESSION_LIFE if account.role is Role.VENDOR else SESSION_LIFE
    token = base64.urlsafe_b64encode(services.random(TOKEN_BYTES)).decode().rstrip("=")
    values = {
        "token_hash": fingerprint(token),
        "account_id": account.id,
        "device": visit.device,
        "address": visit.address,
        "created_at": now,
        "seen_at": now,
        "expires_at": now + life,
        "confirmed_at": now,
    }
    if visit.replaces is not None:
        accounts.change_session(connection, visit.replaces, {"ended_at": now})
    session_id = accounts.insert_session(connection, values)
    actor = Actor(
        account_id=account.id,
        session_id=session_id,
        role=account.role,
        name=account.name,
        market_id=account.market_id,
        vendor_id=account.vendor_id,
        region=account.region,
        confirmed_at=now,
    )
    record(connection, actor, action, now, subject=visit.device)
    notes = device.remember(visit.notes, account.id, services.random(16), services.keyring.tokens)
    return SignedIn(token, actor, int(life.total_seconds()), notes)


def record(connection: Connection, actor: Actor, action: Action, now: datetime, *, subject: str = "") -> None:
    """What somebody did with their own account."""
    whose = actor.market_id, actor.vendor_id
    note(connection, actor, action, now=now, market_id=whose[0], vendor_id=whose[1], subject=subject)


def seen(services: Services, actor: Actor) -> None:
    """Once a minute at most, so that an idle session can end."""
    with services.database.unit_of_work() as uow:
        accounts.change_session(uow.connection, actor.session_id, {"seen_at": services.clock()})
        uow.commit()


def end(services: Services, actor: Actor, session_id: int) -> None:
    """One of one's own, the present one too: that is signing out. Raises OutOfScope."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        if not people.end_session(uow.connection, actor.account_id, session_id, now):
            raise OutOfScope
        record(uow.connection, actor, Action.SESSION_ENDED, now)
        uow.commit()


def end_others(services: Services, actor: Actor) -> int:
    """All of one's own but the present one. Answers how many that were."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        count = accounts.end_other_sessions(uow.connection, actor.account_id, actor.session_id, now)
        if count:
            record(uow.connection, actor, Action.SESSION_ENDED, now)
        uow.commit()
    return count
