"""A stall's code is damaged, stolen or pasted over: print a new one, and let the old one say so."""

from __future__ import annotations

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


def reissue(services: Services, actor: Actor, code: str, reason: str) -> int:
    """The serial of the new code. Raises OutOfScope, ReasonMissing."""
    raise NotImplementedError
