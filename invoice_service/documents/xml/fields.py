"""Single values out of an XML tree, as strings and whole numbers of the length that documents have.

A number is looked at before it is worked with: eleven characters, 1e999999999, can be a thousand million
digits.
"""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree.ElementTree import Element

from invoice_service.documents.xml.parsing import NotOurXml

_YUAN = re.compile(r"-?[0-9]{1,15}\.[0-9]{2}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,13})?")
_RATE = re.compile(r"0\.[0-9]{2}")
_COUNT = re.compile(r"[0-9]{1,9}")


class Fields:
    """Looks up one element after another by its path, below one element."""

    def __init__(self, element: Element, namespaces: dict[str, str]) -> None:
        self._element = element
        self._namespaces = namespaces

    def all(self, path: str) -> list[Fields]:
        found = self._element.findall(path, self._namespaces)
        return [Fields(element, self._namespaces) for element in found]

    def text_or_none(self, path: str) -> str | None:
        found = self._element.find(path, self._namespaces)
        return None if found is None else found.text or ""

    def text(self, path: str) -> str:
        """Raises NotOurXml where there is none."""
        found = self.text_or_none(path)
        if found is None:
            raise NotOurXml
        return found

    def fen(self, path: str, *, sign: int = 1) -> int:
        """Yuan with two decimals. With `sign` -1 they are written with a minus; zero has none."""
        amount_fen = sign * int(_checked(_YUAN, self.text(path)).replace(".", ""))
        if amount_fen < 0:
            raise NotOurXml
        return amount_fen

    def count(self, path: str) -> int:
        return count(self.text(path))


def count(text: str) -> int:
    return int(_checked(_COUNT, text))


def decimal(text: str) -> str:
    """Of no more digits than a 数电票 takes."""
    return _checked(_DECIMAL, text)


def rate(text: str) -> str:
    return _checked(_RATE, text)


def rate_of(percent: str) -> str:
    """ "9" → "0.09"."""
    return rate(f"{Decimal(decimal(percent)) / 100:.2f}")


def key_of(words: dict[str, str], word: str) -> str:
    """Which key stands for a word. Raises NotOurXml where none does."""
    for key, value in words.items():
        if value == word:
            return key
    raise NotOurXml


def _checked(pattern: re.Pattern[str], text: str) -> str:
    """Raises NotOurXml."""
    if not pattern.fullmatch(text):
        raise NotOurXml
    return text
