"""Ledger entries 存证: what stands in the log for a sale, an invoice, and whatever happens to it later.

An entry is 133 bytes of fixed width that say nothing by themselves: only who issued, when, and salted
commitments to documents that stay with their holders. `SPEC.md` section 3 is the authority.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from dataclasses import dataclass
from typing import Any

from invoice_service.ledger import canonical

TAG = b"SLENTRY1"
_LAYOUT = struct.Struct(">8sB32s20s32s32sQ")
ENTRY_BYTES = _LAYOUT.size
SIGNATURE_BYTES = 64  # ECDSA P-256, r ‖ s
SALT_BYTES = 32
NO_ADDRESS = bytes(20)
NO_COMMITMENT = bytes(32)
BODY_TAG = b"SLBODY01"
BUYER_TAG = b"SLBUYER1"


class Kind(enum.IntEnum):
    SALE = 1
    REFUND = 2
    INVOICE = 3
    CREDIT_NOTE = 4
    CLAIM = 5
    RELEASE = 6
    ACCESS_DAY = 7
    RETURN = 8


_KINDS = {int(kind): kind for kind in Kind}


class BadEntry(ValueError):
    """The bytes are not an entry of this version."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`issuer_id` 32 bytes, `claim_address` 20 (zero unless INVOICE), commitments 32, `instant_ms` UTC."""

    kind: Kind
    issuer_id: bytes
    claim_address: bytes
    body_commitment: bytes
    buyer_commitment: bytes
    instant_ms: int

    def encode(self) -> bytes:
        return _LAYOUT.pack(
            TAG,
            self.kind,
            self.issuer_id,
            self.claim_address,
            self.body_commitment,
            self.buyer_commitment,
            self.instant_ms,
        )

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """Raises BadEntry unless `data` is exactly one entry."""
        if len(data) != ENTRY_BYTES:
            raise BadEntry(f"an entry has {ENTRY_BYTES} bytes, not {len(data)}")
        tag, kind, *rest = _LAYOUT.unpack(data)
        if tag != TAG or kind not in _KINDS:
            raise BadEntry("not an entry of a known version and kind")
        return cls(_KINDS[kind], *rest)


def body_commitment(salt: bytes, body: bytes) -> bytes:
    """SHA-256("SLBODY01" ‖ salt ‖ canonical body)."""
    return hashlib.sha256(BODY_TAG + salt + body).digest()


def buyer_commitment(salt: bytes, document: bytes) -> bytes:
    """SHA-256("SLBUYER1" ‖ salt ‖ canonical buyer document)."""
    return hashlib.sha256(BUYER_TAG + salt + document).digest()


def commit_body(salt: bytes, body: Any) -> tuple[bytes, bytes]:
    """(canonical bytes, commitment) of a body."""
    data = canonical.encode(body)
    return data, body_commitment(salt, data)


def commit_buyer(salt: bytes, document: Any) -> tuple[bytes, bytes]:
    """(canonical bytes, commitment) of a buyer document."""
    data = canonical.encode(document)
    return data, buyer_commitment(salt, data)
