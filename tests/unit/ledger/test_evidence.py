"""Every way to bend an evidence file: it is never genuine, and never more than a refusal."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoice_service.domain.standing import Standing
from invoice_service.ledger import canonical
from invoice_service.ledger import evidence as ev
from invoice_service.ledger.entry import Kind, commit_buyer
from tests.unit.ledger.evidence_files import (
    BLOCK_MS,
    BLOCK_TIME,
    Anchored,
    ChainDown,
    ChainThatHolds,
    Contract,
    ContractDown,
    Issuer,
    NeverToBeAsked,
    salt,
    sign_p256,
    sign_statement,
)

ISSUER = Issuer()
FORGER = Issuer(seed=66)
GOOD = ISSUER.evidence().to_json()
AFTER_THE_BLOCK_MS = BLOCK_MS + 1
BETWEEN_ENTRY_AND_BLOCK_MS = BLOCK_MS - 1
ENTRY_MS = ISSUER.entries[3].instant_ms


def verdict_of(document: Any, *, issuer: Issuer = ISSUER, chain: Any = ISSUER.chain) -> ev.Verdict:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ev.verify(ev.parse(data), trusted_issuer=issuer.id, chain=chain)


def changed(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(GOOD) | fields


def said_by(*, root: Issuer = ISSUER, **fields: Any) -> dict[str, Any]:
    """The good file under a statement that says something else and is signed by `root` all the same."""
    document = ISSUER.statement.to_json() | {
        "issuer": root.id.hex(),
        "root_key": root.statement.to_json()["root_key"],
    }
    return changed(issuer=sign_statement(document | fields, root.root))


def test_the_file_is_genuine_with_and_without_a_chain() -> None:
    asked = verdict_of(GOOD)
    assert asked.verdict == ev.GENUINE
    assert [step.name for step in asked.steps] == [
        "issuer", "pin", "body", "buyer", "signature", "inclusion", "chain",
    ]  # fmt: skip
    assert (asked.block_number, asked.existed_by, asked.chain_operator) == (7, BLOCK_TIME, "the tests")
    assert verdict_of(GOOD, chain=None).verdict == ev.GENUINE
    assert verdict_of(ISSUER.evidence().to_bytes()).verdict == ev.GENUINE


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


def test_without_a_pin_a_forgers_contract_is_not_even_asked() -> None:
    found = ev.verify(FORGER.evidence(), trusted_issuer=None, chain=NeverToBeAsked())
    assert found.verdict == ev.UNDECIDED
    assert (found.issuer_name, found.existed_by, found.chain_operator) == (None, None, None)


@pytest.mark.parametrize("stolen", ["signature", "checkpoint", "inclusion"])
def test_a_forgers_part_under_the_issuers_statement(stolen: str) -> None:
    assert verdict_of(changed(**{stolen: FORGER.evidence().to_json()[stolen]})).verdict == ev.ALTERED


def test_a_forgers_statement_over_the_issuers_own_file() -> None:
    """The entry names another issuer than the statement, so it fails even for who trusts the forger."""
    found = verdict_of(said_by(root=FORGER), issuer=FORGER, chain=None)
    assert (found.verdict, found.steps[-1].name) == (ev.ALTERED, "body")


@pytest.mark.parametrize(
    "chain",
    [ChainDown(), ContractDown(), ChainThatHolds({}), ChainThatHolds({ISSUER.epoch.nonce: {}})],
    ids=["chain down", "contract down", "other chain", "head missing"],
)
def test_a_chain_that_cannot_tell_leaves_it_undecided(chain: Any) -> None:
    found = verdict_of(GOOD, chain=chain)
    assert (found.verdict, found.steps[-1].outcome) == (ev.UNDECIDED, ev.OPEN)


def test_a_head_of_another_size_on_chain() -> None:
    found = verdict_of(GOOD, chain=ISSUER.chain_with(Anchored(ISSUER.size - 1)))
    assert found.verdict == ev.ALTERED
    assert found.existed_by is None


CLAIM_ADDRESS = ISSUER.entries[3].claim_address
CLAIMED = Standing(ev.CLAIMED, 0, BLOCK_TIME)


def chain_that_knows(standing: Standing) -> ChainThatHolds:
    epochs = {ISSUER.epoch.nonce: {ISSUER.head: Anchored(ISSUER.size)}}
    return ChainThatHolds(epochs, {CLAIM_ADDRESS: standing})


@pytest.mark.parametrize(
    ("state", "notes", "status"),
    [
        (ev.FREE, 0, "valid"),
        (ev.FREE, 1, "credited_in_part"),
        (ev.CLAIMED, 0, "valid"),
        (ev.CLAIMED, 2, "credited_in_part"),
        (ev.LOCKED, 0, "valid"),
        (ev.CREDITED, 1, "credited"),
    ],
)
def test_what_became_of_it_is_told_and_changes_no_verdict(state: str, notes: int, status: str) -> None:
    standing = Standing(state, notes, BLOCK_TIME)
    found = verdict_of(GOOD, chain=chain_that_knows(standing))
    assert (found.verdict, found.standing, standing.status) == (ev.GENUINE, standing, status)


def test_what_became_of_it_is_asked_of_the_newest_epoch() -> None:
    old, new = ISSUER.epoch, dataclasses.replace(ISSUER.epoch, nonce=bytes([9]) * 32)
    epochs = dataclasses.replace(ISSUER.statement, epochs=(old, new)).to_json()["epochs"]
    heads = {ISSUER.head: Anchored(ISSUER.size)}
    gone = ChainThatHolds({old.nonce: heads}, {CLAIM_ADDRESS: CLAIMED})
    here = ChainThatHolds({new.nonce: heads}, {CLAIM_ADDRESS: CLAIMED})
    document = said_by(epochs=epochs)
    assert verdict_of(document, chain=here).standing == CLAIMED
    found = verdict_of(document, chain=gone)
    assert (found.verdict, found.standing) == (ev.GENUINE, None), "an epoch that ended knows nothing of now"


def test_nothing_is_told_of_what_is_not_genuine_or_by_a_chain_that_does_not_say() -> None:
    assert verdict_of(changed(body={**GOOD["body"], "remarks": "x"})).standing is None
    assert verdict_of(GOOD, chain=None).standing is None
    forgotten = ISSUER.chain
    forgotten.open = lambda _epoch: KnowsNoStatus(forgotten.epochs[ISSUER.epoch.nonce], {})  # type: ignore[method-assign]
    found = verdict_of(GOOD, chain=forgotten)
    assert (found.verdict, found.standing) == (ev.GENUINE, None)


class KnowsNoStatus(Contract):
    """A contract of before, or one that stops answering."""

    def standing(self, _issuer_id: bytes, _claim_address: bytes) -> Standing:
        raise ConnectionError("no answer")


def test_of_several_epochs_the_one_that_took_the_head_first_is_told() -> None:
    old, new = ISSUER.epoch, dataclasses.replace(ISSUER.epoch, nonce=bytes([9]) * 32, operator="others")
    epochs = dataclasses.replace(ISSUER.statement, epochs=(old, new)).to_json()["epochs"]
    later = Anchored(ISSUER.size, block_number=99)
    both = ChainThatHolds({old.nonce: {ISSUER.head: Anchored(ISSUER.size)}, new.nonce: {ISSUER.head: later}})
    only_old = ChainThatHolds({old.nonce: {ISSUER.head: Anchored(ISSUER.size)}, new.nonce: {}})
    only_new = ChainThatHolds({new.nonce: {ISSUER.head: later}})
    found = [verdict_of(said_by(epochs=epochs), chain=chain) for chain in (both, only_old, only_new)]
    assert [each.verdict for each in found] == [ev.GENUINE] * 3
    assert [each.chain_operator for each in found] == ["the tests", "the tests", "others"]


def test_not_yet_in_the_log_is_undecided() -> None:
    assert verdict_of(changed(index=None, checkpoint=None, inclusion=[])).verdict == ev.UNDECIDED


@pytest.mark.parametrize(
    ("revoked_ms", "with_chain", "without_chain"),
    [
        (ENTRY_MS, ev.ALTERED, ev.ALTERED),
        (ENTRY_MS + 1, ev.UNDECIDED, ev.UNDECIDED),
        (BETWEEN_ENTRY_AND_BLOCK_MS, ev.UNDECIDED, ev.UNDECIDED),
        (AFTER_THE_BLOCK_MS, ev.GENUINE, ev.UNDECIDED),
    ],
)
def test_a_revoked_entry_key_is_judged_by_the_block(
    revoked_ms: int, with_chain: str, without_chain: str
) -> None:
    """Who steals a key writes any instant into an entry: only a block's time is not the thief's word."""
    issuer = Issuer(entry_revoked_ms=revoked_ms)
    document = issuer.evidence().to_json()
    assert verdict_of(document, chain=issuer.chain).verdict == with_chain
    assert verdict_of(document, chain=None).verdict == without_chain


def test_under_a_revoked_log_key_only_the_chain_can_tell() -> None:
    issuer = Issuer(log_revoked_ms=ENTRY_MS)
    document = issuer.evidence().to_json()
    assert verdict_of(document, chain=issuer.chain).verdict == ev.GENUINE
    assert verdict_of(document, chain=None).verdict == ev.UNDECIDED


def test_an_old_statement_without_the_revocation_does_not_make_a_head_appear() -> None:
    """A thief of both daily keys shows the statement of before: all but the chain believe it."""
    old = changed(issuer=ISSUER.signed_statement())
    head_missing = ChainThatHolds({ISSUER.epoch.nonce: {}})
    assert verdict_of(old, chain=head_missing).verdict == ev.UNDECIDED


def test_an_entry_older_than_its_key() -> None:
    keys = ISSUER.statement.to_json()["keys"]
    keys[0]["valid_from_ms"] = ENTRY_MS
    assert verdict_of(said_by(keys=keys), chain=None).verdict == ev.GENUINE
    keys[0]["valid_from_ms"] = ENTRY_MS + 1
    found = verdict_of(said_by(keys=keys), chain=None)
    assert (found.verdict, found.steps[-1].name) == (ev.ALTERED, "signature")


@pytest.mark.parametrize(("which", "step"), [(0, "signature"), (1, "inclusion")])
def test_a_key_for_another_use(which: int, step: str) -> None:
    keys = ISSUER.statement.to_json()["keys"]
    keys[which]["use"] = "something later"
    found = verdict_of(said_by(keys=keys), chain=None)
    assert (found.verdict, found.steps[-1].name) == (ev.ALTERED, step)


@pytest.mark.parametrize("keys", [[], ISSUER.statement.to_json()["keys"][:1]], ids=["none", "no log key"])
def test_a_statement_that_names_too_few_keys(keys: list[Any]) -> None:
    assert verdict_of(said_by(keys=keys), chain=None).verdict == ev.ALTERED


def test_keys_of_the_wrong_kind_verify_nothing() -> None:
    """An unpinned stranger's statement may name anything as a key: never more than a refusal."""
    keys = ISSUER.statement.to_json()["keys"]
    keys[0]["use"], keys[1]["use"] = keys[1]["use"], keys[0]["use"]
    assert verdict_of(said_by(keys=keys), chain=None).verdict == ev.ALTERED
    entry_key = ISSUER.statement.to_json()["keys"][0]
    both = said_by(keys=[entry_key, entry_key | {"use": "checkpoint"}])
    assert verdict_of(both, chain=None).steps[-1].name == "inclusion"


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"issuer_id": FORGER.id}, "body"),
        ({"kind": Kind.CREDIT_NOTE}, "body"),
        ({"buyer_commitment": commit_buyer(salt("buyer 2"), ISSUER.buyers[2])[1]}, "buyer"),
    ],
    ids=["another issuer", "another kind", "another invoice's buyer"],
)
def test_an_entry_that_the_issuer_itself_signed_wrongly(change: dict[str, Any], step: str) -> None:
    entry = dataclasses.replace(ISSUER.entries[3], **change).encode()
    signature = sign_p256(ISSUER.working, entry)
    theirs = {"buyer": ISSUER.buyers[2], "buyer_salt": salt("buyer 2").hex()} if step == "buyer" else {}
    found = verdict_of(changed(entry=entry.hex(), signature=signature.hex(), **theirs), chain=None)
    assert (found.verdict, found.steps[-1].name) == (ev.ALTERED, step)


def test_a_sales_entry_is_no_invoice() -> None:
    """The issuer signed it and it is in the log, but nobody may show it as an invoice."""
    entry = ISSUER.entries[2].encode()
    found = verdict_of(
        changed(entry=entry.hex(), body=ISSUER.sales[1], body_salt=salt("sale 1").hex()), chain=None
    )
    assert (found.verdict, found.steps[-1].name) == (ev.ALTERED, "body")


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
    never_genuine(changed(**{name: ISSUER.evidence(2).to_json()[name]}))


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
        {"checkpoint": GOOD["checkpoint"].replace("\n6\n", "\n06\n")},
        {"checkpoint": GOOD["checkpoint"].removesuffix("\n")},
        {"checkpoint": None},
        {"inclusion": {}},
        {"inclusion": [*GOOD["inclusion"], "00" * 32]},
        {"inclusion": GOOD["inclusion"][::-1]},
        {"signature": ""},
        {"body": GOOD["body"] | {"total_fen": 2000.0}},
        {"body": GOOD["body"] | {"note": None}},
        {"body": GOOD["body"] | {"remarks": "\ud800"}},
        {"body": GOOD["body"] | {"total_fen": float("nan")}},
        {"body": GOOD["body"] | {"total_fen": 10**20}},
        {"issuer": GOOD["issuer"] | {"signature": GOOD["issuer"]["signature"].upper()}},
        {"issuer": GOOD["issuer"] | {"signature": " " + GOOD["issuer"]["signature"]}},
        {"issuer": GOOD["issuer"] | {"note": 1}},
        {"issuer": {}},
        {"index": 10**4000},
    ],
)
def test_other_spellings_are_never_genuine(change: dict[str, Any]) -> None:
    never_genuine(changed(**change))


OTHER_TYPES = [None, True, 0, -1, 1.5, 10**30, "", "00", "\ud800", [], [[]], {}, {"a": 1}, ["x"] * 3]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(list(leaves(GOOD))), st.integers(0, 4), st.sampled_from(OTHER_TYPES))
def test_any_value_of_another_type_at_any_depth(path: tuple[Any, ...], up: int, value: Any) -> None:
    document = copy.deepcopy(GOOD)
    holder, key = at(document, path[: max(1, len(path) - up)])
    before, holder[key] = holder[key], value
    if value != before or type(value) is not type(before):
        never_genuine(document)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(list(leaves(ISSUER.statement.to_json()))), st.sampled_from(OTHER_TYPES), st.booleans())
def test_whatever_a_strangers_root_signs(path: tuple[Any, ...], value: Any, change: bool) -> None:
    """Well signed by its own root, and nonsense: undecided or altered, and never an upset."""
    document = FORGER.statement.to_json()
    holder, key = at(document, path)
    if change:
        holder[key] = value
    else:
        del holder[key]
    with suppress(canonical.NotCanonical, ev.NotEvidence):
        signed = FORGER.evidence().to_json() | {"issuer": sign_statement(document, FORGER.root)}
        found = ev.verify(ev.parse(json.dumps(signed).encode()), trusted_issuer=None, chain=FORGER.chain)
        assert found.verdict in (ev.UNDECIDED, ev.ALTERED)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_file_cut_anywhere(data: st.DataObject) -> None:
    whole = ISSUER.evidence().to_bytes()
    with pytest.raises(ev.NotEvidence):
        ev.parse(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_byte_changed_anywhere(data: st.DataObject) -> None:
    """What a reader of JSON takes for the same file may pass; nothing else."""
    whole = ISSUER.evidence().to_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    bent_file = whole[:place] + bytes([data.draw(st.integers(0, 255))]) + whole[place + 1 :]
    with suppress(ev.NotEvidence):
        same = ev.parse(bent_file) == ISSUER.evidence()
        assert (verdict_of(bent_file).verdict == ev.GENUINE) == same


def test_a_hundred_megabytes_are_refused_unread() -> None:
    with pytest.raises(ev.NotEvidence, match="too large"):
        ev.parse(b"[" * 100_000_000)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"9" * 5000, b'{"index":' + b"9" * 5000 + b"}",
        b"[]", b"null", b"\xff\xfe", b"{" * 5000, b'{"a":' * 5000, b"[" * 100_000, b"x" * 300_000,
        json.dumps(GOOD).encode()[:-1], json.dumps(GOOD).encode() + b"}",
        json.dumps(GOOD).replace('"version": 1,', '"version": 1, "version": 1,', 1).encode(),
    ],
)  # fmt: skip
def test_what_is_no_evidence_at_all(data: bytes) -> None:
    with pytest.raises(ev.NotEvidence):
        ev.parse(data)
