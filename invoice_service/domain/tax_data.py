"""Reading `tax_rules.toml`: every field is checked, so that a slip stops the start and not a sale.

Whoever makes something of an entry asks it for each field by name and kind; a field that nobody asked for is
a misspelt one. What must be true of several entries together is said beside what they are.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from invoice_service.errors import N_, Error

FILE = Path(__file__).with_name("tax_rules.toml")
_DAY = timedelta(days=1)
Kind = TypeVar("Kind", bound=enum.StrEnum)
Made = TypeVar("Made")
Span = tuple[str, date, date, str]  # (what is answered for, from when to when, by which entry)


class BadTaxData(Error):
    code = "tax.bad_data"
    message = N_("The tax rules cannot be used: {problem}.")
    status = 500


@cache
def text() -> str:
    return FILE.read_text("utf-8")


def refuse(problem: str) -> NoReturn:
    raise BadTaxData(problem=problem)


def read(data: str, table: str, make: Callable[[Entry], Made]) -> tuple[Made, ...]:
    """What each `[[table]]` of the file's text comes to, in the file's order. Raises BadTaxData."""
    entries = [Entry(table, values) for values in _parsed(data).get(table, [])]
    made = []
    for entry in entries:
        made.append(make(entry))
        entry.check_all_used()
    ids = [entry.id for entry in entries]
    for twice in {one for one in ids if ids.count(one) > 1}:
        refuse(f'there are two {table}s with the id "{twice}"')
    return tuple(made)


def day(data: str, key: str) -> date:
    """A day that stands in the file by itself. Raises BadTaxData."""
    return Entry("tax_rules.toml", {"id": key} | _parsed(data)).day(key)


def refuse_overlaps(spans: Iterable[Span]) -> None:
    """Raises BadTaxData where two entries answer for the same on one day."""
    before: Span | None = None
    for span in sorted(spans):
        if before is not None and before[0] == span[0] and span[1] <= before[2]:
            refuse(f'"{before[3]}" and "{span[3]}" both answer for {span[0]} on {span[1]}')
        before = span


@cache
def _parsed(data: str) -> dict[str, Any]:
    try:
        return tomllib.loads(data)
    except tomllib.TOMLDecodeError as error:
        refuse(f"tax_rules.toml is not TOML: {error}")


class Entry:
    """One `[[table]]` of the file."""

    def __init__(self, table: str, values: dict[str, Any]) -> None:
        self._values = values
        self._used = {"id"}
        self._name = f'{table} "{values.get("id", "?")}"'
        self.id = self.text("id")

    def text(self, key: str) -> str:
        found = self._take(key)
        if not isinstance(found, str) or not found.strip():
            self.refuse(f"{key} must be a text")
        return found

    def texts(self, key: str) -> list[dict[str, Any]]:
        found = self._take(key)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.refuse(f"{key} must be a list of tables")
        return found

    def flag(self, key: str, default: bool | None = None) -> bool:
        found = self._take(key, default)
        if not isinstance(found, bool):
            self.refuse(f"{key} must be true or false")
        return found

    def whole_yuan(self, key: str) -> int | None:
        """In fen; None where it is not there."""
        found = self._values.get(key)
        self._used.add(key)
        if found is not None and (type(found) is not int or found <= 0):
            self.refuse(f"{key} must be a whole number of yuan")
        return found and found * 100

    def rate(self, key: str) -> Decimal:
        """Two decimals are what an invoice writes."""
        try:
            found = Decimal(self.text(key))
        except InvalidOperation:
            self.refuse(f'{key} must be a decimal in quotes, such as "0.09"')
        if not found.is_finite() or not 0 <= found < 1 or found != round(found, 2):
            self.refuse(f"{key} must be at least 0 and below 1, with two decimals")
        return found

    def one_of(self, key: str, offered: Iterable[str]) -> str:
        found, known = self.text(key), list(offered)
        if found not in known:
            self.refuse(f'{key} "{found}" is none of {", ".join(known)}')
        return found

    def each_of(self, key: str, offered: type[Kind]) -> frozenset[Kind]:
        """All of them where the entry names none."""
        found = self._take(key, list(offered))
        known = list(map(str, offered))
        if not isinstance(found, list) or not found:
            self.refuse(f"{key} must be a list")
        for one in found:
            if one not in known:
                self.refuse(f'{key}: "{one}" is none of {", ".join(known)}')
        return frozenset(map(offered, found))

    def day(self, key: str, default: date | None = None) -> date:
        found = self._take(key, default)
        if type(found) is not date:  # a datetime is a date, too
            self.refuse(f"{key} must be a day, such as 2026-01-01")
        return found

    def days(self, *, may_be_open: bool = False) -> tuple[date, date]:
        """From its first to its last day; `date.max` where its end is not known."""
        first, last = self.day("from"), self.day("to", date.max if may_be_open else None)
        if last < first:
            self.refuse(f"it ends on {last}, before it begins on {first}")
        return first, last

    def check_all_used(self) -> None:
        for key in self._values.keys() - self._used:
            self.refuse(f"{key} is no field of it")

    def refuse(self, problem: str) -> NoReturn:
        refuse(f"{self._name}: {problem}")

    def _take(self, key: str, default: object = None) -> Any:
        self._used.add(key)
        found = self._values.get(key, default)
        if found is None:
            self.refuse(f"{key} is missing")
        return found


def changes(spans: Iterable[tuple[date, date]]) -> set[date]:
    """The days on which an answer may be another than the day before."""
    found = set()
    for first, last in spans:
        found |= {first} if last == date.max else {first, last + _DAY}
    return found
