"""Close a day: what the vendor counted, beside what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


@dataclass(frozen=True, slots=True)
class Closed:
    """`difference_fen` is stated less recorded, by channel. `is_early`: the day is not over yet."""

    day: date
    recorded_fen: Mapping[str, int]
    stated_fen: Mapping[str, int]
    cash_fen: int
    difference_fen: Mapping[str, int]
    is_early: bool
    closed_at: datetime


def close_day(
    services: Services,
    actor: Actor,
    day: date,
    *,
    stated_fen: Mapping[str, int],
    cash_fen: int,
    note: str = "",
) -> Closed:
    """Closing again is allowed: the last counts, earlier ones are kept. Needs a fresh confirmation.

    Raises ConfirmFirst, NotAllowed, DayOutOfRange, DayToCome, BadCount.
    """
    raise NotImplementedError
