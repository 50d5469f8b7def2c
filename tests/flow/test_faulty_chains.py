"""Chains that fail while invoices are issued and claimed: settlers go on by themselves, and all is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chain import node
from chain.node import AnvilNode
from invoice_service.flow import anchor, claim
from scripts.lib.addresses import free_port
from tests import forked
from tests.chain.registers import Key
from tests.claims import ClaimsOffice, open_office
from tests.load import more, under_load
from tests.rpc_proxy import Fault, answer_an_error, answer_late, lose, often, proxy
from tests.stack import eventually
from tests.whole import assert_whole


@pytest.fixture(scope="module")
def chain_node() -> Iterator[AnvilNode]:
    running = node.start(port=free_port())
    yield running
    running.stop()


@pytest.fixture
def beginning(chain_node: AnvilNode) -> str:
    """A snapshot without the office's contract: going back to it wipes it."""
    return str(chain_node.call("evm_snapshot"))


@pytest.fixture
def office(
    tmp_path: Path, migrated_database_url: str, chain_node: AnvilNode, beginning: str
) -> Iterator[ClaimsOffice]:
    opened = open_office(tmp_path, migrated_database_url, chain_node.rpc_url)
    yield opened
    opened.services.database.dispose()


def claimed(office: ClaimsOffice) -> bytes:
    """A claim that was kept, where need be in the next epoch."""
    company, wanted = Key(), [office.invoice()]

    def ask() -> bytes | None:
        with suppress(claim.ClaimsNotOpen, claim.NotSigned, anchor.NotDeployed):
            return office.claim(company, wanted, nonce=0)
        return None

    kept: bytes = eventually(ask)
    return kept


def done(office: ClaimsOffice) -> int:
    count: int = office.query("SELECT count(*) FROM relays WHERE status = 'done'")
    return count


def epochs(office: ClaimsOffice) -> int:
    count: int = office.query("SELECT count(*) FROM epochs")
    return count


def assert_all_claimed(office: ClaimsOffice, claims: list[bytes]) -> None:
    """But for those whose epoch was over before they were final; they can be made again."""
    ended = "SELECT r.id FROM relays r JOIN epochs e ON e.id = r.epoch_id WHERE e.ended_at IS NOT NULL"
    over = {row[0] for row in office.rows(ended)}
    for claim_id in claims:
        outcomes = office.outcomes(claim_id)
        assert outcomes == ["claimed"] or (claim_id in over and outcomes == ["not_claimed"])


@pytest.mark.parametrize("fault", [lose, answer_late, answer_an_error])
def test_a_flaky_node_costs_nothing(office: ClaimsOffice, fault: Fault, tmp_path: Path) -> None:
    """No claim is refused and no epoch ends because of it."""
    with proxy(office.services.config.chain_rpc_url, often(fault, share=0.1)) as url:
        flaky = office.environment(CHAIN_RPC_URL=url, CHAIN_TIMEOUT_S="0.5")
        with forked.running(["settle"], flaky, tmp_path / "log"):
            with under_load(lambda: claimed(office)) as claims:
                more(claims, 5)
            assert_whole(office.environment())
    assert [office.outcomes(claim_id) for claim_id in claims] == [["claimed"]] * len(claims)
    assert epochs(office) == 1


def test_a_chain_that_is_rolled_back_below_final_claims(
    chain_node: AnvilNode, office: ClaimsOffice, tmp_path: Path
) -> None:
    with forked.running(["settle"], office.environment(), tmp_path / "log"):
        with under_load(lambda: claimed(office)) as claims:
            eventually(lambda: done(office) >= 2)
            before = chain_node.call("evm_snapshot")
            block = int(chain_node.call("eth_blockNumber"), 16)
            later = "SELECT count(*) FROM relay_transactions WHERE status = 'final' AND block_number > :block"
            eventually(lambda: office.query(later, block=block))
            chain_node.call("evm_revert", before)
            eventually(lambda: epochs(office) == 2)
            more(claims, 2)
        assert_whole(office.environment())
    assert_all_claimed(office, claims)


def test_a_chain_that_is_stopped_and_started(tmp_path: Path, migrated_database_url: str) -> None:
    chain = node.start(port=free_port(), state_dir=tmp_path / "chain")
    office = open_office(tmp_path, migrated_database_url, chain.rpc_url)
    with forked.running(["settle"], office.environment(), tmp_path / "log"):
        with under_load(lambda: claimed(office)) as claims:
            eventually(lambda: done(office) >= 2)
            chain.stop()
            more(claims, 3)
            chain = node.start(port=int(chain.rpc_url.rpartition(":")[2]), state_dir=tmp_path / "chain")
            more(claims, 2)
        assert_whole(office.environment())
    assert [office.outcomes(claim_id) for claim_id in claims] == [["claimed"]] * len(claims)
    assert epochs(office) == 1
    office.services.database.dispose()
    chain.stop()


def test_two_settlers_at_once_claim_once_and_begin_one_epoch(
    chain_node: AnvilNode, beginning: str, office: ClaimsOffice, tmp_path: Path
) -> None:
    """On a chain that is wiped under both of them."""
    settings = office.environment()
    with (
        forked.running(["settle"], settings, tmp_path / "log"),
        forked.running(["settle"], settings, tmp_path / "other.log"),
    ):
        with under_load(lambda: claimed(office)) as claims:
            more(claims, 5)
        assert_whole(settings)
        assert [office.outcomes(claim_id) for claim_id in claims] == [["claimed"]] * len(claims)
        with under_load(lambda: claimed(office)) as again:
            more(again, 1)
            chain_node.call("evm_revert", beginning)
            eventually(lambda: epochs(office) == 2)
            more(again, 3)
        assert_whole(settings)
    assert epochs(office) == 2
    assert_all_claimed(office, again)
