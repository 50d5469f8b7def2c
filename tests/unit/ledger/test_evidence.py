"""Every way to bend an evidence file: it is never genuine, and never more than a refusal."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from invoice_service.ledger import evidence as ev
from tests.unit.ledger.evidence_files import MADE_MS, ChainDown, ChainThatHolds, Issuer, OtherChain

ISSUER = Issuer()
FORGER = Issuer(seed=66)
GOOD = ISSUER.evidence().to_json()


def verdict_of(document: Any, *, issuer: Issuer = ISSUER, chain: Any = ISSUER.chain) -> ev.Verdict:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ev.verify(ev.parse(data), trusted_issuer=issuer.id, chain=chain)


def changed(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(GOOD) | fields


def test_the_file_is_genuine_with_and_without_a_chain() -> None:
    asked = verdict_of(GOOD)
    assert asked.verdict == ev.GENUINE
    assert [step.name for step in asked.steps] == [
        "issuer", "pin", "body", "buyer", "signature", "inclusion", "chain",
    ]  # fmt: skip
    assert (asked.block_number, asked.chain_operator) == (7, "tests")
    assert verdict_of(GOOD, chain=None).verdict == ev.GENUINE


def test_an_erased_buyer_leaves_the_rest_standing() -> None:
    assert verdict_of(changed(buyer=None, buyer_salt=None)).verdict == ev.GENUINE


def test_without_a_pin_nothing_is_decided() -> None:
    found = ev.verify(ISSUER.evidence(), trusted_issuer=None, chain=ISSUER.chain)
    assert found.verdict == ev.UNDECIDED
    assert ISSUER.id.hex() in found.steps[1].detail


def test_a_forgers_whole_set_is_unknown() -> None:
    """Own root, own log, own chain: everything agrees, and none of it is the issuer's."""
    found = verdict_of(FORGER.evidence().to_json(), chain=FORGER.chain)
    assert found.verdict == ev.UNKNOWN
    assert verdict_of(FORGER.evidence().to_json(), issuer=FORGER, chain=FORGER.chain).verdict == ev.GENUINE


@pytest.mark.parametrize("chain", [ChainDown(), OtherChain(), ChainThatHolds({})])
def test_a_chain_that_cannot_tell_leaves_it_undecided(chain: Any) -> None:
    assert verdict_of(GOOD, chain=chain).verdict == ev.UNDECIDED


def test_a_head_of_another_size_on_chain() -> None:
    assert verdict_of(GOOD, chain=ChainThatHolds({ISSUER.head: 4})).verdict == ev.ALTERED


def test_not_yet_in_the_log_is_undecided() -> None:
    assert verdict_of(changed(index=None, checkpoint=None, inclusion=[])).verdict == ev.UNDECIDED


def test_a_revoked_key_signs_nothing_afterwards() -> None:
    late, early = Issuer(revoked_ms=MADE_MS), Issuer(revoked_ms=MADE_MS + 1000)
    assert verdict_of(late.evidence().to_json(), chain=None).verdict == ev.ALTERED
    assert verdict_of(early.evidence().to_json(), chain=None).verdict == ev.GENUINE


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every single value in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def at(document: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    for key in path[:-1]:
        document = document[key]
    return document, path[-1]


def bent(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool | None):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        last = "1" if value.endswith("0") else "0"
        return value[:-1] + last
    return [value]


def never_genuine(document: Any) -> None:
    with suppress(ev.NotEvidence):
        assert verdict_of(document).verdict != ev.GENUINE


@pytest.mark.parametrize("path", list(leaves(GOOD)), ids=lambda path: ".".join(map(str, path)))
def test_any_value_changed_is_never_genuine(path: tuple[Any, ...]) -> None:
    document = copy.deepcopy(GOOD)
    holder, key = at(document, path)
    holder[key] = bent(holder[key])
    never_genuine(document)


@pytest.mark.parametrize("path", list(leaves(GOOD)), ids=lambda path: ".".join(map(str, path)))
def test_any_value_removed_is_never_genuine(path: tuple[Any, ...]) -> None:
    document = copy.deepcopy(GOOD)
    holder, key = at(document, path)
    del holder[key]
    never_genuine(document)


@pytest.mark.parametrize(
    "name", [name for name in GOOD if name not in ("type", "version", "issuer", "checkpoint")]
)
def test_any_part_swapped_with_another_invoices_is_never_genuine(name: str) -> None:
    never_genuine(changed(**{name: ISSUER.evidence(3).to_json()[name]}))


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"version": 2},
        {"version": True},
        {"type": "other"},
        {"entry": GOOD["entry"].upper()},
        {"entry": GOOD["entry"] + "00"},
        {"entry": GOOD["entry"][:-2]},
        {"index": "2"},
        {"index": 2.0},
        {"index": True},
        {"index": -1},
        {"inclusion": "x"},
        {"body": []},
        {"issuer": None},
        {"buyer": None},
        {"checkpoint": GOOD["checkpoint"] + "\n"},
        {"checkpoint": GOOD["checkpoint"].replace("\n5\n", "\n05\n")},
    ],
)
def test_other_spellings_are_never_genuine(change: dict[str, Any]) -> None:
    never_genuine(changed(**change))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 5000, b'{"a":' * 5000, b"[" * 100_000, b"x" * 300_000,
        json.dumps(GOOD).encode()[:-1], json.dumps(GOOD).encode() + b"}",
        json.dumps(GOOD).replace('"version": 1,', '"version": 1, "version": 1,', 1).encode(),
    ],
)  # fmt: skip
def test_what_is_no_evidence_at_all(data: bytes) -> None:
    with pytest.raises(ev.NotEvidence):
        ev.parse(data)
