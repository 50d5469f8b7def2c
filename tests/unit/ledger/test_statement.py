"""The issuer statement: believed only as a whole, in one spelling, under its own root's signature."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from invoice_service.ledger import statement
from invoice_service.ledger.keys import key_id, public_der
from invoice_service.ledger.statement import BadStatement
from tests.unit.ledger.evidence_files import Issuer, sign_statement
from tests.unit.ledger.vectors import load, named

VECTORS = load("statement.json")
ISSUER = Issuer()
SIGNED = ISSUER.signed_statement()


@pytest.mark.parametrize("case", named(VECTORS["good"]))
def test_good_vectors(case: dict[str, Any]) -> None:
    opened = statement.open_signed(case["signed"])
    assert opened.issuer_id.hex() == case["issuer_id"]
    assert opened.to_json() == case["signed"]["statement"]


@pytest.mark.parametrize("case", named(VECTORS["bad"]))
def test_bad_vectors(case: dict[str, Any]) -> None:
    with pytest.raises(BadStatement):
        statement.open_signed(case["signed"])


def test_what_the_root_signed_reads_back() -> None:
    assert statement.open_signed(statement.sign(ISSUER.statement, ISSUER.root)) == ISSUER.statement


@pytest.mark.parametrize("name", sorted(SIGNED["statement"]))
def test_a_statement_without_a_member_is_refused_however_well_signed(name: str) -> None:
    document = copy.deepcopy(SIGNED["statement"])
    del document[name]
    with pytest.raises(BadStatement):
        statement.open_signed(sign_statement(document, ISSUER.root))


@pytest.mark.parametrize("value", [None, True, 7, "", "x", [], {}, [1], {"statement": 1}, b"", 1.5])
def test_what_is_no_statement_at_all(value: Any) -> None:
    for signed in (value, {"statement": value, "signature": "00" * 64}, SIGNED | {"signature": value}):
        with pytest.raises(BadStatement):
            statement.open_signed(signed)


def test_a_root_that_is_no_p256_key_signs_nothing() -> None:
    der = public_der(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))
    stranger = dataclasses.replace(ISSUER.statement, root_key=der, issuer_id=key_id(der))
    with pytest.raises(BadStatement, match="not signed"):
        statement.open_signed(sign_statement(stranger.to_json(), ISSUER.root))


def test_the_signature_covers_the_tag() -> None:
    """A root's signature over the same bytes for another purpose is no statement."""
    document = SIGNED["statement"]
    untagged = statement.sign_p256(ISSUER.root, statement.canonical.encode(document)).hex()
    with pytest.raises(BadStatement, match="not signed"):
        statement.open_signed({"statement": document, "signature": untagged})
