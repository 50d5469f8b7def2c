"""Turn the contract's final events into statuses and entries, each once.

Events are read by ranges of blocks behind a cursor, and are taken in together with the cursor's move, in one
transaction. The cursor remembers its block's hash: if the chain has another block there, it lost some, and
what was taken in is looked for again. An event that is gone for good ends the epoch (see `flow.open_epoch`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection

from invoice_service.domain.numbering import business_day
from invoice_service.domain.refund import RefundStatus, step
from invoice_service.domain.standing import Change, ImpossibleChange, Seen, attestation
from invoice_service.errors import N_, Error
from invoice_service.flow.anchor import live_epoch
from invoice_service.flow.record import record, sign_entry
from invoice_service.ledger.entry import SALT_BYTES, Kind, commit_body
from invoice_service.services import Services
from invoice_service.store import orders, refunds, rollups, statuses
from invoice_service.store.chain import Epoch
from invoice_service.store.statuses import Claimable, ReadUpTo

log = structlog.get_logger()
BLOCKS_A_ROUND = 1_000  # nodes refuse answers about too many blocks
FEWER_BLOCKS = (BLOCKS_A_ROUND, 100, 10, 1)  # or with too many events, which strangers can make
ATTESTED = {Change.CLAIMED: Kind.CLAIM, Change.RELEASED: Kind.RELEASE}


class Block(Protocol):
    @property
    def hash(self) -> bytes: ...
    @property
    def time(self) -> datetime: ...


class StatusEvent(Protocol):
    """`place` is among the transaction's events; hashes are 32 bytes, addresses 20."""

    @property
    def tx_hash(self) -> bytes: ...
    @property
    def place(self) -> int: ...
    @property
    def block_number(self) -> int: ...
    @property
    def block_hash(self) -> bytes: ...
    @property
    def change(self) -> str: ...
    @property
    def claim_address(self) -> bytes: ...
    @property
    def claimant(self) -> bytes | None: ...
    @property
    def note(self) -> bytes | None: ...
    @property
    def whole(self) -> bool | None: ...


class EventSource(Protocol):
    """The contract's events as this flow reads them. A chain that does not answer is a ConnectionError."""

    def block_number(self) -> int: ...
    def block(self, number: int) -> Block | None: ...
    def between(self, first: int, last: int) -> Sequence[StatusEvent]: ...


class EventsLost(Error):
    code = "ingest.events_lost"
    message = N_("The chain has lost {count} final events of this epoch. A new epoch has to begin.")
    status = 500


class StatusesDiverge(Error):
    code = "ingest.statuses_diverge"
    message = N_("The contract says of invoice {number} what cannot follow from what it said before.")
    status = 500


@dataclass(frozen=True, slots=True)
class _Read:
    """A range of blocks as they were read, and where the cursor goes."""

    events: Sequence[StatusEvent]
    times: dict[int, datetime]
    to: ReadUpTo


def ingest(services: Services, source: EventSource) -> bool:
    """One round. Answers whether there is more to read at once. Raises EventsLost, StatusesDiverge;
    ConnectionError leaves all as it was."""
    epoch = live_epoch(services)
    with services.database.read() as connection:
        done = statuses.read_up_to(connection, epoch.id)
    newest = source.block_number() - services.config.chain_confirmations
    if done.hash is not None and not _still_stands(source, done):
        if newest < done.block and services.config.chain_confirmations:
            return False  # a node that lags behind; a chain that lost final blocks will have others there
        done = _go_back(services, source, epoch, done, newest)
    if newest <= done.block:
        return False
    found = _read_some(source, done.block + 1, newest)
    if found is None:
        return True  # blocks changed while they were read: again
    _take(services, epoch, done, found)
    return found.to.block < newest


def _still_stands(source: EventSource, done: ReadUpTo) -> bool:
    block = source.block(done.block)
    return block is not None and block.hash == done.hash


def _read_some(source: EventSource, first: int, newest: int) -> _Read | None:
    """As many blocks as the node answers about. None as of `_read`."""
    for blocks in FEWER_BLOCKS:
        try:
            return _read(source, first, min(newest, first + blocks - 1))
        except ConnectionError:
            if blocks == 1 or newest == first:
                raise
    return None


def _read(source: EventSource, first: int, last: int) -> _Read | None:
    """None if the chain changed meanwhile, so that the events may be of other blocks than the hash."""
    end = source.block(last)
    if end is None:
        return None
    events = source.between(first, last)
    times: dict[int, datetime] = {}
    for event in events:
        if event.block_number not in times:
            block = source.block(event.block_number)
            if block is None or block.hash != event.block_hash:
                return None
            times[event.block_number] = block.time
    to = ReadUpTo(last, end.hash)
    return _Read(events, times, to) if _still_stands(source, to) else None


def _take(services: Services, epoch: Epoch, done: ReadUpTo, found: _Read) -> None:
    """All of a range with the cursor, or nothing. A second ingester that was quicker leaves nothing to do."""
    with services.database.unit_of_work() as uow:
        if statuses.lock_cursor(uow.connection, epoch.id) != done:
            uow.nothing_to_do()
            return
        addresses = list({event.claim_address for event in found.events})
        ours = statuses.claimable(uow.connection, addresses) if addresses else {}
        for event in found.events:
            invoice = ours.get(event.claim_address)
            if invoice is not None:
                _take_one(services, uow.connection, epoch, invoice, event, found.times[event.block_number])
        statuses.set_read(uow.connection, epoch.id, found.to)
        uow.commit()
    if ours:
        log.info("statuses taken in", events=len(found.events), block=found.to.block)


def _take_one(
    services: Services,
    connection: Connection,
    epoch: Epoch,
    invoice: Claimable,
    event: StatusEvent,
    time: datetime,
) -> None:
    change = Change(event.change)
    before = statuses.standing(connection, invoice.number, lock=True)
    attested = _attested(services, epoch, invoice, event, time) if change in ATTESTED else {}
    event_id = statuses.add_event(
        connection,
        {
            "epoch_id": epoch.id,
            "tx_hash": event.tx_hash,
            "place": event.place,
            "block_number": event.block_number,
            "block_hash": event.block_hash,
            "block_time": time,
            "number": invoice.number,
            "change": change.value,
            "claimant": event.claimant,
            "note": event.note,
            "whole": event.whole,
            **attested,
        },
    )
    if event_id is None:
        return  # taken in before; it may stand in another block now
    try:
        after = before.after(change, time, claimant=event.claimant, whole=bool(event.whole))
    except ImpossibleChange as error:
        raise StatusesDiverge(number=invoice.number) from error
    statuses.put_standing(connection, invoice.number, after)
    if event.note is not None:
        credited(services, connection, event.note, event_id)
    if attested:
        entry = sign_entry(
            services.keyring,
            ATTESTED[change],
            str(event_id),
            body_commitment=attested["commitment"],
            instant=time,
        )
        record(connection, entry)


def credited(services: Services, connection: Connection, commitment: bytes, event_id: int) -> None:
    """A credit note of ours is in force, and its refund done. One that was made outside is only counted."""
    note = refunds.note_by_commitment(connection, commitment)
    if note is None or note.event_id is not None:
        return
    refund = refunds.by_id(connection, note.refund_id, lock=True)
    if refund is None or refund.status is not RefundStatus.CREDITING:
        return
    order = orders.by_id(connection, refund.order_id)
    assert order is not None  # noqa: S101 - a foreign key says so
    now = services.clock()
    refunds.put_in_force(connection, note, event_id)
    done = step(refund.status, RefundStatus.DONE)
    refunds.set_values(connection, refund, {"status": done.value, "settled_at": now})
    entry = sign_entry(
        services.keyring,
        Kind.CREDIT_NOTE,
        note.number,
        body_commitment=note.commitment,
        instant=note.issued_at,
    )
    record(connection, entry)
    hour = rollups.note_row(order.stall, note.total_fen, note.issued_at)
    rollups.add_hours(connection, [hour], business_day(now))


def _attested(
    services: Services, epoch: Epoch, invoice: Claimable, event: StatusEvent, time: datetime
) -> dict[str, Any]:
    """The body of a CLAIM or RELEASE, its salt and commitment."""
    assert event.claimant is not None  # noqa: S101 - claims and releases tell it
    seen = Seen(
        invoice=invoice.commitment,
        claim_address=event.claim_address,
        claimant=event.claimant,
        epoch=epoch.nonce,
        transaction=event.tx_hash,
        place=event.place,
        at=time,
    )
    salt = services.random(SALT_BYTES)
    body = attestation(Change(event.change), seen, issuer=services.keyring.issuer_id.hex())
    data, commitment = commit_body(salt, body)
    return {"body": data, "salt": salt, "commitment": commitment}


def _go_back(services: Services, source: EventSource, epoch: Epoch, done: ReadUpTo, newest: int) -> ReadUpTo:
    """The chain has other blocks than we read. Every event that we took in must still be somewhere in it;
    then the cursor goes back to the newest block that did not change. Raises EventsLost."""
    common = _common(services, source, epoch)
    with services.database.read() as connection:
        doubtful = statuses.events_above(connection, epoch.id, common.block)
    found: set[tuple[bytes, int]] = set()
    for first in range(common.block + 1, newest + 1, BLOCKS_A_ROUND):
        events = source.between(first, min(newest, first + BLOCKS_A_ROUND - 1)) if doubtful else ()
        found.update((event.tx_hash, event.place) for event in events)
    lost = [event for event in doubtful if (event.tx_hash, event.place) not in found]
    if lost:
        raise EventsLost(count=len(lost))
    with services.database.unit_of_work() as uow:
        if statuses.lock_cursor(uow.connection, epoch.id) == done:
            statuses.set_read(uow.connection, epoch.id, common)
        uow.commit()
    log.warning("the chain changed blocks that were read", back_to=common.block)
    return common


def _common(services: Services, source: EventSource, epoch: Epoch) -> ReadUpTo:
    """The newest block with an event that is as we read it; else where the epoch began."""
    below: int | None = None
    while True:
        with services.database.read() as connection:
            event = statuses.newest_event(connection, epoch.id, below=below)
        if event is None:
            return ReadUpTo((epoch.opened_block or 1) - 1, None)
        stood = ReadUpTo(event.block_number, event.block_hash)
        if _still_stands(source, stood):
            return stood
        below = event.block_number
