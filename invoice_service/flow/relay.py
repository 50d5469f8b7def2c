"""Send what others signed to the contract, from an account of the service's own, so that nobody needs coins.

The rules are those of anchoring: a call is kept, then its signed transaction, then it is sent; what became
of it is looked up, never assumed. The account is not the sequencer's, so that a stuck claim holds up no head.
Before it is signed for, the chain is asked whether it would take the call: what it would refuse is told, and
costs nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol, TypeGuard

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.relay import EPOCH_OVER, REFUSED_BY_CONTRACT, RelayStatus, reason_of
from invoice_service.flow.anchor import Receipt, SignedTransaction, live_epoch
from invoice_service.services import Services
from invoice_service.store import chain, relays, statuses
from invoice_service.store.chain import Epoch
from invoice_service.store.relays import Relay, Sent

log = structlog.get_logger()
MOST_FAILURES = 3  # mined and refused as often, although the chain had said it would take it
# What only the issuer's account may do hangs on no epoch, so it is sent again in the next.
UNSIGNED_KINDS = frozenset({"lock", "unlock", "credit"})


class RelayAccount(Protocol):
    """The relaying account on one contract. A chain that does not answer is a ConnectionError."""

    def next_nonce(self) -> int: ...
    def gas_price(self) -> int: ...
    def refusal(self, data: bytes, gas: int) -> str | None: ...
    def sign(self, data: bytes, *, gas: int, nonce: int, gas_price: int) -> SignedTransaction: ...
    def broadcast(self, raw: bytes) -> str: ...
    def receipt(self, tx_hash: bytes) -> Receipt | None: ...
    def block_hash(self, number: int) -> bytes | None: ...


def relay(services: Services, account: RelayAccount) -> str:
    """One round: what is on its way first, then the call that has waited longest.

    Answers "idle", "pending", "refused" or "mined". ConnectionError leaves all as it was.
    """
    epoch = live_epoch(services)
    _finish(services, account, epoch)
    with services.database.read() as connection:
        on_its_way = relays.pending(connection, epoch.id)
        waiting = relays.next_queued(connection, epoch.id)
    if on_its_way and account.next_nonce() < on_its_way[0].nonce:
        # The chain lost what came before and nobody sends that again: nothing behind the gap can be mined.
        for sent in on_its_way:
            _fail(services, sent)
        return "mined"
    for sent in on_its_way:
        if _settle(services, account, sent) != "mined":
            return "pending"
    if on_its_way:
        return "mined"
    return "idle" if waiting is None else _send(services, account, waiting)


def end_epoch(services: Services, connection: Connection, ended: Epoch, live: Epoch) -> None:
    """A new epoch knows no signature of the old one: what companies signed is refused, so that they can sign
    again; what the issuer does by itself waits for the new epoch."""
    read_up_to = statuses.read_up_to(connection, ended.id).block
    for waiting in relays.open_of(connection, ended.id):
        if relays.landed_by(connection, waiting, read_up_to):
            relays.set_status(connection, waiting, RelayStatus.DONE, now=services.clock())
        elif waiting.kind in UNSIGNED_KINDS:
            relays.move(connection, waiting, live.id)
        else:
            _refuse(services, connection, waiting, EPOCH_OVER)


def _send(services: Services, account: RelayAccount, waiting: Relay) -> str:
    with services.database.read() as connection:
        failures = relays.failures(connection, waiting)
    refusal = account.refusal(waiting.data, waiting.gas)
    if refusal is not None or failures >= MOST_FAILURES:
        reason = REFUSED_BY_CONTRACT if refusal is None else reason_of(refusal)
        with services.database.unit_of_work() as uow:
            current = relays.by_id(uow.connection, waiting.id, lock=True)
            if current is not None and current.status is RelayStatus.QUEUED:
                _refuse(services, uow.connection, current, reason)
            uow.commit()
        return "refused"
    nonce, price = account.next_nonce(), account.gas_price()
    _forget_lost(services, account, waiting.epoch_id, nonce)
    signed = account.sign(waiting.data, gas=waiting.gas, nonce=nonce, gas_price=price)
    kept = _keep(services, waiting, signed)
    return "idle" if kept is None else _settle(services, account, kept)


def _forget_lost(services: Services, account: RelayAccount, epoch_id: int, next_nonce: int) -> None:
    """Where the chain lost calls that were final and changed nothing, which ends no epoch, their nonces are
    free again. (One that changed something is an event that is gone.)"""
    with services.database.read() as connection:
        ahead = relays.final_from(connection, epoch_id, next_nonce)
    for sent in ahead:
        if account.receipt(sent.tx_hash) is None:
            _set(services, sent, {"status": "failed", "block_number": None})


def _keep(services: Services, waiting: Relay, signed: SignedTransaction) -> Sent | None:
    """Record before acting. None where a second settler was quicker: one transaction lives at a nonce."""
    try:
        with services.database.unit_of_work() as uow:
            if not chain.keep_live(uow.connection, waiting.epoch_id):
                return None
            current = relays.by_id(uow.connection, waiting.id, lock=True)
            if current is None or current.status is not RelayStatus.QUEUED:
                return None
            relays.add_sent(uow.connection, _values(services, current.epoch_id, current.id, signed))
            relays.set_status(uow.connection, current, RelayStatus.SENT, now=services.clock())
            uow.commit()
    except IntegrityError:
        log.info("another settler was quicker")
        return None
    with services.database.read() as connection:
        return next(
            (s for s in relays.pending(connection, waiting.epoch_id) if s.relay_id == waiting.id), None
        )


def _values(services: Services, epoch_id: int, relay_id: bytes, signed: SignedTransaction) -> dict[str, Any]:
    return {
        "epoch_id": epoch_id,
        "relay_id": relay_id,
        "nonce": signed.nonce,
        "raw": signed.raw,
        "tx_hash": signed.tx_hash,
        "gas_price": signed.gas_price,
        "created_at": services.clock(),
    }


def _settle(services: Services, account: RelayAccount, sent: Sent) -> str:
    """Find out what became of a transaction; send it (again) if the chain does not know it."""
    if _land(services, account, sent):
        return "mined"
    outcome = account.broadcast(sent.raw)
    if _land(services, account, sent):  # a chain that mines on arrival has it already
        return "mined"
    # Some nodes take a transaction with a spent nonce without a word, so the count decides too.
    if outcome == "nonce_too_low" or account.next_nonce() > sent.nonce:
        if not _land(services, account, sent):
            _fail(services, sent)  # another transaction of this account came first, or its receipt is gone
        return "mined"
    if services.clock() - sent.created_at > timedelta(seconds=services.config.stuck_after_s):
        _replace(services, account, sent)
    return "pending"


def _land(services: Services, account: RelayAccount, sent: Sent) -> bool:
    """Look at every hash that was ever sent at this nonce; one with a receipt decides."""
    with services.database.read() as connection:
        candidates = relays.same_nonce(connection, sent)
    for candidate in candidates:
        receipt = account.receipt(candidate.tx_hash)
        if receipt is None:
            continue
        if receipt.succeeded:
            _set_mined(services, sent, candidate, receipt.block_number)
        else:
            log.warning("the contract refused a relayed call", transaction=candidate.tx_hash.hex())
            _fail(services, sent)
        return True
    return False


def _set_mined(services: Services, pending: Sent, landed: Sent, block_number: int) -> None:
    with services.database.unit_of_work() as uow:
        if landed.id != pending.id:
            relays.set_sent(uow.connection, pending, {"status": "replaced"})
        relays.set_sent(uow.connection, landed, {"status": "mined", "block_number": block_number})
        uow.commit()


def _fail(services: Services, sent: Sent) -> None:
    """The call waits again: the next round asks the contract what it has against it."""
    with services.database.unit_of_work() as uow:
        asked = relays.by_id(uow.connection, sent.relay_id, lock=True)
        failed = relays.set_sent(uow.connection, sent, {"status": "failed", "block_number": None})
        if failed and _is_under_way(asked, sent):
            relays.set_status(uow.connection, asked, RelayStatus.QUEUED, now=services.clock())
        uow.commit()


def _is_under_way(asked: Relay | None, sent: Sent) -> TypeGuard[Relay]:
    """Whether this transaction is what the call waits for: not settled, nor in another epoch by now."""
    return asked is not None and asked.status is RelayStatus.SENT and asked.epoch_id == sent.epoch_id


def _replace(services: Services, account: RelayAccount, stuck: Sent) -> None:
    """The same call at the same nonce for at least a tenth more, so that only one can be mined."""
    gas_price = max(account.gas_price(), stuck.gas_price + stuck.gas_price // 8)
    if gas_price <= stuck.gas_price:
        return  # a chain without fees: sending it again, as every round does, is all there is
    with services.database.read() as connection:
        asked = relays.by_id(connection, stuck.relay_id)
    assert asked is not None  # noqa: S101 - a foreign key says so
    signed = account.sign(asked.data, gas=asked.gas, nonce=stuck.nonce, gas_price=gas_price)
    with services.database.unit_of_work() as uow:
        if not relays.set_sent(uow.connection, stuck, {"status": "replaced"}):
            return  # another settler was quicker
        relays.add_sent(uow.connection, _values(services, stuck.epoch_id, stuck.relay_id, signed))
        uow.commit()
    log.warning("stuck relay replaced", nonce=stuck.nonce, gas_price=gas_price)


def _finish(services: Services, account: RelayAccount, epoch: Epoch) -> None:
    """A call is done once its events were taken in. A block that is gone takes it back."""
    with services.database.read() as connection:
        mined = relays.mined_not_final(connection, epoch.id)
    receipts = [(sent, account.receipt(sent.tx_hash)) for sent in mined]
    read_up_to = _taken_in(services, account, epoch) if mined else 0
    for sent, receipt in receipts:
        if receipt is None:
            _set(services, sent, {"status": "pending", "block_number": None})
        elif not receipt.succeeded:  # in another block now, behind something that forbids it
            _fail(services, sent)
        elif receipt.block_number != sent.block_number:
            _set(services, sent, {"block_number": receipt.block_number})
        elif receipt.block_number <= read_up_to:
            _done(services, sent)


def _taken_in(services: Services, account: RelayAccount, epoch: Epoch) -> int:
    """The block up to which events were taken in; none while the chain has another one there, since what lies
    below it may have changed as well. To be asked after the receipts."""
    with services.database.read() as connection:
        done = statuses.read_up_to(connection, epoch.id)
    stands = done.hash is not None and account.block_hash(done.block) == done.hash
    return done.block if stands else 0


def _done(services: Services, sent: Sent) -> None:
    with services.database.unit_of_work() as uow:
        asked = relays.by_id(uow.connection, sent.relay_id, lock=True)
        final = relays.set_sent(uow.connection, sent, {"status": "final"})
        if final and _is_under_way(asked, sent):
            relays.set_status(uow.connection, asked, RelayStatus.DONE, now=services.clock())
        uow.commit()


def _set(services: Services, sent: Sent, values: dict[str, Any]) -> None:
    with services.database.unit_of_work() as uow:
        relays.set_sent(uow.connection, sent, values)
        uow.commit()


def _refuse(services: Services, connection: Connection, asked: Relay, reason: str) -> None:
    relays.set_status(connection, asked, RelayStatus.REFUSED, now=services.clock(), reason=reason)
    log.info("relayed call refused", kind=asked.kind, reason=reason)
