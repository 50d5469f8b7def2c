"""The vectors are what the code says, and the evidence cases get the verdicts that stand beside them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from web3 import Web3

from chain.compile import artifact
from chain.statuses import Domain, Signature, State, sign, signer_of
from invoice_service.flow.issue import make_claim_key
from invoice_service.keyring import Keyring
from invoice_service.ledger import canonical, checkpoint, tiles, tree
from invoice_service.ledger import evidence as ev
from invoice_service.ledger.entry import body_commitment, buyer_commitment
from invoice_service.ledger.keys import key_id, public_der, verifies_p256
from invoice_service.ledger.proof import includes, is_consistent
from invoice_service.onchain import ChainHeads
from tests.unit.ledger.endpoints import served
from tests.unit.ledger.evidence_files import BLOCK_MS
from tests.unit.ledger.vectors import FOLDER, load, named
from tests.vectors import make_vectors

MADE = make_vectors.vectors()
HEAD = bytes.fromhex(load("checkpoint.json")["good"][0]["root"])
KEYS, DOCUMENTS, EVIDENCE = load("keys.json"), load("documents.json"), load("evidence.json")
LOG, CHECKPOINT, PROOFS = load("log.json"), load("checkpoint.json"), load("proofs.json")
CHAIN_TIMEOUT_S = 5.0


@pytest.mark.parametrize("name", MADE)
def test_made_again_they_are_the_same(name: str) -> None:
    assert (FOLDER / name).read_bytes() == make_vectors.as_bytes(MADE[name])


@pytest.mark.parametrize("case", named(KEYS["keys"]))
def test_keys_and_their_ids(case: dict[str, Any]) -> None:
    scalar = bytes.fromhex(case["private"])
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    if case["name"] == "checkpoint":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(scalar)
    else:
        key = ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())
    assert base64.b64encode(public_der(key)).decode() == case["public_key"]
    assert key_id(public_der(key)).hex() == case["id"]


@pytest.mark.parametrize("case", named(PROOFS["inclusion"]))
def test_what_proves_that_an_entry_is_there(case: dict[str, Any]) -> None:
    leaf, root, path = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"]), _bytes_in(case["path"])
    assert includes(leaf, case["index"], case["size"], path, root) is case["holds"]


@pytest.mark.parametrize("case", named(PROOFS["consistency"]))
def test_what_proves_that_a_log_went_on(case: dict[str, Any]) -> None:
    roots = (bytes.fromhex(case[name]) for name in ("old_root", "new_root"))
    assert is_consistent(case["old_size"], case["new_size"], _bytes_in(case["path"]), *roots) is case["holds"]


@pytest.mark.parametrize("case", LOG["names"], ids=lambda case: case["tile"])
def test_names_of_a_public_log(case: dict[str, Any]) -> None:
    level, place = case["tile"].removeprefix("tile/").split("/", 1)
    assert _read(level, place) == (case["level"], case["index"], case["width"])
    assert case["bundle"] == f"tile/entries/{place}"


@pytest.mark.parametrize("name", LOG["no_names"])
def test_what_names_nothing_in_a_public_log(name: str) -> None:
    level, place = name.removeprefix("tile/").split("/", 1)
    with pytest.raises(tiles.NoSuchName):
        _read(level.replace("entries", "0"), place)


def _read(level: str, place: str) -> tuple[int, int, int]:
    return (tiles.read_level(level), *tiles.read_place(place))


def test_the_bundle_of_a_public_log_hashes_to_its_tile() -> None:
    tile, bundle = (bytes.fromhex(each["hex"]) for each in LOG["files"])
    assert tile == b"".join(map(tree.leaf_hash, tiles.entries_in(bundle, len(tile) // tree.HASH_BYTES)))


@pytest.mark.parametrize("name", ["fork", "fork_at_one_size"])
def test_a_fork_convinces_whoever_has_the_log_key_and_both_notes(name: str) -> None:
    fork = LOG[name]
    key = base64.b64decode(CHECKPOINT["key"])
    kept, seen = (
        checkpoint.open_note(fork[name], origin=CHECKPOINT["origin"], public_key_der=key)
        for name in ("kept", "seen")
    )
    told = fork["proof"]
    path, root = [bytes.fromhex(step) for step in told["path"]], bytes.fromhex(told["old_root"])
    assert (kept.size, seen.size, seen.root.hex()) == (told["old_size"], told["new_size"], told["new_root"])
    assert is_consistent(kept.size, seen.size, path, root, seen.root)
    assert kept.root != root


def test_the_names_that_hang_on_the_root() -> None:
    assert KEYS["issuer_id"] == KEYS["keys"][0]["id"]
    keyring = SimpleNamespace(issuer_id=bytes.fromhex(KEYS["issuer_id"]))
    assert Keyring.log_id.fget(keyring).hex() == KEYS["log_id"]  # type: ignore[attr-defined]


def test_the_claim_address_is_ethereums() -> None:
    """Of private key 1 anybody's wallet says the same address."""
    key, address = make_claim_key(bytes(32))
    assert int.from_bytes(key, "big") == 1
    assert address.hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"


@pytest.mark.parametrize("case", named(KEYS["p256"]))
def test_p256_signatures(case: dict[str, Any]) -> None:
    der = base64.b64decode(KEYS["keys"][1]["public_key"])
    message, signature = bytes.fromhex(case["message"]), bytes.fromhex(case["signature"])
    assert verifies_p256(der, message, signature) is case["holds"]


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "about"])
def test_documents_and_their_commitments(name: str) -> None:
    case = DOCUMENTS[name]
    data = case["canonical"].encode()
    assert canonical.encode(case["value"]) == data
    commit = buyer_commitment if name.startswith("buyer") else body_commitment
    assert commit(bytes.fromhex(case["salt"]), data).hex() == case["commitment"]


def test_an_invoices_lines_add_up() -> None:
    body = DOCUMENTS["invoice"]["value"]
    assert all(line["net_fen"] + line["tax_fen"] == line["amount_fen"] for line in body["lines"])
    assert body["net_fen"] + body["tax_fen"] == body["total_fen"] == 2000
    assert body["sale"] == DOCUMENTS["sale"]["commitment"]
    assert {line["treatment"] for line in body["lines"]} == {"exempt", "taxed"}


def test_each_access_record_stands_under_its_days_root() -> None:
    """By SPEC.md sections 4 and 6 alone."""
    access = load("access.json")
    body, size = DOCUMENTS["access_day"]["value"], len(access["records"])
    assert (body["root"], body["size"]) == (access["root"], size)
    for index, case in enumerate(access["records"]):
        data = case["canonical"].encode()
        assert canonical.encode(case["value"]) == data
        assert hashlib.sha256(b"\0" + data).hexdigest() == case["leaf"]
        path = [bytes.fromhex(step) for step in case["path"]]
        leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(body["root"])
        assert includes(leaf, index, size, path, root)
        assert not includes(leaf, (index + 1) % size, size, path, root)


@pytest.mark.parametrize("case", named(load("chain.json")["calls"]))
def test_calls_are_the_contracts(case: dict[str, Any]) -> None:
    contract = Web3().eth.contract(abi=artifact()["abi"])
    function, arguments = contract.decode_function_input(case["data"])
    assert function.abi_element_identifier == case["name"]
    claim_address = Web3.to_checksum_address(load("entry.json")["good"][1]["claim_address"])
    invoice = EVIDENCE["files"]["invoice"]
    leaf = bytes.fromhex(load("entry.json")["good"][1]["leaf"])
    known = [bytes.fromhex(KEYS["log_id"]), HEAD, bytes.fromhex(KEYS["issuer_id"]), claim_address]
    known += [leaf, invoice["index"], _bytes_in(invoice["inclusion"])]
    assert all(argument in known for argument in arguments.values())
    # A struct's members stand as words of their own.
    parts = [part for output in function.abi["outputs"] for part in output.get("components", [output])]
    outputs = [part["type"] for part in parts]
    answer = contract.w3.codec.decode(outputs, bytes.fromhex(case["result"]))
    epoch = invoice["issuer"]["statement"]["epochs"][0]
    expected = {
        "epochNonce()": [bytes.fromhex(epoch["nonce"])],
        "anchoredAt(bytes32,bytes32)": [6, BLOCK_MS // 1000, 7],
        "head(bytes32)": [6, HEAD],
        "verifyInclusion(bytes32,bytes32,bytes32,uint64,bytes32[])": [True],
        "statusOf(bytes32,address)": [State.CLAIMED, 2, BLOCK_MS // 1000, "0x" + "04" * 20],
    }
    assert list(answer) == expected[case["name"]]


@pytest.mark.parametrize(
    "case", load("chain.json")["messages"], ids=lambda case: case["type"].partition("(")[0]
)
def test_messages_are_what_is_signed(case: dict[str, Any]) -> None:
    """Made word for word there, by a library here; the contract takes the library's in tests/chain."""
    epoch = EVIDENCE["files"]["invoice"]["issuer"]["statement"]["epochs"][0]
    domain = Domain(epoch["chain_id"], *(bytes.fromhex(epoch[name]) for name in ("contract", "nonce")))
    kind = case["type"].partition("(")[0]
    digest = domain.digest(kind, **{name: _bytes_in(value) for name, value in case["values"].items()})
    assert digest.hex() == case["digest"]
    signed = sign(bytes.fromhex(case["signature"]["key"]), digest)
    assert (signed.r.hex(), signed.vs.hex()) == (case["signature"]["r"], case["signature"]["vs"])


@pytest.mark.parametrize("case", named(load("chain.json")["signers"]))
def test_who_signed_a_message(case: dict[str, Any]) -> None:
    digest, r, vs = (bytes.fromhex(case[name]) for name in ("digest", "r", "vs"))
    if case["signer"] is None:
        with pytest.raises(ValueError, match=r"upper half|recover|parse"):
            signer_of(digest, Signature(r, vs))
    else:
        assert signer_of(digest, Signature(r, vs)).hex() == case["signer"]


def _bytes_in(value: Any) -> Any:
    if isinstance(value, list):
        return [bytes.fromhex(one) for one in value]
    return bytes.fromhex(value) if isinstance(value, str) else value


def test_there_are_enough_of_them() -> None:
    assert len(EVIDENCE["cases"]) >= 40
    names = [case["name"] for case in EVIDENCE["cases"]]
    assert len(set(names)) == len(names)
    assert {case["step"] for case in EVIDENCE["cases"]} >= {
        "issuer", "pin", "body", "buyer", "signature", "inclusion", "chain",
    }  # fmt: skip


@pytest.fixture(scope="module")
def endpoints() -> Iterator[str]:
    with served(EVIDENCE["chains"]) as url:
        yield url


@pytest.mark.parametrize("case", named(EVIDENCE["cases"]))
def test_evidence_cases(case: dict[str, Any], endpoints: str) -> None:
    document = copy.deepcopy(EVIDENCE["files"][case["file"]])
    for edit in case["edits"]:
        make_edit(document, edit)
    chain = ChainHeads(f"{endpoints}/{quote(case['chain'])}", CHAIN_TIMEOUT_S) if case["chain"] else None
    found = verdict_of(written(document, case), case["pin"], chain)
    assert found == (case["verdict"], case["step"], case["told"])


@pytest.mark.parametrize("case", named(EVIDENCE["texts"]))
def test_texts_that_are_no_evidence(case: dict[str, Any]) -> None:
    with pytest.raises(ev.NotEvidence):
        ev.parse(case["text"].encode())


def make_edit(document: Any, edit: dict[str, Any]) -> None:
    for key in edit["at"][:-1]:
        document = document[key]
    if "put" in edit:
        document[edit["at"][-1]] = edit["put"]
    else:
        del document[edit["at"][-1]]


def written(document: Any, case: dict[str, Any]) -> bytes:
    data = json.dumps(document).encode()
    if "replace" in case:
        this, by = case["replace"]["this"].encode(), bytes.fromhex(case["replace"]["by_hex"])
        assert data.count(this) == 1
        data = data.replace(this, by * case["replace"]["times"])
    return data.ljust(case.get("pad_to", 0))


def verdict_of(data: bytes, pin: str | None, chain: ev.HeadSource | None) -> tuple[str, str | None, Any]:
    try:
        evidence = ev.parse(data)
    except ev.NotEvidence:
        return "unreadable", None, None
    trusted = bytes.fromhex(EVIDENCE["pins"][pin]) if pin else None
    found = ev.verify(evidence, trusted_issuer=trusted, chain=chain)
    open_or_failed = [step.name for step in found.steps if step.outcome != ev.PASSED]
    return found.verdict, open_or_failed[0] if open_or_failed else None, told_of_the_chain(found)


def told_of_the_chain(found: ev.Verdict) -> dict[str, Any] | None:
    if found.existed_by is None:
        return None
    standing = found.standing
    return {
        "operator": found.chain_operator,
        "block_number": found.block_number,
        "time_ms": milliseconds(found.existed_by),
        "standing": standing
        and {"state": standing.state, "notes": standing.notes, "time_ms": milliseconds(standing.since)},
    }


def milliseconds(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
