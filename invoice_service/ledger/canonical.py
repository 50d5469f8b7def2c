"""Canonical JSON (RFC 8785) for the documents that we hash.

Our documents hold only strings, integers, booleans, null, lists and objects with ASCII keys. For
those, RFC 8785 is JSON with sorted keys, no spaces and UTF-8; floats and other keys are refused
rather than half supported. The subset is checked before writing and right after reading.
"""

from __future__ import annotations

import json
from typing import Any

MAX_SAFE_INTEGER = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it, readers in other languages disagree


class NotCanonical(ValueError):
    """The value cannot be written canonically, or the bytes are not the canonical form of what they say."""


def encode(value: Any) -> bytes:
    """Raises NotCanonical for floats, big integers, lone surrogates, and keys that are not ASCII strings."""
    _check(value)
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("a string holds a lone surrogate") from error


def decode(data: bytes) -> Any:
    """The value of canonical bytes. Raises NotCanonical for any other bytes, duplicate keys included."""
    try:
        value = json.loads(data.decode("utf-8"))
        canonical = encode(value)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise NotCanonical("not JSON in UTF-8") from error
    if canonical != data:
        raise NotCanonical("not in canonical form")
    return value


def _check(value: Any) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise NotCanonical(f"integer {value} is too large")
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise NotCanonical(f"key {key!r} is not an ASCII string")
            _check(item)
    else:
        raise NotCanonical(f"{type(value).__name__} has no canonical form")
