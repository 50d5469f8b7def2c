"""Who is asking? A session's token answers with an actor, or with nobody."""

from __future__ import annotations

from invoice_service.domain.policy import Actor
from invoice_service.domain.token import fingerprint
from invoice_service.services import Services
from invoice_service.store import accounts


def actor(services: Services, token: str) -> Actor | None:
    """None for a token that opens nothing (any more)."""
    with services.database.read() as connection:
        return accounts.actor(connection, fingerprint(token), services.clock())
