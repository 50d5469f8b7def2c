"""What an append costs, measured on Anvil: the numbers of docs/reference/gas.md."""

from __future__ import annotations

import pytest

from chain.client import APPEND_GAS, APPEND_GAS_A_NODE
from invoice_service.ledger import tree
from tests.chain.logs import Ledger
from tests.chain.trees import uniform

UNIFORM = uniform()
MILLION = 1_000_003  # odd and not near a power of two: a long proof


def _append_gas(ledger: Ledger, old_size: int, new_size: int) -> int:
    log = ledger.open_log(old_size, UNIFORM.root(old_size))
    proof = UNIFORM.consistency(old_size, new_size)
    receipt = log.append(old_size, new_size, UNIFORM.root(new_size), proof)
    assert receipt.succeeded
    return receipt.gas_used


def test_a_thousand_entries_on_a_log_of_a_million_cost_at_most_120_gas_each(ledger: Ledger) -> None:
    gas = _append_gas(ledger, MILLION, MILLION + 1_000)
    assert gas / 1_000 <= 120
    assert gas <= 90_000


@pytest.mark.parametrize(
    ("old_size", "new_size"),
    [
        (0, 1),
        (1, 2**63),
        (MILLION, MILLION + 1),
        (2**63 - 1, 2**63),  # every level of the old tree is in the proof
        (2**62 + 1, 2**63 - 1),
        (0x5555_5555_5555_5555, 0x5555_5555_5555_5556),
        (2**64 - 3, 2**64 - 1),
    ],
)
def test_the_gas_limit_that_is_signed_always_suffices(ledger: Ledger, old_size: int, new_size: int) -> None:
    proof = UNIFORM.consistency(old_size, new_size) if old_size else []
    assert _append_gas(ledger, old_size, new_size) <= APPEND_GAS + APPEND_GAS_A_NODE * len(proof)


def test_the_first_append_of_an_empty_log(ledger: Ledger) -> None:
    log = ledger.open_log(0, tree.EMPTY_ROOT)
    assert log.append(0, 1_000, UNIFORM.root(1_000), []).gas_used <= 60_000
