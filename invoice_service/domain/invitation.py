"""Invitations: links and QR codes that work once, for a while, until somebody takes them back.

A vendor's binds a phone: it is shown on the operator's screen and scanned there and then, so ten minutes are
enough. Anyone else's sets up a sign-in and travels by mail, so it lasts three days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from invoice_service.errors import N_, Error, NotFound

PHONE_LIFE = timedelta(minutes=10)
DESK_LIFE = timedelta(hours=72)


class InvitationUnknown(NotFound):
    code = "invitation.unknown"
    message = N_("This link is not complete, or it is not one of ours. Please scan the code again.")


class InvitationUsed(Error):
    code = "invitation.used"
    message = N_("This code has been used already. Please ask the market operator for a new one.")
    status = 410


class InvitationLate(Error):
    code = "invitation.late"
    message = N_("This code is no longer valid. Please ask the market operator for a new one.")
    status = 410


class InvitationRevoked(Error):
    code = "invitation.revoked"
    message = N_("This code was replaced or taken back. Please ask the market operator for a new one.")
    status = 410


class Progress(StrEnum):
    OPEN = "open"
    USED = "used"
    OVER = "over"  # late, replaced, taken back, or its account closed


@dataclass(frozen=True, slots=True)
class Invitation:
    """`is_phone`: it is a vendor's. `is_closed`: the account was closed after inviting."""

    id: int
    account_id: int
    is_phone: bool
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    is_closed: bool


def check_open(invitation: Invitation | None, now: datetime, *, is_phone: bool) -> Invitation:
    """The invitation, if it can be taken up. Raises InvitationUnknown, …Used, …Revoked, …Late.

    A phone's link opens no desk, and the other way round: as if it was none.
    """
    if invitation is None or invitation.is_phone is not is_phone:
        raise InvitationUnknown
    if invitation.used_at is not None:
        raise InvitationUsed
    if invitation.revoked_at is not None or invitation.is_closed:
        raise InvitationRevoked
    if invitation.expires_at <= now:
        raise InvitationLate
    return invitation


def progress(invitation: Invitation, now: datetime) -> Progress:
    """For who waits beside the screen that shows it."""
    if invitation.used_at is not None:
        return Progress.USED
    is_over = invitation.revoked_at is not None or invitation.is_closed or invitation.expires_at <= now
    return Progress.OVER if is_over else Progress.OPEN
