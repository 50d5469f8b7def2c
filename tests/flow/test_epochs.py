"""Chains that lose what was final: the log goes on, statuses are restored, and nothing is claimed twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from chain import node
from chain.client import NoContract
from chain.node import AnvilNode
from chain.statuses import State
from invoice_service import keyring, onchain, settler
from invoice_service.domain.relay import Credit, Lock
from invoice_service.flow import anchor, claim, ingest, open_epoch, relay, seal
from invoice_service.flow.change_status import change_status
from invoice_service.flow.claim import Wanted
from invoice_service.ledger import evidence
from invoice_service.queries import documents
from scripts.lib.addresses import free_port
from tests.chain.registers import Key
from tests.claims import ClaimsOffice, open_office


@pytest.fixture(scope="module")
def chain_node() -> Iterator[AnvilNode]:
    running = node.start(port=free_port())
    yield running
    running.stop()


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str, chain_node: AnvilNode) -> Iterator[ClaimsOffice]:
    opened = open_office(tmp_path, migrated_database_url, chain_node.rpc_url)
    yield opened
    opened.services.database.dispose()


@pytest.fixture
def beginning(chain_node: AnvilNode) -> str:
    """A snapshot without the office's contract: going back to it wipes it, on a chain of the same genesis."""
    return str(chain_node.call("evm_snapshot"))


def anchor_all(office: ClaimsOffice) -> None:
    seal.seal(office.services)
    anchor.anchor(office.services, onchain.ledger_contract(office.services, office.epoch))


def head(office: ClaimsOffice) -> int:
    return onchain.ledger_contract(office.services, office.epoch).head().size


def verdict(office: ClaimsOffice, one: Wanted) -> evidence.Verdict:
    """As a stranger with an endpoint finds it."""
    assert one.token is not None
    _, found = documents.evidence(office.services, one.token)
    heads = onchain.ChainHeads(office.services.config.chain_rpc_url, 5.0)
    return evidence.verify(found, trusted_issuer=office.services.keyring.issuer_id, chain=heads)


def test_a_final_claim_that_the_chain_lost_is_restored_in_a_new_epoch(
    chain_node: AnvilNode, office: ClaimsOffice
) -> None:
    one, two, company = office.invoice(), office.invoice(), Key()
    anchor_all(office)
    before = chain_node.call("evm_snapshot")
    office.claim(company, [one])
    office.settle()
    anchor_all(office)
    claimed_at = office.query("SELECT since FROM invoice_statuses")
    chain_node.call("evm_revert", before)
    assert office.state(one) == (State.FREE, 0), "the chain has forgotten it"
    with pytest.raises(ingest.EventsLost):
        ingest.ingest(office.services, office.events)

    ended = office.epoch
    began = office.begin_epoch(in_place_of=ended.id)
    assert (began.id != ended.id, began.opened_size) == (True, 5), "two sales, two invoices and the claim"
    status = office.contract.status_of(office.claim_address(one.number))
    assert (status.state, status.claimant) == (State.CLAIMED, company.address)
    # The chain went back, and its clock with it: nothing is restored from the future.
    assert status.time is not None
    assert claimed_at - timedelta(minutes=1) < status.time <= claimed_at
    assert head(office) == 5
    rival = office.claim(Key(), [one, two])
    office.settle()
    assert office.outcomes(rival) == ["claimed_already", "claimed"]
    found = verdict(office, one)
    assert (found.verdict, found.standing and found.standing.state) == ("genuine", "claimed")
    anchor_all(office)
    assert head(office) == 6
    assert verdict(office, two).verdict == "genuine"


def test_what_was_mined_again_elsewhere_is_not_taken_in_twice(
    chain_node: AnvilNode, office: ClaimsOffice
) -> None:
    one = office.invoice()
    before = chain_node.call("evm_snapshot")
    claim_id = office.claim(Key(), [one])
    office.settle()
    stood_in = office.query("SELECT block_hash FROM chain_events")
    chain_node.call("evm_revert", before)
    chain_node.call("evm_mine")  # a block that was not there before
    raw = office.query("SELECT raw FROM relay_transactions")
    office.account.broadcast(raw)
    office.settle()
    assert office.query("SELECT count(*) FROM chain_events") == 1
    assert office.query("SELECT count(*) FROM outbox WHERE kind = 5") == 1
    assert office.query("SELECT block_hash FROM chain_events") != stood_in
    assert office.outcomes(claim_id) == ["claimed"]


def test_lost_blocks_without_events_only_move_the_cursor(chain_node: AnvilNode, office: ClaimsOffice) -> None:
    one = office.invoice()
    office.claim(Key(), [one])
    office.settle()
    before = chain_node.call("evm_snapshot")
    anchor_all(office)
    office.settle()
    read_to = office.query("SELECT read_block FROM epochs WHERE ended_at IS NULL")
    chain_node.call("evm_revert", before)
    assert ingest.ingest(office.services, office.events) is False
    assert office.query("SELECT read_block FROM epochs WHERE ended_at IS NULL") < read_to
    anchor_all(office)
    assert head(office) == office.query("SELECT size FROM log_state")


def test_a_lost_call_that_changed_nothing_holds_up_no_other(
    chain_node: AnvilNode, office: ClaimsOffice
) -> None:
    """It leaves no event whose loss would end the epoch, and a nonce that looks used."""
    one, two = office.invoice(), office.invoice()
    office.claim(Key(), [one])
    office.settle()
    before = chain_node.call("evm_snapshot")
    late = office.claim(Key(), [one])
    office.settle()
    assert office.query("SELECT status FROM relays WHERE id = :id", id=late) == "done"
    chain_node.call("evm_revert", before)
    claim_id = office.claim(Key(), [two])
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]


def test_a_call_is_not_done_under_blocks_that_were_read_before_the_chain_went_back(
    chain_node: AnvilNode, office: ClaimsOffice
) -> None:
    one = office.invoice()
    before = chain_node.call("evm_snapshot")
    for _ in range(5):
        chain_node.call("evm_mine")
    office.settle()
    chain_node.call("evm_revert", before)
    claim_id = office.claim(Key(), [one])
    office.send()
    relay.relay(office.services, office.account)
    assert office.query("SELECT status FROM relays WHERE id = :id", id=claim_id) == "sent"
    office.settle()
    assert office.query("SELECT status FROM relays WHERE id = :id", id=claim_id) == "done"
    assert office.outcomes(claim_id) == ["claimed"]


def test_a_node_that_lags_behind_is_waited_for(chain_node: AnvilNode, office: ClaimsOffice) -> None:
    """Where blocks are final only after some more, one that is not there yet is no lost one."""
    office.claim(Key(), [office.invoice()])
    office.settle()
    chain_node.call("evm_mine")
    careful = replace(office.services, config=replace(office.services.config, chain_confirmations=1))

    class Lags:
        def __init__(self) -> None:
            self._events = office.events

        def __getattr__(self, name: str) -> Any:
            return getattr(self._events, name)

        def block_number(self) -> int:
            return 1

        def block(self, _number: int) -> None:
            return None

    assert ingest.ingest(careful, Lags()) is False
    assert office.query("SELECT count(*) FROM chain_events") == 1


def test_a_chain_wiped_to_the_same_genesis(
    chain_node: AnvilNode, beginning: str, office: ClaimsOffice
) -> None:
    """What companies signed must be signed again; what the issuer asked for is sent in the new epoch."""
    free, claimed, locked, partly, wholly = (office.invoice() for _ in range(5))
    company = Key()
    office.claim(company, [claimed])
    for one, *changes in (
        (locked, Lock()),
        (partly, Lock(), Credit(b"\x01" * 32, whole=False)),
        (wholly, Lock(), Credit(b"\x02" * 32, whole=True)),
    ):
        for change in changes:
            change_status(office.services, one.number, change)
            office.settle()
    anchor_all(office)
    waiting = office.claim(company, [free])
    change_status(office.services, partly.number, Lock())
    chain_node.call("evm_revert", beginning)
    with pytest.raises(NoContract):
        anchor.anchor(office.services, onchain.ledger_contract(office.services, office.epoch))
    with pytest.raises(open_epoch.EpochLost):
        office.begin_epoch()
    office.begin_epoch(in_place_of=office.epoch.id)
    assert [office.state(one) for one in (free, claimed, locked, wholly)] == [
        (State.FREE, 0), (State.CLAIMED, 0), (State.LOCKED, 0), (State.CREDITED, 1)
    ]  # fmt: skip
    assert office.outcomes(waiting) == ["not_claimed"]
    assert office.query("SELECT reason FROM relays WHERE id = :id", id=waiting) == "epoch_over"
    office.settle()
    assert office.state(partly) == (State.LOCKED, 1), "the lock that waited"
    again = office.claim(company, [free, locked, wholly])
    office.settle()
    assert office.outcomes(again) == ["claimed", "refund_under_way", "credited"]
    anchor_all(office)
    assert head(office) == office.query("SELECT size FROM log_state")
    assert [verdict(office, one).verdict for one in (free, partly)] == ["genuine", "genuine"]


def test_an_old_signature_is_worth_nothing_in_a_new_epoch(
    chain_node: AnvilNode, beginning: str, office: ClaimsOffice
) -> None:
    one, company = office.invoice(), Key()
    terms = office.terms(company)
    old = office.signature(company, "Claim", [one.number], terms)
    chain_node.call("evm_revert", beginning)
    office.begin_epoch(in_place_of=office.epoch.id)
    with pytest.raises(claim.NotSigned):
        claim.claim(office.services, [one], terms, old)


class EndsTheEpoch:
    """The real calls; an epoch follows another while one is made."""

    def __init__(self, office: ClaimsOffice) -> None:
        self._office = office
        self._calls = office.services.status_calls

    def __getattr__(self, name: str) -> Any:
        self._office.begin_epoch(in_place_of=self._office.epoch.id)
        return getattr(self._calls, name)


def test_nothing_is_kept_to_be_sent_in_an_epoch_that_ended_meanwhile(office: ClaimsOffice) -> None:
    """It would wait there for ever."""
    one, company = office.invoice(), Key()
    terms = office.terms(company)
    signed = office.signature(company, "Claim", [one.number], terms)
    meanwhile = replace(office.services, status_calls=EndsTheEpoch(office))
    with pytest.raises(claim.ClaimsNotOpen):
        claim.claim(meanwhile, [one], terms, signed)
    assert office.query("SELECT count(*) FROM relays") == 0


def test_another_chain_is_refused_by_name_unless_it_may_be_wiped(
    tmp_path: Path, migrated_database_url: str, anvil_url: str, chain_node: AnvilNode
) -> None:
    office = open_office(tmp_path, migrated_database_url, anvil_url)
    one = office.invoice()
    anchor_all(office)
    config = replace(office.services.config, chain_rpc_url=chain_node.rpc_url)
    office.services = replace(office.services, config=config)
    root = keyring.load_root(tmp_path)
    with pytest.raises(open_epoch.AnotherChain):
        open_epoch.open_or_go_on(office.services, office.deployer, root, anew=False)
    ours = replace(config, new_epoch_if_wiped=True)
    office.services = replace(office.services, config=ours)
    began = open_epoch.open_or_go_on(office.services, office.deployer, root, anew=False)
    assert began.opened_size == 2
    assert open_epoch.open_or_go_on(office.services, office.deployer, root, anew=False).id == began.id
    assert verdict(office, one).verdict == "genuine"
    office.services.database.dispose()


def test_events_of_an_epoch_that_has_ended_meanwhile_are_not_taken_in(
    chain_node: AnvilNode, office: ClaimsOffice
) -> None:
    """They were read before the end, and come after the statuses were restored."""
    one, ended = office.invoice(), office.epoch
    office.claim(Key(), [one])
    office.send()

    class EndsTheEpoch:
        def __init__(self) -> None:
            self._events = office.events

        def __getattr__(self, name: str) -> Any:
            return getattr(self._events, name)

        def between(self, first: int, last: int) -> Any:
            office.begin_epoch(in_place_of=ended.id)
            return self._events.between(first, last)

    ingest.ingest(office.services, EndsTheEpoch())
    assert office.query("SELECT count(*) FROM chain_events") == 0
    assert office.state(one) == (State.FREE, 0)
    again = office.claim(Key(), [one])
    office.settle()
    assert office.outcomes(again) == ["claimed"]


def test_a_lock_that_was_taken_in_before_the_end_is_done(chain_node: AnvilNode, office: ClaimsOffice) -> None:
    one = office.invoice()
    asked = change_status(office.services, one.number, Lock())
    office.send()
    while ingest.ingest(office.services, office.events):
        pass
    office.begin_epoch(in_place_of=office.epoch.id)
    assert office.query("SELECT status FROM relays WHERE id = :id", id=asked) == "done"
    assert office.state(one) == (State.LOCKED, 0)


def test_one_bad_answer_of_a_node_ends_no_epoch(chain_node: AnvilNode, office: ClaimsOffice) -> None:
    config = replace(office.services.config, new_epoch_if_wiped=True)
    renewer = settler._Renewer(replace(office.services, config=config))
    assert renewer.renew(office.epoch, is_gone=True) is False
    assert office.query("SELECT count(*) FROM epochs") == 1


STEPS = ("deploy", "open_log", "opened_in", "register", "restore", "open_claims")


class DiesAfter:
    """The real deployer; the process ends right after a step, so that nobody hears how it went."""

    def __init__(self, deployer: Any, step: str) -> None:
        self._deployer = deployer
        self._step = step

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._deployer, name)

        def done_and_dead(*args: Any) -> Any:
            real(*args)
            raise KeyboardInterrupt

        return done_and_dead if name == self._step else real


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_while_an_epoch_begins_is_healed_by_beginning_again(
    chain_node: AnvilNode, beginning: str, office: ClaimsOffice, step: str
) -> None:
    one, company = office.invoice(), Key()
    office.claim(company, [one])
    office.settle()
    chain_node.call("evm_revert", beginning)
    ended, root = office.epoch, keyring.load_root(office.folder)
    with pytest.raises(KeyboardInterrupt):
        open_epoch.open_epoch(office.services, DiesAfter(office.deployer, step), root, in_place_of=ended.id)
    with pytest.raises(anchor.NotDeployed):
        anchor.live_epoch(office.services)
    began = open_epoch.open_epoch(office.services, office.deployer, root, in_place_of=ended.id)
    assert office.query("SELECT count(*) FROM epochs") == 2
    assert office.state(one) == (State.CLAIMED, 0)
    deployed = requests.post(
        chain_node.rpc_url,
        json={"jsonrpc": "2.0", "id": 1, "method": "eth_getCode",
              "params": ["0x" + (began.contract or b"").hex(), "latest"]},
        timeout=5,
    ).json()["result"]  # fmt: skip
    assert len(deployed) > 1000
    relay.relay(office.services, office.account)
    anchor_all(office)
    assert head(office) == office.query("SELECT size FROM log_state")
