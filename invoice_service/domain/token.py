"""Tokens: the unguessable names under which holders open their orders and invoices.

A token is derived (HMAC-SHA-256, 128 bits) from what it names, so it can be given again without being
kept; the database holds only its SHA-256, so a stolen database opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

TOKEN_BYTES = 16
ORDER, INVOICE, STALL, COMPLAINT = "order", "invoice", "stall", "complaint"  # what tokens name
MAIL = "mail"  # an address on one day: opens nothing, and is counted


@dataclass(frozen=True, slots=True)
class TokenKey:
    secret: bytes = field(repr=False)

    def derive(self, kind: str, name: str) -> str:
        """The token of an "order" or "invoice", 22 URL-safe characters; a "stall" code's signature."""
        mac = hmac.digest(self.secret, f"{kind}\x00{name}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:TOKEN_BYTES]).decode().rstrip("=")


def fingerprint(token: str) -> bytes:
    """What is stored and looked up instead of the token: 32 bytes."""
    return hashlib.sha256(token.encode()).digest()
