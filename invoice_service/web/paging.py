"""Long lists, page by page: a page says where it ended, and the next one begins after that.

Where a page ended is a *cursor*: the last row's key, opaque to callers. Nothing is skipped or shown twice
when rows come in between, and the thousandth page costs what the first does. A cursor in another form than
ours is refused; what it says never becomes part of a statement.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

from invoice_service.errors import N_, InvalidInput

LIMIT = 30
LIMIT_MAX = 100
_LONGEST = 600
Item = TypeVar("Item")


class BadCursor(InvalidInput):
    code = "cursor.invalid"
    message = N_("This list cannot be continued from there. Please begin it again.")

    def __init__(self) -> None:
        super().__init__({"cursor": self.message})


class BadLimit(InvalidInput):
    code = "limit.invalid"
    message = N_("A page holds 1 to 100 rows.")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """`next_cursor` is None where the list ends."""

    items: tuple[Item, ...]
    next_cursor: str | None


def write_cursor(key: Sequence[str] | None) -> str | None:
    if key is None:
        return None
    data = json.dumps(list(key), separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def read_cursor(text: str | None, *, parts: int) -> tuple[str, ...] | None:
    """The key that `write_cursor` wrote; None where there is no cursor. Raises BadCursor."""
    if not text:
        return None
    key = _decoded(text) if len(text) <= _LONGEST else None
    if not isinstance(key, list) or len(key) != parts or not all(map(_is_text, key)):
        raise BadCursor
    if write_cursor(key) != text:
        raise BadCursor
    return tuple(key)


def _is_text(part: object) -> bool:
    return isinstance(part, str) and part.isprintable()


def _decoded(text: str) -> object:
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise BadCursor from None


def read_id_cursor(text: str | None) -> UUID | None:
    """For lists whose key is a UUID. Raises BadCursor."""
    key = read_cursor(text, parts=1)
    try:
        return None if key is None else UUID(hex=key[0])
    except ValueError:
        raise BadCursor from None


def read_time_cursor(text: str | None) -> tuple[datetime, str] | None:
    """For lists whose key is an instant and a name. Raises BadCursor."""
    key = read_cursor(text, parts=2)
    try:
        return None if key is None else (datetime.fromisoformat(key[0]).astimezone(UTC), key[1])
    except (ValueError, OverflowError):
        raise BadCursor from None


def read_sale_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """For lists whose key is an instant and a UUID. Raises BadCursor."""
    key = read_time_cursor(text)
    try:
        return None if key is None else (key[0], UUID(hex=key[1]))
    except ValueError:
        raise BadCursor from None


def read_limit(text: str | None) -> int:
    """Raises BadLimit."""
    if not text:
        return LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LIMIT_MAX):
        raise BadLimit({"limit": BadLimit.message})
    return int(text)


def read_number_cursor(text: str | None) -> int | None:
    """For lists whose key is a whole number. Raises BadCursor."""
    key = read_cursor(text, parts=1)
    if key is None:
        return None
    if not (key[0].isascii() and key[0].isdigit() and len(key[0]) <= 18):
        raise BadCursor
    return int(key[0])
