"""An ACCESS_DAY: the day's access records make the very root that was closed over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.domain.access import record_document
from invoice_service.ledger import canonical, tree
from invoice_service.ledger.compact import CompactRange
from invoice_service.ledger.entry import Entry
from invoice_service.queries.audit.differs import same
from invoice_service.queries.audit.documents import Documents, opened, without_buyer
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.store import audit


def _read(connection: Connection, facts: Sequence[str]) -> Mapping[str, Row[Any]]:
    days = []
    for fact in facts:
        with suppress(ValueError):
            days.append(date.fromisoformat(fact))
    return {row.fact: row for row in audit.access_days(connection, days)}


def _check(connection: Connection, issuer: Issuer, entry: Entry, row: Row[Any]) -> None:
    without_buyer(entry)
    body = opened(row.body, row.salt, entry, issuer, "access_day")
    same(body["day"], row.fact, "the body's day")
    same(row.size, body["size"], "column size")
    same(bytes(row.root).hex(), body["root"], "column root")
    records = CompactRange()
    for record in audit.access_records(connection, row.day):
        leaf = tree.leaf_hash(canonical.encode(record_document(record)))
        for _ in records.push(leaf):
            pass
    same(records.size, body["size"], "how many records the day has")
    same(records.root().hex(), body["root"], "the root over the day's records")


ACCESS_DAYS = Documents("access day", _read, _check)
