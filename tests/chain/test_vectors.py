"""The vectors of the tree, and the log of the evidence cases, as the contract itself sees them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import pytest
from web3 import Web3

from chain.client import connect
from chain.deploy import Deployer
from tests.chain.logs import Ledger
from tests.unit.ledger.vectors import load, named

TREE, EVIDENCE, HEAD = load("tree.json"), load("evidence.json"), load("checkpoint.json")["good"][0]
PROOFS, CALLS = load("proofs.json"), {call["name"]: call for call in load("chain.json")["calls"]}
GROWTHS = [case for case in PROOFS["consistency"] if case["old_size"]]  # an empty log takes any first head
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


@pytest.mark.parametrize("case", named(PROOFS["inclusion"]))
def test_it_believes_of_an_entry_what_is_proven(ledger: Ledger, case: dict[str, Any]) -> None:
    leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
    log = ledger.open_log(case["size"], root)
    assert log.client.verify_inclusion(root, leaf, case["index"], unhex(case["path"])) is case["holds"]


@pytest.mark.parametrize("case", named(GROWTHS))
def test_it_takes_a_head_that_is_proven_and_larger(ledger: Ledger, case: dict[str, Any]) -> None:
    old, new = case["old_size"], case["new_size"]
    log = ledger.open_log(old, bytes.fromhex(case["old_root"]))
    receipt = log.append(old, new, bytes.fromhex(case["new_root"]), unhex(case["path"]))
    assert receipt.succeeded is (case["holds"] and new > old)


@pytest.mark.parametrize(
    "name", ["head(bytes32)", "verifyInclusion(bytes32,bytes32,bytes32,uint64,bytes32[])"]
)
def test_it_answers_the_calls_as_they_are_written(evidences_log: Ledger, name: str) -> None:
    asked = {"to": Web3.to_checksum_address(evidences_log.address), "data": "0x" + CALLS[name]["data"]}
    assert connect(evidences_log.rpc_url, 5.0).eth.call(asked).hex() == CALLS[name]["result"]


@pytest.fixture(scope="module")
def evidences_log(ledger: Ledger) -> Ledger:
    """The contract, with the log of the evidence under its own id."""
    deployer = Deployer(ledger.rpc_url, admin_key=ledger.admin_key, sequencer_key=secrets.token_bytes(32))
    log_id = bytes.fromhex(load("keys.json")["log_id"])
    deployer.open_log(ledger.address, log_id, HEAD["size"], bytes.fromhex(HEAD["root"]))
    return ledger
