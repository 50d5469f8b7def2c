"""Random histories of claims, releases, locks and credits, held against a model of a few lines.

Signatures are wrong in every way now and then: of another key, list, nonce, issuer or epoch, or too late. The
chain must do what the model does, refuse what the model refuses, and end in the model's statuses.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from web3.exceptions import ContractCustomError

from chain import node
from chain.client import connect
from chain.deploy import Deployer
from chain.statuses import Call, State
from scripts.lib.addresses import free_port
from tests.chain.logs import Ledger
from tests.chain.registers import FAR, NOBODY, NOTE, IssuersRegister, Key, registered

LOCK_LASTS_S = 72 * 3600
ITEMS, COMPANIES, STEPS = 4, 2, 30
FAULTS = ("nonce", "deadline", "signer", "list", "issuer", "epoch")


@dataclass
class Invoice:
    state: State = State.FREE
    notes: int = 0
    claimant: int | None = None
    locked_at: int = 0


class Model:
    """The rules once more. Each step answers what is reported, or None where the contract must refuse."""

    def __init__(self) -> None:
        self.now = 0
        self.invoices = [Invoice() for _ in range(ITEMS)]
        self.nonces = [0] * COMPANIES

    def state(self, item: int) -> State:
        invoice = self.invoices[item]
        lapsed = invoice.state is State.LOCKED and self.now > invoice.locked_at + LOCK_LASTS_S
        return State.FREE if lapsed else invoice.state

    def claim(self, company: int, listed: list[int], fault: str | None) -> list[tuple[str, int]] | None:
        if fault:
            return None
        self.nonces[company] += 1
        said = []
        for item in listed:
            free = self.state(item) is State.FREE
            if free:
                self._put(item, State.CLAIMED, company)
            said.append(("Claimed" if free else "ClaimSkipped", item))
        return said

    def release(self, company: int, listed: list[int], fault: str | None) -> list[tuple[str, int]] | None:
        if fault:
            return None
        self.nonces[company] += 1
        said = []
        for item in listed:
            if (self.invoices[item].state, self.invoices[item].claimant) == (State.CLAIMED, company):
                self._put(item, State.FREE)
                said.append(("Released", item))
        return said

    def lock(self, item: int) -> list[tuple[str, int]] | None:
        if self.state(item) is not State.FREE:
            return None
        self._put(item, State.LOCKED)
        self.invoices[item].locked_at = self.now
        return [("Locked", item)]

    def unlock(self, item: int) -> list[tuple[str, int]] | None:
        if self.state(item) is not State.LOCKED:
            return None
        self._put(item, State.FREE)
        return [("Unlocked", item)]

    def credit(self, item: int, whole: bool) -> list[tuple[str, int]] | None:
        if self.state(item) is not State.LOCKED:
            return None
        self._put(item, State.CREDITED if whole else State.FREE, notes=1)
        return [("Credited", item)]

    def consent(
        self, item: int, company: int, whole: bool, ahead: int, fault: str | None
    ) -> list[tuple[str, int]] | None:
        invoice = self.invoices[item]
        if (invoice.state, invoice.claimant) != (State.CLAIMED, company) or ahead or fault:
            return None
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
def chain() -> Iterator[tuple[Callable[[int], int], list[Ledger]]]:
    """A chain whose clock may be moved, and two epochs of the contract on it."""
    running = node.start(port=free_port())
    provider = connect(running.rpc_url, 5.0).provider

    def wait(seconds: int) -> int:
        provider.make_request("evm_increaseTime", [seconds])  # type: ignore[arg-type]
        provider.make_request("evm_mine", [])  # type: ignore[arg-type]
        return int(connect(running.rpc_url, 5.0).eth.get_block("latest")["timestamp"])

    epochs = []
    for _ in range(2):
        admin, nonce = secrets.token_bytes(32), secrets.token_bytes(32)
        deployer = Deployer(running.rpc_url, admin_key=admin, sequencer_key=secrets.token_bytes(32))
        epochs.append(Ledger(running.rpc_url, deployer.deploy(nonce), admin, nonce))
    try:
        yield wait, epochs
    finally:
        running.stop()


def opened(ledger: Ledger) -> IssuersRegister:
    made = registered(ledger)
    made.send(made.account, made.contract.open_claims())
    return made


def steps(luck: Random, model: Model) -> Iterator[tuple[Any, ...]]:
    """What comes next, by what is the case: the company that consents is mostly the one that claimed."""
    for _ in range(STEPS):
        item, company, is_whole = luck.randrange(ITEMS), luck.randrange(COMPANIES), luck.random() < 0.3
        listed = luck.choices(range(ITEMS), k=luck.randrange(4))
        fault = luck.choice(FAULTS) if luck.random() < 0.2 else None
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


@settings(
    max_examples=16, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.integers(0, 2**32))
def test_the_contract_does_what_the_model_does(
    chain: tuple[Callable[[int], int], list[Ledger]], seed: int
) -> None:
    wait, (ledger, elsewhere) = chain
    model, real = Model(), Real(opened(ledger), opened(elsewhere))
    numbers = {key.address: item for item, key in enumerate(real.items)}
    for name, *arguments in steps(Random(seed), model):  # noqa: S311
        if name == "wait":
            model.now = wait(arguments[0])
            assert [real.register.state(key)[0] for key in real.items] == list(map(model.state, range(ITEMS)))
            continue
        model.now = wait(1)
        by, call = getattr(real, name)(*arguments)
        expected = getattr(model, name)(*arguments)
        if expected is None:
            with pytest.raises(ContractCustomError):
                real.register.ask(by, call)
        else:
            receipt = real.register.send(by, call)
            said = [(event, numbers[address]) for event, address in real.register.events(receipt)]
            assert (receipt["status"], said) == (1, expected)
    for item, key in enumerate(real.items):
        invoice = model.invoices[item]
        company = NOBODY if invoice.claimant is None else real.companies[invoice.claimant].address
        assert real.register.state(key) == (model.state(item), invoice.notes, company)
    assert [real.register.contract.nonce_of(key.address) for key in real.companies] == model.nonces
