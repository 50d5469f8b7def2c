"""VAT returns, as an officer who looks at the vendor, and as the vendor, read them.

A period that is sealed is told as it was sealed; one that is running, or over since less than an hour, as it
stands now. Under a cell stand the facts that it sums, page by page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import Period, PeriodKind, period_of
from invoice_service.domain.policy import Actor, own_vendor
from invoice_service.domain.threshold import limit_on
from invoice_service.domain.vat_return import (
    Form,
    NoReturn,
    NoSuchLine,
    NoSuchPeriod,
    Sums,
    Trace,
    cells_of,
    declarable,
    declared,
    fill,
    form_on,
    return_fact,
)
from invoice_service.ledger.entry import Kind
from invoice_service.queries.ledger_state import ledger_states
from invoice_service.queries.market_rows import market_of, named
from invoice_service.queries.market_views import MarketView
from invoice_service.queries.supervision import looked_at
from invoice_service.queries.views import LedgerState
from invoice_service.services import Services
from invoice_service.store import returns as stored
from invoice_service.store import sales

STATES = ("running", "ended", "sealed", "amended", "stale")
"""`ended`: over and not sealed yet. `stale`: sealed, and a fact came in since: an amendment follows."""

Row = Mapping[str, Any] | RowMapping


@dataclass(frozen=True, slots=True)
class Filer:
    """Whose return it is. `reason` is the one an officer gave; None of one's own."""

    id: int
    name: str
    tax_id: str | None
    taxpayer_kind: str
    tax_period: str
    market: MarketView
    reason: str | None


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """`sold_fen` is without tax."""

    period: Period
    state: str
    amendment: int
    sold_fen: int
    due_fen: int


@dataclass(frozen=True, slots=True)
class ReturnList:
    filer: Filer
    rows: tuple[PeriodRow, ...]

    @property
    def files_return(self) -> bool:
        return self.filer.taxpayer_kind == TaxpayerKind.SMALL_SCALE.value


@dataclass(frozen=True, slots=True)
class CellView:
    line: int
    name: str
    fen: int
    trace: Trace | None
    derived_from: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    line: int
    name: str
    before_fen: int
    fen: int


@dataclass(frozen=True, slots=True)
class Version:
    """As it was sealed. `changes` is beside the version before."""

    amendment: int
    sealed_at: datetime
    size: int
    root: str
    commitment: str
    changes: tuple[Change, ...]
    ledger: LedgerState


@dataclass(frozen=True, slots=True)
class ReturnView:
    """`versions` has the newest first, and is empty before the period is sealed."""

    filer: Filer
    period: Period
    state: str
    form: Form
    limit_fen: int | None
    cells: tuple[CellView, ...]
    versions: tuple[Version, ...]

    @property
    def sold_fen(self) -> int:
        return sum(cell.fen for cell in self.cells if cell.line in (1, 9))

    @property
    def due_fen(self) -> int:
        return next(cell.fen for cell in self.cells if cell.line == 22)


@dataclass(frozen=True, slots=True)
class FactRow:
    """`part_fen` is what the cell counts of a sale of `amount_fen`, or of its invoice.

    Of a refund, or of its credit note (`is_back`), both are negative; `fact` is then the refund's id.
    """

    fact: UUID
    order_id: UUID
    is_back: bool
    at: datetime
    number: str | None
    amount_fen: int
    part_fen: int


@dataclass(frozen=True, slots=True)
class CellFacts:
    filer: Filer
    period: Period
    state: str
    cell: CellView
    rows: tuple[FactRow, ...]
    next_key: tuple[datetime, UUID] | None


def returns(services: Services, actor: Actor, lang: str, vendor_id: int | None = None) -> ReturnList:
    """Every period in which something was sold, and the running one, the latest first.

    Raises OutOfScope, NotAllowed, SayWhy.
    """
    now = services.clock()
    with services.database.read() as connection:
        filer, row = _filer(connection, actor, lang, vendor_id, now)
        newest = stored.newest(connection, filer.id)
        unsealed = stored.unsealed(connection, filer.id, declarable(business_day(now)))
        told = [
            period
            for one in unsealed
            if (period := declared(one["first_day"], one["last_day"])).ends > now or one["is_sold"]
        ]
        found = sales.sums(connection, filer.id, [(one.begins, one.ends) for one in told])
    listed = [_sealed_row(one) for one in newest]
    for period, sums in zip(told, found, strict=True):
        listed.append(_open_row(period, row, Sums(sums.exempt_fen, sums.taxable_net_fen), now))
    return ReturnList(filer, tuple(sorted(listed, key=lambda one: one.period.first_day, reverse=True)))


def one(
    services: Services, actor: Actor, lang: str, first_day: date, vendor_id: int | None = None
) -> ReturnView:
    """Raises OutOfScope, NotAllowed, SayWhy, NoReturn, NoSuchPeriod, DayOutOfRange."""
    now = services.clock()
    with services.database.read() as connection:
        filer, row = _filer(connection, actor, lang, vendor_id, now)
        return _return(connection, filer, row, first_day, lang, now)


def cell(
    services: Services,
    actor: Actor,
    lang: str,
    first_day: date,
    line: int,
    vendor_id: int | None = None,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 30,
) -> CellFacts:
    """The facts that a cell sums, the latest first; none of a computed cell. Raises NoSuchLine, too."""
    now = services.clock()
    with services.database.read() as connection:
        filer, row = _filer(connection, actor, lang, vendor_id, now)
        seen = _return(connection, filer, row, first_day, lang, now)
        asked = next((each for each in seen.cells if each.line == line), None)
        if asked is None:
            raise NoSuchLine
        found: Sequence[Row] = ()
        if asked.trace is not None:
            found = stored.facts(connection, filer.id, seen.period, asked.trace, after, limit=limit + 1)
    shown = found[:limit]
    return CellFacts(
        filer=filer,
        period=seen.period,
        state=seen.state,
        cell=asked,
        rows=tuple(FactRow(**{name: each[name] for name in FactRow.__dataclass_fields__}) for each in shown),
        next_key=(shown[-1]["at"], shown[-1]["fact"]) if len(found) > limit else None,
    )


def _filer(
    connection: Connection, actor: Actor, lang: str, vendor_id: int | None, now: datetime
) -> tuple[Filer, RowMapping]:
    """Without `vendor_id` a vendor's own; with it, of a vendor whom an officer looks at."""
    reason = None
    if vendor_id is None:
        row = stored.vendor(connection, own_vendor(actor)[1])
    else:
        row, reason = looked_at(connection, actor, vendor_id, now)
    same = {name: row[name] for name in ("id", "tax_id", "taxpayer_kind", "tax_period")}
    return Filer(name=named(row, lang), market=market_of(row, lang), reason=reason, **same), row


def _return(
    connection: Connection, filer: Filer, row: Row, first_day: date, lang: str, now: datetime
) -> ReturnView:
    sealed = stored.versions(connection, filer.id, first_day)
    period = _period(connection, row, sealed, first_day, business_day(now))
    form = form_on(period.last_day)
    if form is None:
        raise NoSuchPeriod
    if sealed:
        cells = cells_of(form, {int(line): fen for line, fen in sealed[-1]["cells"].items()})
    else:
        cells = fill(form, period, row["tax_id"], stored.sums(connection, filer.id, period))
    names = {line.number: line.name_zh if lang == "zh-CN" else line.name_en for line in form.lines}
    return ReturnView(
        filer=filer,
        period=period,
        state=_state(sealed[-1]) if sealed else "running" if period.ends > now else "ended",
        form=form,
        limit_fen=limit_on(TaxpayerKind.SMALL_SCALE, period.kind.value, period.last_day),
        cells=tuple(CellView(c.line, names[c.line], c.fen, c.trace, c.derived_from) for c in cells),
        versions=_versions(connection, filer.id, sealed, names, now),
    )


def _period(connection: Connection, row: Row, sealed: Sequence[Row], first_day: date, today: date) -> Period:
    """The one of the vendor's that begins on a day."""
    if sealed:
        return declared(sealed[-1]["first_day"], sealed[-1]["last_day"])
    if row["taxpayer_kind"] != TaxpayerKind.SMALL_SCALE.value:
        raise NoReturn
    around = [period_of(kind, first_day) for kind in (PeriodKind.MONTH, PeriodKind.QUARTER)]
    begun = [period for period in around if period.first_day == first_day <= today]
    for one in stored.unsealed(connection, row["id"], begun):
        return declared(one["first_day"], one["last_day"])
    raise NoSuchPeriod


def _open_row(period: Period, row: Row, sums: Sums, now: datetime) -> PeriodRow:
    form = form_on(period.last_day)
    assert form is not None  # noqa: S101 - `declarable` leaves out what has none
    fen = {cell.line: cell.fen for cell in fill(form, period, row["tax_id"], sums)}
    return PeriodRow(period, "running" if period.ends > now else "ended", 0, fen[1] + fen[9], fen[22])


def _sealed_row(row: Row) -> PeriodRow:
    cells = row["cells"]
    return PeriodRow(
        period=declared(row["first_day"], row["last_day"]),
        state=_state(row),
        amendment=row["amendment"],
        sold_fen=cells["1"] + cells["9"],
        due_fen=cells["22"],
    )


def _state(newest: Row) -> str:
    return "stale" if newest["is_stale"] else "amended" if newest["amendment"] else "sealed"


def _versions(
    connection: Connection, vendor_id: int, sealed: Sequence[Row], names: Mapping[int, str], now: datetime
) -> tuple[Version, ...]:
    facts = [return_fact(vendor_id, row["first_day"], row["amendment"]) for row in sealed]
    states = ledger_states(connection, Kind.RETURN, facts, now=now) if facts else {}
    found = [
        Version(
            amendment=row["amendment"],
            sealed_at=row["sealed_at"],
            size=row["size"],
            root=row["root"].hex(),
            commitment=row["commitment"].hex(),
            changes=_changes(before["cells"], row["cells"], names) if before else (),
            ledger=states[fact],
        )
        for fact, row, before in zip(facts, sealed, [None, *sealed], strict=False)
    ]
    return tuple(reversed(found))


def _changes(
    before: Mapping[str, int], after: Mapping[str, int], names: Mapping[int, str]
) -> tuple[Change, ...]:
    return tuple(
        Change(line, name, before[str(line)], after[str(line)])
        for line, name in names.items()
        if before[str(line)] != after[str(line)]
    )
