"""The record of a check as a PDF: who looked at which pile, when and why, and what came out for each item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from invoice_service.documents.typeset import compiled


@dataclass(frozen=True)
class RecordLine:
    """`tone`: good · bad · wait · plain."""

    n: str
    verdict: str
    tone: str
    sentence: str
    number: str
    facts: str
    name: str


@dataclass(frozen=True)
class CheckRecord:
    """`facts` are (name, value) above the table; all of it in the language of the record."""

    title: str
    notice: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[str]
    items: Sequence[RecordLine]


def check_record(record: CheckRecord, *, made_at: datetime) -> bytes:
    """The same record gives the same bytes."""
    return compiled("check.typ", asdict(record), made_at)
