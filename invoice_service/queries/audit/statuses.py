"""What became of invoices: each status is what the contract's events come to, and the chain tells the same.

Events are kept over all epochs; of the live one's the chain is asked, in ranges of blocks, up to where they
were taken in. Each event is one that both tell, in the same words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from invoice_service.domain.standing import Change, ImpossibleChange, Standing
from invoice_service.ledger.entry import Kind
from invoice_service.queries.audit.differs import Difference, Differs, alike, holds
from invoice_service.queries.audit.kinds import named
from invoice_service.store import audit, statuses
from invoice_service.store.chain import Epoch

BLOCKS_AT_ONCE = 1_000  # nodes refuse answers about too many blocks
STANDING = ("its state", "how many notes it has", "since when", "who claimed it")
Told = tuple[str, str, bytes | None, bytes | None, bool | None]


class Event(Protocol):
    """`place` is among the transaction's events; hashes are 32 bytes, addresses 20."""

    @property
    def tx_hash(self) -> bytes: ...
    @property
    def place(self) -> int: ...
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


class Block(Protocol):
    @property
    def time(self) -> datetime: ...


class Events(Protocol):
    """Not answering raises ConnectionError."""

    def block_number(self) -> int: ...
    def block(self, number: int) -> Block | None: ...
    def between(self, first: int, last: int) -> Sequence[Event]: ...


class Standings(Protocol):
    """What the contract says of an invoice as of now. Not answering raises ConnectionError."""

    def standing(self, claim_address: bytes) -> Standing: ...


def differences(connection: Connection) -> Iterator[Difference]:
    """Of statuses from the events that are kept."""
    after = ""
    while numbers := audit.changed(connection, after):
        stored = audit.statuses(connection, numbers)
        for number, events in groupby(audit.events(connection, numbers), key=lambda row: str(row.number)):
            try:
                _check(stored.get(number), list(events))
            except Differs as fault:
                yield Difference(named(Kind.INVOICE, number), str(fault))
        after = numbers[-1]
    for number in audit.status_without_event(connection):
        yield Difference(named(Kind.INVOICE, number), "it has a status, and no event on chain led to it")


def _check(stored: Row[Any] | None, events: Sequence[Row[Any]]) -> None:
    holds(stored is not None, "the chain told of it, and it has no status")
    made = Standing()
    for event in events:
        try:
            made = made.after(
                Change(event.change), _seen(event), claimant=event.claimant, whole=bool(event.whole)
            )
        except ImpossibleChange as error:
            raise Differs(f"what is kept of its events cannot be: {error}") from error
    found = statuses.standing_in(stored)
    kept = (found.state, found.notes, found.since, found.claimant)
    alike(STANDING, kept, (made.state, made.notes, made.since, made.claimant))


def _seen(event: Row[Any]) -> datetime:
    """When it was first seen; a claim's or release's body remembers that where the chain moved it since."""
    if event.body is None:
        return event.block_time
    try:
        return datetime.fromisoformat(json.loads(bytes(event.body))["at"])
    except (ValueError, KeyError, TypeError) as error:
        raise Differs("the body of one of its events cannot be read") from error


def on_chain(connection: Connection, source: Events, epoch: Epoch) -> Iterator[Difference]:
    """Of the events that are kept, and those that the chain tells."""
    first, read = epoch.opened_block or 0, statuses.read_up_to(connection, epoch.id).block
    while first <= read:
        last = min(read, first + BLOCKS_AT_ONCE - 1)
        yield from _of_blocks(connection, source, epoch, first, last)
        first = last + 1


def between(source: Events, first: int, last: int) -> Sequence[Event]:
    """The events of these blocks; in halves where a node refuses so many blocks, or so many events."""
    try:
        return source.between(first, last)
    except ConnectionError:
        if first == last:
            raise
    middle = (first + last) // 2
    return [*between(source, first, middle), *between(source, middle + 1, last)]


def in_the_contract(
    connection: Connection, source: Events, contract: Standings, epoch: Epoch
) -> Iterator[Difference]:
    """Of statuses as they are kept, and as the contract answers: also those that an epoch took over. What
    happened since events were taken in is left to the next audit."""
    read, newest = statuses.read_up_to(connection, epoch.id).block, source.block_number()
    block = source.block(newest)
    if block is None:
        raise ConnectionError("the chain went back while it was asked")
    since: set[bytes] = set()
    for first in range(read + 1, newest + 1, BLOCKS_AT_ONCE):
        events = between(source, first, min(newest, first + BLOCKS_AT_ONCE - 1))
        since.update(event.claim_address for event in events)
    for listed in statuses.to_restore(connection):
        ours = statuses.claimable(connection, [address for address, _ in listed])
        for address, stored in listed:
            if address not in since:
                wanted, found = stored.now(block.time), contract.standing(address)
                if (wanted.state, wanted.notes, wanted.claimant) != (
                    found.state,
                    found.notes,
                    found.claimant,
                ):
                    what = f"it is kept as {wanted.state}, and the contract says {found.state}"
                    yield Difference(named(Kind.INVOICE, ours[address].number), what)


def _of_blocks(
    connection: Connection, source: Events, epoch: Epoch, first: int, last: int
) -> Iterator[Difference]:
    told = _told(connection, between(source, first, last))
    kept: dict[tuple[bytes, int], Told] = {
        (bytes(row.tx_hash), row.place): (row.number, row.change, row.claimant, row.note, row.whole)
        for row in audit.events_between(connection, epoch.id, first, last)
    }
    for at in sorted(told.keys() | kept.keys()):
        number, change, *_ = told.get(at) or kept[at]
        if at not in told:
            what = f"that it was {change} is kept here, and the chain does not tell it"
        elif at not in kept:
            what = f"the chain tells that it was {change}, and that was not taken in"
        else:
            what = "what the chain tells of it is kept otherwise"
        if told.get(at) != kept.get(at):
            yield Difference(named(Kind.INVOICE, number), what)


def _told(connection: Connection, events: Sequence[Event]) -> dict[tuple[bytes, int], Told]:
    """Of our invoices alone: an address that is none's can be claimed by anybody."""
    ours = statuses.claimable(connection, list({event.claim_address for event in events})) if events else {}
    return {
        (event.tx_hash, event.place): (
            ours[event.claim_address].number, event.change, event.claimant, event.note, event.whole
        )
        for event in events
        if event.claim_address in ours
    }  # fmt: skip
