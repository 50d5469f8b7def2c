"""Invoice numbers: why some were drawn and not used, and which cannot be right.

Numbers come from a sequence that never goes back: an issue that was rolled back leaves its number unused, and
so does a database that was killed and skips what it had set aside. No invoice is missing for that. One that
is missing has an entry: whoever takes an invoice away leaves its entry without a document, and whoever takes
the entry, too, leaves a gap in the log, which has none. Both are found where entries are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from invoice_service.domain.invoice import instant_text
from invoice_service.queries.audit.differs import Difference
from invoice_service.queries.audit.kinds import named
from invoice_service.store import audit_numbers, audit_refunds

ROLLED_BACK = "drawn by issues that were rolled back, or skipped by the database when it was killed"
BECAME = {"lapsed": "lapsed, since nobody agreed to it", "refused": "was refused"}
UNDER_WAY = "is under way"
NOT_YET = f"{ROLLED_BACK}, or of issues that are under way"


@dataclass(frozen=True, slots=True)
class Unused:
    """A run of places in the sequence, `first` to `last`, that no document has, and why."""

    first: int
    last: int
    before: str | None
    after: str | None
    why: str

    @property
    def count(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        places = f"sequence number {self.first}"
        if self.count > 1:
            places = f"sequence numbers {self.first} to {self.last}"
        return f"{places}, after {self.before or 'none'} and before {self.after or 'the next'}: {self.why}."


@dataclass(frozen=True, slots=True)
class NotInForce:
    """A number that a credit note was drawn up with, and that stands in no entry."""

    number: str
    status: str  # of its refund

    def __str__(self) -> str:
        return f"number {self.number}, the credit note of a refund that {BECAME.get(self.status, UNDER_WAY)}."


def unused(connection: Connection) -> tuple[Unused | NotInForce, ...]:
    """Places that no document has, then credit notes that never came into force."""
    notes = (NotInForce(row.number, row.status) for row in audit_refunds.not_in_force(connection))
    return (*map(_unused, audit_numbers.unused(connection)), *notes)


def _unused(row: Row[Any]) -> Unused:
    return Unused(
        first=row.first,
        last=row.last,
        before=_placed(row.number_before, row.issued_before),
        after=_placed(row.number_after, row.issued_after),
        why=NOT_YET if row.number_after is None else ROLLED_BACK,
    )


def _placed(number: str | None, issued_at: datetime | None) -> str | None:
    """A number with when it was issued: what was drawn beside it was drawn about then."""
    return number and (f"{number} ({instant_text(issued_at)})" if issued_at else number)


def differences(connection: Connection) -> Iterator[Difference]:
    for row in audit_numbers.wrong(connection):
        yield Difference(named(row.kind, row.number), _wrong(row))


def _wrong(row: Row[Any]) -> str:
    if row.is_ill_formed:
        return "its number does not say its year of issue and the pilot channel"
    if row.is_undrawn:
        return "its number was never drawn"
    return "another number has its place in the sequence, too"
