"""What became of invoices: the contract's final events, and what they amount to. Only the ingester writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Connection, LargeBinary, any_, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.domain.standing import Standing, State
from invoice_service.ledger.entry import body_commitment
from invoice_service.store.status_tables import chain_events, invoice_statuses
from invoice_service.store.tables import epochs, invoices

_OF = (
    select(
        invoice_statuses.c.state,
        invoice_statuses.c.notes,
        invoice_statuses.c.since,
        invoice_statuses.c.claimant,
    ).where(invoice_statuses.c.number == bindparam("number"))
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """Events up to this block were taken in; `hash` is None before the first."""

    block: int
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Claimable:
    """An invoice as its claims name it: `commitment` is its body's."""

    number: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """Where an event that we took in stood on chain."""

    id: int
    tx_hash: bytes
    place: int
    block_number: int
    block_hash: bytes


def read_up_to(connection: Connection, epoch_id: int) -> ReadUpTo:
    query = select(epochs.c.read_block, epochs.c.read_hash).where(epochs.c.id == epoch_id)
    return ReadUpTo(*connection.execute(query).one())


def lock_cursor(connection: Connection, epoch_id: int) -> ReadUpTo | None:
    """The same, and until the unit ends nobody else takes events in, nor does the epoch end; None if it has
    ended: what its contract told is restored in another by now. Those who only refer to it do not wait."""
    query = select(epochs.c.read_block, epochs.c.read_hash).where(
        epochs.c.id == epoch_id, epochs.c.ended_at.is_(None)
    )
    row = connection.execute(query.with_for_update(key_share=True)).first()
    return None if row is None else ReadUpTo(*row)


def set_read(connection: Connection, epoch_id: int, to: ReadUpTo) -> None:
    values = {"read_block": to.block, "read_hash": to.hash}
    connection.execute(update(epochs).where(epochs.c.id == epoch_id).values(**values))


def claimable(connection: Connection, claim_addresses: Sequence[bytes]) -> dict[bytes, Claimable]:
    """By claim address; one that is no invoice's, which anybody can have claimed, is left out."""
    columns = invoices.c.claim_address, invoices.c.number, invoices.c.body_salt, invoices.c.body
    # One parameter however many there are: a statement takes 65,535.
    listed = bindparam("addresses", list(claim_addresses), type_=ARRAY(LargeBinary))
    query = select(*columns).where(invoices.c.claim_address == any_(listed))
    return {
        bytes(address): Claimable(number, body_commitment(salt, body))
        for address, number, salt, body in connection.execute(query)
    }


def add_event(connection: Connection, values: Mapping[str, Any]) -> int | None:
    """The new event's id; None where it was taken in before, and then its block is brought up to date."""
    statement = upsert(chain_events).on_conflict_do_nothing(index_elements=["epoch_id", "tx_hash", "place"])
    added = connection.execute(statement.returning(chain_events.c.id), values).scalar()
    if added is None:
        stands = {name: values[name] for name in ("block_number", "block_hash", "block_time")}
        same = [chain_events.c[name] == values[name] for name in ("epoch_id", "tx_hash", "place")]
        connection.execute(update(chain_events).where(*same).values(**stands))
    return added


def newest_event(connection: Connection, epoch_id: int, *, below: int | None) -> KnownEvent | None:
    """The last that was taken in, below a block."""
    query = _events().where(chain_events.c.epoch_id == epoch_id)
    if below is not None:
        query = query.where(chain_events.c.block_number < below)
    row = connection.execute(query.order_by(chain_events.c.block_number.desc()).limit(1)).first()
    return None if row is None else KnownEvent(*row)


def events_above(connection: Connection, epoch_id: int, block: int) -> Sequence[KnownEvent]:
    above = chain_events.c.epoch_id == epoch_id, chain_events.c.block_number > block
    return [KnownEvent(*row) for row in connection.execute(_events().where(*above))]


def standing(connection: Connection, number: str, *, lock: bool = False) -> Standing:
    """As the final events left it; a lapsed lock still reads locked (see `Standing.now`)."""
    row = connection.execute(_OF.with_for_update() if lock else _OF, {"number": number}).first()
    return Standing() if row is None else standing_in(row)


def standing_in(row: Any) -> Standing:
    """Of a row with the columns of `invoice_statuses`, or with nothing where an invoice has no row there."""
    if row.state is None:
        return Standing()
    return Standing(State(row.state), row.notes, row.since, row.claimant)


def put_standing(connection: Connection, number: str, new: Standing) -> None:
    values = {"state": new.state.value, "notes": new.notes, "since": new.since, "claimant": new.claimant}
    connection.execute(
        upsert(invoice_statuses)
        .values(number=number, **values)
        .on_conflict_do_update(index_elements=["number"], set_=values)
    )


def held_by(connection: Connection, claimant: bytes, numbers: Sequence[str]) -> set[str]:
    """Those of the invoices that this account has claimed."""
    query = select(invoice_statuses.c.number).where(
        invoice_statuses.c.number.in_(numbers),
        invoice_statuses.c.state == State.CLAIMED.value,
        invoice_statuses.c.claimant == claimant,
    )
    return set(connection.execute(query).scalars())


def to_restore(connection: Connection) -> Iterator[Sequence[tuple[bytes, Standing]]]:
    """Claim addresses with what a new epoch must take over, in lists of a hundred."""
    matters = or_(invoice_statuses.c.state != State.FREE.value, invoice_statuses.c.notes > 0)
    last = ""
    while True:
        query = (
            select(
                invoice_statuses.c.number,
                invoices.c.claim_address,
                invoice_statuses.c.state,
                invoice_statuses.c.notes,
                invoice_statuses.c.since,
                invoice_statuses.c.claimant,
            )
            .join(invoices, invoices.c.number == invoice_statuses.c.number)
            .where(matters, invoice_statuses.c.number > last)
            .order_by(invoice_statuses.c.number)
            .limit(100)
        )
        rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].number
        yield [(bytes(row.claim_address), standing_in(row)) for row in rows]


def _events() -> Any:
    return select(*(chain_events.c[name] for name in KnownEvent.__dataclass_fields__))
