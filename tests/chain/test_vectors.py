"""The vectors of the tree, and the log of the evidence cases, as the contract itself sees them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.chain.logs import Ledger
from tests.unit.ledger.vectors import load, named

TREE, EVIDENCE, HEAD = load("tree.json"), load("evidence.json"), load("checkpoint.json")["good"][0]
LEAVES = [hashlib.sha256(b"\0" + bytes.fromhex(leaf)).digest() for leaf in TREE["leaves"]]


def unhex(path: list[str]) -> list[bytes]:
    return [bytes.fromhex(step) for step in path]


def root_of(size: int) -> bytes:
    return bytes.fromhex(TREE["roots"][size - 1])


@pytest.mark.parametrize("case", TREE["consistency"][1:], ids=lambda case: f"{case['old']} to {case['new']}")
def test_it_takes_a_head_with_the_reference_proof(ledger: Ledger, case: dict[str, Any]) -> None:
    log = ledger.open_log(case["old"], root_of(case["old"]))
    proof = unhex(case["path"])
    assert not log.append(case["old"], case["new"], root_of(case["new"]), [*proof, proof[0]]).succeeded
    assert log.append(case["old"], case["new"], root_of(case["new"]), proof).succeeded


@pytest.mark.parametrize("case", TREE["inclusion"], ids=lambda case: f"{case['index']} of {case['size']}")
def test_it_finds_a_leaf_by_the_reference_path(ledger: Ledger, case: dict[str, Any]) -> None:
    index, size, path = case["index"], case["size"], unhex(case["path"])
    log, root = ledger.open_log(size, root_of(size)), root_of(size)
    assert log.client.verify_inclusion(root, LEAVES[index], index, path)
    assert not log.client.verify_inclusion(root, LEAVES[index], size, path)
    assert not log.client.verify_inclusion(root, LEAVES[index - 1], index, path) or size == 1


@pytest.mark.parametrize("case", named(load("entry.json")["good"][:2]))
def test_it_finds_the_evidences_entry_and_no_other(ledger: Ledger, case: dict[str, Any]) -> None:
    invoice, root = EVIDENCE["files"]["invoice"], bytes.fromhex(HEAD["root"])
    log, path = ledger.open_log(HEAD["size"], root), unhex(invoice["inclusion"])
    leaf = hashlib.sha256(b"\0" + bytes.fromhex(case["bytes"])).digest()
    assert leaf.hex() == case["leaf"]
    assert log.client.verify_inclusion(root, leaf, invoice["index"], path) is (case["kind"] == 3)
