"""Anchoring rounds against a real contract and database, one failure at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chain import deploy
from chain.client import LedgerContract
from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import anchor, open_epoch, seal
from invoice_service.flow.record import record, sign_entry
from invoice_service.ledger.entry import Kind
from invoice_service.services import Services
from tests.clock import Clock

START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def services(tmp_path: Path, migrated_database_url: str, anvil_url: str, clock: Clock) -> Iterator[Services]:
    """A deployed epoch with an empty log."""
    keyring.make_missing(tmp_path, now=START, issuer_name="test")
    config = Config(data_dir=tmp_path, database_url=migrated_database_url, chain_rpc_url=anvil_url)
    made = build_services(config, clock=clock)
    root = keyring.load_root(tmp_path)
    open_epoch.prepare_log(made, root)
    keys = made.keyring
    deployer = deploy.Deployer(anvil_url, admin_key=keys.admin, sequencer_key=keys.sequencer)
    open_epoch.open_epoch(made, deployer, root)
    yield made
    made.database.dispose()


@pytest.fixture
def contract(services: Services) -> LedgerContract:
    epoch = anchor.live_epoch(services)
    assert epoch.contract is not None
    return LedgerContract(
        services.config.chain_rpc_url,
        address=epoch.contract,
        log_id=epoch.log_id,
        sequencer_key=services.keyring.sequencer,
    )


def add_facts(services: Services, count: int) -> None:
    """Seal `count` entries."""
    with services.database.unit_of_work() as uow:
        for _ in range(count):
            signed = sign_entry(
                services.keyring,
                Kind.SALE,
                os.urandom(8).hex(),
                body_commitment=os.urandom(32),
                instant=services.clock(),
            )
            record(uow.connection, signed)
        uow.commit()
    assert seal.seal(services) == count


def statuses(services: Services) -> list[str]:
    with services.database.read() as connection:
        return list(connection.execute(text("SELECT status FROM submissions ORDER BY id")).scalars())


class Wrapped:
    """The real contract, with one thing gone wrong."""

    def __init__(self, contract: LedgerContract) -> None:
        self._contract = contract

    def __getattr__(self, name: str) -> Any:
        return getattr(self._contract, name)


class ForgetsReceipts(Wrapped):
    def receipt(self, _tx_hash: bytes) -> None:
        return None


class LosesReplyBeforeSending(Wrapped):
    def broadcast(self, _raw: bytes) -> str:
        raise ConnectionError("nothing was sent")


class NeverMines(Wrapped):
    """Transactions are taken and stay where they are."""

    def broadcast(self, _raw: bytes) -> str:
        return "known"

    def gas_price(self) -> int:
        return 100


def test_a_head_is_anchored_and_then_there_is_nothing_to_do(
    services: Services, contract: LedgerContract
) -> None:
    assert anchor.anchor(services, contract) == "idle"
    add_facts(services, 3)
    assert anchor.anchor(services, contract) == "mined"
    assert anchor.anchor(services, contract) == "idle"
    add_facts(services, 300)
    assert anchor.anchor(services, contract) == "mined"
    assert (contract.head().size, statuses(services)) == (303, ["final", "final"])


def test_a_node_that_forgot_the_receipt(services: Services, contract: LedgerContract) -> None:
    add_facts(services, 3)
    assert anchor.anchor(services, ForgetsReceipts(contract)) == "mined"
    assert statuses(services) == ["final"]


def test_what_was_kept_is_sent_after_a_failure(services: Services, contract: LedgerContract) -> None:
    add_facts(services, 3)
    with pytest.raises(ConnectionError):
        anchor.anchor(services, LosesReplyBeforeSending(contract))
    assert statuses(services) == ["pending"]
    assert contract.head().size == 0
    add_facts(services, 2)  # newer heads wait their turn
    assert anchor.anchor(services, contract) == "mined"
    assert contract.head().size == 3
    assert anchor.anchor(services, contract) == "mined"
    assert contract.head().size == 5


def test_a_stuck_head_is_offered_again_at_a_higher_fee(
    services: Services, contract: LedgerContract, clock: Clock
) -> None:
    add_facts(services, 3)
    stuck = NeverMines(contract)
    anchor.anchor(services, stuck)
    anchor.anchor(services, stuck)
    assert statuses(services) == ["pending"]
    clock.now += timedelta(seconds=services.config.stuck_after_s + 1)
    anchor.anchor(services, stuck)
    assert statuses(services) == ["replaced", "pending"]
    with services.database.read() as connection:
        rows = connection.execute(
            text("SELECT nonce, new_root, gas_price FROM submissions ORDER BY id")
        ).all()
    assert rows[0][:2] == rows[1][:2]
    assert rows[1].gas_price >= rows[0].gas_price * 110 / 100


def test_the_replaced_one_may_be_the_one_that_is_mined(
    services: Services, contract: LedgerContract, clock: Clock
) -> None:
    add_facts(services, 3)
    stuck = NeverMines(contract)
    stuck.gas_price = lambda: 0  # type: ignore[method-assign]
    anchor.anchor(services, stuck)
    clock.now += timedelta(seconds=services.config.stuck_after_s + 1)
    stuck.gas_price = lambda: 100  # type: ignore[method-assign]
    anchor.anchor(services, stuck)
    with services.database.read() as connection:
        first = connection.execute(text("SELECT raw FROM submissions ORDER BY id LIMIT 1")).scalar_one()
    contract.broadcast(first)
    assert anchor.anchor(services, contract) == "mined"
    assert statuses(services) == ["final", "replaced"]


class TakesSpentNoncesInSilence(Wrapped):
    def broadcast(self, _raw: bytes) -> str:
        return "accepted"


def test_a_nonce_that_was_used_by_something_else(services: Services, contract: LedgerContract) -> None:
    """Another transaction of the account came first: the head is signed again at the next nonce."""
    add_facts(services, 3)
    with pytest.raises(ConnectionError):
        anchor.anchor(services, LosesReplyBeforeSending(contract))
    used = contract.sign_append(
        nonce=0, gas_price=0, old_size=9, new_size=10, new_root=os.urandom(32), proof=[]
    )
    contract.broadcast(used.raw)
    anchor.anchor(services, TakesSpentNoncesInSilence(contract))
    assert statuses(services) == ["failed"]
    assert anchor.anchor(services, contract) == "mined"
    assert contract.head().size == 3


def test_heads_wait_for_their_confirmations(services: Services, contract: LedgerContract) -> None:
    careful = replace(services, config=replace(services.config, chain_confirmations=1))
    add_facts(services, 1)
    anchor.anchor(careful, contract)
    assert statuses(services) == ["mined"]
    add_facts(services, 1)
    anchor.anchor(careful, contract)
    assert statuses(services) == ["mined", "mined"]
    anchor.anchor(careful, contract)
    assert statuses(services) == ["final", "mined"]


def test_a_head_that_contradicts_ours_stops_anchoring(services: Services, contract: LedgerContract) -> None:
    """Somebody with the sequencer's key appended what this log never had."""
    stolen = contract.sign_append(
        nonce=0, gas_price=0, old_size=0, new_size=2, new_root=os.urandom(32), proof=[]
    )
    contract.broadcast(stolen.raw)
    add_facts(services, 3)
    with pytest.raises(anchor.HeadsDiverge):
        anchor.anchor(services, contract)
    assert statuses(services) == []
