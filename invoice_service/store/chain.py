"""Epochs of the contract, heads submitted to it, and what we last heard of the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.store.tables import chain_health, epochs, submissions

_LANDED = submissions.c.status.in_(["mined", "final"])
_COVERING = (
    select(submissions.c.new_size)
    .where(submissions.c.epoch_id == bindparam("epoch_id"), _LANDED)
    .where(submissions.c.new_size > bindparam("index"))
    .order_by(submissions.c.new_size)
    .limit(1)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Epoch:
    """`contract` is None between the nonce's being kept and the deployment's being known. The log begins
    there with a head, in block `opened_block`: that of no entries, or the last final one before."""

    id: int
    nonce: bytes
    chain_id: int
    genesis_hash: bytes
    contract: bytes | None
    log_id: bytes
    operator: str
    opened_size: int
    opened_root: bytes
    opened_block: int | None
    opened_at: datetime | None


@dataclass(frozen=True, slots=True)
class Submission:
    """One signed transaction that offers a head to the contract."""

    id: int
    epoch_id: int
    nonce: int
    old_size: int
    new_size: int
    new_root: bytes
    raw: bytes
    tx_hash: bytes
    gas_price: int
    status: str
    created_at: datetime
    block_number: int | None
    block_hash: bytes | None
    block_time: datetime | None
    gas_used: int | None


@dataclass(frozen=True, slots=True)
class ChainHealth:
    reachable: bool
    detail: str
    block_number: int | None
    checked_at: datetime


def live_epoch(connection: Connection, *, lock: bool = False) -> Epoch | None:
    columns = [epochs.c[name] for name in Epoch.__dataclass_fields__]
    query = select(*columns).where(epochs.c.ended_at.is_(None))
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else Epoch(*row)


def keep_live(connection: Connection, epoch_id: int) -> bool:
    """Whether it is live; if so, it cannot end before this unit does. To be taken before other locks."""
    query = select(epochs.c.id).where(epochs.c.id == epoch_id, epochs.c.ended_at.is_(None))
    return connection.execute(query.with_for_update(read=True, key_share=True)).first() is not None


def all_epochs(connection: Connection) -> Sequence[Epoch]:
    columns = [epochs.c[name] for name in Epoch.__dataclass_fields__]
    query = select(*columns).where(epochs.c.opened_at.is_not(None)).order_by(epochs.c.id)
    return [Epoch(*row) for row in connection.execute(query)]


def add_epoch(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(epochs), values)


def set_epoch(connection: Connection, epoch_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(epochs).where(epochs.c.id == epoch_id).values(**values))


def set_opened(connection: Connection, epoch_id: int, values: Mapping[str, Any]) -> None:
    """Once: of two that begin the same epoch at the same time, the first one's contract counts."""
    not_yet = epochs.c.id == epoch_id, epochs.c.opened_at.is_(None)
    connection.execute(update(epochs).where(*not_yet).values(**values))


def final_head(connection: Connection, epoch: Epoch) -> tuple[int, bytes]:
    """(size, root) of the last head that was final in an epoch; the one it began with if none was."""
    query = select(submissions.c.new_size, submissions.c.new_root).where(
        submissions.c.epoch_id == epoch.id, submissions.c.status == "final"
    )
    row = connection.execute(query.order_by(submissions.c.new_size.desc()).limit(1)).first()
    return (epoch.opened_size, epoch.opened_root) if row is None else (row.new_size, bytes(row.new_root))


def add_submission(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep a signed transaction as the pending one. The very same transaction may have been kept before
    a chain lost it; then it is pending again."""
    statement = upsert(submissions).values(status="pending", **values)
    again = {"status": "pending", "created_at": values["created_at"]}
    connection.execute(statement.on_conflict_do_update(index_elements=["epoch_id", "tx_hash"], set_=again))


def withdraw_above(connection: Connection, epoch_id: int, size: int) -> int:
    """No head above `size` is on chain: landed ones, and a pending one that builds on them, have failed."""
    above = submissions.c.epoch_id == epoch_id, submissions.c.new_size > size
    gone = {
        "status": "failed",
        "block_number": None,
        "block_hash": None,
        "block_time": None,
        "gas_used": None,
    }
    landed = connection.execute(update(submissions).where(*above, _LANDED).values(**gone))
    built_on_lost = submissions.c.status == "pending", submissions.c.old_size > size
    connection.execute(update(submissions).where(*above, *built_on_lost).values(**gone))
    return landed.rowcount


def pending(connection: Connection, epoch_id: int) -> Submission | None:
    return _first(
        connection,
        select(submissions).where(submissions.c.epoch_id == epoch_id, submissions.c.status == "pending"),
    )


def same_head(connection: Connection, submission: Submission) -> Sequence[Submission]:
    """Every transaction that ever offered this head, replacements included: any of them may be mined."""
    query = select(submissions).where(
        submissions.c.epoch_id == submission.epoch_id,
        submissions.c.new_size == submission.new_size,
    )
    return [_submission(row) for row in connection.execute(query)]


def newest_landed(connection: Connection, epoch_id: int) -> Submission | None:
    query = select(submissions).where(submissions.c.epoch_id == epoch_id, _LANDED)
    return _first(connection, query.order_by(submissions.c.new_size.desc()).limit(1))


def mined_not_final(connection: Connection, epoch_id: int) -> Sequence[Submission]:
    query = select(submissions).where(submissions.c.epoch_id == epoch_id, submissions.c.status == "mined")
    return [_submission(row) for row in connection.execute(query.order_by(submissions.c.new_size))]


def covering_size(connection: Connection, epoch: Epoch, index: int) -> int | None:
    """The size of the first head on chain, in this epoch, that covers the entry at `index`."""
    if index < epoch.opened_size:
        return epoch.opened_size
    return connection.execute(_COVERING, {"epoch_id": epoch.id, "index": index}).scalar()


def set_submission(connection: Connection, submission_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(submissions).where(submissions.c.id == submission_id).values(**values))


def put_health(connection: Connection, health: ChainHealth) -> None:
    values = {
        "reachable": health.reachable,
        "detail": health.detail,
        "block_number": health.block_number,
        "checked_at": health.checked_at,
    }
    statement = upsert(chain_health).values(id=1, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def put_events_detail(connection: Connection, detail: str) -> None:
    """What keeps events from being taken in; empty where nothing does."""
    changed = chain_health.c.events_detail != detail
    connection.execute(update(chain_health).where(changed).values(events_detail=detail))


def health(connection: Connection) -> ChainHealth | None:
    columns = [chain_health.c[name] for name in ChainHealth.__dataclass_fields__]
    row = connection.execute(select(*columns)).first()
    return None if row is None else ChainHealth(*row)


def _first(connection: Connection, query: Any) -> Submission | None:
    row = connection.execute(query).first()
    return None if row is None else _submission(row)


def _submission(row: Row[Any]) -> Submission:
    found = Submission(*tuple(row))
    return replace(found, gas_price=int(found.gas_price))  # NUMERIC, since a price may pass 63 bits
