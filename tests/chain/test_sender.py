"""What the service sends about statuses, why it does not send, and what it reads back, on each chain."""

from __future__ import annotations

import secrets

import pytest

from chain.events import StatusEvent, StatusEvents
from chain.sender import UNNAMED, Sender
from chain.statuses import Call
from tests.chain.chains import Chain
from tests.chain.logs import Ledger, deploy_code, mined
from tests.chain.registers import NOTE, IssuersRegister, Key, registered

REVERTS = bytes.fromhex("60006000fd")


@pytest.fixture(scope="module")
def register(ledger: Ledger) -> IssuersRegister:
    made = registered(ledger)
    assert made.send(made.account, made.contract.open_claims())["status"] == 1
    return made


@pytest.fixture
def sender(register: IssuersRegister) -> Sender:
    """Of the issuer's account."""
    ledger = register.ledger
    return Sender(ledger.rpc_url, contract=ledger.address, key=register.account.secret)


def sent(sender: Sender, call: Call) -> tuple[bytes, bool]:
    signed = sender.sign(call.data, gas=call.gas, nonce=sender.next_nonce(), gas_price=0)
    assert sender.broadcast(signed.raw) == "accepted"
    receipt = mined(lambda: sender.receipt(signed.tx_hash))
    return signed.tx_hash, receipt.succeeded


def test_what_would_be_refused_is_known_by_the_errors_name(register: IssuersRegister, sender: Sender) -> None:
    item, contract = Key(), register.contract
    unlock, lock = contract.unlock(item.address), contract.lock(item.address)
    assert (sender.refusal(unlock.data, unlock.gas), sender.refusal(lock.data, lock.gas)) == (
        "WrongState",
        None,
    )
    assert not sent(sender, unlock)[1]
    assert sent(sender, lock)[1]
    assert (sender.refusal(unlock.data, unlock.gas), sender.refusal(lock.data, lock.gas)) == (
        None,
        "WrongState",
    )


def test_a_revert_without_a_word_is_a_refusal_too(chain: Chain) -> None:
    """So that a chain that answers is not mistaken for one that does not."""
    address = deploy_code(chain.rpc_url, secrets.token_bytes(32), REVERTS)
    assert Sender(chain.rpc_url, contract=address, key=Key().secret).refusal(b"", 100_000) == UNNAMED


def test_what_became_of_invoices_is_read_in_order(register: IssuersRegister, sender: Sender) -> None:
    ledger, company, one, two = register.ledger, Key(), Key(), Key()
    events = StatusEvents(ledger.rpc_url, address=ledger.address, issuer_id=register.issuer_id)
    first = events.block_number() + 1
    anyone = Sender(ledger.rpc_url, contract=ledger.address, key=Key().secret)
    hashes = [
        sent(anyone, register.claim(company, [one, two]))[0],
        sent(anyone, register.release(company, [two]))[0],
        sent(sender, register.contract.lock(two.address))[0],
        sent(sender, register.contract.credit(two.address, NOTE, whole=True))[0],
    ]
    other = registered(ledger)
    other.send(other.account, other.contract.open_claims())
    other.send(Key(), other.claim(company, [Key()]))
    told = events.between(first, events.block_number())
    assert [brief(event) for event in told] == [
        (hashes[0], 0, "claimed", one.address, company.address, None, None),
        (hashes[0], 1, "claimed", two.address, company.address, None, None),
        (hashes[1], 0, "released", two.address, company.address, None, None),
        (hashes[2], 0, "locked", two.address, None, None, None),
        (hashes[3], 0, "credited", two.address, None, NOTE, True),
    ]
    block = events.block(told[0].block_number)
    assert block is not None
    assert block.hash == told[0].block_hash
    assert events.block(events.block_number() + 1) is None


def brief(event: StatusEvent) -> tuple[object, ...]:
    who = (event.claim_address, event.claimant)
    return event.tx_hash, event.place, event.change, *who, event.note, event.whole
