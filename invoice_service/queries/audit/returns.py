"""A RETURN: the sealed version is what its entry commits to, and its root that of the period's facts.

A version that something came late to, or that was amended since, was made over fewer facts than there are
now; of it only what was sealed is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.domain.vat_return import declared, return_fact
from invoice_service.ledger import tree
from invoice_service.ledger.entry import Entry
from invoice_service.queries.audit.differs import same
from invoice_service.queries.audit.documents import Documents, opened, without_buyer
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit
from invoice_service.store import returns as stored


def _read(connection: Connection, facts: Sequence[str]) -> Mapping[str, Row[Any]]:
    keys = []
    for fact in facts:
        with suppress(ValueError):
            vendor_id, first_day, amendment = fact.split("/")
            keys.append((int(vendor_id), date.fromisoformat(first_day), int(amendment)))
    rows = audit.returns(connection, keys)
    return {return_fact(row.vendor_id, row.first_day, row.amendment): row for row in rows}


def _check(connection: Connection, issuer: Issuer, entry: Entry, row: Row[Any]) -> None:
    without_buyer(entry)
    body = opened(row.body, row.salt, entry, issuer, "return")
    same(bytes(row.commitment), entry.body_commitment, "column commitment")
    _check_columns(row, body)
    if row.is_newest and not row.is_stale:
        _check_facts(connection, row, body)


def _check_columns(row: Row[Any], body: Mapping[str, Any]) -> None:
    same(row.market, body["market"], "column market_id")
    same(row.first_day.isoformat(), body["first_day"], "column first_day")
    same(row.last_day.isoformat(), body["last_day"], "column last_day")
    same(row.amendment, body["amendment"], "column amendment")
    same(row.cells, body["cells"], "column cells")
    same(row.size, body["size"], "column size")
    same(bytes(row.root).hex(), body["root"], "column root")
    amends = None if row.amends is None else bytes(row.amends).hex()
    same(amends, body["amends"], "the version that it amends")


def _check_facts(connection: Connection, row: Row[Any], body: Mapping[str, Any]) -> None:
    period = declared(row.first_day, row.last_day)
    entries = stored.entries(connection, row.vendor_id, period)
    same(len(entries), body["size"], "how many facts the period has")
    root = tree.root_of([tree.leaf_hash(entry) for entry in entries if entry is not None])
    same(root.hex(), body["root"], "the root over the period's facts")


RETURNS = Documents("return", _read, _check)
