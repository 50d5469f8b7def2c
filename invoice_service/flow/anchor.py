"""Anchor the log's head on chain, so that a record is kept before anything is sent.

Each round asks first and acts then. Whatever happened before (a crash, a lost reply, a restarted or
reorganised chain), the contract knows whether it holds a head, and our submissions say what we sent.
One append is pending at a time; a stuck one is replaced at its nonce by the same head at a higher fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.exc import IntegrityError

from invoice_service.errors import N_, Error
from invoice_service.ledger import tree
from invoice_service.services import Services
from invoice_service.store import chain, log
from invoice_service.store.chain import ChainHealth, Epoch, Submission

logger = structlog.get_logger()
# News of the chain is written at once; that there is none, this often, to show that somebody looks.
HEARD_EVERY = timedelta(seconds=3)


class Mined(Protocol):
    """Where a head stands on chain; what a node has forgotten is None."""

    @property
    def block_number(self) -> int: ...
    @property
    def block_hash(self) -> bytes | None: ...
    @property
    def block_time(self) -> datetime: ...
    @property
    def gas_used(self) -> int | None: ...


class Receipt(Mined, Protocol):
    @property
    def succeeded(self) -> bool: ...


class AnchoredHead(Protocol):
    @property
    def block_number(self) -> int: ...
    @property
    def time(self) -> datetime: ...


class SignedTransaction(Protocol):
    @property
    def nonce(self) -> int: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def tx_hash(self) -> bytes: ...
    @property
    def gas_price(self) -> int: ...


class OnChainHead(Protocol):
    @property
    def size(self) -> int: ...
    @property
    def root(self) -> bytes: ...


class AnchorContract(Protocol):
    """The anchoring contract as this flow needs it. A chain that does not answer is a ConnectionError."""

    def epoch_nonce(self) -> bytes: ...
    def head(self) -> OnChainHead: ...
    def next_nonce(self) -> int: ...
    def gas_price(self) -> int: ...
    def sign_append(
        self, *, nonce: int, gas_price: int, old_size: int, new_size: int, new_root: bytes, proof: list[bytes]
    ) -> SignedTransaction: ...
    def broadcast(self, raw: bytes) -> str: ...
    def receipt(self, tx_hash: bytes) -> Receipt | None: ...
    def anchored_at(self, root: bytes) -> AnchoredHead | None: ...
    def block_number(self) -> int: ...


class HeadsDiverge(Error):
    code = "anchor.heads_diverge"
    message = N_(
        "The contract holds a head that this log never had. Anchoring has stopped; call the operator."
    )
    status = 500


class EpochGone(Error):
    code = "anchor.epoch_gone"
    message = N_(
        "The contract is gone: the chain was wiped, or it is another chain. A new epoch has to begin."
    )
    status = 500


class NotDeployed(Error):
    code = "anchor.not_deployed"
    message = N_("No contract is deployed yet. Run `python -m invoice_service deploy` first.")
    status = 503


def anchor(services: Services, contract: AnchorContract) -> str:
    """One round: hear what the contract holds, settle what is pending, offer a newer head.

    Answers what it did: "idle", "pending", "submitted" or "mined". ConnectionError leaves all as it was.
    Raises EpochGone, HeadsDiverge.
    """
    epoch = live_epoch(services)
    if contract.epoch_nonce() != epoch.nonce:
        raise EpochGone
    block, on_chain = contract.block_number(), contract.head()
    note_health(services, reachable=True, block_number=block)
    _take_back(services, epoch, on_chain)
    _finalise(services, contract, epoch, block)
    with services.database.read() as connection:
        submission = chain.pending(connection, epoch.id)
    if submission is None:
        submission = _submit(services, contract, epoch, on_chain)
        if submission is None:
            return "idle"
    return _settle(services, contract, submission)


def live_epoch(services: Services) -> Epoch:
    with services.database.read() as connection:
        epoch = chain.live_epoch(connection)
    if epoch is None or epoch.opened_at is None:
        raise NotDeployed
    return epoch


def note_health(
    services: Services, *, reachable: bool, detail: str = "", block_number: int | None = None
) -> None:
    """Keep what we last heard of the chain, where every process can read it."""
    heard = ChainHealth(reachable, detail, block_number, services.clock())
    with services.database.unit_of_work() as uow:
        known = chain.health(uow.connection)
        same = known is not None and (known.reachable, known.detail) == (reachable, detail)
        if known is not None and same and heard.checked_at - known.checked_at < HEARD_EVERY:
            return
        chain.put_health(uow.connection, heard)
        uow.commit()


def note_events(services: Services, detail: str = "") -> None:
    """Keep what stops the events of the contract from being taken in; empty where nothing does."""
    with services.database.unit_of_work() as uow:
        chain.put_events_detail(uow.connection, detail)
        uow.commit()


def _submit(
    services: Services, contract: AnchorContract, epoch: Epoch, on_chain: OnChainHead
) -> Submission | None:
    """Sign an append of the newest head and keep it. None when the contract has it already."""
    with services.database.read() as connection:
        head = log.head(connection)
        if head.size == on_chain.size and head.root == on_chain.root:
            return None
        read = log.reader_towards(connection, on_chain.size, head.size)
        if on_chain.size > head.size or tree.root(on_chain.size, read) != on_chain.root:
            raise HeadsDiverge
        proof = tree.consistency_proof(on_chain.size, head.size, read)
    signed = contract.sign_append(
        nonce=contract.next_nonce(),
        gas_price=contract.gas_price(),
        old_size=on_chain.size,
        new_size=head.size,
        new_root=head.root,
        proof=proof,
    )
    return _keep(services, epoch.id, on_chain.size, head, signed)


def _keep(
    services: Services, epoch_id: int, old_size: int, head: log.Head, signed: SignedTransaction
) -> Submission | None:
    """Record before acting. A second settler that was quicker wins: the unique pending row is the fence."""
    try:
        with services.database.unit_of_work() as uow:
            values = _submission_values(services, epoch_id, old_size, head.size, head.root, signed)
            chain.add_submission(uow.connection, values)
            uow.commit()
    except IntegrityError:
        logger.info("another settler was quicker")
    with services.database.read() as connection:
        return chain.pending(connection, epoch_id)


def _submission_values(
    services: Services,
    epoch_id: int,
    old_size: int,
    new_size: int,
    new_root: bytes,
    signed: SignedTransaction,
) -> dict[str, object]:
    return {
        "epoch_id": epoch_id,
        "nonce": signed.nonce,
        "old_size": old_size,
        "new_size": new_size,
        "new_root": new_root,
        "raw": signed.raw,
        "tx_hash": signed.tx_hash,
        "gas_price": signed.gas_price,
        "created_at": services.clock(),
    }


def _settle(services: Services, contract: AnchorContract, submission: Submission) -> str:
    """Find out what became of a submission; send it (again) if the chain does not know it."""
    if _land(services, contract, submission):
        return "mined"
    outcome = contract.broadcast(submission.raw)
    if _land(services, contract, submission):  # a chain that mines on arrival has it already
        return "mined"
    # Some nodes take a transaction with a spent nonce without a word, so the count decides too.
    if outcome == "nonce_too_low" or contract.next_nonce() > submission.nonce:
        return _on_spent_nonce(services, contract, submission)
    if services.clock() - submission.created_at > timedelta(seconds=services.config.stuck_after_s):
        _replace(services, contract, submission)
    return "submitted" if outcome == "accepted" else "pending"


def _land(services: Services, contract: AnchorContract, submission: Submission) -> bool:
    """Look at every hash that was ever sent for this head; one with a receipt decides.

    A node may have forgotten old receipts. Then the contract itself says whether it holds the head.
    """
    with services.database.read() as connection:
        candidates = chain.same_head(connection, submission)
    for candidate in candidates:
        receipt = contract.receipt(candidate.tx_hash)
        if receipt is None:
            continue
        if not receipt.succeeded:
            if candidate.status == "failed":
                continue  # that is known
            _set_status(services, candidate, "failed")
            logger.error("the contract refused a head", size=candidate.new_size)
            raise HeadsDiverge
        _set_mined(services, submission, candidate, receipt)
        return True
    anchored = contract.anchored_at(submission.new_root)
    if anchored is None:
        return False
    _set_mined(services, submission, submission, _Remembered(anchored.block_number, anchored.time))
    return True


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What the contract remembers of a head whose receipt is gone."""

    block_number: int
    block_time: datetime
    block_hash: bytes | None = None
    gas_used: int | None = None


def _set_mined(services: Services, pending: Submission, landed: Submission, receipt: Mined) -> None:
    with services.database.unit_of_work() as uow:
        if landed.id != pending.id:
            chain.set_submission(uow.connection, pending.id, {"status": "replaced"})
        chain.set_submission(
            uow.connection,
            landed.id,
            {
                "status": "mined" if services.config.chain_confirmations else "final",
                "block_number": receipt.block_number,
                "block_hash": receipt.block_hash,
                "block_time": receipt.block_time,
                "gas_used": receipt.gas_used,
            },
        )
        uow.commit()
    logger.info("head anchored", size=landed.new_size, block=receipt.block_number)


def _on_spent_nonce(services: Services, contract: AnchorContract, submission: Submission) -> str:
    """The nonce is used. If not by what we sent, another transaction of this account did: sign anew."""
    if _land(services, contract, submission):
        return "mined"
    if contract.head().size >= submission.new_size:
        raise HeadsDiverge  # the contract moved on, and not by anything we sent
    _set_status(services, submission, "failed")
    return "pending"


def _replace(services: Services, contract: AnchorContract, stuck: Submission) -> None:
    """Offer the same head at the same nonce for at least a tenth more, so that only one can be mined."""
    gas_price = max(contract.gas_price(), stuck.gas_price + stuck.gas_price // 8)
    if gas_price <= stuck.gas_price:
        return  # a chain without fees: sending it again, as every round does, is all there is
    with services.database.read() as connection:
        read = log.reader_towards(connection, stuck.old_size, stuck.new_size)
        proof = tree.consistency_proof(stuck.old_size, stuck.new_size, read)
    signed = contract.sign_append(
        nonce=stuck.nonce,
        gas_price=gas_price,
        old_size=stuck.old_size,
        new_size=stuck.new_size,
        new_root=stuck.new_root,
        proof=proof,
    )
    values = _submission_values(
        services, stuck.epoch_id, stuck.old_size, stuck.new_size, stuck.new_root, signed
    )
    with services.database.unit_of_work() as uow:
        chain.set_submission(uow.connection, stuck.id, {"status": "replaced"})
        chain.add_submission(uow.connection, values)
        uow.commit()
    logger.warning("stuck submission replaced", size=stuck.new_size, gas_price=gas_price)


def _finalise(services: Services, contract: AnchorContract, epoch: Epoch, block: int) -> None:
    """Mined heads become final when deep enough; one that moved to another block says so."""
    with services.database.read() as connection:
        mined = chain.mined_not_final(connection, epoch.id)
    for submission in mined:
        receipt = contract.receipt(submission.tx_hash)
        if receipt is None:
            _finalise_without_receipt(services, contract, submission, block)
        elif receipt.block_hash != submission.block_hash:
            _set_mined(services, submission, submission, receipt)
        elif block - receipt.block_number >= services.config.chain_confirmations:
            _set_status(services, submission, "final")


def _finalise_without_receipt(
    services: Services, contract: AnchorContract, submission: Submission, block: int
) -> None:
    """The contract remembers where it took the head. If it does not hold it, its newest head will say so in
    the next round."""
    held = contract.anchored_at(submission.new_root)
    if held is None:
        return
    if held.block_number != submission.block_number:
        _set_mined(services, submission, submission, _Remembered(held.block_number, held.time))
    elif block - held.block_number >= services.config.chain_confirmations:
        _set_status(services, submission, "final")


def _take_back(services: Services, epoch: Epoch, on_chain: OnChainHead) -> None:
    """The chain lost blocks (a reorganisation, a development chain's crash): nothing above its head is said
    to be anchored any more, and `_submit` offers it again."""
    with services.database.read() as connection:
        landed = chain.newest_landed(connection, epoch.id)
    if landed is None or landed.new_size <= on_chain.size:
        return
    with services.database.unit_of_work() as uow:
        lost = chain.withdraw_above(uow.connection, epoch.id, on_chain.size)
        uow.commit()
    if lost:
        logger.warning("the chain took back heads", heads=lost, size=on_chain.size)


def _set_status(services: Services, submission: Submission, status: str) -> None:
    with services.database.unit_of_work() as uow:
        chain.set_submission(uow.connection, submission.id, {"status": status})
        uow.commit()
