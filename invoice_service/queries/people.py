"""Accounts, their sessions and invitations, as those see them who may; and what an invitation opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from invoice_service.domain.invitation import check_open
from invoice_service.domain.token import fingerprint
from invoice_service.services import Services
from invoice_service.store import invitations

_INVITED_VENDOR = text("""
    SELECT v.name_zh AS vendor_zh, v.name_en AS vendor_en, m.name_zh AS market_zh, m.name_en AS market_en,
           a.pin_hash IS NOT NULL AS has_pin
    FROM accounts AS a
    JOIN vendors AS v ON v.id = a.vendor_id
    JOIN markets AS m ON m.id = a.market_id
    WHERE a.id = :account_id
""")


@dataclass(frozen=True, slots=True)
class PhoneInvitation:
    """`has_pin`: the vendor chose one before, and has to give it."""

    vendor_name: str
    market_name: str
    has_pin: bool
    expires_at: datetime


def phone_invitation(services: Services, token: str, lang: str) -> PhoneInvitation:
    """Whose phone a link connects. Changes nothing. Raises InvitationUnknown, …Used, …Late, …Revoked."""
    with services.database.read() as connection:
        found = invitations.find(connection, fingerprint(token))
        invitation = check_open(found, services.clock(), is_phone=True)
        row = connection.execute(_INVITED_VENDOR, {"account_id": invitation.account_id}).one()
    names = (row.vendor_zh, row.market_zh) if lang == "zh-CN" else (row.vendor_en, row.market_en)
    return PhoneInvitation(*names, has_pin=row.has_pin, expires_at=invitation.expires_at)
