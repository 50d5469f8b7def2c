"""Seal the VAT returns of periods that are over: the cells, and one root over every fact in them.

The root's leaves are the very entries of the log (sales, refunds, invoices, credit notes), so a RETURN entry
says which facts its figures were made from, and nobody can make them from others later. What comes in late (a
payment notice after the period's end, a credit note in force a day after it was drawn up) marks the return in
the fact's own transaction (`store.returns.mark_late`); it is then sealed again as an amendment, which names
the commitment of the version before. No version ever changes, and no day is declared twice: a vendor who goes
over from quarters to months, or to another kind of taxpayer, keeps what is sealed.
"""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import Period
from invoice_service.domain.vat_return import declarable, declared, fill, form_on, return_body, return_fact
from invoice_service.flow.record import record, sign_entry
from invoice_service.ledger import tree
from invoice_service.ledger.entry import SALT_BYTES, Kind, commit_body
from invoice_service.services import Services
from invoice_service.store import returns

GRACE = timedelta(hours=1)  # what began before midnight is then done
AT_ONCE = 200  # a round


def seal_ended(services: Services) -> int:
    """Seal what is due, each in a transaction of its own. Answers how many were sealed.

    One that fails is tried again in the next round and holds up no other; its error is raised in the end.
    """
    today = business_day(services.clock() - GRACE)
    over = [period for period in declarable(today) if period.last_day < today]
    with services.database.read() as connection:
        due = returns.due(connection, over, most=AT_ONCE)
    sealed = 0
    failures: list[Exception] = []
    for one in due:
        try:
            sealed += _seal(services, one.vendor_id, declared(one.first_day, one.last_day))
        except Exception as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return sealed


def _seal(services: Services, vendor_id: int, period: Period) -> bool:
    """In one transaction, and once: whoever comes second finds it sealed."""
    with services.database.unit_of_work() as uow:
        returns.lock(uow.connection, vendor_id)
        vendor = returns.vendor(uow.connection, vendor_id)
        before = returns.last(uow.connection, vendor_id, period)
        if not _is_due(vendor, period, before):
            return False
        _write(services, uow.connection, vendor, period, before)
        uow.commit()
    return True


def _is_due(vendor: RowMapping, period: Period, before: RowMapping | None) -> bool:
    """Still, now that the vendor is locked."""
    if before is None:
        return bool(vendor["taxpayer_kind"] == TaxpayerKind.SMALL_SCALE.value)
    return bool(before["is_stale"]) and declared(before["first_day"], before["last_day"]) == period


def _write(
    services: Services, connection: Connection, vendor: RowMapping, period: Period, before: RowMapping | None
) -> None:
    if before is None:
        seller = {"name": vendor["name_zh"], "tax_id": vendor["tax_id"], "kind": vendor["taxpayer_kind"]}
    else:
        seller = json.loads(before["body"])["seller"]  # as declared, whatever became of the vendor since
    form = form_on(period.last_day)
    assert form is not None  # noqa: S101 - `declarable` leaves out what has none
    sums = returns.sums(connection, vendor["id"], period)
    cells = {str(cell.line): cell.fen for cell in fill(form, period, seller["tax_id"], sums)}
    entries = returns.entries(connection, vendor["id"], period)
    size, root = len(entries), tree.root_of([tree.leaf_hash(entry) for entry in entries])
    amendment = 0 if before is None else before["amendment"] + 1
    now, keys, salt = services.clock(), services.keyring, services.random(SALT_BYTES)
    body = return_body(
        issuer=keys.issuer_id.hex(),
        market=vendor["market_code"],
        seller=seller,
        period=(period.first_day, period.last_day),
        cells=cells,
        size=size,
        root=root,
        amendment=amendment,
        amends=None if before is None else before["commitment"],
    )
    data, commitment = commit_body(salt, body)
    values = {"vendor_id": vendor["id"], "market_id": vendor["market_id"], "first_day": period.first_day}
    values |= {"last_day": period.last_day, "amendment": amendment, "cells": cells, "size": size}
    values |= {"root": root, "body": data, "salt": salt, "commitment": commitment}
    returns.add(connection, values | {"sealed_at": now, "is_stale": False})
    fact = return_fact(vendor["id"], period.first_day, amendment)
    record(connection, sign_entry(keys, Kind.RETURN, fact, body_commitment=commitment, instant=now))
