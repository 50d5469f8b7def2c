"""How a check says no: the first thing that does not fit ends it, in words for whoever must mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class Differs(Exception):
    """The text says what does not fit, never a buyer's name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject` names an invoice, a sale, a tile, a head; `what` its first fault."""

    subject: str
    what: str


def same(found: Any, wanted: Any, what: str) -> None:
    """Raises Differs unless they are equal; both are told, and so are never anything personal."""
    if found != wanted:
        raise Differs(f"{what}: {_told(found)} instead of {_told(wanted)}")


def alike(names: Sequence[str], found: Sequence[Any], wanted: Sequence[Any]) -> None:
    """`same` for each of them, in one comparison where all are equal, as they nearly always are."""
    if found != wanted:
        for name, one, other in zip(names, found, wanted, strict=True):
            same(one, other, name)


def holds(is_so: bool, what: str) -> None:
    """Raises Differs with the bare words."""
    if not is_so:
        raise Differs(what)


def _told(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
