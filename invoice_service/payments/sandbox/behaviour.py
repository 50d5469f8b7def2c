"""How the sandbox misbehaves, so that what a real provider does once a month can be tested any day.

Well-behaved by default, but for a small share of doubled notices: those are so common that our side
should never live a day without them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from invoice_service.payments.sandbox import wire

RETRIES_S = (15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600)
"""How long after a failed notice the next one goes out; after the last we give up, as WeChat Pay does."""

MAX_ATTEMPTS = len(RETRIES_S) + 1

_SECOND_COPY_AFTER = timedelta(seconds=1)
_HELD_BACK = timedelta(seconds=1)
_MAX_DELAY_MS = 600_000


@dataclass(frozen=True, slots=True)
class Behaviour:
    duplicate: float = 0.02  # share of notices of which a second copy follows a second later
    drop: float = 0.0  # share of payments that are never told: our side has to ask
    delay_ms: tuple[int, int] = (0, 0)  # a notice leaves this much after the payment, at random
    reorder: bool = False  # every other notice is held back a second, so that the next overtakes it
    wrong_amount_fen: int | None = None  # what shoppers are charged instead of what was asked
    retry_scale: float = 1.0  # multiplies RETRIES_S

    @classmethod
    def read(cls, wanted: Mapping[str, object]) -> Behaviour:
        """Raises wire.Unreadable. What is left out takes its default."""
        if unknown := wanted.keys() - {field.name for field in fields(cls)}:
            raise wire.Unreadable(f"no such behaviour: {', '.join(sorted(unknown))}")
        default = cls()
        given = {**asdict(default), **wanted}
        return cls(
            duplicate=_number(given, "duplicate", most=1),
            drop=_number(given, "drop", most=1),
            delay_ms=_range_ms(given["delay_ms"]),
            reorder=_switch(given["reorder"]),
            wrong_amount_fen=None
            if given["wrong_amount_fen"] is None
            else wire.amount_fen(given, "wrong_amount_fen"),
            retry_scale=_number(given, "retry_scale", most=10),
        )

    def send_at(self, paid_at: datetime, *, count: int) -> list[datetime]:
        """When the copies of the `count`-th payment's notice leave; empty when it is never told."""
        if random.random() < self.drop:  # noqa: S311 -- chance, not secrecy
            return []
        first = paid_at + timedelta(milliseconds=random.randint(*self.delay_ms))  # noqa: S311
        if self.reorder and count % 2 == 1:
            first += _HELD_BACK
        twice = random.random() < self.duplicate  # noqa: S311
        return [first, first + _SECOND_COPY_AFTER] if twice else [first]

    def retry_after(self, attempts: int) -> timedelta:
        """How long to wait for an answer to attempt number `attempts`, the first being 1."""
        return timedelta(seconds=RETRIES_S[min(attempts, len(RETRIES_S)) - 1] * self.retry_scale)


def _number(fields: Mapping[str, object], name: str, *, most: float) -> float:
    value = fields[name]
    if type(value) not in (int, float) or not 0 <= value <= most:  # type: ignore[operator]
        raise wire.Unreadable(f"{name} is not a number from 0 to {most}")
    return float(value)  # type: ignore[arg-type]


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise wire.Unreadable("reorder is neither true nor false")
    return value


def _range_ms(value: object) -> tuple[int, int]:
    match value:
        case (least, most) if type(least) is type(most) is int and 0 <= least <= most <= _MAX_DELAY_MS:
            return least, most
    raise wire.Unreadable("delay_ms is not a pair of whole milliseconds, smaller first")
