"""What came out of an officer's checks: one plain verdict for each thing in the pile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping

from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.errors import N_
from invoice_service.ledger import evidence as ev
from invoice_service.queries.verify import IN_A_PDF, KNOWN_BY_FACTS, NO_SUCH_FACTS, SENTENCES
from invoice_service.queries.views import StepView
from invoice_service.services import Services
from invoice_service.store import checks as stored

LATEST = 20
KNOWN_NUMBER = N_("This service issued an invoice with this number. Compare the date and the total.")
NO_SUCH_NUMBER = N_("No such invoice was issued in your region.")
REPEATED = N_("The same as number {n} of this pile.")
BAD = ("altered", "unknown")


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """`n` counts from 1. `verdict` is None while it waits. `sentence` is English, to be translated.

    `same_as` is what this one repeats: the same bytes, or another file of the same invoice.
    """

    n: int
    name: str
    kind: str
    verdict: str | None
    sentence: str
    same_as: int | None
    number: str | None
    total_fen: int | None
    issued_at: datetime | None
    seller_name: str | None
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True)
class CheckView:
    id: int
    reason: str
    created_at: datetime
    items: tuple[CheckedItem, ...]

    @property
    def done(self) -> int:
        return sum(item.verdict is not None for item in self.items)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each verdict, where there are any."""
        return dict(Counter(item.verdict for item in self.items if item.verdict is not None))


@dataclass(frozen=True, slots=True)
class CheckLine:
    id: int
    reason: str
    size: int
    created_at: datetime
    waiting: int


def latest(services: Services, actor: Actor) -> tuple[CheckLine, ...]:
    """One's own, the newest first."""
    with services.database.read() as connection:
        return tuple(CheckLine(**row) for row in stored.latest(connection, actor.account_id, LATEST))


def one(services: Services, actor: Actor, check_id: int) -> CheckView:
    """Raises OutOfScope for another's."""
    with services.database.read() as connection:
        check = stored.one(connection, check_id)
        if check is None or check["account_id"] != actor.account_id:
            raise OutOfScope
        rows = stored.items(connection, check_id)
    return CheckView(check_id, check["reason"], check["created_at"], tuple(_items(rows)))


def _items(rows: Iterable[RowMapping]) -> Iterable[CheckedItem]:
    first: dict[str, int] = {}
    for row in rows:
        n = row["n"] + 1
        same_as = None if row["same_as"] is None else row["same_as"] + 1
        if row["verdict"] in (ev.GENUINE, ev.UNDECIDED) and row["number"]:
            earlier = first.setdefault(row["number"], n)
            same_as = earlier if earlier != n else same_as
        yield _item(row, n, same_as)


def _item(row: RowMapping, n: int, same_as: int | None) -> CheckedItem:
    return CheckedItem(
        n=n,
        name=row["name"],
        kind=row["kind"],
        verdict=row["verdict"],
        sentence=_sentence(row),
        same_as=same_as,
        number=row["number"],
        total_fen=row["total_fen"],
        issued_at=row["issued_at"],
        seller_name=row["seller"],
        steps=tuple(StepView(**step) for step in row["steps"] or ()),
    )


def _sentence(row: RowMapping) -> str:
    if row["problem"]:
        return str(row["problem"])
    match row["kind"], row["verdict"]:
        case _, None:
            return ""
        case _, "repeated":
            return REPEATED
        case "pdf", ev.GENUINE:
            return IN_A_PDF
        case "number", ev.GENUINE:
            return KNOWN_NUMBER
        case "number", ev.UNKNOWN:
            return NO_SUCH_NUMBER
        case "facts", ev.GENUINE:
            return KNOWN_BY_FACTS
        case "facts", ev.UNKNOWN:
            return NO_SUCH_FACTS
    return SENTENCES[row["verdict"]]
