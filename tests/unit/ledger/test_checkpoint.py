"""Checkpoints: what this log's key signed, and every way of not quite being that."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoice_service.ledger import checkpoint
from invoice_service.ledger.checkpoint import BadCheckpoint, Checkpoint
from invoice_service.ledger.keys import public_der
from tests.unit.ledger.evidence_files import ORIGIN, Issuer
from tests.unit.ledger.vectors import load, named

VECTORS = load("checkpoint.json")
KEY = base64.b64decode(VECTORS["key"])
ISSUER = Issuer()
NOTE = VECTORS["good"][0]["note"]


def opened(note: str, key: bytes = KEY) -> Checkpoint:
    return checkpoint.open_note(note, origin=ORIGIN, public_key_der=key)


@pytest.mark.parametrize("case", named(VECTORS["good"]))
def test_good_vectors(case: dict[str, Any]) -> None:
    assert opened(case["note"]) == Checkpoint(ORIGIN, case["size"], bytes.fromhex(case["root"]))


@pytest.mark.parametrize("case", named(VECTORS["bad"]))
def test_bad_vectors(case: dict[str, Any]) -> None:
    with pytest.raises(BadCheckpoint):
        opened(case["note"])


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_what_was_signed_reads_back(size: int, root: bytes) -> None:
    head = Checkpoint(ORIGIN, size, root)
    assert opened(checkpoint.sign(head, ISSUER.log_key), public_der(ISSUER.log_key)) == head


@settings(max_examples=300)
@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_any_character_changed_is_refused(place: int, character: str) -> None:
    changed = NOTE[:place] + character + NOTE[place + 1 :]
    if changed != NOTE:
        with pytest.raises(BadCheckpoint):
            opened(changed)


@pytest.mark.parametrize("length", range(len(NOTE)))
def test_a_cut_note_is_refused(length: int) -> None:
    with pytest.raises(BadCheckpoint):
        opened(NOTE[:length])


@given(st.text())
def test_any_text_is_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        opened(text)
    with suppress(BadCheckpoint):
        opened(NOTE + text)


def test_a_key_of_another_kind_signs_no_checkpoint() -> None:
    with pytest.raises(BadCheckpoint):
        opened(NOTE, public_der(ISSUER.root))
    with pytest.raises(BadCheckpoint):
        opened(NOTE, b"no key at all")


def test_another_logs_checkpoint_by_the_same_key() -> None:
    note = checkpoint.sign(Checkpoint("other.local/log", ISSUER.size, ISSUER.head), ISSUER.log_key)
    with pytest.raises(BadCheckpoint):
        opened(note)
