"""Run the rules over days that are over, market by market: every finding becomes a case.

In the background, once the day's sums are made. A day is run once: its row in `rule_runs` is written in the
transaction of its findings. A market that comes with years of history is looked at from the last month on.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from invoice_service.domain.case import CaseState
from invoice_service.domain.numbering import business_day
from invoice_service.flow import attested_day
from invoice_service.services import Services
from invoice_service.store import findings
from invoice_service.supervision import catalogue, rules
from invoice_service.supervision.rules import Finding

LOOK_BACK = timedelta(days=31)
AT_ONCE = 5  # days a round: the rest of the settler's work is not held up


def find_ended(services: Services) -> int:
    """Answers over how many days the rules were run."""
    since = business_day(services.clock()) - LOOK_BACK
    with services.database.read() as connection:
        days = findings.unrun(connection, since, AT_ONCE)
    for market_id, day in days:
        run(services, market_id, day)
    return len(days)


def run(services: Services, market_id: int, day: date) -> int | None:
    """All rules over one market's day. Answers how many findings; None where the day had been run before."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        market = findings.market(uow.connection, market_id)
        held = catalogue.rules_on(market["region"], day)
        read = attested_day.read(
            uow.connection, market, day, history_days=rules.history_days(held), as_of=now
        )
        found = list(rules.find(read, held))
        ran = {"market_id": market_id, "day": day, "ran_at": now, "sales": len(read.sales)}
        if not findings.begin_run(uow.connection, ran | {"found": len(found)}):
            return None
        rows = [_row(one, held[one.rule], market_id) | {"found_at": now} for one in found]
        findings.add(uow.connection, rows)
        uow.commit()
    return len(found)


def _row(finding: Finding, rule: catalogue.Rule, market_id: int) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "market_id": market_id,
        "key": finding.key,
        "vendor_id": finding.vendor,
        "stall": finding.stall,
        "first_day": finding.first_day,
        "last_day": finding.last_day,
        "last_seen": finding.last_day,
        "figures": dict(finding.figures),
        "records": list(finding.records),
        "thresholds": dict(rule.values),
        "rule_since": rule.first_day,
        "state": CaseState.NEW,
    }
