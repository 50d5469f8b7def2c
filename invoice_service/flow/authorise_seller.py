"""Who may sell at a stall from when to when, on which weekdays, at which hours; and the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


def authorise(
    services: Services,
    actor: Actor,
    code: str,
    vendor_id: int,
    *,
    first_day: str,
    last_day: str,
    weekdays: Sequence[str],
    begins: str,
    ends: str,
) -> int:
    """As typed: days as 2026-12-31 (`last_day` may be empty), weekdays "0" (Monday) to "6", times as 06:00.

    Equal times mean the whole day; a time that ends before it begins runs over midnight.
    Raises OutOfScope, BadDays, BadHours, Overlaps.
    """
    raise NotImplementedError


def end(services: Services, actor: Actor, authorisation_id: int, last_day: date) -> None:
    """Let it end after `last_day`, today at the soonest; one that has not begun is withdrawn whole."""
    raise NotImplementedError
