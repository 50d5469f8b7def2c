"""Settlers killed at each of their steps: another one finds out what was done, and does the rest once.

Every test begins with the same installation, whose settler has something to do for each of its parts; the
database is a copy, and the chain is set back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chain import node
from chain.node import AnvilNode
from invoice_service.domain.relay import Lock
from invoice_service.flow.change_status import change_status
from scripts.lib.addresses import free_port
from tests import dying, forked
from tests.chain.registers import Key
from tests.claims import open_office
from tests.conftest import copy_of_database
from tests.whole import assert_whole

SEALING = (
    "after invoice_service.store.outbox:take",
    "after invoice_service.store.log:append",
    "after invoice_service.store.log:put_tiles",
    "after invoice_service.store.log:advance",
    "after invoice_service.flow.seal:seal",
)
ANCHORING = (
    "after chain.client:LedgerContract.sign_append",
    "after invoice_service.flow.anchor:_keep",
    "after chain.client:LedgerContract.broadcast",
    "before invoice_service.flow.anchor:_set_mined",
    "after invoice_service.flow.anchor:_set_mined",
)
FINALISING = ("after invoice_service.flow.anchor:_set_status",)
INGESTING = (
    "after invoice_service.flow.ingest:_read",
    "after invoice_service.store.statuses:add_event",
    "after invoice_service.store.statuses:put_standing",
    "after invoice_service.flow.ingest:record",
    "after invoice_service.store.statuses:set_read",
    "after invoice_service.flow.ingest:_take",
)
RELAYING = (
    "after chain.sender:Sender.refusal",
    "after invoice_service.flow.relay:_refuse",
    "after chain.sender:Sender.sign",
    "after invoice_service.flow.relay:_keep",
    "after chain.sender:Sender.broadcast",
    "after invoice_service.flow.relay:_set_mined",
    "after invoice_service.flow.relay:_done",
)
BEGINNING_AN_EPOCH = (
    "after invoice_service.flow.open_epoch:end_epoch",
    "after invoice_service.flow.open_epoch:_intended",
    "after chain.deploy:broadcast",
    "after chain.deploy:Deployer.deploy",
    "after chain.deploy:Deployer.open_log",
    "after chain.deploy:Deployer.register",
    "after chain.deploy:Deployer.restore",
    "after chain.deploy:Deployer.open_claims",
    "after chain.deploy:Deployer.opened_in",
    "after invoice_service.store.chain:set_opened",
    "after invoice_service.flow.open_epoch:open_epoch",
)


@dataclass
class Beginning:
    """An installation to begin with: its settings, its database (nobody is connected), and its chain then."""

    environment: dict[str, str]
    chain: AnvilNode
    snapshot: str = field(init=False)

    def __post_init__(self) -> None:
        self.snapshot = self.chain.call("evm_snapshot")

    def chain_as_then(self) -> None:
        assert self.chain.call("evm_revert", self.snapshot)
        self.snapshot = self.chain.call("evm_snapshot")


@pytest.fixture(scope="module")
def beginning(
    tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str
) -> Iterator[Beginning]:
    """One claim is final, one is mined, one waits; so do a lock, and a lock that will be refused."""
    folder, chain = tmp_path_factory.mktemp("office"), node.start(port=free_port())
    try:
        office = open_office(folder, module_migrated_database_url, chain.rpc_url)
        claimed, mined, waiting, locked = (office.invoice() for _ in range(4))
        office.claim(Key(), [claimed])
        office.settle()
        office.claim(Key(), [mined])
        office.send()
        change_status(office.services, claimed.number, Lock())
        office.claim(Key(), [waiting])
        change_status(office.services, locked.number, Lock())
        office.services.database.dispose()
        yield Beginning(office.environment(), chain)
    finally:
        chain.stop()


@pytest.fixture(scope="module")
def other_chain() -> Iterator[AnvilNode]:
    running = node.start(port=free_port())
    yield running
    running.stop()


@pytest.fixture
def environment(beginning: Beginning) -> Iterator[dict[str, str]]:
    """Of an installation of the test's own."""
    beginning.chain_as_then()
    with copy_of_database(beginning.environment["DATABASE_URL"]) as database_url:
        yield beginning.environment | {"DATABASE_URL": database_url}


def die_and_go_on(step: str, environment: dict[str, str], log: Path, **then: str) -> None:
    dying.settle_until(step, environment | then, log)
    with forked.running(["settle"], environment, log):
        assert_whole(environment)


@pytest.mark.parametrize("step", [*SEALING, *ANCHORING, *INGESTING, *RELAYING])
def test_a_settler_killed_at_any_step_loses_and_doubles_nothing(
    step: str, environment: dict[str, str], tmp_path: Path
) -> None:
    die_and_go_on(step, environment, tmp_path / "log")


@pytest.mark.parametrize("step", FINALISING)
def test_a_settler_killed_while_heads_become_final(
    step: str, environment: dict[str, str], tmp_path: Path
) -> None:
    die_and_go_on(step, environment, tmp_path / "log", CHAIN_CONFIRMATIONS="1")


@pytest.mark.parametrize("step", BEGINNING_AN_EPOCH)
def test_a_settler_killed_while_it_begins_an_epoch_on_a_wiped_chain(
    step: str, environment: dict[str, str], other_chain: AnvilNode, tmp_path: Path
) -> None:
    """What was final is restored; the claim that was only mined is gone, and can be made again."""
    wiped = environment | {"CHAIN_RPC_URL": other_chain.rpc_url}
    die_and_go_on(step, wiped, tmp_path / "log")
