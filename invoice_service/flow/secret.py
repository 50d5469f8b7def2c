"""Passwords and PINs are kept as argon2id hashes: slow to try, and each with a salt of its own.

19 MiB and two passes are what OWASP asks for at least: 64 people who sign in at the same moment take a
gigabyte for a blink, not the machine. A PIN has only a million values, so that no hash saves it from whoever
holds the database; what saves it from everybody else is `flow/attempts.py`.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hashed(secret: str) -> str:
    return _HASHER.hash(secret)


def matches(stored: str, secret: str) -> bool:
    try:
        return _HASHER.verify(stored, secret)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def is_outdated(stored: str) -> bool:
    """Hashed with other parameters than we use now: hash again while the secret is at hand."""
    return _HASHER.check_needs_rehash(stored)
