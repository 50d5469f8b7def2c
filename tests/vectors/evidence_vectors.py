"""Evidence files, each with one change, and the verdict that it must get (SPEC.md section 8)."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.ledger.evidence_files import Issuer, salt, sign_statement
from tests.vectors.cases import UNSEALED, N, Vectors, case, put, remove, told
from tests.vectors.credit_note_vectors import WithNote, credit_note_cases
from tests.vectors.endpoint_vectors import TwoEpochs, endpoint_cases, endpoints
from tests.vectors.spelling_vectors import spelling_cases
from tests.vectors.working_key_vectors import working_key_cases


def under_anothers_id(issuer: Issuer) -> Vectors:
    """All of the forger's, and well signed by the forger's root, but for the id that verifiers pin."""
    forger = Issuer(66)
    return sign_statement(forger.statement.to_json() | {"issuer": issuer.id.hex()}, forger.root)


ABOUT = (
    "Take a case's file, make its edits (put a value at a path, or remove what is there), write it as JSON, "
    "let the bytes by_hex, so many times, take the one place of `this`, add spaces up to pad_to bytes, and "
    "verify with its pin and chain. unreadable: refused before any step. step: the first not passed. told: "
    "what is told of the chain. contracts: by address; one that is not there answers nothing, null reverts."
)


def evidence_vectors(issuer: Issuer) -> Vectors:
    another, forger = issuer.evidence(2).to_json(), Issuer(66)
    files = {"invoice": issuer, "forger": forger, "two epochs": TwoEpochs()}
    return {
        "about": ABOUT,
        "pins": {"issuer": issuer.id.hex(), "forger": forger.id.hex()},
        "chains": endpoints(issuer),
        "files": {name: its.evidence(N).to_json() for name, its in files.items()}
        | {"credit note": WithNote().note_evidence().to_json()},
        "cases": [
            *_good_cases(),
            *_undecided_cases(),
            *_foreign_cases(),
            *_changed_cases(issuer, another, forger),
            *credit_note_cases(issuer),
            *working_key_cases(issuer),
            *endpoint_cases(issuer),
            *spelling_cases(issuer),
            *_unreadable_cases(another),
        ],
        "texts": [
            {"name": "nothing", "text": ""},
            {"name": "a list", "text": "[]"},
            {"name": "no JSON", "text": "%PDF-1.7"},
            {"name": "an object of another kind", "text": '{"type":"invoice","version":1}'},
            {
                "name": "a name twice",
                "text": '{"type":"stall-ledger-evidence","type":"stall-ledger-evidence"}',
            },
            {"name": "deep", "text": "[" * 2000},
            *_spoilt_texts(json.dumps(issuer.evidence(N).to_json(), ensure_ascii=False)),
        ],
    }


def _spoilt_texts(whole: str) -> list[Vectors]:
    """Genuine but for what a lenient parser never tells."""
    spoilt = {
        "genuine but for a byte order mark": f"\ufeff{whole}",
        "genuine but for a second value": f"{whole} 1",
        "genuine but for a comma too many": f"{whole[:-1]},}}",
    }
    return [{"name": name, "text": text} for name, text in spoilt.items()]


def _nested(levels: int) -> list[Any]:
    return [_nested(levels - 1)] if levels > 1 else []


ERASED = (put(None, "buyer"), put(None, "buyer_salt"))


def _good_cases() -> list[Vectors]:
    return [
        case("genuine, the chain asked", "genuine", None, chain="good", told=told()),
        case("genuine, the chain not asked", "genuine", None),
        case("the buyer erased", "genuine", None, *ERASED, chain="good", told=told()),
        case("the forger's own, to who trusts the forger", "genuine", None, file="forger", pin="forger"),
    ]


def _undecided_cases() -> list[Vectors]:
    return [
        case("no pin", "undecided", "pin", pin=None, chain="good"),
        case("a forger's whole set, no pin", "undecided", "pin", file="forger", pin=None),
        case("not yet in the log", "undecided", "inclusion", *UNSEALED, chain="good"),
    ]


def _foreign_cases() -> list[Vectors]:
    return [
        case("a forger's whole set", "unknown", "pin", file="forger", chain="good"),
        case("pinned to the forger", "unknown", "pin", pin="forger"),
    ]


def _changed_cases(issuer: Issuer, another: Vectors, forger: Issuer) -> list[Vectors]:
    theirs = forger.evidence(N).to_json()
    sale = (
        put(issuer.entries[2 * N].encode().hex(), "entry"),
        put(issuer.sales[N], "body"),
        put(salt(f"sale {N}").hex(), "body_salt"),
    )
    flipped = issuer.evidence(N).entry[:-1] + b"\0"
    return [
        case("no pin, and changed", "altered", "pin", put(1, "body", "total_fen"), pin=None),
        case("statement changed", "altered", "issuer", put("Else", "issuer", "statement", "name")),
        case("a forger under our id", "altered", "issuer", put(under_anothers_id(issuer), "issuer")),
        case("statement not signed", "altered", "issuer", put("00" * 64, "issuer", "signature")),
        case("total changed", "altered", "body", put(1, "body", "total_fen")),
        case("total as a float", "altered", "body", put(2000.0, "body", "total_fen")),
        case("a line removed", "altered", "body", remove("body", "lines", 1)),
        case("a member more in the body", "altered", "body", put(None, "body", "more")),
        case("twelve levels", "altered", "body", put(_nested(10), "body", "more")),
        case("body of another invoice", "altered", "body", put(another["body"], "body")),
        case("another salt", "altered", "body", put("00" * 32, "body_salt")),
        case("entry of another invoice", "altered", "body", put(another["entry"], "entry")),
        case("entry cut", "altered", "body", put(issuer.evidence(N).entry[:-1].hex(), "entry")),
        case("entry's instant changed", "altered", "signature", put(flipped.hex(), "entry")),
        case("a sale shown as an invoice", "altered", "body", *sale),
        case(
            "the forger's entry and body", "altered", "body", *(put(theirs[k], k) for k in ("entry", "body"))
        ),
        case("buyer's name changed", "altered", "buyer", put("别家有限公司", "buyer", "name")),
        case(
            "buyer of another invoice",
            "altered",
            "buyer",
            *(put(another[k], k) for k in ("buyer", "buyer_salt")),
        ),
        case("signature of another entry", "altered", "signature", put(another["signature"], "signature")),
        case("signed by the forger", "altered", "signature", put(theirs["signature"], "signature")),
        case("another index", "altered", "inclusion", put(1, "index")),
        case("index beyond the log", "altered", "inclusion", put(issuer.size, "index")),
        case("proof of another entry", "altered", "inclusion", put(another["inclusion"], "inclusion")),
        case("proof cut", "altered", "inclusion", remove("inclusion", 0)),
        case("the forger's head", "altered", "inclusion", put(theirs["checkpoint"], "checkpoint")),
        case("head without its last line end", "altered", "inclusion", put(issuer.note()[:-1], "checkpoint")),
    ]


def _unreadable_cases(another: Vectors) -> list[Vectors]:
    changes = {
        "thirteen levels": put(_nested(11), "body", "more"),
        "another type": put("invoice", "type"),
        "another version": put(2, "version"),
        "a version that is no number": put(True, "version"),
        "a member more": put(None, "more"),
        "a member less": remove("issuer"),
        "body is no object": put([], "body"),
        "issuer is no object": put(None, "issuer"),
        "buyer without salt": put(None, "buyer_salt"),
        "salt without buyer": put(None, "buyer"),
        "index without checkpoint": put(None, "checkpoint"),
        "checkpoint without index": put(None, "index"),
        "entry in capitals": put(another["entry"].upper(), "entry"),
        "salt too short": put("00" * 31, "body_salt"),
        "signature too long": put("00" * 65, "signature"),
        "index is no number": put(True, "index"),
        "index as text": put("3", "index"),
        "index as a float": put(3.0, "index"),
        "index below zero": put(-1, "index"),
        "proof is no list": put({}, "inclusion"),
        "a hash too short": put(["00" * 31], "inclusion"),
    }
    return [
        *(case(name, "unreadable", None, change) for name, change in changes.items()),
        case("a proof of no place", "unreadable", None, *UNSEALED[:2]),
    ]
