"""Seal the VAT returns of periods that are over: the cells, and one root over every sale and invoice in them.

The root's leaves are the very entries of the log, so a RETURN entry says which facts its figures were made
from, and nobody can make them from others later. What comes in late (a payment notice after the period's
end) marks the return in the fact's own transaction (`store.returns.mark_late`); it is then sealed again as an
amendment, which names the commitment of the version before. No version ever changes.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import Period, PeriodKind, period_of
from invoice_service.domain.vat_return import declared, fill, form_on, return_body, return_fact
from invoice_service.flow.record import record, sign_entry
from invoice_service.ledger import tree
from invoice_service.ledger.entry import SALT_BYTES, Kind, commit_body
from invoice_service.services import Services
from invoice_service.store import returns

GRACE = timedelta(hours=1)  # what began before midnight is then done
YEARS = 2  # how far back: months and quarters that begin in them
AT_ONCE = 20  # a round: vendors who come with years of history do not hold up the rest


def seal_ended(services: Services) -> int:
    """Seal what is due, each in a transaction of its own. Answers how many were sealed."""
    periods = _ended(services.clock())
    with services.database.read() as connection:
        due = returns.due(connection, periods, most=AT_ONCE)
    return sum(_seal(services, one.vendor_id, period_of(one.kind, one.first_day)) for one in due)


def _ended(now: datetime) -> list[Period]:
    """Months and quarters that are over and whose form is known."""
    today = business_day(now - GRACE)
    oldest = date(today.year - YEARS, today.month, 1)
    found = []
    for kind in (PeriodKind.MONTH, PeriodKind.QUARTER):
        period = period_of(kind, today).before()
        while period.first_day >= oldest:
            found += [period] if form_on(period.last_day) else []
            period = period.before()
    return found


def _seal(services: Services, vendor_id: int, period: Period) -> bool:
    """In one transaction, and once: whoever comes second finds it sealed."""
    with services.database.unit_of_work() as uow:
        returns.lock(uow.connection, vendor_id)
        before = returns.last(uow.connection, vendor_id, period.first_day)
        if before is not None and not before["is_stale"]:
            return False
        _write(services, uow.connection, vendor_id, period, before)
        uow.commit()
    return True


def _write(
    services: Services, connection: Connection, vendor_id: int, period: Period, before: RowMapping | None
) -> None:
    if before is not None:  # what was declared then, also where the vendor declares by other periods now
        period = declared(before["first_day"], before["last_day"])
    seller = returns.vendor(connection, vendor_id)
    form = form_on(period.last_day)
    assert form is not None  # noqa: S101 - `_ended` leaves out what has none
    sums = returns.sums(connection, vendor_id, period)
    cells = {str(cell.line): cell.fen for cell in fill(form, period, seller["tax_id"], sums)}
    entries = returns.entries(connection, vendor_id, period)
    size, root = len(entries), tree.root_of([tree.leaf_hash(entry) for entry in entries])
    amendment = 0 if before is None else before["amendment"] + 1
    now, keys, salt = services.clock(), services.keyring, services.random(SALT_BYTES)
    body = return_body(
        issuer=keys.issuer_id.hex(),
        market=seller["market_code"],
        seller={"name": seller["name_zh"], "tax_id": seller["tax_id"], "kind": seller["taxpayer_kind"]},
        period=(period.first_day, period.last_day),
        cells=cells,
        size=size,
        root=root,
        amendment=amendment,
        amends=None if before is None else before["commitment"],
    )
    data, commitment = commit_body(salt, body)
    values = {"vendor_id": vendor_id, "market_id": seller["market_id"], "first_day": period.first_day}
    values |= {"last_day": period.last_day, "amendment": amendment, "cells": cells, "size": size}
    values |= {"root": root, "body": data, "salt": salt, "commitment": commitment}
    returns.add(connection, values | {"sealed_at": now, "is_stale": False})
    fact = return_fact(vendor_id, period.first_day, amendment)
    record(connection, sign_entry(keys, Kind.RETURN, fact, body_commitment=commitment, instant=now))
