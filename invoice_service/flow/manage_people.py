"""Close accounts and end others' sessions, at once: a phone that was lost, somebody who left.

A role is never changed: an account that was an operator's yesterday and an officer's today would have records
that say neither. Who takes another post gets a new account by invitation, and the old one is closed.
"""

from __future__ import annotations

from invoice_service.domain.access import Action
from invoice_service.domain.policy import Actor, OutOfScope, check_fresh
from invoice_service.errors import N_, Error
from invoice_service.flow.access import note
from invoice_service.flow.invite import AccountClosed, within_reach
from invoice_service.services import Services
from invoice_service.store import invitations, people


class NotYourself(Error):
    code = "account.not_yourself"
    message = N_("You cannot close your own account. Somebody else has to do that.")
    status = 409


def close(services: Services, actor: Actor, account_id: int) -> None:
    """Its sessions end and its invitations are taken back. Its records stay.

    Raises OutOfScope, NotYourself, AccountClosed, ConfirmFirst.
    """
    now = services.clock()
    with services.database.unit_of_work() as uow:
        account = within_reach(uow.connection, actor, account_id)
        if account.id == actor.account_id:
            raise NotYourself
        check_fresh(actor, now)
        if account.disabled_at is not None:
            raise AccountClosed
        people.disable(uow.connection, account.id, now)
        people.end_sessions(uow.connection, account.id, now)
        invitations.revoke_open(uow.connection, account.id, now)
        note(
            uow.connection,
            actor,
            Action.ACCOUNT_DISABLED,
            now=now,
            market_id=account.market_id,
            vendor_id=account.vendor_id,
            subject=account.name,
        )
        uow.commit()


def end_session(services: Services, actor: Actor, account_id: int, session_id: int) -> None:
    """Raises OutOfScope."""
    _end(services, actor, account_id, session_id)


def end_sessions(services: Services, actor: Actor, account_id: int) -> None:
    """All of an account's. Raises OutOfScope."""
    _end(services, actor, account_id, None)


def _end(services: Services, actor: Actor, account_id: int, session_id: int | None) -> None:
    now = services.clock()
    with services.database.unit_of_work() as uow:
        account = within_reach(uow.connection, actor, account_id)
        if session_id is None:
            ended = people.end_sessions(uow.connection, account.id, now) > 0
        elif not people.end_session(uow.connection, account.id, session_id, now):
            raise OutOfScope
        else:
            ended = True
        if ended:
            note(
                uow.connection,
                actor,
                Action.SESSION_ENDED,
                now=now,
                market_id=account.market_id,
                vendor_id=account.vendor_id,
                subject=account.name,
            )
        uow.commit()
