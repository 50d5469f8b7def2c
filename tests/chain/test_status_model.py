"""Random histories of claims, releases, locks and credits, held against a model of a few lines.

Signatures are wrong in every way now and then: of another key, list, nonce, issuer or epoch, or too late. The
chain must do what the model does, refuse what the model refuses and for its reason, and end in the model's
statuses. What a company sent is good neither again nor in another epoch.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from chain.client import connect
from chain.statuses import Call, State
from tests.chain.chains import Chain
from tests.chain.examples import for_examples
from tests.chain.logs import Ledger, deployed, refused_with
from tests.chain.registers import FAR, NOBODY, NOTE, IssuersRegister, Key, registered

LOCK_LASTS_S = 72 * 3600
ITEMS, COMPANIES, STEPS = 4, 2, 30
# What the contract says of a signature that is wrong in this way.
FAULTS = {
    "nonce": "WrongNonce", "deadline": "Expired", "signer": "NotSignedBy", "list": "NotSignedBy",
    "issuer": "NotSignedBy", "epoch": "NotSignedBy",
}  # fmt: skip

# What is reported, or the name of the error that the contract must refuse with.
Answer = list[tuple[str, int]] | str


@dataclass
class Invoice:
    state: State = State.FREE
    notes: int = 0
    claimant: int | None = None
    locked_at: int = 0


class Model:
    """The rules once more. Each step answers what the contract must."""

    def __init__(self) -> None:
        self.now = 0
        self.invoices = [Invoice() for _ in range(ITEMS)]
        self.nonces = [0] * COMPANIES

    def state(self, item: int) -> State:
        invoice = self.invoices[item]
        lapsed = invoice.state is State.LOCKED and self.now > invoice.locked_at + LOCK_LASTS_S
        return State.FREE if lapsed else invoice.state

    def claim(self, company: int, listed: list[int], fault: str | None) -> Answer:
        if fault:
            return FAULTS[fault]
        self.nonces[company] += 1
        said = []
        for item in listed:
            free = self.state(item) is State.FREE
            if free:
                self._put(item, State.CLAIMED, company)
            said.append(("Claimed" if free else "ClaimSkipped", item))
        return said

    def release(self, company: int, listed: list[int], fault: str | None) -> Answer:
        if fault:
            return FAULTS[fault]
        self.nonces[company] += 1
        said = []
        for item in listed:
            if (self.invoices[item].state, self.invoices[item].claimant) == (State.CLAIMED, company):
                self._put(item, State.FREE)
                said.append(("Released", item))
        return said

    def lock(self, item: int) -> Answer:
        if self.state(item) is not State.FREE:
            return "WrongState"
        self._put(item, State.LOCKED)
        self.invoices[item].locked_at = self.now
        return [("Locked", item)]

    def unlock(self, item: int) -> Answer:
        if self.state(item) is not State.LOCKED:
            return "WrongState"
        self._put(item, State.FREE)
        return [("Unlocked", item)]

    def credit(self, item: int, whole: bool) -> Answer:
        if self.state(item) is not State.LOCKED:
            return "WrongState"
        self._put(item, State.CREDITED if whole else State.FREE, notes=1)
        return [("Credited", item)]

    def consent(self, item: int, company: int, whole: bool, ahead: int, fault: str | None) -> Answer:
        invoice = self.invoices[item]
        if invoice.state is not State.CLAIMED:
            return "WrongState"
        if fault == "deadline":
            return "Expired"
        if invoice.claimant != company or ahead or fault:
            return "NotSignedBy"
        self._put(item, State.CREDITED if whole else State.CLAIMED, company, notes=1)
        return [("Credited", item)]

    def _put(self, item: int, state: State, claimant: int | None = None, notes: int = 0) -> None:
        invoice = self.invoices[item]
        self.invoices[item] = Invoice(state, invoice.notes + notes, claimant)


class Real:
    """The same steps on the chain, with real signatures."""

    def __init__(self, register: IssuersRegister, elsewhere: IssuersRegister) -> None:
        self.register, self.elsewhere = register, elsewhere
        self.items = [Key() for _ in range(ITEMS)]
        self.companies = [Key() for _ in range(COMPANIES)]
        self._relayer = Key()
        self._taken: list[Call] = []  # lists of claims and releases

    def claim(self, company: int, listed: list[int], fault: str | None) -> tuple[Key, Call]:
        return self._relayer, self._list("claim", company, listed, fault)

    def release(self, company: int, listed: list[int], fault: str | None) -> tuple[Key, Call]:
        return self._relayer, self._list("release", company, listed, fault)

    def lock(self, item: int) -> tuple[Key, Call]:
        return self.register.account, self.register.contract.lock(self.items[item].address)

    def unlock(self, item: int) -> tuple[Key, Call]:
        return self.register.account, self.register.contract.unlock(self.items[item].address)

    def credit(self, item: int, whole: bool) -> tuple[Key, Call]:
        contract = self.register.contract
        return self.register.account, contract.credit(self.items[item].address, NOTE, whole=whole)

    def consent(
        self, item: int, company: int, whole: bool, ahead: int, fault: str | None
    ) -> tuple[Key, Call]:
        contract, key = self.register.contract, self.items[item]
        signer = Key() if fault == "signer" else self.companies[company]
        notes = contract.status_of(key.address).notes + ahead + (fault == "nonce")
        deadline = 1 if fault == "deadline" else FAR
        signed_key = self.items[item - 1] if fault == "list" else key
        signed = self._signing(fault).consent(
            signer,
            signed_key,
            whole=whole,
            notes=notes,
            deadline=deadline,
        )
        call = contract.credit_claimed(key.address, NOTE, whole=whole, deadline=deadline, consent=signed)
        return self.register.account, call

    def compare(self, by: Key, call: Call, expected: Answer) -> None:
        """Do as the model did, or be refused as it refused."""
        if isinstance(expected, str):
            with refused_with(expected):
                self.register.ask(by, call)
            return
        receipt = self.register.send(by, call)
        numbers = {key.address: item for item, key in enumerate(self.items)}
        said = [(event, numbers[address]) for event, address in self.register.events(receipt)]
        assert (receipt["status"], said) == (1, expected)
        if by is self._relayer:
            self._taken.append(call)

    def replay(self) -> None:
        """Each list that was taken, once more: here its nonce is used up, elsewhere nobody signed it."""
        for call in self._taken:
            with refused_with("WrongNonce"):
                self.register.ask(self._relayer, call)
            _function, terms = self.register.ledger.contract.decode_function_input(call.data)
            if terms["nonce"] == 0:  # where nothing was taken, any other is a WrongNonce
                with refused_with("NotSignedBy"):
                    self.elsewhere.ask(self._relayer, call)

    def _list(self, name: str, company: int, listed: list[int], fault: str | None) -> Call:
        """As `company` would sign it, but for the fault."""
        contract, who = self.register.contract, self.companies[company]
        nonce = contract.nonce_of(who.address) + (fault == "nonce")
        deadline = 1 if fault == "deadline" else FAR
        keys = [self.items[item] for item in listed]
        signed_keys = [*keys, Key()] if fault == "list" else keys
        signing = self._signing(fault)
        signer = Key() if fault == "signer" else who
        sign_list = signing.sign_claim if name == "claim" else signing.sign_release
        signature = sign_list(signer, signed_keys, nonce, deadline)
        if name == "release":
            return contract.release(who.address, nonce, deadline, [key.address for key in keys], signature)
        handovers = signing.sign_handovers(who, keys, nonce, deadline)
        return contract.claim(who.address, nonce, deadline, handovers, signature)

    def _signing(self, fault: str | None) -> IssuersRegister:
        if fault == "epoch":
            return replace(self.register, domain=self.elsewhere.domain)
        if fault == "issuer":
            return replace(self.register, issuer_id=secrets.token_bytes(32))
        return self.register


@pytest.fixture(scope="module")
def elsewhere(chain: Chain) -> Ledger:
    """Another epoch of the contract on the same chain."""
    return deployed(chain)


def wait(chain: Chain, seconds: int) -> int:
    """Move the chain's clock on. Answers where it stands, in Unix seconds."""
    chain.ask("evm_increaseTime", seconds)
    chain.ask("evm_mine")
    return int(connect(chain.rpc_url, 5.0).eth.get_block("latest")["timestamp"])


def opened(ledger: Ledger, issuer_id: bytes) -> IssuersRegister:
    made = registered(ledger, issuer_id)
    made.send(made.account, made.contract.open_claims())
    return made


def steps(luck: Random, model: Model) -> Iterator[tuple[Any, ...]]:
    """What comes next, by what is the case: the company that consents is mostly the one that claimed."""
    for _ in range(STEPS):
        item, company, is_whole = luck.randrange(ITEMS), luck.randrange(COMPANIES), luck.random() < 0.3
        listed = luck.choices(range(ITEMS), k=luck.randrange(4))
        fault = luck.choice(list(FAULTS)) if luck.random() < 0.2 else None
        claimants = [n for n, one in enumerate(model.invoices) if one.state is State.CLAIMED]
        if claimants and luck.random() < 0.8:
            item = luck.choice(claimants)
            company = luck.choice([company, model.invoices[item].claimant or 0])
        yield luck.choice([
            ("claim", company, listed, fault),
            ("claim", company, listed, fault),
            ("release", company, [item, *listed], fault),
            ("lock", luck.randrange(ITEMS)),
            ("lock", luck.randrange(ITEMS)),
            ("unlock", luck.randrange(ITEMS)),
            ("credit", luck.randrange(ITEMS), is_whole),
            ("credit", luck.randrange(ITEMS), is_whole),
            ("consent", item, company, is_whole, int(luck.random() < 0.2), fault),
            ("consent", item, company, is_whole, int(luck.random() < 0.2), fault),
            ("wait", luck.choice([3600, LOCK_LASTS_S + 60])),
        ])  # fmt: skip


@for_examples({"anvil": 12, "ganache": 2, "hardhat": 2}, seed=st.integers(0, 2**32))
def test_the_contract_does_what_the_model_does(ledger: Ledger, elsewhere: Ledger, seed: int) -> None:
    issuer_id = secrets.token_bytes(32)
    model, real = Model(), Real(opened(ledger, issuer_id), opened(elsewhere, issuer_id))
    for name, *arguments in steps(Random(seed), model):  # noqa: S311
        model.now = wait(ledger.chain, arguments[0] if name == "wait" else 1)
        if name != "wait":
            by, call = getattr(real, name)(*arguments)
            real.compare(by, call, getattr(model, name)(*arguments))
        elif arguments[0] > LOCK_LASTS_S:
            assert [real.register.state(key)[0] for key in real.items] == list(map(model.state, range(ITEMS)))
    for item, key in enumerate(real.items):
        invoice = model.invoices[item]
        company = NOBODY if invoice.claimant is None else real.companies[invoice.claimant].address
        assert real.register.state(key) == (model.state(item), invoice.notes, company)
    assert [real.register.contract.nonce_of(key.address) for key in real.companies] == model.nonces
    real.replay()
