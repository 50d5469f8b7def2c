"""One base error. A rule that says no raises a subclass, defined beside the rule it guards.

An error carries a stable `code` (an API promise), an English `message` that is also the key of its
translation, parameters to fill the message with, and the HTTP status it is answered with. The web
layer alone renders it: as `application/problem+json` for programs, as a kind page for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


def N_(message: str) -> str:
    """Mark a text for translation where it is written; it is translated where it is shown."""
    return message


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter that people read in their own language."""

    zh: str
    en: str

    def __str__(self) -> str:
        return self.en


class Error(Exception):
    """Base of every refusal. `fields` names bad input by field: {field: English message}.

    `title` is the heading of the page that tells people of it.
    """

    code: ClassVar[str] = "error"
    message: ClassVar[str] = N_("Something went wrong.")
    title: ClassVar[str] = N_("That did not work")
    status: ClassVar[int] = 400
    retry_after_s: ClassVar[int | None] = None

    def __init__(self, fields: Mapping[str, str] | None = None, **parameters: object) -> None:
        self.fields = dict(fields or {})
        self.parameters = parameters
        super().__init__(self.message.format_map(parameters) if parameters else self.message)


class InvalidInput(Error):
    code = "input.invalid"
    message = N_("Some fields need your attention.")
    status = 422


class NotFound(Error):
    code = "not_found"
    message = N_("There is nothing here. Please check the address or scan the code again.")
    status = 404


class Unavailable(Error):
    code = "unavailable"
    message = N_("This part is not answering right now. Nothing was lost; please try again in a moment.")
    status = 503
    retry_after_s = 5
