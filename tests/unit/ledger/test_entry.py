"""Entries: 133 bytes that read back as they were written, and nothing else is one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.ledger import tree
from invoice_service.ledger.entry import ENTRY_BYTES, BadEntry, Entry, Kind
from tests.unit.ledger.vectors import load, named

VECTORS = load("entry.json")
ENTRIES = st.builds(
    Entry,
    st.sampled_from(Kind),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=20, max_size=20),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**64 - 1),
)


@given(ENTRIES)
def test_an_entry_reads_back(entry: Entry) -> None:
    data = entry.encode()
    assert len(data) == ENTRY_BYTES == 133
    assert Entry.decode(data) == entry


@given(st.binary(min_size=125, max_size=125), st.binary(min_size=7, max_size=9), st.integers(0, 255))
def test_any_bytes_are_an_entry_or_refused(rest: bytes, tag: bytes, kind: int) -> None:
    for data in (tag + bytes([kind]) + rest, b"SLENTRY1" + bytes([kind]) + rest[1:]):
        try:
            assert Entry.decode(data).encode() == data
        except BadEntry:
            assert len(data) != 133 or data[:8] != b"SLENTRY1" or not 1 <= data[8] <= 7


@pytest.mark.parametrize("case", named(VECTORS["good"]))
def test_good_vectors(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["bytes"])
    assert Entry.decode(data) == Entry(
        Kind(case["kind"]),
        bytes.fromhex(case["issuer_id"]),
        bytes.fromhex(case["claim_address"]),
        bytes.fromhex(case["body_commitment"]),
        bytes.fromhex(case["buyer_commitment"]),
        case["instant_ms"],
    )
    assert tree.leaf_hash(data).hex() == case["leaf"]


@pytest.mark.parametrize("case", named(VECTORS["bad"]))
def test_bad_vectors(case: dict[str, Any]) -> None:
    with pytest.raises(BadEntry):
        Entry.decode(bytes.fromhex(case["bytes"]))
