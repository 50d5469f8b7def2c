"""Calls that the relaying account is asked to send, their invoices, and the transactions signed for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.domain.relay import OPEN, RelayStatus, step
from invoice_service.domain.standing import Standing
from invoice_service.store.status_tables import companies, invoice_statuses, relay_items, relay_transactions
from invoice_service.store.status_tables import relays as table
from invoice_service.store.statuses import standing_in

LIST_KEY = "relays_list_key"


@dataclass(frozen=True, slots=True)
class Relay:
    """`id` 16 bytes; `data` and `gas` of the contract's call; `reason` why it was refused."""

    id: bytes
    epoch_id: int
    kind: str
    data: bytes
    gas: int
    claimant: bytes | None
    nonce: int | None
    status: RelayStatus
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """One signed transaction for a relay."""

    id: int
    epoch_id: int
    relay_id: bytes
    nonce: int
    raw: bytes
    tx_hash: bytes
    gas_price: int
    status: str
    created_at: datetime
    block_number: int | None


@dataclass(frozen=True, slots=True)
class Item:
    """An invoice in a relay, and what became of it by the final events."""

    number: str
    standing: Standing


def add(connection: Connection, values: Mapping[str, Any], numbers: Sequence[str]) -> None:
    connection.execute(insert(table).values(status=RelayStatus.QUEUED.value, **values))
    items = [{"relay_id": values["id"], "n": n, "number": number} for n, number in enumerate(numbers)]
    connection.execute(insert(relay_items), items)


def by_id(connection: Connection, relay_id: bytes, *, lock: bool = False) -> Relay | None:
    query = _relays().where(table.c.id == relay_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _relay(row)


def items(connection: Connection, relay_id: bytes) -> Sequence[Item]:
    query = (
        select(
            relay_items.c.number,
            invoice_statuses.c.state,
            invoice_statuses.c.notes,
            invoice_statuses.c.since,
            invoice_statuses.c.claimant,
        )
        .outerjoin(invoice_statuses, invoice_statuses.c.number == relay_items.c.number)
        .where(relay_items.c.relay_id == relay_id)
        .order_by(relay_items.c.n)
    )
    return [Item(row.number, standing_in(row)) for row in connection.execute(query)]


def next_queued(connection: Connection, epoch_id: int) -> Relay | None:
    """What the issuer asked for, which refunds wait for, before what companies did; of each kind the one that
    has waited longest."""
    query = _relays().where(table.c.epoch_id == epoch_id, table.c.status == RelayStatus.QUEUED.value)
    row = connection.execute(query.order_by(table.c.claimant.is_not(None), table.c.seq).limit(1)).first()
    return None if row is None else _relay(row)


def waiting_lists(connection: Connection) -> int:
    """How many lists of companies are not settled."""
    waiting = table.c.claimant.is_not(None), table.c.status.in_([status.value for status in OPEN])
    return connection.execute(select(func.count()).select_from(table).where(*waiting)).scalar_one()


def open_of(connection: Connection, epoch_id: int) -> Sequence[Relay]:
    """Those of an epoch that are not settled, the longest waiting first."""
    waiting = table.c.status.in_([status.value for status in OPEN])
    rows = connection.execute(_relays().where(table.c.epoch_id == epoch_id, waiting).order_by(table.c.seq))
    return [_relay(row) for row in rows]


def sent_often(connection: Connection, numbers: Sequence[str], *, since: datetime, most: int) -> str | None:
    """One of these invoices that was in `most` lists or more since then, refused ones among them: a list that
    the contract refuses in a block has cost as much as another."""
    asked = (
        select(relay_items.c.number)
        .join(table, table.c.id == relay_items.c.relay_id)
        .where(relay_items.c.number.in_(numbers), table.c.created_at >= since, table.c.claimant.is_not(None))
        .group_by(relay_items.c.number)
        .having(func.count() >= most)
    )
    return connection.execute(asked.limit(1)).scalar()


def open_change(connection: Connection, number: str) -> Relay | None:
    """What the issuer is about to do to an invoice."""
    waiting = table.c.claimant.is_(None), table.c.status.in_([status.value for status in OPEN])
    query = _relays().join(relay_items, relay_items.c.relay_id == table.c.id)
    row = connection.execute(query.where(relay_items.c.number == number, *waiting)).first()
    return None if row is None else _relay(row)


def refused_since(connection: Connection, number: str, since: datetime) -> bool:
    """Whether the contract lately refused what the issuer asked for an invoice."""
    query = select(table.c.id).join(relay_items, relay_items.c.relay_id == table.c.id)
    lately = table.c.claimant.is_(None), table.c.settled_at >= since
    refused = table.c.status == RelayStatus.REFUSED.value
    return (
        connection.execute(query.where(relay_items.c.number == number, refused, *lately)).first() is not None
    )


def set_status(
    connection: Connection, relay: Relay, new: RelayStatus, *, now: datetime, reason: str | None = None
) -> None:
    """Raises ForbiddenStep."""
    settled_at = None if new in OPEN else now
    values = {"status": step(relay.status, new).value, "reason": reason, "settled_at": settled_at}
    connection.execute(update(table).where(table.c.id == relay.id).values(**values))


def move(connection: Connection, relay: Relay, epoch_id: int) -> None:
    """To another epoch, where it waits anew: nothing in it hangs on the old one."""
    values = {"epoch_id": epoch_id, "status": step(relay.status, RelayStatus.QUEUED).value}
    connection.execute(update(table).where(table.c.id == relay.id).values(**values))


def add_sent(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a signed transaction as the pending one; the very same one may have been kept before."""
    statement = upsert(relay_transactions).values(status="pending", **values)
    again = {"status": "pending", "created_at": values["created_at"], "block_number": None}
    connection.execute(statement.on_conflict_do_update(index_elements=["epoch_id", "tx_hash"], set_=again))


def pending(connection: Connection, epoch_id: int) -> Sequence[Sent]:
    """Not seen in a block, or no more, in the order of their nonces."""
    query = _sent().where(relay_transactions.c.epoch_id == epoch_id, relay_transactions.c.status == "pending")
    return [_as_sent(row) for row in connection.execute(query.order_by(relay_transactions.c.nonce))]


def same_nonce(connection: Connection, sent: Sent) -> Sequence[Sent]:
    """Every transaction that was signed for this relay at this nonce: any of them may be mined."""
    query = _sent().where(
        relay_transactions.c.relay_id == sent.relay_id,
        relay_transactions.c.epoch_id == sent.epoch_id,
        relay_transactions.c.nonce == sent.nonce,
        relay_transactions.c.status != "failed",
    )
    return [_as_sent(row) for row in connection.execute(query.order_by(relay_transactions.c.id))]


def mined_not_final(connection: Connection, epoch_id: int) -> Sequence[Sent]:
    query = _sent().where(relay_transactions.c.epoch_id == epoch_id, relay_transactions.c.status == "mined")
    return [_as_sent(row) for row in connection.execute(query.order_by(relay_transactions.c.id))]


def final_from(connection: Connection, epoch_id: int, nonce: int) -> Sequence[Sent]:
    """Final ones at this nonce or above."""
    query = _sent().where(
        relay_transactions.c.epoch_id == epoch_id,
        relay_transactions.c.status == "final",
        relay_transactions.c.nonce >= nonce,
    )
    return [_as_sent(row) for row in connection.execute(query.order_by(relay_transactions.c.nonce))]


def landed_by(connection: Connection, relay: Relay, block: int) -> bool:
    """Whether a block up to this one, in the relay's epoch, holds a transaction of it."""
    found = select(relay_transactions.c.id).where(
        relay_transactions.c.relay_id == relay.id,
        relay_transactions.c.epoch_id == relay.epoch_id,
        relay_transactions.c.status.in_(["mined", "final"]),
        relay_transactions.c.block_number <= block,
    )
    return connection.execute(found).first() is not None


def failures(connection: Connection, relay: Relay) -> int:
    query = _sent().where(
        relay_transactions.c.relay_id == relay.id,
        relay_transactions.c.epoch_id == relay.epoch_id,
        relay_transactions.c.status == "failed",
    )
    return len(connection.execute(query).all())


def set_sent(connection: Connection, sent: Sent, values: Mapping[str, Any]) -> bool:
    """False where it is no longer as it was read: another settler was quicker."""
    as_read = relay_transactions.c.id == sent.id, relay_transactions.c.status == sent.status
    return bool(connection.execute(update(relay_transactions).where(*as_read).values(**values)).rowcount)


def add_company(connection: Connection, values: Mapping[str, Any]) -> None:
    """In place of whoever had the account before, and of the company's account before."""
    same = or_(companies.c.account == values["account"], companies.c.tax_id == values["tax_id"])
    ended = update(companies).where(same, companies.c.ended_at.is_(None))
    connection.execute(ended.values(ended_at=values["added_at"]))
    connection.execute(insert(companies).values(**values))


def end_company(connection: Connection, tax_id: str, now: datetime) -> bool:
    """Whether an account was on record for it."""
    ended = update(companies).where(companies.c.tax_id == tax_id, companies.c.ended_at.is_(None))
    return bool(connection.execute(ended.values(ended_at=now)).rowcount)


def tax_id_of(connection: Connection, account: bytes) -> str | None:
    """Of the company whose account was checked to be this one."""
    query = select(companies.c.tax_id).where(companies.c.account == account, companies.c.ended_at.is_(None))
    return connection.execute(query).scalar()


def _relays() -> Any:
    return select(*(table.c[name] for name in Relay.__dataclass_fields__))


def _relay(row: Row[Any]) -> Relay:
    found = Relay(*tuple(row))
    return replace(found, status=RelayStatus(found.status))


def _sent() -> Any:
    return select(*(relay_transactions.c[name] for name in Sent.__dataclass_fields__))


def _as_sent(row: Row[Any]) -> Sent:
    found = Sent(*tuple(row))
    return replace(found, gas_price=int(found.gas_price))
