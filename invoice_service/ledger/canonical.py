"""Canonical JSON (RFC 8785) for the documents that we hash.

Our documents hold only strings, integers, booleans, null, lists and objects with ASCII keys. For
those, RFC 8785 is JSON with sorted keys, no spaces and UTF-8; floats and other keys are refused
rather than half supported. The subset is checked before writing and right after reading.
"""

from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

MAX_SAFE_INTEGER = 2**53 - 1  # RFC 8785 section 3.2.2.3: beyond it, readers in other languages disagree
MAX_DEPTH = 100  # ours nest to six levels; far below where a parser in C overflows the stack
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_MARKS = bytes(set(range(256)) - {*_STEPS, ord('"')})
_PLAIN, _NESTED = str | bool, list | dict
_written = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,  # whatever holds itself was refused before as nested too deep
    allow_nan=False,
    sort_keys=True,
    separators=(",", ":"),
).encode


class NotCanonical(ValueError):
    """The value cannot be written canonically, or the bytes are not the canonical form of what they say."""


def encode(value: Any) -> bytes:
    """Raises NotCanonical for floats, big integers, lone surrogates, and keys that are not ASCII strings."""
    _check(value, MAX_DEPTH)
    try:
        return _written(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotCanonical("a string holds a lone surrogate") from error


def decode(data: bytes) -> Any:
    """The value of canonical bytes. Raises NotCanonical for any other bytes, duplicate keys included."""
    # Counting what opens is quick, and says enough of nearly every document.
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and depth(data) > MAX_DEPTH:
        raise NotCanonical("nested too deep")
    try:
        value = _read(data.decode("utf-8"))
        _check_keys(value)
        written = _written(value).encode("utf-8")
    except NotCanonical:
        raise
    except ValueError as error:  # a number of thousands of digits is a plain ValueError
        raise NotCanonical("not JSON in UTF-8") from error
    if written != data:
        raise NotCanonical("not in canonical form")
    return value


def _safe_integer(text: str) -> int:
    value = int(text)
    if abs(value) > MAX_SAFE_INTEGER:
        raise NotCanonical(f"integer {text[:20]} is too large")
    return value


def _no_number(text: str) -> Any:
    raise NotCanonical(f"{text[:20]} has no canonical form")


# What `_check` refuses a value for, the reader refuses while it reads: but for keys, which are few.
_read = json.JSONDecoder(parse_float=_no_number, parse_constant=_no_number, parse_int=_safe_integer).decode


def _check_keys(value: Any) -> None:
    """Of what was just read, nested no deeper than it may be."""
    if type(value) is dict:
        if not "".join(value).isascii():
            raise NotCanonical("a key is not an ASCII string")
        value = value.values()
    elif type(value) is not list:
        return
    for item in value:
        if type(item) is dict or type(item) is list:
            _check_keys(item)


def depth(data: bytes) -> int:
    """How deep the lists and objects of a JSON text nest, before any parser goes down there.

    Parsers recurse, and what stops them (a limit that any imported library may raise) is not ours. Of a text
    that is no JSON, the part before its first fault counts right, and no parser goes further.
    """
    if rb"\"" in data:
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = data.translate(None, _NO_MARKS)  # each quote that is left begins or ends a string
    outside = b"".join(marks.split(b'"')[::2])  # an unclosed string runs to the end
    return max(accumulate(map(_STEPS.__getitem__, outside), initial=0))


def _check(value: Any, levels: int) -> None:
    if value is None or isinstance(value, _PLAIN):
        return
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise NotCanonical(f"integer {value} is too large")
    elif isinstance(value, _NESTED) and not levels:
        raise NotCanonical("nested too deep")
    elif isinstance(value, list):
        for item in value:
            if type(item) is not str:
                _check(item, levels - 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise NotCanonical(f"key {key!r} is not an ASCII string")
            if type(item) is not str:
                _check(item, levels - 1)
    else:
        raise NotCanonical(f"{type(value).__name__} has no canonical form")
