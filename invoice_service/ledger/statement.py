"""The issuer statement: the one document that the root key signs, and on which all else hangs.

A file must never bring its own authority. A verifier pins the issuer's root key by its fingerprint
(the issuer id); the statement, signed by that root, names the working keys, the logs and the chain
contracts ("epochs") that speak for this issuer, and who runs those chains.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from invoice_service.ledger import canonical, checkpoint
from invoice_service.ledger.checkpoint import BadCheckpoint, Checkpoint
from invoice_service.ledger.keys import key_id, public_der, sign_p256, verifies_p256
from invoice_service.ledger.tree import HASH_BYTES

TAG = b"SLSTATE1"


class BadStatement(ValueError):
    """The statement is not signed by the root it names, or does not say what it must."""


@dataclass(frozen=True, slots=True)
class WorkingKey:
    """`use`: entry (P-256) or checkpoint (Ed25519). Validity in ms since 1970; `revoked_ms` None = good."""

    id: bytes
    use: str
    public_key: bytes
    valid_from_ms: int
    revoked_ms: int | None


@dataclass(frozen=True, slots=True)
class Epoch:
    """One deployment of the contract. `operator` says who runs the chain."""

    nonce: bytes
    chain_id: int
    genesis_hash: bytes
    contract: bytes
    log_id: bytes
    operator: str


@dataclass(frozen=True, slots=True)
class IssuerStatement:
    """`root_key` is DER; `issuer_id` its SHA-256. `origin` names the log in checkpoints."""

    issuer_id: bytes
    name: str
    root_key: bytes
    origin: str
    keys: tuple[WorkingKey, ...]
    epochs: tuple[Epoch, ...]

    def open_note(self, note: str) -> tuple[Checkpoint, WorkingKey]:
        """The log's head in a signed note, and the key that signed it, which may have been revoked since.

        Raises BadCheckpoint.
        """
        for key in self.keys:
            if key.use == "checkpoint":
                try:
                    return checkpoint.open_note(note, origin=self.origin, public_key_der=key.public_key), key
                except BadCheckpoint:
                    continue
        raise BadCheckpoint("not a head of this log that one of the issuer's log keys signed")

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "issuer-statement",
            "version": 1,
            "issuer": self.issuer_id.hex(),
            "name": self.name,
            "root_key": base64.b64encode(self.root_key).decode(),
            "origin": self.origin,
            "keys": [
                {
                    "id": key.id.hex(),
                    "use": key.use,
                    "public_key": base64.b64encode(key.public_key).decode(),
                    "valid_from_ms": key.valid_from_ms,
                    "revoked_ms": key.revoked_ms,
                }
                for key in self.keys
            ],
            "epochs": [
                {
                    "nonce": epoch.nonce.hex(),
                    "chain_id": epoch.chain_id,
                    "genesis_hash": epoch.genesis_hash.hex(),
                    "contract": epoch.contract.hex(),
                    "log_id": epoch.log_id.hex(),
                    "operator": epoch.operator,
                }
                for epoch in self.epochs
            ],
        }


def sign(statement: IssuerStatement, root: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """{"statement": …, "signature": hex of r ‖ s over "SLSTATE1" ‖ canonical statement}."""
    document = statement.to_json()
    return {"statement": document, "signature": sign_p256(root, TAG + canonical.encode(document)).hex()}


def open_signed(signed: Any) -> IssuerStatement:
    """A statement whose signature by its own root holds; the caller compares `issuer_id` with the pin.

    One that was opened before is known by its text: a pile's files bear the same. Raises BadStatement.
    """
    try:
        text = json.dumps(signed)
    except (TypeError, ValueError) as error:
        raise BadStatement("the issuer statement cannot be read") from error
    return _opened(text)


@lru_cache(maxsize=32)
def _opened(text: str) -> IssuerStatement:
    signed = json.loads(text)
    try:
        document, signature = signed["statement"], _hex(signed["signature"], 64)
        statement = _read(document)
        data = canonical.encode(document)
        understood = canonical.encode(statement.to_json())
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise BadStatement("the issuer statement cannot be read") from error
    if key_id(statement.root_key) != statement.issuer_id:
        raise BadStatement("the issuer id is not the fingerprint of the root key")
    if not verifies_p256(statement.root_key, TAG + data, signature):
        raise BadStatement("the issuer statement is not signed by its root key")
    if data != understood or set(signed) != {"statement", "signature"}:
        raise BadStatement("the issuer statement holds something unknown")
    return statement


def make_working_key(key: Any, use: str, *, valid_from_ms: int, revoked_ms: int | None = None) -> WorkingKey:
    der = public_der(key)
    return WorkingKey(key_id(der), use, der, valid_from_ms, revoked_ms)


def _read(document: Any) -> IssuerStatement:
    if document["type"] != "issuer-statement" or document["version"] != 1:
        raise BadStatement("not an issuer statement of version 1")
    return IssuerStatement(
        issuer_id=_hex(document["issuer"], HASH_BYTES),
        name=_text(document["name"]),
        root_key=base64.b64decode(document["root_key"], validate=True),
        origin=_text(document["origin"]),
        keys=tuple(_read_key(key) for key in document["keys"]),
        epochs=tuple(_read_epoch(epoch) for epoch in document["epochs"]),
    )


def _read_key(key: Any) -> WorkingKey:
    revoked_ms = key["revoked_ms"]
    public_key = base64.b64decode(key["public_key"], validate=True)
    return WorkingKey(
        id=key_id(public_key),  # the id that is written there must come out the same, as all of it must
        use=_text(key["use"]),
        public_key=public_key,
        valid_from_ms=_whole(key["valid_from_ms"]),
        revoked_ms=None if revoked_ms is None else _whole(revoked_ms),
    )


def _read_epoch(epoch: Any) -> Epoch:
    return Epoch(
        nonce=_hex(epoch["nonce"], HASH_BYTES),
        chain_id=_whole(epoch["chain_id"]),
        genesis_hash=_hex(epoch["genesis_hash"], HASH_BYTES),
        contract=_hex(epoch["contract"], 20),
        log_id=_hex(epoch["log_id"], HASH_BYTES),
        operator=_text(epoch["operator"]),
    )


def _hex(text: Any, length: int) -> bytes:
    """Lower-case hex only, so that a statement has one spelling."""
    data = bytes.fromhex(text)
    if len(data) != length or data.hex() != text:
        raise BadStatement("hex of another length or spelling")
    return data


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadStatement("a text is expected")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise BadStatement("a whole number is expected")
    return value
