"""Random histories of a log's heads, held against a model that is a list of sizes.

A thief holds the sequencer's key and tries everything between the good appends: a rewritten past, lies about
sizes, what was sent before. The contract takes what the model takes, refuses the rest for the model's reason,
and forgets nothing. In a later epoch, which goes on at the last head, all that was sent before is void.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import pytest
from eth_account import Account
from hypothesis import strategies as st

from chain.client import Head
from invoice_service.ledger import tree
from tests.chain.chains import Chain
from tests.chain.examples import for_examples
from tests.chain.logs import Ledger, Log, deployed, refused_with
from tests.chain.trees import leaves, tree_of

MOST, STEPS = 900, 16
TRUE = tree_of(leaves(MOST))
REWRITTEN = tree_of([tree.leaf_hash(b"a smaller amount"), *leaves(MOST)[1:]])
NO_ROLE = "AccessControlUnauthorizedAccount"


@dataclass(frozen=True, slots=True)
class Append:
    old_size: int
    new_size: int
    root: bytes
    proof: list[bytes]
    by: bytes | None = None  # a key that is not the sequencer's


@dataclass
class Model:
    """The sizes that the log had, and the appends that made them."""

    sizes: list[int] = field(default_factory=lambda: [0])
    taken: list[Append] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.sizes[-1]

    def refusal(self, one: Append) -> str | None:
        """The error that an append ends in, or None where it is taken."""
        if one.by is not None:
            return NO_ROLE
        if one.old_size != self.size:
            return "HeadMoved"
        if one.new_size <= self.size:
            return "NotGrowing"
        return None if one == grown(self.size, one.new_size) else "InconsistentHead"


def grown(old_size: int, new_size: int) -> Append:
    """As the true log grows."""
    proof = TRUE.consistency(old_size, new_size) if old_size else []
    return Append(old_size, new_size, TRUE.root(new_size), proof)


def attempts(luck: Random, model: Model) -> Iterator[Append]:
    """Mostly bad ones, made of what a thief has: the log, the key, and what was sent."""
    for _ in range(STEPS):
        old = model.size
        new = luck.randint(old + 1, min(MOST, old + 60))
        good = grown(old, new)
        false = REWRITTEN.consistency(old, new) if old else [b"\x07" * 32]
        yield luck.choice(
            [
                good,
                good,
                Append(old, new, REWRITTEN.root(new), false),
                Append(old, new, good.root, false),
                Append(old, new, good.root, [*good.proof, b"\x07" * 32]),
                Append(old, luck.randint(0, old), TRUE.root(old), []),
                Append(luck.choice(model.sizes), new, good.root, good.proof),
                Append(old, new, good.root, good.proof, by=secrets.token_bytes(32)),
                *model.taken[-2:],
            ]
        )


@pytest.fixture(scope="module")
def elsewhere(chain: Chain) -> Ledger:
    return deployed(chain)


@for_examples({"anvil": 8, "ganache": 2, "hardhat": 2}, seed=st.integers(0, 2**32))
def test_the_contract_does_what_the_model_does(ledger: Ledger, elsewhere: Ledger, seed: int) -> None:
    log, model, luck = ledger.open_log(0, tree.EMPTY_ROOT), Model(), Random(seed)  # noqa: S311
    forged = set()
    for one in attempts(luck, model):
        expected = model.refusal(one)
        try_on(ledger, log, one, expected)
        if expected is None:
            model.sizes.append(one.new_size)
            model.taken.append(one)
        elif one.root not in (TRUE.root(one.new_size), head_of(model.size).root):
            forged.add(one.root)
        assert log.client.head() == head_of(model.size)
    assert [anchored_size(log, one.root) for one in model.taken] == model.sizes[1:]
    assert [root for root in forged if anchored_size(log, root)] == []
    later = elsewhere.open_log(model.size, head_of(model.size).root)
    for one in model.taken:
        try_on(elsewhere, later, one, "HeadMoved")
    assert later.client.head() == head_of(model.size)


def try_on(ledger: Ledger, log: Log, one: Append, expected: str | None) -> None:
    """Ask first, for the reason, then send: what is refused is mined with status 0."""
    append = ledger.contract.functions.append(log.id, one.old_size, one.new_size, one.root, one.proof)
    key = one.by or log.sequencer_key
    if expected is not None:
        with refused_with(expected):
            append.call({"from": Account.from_key(key).address}, ccip_read_enabled=False)
    assert ledger.send(key, append)["status"] == (1 if expected is None else 0)


def head_of(size: int) -> Head:
    return Head(size, TRUE.root(size) if size else tree.EMPTY_ROOT)


def anchored_size(log: Log, root: bytes) -> int | None:
    anchored = log.client.anchored_at(root)
    return anchored.size if anchored else None
