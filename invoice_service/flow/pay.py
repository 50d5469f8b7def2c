"""Get an order paid: start at a provider, believe notices, and ask when none comes.

However the news arrives (a notice, a question of ours, the shopper saying "I have paid"), it ends in
`_record`: the one place that decides, under the order's row lock, what a payment means.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from sqlalchemy import Connection

from invoice_service.domain.invoice import sale_body, taxed_lines
from invoice_service.domain.lifecycle import DISPOSITIONS, Disposition, OrderStatus, step
from invoice_service.domain.numbering import business_day
from invoice_service.domain.order import Order, UnknownOrder
from invoice_service.domain.token import fingerprint
from invoice_service.errors import N_, Error, NotFound
from invoice_service.flow.record import SignedEntry, record, sign_entry
from invoice_service.ledger.entry import SALT_BYTES, Kind, commit_body
from invoice_service.payments.provider import (
    NotificationRefused,
    PaymentProvider,
    PaymentReport,
    PaymentRequest,
    PaymentState,
    PretendCashier,
    ProviderUnavailable,
)
from invoice_service.services import Services
from invoice_service.store import orders, payments, rollups
from invoice_service.store.payments import DueQuery, Owed
from invoice_service.store.rollups import GoodsRow, HourRow

log = structlog.get_logger()
BATCH = 50
SANDBOX = "sandbox"


class Verdict(enum.StrEnum):
    """What we made of one report about a payment."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    NOT_PAID = "not_paid"
    UNKNOWN_ORDER = "unknown_order"
    WRONG_AMOUNT = "wrong_amount"
    CONFLICT = "conflict"  # a known transaction, now said to be of another order or amount


REFUSED = frozenset({Verdict.UNKNOWN_ORDER, Verdict.WRONG_AMOUNT, Verdict.CONFLICT})


class UnknownProvider(NotFound):
    code = "payment.unknown_provider"
    message = N_("This payment service is not offered here.")


class OrderNotOpen(Error):
    code = "order.not_open"
    message = N_("This order can no longer be paid.")
    status = 409


class ReportRefused(Error):
    code = "payment.refused"
    message = N_("The notice does not fit any order: {verdict}.")
    status = 422


def start(services: Services, token: str, provider_name: str) -> str:
    """The URL where the shopper pays.

    Raises UnknownOrder, UnknownProvider, OrderNotOpen, ProviderUnavailable.
    """
    provider = _provider(services, provider_name)
    return provider.start(_request(services, token, provider_name))


def pay_in_sandbox(services: Services, token: str) -> None:
    """Ask the pretend cashier to pay an order, for tests and demos; its notice then comes like a real one."""
    provider = cast(PretendCashier, _provider(services, SANDBOX))
    provider.pay_as_shopper(_request(services, token, SANDBOX))


def _request(services: Services, token: str, provider_name: str) -> PaymentRequest:
    """Keep the attempt, then answer what to ask the provider: what was asked is never forgotten."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        order = _known(orders.by_token(uow.connection, fingerprint(token)))
        if order.status is not OrderStatus.OPEN or order.expires_at <= now:
            raise OrderNotOpen
        first_query = now + timedelta(seconds=services.config.payment_query_after_s[0])
        payments.add_attempt(uow.connection, order.id, provider_name, now=now, next_query_at=first_query)
        uow.commit()
    return PaymentRequest(
        out_trade_no=order.out_trade_no,
        amount_fen=order.amount_fen,
        description=order.stall.name_zh,
        expires_at=order.expires_at,
        return_url=f"{services.config.public_url}/o/{token}",
    )


def notified(services: Services, provider_name: str, headers: Mapping[str, str], body: bytes) -> Verdict:
    """Take a provider's notice: check it, keep it raw with the verdict, and act on it, in one transaction.

    Raises NotificationRefused or ReportRefused after keeping it; then nothing else has changed.
    """
    provider = _provider(services, provider_name)
    now = services.clock()
    refusal: Error | None = None
    report: PaymentReport | None = None
    try:
        report = provider.parse_notification(headers, body, now=now)
    except NotificationRefused as error:
        refusal, verdict = error, error.verdict
    with services.database.unit_of_work() as uow:
        if report is not None:
            verdict = _record(services, uow.connection, provider_name, report)
            if verdict in REFUSED:
                refusal = ReportRefused(verdict=verdict)
        payments.add_notice(
            uow.connection,
            provider=provider_name,
            received_at=now,
            headers=_telling(headers),
            body=body,
            verdict=verdict,
            out_trade_no=report.out_trade_no if report else None,
        )
        uow.commit()
    if refusal is not None:
        log.warning("payment notice refused", provider=provider_name, verdict=str(verdict))
        raise refusal
    return Verdict(verdict)


def check(services: Services, token: str) -> None:
    """The shopper says "I have paid": ask every provider that was to take the money."""
    with services.database.read() as connection:
        order = _known(orders.by_token(connection, fingerprint(token)))
        asked = payments.attempts_of(connection, order.id)
    for provider_name in asked:
        _ask(services, provider_name, order.out_trade_no)


def chase(services: Services) -> int:
    """Ask about started payments whose notice is overdue. Answers how many were asked about."""
    now = services.clock()
    with services.database.unit_of_work() as uow:
        payments.forget_finished(uow.connection, now)
        due = payments.attempts_due(uow.connection, now, limit=BATCH)
        uow.commit()
    silent: set[str] = set()
    for query in due:
        _schedule_next(services, query)
        if query.provider in silent:
            continue  # one time-out a round is enough to know
        try:
            _ask(services, query.provider, query.out_trade_no)
        except ProviderUnavailable:
            silent.add(query.provider)
            log.warning("payment provider not answering", provider=query.provider)
    return len(due)


def close_expired(services: Services) -> int:
    """Close open orders whose time is up, after asking once more whether they were paid."""
    now = services.clock()
    with services.database.read() as connection:
        ids = orders.expired(connection, now, limit=BATCH)
    closed = 0
    for order_id in ids:
        with services.database.read() as connection:
            asked = payments.attempts_of(connection, order_id)
        closed += _close(services, order_id, asked)
    return closed


def return_owed(services: Services) -> int:
    """Pay back what arrived late or twice. The provider pays one refund number once, however often asked."""
    with services.database.read() as connection:
        owed = payments.to_return(connection, limit=BATCH)
    silent: set[str] = set()
    for payment in owed:
        if payment.provider in silent:
            continue
        try:
            _return(services, payment)
        except ProviderUnavailable:
            silent.add(payment.provider)
            log.warning("payment provider not answering", provider=payment.provider)
    return len(owed)


def _return(services: Services, owed: Owed) -> None:
    provider = _provider(services, owed.provider)
    provider.refund(
        owed.out_trade_no,
        f"RF{owed.payment_id}",
        amount_fen=owed.amount_fen,
        total_fen=owed.amount_fen,
    )
    with services.database.unit_of_work() as uow:
        payments.set_returned(uow.connection, owed.payment_id, services.clock())
        uow.commit()


def _close(services: Services, order_id: UUID, asked: Sequence[str]) -> bool:
    with services.database.read() as connection:
        order = _known(orders.by_id(connection, order_id))
    try:
        for provider_name in asked:
            _ask(services, provider_name, order.out_trade_no)
    except ProviderUnavailable:
        return False  # not knowing is no reason to close: the next round asks again
    with services.database.unit_of_work() as uow:
        locked = _known(orders.lock(uow.connection, order_id))
        if locked.status is not OrderStatus.OPEN:
            return False
        orders.set_status(uow.connection, locked, step(locked.status, OrderStatus.CLOSED), None)
        uow.commit()
    return True


def _ask(services: Services, provider_name: str, out_trade_no: str) -> Verdict:
    report = _provider(services, provider_name).query(out_trade_no)
    with services.database.unit_of_work() as uow:
        verdict = _record(services, uow.connection, provider_name, report)
        uow.commit()
    if verdict in REFUSED:
        log.warning(
            "payment answer refused", provider=provider_name, verdict=str(verdict), order=out_trade_no
        )
    return verdict


def _schedule_next(services: Services, query: DueQuery) -> None:
    waits = services.config.payment_query_after_s
    asked = query.queries + 1
    later = services.clock() + timedelta(seconds=waits[min(asked, len(waits) - 1)])
    with services.database.unit_of_work() as uow:
        payments.set_next_query(
            uow.connection, query.order_id, query.provider, queries=asked, next_query_at=later
        )
        uow.commit()


def _record(services: Services, connection: Connection, provider_name: str, report: PaymentReport) -> Verdict:
    """What a report means, decided under the order's lock."""
    if report.state is not PaymentState.SUCCEEDED or report.transaction_id is None or report.paid_at is None:
        return Verdict.NOT_PAID
    order = orders.lock_by_trade_no(connection, report.out_trade_no)
    if order is None:
        return Verdict.UNKNOWN_ORDER
    if report.amount_fen != order.amount_fen:
        return _known_or(Verdict.WRONG_AMOUNT, connection, provider_name, order, report)
    disposition = DISPOSITIONS[order.status]
    payment_id = payments.add(
        connection,
        {
            "market_id": order.stall.market_id,
            "order_id": order.id,
            "provider": provider_name,
            "transaction_id": report.transaction_id,
            "amount_fen": report.amount_fen,
            "paid_at": report.paid_at,
            "recorded_at": services.clock(),
            "disposition": disposition.value,
        },
    )
    if payment_id is None:
        return _known_or(Verdict.CONFLICT, connection, provider_name, order, report)
    if disposition is Disposition.SETTLES:
        _settle(services, connection, order, provider_name, payment_id, report)
    return Verdict.ACCEPTED


def _known_or(
    otherwise: Verdict, connection: Connection, provider_name: str, order: Order, report: PaymentReport
) -> Verdict:
    """DUPLICATE for a transaction that we hold just so; CONFLICT if we hold it otherwise."""
    assert report.transaction_id is not None  # noqa: S101 - `_record` let only paid reports through
    known = payments.by_transaction(connection, provider_name, report.transaction_id)
    if known is None:
        return otherwise
    same = known.order_id == order.id and known.amount_fen == report.amount_fen
    return Verdict.DUPLICATE if same else Verdict.CONFLICT


def _settle(
    services: Services,
    connection: Connection,
    order: Order,
    provider_name: str,
    payment_id: int,
    report: PaymentReport,
) -> None:
    """The order is paid: from here on its SALE stands, and in the log soon."""
    assert report.paid_at is not None  # noqa: S101 - `_record` let only paid reports through
    orders.set_status(connection, order, step(order.status, OrderStatus.PAID), report.paid_at)
    sale = attest(services, order, payment_id, provider=provider_name, paid_at=report.paid_at)
    payments.add_sale(connection, sale.values)
    record(connection, sale.entry)
    # Last, since the vendor's next payment waits for these rows until we commit.
    rollups.add_hours(connection, [sale.hour], business_day(services.clock()))
    rollups.add_goods(connection, sale.goods)


@dataclass(frozen=True, slots=True)
class Sale:
    """A paid order's transaction attestation 交易鉴证, its entry, and what it adds to the rollups."""

    values: Mapping[str, Any]
    entry: SignedEntry
    hour: HourRow
    goods: tuple[GoodsRow, ...]


def attest(services: Services, order: Order, payment_id: int, *, provider: str, paid_at: datetime) -> Sale:
    """What a payment of exactly the order's amount makes true. Nothing is written here."""
    issuer = services.keyring.issuer_id.hex()
    taxed = taxed_lines(order.lines, order.stall, business_day(paid_at))
    hour, goods = rollups.sale_rows(order.stall, taxed, paid_at)
    salt = services.random(SALT_BYTES)
    data, commitment = commit_body(salt, sale_body(order, issuer=issuer, provider=provider, paid_at=paid_at))
    values = {
        "order_id": order.id,
        "market_id": order.stall.market_id,
        "payment_id": payment_id,
        "amount_fen": order.amount_fen,
        "kept_fen": order.amount_fen,
        "body": data,
        "salt": salt,
        "commitment": commitment,
        "exempt_fen": hour.exempt_fen,
        "taxable_net_fen": hour.taxable_net_fen,
        "tax_fen": hour.tax_fen,
        "taxpayer_kind": order.stall.taxpayer.value,
        "line_rules": [item.rule.id for item in taxed],
        "line_tax_fen": [item.tax_fen for item in taxed],
    }
    entry = sign_entry(
        services.keyring, Kind.SALE, str(order.id), body_commitment=commitment, instant=services.clock()
    )
    return Sale(values, entry, hour, goods)


def _known(order: Order | None) -> Order:
    if order is None:
        raise UnknownOrder
    return order


def _provider(services: Services, name: str) -> PaymentProvider:
    provider = services.providers.get(name)
    if provider is None:
        raise UnknownProvider
    return provider


def _telling(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers worth keeping with a notice: not cookies, not credentials, and no more than fits."""
    dropped = {"cookie", "authorization", "proxy-authorization"}
    kept = [(k, v[:1000].replace("\x00", "")) for k, v in headers.items() if k.lower() not in dropped]
    return dict(kept[:40])
