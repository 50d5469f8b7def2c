"""Who is asking? A session's token answers with an actor, or with nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from invoice_service.domain.policy import Actor
from invoice_service.domain.token import fingerprint
from invoice_service.services import Services
from invoice_service.store import accounts

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Asking:
    """`is_due`: it is a minute since it was written down that this session is in use."""

    actor: Actor
    is_due: bool


def asking(services: Services, token: str) -> Asking | None:
    """None for a token that opens nothing (any more)."""
    now = services.clock()
    with services.database.read() as connection:
        found = accounts.actor(connection, fingerprint(token), now)
    if found is None:
        return None
    actor, seen_at = found
    return Asking(actor, is_due=now - seen_at >= SEEN_EVERY)
