"""Working keys in the statement: what each is for, and from when until when it speaks for the issuer."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from invoice_service.ledger.keys import key_id
from tests.unit.ledger.evidence_files import BLOCK_MS, MADE_MS, Issuer
from tests.vectors.cases import N, Vectors, case, restated, told

# SubjectPublicKeyInfo of P-256 up to a point of 33 bytes: other readers' spelling of keys, not ours.
COMPRESSED_START = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")


def working_key_cases(issuer: Issuer) -> list[Vectors]:
    return [
        *_entry_key_cases(issuer, issuer.entries[2 * N + 1].instant_ms),
        *_log_key_cases(issuer),
        *_choice_cases(issuer, *issuer.statement.to_json()["keys"]),
    ]


def _entry_key_cases(issuer: Issuer, entry_ms: int) -> list[Vectors]:
    """Whoever stole the key writes any instant: once it is revoked, only a block's time is believed."""

    def valid_from(instant_ms: int) -> tuple[Vectors, Vectors]:
        return restated(issuer, instant_ms, "keys", 0, "valid_from_ms")

    def revoked(instant_ms: int) -> tuple[Vectors, Vectors]:
        return restated(issuer, instant_ms, "keys", 0, "revoked_ms")

    after = revoked(BLOCK_MS + 1)
    return [
        case("an entry as old as its key", "genuine", None, *valid_from(entry_ms)),
        case("an entry older than its key", "altered", "signature", *valid_from(entry_ms + 1)),
        case("entry key already revoked", "altered", "signature", *revoked(MADE_MS), chain="good"),
        case("entry key revoked at the instant", "altered", "signature", *revoked(entry_ms)),
        case("entry key revoked just after", "undecided", "signature", *revoked(entry_ms + 1)),
        case(
            "entry key revoked just after, the chain asked",
            "undecided",
            "chain",
            *revoked(entry_ms + 1),
            chain="good",
        ),
        case("entry key revoked at the block", "undecided", "chain", *revoked(BLOCK_MS), chain="good"),
        case("entry key revoked after the block", "genuine", None, *after, chain="good", told=told()),
        case("entry key revoked, chain not asked", "undecided", "signature", *after),
        case("entry key revoked, the chain down", "undecided", "chain", *after, chain="down"),
    ]


def _log_key_cases(issuer: Issuer) -> list[Vectors]:
    """A head that is on the chain does not hang on its key."""
    revoked = restated(issuer, MADE_MS, "keys", 1, "revoked_ms")
    return [
        case("log key revoked, head on chain", "genuine", None, *revoked, chain="good", told=told()),
        case("log key revoked, chain not asked", "undecided", "inclusion", *revoked),
        case("log key revoked, the chain down", "undecided", "chain", *revoked, chain="down"),
        case("log key revoked, head not on chain", "undecided", "chain", *revoked, chain="head missing"),
    ]


def _choice_cases(issuer: Issuer, entry_key: Vectors, log_key: Vectors) -> list[Vectors]:
    """The first key of the list that verifies is the key; those of no use are passed over."""
    odd = odd_keys(issuer)
    gone = entry_key | {"revoked_ms": MADE_MS}

    def keys(*listed: Vectors) -> tuple[Vectors, Vectors]:
        return restated(issuer, list(listed), "keys")

    ed25519, p256 = odd["Ed25519 for entries"], odd["P-256 for heads"]
    anothers_id = restated(issuer, log_key["id"], "keys", 0, "id")
    return [
        case("keys of no use come first", "genuine", None, *keys(*odd.values(), entry_key, log_key)),
        case("revoked, and listed again", "altered", "signature", *keys(gone, entry_key, log_key)),
        case("listed again as revoked", "genuine", None, *keys(entry_key, gone, log_key)),
        case("no entry key named", "altered", "signature", *keys(log_key)),
        case("no log key named", "altered", "inclusion", *keys(entry_key)),
        case("an Ed25519 key for entries", "altered", "signature", *keys(ed25519, log_key)),
        case("a P-256 key for heads", "altered", "inclusion", *keys(entry_key, p256)),
        case("the entry key compressed", "altered", "signature", *keys(odd["compressed"], log_key)),
        case("an entry key under another's id", "altered", "issuer", *anothers_id),
    ]


def odd_keys(issuer: Issuer) -> dict[str, dict[str, Any]]:
    """What a statement may list and no step uses."""
    entry_key, log_key = issuer.statement.to_json()["keys"]
    return {
        "Ed25519 for entries": log_key | {"use": "entry"},
        "P-256 for heads": entry_key | {"use": "checkpoint"},
        "for another use": entry_key | {"use": "something later"},
        "compressed": entry_key | named(compressed(issuer.working)),
        "no key": entry_key | named(b"no key"),
    }


def compressed(key: Any) -> bytes:
    return COMPRESSED_START + key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def named(der: bytes) -> Vectors:
    return {"id": key_id(der).hex(), "public_key": base64.b64encode(der).decode()}
