"""Take every refund one step further: lock, pay back, credit, each recorded before the next.

Each step asks how things stand and does what follows from that, so that a step that was cut off is simply
taken again: the contract is asked once however often (`flow.change_status`), the provider pays one refund
number once, and what is done is seen to be. Before the provider is first asked, that is written down: from
then on the money may be back, and the refund can no longer lapse.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection

from invoice_service.domain.credit_note import refund_body
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.lifecycle import step as order_step
from invoice_service.domain.numbering import business_day
from invoice_service.domain.order import Order
from invoice_service.domain.refund import CONSENT_WITHIN, Reason, RefundStatus, step
from invoice_service.domain.relay import Credit, CreditClaimed, IssuersChange, Lock, Unlock
from invoice_service.domain.standing import LOCK_LASTS, Standing, State
from invoice_service.flow.change_status import ChangeUnderWay, keep_change
from invoice_service.flow.claim import ClaimsNotOpen
from invoice_service.flow.record import record, sign_entry
from invoice_service.ledger.entry import SALT_BYTES, Kind, commit_body
from invoice_service.payments.provider import ProviderUnavailable, RefundRefused, RefundReport
from invoice_service.services import Services
from invoice_service.store import chain, orders, refunds, relays, rollups, statuses
from invoice_service.store.refunds import CreditNote, Paid, Refund

log = structlog.get_logger()
BATCH = 100
MARGIN = timedelta(hours=1)  # what a lock or a consent must still last when the provider is asked
ASK_AGAIN_AFTER = timedelta(seconds=10)  # what the contract has just refused


def advance(services: Services) -> int:
    """One step of each refund that is not over. Answers how many there are."""
    seen, after = 0, None
    silent: set[str] = set()  # providers that do not answer are waited for once a round
    while batch := _open_ones(services, after):
        for refund in batch:
            _advance(services, refund, silent)
        seen, after = seen + len(batch), batch[-1].id
    return seen


def _open_ones(services: Services, after: UUID | None) -> list[Refund]:
    with services.database.read() as connection:
        return list(refunds.open_ones(connection, after=after, limit=BATCH))


def _advance(services: Services, refund: Refund, silent: set[str]) -> None:
    """What does not answer, or is busy, is asked again in the next round."""
    try:
        match refund.status:
            case RefundStatus.CONSENT | RefundStatus.LOCKING:
                _secure(services, refund)
            case RefundStatus.PAYING:
                _pay_back(services, refund, silent)
            case RefundStatus.CREDITING:
                _credit(services, refund)
    except (ProviderUnavailable, ClaimsNotOpen, ChangeUnderWay) as error:
        log.info("refund waits", refund=str(refund.id), reason=str(error))


def _secure(services: Services, refund: Refund) -> None:
    """Nobody may claim, or the company that did must have agreed, before money goes back."""
    now = services.clock()
    standing = _standing(services, refund, now)
    if standing.state is State.CLAIMED:
        if has_consent(services, refund, now + MARGIN):
            _move(services, refund, RefundStatus.PAYING)
        elif refund.status is RefundStatus.LOCKING:
            _move(services, refund, RefundStatus.CONSENT, consent_until=now + CONSENT_WITHIN)
        elif refund.consent_until is not None and now > refund.consent_until:
            _give_up(services, refund, RefundStatus.LAPSED)
    elif standing.state is State.CREDITED:  # by hand, by `status --credit`
        _give_up(services, refund, RefundStatus.REFUSED)
    elif refund.status is RefundStatus.CONSENT:  # released meanwhile
        _move(services, refund, RefundStatus.LOCKING)
    elif standing.state is State.FREE:
        _ask_contract(services, refund, Lock())
    elif _is_locked(services, refund, standing, now + MARGIN):
        _move(services, refund, RefundStatus.PAYING)


def _pay_back(services: Services, refund: Refund, silent: set[str]) -> None:
    now = services.clock()
    if refund.provider_asked_at is None:
        if refund.invoice_number is not None and not _is_secured(services, refund, now + MARGIN):
            _move(services, refund, RefundStatus.LOCKING)
            return
        if not _set(services, refund, {"provider_asked_at": now}):
            return
        refund = replace(refund, provider_asked_at=now)
    elif refund.invoice_number is not None and _standing(services, refund, now).state is State.FREE:
        _ask_contract(services, refund, Lock())  # the lock lapsed while the provider did not answer
    with services.database.read() as connection:
        paid = refunds.paid(connection, refund.order_id)
        out_trade_no = refunds.out_trade_no(connection, refund.order_id)
    try:
        report = _ask_provider(services, refund, paid, out_trade_no, silent)
    except RefundRefused:
        log.warning("refund refused by the provider", refund=str(refund.id))
        if refund.invoice_number is not None and _standing(services, refund, now).state is State.LOCKED:
            _ask_contract(services, refund, Unlock())
        _give_up(services, refund, RefundStatus.REFUSED)
        return
    _paid_back(services, refund, paid, report)


def _ask_provider(
    services: Services, refund: Refund, paid: Paid, out_trade_no: str, silent: set[str]
) -> RefundReport:
    """One that was taken out of the settings is as one that does not answer. Raises ProviderUnavailable,
    RefundRefused."""
    provider = services.providers.get(paid.provider)
    if provider is None or paid.provider in silent:
        raise ProviderUnavailable
    try:
        return provider.refund(
            out_trade_no,
            f"RF{refund.id.hex}",
            amount_fen=refund.amount_fen,
            total_fen=refund.paid_fen,
        )
    except ProviderUnavailable:
        silent.add(paid.provider)
        raise


def _credit(services: Services, refund: Refund) -> None:
    """The contract's event is what ends this (`flow.ingest`)."""
    now = services.clock()
    with services.database.read() as connection:
        note = refunds.note_of(connection, refund.id)
    assert note is not None  # noqa: S101 - only invoiced refunds come here
    standing = _standing(services, refund, now)
    if standing.state is State.FREE:  # the lock lapsed while the chain did not answer
        _ask_contract(services, refund, Lock())
    elif standing.state is State.LOCKED:
        _ask_contract(services, refund, Credit(note.commitment, note.whole))
    elif standing.state is State.CLAIMED and has_consent(services, refund, now):
        _ask_contract(services, refund, _agreed(refund, note))


def _agreed(refund: Refund, note: CreditNote) -> CreditClaimed:
    assert refund.consent is not None  # noqa: S101 - `has_consent` was asked
    assert refund.consent_deadline is not None  # noqa: S101 - a constraint
    signature = refund.consent[:32], refund.consent[32:]
    return CreditClaimed(note.commitment, note.whole, refund.consent_deadline, signature)


def _is_secured(services: Services, refund: Refund, until: datetime) -> bool:
    standing = _standing(services, refund, services.clock())
    if standing.state is State.CLAIMED:
        return has_consent(services, refund, until)
    return _is_locked(services, refund, standing, until)


def has_consent(services: Services, refund: Refund, until: datetime) -> bool:
    """Whether the company agreed, in the epoch that is open, and for that long."""
    if refund.consent is None or refund.consent_deadline is None:
        return False
    with services.database.read() as connection:
        epoch = chain.live_epoch(connection)
    is_live = epoch is not None and epoch.id == refund.consent_epoch_id
    return is_live and refund.consent_deadline > until.timestamp()


def _is_locked(services: Services, refund: Refund, standing: Standing, until: datetime) -> bool:
    """Until then, and the contract is not being asked to take the lock of an earlier refund away."""
    if standing.state is not State.LOCKED or standing.since is None or standing.since + LOCK_LASTS <= until:
        return False
    assert refund.invoice_number is not None  # noqa: S101 - as below
    with services.database.read() as connection:
        change = relays.open_change(connection, refund.invoice_number)
    return change is None or change.kind != Unlock.kind


def _standing(services: Services, refund: Refund, now: datetime) -> Standing:
    assert refund.invoice_number is not None  # noqa: S101 - asked of invoiced refunds only
    with services.database.read() as connection:
        return statuses.standing(connection, refund.invoice_number).now(now)


def _ask_contract(services: Services, refund: Refund, change: IssuersChange) -> None:
    """Not again at once what the contract has just refused: what stands against it comes as an event. Nor for
    a refund that went on meanwhile: a lock or a credit that comes late would meet the next refund."""
    assert refund.invoice_number is not None  # noqa: S101 - as above
    since = services.clock() - ASK_AGAIN_AFTER
    with services.database.unit_of_work() as uow:
        was_refused = relays.refused_since(uow.connection, refund.invoice_number, since)
        if was_refused or not _as_read(uow.connection, refund):
            uow.nothing_to_do()
            return
        keep_change(services, uow.connection, refund.invoice_number, change)
        uow.commit()


def _move(services: Services, refund: Refund, wanted: RefundStatus, **values: Any) -> None:
    _set(services, refund, {"status": step(refund.status, wanted).value, **values})


def _set(services: Services, refund: Refund, values: dict[str, Any]) -> bool:
    """Where it is still as it was read: a second settler that was quicker leaves nothing to do."""
    with services.database.unit_of_work() as uow:
        is_as_read = _as_read(uow.connection, refund)
        if is_as_read:
            refunds.set_values(uow.connection, refund, values)
        uow.commit()
    return is_as_read


def _as_read(connection: Connection, refund: Refund) -> bool:
    """In every column: whether the provider was asked, and what the company agreed to, decide as much as the
    status does."""
    return refunds.by_id(connection, refund.id, lock=True) == refund


def _give_up(services: Services, refund: Refund, wanted: RefundStatus) -> None:
    """Nothing goes back: what was set aside is there again."""
    values = {"status": step(refund.status, wanted).value, "settled_at": services.clock()}
    with services.database.unit_of_work() as uow:
        orders.lock(uow.connection, refund.order_id)
        if not _as_read(uow.connection, refund):
            return
        back = [(part.n, part.quantity, part.amount_fen) for part in refunds.parts(uow.connection, refund.id)]
        refunds.take_back(uow.connection, refund.order_id, back, sign=-1)
        if refund.invoice_number is None:
            refunds.reduce_kept(uow.connection, refund.order_id, -refund.amount_fen)
        refunds.set_values(uow.connection, refund, values)
        uow.commit()
    log.info("refund given up", refund=str(refund.id), status=wanted.value)


def _paid_back(services: Services, refund: Refund, paid: Paid, report: RefundReport) -> None:
    """The money went back: from here on its REFUND stands, and in the log soon."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        order = orders.lock(uow.connection, refund.order_id)
        assert order is not None  # noqa: S101 - a foreign key says so
        if not _as_read(uow.connection, refund):
            return
        parts = refunds.parts(uow.connection, refund.id)
        attested = _attested(services, uow.connection, refund, paid, parts, now)
        is_over = refund.invoice_number is None
        status = step(refund.status, RefundStatus.DONE if is_over else RefundStatus.CREDITING)
        refunds.set_values(
            uow.connection,
            refund,
            {
                "status": status.value,
                "provider_refund_id": report.refund_id,
                "paid_back_at": now,
                "settled_at": now if is_over else None,
                **attested,
            },
        )
        entry = sign_entry(
            services.keyring,
            Kind.REFUND,
            str(refund.id),
            body_commitment=attested["commitment"],
            instant=now,
        )
        record(uow.connection, entry)
        if refunds.left_fen(uow.connection, order.id) == 0:
            wanted = order_step(order.status, OrderStatus.REFUNDED)
            orders.set_status(uow.connection, order, wanted, order.paid_at)
        _take_off(uow.connection, order, paid, parts, now)
        uow.commit()


def _attested(
    services: Services, connection: Connection, refund: Refund, paid: Paid, parts: Any, now: datetime
) -> dict[str, Any]:
    """The REFUND's body, its salt and commitment."""
    note = refunds.note_of(connection, refund.id)
    salt = services.random(SALT_BYTES)
    body = refund_body(
        issuer=services.keyring.issuer_id.hex(),
        refund=str(refund.id),
        order=str(refund.order_id),
        sale=paid.sale.hex(),
        credit_note=note.commitment.hex() if note else None,
        reason=Reason(refund.reason),
        provider=paid.provider,
        paid_back_at=now,
        parts=[
            (part.n, None if part.quantity is None else decimal_text(part.quantity), part.amount_fen)
            for part in parts
        ],
    )
    data, commitment = commit_body(salt, body)
    return {"body": data, "salt": salt, "commitment": commitment}


def _take_off(connection: Connection, order: Order, paid: Paid, parts: Any, now: datetime) -> None:
    """The sums of the hour in which it went back: what is declared of a period is less by it."""
    hour, goods = rollups.refund_rows(order, paid.taxpayer_kind, parts, now)
    rollups.add_hours(connection, [hour], business_day(now))
    rollups.add_goods(connection, goods)
