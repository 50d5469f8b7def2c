"""Canonical JSON against the rfc8785 package, and what the subset refuses."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.ledger import canonical
from invoice_service.ledger.canonical import MAX_SAFE_INTEGER, NotCanonical
from tests.unit.ledger.vectors import load, named

VECTORS = load("canonical.json")
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_as_rfc8785_writes_it(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)
    assert canonical.decode(canonical.encode(value)) == value


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), MAX_SAFE_INTEGER + 1, -(2**60), "\ud800", {"é": 1}, {1: 2}, b"x", {"a": [0.0]}],
)
def test_what_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1,"a":1}', b'{"a":1} ', b'{"a":1.0}', b'{"a":1e2}',
        b'"\\u0061"', b'{"a":', b"\xff", b"", b"NaN", b"[" * 100_000, b"9" * 5000, b"[" * 3000 + b"]" * 3000,
    ],
)  # fmt: skip
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        canonical.decode(data)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_a_hundred_levels_are_the_limit() -> None:
    data = b"[" * 100 + b"]" * 100
    assert canonical.encode(nested(100)) == data
    assert canonical.encode(canonical.decode(data)) == data
    for refuse in (lambda: canonical.encode(nested(101)), lambda: canonical.decode(b"[" + data + b"]")):
        with pytest.raises(NotCanonical, match="deep"):
            refuse()


@given(VALUES)
def test_depth_is_that_of_the_value(value: Any) -> None:
    assert canonical.depth(canonical.encode(value)) == depth_of(value)
    assert canonical.depth(json.dumps([value], indent=1).encode()) == depth_of(value) + 1


def depth_of(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)
    return 0


@given(st.binary(max_size=12), st.text('"\\[{', max_size=12))
def test_depth_of_what_is_no_json_is_never_too_small_for_a_parser(data: bytes, text: str) -> None:
    """Brackets after the last string that a parser could have read whole all count."""
    assert canonical.depth(b"[" * 9 + data) >= 9
    assert canonical.depth(json.dumps(text).encode() + b"[" * 9) == 9


@pytest.mark.parametrize("unit", [b'"\\', b'\\"', b'"', b"[", b'["', b'"[', b"\\"])
def test_depth_takes_time_in_proportion(unit: bytes) -> None:
    """A pattern that went back over an unclosed string would need hours for this."""
    canonical.depth(b'"' + unit * 100_000)


@pytest.mark.parametrize("case", named(VECTORS["good"]))
def test_good_vectors(case: dict[str, Any]) -> None:
    data = case["canonical"].encode()
    assert canonical.encode(case["value"]) == data == rfc8785.dumps(case["value"])
    assert canonical.decode(data) == case["value"]


@pytest.mark.parametrize("case", named(VECTORS["bad"]))
def test_bad_vectors(case: dict[str, Any]) -> None:
    with pytest.raises(NotCanonical):
        canonical.decode(bytes.fromhex(case["hex"]))


@given(st.binary(max_size=40))
def test_any_bytes_are_canonical_or_refused(data: bytes) -> None:
    with suppress(NotCanonical):
        assert canonical.encode(canonical.decode(data)) == data
