"""Findings as cases: lists for the desk, one with everything that was done, and the rules with their record.

A list names no vendor: a case opens its vendor's books, and opening it is recorded (`flow.handle_case`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.case import STEPS, CaseState, Step
from invoice_service.domain.listing import chosen
from invoice_service.domain.numbering import business_day
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.queries.market_rows import named
from invoice_service.services import Services
from invoice_service.store import findings, refunds, supervised
from invoice_service.supervision import catalogue
from invoice_service.supervision.catalogue import RULE_IDS

STATES = ("open", "mine", "closed", "all")
RULES = ("all", *RULE_IDS)
RECORDS_SHOWN = 50

Row = Mapping[str, Any] | RowMapping


@dataclass(frozen=True, slots=True)
class CaseLine:
    """`times`: on how many days the same was found, `last_seen` the latest of them."""

    id: int
    rule: str
    rule_name: str
    says: str
    market_code: str
    market_name: str
    stall: str | None
    day: date
    last_seen: date
    times: int
    found_at: datetime
    state: str
    outcome: str | None
    assigned_name: str | None


@dataclass(frozen=True, slots=True)
class StepView:
    who: str
    step: str
    words: str
    outcome: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordView:
    """A sale by its order, an invoice by its number, or a refund, with the sale that it is of."""

    sale: UUID | None = None
    invoice: str | None = None
    refund: UUID | None = None


@dataclass(frozen=True, slots=True)
class Colleague:
    account_id: int
    name: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """`figures` as they are kept, `_fen` in fen; `may`: the steps that can be taken now."""

    line: CaseLine
    first_day: date
    looks: str
    innocent: str
    vendor_id: int | None
    vendor_name: str | None
    figures: Mapping[str, Any]
    thresholds: Mapping[str, Any]
    rule_since: date
    records: tuple[RecordView, ...]
    records_in_all: int
    steps: tuple[StepView, ...]
    may: tuple[Step, ...]
    colleagues: tuple[Colleague, ...]


@dataclass(frozen=True, slots=True)
class CaseList:
    rows: tuple[CaseLine, ...]
    next_key: int | None


@dataclass(frozen=True, slots=True)
class RuleView:
    """What holds in the region today. Of `closed` cases `innocent` ended so."""

    id: str
    name: str
    looks: str
    why_innocent: str
    since: date
    thresholds: Mapping[str, Any]
    found: int
    closed: int
    innocent: int

    @property
    def innocent_percent(self) -> int | None:
        return 100 * self.innocent // self.closed if self.closed else None


def listed(
    services: Services,
    actor: Actor,
    lang: str,
    *,
    state: str = "open",
    rule: str = "all",
    after: int | None = None,
    limit: int = 30,
    market_code: str | None = None,
) -> CaseList:
    """The newest first. Raises BadListing, OutOfScope."""
    chosen(state, STATES, "state")
    chosen(rule, RULES, "rule")
    with services.database.read() as connection:
        wanted = _state(actor, state) | ({"rule": rule} if rule != "all" else {})
        wanted |= {"after": after} if after is not None else {}
        if market_code is not None:
            wanted["market_id"] = supervised.supervised_market(connection, actor, market_code)["id"]
        found = findings.listed(connection, wanted | {"region": _region(actor)}, limit=limit + 1)
    rows = tuple(_line(row, lang) for row in found[:limit])
    return CaseList(rows, rows[-1].id if len(found) > limit else None)


def one(services: Services, actor: Actor, lang: str, case_id: int) -> CaseView:
    """Raises UnknownCase, OutOfScope, NotAllowed."""
    with services.database.read() as connection:
        row = supervised.supervised_case(connection, actor, case_id)
        steps = findings.steps(connection, case_id)
        colleagues = findings.colleagues(connection, row["region"])
        records = _records(connection, row["records"][:RECORDS_SHOWN])
    rule = catalogue.version(row["rule"], row["rule_since"])
    return CaseView(
        line=_line(row, lang),
        first_day=row["first_day"],
        looks=replace(rule, values=row["thresholds"]).looks(lang),
        innocent=rule.innocent(lang),
        vendor_id=row["vendor_id"],
        vendor_name=named(row, lang, "vendor") if row["vendor_id"] else None,
        figures=row["figures"],
        thresholds=row["thresholds"],
        rule_since=row["rule_since"],
        records=records,
        records_in_all=len(row["records"]),
        steps=tuple(StepView(**step) for step in steps),
        may=tuple(STEPS[CaseState(row["state"])]),
        colleagues=tuple(Colleague(one["id"], one["name"]) for one in colleagues),
    )


def rules(services: Services, actor: Actor, lang: str) -> tuple[RuleView, ...]:
    """What each rule looks for in the officer's region today, and what became of what it found."""
    region = _region(actor)
    with services.database.read() as connection:
        counted = {row["rule"]: row for row in findings.by_rule(connection, region)}
    held = catalogue.rules_on(region, business_day(services.clock()))
    return tuple(
        RuleView(
            id=rule.id,
            name=rule.name(lang),
            looks=rule.looks(lang),
            why_innocent=rule.innocent(lang),
            since=rule.first_day,
            thresholds=rule.values,
            **{
                name: counted[rule.id][name] if rule.id in counted else 0
                for name in ("found", "closed", "innocent")
            },
        )
        for rule in held.values()
    )


def _region(actor: Actor) -> str:
    """Raises OutOfScope for whoever has none."""
    if actor.region is None:
        raise OutOfScope
    return actor.region


def _state(actor: Actor, state: str) -> dict[str, object]:
    if state == "mine":
        return {"assigned_to": actor.account_id}
    return {} if state == "all" else {state: True}


def _line(row: Row, lang: str) -> CaseLine:
    rule = catalogue.version(row["rule"], row["rule_since"])
    return CaseLine(
        id=row["id"],
        rule=row["rule"],
        rule_name=rule.name(lang),
        says=rule.says(row["figures"], lang),
        market_code=row["market_code"],
        market_name=named(row, lang, "market"),
        stall=row["stall"],
        day=row["last_day"],
        last_seen=row["last_seen"],
        times=row["times"],
        found_at=row["found_at"],
        state=row["state"],
        outcome=row["outcome"],
        assigned_name=row["assigned_name"],
    )


def _records(connection: Connection, records: Sequence[str]) -> tuple[RecordView, ...]:
    ids = [UUID(record) for record in records if not record.isdigit()]
    sale_of = refunds.orders_of(connection, ids)
    return tuple(
        RecordView(invoice=record) if record.isdigit() else _by_id(UUID(record), sale_of)
        for record in records
    )


def _by_id(record: UUID, sale_of: Mapping[UUID, UUID]) -> RecordView:
    return RecordView(sale_of[record], refund=record) if record in sale_of else RecordView(record)
