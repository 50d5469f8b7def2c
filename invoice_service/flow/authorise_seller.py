"""Who may sell at a stall from when to when, on which weekdays, at which hours; and the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import Action
from invoice_service.domain.authorisation import Authorisation, BadDays, BadHours, Overlaps, weekly
from invoice_service.domain.details import read_day
from invoice_service.domain.numbering import business_day
from invoice_service.domain.policy import Actor, OutOfScope, check_fresh
from invoice_service.errors import N_
from invoice_service.flow import access
from invoice_service.services import Services
from invoice_service.store import catalogue, market
from invoice_service.store.unit_of_work import broke

NOT_BEFORE_TODAY = N_("An authorisation begins today at the soonest.")


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
    From then on the stall's money is the vendor's, so whoever asks must just have proved who they are.
    Raises OutOfScope, ConfirmFirst, BadDay, BadDays, BadHours, Overlaps.
    """
    now = services.clock()
    with services.database.unit_of_work() as uow:
        stall = market.managed_stall(uow.connection, actor, code)
        vendor = market.managed_vendor(uow.connection, actor, vendor_id)
        if vendor["market_id"] != stall["market_id"]:
            raise OutOfScope
        check_fresh(actor, now)
        minutes = weekly([_weekday(day) for day in weekdays], _time(begins, "begins"), _time(ends, "ends"))
        first, last = _days(first_day, last_day, business_day(now))
        wanted = Authorisation(stall["id"], vendor_id, first, last, minutes)
        try:
            added = catalogue.add_authorisation(uow.connection, stall["market_id"], wanted, now)
        except IntegrityError as error:
            if broke(error, "authorisations_overlap_excl"):
                raise Overlaps({"weekdays": Overlaps.message}) from None
            raise
        access.note(
            uow.connection,
            actor,
            Action.SELLER_AUTHORISED,
            now=now,
            market_id=stall["market_id"],
            vendor_id=vendor_id,
            subject=code,
        )
        uow.commit()
    return added


def end(services: Services, actor: Actor, authorisation_id: int, last_day: date) -> None:
    """Let it end after `last_day`, today at the soonest; one that has not begun is withdrawn whole.

    What was sold stays whose it was: no past day is taken from anybody. Raises OutOfScope, BadDays.
    """
    now = services.clock()
    today = business_day(now)
    with services.database.unit_of_work() as uow:
        row = market.managed_authorisation(uow.connection, actor, authorisation_id)
        if row["first_day"] > max(today, last_day):
            market.withdraw_authorisation(uow.connection, authorisation_id)
        else:
            _check_end(row["last_day"], last_day, today)
            market.end_authorisation(uow.connection, authorisation_id, max(last_day, row["first_day"]))
        access.note(
            uow.connection,
            actor,
            Action.AUTHORISATION_ENDED,
            now=now,
            market_id=row["market_id"],
            vendor_id=row["vendor_id"],
            subject=row["code"],
        )
        uow.commit()


def _check_end(present: date | None, wanted: date, today: date) -> None:
    """An end may come closer, never go further (that would be a new authorisation), and not into the past."""
    if wanted < today or (present is not None and wanted > present):
        raise BadDays({"last_day": BadDays.message})


def _days(first_day: str, last_day: str, today: date) -> tuple[date, date | None]:
    first = read_day(first_day, "first_day")
    last = read_day(last_day, "last_day") if last_day.strip() else None
    if first < today:  # it would change whose the sales of past days were
        raise BadDays({"first_day": NOT_BEFORE_TODAY})
    if last is not None and last < first:
        raise BadDays({"last_day": BadDays.message})
    return first, last


def _weekday(text: str) -> int:
    if text not in ("0", "1", "2", "3", "4", "5", "6"):
        raise BadHours({"weekdays": BadHours.message})
    return int(text)


def _time(text: str, field: str) -> time:
    try:
        return datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone
    except ValueError:
        raise BadHours({field: BadHours.message}) from None
