"""Allowance 领票额度: officers set how much a vendor may invoice in a month, vendors ask for more.

Whatever changes a ceiling is recorded with a reason that the vendor reads. Issuing above it is refused, and
refused to the fen also where two invoices want the last of it at once: under a ceiling, a vendor's invoices
are issued one after the other.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.access import LOOK_LASTS, Action, SayWhy
from invoice_service.domain.allowance import (
    ASK_MORE,
    GRANT_MORE,
    AlreadyAnswered,
    AlreadyAsked,
    NoCeiling,
    amount_problem,
    check,
    in_one_line,
    words_problem,
)
from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import PeriodKind, period_of
from invoice_service.domain.policy import Actor, OutOfScope, Scope, check_supervise, own_vendor
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import allowances, supervised


def check_room(connection: Connection, vendor_id: int, total_fen: int, issued_at: datetime) -> None:
    """For an invoice that is about to be written in this unit of work. Raises AllowanceUsed."""
    ceiling_fen = allowances.lock(connection, vendor_id)
    if ceiling_fen is not None:
        month = period_of(PeriodKind.MONTH, business_day(issued_at))
        allowances.of_month(connection, vendor_id, ceiling_fen, month).check_room(total_fen)


def set_ceiling(services: Services, actor: Actor, vendor_id: int, ceiling_fen: int, reason: str) -> None:
    """Set one, or change it; an open request is answered by that, in the same words.

    Raises OutOfScope, SayWhy, BadAllowance.
    """
    now, words = services.clock(), in_one_line(reason)
    with services.database.unit_of_work() as uow:
        vendor = _looked_at(uow.connection, actor, vendor_id, now)
        check({"ceiling_fen": amount_problem(ceiling_fen), "reason": words_problem(words)})
        before_fen = allowances.lock(uow.connection, vendor_id)
        granted_fen = ceiling_fen if ceiling_fen > (before_fen or 0) else None
        allowances.answer(uow.connection, vendor_id, _answer(actor, now, words, granted_fen))
        _put(uow.connection, actor, vendor["market_id"], vendor_id, ceiling_fen, words, now)
        told = _told(vendor["name_zh"], before_fen, ceiling_fen)
        _note(uow.connection, actor, Action.ALLOWANCE_SET, vendor["market_id"], vendor_id, told, words, now)
        uow.commit()


def lift(services: Services, actor: Actor, vendor_id: int, reason: str) -> None:
    """The vendor may invoice without a ceiling again. Raises OutOfScope, SayWhy, BadAllowance, NoCeiling."""
    now, words = services.clock(), in_one_line(reason)
    with services.database.unit_of_work() as uow:
        vendor = _looked_at(uow.connection, actor, vendor_id, now)
        check({"reason": words_problem(words)})
        before_fen = allowances.lock(uow.connection, vendor_id)
        if before_fen is None:
            raise NoCeiling
        allowances.answer(uow.connection, vendor_id, _answer(actor, now, words, None))
        allowances.remove(uow.connection, vendor_id)
        told = _told(vendor["name_zh"], before_fen, None)
        _note(uow.connection, actor, Action.ALLOWANCE_SET, vendor["market_id"], vendor_id, told, words, now)
        uow.commit()


def ask(services: Services, actor: Actor, asked_fen: int, words: str) -> int:
    """A vendor asks for a higher ceiling. Answers the request's id.

    Raises NotAllowed, NoCeiling, BadAllowance, AlreadyAsked.
    """
    market_id, vendor_id = own_vendor(actor)
    said = in_one_line(words)
    with services.database.unit_of_work() as uow:
        ceiling_fen = allowances.lock(uow.connection, vendor_id)
        if ceiling_fen is None:
            raise NoCeiling
        wrong = amount_problem(asked_fen, above_fen=ceiling_fen, otherwise=ASK_MORE)
        check({"asked_fen": wrong, "words": words_problem(said)})
        values = {
            "market_id": market_id,
            "vendor_id": vendor_id,
            "asked_fen": asked_fen,
            "words": said,
            "asked_by": actor.account_id,
            "created_at": services.clock(),
        }
        request_id = allowances.ask(uow.connection, values)
        if request_id is None:
            raise AlreadyAsked
        uow.commit()
    return request_id


def answer(services: Services, actor: Actor, request_id: int, granted_fen: int | None, words: str) -> None:
    """What is granted becomes the ceiling; None refuses.

    Raises OutOfScope, NotAllowed, BadAllowance, AlreadyAnswered.
    """
    now, said = services.clock(), in_one_line(words)
    month = period_of(PeriodKind.MONTH, business_day(now))
    with services.database.unit_of_work() as uow:
        row = allowances.request(uow.connection, request_id, month)
        if row is None:
            raise OutOfScope
        of_whom = row["market_id"], row["vendor_id"]
        check_supervise(actor, Scope(row["market_id"], row["region"], row["vendor_id"]))
        before_fen = allowances.lock(uow.connection, row["vendor_id"])
        if before_fen is None or not allowances.is_open(uow.connection, request_id):
            raise AlreadyAnswered  # whoever lifts a ceiling answers, too
        check({"granted_fen": _grant_problem(granted_fen, before_fen), "words": words_problem(said)})
        allowances.answer(uow.connection, row["vendor_id"], _answer(actor, now, said, granted_fen))
        if granted_fen is not None:
            _put(uow.connection, actor, *of_whom, granted_fen, said, now)
        told = _told(row["name_zh"], before_fen, granted_fen or before_fen)
        _note(uow.connection, actor, Action.ALLOWANCE_ANSWERED, *of_whom, told, said, now)
        uow.commit()


def _looked_at(connection: Connection, actor: Actor, vendor_id: int, now: datetime) -> RowMapping:
    """Raises OutOfScope, and SayWhy where no look at the vendor lasts."""
    vendor = supervised.supervised_vendor(connection, actor, vendor_id)
    of_whom = Action.VENDOR_LOOKED_AT, vendor["market_id"], vendor_id
    if supervised.last_look(connection, actor.account_id, *of_whom, now - LOOK_LASTS) is None:
        raise SayWhy(vendor_id=vendor_id, name=vendor["name_zh"])
    return vendor


def _grant_problem(granted_fen: int | None, ceiling_fen: int) -> str | None:
    if granted_fen is None:
        return None
    return amount_problem(granted_fen, above_fen=ceiling_fen, otherwise=GRANT_MORE)


def _answer(actor: Actor, now: datetime, words: str, granted_fen: int | None) -> dict[str, Any]:
    return {"at": now, "by": actor.account_id, "answer": words, "granted_fen": granted_fen}


def _put(
    connection: Connection,
    actor: Actor,
    market_id: int,
    vendor_id: int,
    ceiling_fen: int,
    reason: str,
    now: datetime,
) -> None:
    values = {
        "vendor_id": vendor_id,
        "market_id": market_id,
        "ceiling_fen": ceiling_fen,
        "set_by": actor.account_id,
        "set_at": now,
        "reason": reason,
    }
    allowances.put(connection, values)


def _told(name: str, before_fen: int | None, after_fen: int | None) -> str:
    """What was changed, for the access record: the vendor, the ceiling before and after, ∞ for none."""
    before, after = ("∞" if fen is None else f"¥{yuan(fen)}" for fen in (before_fen, after_fen))
    return f"{name} {before}" if before_fen == after_fen else f"{name} {before} → {after}"


def _note(
    connection: Connection,
    actor: Actor,
    action: Action,
    market_id: int,
    vendor_id: int,
    subject: str,
    reason: str,
    now: datetime,
) -> None:
    note(
        connection,
        actor,
        action,
        now=now,
        market_id=market_id,
        vendor_id=vendor_id,
        subject=subject,
        reason=reason,
    )
