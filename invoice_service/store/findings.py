"""Findings, the cases that they became, and which days the rules were run over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, text
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.store.finding_tables import case_steps, findings, rule_runs

_COLUMNS = """
    f.id, f.rule, f.market_id, f.key, f.vendor_id, f.stall, f.first_day, f.last_day, f.figures, f.thresholds,
    f.rule_since, f.found_at, f.times, f.last_seen, f.state, f.assigned_to, f.outcome,
    m.code AS market_code, m.name_zh AS market_zh, m.name_en AS market_en, m.region, m.address,
    v.name_zh AS vendor_zh, v.name_en AS vendor_en, a.name AS assigned_name
"""
_FROM = """
    FROM findings AS f
    JOIN markets AS m ON m.id = f.market_id
    LEFT JOIN vendors AS v ON v.id = f.vendor_id
    LEFT JOIN accounts AS a ON a.id = f.assigned_to
"""
_ONE = text(f"SELECT {_COLUMNS}, f.records {_FROM} WHERE f.id = :id")
_LOCK = text("SELECT state, outcome, assigned_to FROM findings WHERE id = :id FOR UPDATE")
_STEP = text("""
    UPDATE findings SET state = :state, outcome = :outcome, assigned_to = :assigned_to WHERE id = :id
""")
_STEPS = text("SELECT who, step, words, outcome, at FROM case_steps WHERE finding_id = :id ORDER BY id")
_COLLEAGUES = text("""
    SELECT id, name FROM accounts
    WHERE role = 'officer' AND disabled_at IS NULL AND starts_with(:region, region) ORDER BY name, id
""")
_BY_RULE = text("""
    SELECT f.rule, count(*) AS found, count(*) FILTER (WHERE f.state = 'closed') AS closed,
           count(*) FILTER (WHERE f.outcome = 'innocent') AS innocent
    FROM findings AS f JOIN markets AS m ON m.id = f.market_id
    WHERE starts_with(m.region, :region) GROUP BY f.rule
""")
# What a list may be narrowed by: a value picks a clause that stands here, and goes in as a parameter.
_FILTERS = {
    "region": "starts_with(m.region, :region)",
    "market_id": "f.market_id = :market_id",
    "rule": "f.rule = :rule",
    "open": "f.state <> 'closed'",
    "closed": "f.state = 'closed'",
    "assigned_to": "f.assigned_to = :assigned_to AND f.state = 'assigned'",
    "after": "f.id < :after",
}
_UNRUN = text("""
    SELECT d.market_id, d.day FROM market_days AS d
    LEFT JOIN rule_runs AS r ON r.market_id = d.market_id AND r.day = d.day
    WHERE d.is_summed AND d.day >= :since AND r.day IS NULL
    ORDER BY d.day, d.market_id LIMIT :most
""")
_ADD = upsert(findings)
# Found again on another day it stays what it was, and is counted; the same day again changes nothing.
_ADD_OR_COUNT = _ADD.on_conflict_do_update(
    index_elements=["market_id", "rule", "key"],
    set_={
        "times": text("findings.times + (excluded.last_seen > findings.last_seen)::int"),
        "last_seen": text("greatest(findings.last_seen, excluded.last_seen)"),
    },
)
_RUN = upsert(rule_runs).on_conflict_do_nothing().returning(rule_runs.c.day)
_MARKET = text("SELECT id, code, region FROM markets WHERE id = :id")


def market(connection: Connection, market_id: int) -> RowMapping:
    return connection.execute(_MARKET, {"id": market_id}).mappings().one()


def unrun(connection: Connection, since: date, most: int) -> Sequence[tuple[int, date]]:
    """(market, day) of days that are over and summed, and over which no rule was run; the oldest first."""
    return [tuple(row) for row in connection.execute(_UNRUN, {"since": since, "most": most})]


def begin_run(connection: Connection, values: Mapping[str, Any]) -> bool:
    """False where another has run the rules over that day: the row is the fence."""
    return connection.execute(_RUN, values).first() is not None


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(_ADD_OR_COUNT, rows)


def one(connection: Connection, finding_id: int) -> RowMapping | None:
    """With its records."""
    return connection.execute(_ONE, {"id": finding_id}).mappings().first()


def listed(connection: Connection, wanted: Mapping[str, object], *, limit: int) -> Sequence[RowMapping]:
    """The newest that fit; `wanted` has some of the keys of _FILTERS, `region` or `market_id` among them."""
    narrowed = " AND ".join(clause for name, clause in _FILTERS.items() if name in wanted)
    statement = f"SELECT {_COLUMNS} {_FROM} WHERE {narrowed} ORDER BY f.id DESC LIMIT :limit"
    return connection.execute(text(statement), {**wanted, "limit": limit}).mappings().all()


def by_rule(connection: Connection, region: str) -> Sequence[RowMapping]:
    """How many each rule found in a region, how many of them are closed, and how many as innocent."""
    return connection.execute(_BY_RULE, {"region": region}).mappings().all()


def steps(connection: Connection, finding_id: int) -> Sequence[RowMapping]:
    return connection.execute(_STEPS, {"id": finding_id}).mappings().all()


def colleagues(connection: Connection, region: str) -> Sequence[RowMapping]:
    """Officers in whose region a market is."""
    return connection.execute(_COLLEAGUES, {"region": region}).mappings().all()


def lock(connection: Connection, finding_id: int) -> RowMapping:
    """Its state, outcome and whose it is, locked."""
    return connection.execute(_LOCK, {"id": finding_id}).mappings().one()


def take_step(
    connection: Connection,
    finding_id: int,
    step: Mapping[str, Any],
    *,
    state: str,
    outcome: str | None,
    assigned_to: int | None,
) -> None:
    values = {"id": finding_id, "state": state, "outcome": outcome, "assigned_to": assigned_to}
    connection.execute(insert(case_steps), {"finding_id": finding_id, **step})
    connection.execute(_STEP, values)
