"""SPEC.md tells the truth: its examples are the vector's values, and the vector verifies."""

from __future__ import annotations

import base64
import json

import pytest

from invoice_service.ledger import canonical
from invoice_service.ledger import evidence as ev
from invoice_service.ledger.entry import body_commitment
from scripts.lib.paths import ROOT
from tests.unit.ledger.evidence_files import ChainThatHolds

SPEC = (ROOT / "invoice_service" / "ledger" / "SPEC.md").read_text()
VECTOR = json.loads((ROOT / "tests" / "vectors" / "evidence.json").read_text())
EVIDENCE = VECTOR["evidence"]


def test_the_vector_is_genuine() -> None:
    chain = ChainThatHolds({bytes.fromhex(VECTOR["head"]): 5})
    found = ev.verify(
        ev.parse(json.dumps(EVIDENCE).encode()), trusted_issuer=bytes.fromhex(VECTOR["root"]), chain=chain
    )
    assert found.verdict == ev.GENUINE


@pytest.mark.parametrize(
    "example",
    [
        canonical.encode(EVIDENCE["body"]).decode(),
        EVIDENCE["entry"],
        body_commitment(bytes([2]) * 32, canonical.encode(EVIDENCE["body"])).hex(),
        f"= {VECTOR['log_id']}",
        f"leaf of the entry above = {VECTOR['leaf']}",
        f"root of its five entries = {VECTOR['head']}",
        base64.b64encode(bytes.fromhex(VECTOR["head"])).decode(),
    ],
)
def test_its_examples_are_the_vectors(example: str) -> None:
    assert example in SPEC


@pytest.mark.parametrize("name", sorted(EVIDENCE))
def test_it_names_every_field_of_an_evidence_file(name: str) -> None:
    assert f"`{name}`" in SPEC
