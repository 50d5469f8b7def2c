"""Claims that the service relays: kept, sent, decided by the contract, taken in once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chain.events import StatusEvents
from chain.sender import Sender
from chain.statuses import State, sign
from invoice_service import onchain
from invoice_service.app import build_services
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.party import make_buyer
from invoice_service.domain.relay import Credit, CreditClaimed, Lock, Unlock
from invoice_service.flow import anchor, claim, companies, ingest, relay, seal
from invoice_service.flow.change_status import ChangeUnderWay, change_status
from invoice_service.flow.claim import Wanted
from invoice_service.ledger.entry import body_commitment
from invoice_service.store import relays, statuses
from invoice_service.store.statuses import ReadUpTo
from tests.chain.registers import Key
from tests.claims import ClaimsOffice, open_office
from tests.conftest import copy_of_database


@pytest.fixture
def office(tmp_path: Path, migrated_database_url: str, anvil_url: str) -> Iterator[ClaimsOffice]:
    opened = open_office(tmp_path, migrated_database_url, anvil_url)
    yield opened
    opened.services.database.dispose()


def test_a_claim_is_sent_decided_and_taken_in(office: ClaimsOffice) -> None:
    one, two = office.invoice(), office.invoice(900)
    company = Key()
    claim_id = office.claim(company, [one, two])
    assert office.outcomes(claim_id) == ["pending", "pending"]
    office.settle()
    assert office.outcomes(claim_id) == ["claimed", "claimed"]
    assert office.state(one) == (State.CLAIMED, 0)
    rows = office.rows(
        "SELECT o.entry, e.body, e.salt, e.commitment FROM chain_events e"
        " JOIN outbox o ON o.kind = 5 AND o.fact = e.id::text ORDER BY e.id"
    )
    assert len(rows) == 2
    for entry, body, salt, commitment in rows:
        assert body_commitment(salt, body) == commitment == entry[61:93]
        told = json.loads(body)
        assert (told["type"], told["claimant"]) == ("claim", company.address.hex())
        assert set(told) == {
            "type", "version", "issuer", "invoice", "claim_address", "claimant", "epoch", "transaction",
            "place", "at",
        }  # fmt: skip
    assert not ingest.ingest(office.services, office.events), "again changes nothing"
    assert office.query("SELECT count(*) FROM chain_events") == 2


def test_released_and_claimed_by_another(office: ClaimsOffice) -> None:
    wanted = [office.invoice()]
    ours, theirs = Key(), Key()
    office.claim(ours, wanted)
    office.settle()
    late = office.claim(theirs, wanted)
    office.settle()
    assert office.outcomes(late) == ["claimed_already"]
    given_up = office.release(ours, wanted)
    office.settle()
    assert office.outcomes(given_up) == ["released"]
    with pytest.raises(claim.NotYours):
        office.release(theirs, wanted)
    again = office.claim(theirs, wanted)
    office.settle()
    assert office.outcomes(again) == ["claimed"]
    kinds = [kind for (kind,) in office.rows("SELECT kind FROM outbox WHERE kind IN (5, 6) ORDER BY id")]
    assert kinds == [5, 6, 5]


def test_of_a_list_only_what_is_free_is_taken(office: ClaimsOffice) -> None:
    one, two = office.invoice(), office.invoice()
    office.claim(Key(), [one])
    claim_id = office.claim(Key(), [two, one])
    office.settle()
    assert office.outcomes(claim_id) == ["claimed", "claimed_already"]


def test_what_anybody_claims_that_is_no_invoice_is_passed_over(office: ClaimsOffice) -> None:
    """A stranger may claim addresses of keys that it made itself: that fills no table of ours."""
    stranger, item = Key(), Key()
    terms = office.terms(stranger)
    deadline, contract = terms.deadline, office.contract
    domain = contract.domain()
    signing = {"issuerId": office.services.keyring.issuer_id, "nonce": 0, "deadline": deadline}
    handed = sign(item.secret, domain.digest("Handover", claimant=stranger.address, **signing))
    listed = sign(stranger.secret, domain.digest("Claim", claimAddresses=[item.address], **signing))
    contract.send(stranger.secret, contract.claim(stranger.address, 0, deadline, [handed], listed))
    assert contract.status_of(item.address).state is State.CLAIMED
    office.settle()
    assert office.query("SELECT count(*) FROM chain_events") == 0


def test_a_used_nonce_is_refused_and_costs_nothing(office: ClaimsOffice) -> None:
    one, two = office.invoice(), office.invoice()
    company = Key()
    office.claim(company, [one])
    office.settle()
    sent = office.query("SELECT count(*) FROM relay_transactions")
    again = office.claim(company, [two], nonce=0)
    office.settle()
    assert office.query("SELECT reason FROM relays WHERE id = :id", id=again) == "nonce_used"
    assert office.outcomes(again) == ["not_claimed"]
    assert office.query("SELECT count(*) FROM relay_transactions") == sent


def test_two_lists_with_one_nonce_do_not_wait_together(office: ClaimsOffice) -> None:
    one, two = office.invoice(), office.invoice()
    company = Key()
    office.claim(company, [one], nonce=0)
    with pytest.raises(claim.NonceTaken):
        office.claim(company, [two], nonce=0)


def test_idempotency_of_a_claim(office: ClaimsOffice) -> None:
    wanted, company = [office.invoice()], Key()
    terms = office.terms(company)
    signed = office.signature(company, "Claim", [wanted[0].number], terms)
    ids = {
        claim.claim(office.services, wanted, terms, signed, idempotency_key="0123456789abcdef")
        for _ in range(2)
    }
    assert len(ids) == 1
    assert office.query("SELECT count(*) FROM relays") == 1
    office.send()


def test_a_company_on_record_claims_what_is_made_out_to_it_without_a_token(office: ClaimsOffice) -> None:
    buyer = make_buyer("organization", "普洱茶业有限公司", "92532528MA6L45LX6L")
    theirs, not_theirs = office.invoice(buyer=buyer), office.invoice()
    company = Key()
    with pytest.raises(UnknownInvoice):
        office.claim(company, [Wanted(theirs.number)])
    companies.add(office.services, "92532528MA6L45LX6L", "普洱茶业有限公司", "0x" + company.address.hex())
    with pytest.raises(UnknownInvoice):
        office.claim(company, [Wanted(theirs.number), Wanted(not_theirs.number)])
    with pytest.raises(UnknownInvoice):
        office.claim(company, [Wanted(theirs.number), Wanted(not_theirs.number, "A" * 22)])
    claim_id = office.claim(company, [Wanted(theirs.number)])
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]


def test_what_a_stranger_signed_is_refused(office: ClaimsOffice) -> None:
    """Everything public, and even the token's holder's list: without the company's own signature, nothing."""
    one = office.invoice()
    company, thief = Key(), Key()
    terms = office.terms(company)
    for signature in (
        office.signature(thief, "Claim", [one.number], terms),
        office.signature(company, "Release", [one.number], terms),
        office.signature(company, "Claim", [one.number], replace(terms, nonce=1)),
        office.signature(company, "Claim", [one.number], replace(terms, deadline=terms.deadline + 1)),
        (bytes(32), bytes(32)),
        (b"\xff" * 32, b"\xff" * 32),
    ):
        with pytest.raises(claim.NotSigned):
            claim.claim(office.services, [one], terms, signature)
    assert office.query("SELECT count(*) FROM relays") == 0


def test_nothing_is_learnt_and_nothing_spent_by_releasing_what_others_have(office: ClaimsOffice) -> None:
    """Claim addresses are public in the log: a list over them, well signed, must not tell their numbers."""
    theirs, free, company, stranger = office.invoice(), office.invoice(), Key(), Key()
    office.claim(company, [theirs])
    office.settle()
    sent = office.query("SELECT count(*) FROM relays")
    for one in (theirs, free):
        with pytest.raises(claim.NotYours):
            office.release(stranger, [one])
    terms = office.terms(company)
    for numbers in ([theirs.number], ["26539000000000009999"], [theirs.number, free.number]):
        with pytest.raises(claim.NotYours):
            claim.release(office.services, numbers, terms, (bytes(32), bytes(32)))
    assert office.query("SELECT count(*) FROM relays") == sent


def test_what_the_issuer_asks_for_goes_first_and_a_full_queue_takes_no_list(office: ClaimsOffice) -> None:
    one, two = office.invoice(), office.invoice()
    config = replace(office.services.config, max_relays_waiting=1)
    office.services = replace(office.services, config=config)
    first = office.claim(Key(), [one])
    with pytest.raises(claim.TooManyWait):
        office.claim(Key(), [two])
    change_status(office.services, one.number, Lock())
    office.settle()
    assert office.outcomes(first) == ["refund_under_way"]


def test_a_companys_account_is_replaced_and_withdrawn(office: ClaimsOffice) -> None:
    tax_id, name = "92532528MA6L45LX6L", "普洱茶业有限公司"
    theirs = Wanted(office.invoice(buyer=make_buyer("organization", name, tax_id)).number)
    stolen, own = Key(), Key()
    for each in (stolen, own):
        companies.add(office.services, tax_id, name, "0x" + each.address.hex())
    with pytest.raises(UnknownInvoice):
        office.claim(stolen, [theirs])
    companies.end(office.services, tax_id)
    with pytest.raises(UnknownInvoice):
        office.claim(own, [theirs])
    with pytest.raises(companies.NoCompany):
        companies.end(office.services, tax_id)
    for changed in (("1" * 18, name, "0x" + "1" * 40), (tax_id, " ", "0x" + "1" * 40), (tax_id, name, "0x1")):
        with pytest.raises(companies.BadCompany):
            companies.add(office.services, *changed)


@pytest.mark.parametrize(("numbers", "changed"), [
    (0, {}), (101, {}), (2, {}), (1, {"claimant": "0x12"}), (1, {"nonce": -1}), (1, {"deadline": 0}),
    (1, {"deadline": 2**41}), (1, {"nonce": 2**53}),
])  # fmt: skip
def test_what_makes_no_list_is_refused(office: ClaimsOffice, numbers: int, changed: dict[str, Any]) -> None:
    wanted = [Wanted("26539000000000000001", "A" * 22)] * numbers
    terms = replace(office.terms(Key(), nonce=0), **changed)
    with pytest.raises(claim.BadList) as caught:
        claim.claim(office.services, wanted, terms, (bytes(32), bytes(32)))
    assert list(caught.value.fields) == [next(iter(changed), "invoices")]


def test_claiming_and_releasing_over_and_over_spends_only_so_much(office: ClaimsOffice) -> None:
    wanted, company = [office.invoice()], Key()
    most = office.services.config.max_relays_per_invoice
    for n in range(most):
        (office.release if n % 2 else office.claim)(company, wanted)
        office.settle()
    with pytest.raises(claim.SentTooOften):
        office.claim(company, wanted)
    office.clock.now += timedelta(days=1, seconds=1)
    office.claim(company, wanted)


def test_two_deployments_that_share_contract_and_issuer_claim_an_invoice_once(
    office: ClaimsOffice, migrated_database_url: str
) -> None:
    """Each has the invoice, its claim key and the relaying account; they know nothing of each other."""
    wanted = [office.invoice()]
    office.services.database.dispose()
    with copy_of_database(migrated_database_url) as url:
        config = replace(office.services.config, database_url=url)
        other = ClaimsOffice(build_services(config, clock=office.clock), office.clock, office.folder)
        ours, theirs = office.claim(Key(), wanted), other.claim(Key(), wanted)
        account = other.account
        office.send()
        assert relay.relay(other.services, account) in ("mined", "refused")
        other.settle()
        office.settle()
        assert (office.outcomes(ours), other.outcomes(theirs)) == (["claimed"], ["claimed_already"])
        for each in (office, other):
            assert each.query("SELECT count(*) FROM chain_events") == 1
        other.services.database.dispose()


def test_an_invoice_is_locked_and_credited_in_part_and_wholly(office: ClaimsOffice) -> None:
    one, note = office.invoice(), b"\x01" * 32
    first = change_status(office.services, one.number, Lock())
    assert change_status(office.services, one.number, Lock()) == first, "while it is on its way"
    with pytest.raises(ChangeUnderWay):
        change_status(office.services, one.number, Unlock())
    office.settle()
    assert office.state(one) == (State.LOCKED, 0)
    refused = office.claim(Key(), [one])
    office.settle()
    assert office.outcomes(refused) == ["refund_under_way"]
    change_status(office.services, one.number, Credit(note, whole=False))
    office.settle()
    assert office.state(one) == (State.FREE, 1)
    for change in (Lock(), Unlock(), Lock(), Credit(b"\x02" * 32, whole=True)):
        change_status(office.services, one.number, change)
        office.settle()
    assert office.state(one) == (State.CREDITED, 2)
    assert office.rows("SELECT state, notes, claimant FROM invoice_statuses") == [("credited", 2, None)]
    assert office.outcomes(refused) == ["credited"]
    told = "SELECT change, note, whole FROM chain_events WHERE note IS NOT NULL ORDER BY id"
    assert office.rows(told) == [("credited", note, False), ("credited", b"\x02" * 32, True)]


def test_a_claimed_invoice_is_credited_with_consent_and_else_not(office: ClaimsOffice) -> None:
    one, company, note = office.invoice(), Key(), b"\x03" * 32
    office.claim(company, [one])
    office.settle()
    change_status(office.services, one.number, Credit(note, whole=True))
    office.settle()
    assert office.query("SELECT reason FROM relays WHERE kind = 'credit'") == "wrong_state"
    deadline = int(office.clock.now.timestamp()) + 3600  # a development chain may run ahead of the clock
    terms = {"note": note, "whole": True, "notes": 0, "deadline": deadline}
    issuer_id, address = office.services.keyring.issuer_id, office.claim_address(one.number)
    digest = office.contract.domain().digest("Consent", issuerId=issuer_id, claimAddress=address, **terms)
    for signer, reason in ((Key(), "not_signed"), (company, None)):
        signed = sign(signer.secret, digest)
        asked = change_status(
            office.services, one.number, CreditClaimed(note, True, deadline, (signed.r, signed.vs))
        )
        office.settle()
        assert office.query("SELECT reason FROM relays WHERE id = :id", id=asked) == reason
    assert office.state(one) == (State.CREDITED, 1)
    assert office.query("SELECT claimant FROM invoice_statuses") == company.address


def test_threat_10_of_two_ingesters_at_once_one_takes_in(office: ClaimsOffice) -> None:
    wanted = [office.invoice() for _ in range(3)]
    office.claim(Key(), wanted)
    office.send()
    start = threading.Barrier(3)

    def take_in(_: int) -> None:
        events = office.events
        start.wait()
        while ingest.ingest(office.services, events):
            pass

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(take_in, range(3)))
    assert office.query("SELECT count(*) FROM chain_events") == 3
    assert office.query("SELECT count(*) FROM outbox WHERE kind = 5") == 3


# What goes wrong between us and the chain


class Wrapped:
    """The real account, with one thing gone wrong."""

    def __init__(self, account: Sender) -> None:
        self._account = account

    def __getattr__(self, name: str) -> Any:
        return getattr(self._account, name)


class LosesReplyBeforeSending(Wrapped):
    def broadcast(self, _raw: bytes) -> str:
        raise ConnectionError("nothing was sent")


class LosesReplyAfterSending(Wrapped):
    def broadcast(self, raw: bytes) -> str:
        self._account.broadcast(raw)
        raise ConnectionError("it was sent")


class NeverMines(Wrapped):
    def broadcast(self, _raw: bytes) -> str:
        return "known"

    def gas_price(self) -> int:
        return 100


class ForgetsReceipts(Wrapped):
    def receipt(self, _tx_hash: bytes) -> None:
        return None


class SeesNoRefusal(Wrapped):
    def refusal(self, _data: bytes, _gas: int) -> None:
        return None


@pytest.mark.parametrize("failing", [LosesReplyBeforeSending, LosesReplyAfterSending])
def test_threat_16_a_lost_reply_sends_nothing_twice(office: ClaimsOffice, failing: type[Wrapped]) -> None:
    claim_id = office.claim(Key(), [office.invoice()])
    with pytest.raises(ConnectionError):
        relay.relay(office.services, failing(office.account))
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]
    assert office.rows("SELECT status FROM relay_transactions") == [("final",)]


def test_a_stuck_claim_is_replaced_at_its_nonce_and_holds_up_no_head(office: ClaimsOffice) -> None:
    claim_id = office.claim(Key(), [office.invoice()])
    stuck = NeverMines(office.account)
    stuck.gas_price = lambda: 0  # type: ignore[method-assign]
    assert relay.relay(office.services, stuck) == "pending"
    stuck.gas_price = lambda: 100  # type: ignore[method-assign]
    seal.seal(office.services)
    contract = onchain.ledger_contract(office.services, office.epoch)
    assert anchor.anchor(office.services, contract) == "mined", "from another account"
    office.clock.now += timedelta(seconds=office.services.config.stuck_after_s + 1)
    relay.relay(office.services, stuck)
    rows = office.rows("SELECT status, nonce, gas_price FROM relay_transactions ORDER BY id")
    assert [row[0] for row in rows] == ["replaced", "pending"]
    assert rows[0][1] == rows[1][1]
    assert rows[1][2] >= rows[0][2] * 110 / 100
    first = office.query("SELECT raw FROM relay_transactions ORDER BY id LIMIT 1")
    office.account.broadcast(first)  # a node mines the first after all
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]
    assert office.rows("SELECT status FROM relay_transactions ORDER BY id") == [("final",), ("replaced",)]


def test_a_spent_nonce_signs_anew(office: ClaimsOffice) -> None:
    """Another transaction of the account came first (threat 22: no gap holds up what is behind)."""
    claim_id = office.claim(Key(), [office.invoice()])
    with pytest.raises(ConnectionError):
        relay.relay(office.services, LosesReplyBeforeSending(office.account))
    account = office.account
    other = account.sign(b"", gas=30_000, nonce=account.next_nonce(), gas_price=0)
    account.broadcast(other.raw)
    office.settle()
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]
    assert [row[0] for row in office.rows("SELECT status FROM relay_transactions ORDER BY id")] == [
        "failed", "final"
    ]  # fmt: skip


def test_a_node_that_forgot_the_receipt(office: ClaimsOffice) -> None:
    """The contract says that the nonce is used, and the events that it was by this very claim."""
    claim_id = office.claim(Key(), [office.invoice()])
    assert relay.relay(office.services, ForgetsReceipts(office.account)) == "mined"
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]


def test_what_is_mined_and_refused_is_given_up_after_three_times(office: ClaimsOffice) -> None:
    wanted = [office.invoice()]
    company = Key()
    office.claim(company, wanted)
    office.settle()
    doomed = office.claim(company, wanted, nonce=0)
    for _ in range(10):
        relay.relay(office.services, SeesNoRefusal(office.account))
    assert office.query("SELECT reason FROM relays WHERE id = :id", id=doomed) == "refused_by_contract"
    assert office.query("SELECT count(*) FROM relay_transactions WHERE status = 'failed'") == 3


class CountsOneTooMany(Wrapped):
    def next_nonce(self) -> int:
        return self._account.next_nonce() + 1


def test_threat_22_a_gap_before_a_call_holds_up_nothing(office: ClaimsOffice) -> None:
    """What stood at the nonce before is lost, and nobody sends it again."""
    claim_id = office.claim(Key(), [office.invoice()])
    relay.relay(office.services, CountsOneTooMany(office.account))
    assert office.rows("SELECT status FROM relay_transactions") == [("pending",)]
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]


class ForbiddenByNow(Wrapped):
    """The chain mined the call again, behind something that forbids it."""

    def receipt(self, tx_hash: bytes) -> Any:
        found = self._account.receipt(tx_hash)
        return found and replace(found, succeeded=False)


def test_a_call_that_a_later_block_refuses_is_not_done(office: ClaimsOffice) -> None:
    one = office.invoice()
    asked = change_status(office.services, one.number, Lock())
    office.send()
    while ingest.ingest(office.services, office.events):
        pass
    relay.relay(office.services, ForbiddenByNow(SeesNoRefusal(office.account)))
    assert office.query("SELECT status FROM relays WHERE id = :id", id=asked) != "done"


def test_a_settler_that_is_late_takes_back_nothing(office: ClaimsOffice) -> None:
    """It saw a transaction fail that another has replaced by a good one since."""
    claim_id = office.claim(Key(), [office.invoice()])
    with pytest.raises(ConnectionError):
        relay.relay(office.services, LosesReplyBeforeSending(office.account))
    with office.services.database.read() as connection:
        (seen,) = relays.pending(connection, office.epoch.id)
    relay._fail(office.services, seen)
    other = office.account
    other.broadcast(other.sign(b"", gas=30_000, nonce=other.next_nonce(), gas_price=0).raw)
    office.send()
    relay._fail(office.services, seen)
    assert office.query("SELECT status FROM relays WHERE id = :id", id=claim_id) == "sent"
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]


def test_more_addresses_than_a_statement_has_parameters(office: ClaimsOffice) -> None:
    one = office.invoice()
    strangers = [n.to_bytes(20, "big") for n in range(70_000)]
    with office.services.database.read() as connection:
        found = statuses.claimable(connection, [*strangers, office.claim_address(one.number)])
    assert [each.number for each in found.values()] == [one.number]


def test_a_node_that_answers_about_few_blocks_only(office: ClaimsOffice) -> None:
    class AnswersAboutTen:
        def __init__(self, events: StatusEvents) -> None:
            self._events = events

        def __getattr__(self, name: str) -> Any:
            return getattr(self._events, name)

        def between(self, first: int, last: int) -> Any:
            if last - first >= 10:
                raise ConnectionError("query returned more than 10000 results")
            return self._events.between(first, last)

    claim_id = office.claim(Key(), [office.invoice()])
    office.send()
    with office.services.database.unit_of_work() as uow:
        back = office.epoch.opened_block or 0
        statuses.set_read(uow.connection, office.epoch.id, ReadUpTo(max(0, back - 30), None))
        uow.commit()
    while ingest.ingest(office.services, AnswersAboutTen(office.events)):
        pass
    office.settle()
    assert office.outcomes(claim_id) == ["claimed"]
