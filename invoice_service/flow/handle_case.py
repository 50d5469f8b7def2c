"""What officers do with a finding: look at it, take or give it, note, decide, reopen.

A finding is reason enough to look: opening a case records the look at its vendor, with the case for a reason,
and so opens that vendor's books for half an hour. Each step stands for ever, under the name of who took it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from invoice_service.domain import case
from invoice_service.domain.access import LOOK_LASTS, Action
from invoice_service.domain.case import BadCase, CaseState, Outcome, Step
from invoice_service.domain.policy import Actor
from invoice_service.errors import N_
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import findings, supervised
from invoice_service.supervision import catalogue


def look(services: Services, actor: Actor, finding_id: int) -> None:
    """Write down that a case is opened, once while the look lasts. Raises UnknownCase, OutOfScope."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        row = supervised.supervised_case(uow.connection, actor, finding_id)
        reason = reason_of(row)
        action = Action.VENDOR_LOOKED_AT if row["vendor_id"] else Action.CASE_LOOKED_AT
        of_whom = row["market_id"], row["vendor_id"]
        since = now - LOOK_LASTS
        last = supervised.last_look(uow.connection, actor.account_id, action, *of_whom, since)
        if last == reason:
            uow.nothing_to_do()
            return
        subject = row["vendor_zh"] or f"case {finding_id}"
        _note(uow.connection, actor, action, now, row, subject, reason)
        uow.commit()


def assign(services: Services, actor: Actor, finding_id: int, account_id: int | None) -> None:
    """To oneself where nobody is named; else to an officer of the market's region.

    Raises UnknownCase, OutOfScope, BadCase, ForbiddenStep.
    """
    with services.database.unit_of_work() as uow:
        row = supervised.supervised_case(uow.connection, actor, finding_id)
        names = {one["id"]: one["name"] for one in findings.colleagues(uow.connection, row["region"])}
        whom = actor.account_id if account_id is None else account_id
        if whom not in names:
            raise BadCase({"assigned_to": N_("Please choose an officer of this region.")})
        _step(services, uow.connection, actor, row, Step.ASSIGNED, names[whom], assigned_to=whom)
        uow.commit()


def add_note(services: Services, actor: Actor, finding_id: int, words: str) -> None:
    """Raises UnknownCase, OutOfScope, BadCase."""
    _take(services, actor, finding_id, Step.NOTED, words)


def decide(services: Services, actor: Actor, finding_id: int, outcome: str, words: str) -> None:
    """Close it, and say why so. Raises UnknownCase, OutOfScope, BadCase, ForbiddenStep."""
    _take(services, actor, finding_id, Step.CLOSED, words, case.read_outcome(outcome))


def reopen(services: Services, actor: Actor, finding_id: int, words: str) -> None:
    """Raises UnknownCase, OutOfScope, BadCase, ForbiddenStep."""
    _take(services, actor, finding_id, Step.REOPENED, words)


def reason_of(row: RowMapping) -> str:
    """What the vendor reads: Chinese, since that is what is kept, whoever looked."""
    return f"案件 {row['id']}：{catalogue.version(row['rule'], row['rule_since']).name('zh-CN')}"


def _take(
    services: Services,
    actor: Actor,
    finding_id: int,
    step: Step,
    words: str,
    outcome: Outcome | None = None,
) -> None:
    said = case.read_words(words)
    with services.database.unit_of_work() as uow:
        row = supervised.supervised_case(uow.connection, actor, finding_id)
        _step(services, uow.connection, actor, row, step, said, outcome=outcome)
        uow.commit()


def _step(
    services: Services,
    connection: Connection,
    actor: Actor,
    row: RowMapping,
    step: Step,
    words: str,
    *,
    outcome: Outcome | None = None,
    assigned_to: int | None = None,
) -> None:
    """The state is read under a lock: of two who act at once the second sees what the first did."""
    now = services.clock()
    was = findings.lock(connection, row["id"])
    state = case.after(CaseState(was["state"]), step)
    said = {
        "account_id": actor.account_id,
        "who": actor.name,
        "step": step,
        "words": words,
        "outcome": outcome,
        "at": now,
    }
    findings.take_step(
        connection,
        row["id"],
        said,
        state=state,
        outcome=outcome or (was["outcome"] if step is Step.NOTED else None),
        assigned_to=None if step is Step.REOPENED else assigned_to or was["assigned_to"],
    )
    _note(connection, actor, Action.CASE_HANDLED, now, row, f"case {row['id']}", None)


def _note(
    connection: Connection,
    actor: Actor,
    action: Action,
    now: datetime,
    row: RowMapping,
    subject: str,
    reason: str | None,
) -> None:
    whom: dict[str, Any] = {"market_id": row["market_id"], "vendor_id": row["vendor_id"]}
    note(connection, actor, action, now=now, subject=subject, reason=reason, **whom)
