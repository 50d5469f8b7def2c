"""An officer has a pile of invoices checked, a few at a time, while somebody waits for it.

The pile is kept first, then checked step by step: whoever looks at it takes it a step further, so a process
that dies, or a page that is closed, loses nothing, and there is no worker to be stuck. A step verifies while
no transaction is open, since it asks the chain, and keeps each result once, whoever made it. A file's bytes
go when it was checked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from invoice_service.documents.attached import UNREADABLE, attached_evidence, is_pdf
from invoice_service.documents.pile import Item, read_pile
from invoice_service.domain.access import Action
from invoice_service.domain.credit_note import NOTHING_TO_PAY
from invoice_service.domain.money import BadAmount, parse_yuan
from invoice_service.domain.numbering import NOT_SIGNED, business_day
from invoice_service.domain.policy import Actor, NotAllowed, OutOfScope, Role, Scope, can_see, check_fresh
from invoice_service.domain.standing import Standing
from invoice_service.errors import N_, Error
from invoice_service.flow.access import note
from invoice_service.flow.look import checked_reason
from invoice_service.ledger import evidence as ev
from invoice_service.ledger import link
from invoice_service.ledger.statement import Epoch
from invoice_service.services import Services
from invoice_service.store import checks, deployment

STEP_S = 0.8  # a page tells of progress about once a second
AT_ONCE = 10
GUESSES_MAX, GUESSES_WITHIN = 200, timedelta(days=1)
UNREADABLE_VERDICT, REPEATED = "unreadable", "repeated"
BAD_FACTS = N_("The date or the total beside this number cannot be read.")
Row = Mapping[str, Any] | RowMapping


class TooManyGuesses(Error):
    code = "check.too_many_unknown"
    message = N_("Two hundred numbers were none today. Bring the invoices' files, or go on tomorrow.")
    status = 429
    retry_after_s = 3600


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    size: int


def begin(
    services: Services, actor: Actor, files: Iterable[tuple[str, bytes]], typed: str, reason: str
) -> int:
    """Keep a pile; answers its id. Nothing is checked yet.

    Raises NotAllowed, ReasonMissing, TooManyGuesses, and what `read_pile` raises.
    """
    if actor.role is not Role.OFFICER:
        raise NotAllowed
    now, reason = services.clock(), checked_reason(reason)
    pile = read_pile(files, typed)
    values = {"account_id": actor.account_id, "reason": reason, "size": len(pile), "created_at": now}
    with services.database.unit_of_work() as uow:
        guesses = checks.wrong_guesses(uow.connection, actor.account_id, now - GUESSES_WITHIN)
        if guesses >= GUESSES_MAX and any(item.number for item in pile):
            raise TooManyGuesses
        check_id = checks.add(uow.connection, values, [_values(item, n, now) for n, item in enumerate(pile)])
        note(uow.connection, actor, Action.PILE_CHECKED, now=now, subject=str(len(pile)), reason=reason)
        uow.commit()
    return check_id


def step(services: Services, actor: Actor, check_id: int) -> Progress:
    """Check for most of a second, or until all is done. Raises OutOfScope for another's check."""
    ends_at = time.monotonic() + STEP_S
    heads = None if services.heads is None else _Remembered(services.heads)
    with services.database.read() as connection:
        check = own_check(connection, actor, check_id)
    while True:
        with services.database.read() as connection:
            found = checks.waiting(connection, check_id, AT_ONCE)
        results = [(row["n"], _checked(services, actor, row, heads)) for row in found]
        with services.database.unit_of_work() as uow:
            for n, result in results:
                if checks.keep(uow.connection, check_id, n, result):
                    _record(uow.connection, actor, result, check["reason"], services.clock())
            progress = Progress(*checks.progress(uow.connection, check_id))
            uow.commit()
        if not found or progress.done == progress.size or time.monotonic() >= ends_at:
            return progress


def take_out(services: Services, actor: Actor, check_id: int) -> None:
    """Write down that the result leaves as a file. Raises OutOfScope, ConfirmFirst."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        check = own_check(uow.connection, actor, check_id)
        check_fresh(actor, now)
        subject = f"check {check_id}"
        note(uow.connection, actor, Action.EXPORTED, now=now, subject=subject, reason=check["reason"])
        uow.commit()


def own_check(connection: Connection, actor: Actor, check_id: int) -> Row:
    """Raises OutOfScope."""
    check = checks.one(connection, check_id)
    if check is None or check["account_id"] != actor.account_id:
        raise OutOfScope
    return check


def _values(item: Item, n: int, now: datetime) -> dict[str, Any]:
    verdict = UNREADABLE_VERDICT if item.problem else REPEATED if item.same_as is not None else None
    return {
        "n": n,
        "name": item.name,
        "data": None if verdict else item.data,
        "number": item.number or None,
        "day": item.day[:40],
        "total": item.total[:40],
        "same_as": item.same_as,
        "verdict": verdict,
        "problem": item.problem,
        "kind": _kind(item),
        "checked_at": now if verdict else None,
    }


def _kind(item: Item) -> str:
    if item.data is not None:
        return "pdf" if is_pdf(item.data) else "evidence"
    if not item.number:
        return "none"
    return "facts" if item.day and item.total else "number"


# --- checking ---------------------------------------------------------------------------------------------


def _checked(services: Services, actor: Actor, row: Row, heads: _Remembered | None) -> dict[str, Any]:
    if row["data"] is not None:
        return _of_file(services, row, heads)
    code = link.code_in(row["name"])
    if code is not None and not _is_signed(services, code):
        return _result(services, ev.UNKNOWN, number=row["number"], problem=NOT_SIGNED)
    return _of_number(services, actor, row)


def _is_signed(services: Services, code: str) -> bool:
    """False for a link that we did not sign: what is printed beside it may still be somebody's number."""
    with services.database.read() as connection:
        stated = deployment.opened_statement(connection)
    judged = link.judge(link.read(code), stated, trusted_issuer=services.keyring.issuer_id)
    return judged.verdict != link.UNSIGNED


def _of_file(services: Services, row: Row, heads: _Remembered | None) -> dict[str, Any]:
    try:
        evidence = attached_evidence(bytes(row["data"]))
    except ev.NotEvidence:
        return _result(services, UNREADABLE_VERDICT, problem=UNREADABLE)
    verdict = ev.verify(evidence, trusted_issuer=services.keyring.issuer_id, chain=heads)
    said = ev.believed(verdict, evidence)
    steps = [{"name": one.name, "outcome": one.outcome, "detail": one.detail} for one in verdict.steps]
    return _result(
        services,
        verdict.verdict,
        number=said.get("number"),
        total_fen=said.get("total_fen"),
        issued_at=datetime.fromisoformat(said["issued_at"]).astimezone(UTC) if said else None,
        seller=said.get("seller", {}).get("name"),
        steps=steps,
        problem=NOTHING_TO_PAY if verdict.document == ev.CREDIT_NOTE else None,
    )


def _of_number(services: Services, actor: Actor, row: Row) -> dict[str, Any]:
    """With its day and total for anybody's invoice; by the number alone for those of the officer's region."""
    try:
        day = date.fromisoformat(row["day"][:10]) if row["day"] else None
        total_fen = parse_yuan(row["total"]) if row["total"] else None
    except (ValueError, BadAmount):
        return _result(services, UNREADABLE_VERDICT, number=row["number"], problem=BAD_FACTS)
    with services.database.read() as connection:
        found = checks.invoice(connection, row["number"])
    known = found is not None and _fits(found, day, total_fen, actor)
    if found is None or not known:
        return _result(services, ev.UNKNOWN, number=row["number"])
    return _result(
        services,
        ev.GENUINE,
        number=row["number"],
        total_fen=found["total_fen"],
        issued_at=found["issued_at"],
        seller=found["seller"],
    )


def _fits(found: Row, day: date | None, total_fen: int | None, actor: Actor) -> bool:
    """Which of them is wrong is not told."""
    fits = day in (None, business_day(found["issued_at"])) and total_fen in (None, found["total_fen"])
    is_theirs = can_see(actor, Scope(found["market_id"], found["region"]))
    return fits and (is_theirs or (day is not None and total_fen is not None))


def _result(services: Services, verdict: str, **found: Any) -> dict[str, Any]:
    names = ("number", "total_fen", "issued_at", "seller", "problem")
    steps = found.get("steps")
    return {name: found.get(name) for name in names} | {
        "verdict": verdict,
        "steps": None if steps is None else json.dumps(steps),
        "checked_at": services.clock(),
    }


def _record(connection: Connection, actor: Actor, result: Row, reason: str, now: datetime) -> None:
    """Whose invoice it is can read that it was checked, by whom and why."""
    if result["verdict"] not in (ev.GENUINE, ev.UNDECIDED) or not result["number"]:
        return
    invoice = checks.invoice(connection, result["number"])
    if invoice is not None:
        of_whom = {"market_id": invoice["market_id"], "vendor_id": invoice["vendor_id"]}
        number = result["number"]
        note(connection, actor, Action.INVOICE_CHECKED, now=now, subject=number, reason=reason, **of_whom)


@dataclass(slots=True)
class _Remembered:
    """A chain endpoint that is asked once about each head: a pile's invoices lie under a few of them."""

    source: ev.HeadSource
    opened: dict[bytes, ev.EpochOnChain | None] = field(default_factory=dict)

    def open(self, epoch: Epoch) -> ev.EpochOnChain | None:
        if epoch.nonce not in self.opened:
            on_chain = self.source.open(epoch)
            self.opened[epoch.nonce] = None if on_chain is None else _RememberedHeads(on_chain)
        return self.opened[epoch.nonce]


@dataclass(slots=True)
class _RememberedHeads:
    on_chain: ev.EpochOnChain
    known: dict[bytes, ev.AnchoredHead | None] = field(default_factory=dict)

    def anchored_at(self, root: bytes) -> ev.AnchoredHead | None:
        if root not in self.known:
            self.known[root] = self.on_chain.anchored_at(root)
        return self.known[root]

    def standing(self, issuer_id: bytes, claim_address: bytes) -> Standing:
        return self.on_chain.standing(issuer_id, claim_address)
