"""Checkpoints: the log's signed head, as a C2SP signed note (c2sp.org/tlog-checkpoint, /signed-note).

origin
size in decimal
root hash in base64
(empty line)
— key name base64(key hash ‖ Ed25519 signature)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ed25519

from invoice_service.ledger.keys import public_der, raw_ed25519, verifies_ed25519
from invoice_service.ledger.tree import HASH_BYTES

_ALGORITHM_ED25519 = b"\x01"


class BadCheckpoint(ValueError):
    """The text is not a checkpoint of this log signed by this key."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def key_hash(name: str, public_key_der: bytes) -> bytes:
    """The four bytes by which a signature line names its key."""
    material = name.encode() + b"\n" + _ALGORITHM_ED25519 + raw_ed25519(public_key_der)
    return hashlib.sha256(material).digest()[:4]


def sign(checkpoint: Checkpoint, key: ed25519.Ed25519PrivateKey) -> str:
    """The signed note; the key's name is the log's origin, as C2SP advises."""
    signature = key_hash(checkpoint.origin, public_der(key)) + key.sign(checkpoint.body().encode())
    return f"{checkpoint.body()}\n— {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


@lru_cache(maxsize=64)  # a pile's files lie under a few heads
def open_note(note: str, *, origin: str, public_key_der: bytes) -> Checkpoint:
    """The checkpoint in a signed note, if `origin`'s key signed it. Raises BadCheckpoint.

    Signature lines of other keys (witnesses) are passed over, as C2SP has it, but they must be such lines.
    """
    body, separator, signatures = note.rpartition("\n\n")
    lines = body.split("\n")
    if not separator or len(lines) != 3 or lines[0] != origin or not signatures.endswith("\n"):
        raise BadCheckpoint("not a checkpoint of this log")
    checkpoint = Checkpoint(origin, _size(lines[1]), _base64(lines[2]))
    if len(checkpoint.root) != HASH_BYTES:
        raise BadCheckpoint("the root is not a hash")
    signed = [_signature(line) for line in signatures.removesuffix("\n").split("\n")]
    if not any(name == origin and _holds(checkpoint, data, public_key_der) for name, data in signed):
        raise BadCheckpoint("no signature by the log's key")
    return checkpoint


def _holds(checkpoint: Checkpoint, signature: bytes, public_key_der: bytes) -> bool:
    try:
        expected = key_hash(checkpoint.origin, public_key_der)
    except ValueError:  # a key of another kind signs no checkpoints
        return False
    message = checkpoint.body().encode()
    return signature[:4] == expected and verifies_ed25519(public_key_der, message, signature[4:])


def _signature(line: str) -> tuple[str, bytes]:
    """(key name, key hash ‖ signature) of one line."""
    dash, _, rest = line.partition(" ")
    name, _, signature = rest.partition(" ")
    if dash != "—" or not name:
        raise BadCheckpoint("a line is no signature")
    return name, _base64(signature)


def _size(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or (len(text) > 1 and text[0] == "0") or len(text) > 19:
        raise BadCheckpoint("the size is not a plain number")
    return int(text)


def _base64(text: str) -> bytes:
    """Of several spellings that decoders take (unused bits), only the one that encoders write."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise BadCheckpoint("a hash or signature is not base64")
    return data
