"""Single values out of an XML tree. A number has few digits: what it says must not take longer than reading it."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree.ElementTree import Element

from invoice_service.documents.xml.parsing import NotOurXml

_YUAN = re.compile(r"-?[0-9]{1,15}\.[0-9]{2}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,13})?")
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

    def fen(self, path: str) -> int:
        """Yuan with two decimals."""
        return int(checked(_YUAN, self.text(path)).replace(".", ""))

    def count(self, path: str) -> int:
        return int(checked(_COUNT, self.text(path)))

    def decimal(self, path: str) -> str:
        return checked(_DECIMAL, self.text(path))


def count(text: str) -> int:
    return int(checked(_COUNT, text))


def decimal(text: str) -> str:
    """Of no more digits than a 数电票 takes."""
    return checked(_DECIMAL, text)


def rate_of(percent: str) -> str:
    """ "9" → "0.09"."""
    return f"{Decimal(decimal(percent)) / 100:.2f}"


def key_of(words: dict[str, str], word: str) -> str:
    """Which key stands for a word. Raises NotOurXml where none does."""
    for key, value in words.items():
        if value == word:
            return key
    raise NotOurXml


def checked(pattern: re.Pattern[str], text: str) -> str:
    """Raises NotOurXml."""
    if not pattern.fullmatch(text):
        raise NotOurXml
    return text
