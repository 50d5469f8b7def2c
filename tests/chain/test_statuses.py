"""Claims, releases, locks and credits: what the contract takes, from whom, and what it refuses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from eth_account import Account
from web3.logs import DISCARD

from chain.client import connect
from chain.statuses import Register, Signature, State, Status, StatusContract, sign
from tests.chain.logs import Ledger, refused_with
from tests.chain.registers import FAR, NOBODY, NOTE, IssuersRegister, Key, registered

DAY_S = 86_400


@pytest.fixture
def register(ledger: Ledger) -> IssuersRegister:
    made = registered(ledger)
    assert made.send(made.account, made.contract.open_claims())["status"] == 1
    return made


@pytest.fixture
def later(ledger: Ledger) -> Iterator[Any]:
    """Moves the chain's clock on, and back afterwards to where the other tests want it."""
    ask = ledger.chain.ask

    def move(seconds: int) -> None:
        ask("evm_increaseTime", seconds)
        ask("evm_mine")

    snapshot = ask("evm_snapshot")
    yield move
    ask("evm_revert", snapshot)


# Claiming


def test_a_company_claims_a_list_and_everybody_sees_by_whom_and_when(register: IssuersRegister) -> None:
    company, items = Key(), [Key(), Key(), Key()]
    receipt = register.send(Key(), register.claim(company, items))

    assert receipt["status"] == 1, "whoever sends it"
    assert register.events(receipt) == [("Claimed", item.address) for item in items]
    block = connect(register.ledger.rpc_url, 5.0).eth.get_block(receipt["blockNumber"])
    at = datetime.fromtimestamp(block["timestamp"], UTC)
    for item in items:
        status = register.contract.status_of(item.address)
        assert status == Status(State.CLAIMED, 0, at, company.address)
    assert register.contract.nonce_of(company.address) == 1
    assert register.contract.status_of(Key().address) == Status(State.FREE, 0, None, NOBODY)


def test_threat_10_what_is_taken_is_passed_over_and_reported_and_the_rest_is_claimed(
    register: IssuersRegister,
) -> None:
    first, second = Key(), Key()
    one, two, three = Key(), Key(), Key()
    register.send(Key(), register.claim(first, [two]))
    receipt = register.send(Key(), register.claim(second, [one, two, three, one]))
    assert register.events(receipt) == [
        ("Claimed", one.address),
        ("ClaimSkipped", two.address),
        ("Claimed", three.address),
        ("ClaimSkipped", one.address),
    ]
    assert register.state(two) == (State.CLAIMED, 0, first.address)


def test_two_deployments_that_share_contract_and_issuer_share_the_claims(register: IssuersRegister) -> None:
    elsewhere = StatusContract(
        register.ledger.rpc_url, address=register.ledger.address, issuer_id=register.issuer_id
    )
    item, ours, theirs = Key(), Key(), Key()
    register.send(Key(), register.claim(ours, [item]))
    receipt = register.send(Key(), replace(register, contract=elsewhere).claim(theirs, [item]))
    assert register.events(receipt) == [("ClaimSkipped", item.address)]


def test_an_empty_list_uses_up_a_nonce_and_nothing_else(register: IssuersRegister) -> None:
    company = Key()
    assert register.events(register.send(Key(), register.claim(company, []))) == []
    assert register.contract.nonce_of(company.address) == 1


def test_a_stranger_with_everything_public_cannot_claim(register: IssuersRegister) -> None:
    """Without the claim key: an own key in its place, another list's signatures, the company's without it."""
    company, stranger, item = Key(), Key(), Key()
    common = {"issuerId": register.issuer_id, "nonce": 0, "deadline": FAR}
    listed = register.domain.digest("Claim", claimAddresses=[item.address], **common)
    handed = register.domain.digest("Handover", claimant=stranger.address, **common)
    by_stranger = register.contract.claim(
        stranger.address, 0, FAR, [sign(stranger.secret, handed)], sign(stranger.secret, listed)
    )
    with refused_with("NotSignedBy"):
        register.ask(stranger, by_stranger)
    # What the company broadcast, seen on its way, sent for the stranger instead.
    handed = register.domain.digest("Handover", claimant=company.address, **common)
    seen = sign(item.secret, handed)
    for nonce, deadline in ((0, FAR), (0, FAR + 1)):
        stolen = register.contract.claim(
            stranger.address, nonce, deadline, [seen], sign(stranger.secret, listed)
        )
        with refused_with("NotSignedBy"):
            register.ask(stranger, stolen)
    assert register.state(item) == (State.FREE, 0, NOBODY)


def test_nothing_is_good_twice_late_or_for_another_list(register: IssuersRegister) -> None:
    company, item, other = Key(), Key(), Key()
    claim = register.claim(company, [item])
    assert register.send(Key(), claim)["status"] == 1
    with refused_with("WrongNonce"):
        register.ask(Key(), claim)
    with refused_with("WrongNonce"):
        register.ask(Key(), register.claim(company, [other], nonce=2))
    with refused_with("Expired"):
        register.ask(Key(), register.claim(company, [other], deadline=1))
    register.send(Key(), register.release(company, [item]))
    with refused_with("WrongNonce"):
        register.ask(Key(), claim)  # after a release it would be free again
    assert register.state(item) == (State.FREE, 0, NOBODY)
    common = {"issuerId": register.issuer_id, "nonce": 2, "deadline": FAR}
    handed = register.domain.digest("Handover", claimant=company.address, **common)
    listed = register.domain.digest("Claim", claimAddresses=[item.address], **common)
    both = [sign(one.secret, handed) for one in (item, other)]
    longer = register.contract.claim(company.address, 2, FAR, both, sign(company.secret, listed))
    with refused_with("NotSignedBy"):
        register.ask(Key(), longer)


@pytest.mark.parametrize("changed", ["chain_id", "contract", "epoch_nonce"])
def test_signatures_of_another_chain_contract_or_epoch_are_refused(
    register: IssuersRegister, changed: str
) -> None:
    value = {"chain_id": 1, "contract": b"\x01" * 20, "epoch_nonce": b"\x02" * 32}[changed]
    foreign = replace(register, domain=replace(register.domain, **{changed: value}))
    with refused_with("NotSignedBy"):
        register.ask(Key(), foreign.claim(Key(), [Key()]))


def test_another_issuers_invoice_is_another_invoice(register: IssuersRegister, ledger: Ledger) -> None:
    other = registered(ledger)
    other.send(other.account, other.contract.open_claims())
    company, item = Key(), Key()
    register.send(Key(), register.claim(company, [item]))
    assert other.state(item) == (State.FREE, 0, NOBODY)
    with refused_with("NotSignedBy"):
        register.ask(Key(), replace(register, contract=other.contract).claim(company, [Key()]))


@pytest.mark.parametrize(("signature", "error"), [
    (Signature(bytes(32), bytes(32)), "ECDSAInvalidSignature"),
    (Signature(b"\x01" * 32, b"\x7f" + b"\xff" * 31), "ECDSAInvalidSignatureS"),  # its twin in the upper half
])  # fmt: skip
def test_what_is_no_signature_is_refused(register: IssuersRegister, signature: Signature, error: str) -> None:
    with refused_with(error):
        register.ask(Key(), register.contract.claim(Key().address, 0, FAR, [signature], signature))


# Releasing


def test_only_who_claimed_can_release(register: IssuersRegister) -> None:
    company, rival, item, free = Key(), Key(), Key(), Key()
    register.send(Key(), register.claim(company, [item]))
    receipt = register.send(Key(), register.release(rival, [item, free]))
    assert (receipt["status"], register.events(receipt)) == (1, [])
    assert register.state(item) == (State.CLAIMED, 0, company.address)
    receipt = register.send(Key(), register.release(company, [item, free]))
    assert register.events(receipt) == [("Released", item.address)]
    assert register.events(register.send(Key(), register.claim(rival, [item]))) == [("Claimed", item.address)]


def test_a_claim_is_no_release_and_a_release_no_claim(register: IssuersRegister) -> None:
    company, item = Key(), Key()
    common = {"issuerId": register.issuer_id, "nonce": 0, "deadline": FAR}
    claim = register.domain.digest("Claim", claimAddresses=[item.address], **common)
    as_release = register.contract.release(
        company.address, 0, FAR, [item.address], sign(company.secret, claim)
    )
    with refused_with("NotSignedBy"):
        register.ask(Key(), as_release)
    with refused_with("Expired"):
        register.ask(Key(), register.release(company, [item], deadline=1))


# Locks and credits


def test_a_lock_holds_off_claims_until_the_credit(register: IssuersRegister) -> None:
    item, contract, issuer = Key(), register.contract, register.account
    assert register.events(register.send(issuer, contract.lock(item.address))) == [("Locked", item.address)]
    receipt = register.send(Key(), register.claim(Key(), [item]))
    assert register.events(receipt) == [("ClaimSkipped", item.address)]
    with refused_with("WrongState"):
        register.ask(issuer, contract.lock(item.address))
    receipt = register.send(issuer, contract.credit(item.address, NOTE, whole=False))
    (event,) = register.ledger.contract.events.Credited().process_receipt(receipt, errors=DISCARD)
    assert (event["args"]["note"], event["args"]["whole"], event["args"]["notes"]) == (NOTE, False, 1)
    assert register.state(item) == (State.FREE, 1, NOBODY), "what is left can be claimed"
    company = Key()
    register.send(Key(), register.claim(company, [item]))
    assert register.state(item) == (State.CLAIMED, 1, company.address)


def test_a_wholly_credited_invoice_stays_so(register: IssuersRegister) -> None:
    item, contract, issuer = Key(), register.contract, register.account
    register.send(issuer, contract.lock(item.address))
    register.send(issuer, contract.credit(item.address, NOTE, whole=True))
    assert register.state(item) == (State.CREDITED, 1, NOBODY)
    for call in (
        contract.lock(item.address),
        contract.unlock(item.address),
        contract.credit(item.address, NOTE, whole=False),
        register.credit_claimed(Key(), item, whole=True, notes=1),
    ):
        with refused_with("WrongState"):
            register.ask(issuer, call)
    receipt = register.send(Key(), register.claim(Key(), [item]))
    assert register.events(receipt) == [("ClaimSkipped", item.address)]


def test_a_refund_that_did_not_come_about_unlocks(register: IssuersRegister) -> None:
    item, contract, issuer = Key(), register.contract, register.account
    register.send(issuer, contract.lock(item.address))
    receipt = register.send(issuer, contract.unlock(item.address))
    assert register.events(receipt) == [("Unlocked", item.address)]
    for call in (contract.unlock(item.address), contract.credit(item.address, NOTE, whole=True)):
        with refused_with("WrongState"):
            register.ask(issuer, call)
    assert register.events(register.send(Key(), register.claim(Key(), [item]))) == [("Claimed", item.address)]


def test_a_lock_lapses_after_72_hours(register: IssuersRegister, later: Any) -> None:
    item, contract, issuer = Key(), register.contract, register.account
    register.send(issuer, contract.lock(item.address))
    later(3 * DAY_S - 5)
    assert register.state(item)[0] == State.LOCKED
    later(10)
    assert register.state(item)[0] == State.FREE
    for call in (contract.credit(item.address, NOTE, whole=True), contract.unlock(item.address)):
        with refused_with("WrongState"):
            register.ask(issuer, call)
    company = Key()
    assert register.events(register.send(Key(), register.claim(company, [item]))) == [
        ("Claimed", item.address)
    ]
    with refused_with("WrongState"):
        register.ask(issuer, contract.lock(item.address))


def test_a_claimed_invoice_is_credited_with_the_companys_consent_only(register: IssuersRegister) -> None:
    company, item, contract, issuer = Key(), Key(), register.contract, register.account
    register.send(Key(), register.claim(company, [item]))
    for call in (contract.lock(item.address), contract.credit(item.address, NOTE, whole=True)):
        with refused_with("WrongState"):
            register.ask(issuer, call)
    with refused_with("NotSignedBy"):
        register.ask(issuer, register.credit_claimed(Key(), item, whole=False))
    consent = register.consent(company, item, whole=False)
    for changed in ({"whole": True}, {"deadline": FAR + 1}, {"note": bytes(32)}):
        terms: dict[str, Any] = {"note": NOTE, "whole": False, "deadline": FAR, "consent": consent} | changed
        with refused_with("NotSignedBy"):
            register.ask(issuer, contract.credit_claimed(item.address, **terms))
    late = register.consent(company, item, whole=False, deadline=1)
    with refused_with("Expired"):
        register.ask(issuer, contract.credit_claimed(
            item.address, NOTE, whole=False, deadline=1, consent=late
        ))  # fmt: skip

    part = register.credit_claimed(company, item, whole=False)
    assert register.send(issuer, part)["status"] == 1
    assert register.state(item) == (State.CLAIMED, 1, company.address)
    with refused_with("NotSignedBy"):
        register.ask(issuer, part)  # good once: it says how many notes there were
    register.send(issuer, register.credit_claimed(company, item, whole=True, notes=1))
    assert register.state(item) == (State.CREDITED, 2, company.address)
    assert register.events(register.send(Key(), register.release(company, [item]))) == []


# Who may


def test_nobody_but_the_issuers_account_locks_credits_restores_or_opens(register: IssuersRegister) -> None:
    contract, item = register.contract, Key()
    calls = [
        contract.lock(item.address), contract.unlock(item.address), contract.open_claims(),
        contract.credit(item.address, NOTE, whole=True), contract.restore([]),
        register.credit_claimed(Key(), item, whole=True),
    ]  # fmt: skip
    others = registered(register.ledger).account
    for by in (Key(), Key(register.ledger.admin_key), others):
        for call in calls:
            with refused_with("AccessControlUnauthorizedAccount"):
                register.ask(by, call)


def test_threat_21_only_the_admin_registers_an_issuer_and_once(register: IssuersRegister) -> None:
    functions = register.ledger.contract.functions
    stranger, admin = Account.from_key(Key().secret).address, register.ledger.admin
    for who, issuer_id, account, error in (
        (stranger, secrets.token_bytes(32), stranger, "AccessControlUnauthorizedAccount"),
        (admin, register.issuer_id, stranger, "IssuerAlreadyRegistered"),
        (admin, secrets.token_bytes(32), "0x" + "00" * 20, "ZeroAddress"),
    ):
        with refused_with(error):
            functions.registerIssuer(issuer_id, account).call({"from": who}, ccip_read_enabled=False)


def test_nothing_happens_before_claims_are_open_and_nothing_is_restored_after(ledger: Ledger) -> None:
    closed = registered(ledger)
    contract, item, company = closed.contract, Key(), Key()
    assert contract.register() is Register.RESTORING
    for by, call in (
        (Key(), closed.claim(company, [item])),
        (Key(), closed.release(company, [item])),
        (closed.account, contract.lock(item.address)),
    ):
        with refused_with("WrongRegister"):
            closed.ask(by, call)
    closed.send(closed.account, contract.open_claims())
    assert contract.register() is Register.OPEN
    for call in (contract.restore([]), contract.open_claims()):
        with refused_with("WrongRegister"):
            closed.ask(closed.account, call)
    unknown = StatusContract(ledger.rpc_url, address=ledger.address, issuer_id=secrets.token_bytes(32))
    assert unknown.register() is Register.UNKNOWN


# Going on after an epoch


def test_statuses_are_restored_as_they_were(ledger: Ledger) -> None:
    made = registered(ledger)
    at, company = datetime(2024, 11, 1, tzinfo=UTC), Key()
    newest = connect(ledger.rpc_url, 5.0).eth.get_block("latest")  # its clock may have been moved
    earlier = {
        State.FREE: Status(State.FREE, 2, at, NOBODY),
        State.CLAIMED: Status(State.CLAIMED, 1, at, company.address),
        State.LOCKED: Status(State.LOCKED, 0, datetime.fromtimestamp(newest["timestamp"], UTC), NOBODY),
        State.CREDITED: Status(State.CREDITED, 1, at, company.address),
    }
    keys = {state: Key() for state in earlier}
    listed = [(keys[state].address, status) for state, status in earlier.items()]
    receipt = made.send(made.account, made.contract.restore(listed))
    told = ledger.contract.events.StatusRestored().process_receipt(receipt, errors=DISCARD)
    assert [one["args"]["state"] for one in told] == list(earlier)
    made.send(made.account, made.contract.restore(listed))  # again, as after a crash
    made.send(made.account, made.contract.open_claims())
    assert {state: made.contract.status_of(keys[state].address) for state in earlier} == earlier
    rival = Key()
    receipt = made.send(Key(), made.claim(rival, list(keys.values())))
    assert [name for name, _ in made.events(receipt)] == [
        "Claimed", "ClaimSkipped", "ClaimSkipped", "ClaimSkipped"
    ]  # fmt: skip
    assert made.state(keys[State.FREE]) == (State.CLAIMED, 2, rival.address)


@pytest.mark.parametrize(
    "status",
    [
        Status(State.CLAIMED, 0, datetime(2024, 1, 1, tzinfo=UTC), NOBODY),
        Status(State.FREE, 0, datetime(2024, 1, 1, tzinfo=UTC), b"\x01" * 20),
        Status(State.LOCKED, 0, datetime(2024, 1, 1, tzinfo=UTC), b"\x01" * 20),
        Status(State.CREDITED, 0, datetime(2024, 1, 1, tzinfo=UTC), NOBODY),
        Status(State.FREE, 1, None, NOBODY),
        Status(State.FREE, 1, datetime(2126, 1, 1, tzinfo=UTC), NOBODY),
    ],
    ids=["claimed by nobody", "free and somebody's", "locked by somebody", "credited without a note",
         "at no time", "later than now"],
)  # fmt: skip
def test_a_status_that_no_invoice_has_is_not_restored(ledger: Ledger, status: Status) -> None:
    made = registered(ledger)
    with refused_with("ImpossibleStatus"):
        made.ask(made.account, made.contract.restore([(Key().address, status)]))


def test_the_admin_can_give_an_issuer_another_account(register: IssuersRegister) -> None:
    contract, new = register.ledger.contract, Key()
    role = contract.functions.issuerRole(register.issuer_id).call()
    old_address, new_address = (Account.from_key(key.secret).address for key in (register.account, new))
    register.ledger.send(register.ledger.admin_key, contract.functions.revokeRole(role, old_address))
    register.ledger.send(register.ledger.admin_key, contract.functions.grantRole(role, new_address))
    with refused_with("AccessControlUnauthorizedAccount"):
        register.ask(register.account, register.contract.lock(Key().address))
    assert register.send(new, register.contract.lock(Key().address))["status"] == 1
