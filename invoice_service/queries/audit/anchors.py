"""The heads that are said to be on chain, and the chain's own word on each.

The chain is a stranger: where it does not answer, everything else was still compared, and the verdict is
"undecided". Epochs that have ended may have lost their chain, so only the live one is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from invoice_service.queries.audit import statuses
from invoice_service.queries.audit.differs import Difference, Differs, same
from invoice_service.queries.audit.statuses import Events, Standings
from invoice_service.store import audit, chain
from invoice_service.store.chain import Epoch


class Identity(Protocol):
    @property
    def chain_id(self) -> int: ...
    @property
    def genesis_hash(self) -> bytes: ...


class Head(Protocol):
    @property
    def size(self) -> int: ...
    @property
    def root(self) -> bytes: ...


class Anchored(Protocol):
    @property
    def size(self) -> int: ...
    @property
    def block_number(self) -> int: ...
    @property
    def time(self) -> datetime: ...


class Contract(Protocol):
    """An epoch's contract as an audit asks it. A chain that does not answer is a ConnectionError."""

    def identity(self) -> Identity: ...
    def epoch_nonce(self) -> bytes: ...
    def head(self) -> Head: ...
    def anchored_at(self, root: bytes) -> Anchored | None: ...


@dataclass(frozen=True, slots=True)
class Chain:
    """How an epoch is opened: its contract, what that told of invoices, and what it tells of them now. `gone`
    is what all raise where the chain answers and has no contract there."""

    contract: Callable[[Epoch], Contract]
    events: Callable[[Epoch], Events]
    standings: Callable[[Epoch], Standings]
    gone: type[ConnectionError]


class NotAsked(Exception):
    """The chain could not be asked; the text says why."""


def differences(connection: Connection, on_chain: Chain | None) -> Iterator[Difference]:
    """Raises NotAsked, after what can be told without the chain."""
    for size in audit.foreign_submissions(connection):
        yield Difference(_named(size), "what was sent to the chain is no head of the log")
    epoch = chain.live_epoch(connection)
    if epoch is None or epoch.opened_at is None:
        raise NotAsked("no contract is deployed")
    if on_chain is None:
        raise NotAsked("no chain is configured (CHAIN_RPC_URL)")
    try:
        yield from _of_epoch(connection, on_chain, epoch)
    except on_chain.gone:
        yield Difference(f"epoch {epoch.id}", "the chain has no contract at its address")
    except ConnectionError as error:
        raise NotAsked(f"the chain does not answer: {error}") from error


def _of_epoch(connection: Connection, on_chain: Chain, epoch: Epoch) -> Iterator[Difference]:
    contract = on_chain.contract(epoch)
    identity = contract.identity()
    if (identity.chain_id, identity.genesis_hash) != (epoch.chain_id, epoch.genesis_hash):
        yield Difference(f"epoch {epoch.id}", "the chain that answers is not the one it was begun on")
        return
    if contract.epoch_nonce() != epoch.nonce:
        yield Difference(f"epoch {epoch.id}", "the contract at its address is another epoch's")
        return
    yield from _submitted(connection, contract, epoch)
    newest = contract.head()
    if newest.size and audit.head_root(connection, newest.size) != newest.root:
        yield Difference(_named(newest.size), "the contract holds a head that this log never had")
    events = on_chain.events(epoch)
    yield from statuses.on_chain(connection, events, epoch)
    yield from statuses.in_the_contract(connection, events, on_chain.standings(epoch), epoch)


def _submitted(connection: Connection, contract: Contract, epoch: Epoch) -> Iterator[Difference]:
    after = 0
    while rows := audit.submissions(connection, epoch.id, after):
        for row in rows:
            try:
                _check(row, contract.anchored_at(bytes(row.new_root)))
            except Differs as fault:
                yield Difference(_named(row.new_size), str(fault))
        after = rows[-1].new_size


def _check(row: Row[Any], anchored: Anchored | None) -> None:
    if anchored is None:
        raise Differs(f"it is said to be {row.status}, and the contract does not hold it")
    same(row.new_size, anchored.size, "its size")
    same(row.block_number, anchored.block_number, "its block")
    same(row.block_time, anchored.time, "its block's time")


def _named(size: int) -> str:
    return f"head {size} on chain"
