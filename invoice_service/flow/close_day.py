"""Close a day: what the vendor counted, beside what was recorded.

Each channel's record, less what it paid back, is taken in the moment of closing and kept with what was
stated, so that a difference stays visible as it was. Cash is on no record of ours: it stands by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from invoice_service.domain.access import Action
from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import name_problem
from invoice_service.domain.period import PeriodKind, period_of
from invoice_service.domain.policy import Actor, check_fresh, own_vendor
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.flow.access import note as note_access
from invoice_service.services import Services
from invoice_service.store import day_closes, sales

COUNT_MAX_FEN = 1_000_000_000  # ten million yuan: what is more was mistyped
COUNT_WRONG = N_("Please enter what you counted, 0 if nothing.")
NOTE_WRONG = N_("A note has at most 100 characters that can be printed.")


class BadCount(InvalidInput):
    code = "day_close.invalid"
    message = N_("Please check what you counted.")


class DayToCome(Error):
    code = "day_close.to_come"
    message = N_("This day has not begun yet.")
    status = 409


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
    """Closing again is allowed: the last counts, earlier ones are kept. `stated_fen` is by channel.

    Raises NotAllowed, ConfirmFirst, DayOutOfRange, DayToCome, BadCount.
    """
    market_id, vendor_id = own_vendor(actor)
    now = services.clock()
    check_fresh(actor, now)
    wanted = period_of(PeriodKind.DAY, day)
    if day > business_day(now):
        raise DayToCome
    with services.database.unit_of_work() as uow:
        rows = sales.channels(uow.connection, vendor_id, wanted)
        recorded_fen = {row["channel"]: row["recorded_fen"] for row in rows}
        _check_counts(stated_fen, cash_fen, note, recorded_fen, tuple(services.providers))
        values = {
            "market_id": market_id,
            "vendor_id": vendor_id,
            "day": day,
            "recorded_fen": recorded_fen,
            "stated_fen": dict(stated_fen),
            "cash_fen": cash_fen,
            "note": note.strip(),
            "closed_by": actor.account_id,
            "closed_at": now,
        }
        day_closes.add(uow.connection, values)
        note_access(
            uow.connection,
            actor,
            Action.DAY_CLOSED,
            now=now,
            market_id=market_id,
            vendor_id=vendor_id,
            subject=day.isoformat(),
        )
        uow.commit()
    return Closed(
        day=day,
        recorded_fen=recorded_fen,
        stated_fen=stated_fen,
        cash_fen=cash_fen,
        difference_fen={name: fen - recorded_fen.get(name, 0) for name, fen in stated_fen.items()},
        is_early=now < wanted.ends,
        closed_at=now,
    )


def _check_counts(
    stated_fen: Mapping[str, int],
    cash_fen: int,
    note: str,
    recorded_fen: Mapping[str, int],
    offered: tuple[str, ...],
) -> None:
    """Every channel that brought something must be stated; one that does not exist must not.

    A channel that paid back more than it brought may be stated below zero; nothing else may.
    """
    known = {*recorded_fen, *offered}
    wrong = [
        name
        for name, fen in stated_fen.items()
        if name not in known or not _is_count(abs(fen) if recorded_fen.get(name, 0) < 0 else fen)
    ]
    wrong += [name for name in recorded_fen if name not in stated_fen]
    problems = {f"stated_fen.{name}": COUNT_WRONG for name in wrong}
    if not _is_count(cash_fen):
        problems["cash_fen"] = COUNT_WRONG
    if note.strip() and name_problem(note.strip()):
        problems["note"] = NOTE_WRONG
    if problems:
        raise BadCount(problems)


def _is_count(fen: int) -> bool:
    return 0 <= fen <= COUNT_MAX_FEN
