"""A batch of entries, each against its own bytes, its signature and the document that it commits to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.ledger.entry import BadEntry, Entry, Kind
from invoice_service.queries.audit import invoices
from invoice_service.queries.audit.differs import Difference, Differs, same
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
    """The first of each entry's.

    All signatures first, then kind by kind: a processor does much of one thing faster than a little of each.
    """
    counts.kinds.update(row.kind for row in rows)
    attested = [(row, _attested(issuer, row)) for row in rows]
    for kind in sorted({row.kind for row in rows}):
        of_kind = [(row, entry) for row, entry in attested if row.kind == kind]
        yield from _of_kind(connection, issuer, kind, of_kind, counts)


def _attested(issuer: Issuer, row: Row[Any]) -> Entry | Differs:
    """An entry whose own bytes are as they must be, or what is wrong with them."""
    data = bytes(row.entry)
    try:
        entry = Entry.decode(data)
        same(int(entry.kind), row.kind, "the kind that its entry says")
        same(entry.issuer_id, issuer.id, "the issuer that its entry names")
        issuer.check_signature(data, bytes(row.signature), entry.instant_ms)
    except BadEntry as error:
        return Differs(f"its entry cannot be read: {error}")
    except Differs as fault:
        return fault
    return entry


def _of_kind(
    connection: Connection,
    issuer: Issuer,
    kind: int,
    attested: Sequence[tuple[Row[Any], Entry | Differs]],
    counts: Counts,
) -> Iterator[Difference]:
    """Documents are read by a statement or two for all of them."""
    documents = DOCUMENTS.get(kind)
    stored = documents.read(connection, [row.fact for row, _ in attested]) if documents else {}
    for row, entry in attested:
        document = stored.get(row.fact)
        if kind == Kind.INVOICE and document is not None:
            counts.erased += invoices.is_erased(document)
        try:
            if isinstance(entry, Differs):
                raise entry
            if documents is None or document is None:
                raise Differs("there is no document for its entry")
            documents.check(connection, issuer, entry, document)
        except Differs as fault:
            yield Difference(named(kind, row.fact), str(fault))
        except UNFORMED:
            yield Difference(named(kind, row.fact), "what is stored does not have the form of its kind")
