"""A batch of entries, each against its own bytes, its signature and the document that it commits to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.ledger.entry import BadEntry, Entry, Kind
from invoice_service.queries.audit import invoices
from invoice_service.queries.audit.differs import Difference, Differs, holds, same
from invoice_service.queries.audit.documents import UNFORMED
from invoice_service.queries.audit.issuer import Issuer
from invoice_service.queries.audit.kinds import DOCUMENTS, named


@dataclass(slots=True)
class Counts:
    """Entries compared, by kind; and the invoices among them whose buyer was erased."""

    kinds: Counter[int] = field(default_factory=Counter)
    erased: int = 0


def differences(
    connection: Connection, issuer: Issuer, rows: Sequence[Row[Any]], counts: Counts
) -> Iterator[Difference]:
    """The first of each entry's. Documents are read kind by kind, a statement or two each."""
    stored = {kind: _documents(connection, kind, rows) for kind in {row.kind for row in rows}}
    for row in rows:
        counts.kinds[row.kind] += 1
        document = stored[row.kind].get(row.fact)
        try:
            _check(connection, issuer, row, document)
        except Differs as fault:
            yield Difference(named(row.kind, row.fact), str(fault))
        except UNFORMED:
            yield Difference(named(row.kind, row.fact), "what is stored does not have the form of its kind")
        if row.kind == Kind.INVOICE and document is not None:
            counts.erased += invoices.is_erased(document)


def _documents(connection: Connection, kind: int, rows: Sequence[Row[Any]]) -> Mapping[str, Any]:
    if kind not in DOCUMENTS:
        return {}
    return DOCUMENTS[kind].read(connection, [row.fact for row in rows if row.kind == kind])


def _check(connection: Connection, issuer: Issuer, row: Row[Any], document: Any) -> None:
    data = bytes(row.entry)
    try:
        entry = Entry.decode(data)
    except BadEntry as error:
        raise Differs(f"its entry cannot be read: {error}") from error
    same(int(entry.kind), row.kind, "the kind that its entry says")
    same(entry.issuer_id, issuer.id, "the issuer that its entry names")
    issuer.check_signature(data, bytes(row.signature), entry.instant_ms)
    holds(document is not None, "there is no document for its entry")
    DOCUMENTS[row.kind].check(connection, issuer, entry, document)
