"""A shopper's complaint about a stall: what it is about, in which words, and who may answer it.

A complaint asks for no name and no number. Whoever made it holds a token, under which the answers are read.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from invoice_service.domain.policy import Actor, NotAllowed, Role, Scope, check_see
from invoice_service.errors import N_, InvalidInput, NotFound

WORDS_MIN, WORDS_MAX = 4, 500


class ComplaintKind(enum.StrEnum):
    INVOICE_REFUSED = "invoice_refused"
    FOREIGN_CODE = "foreign_code"
    OTHER = "other"


class BadComplaint(InvalidInput):
    code = "complaint.invalid"
    message = N_("Please check what is marked below.")


class UnknownComplaint(NotFound):
    code = "complaint.unknown"
    message = N_("There is no such report, or this link is not the one it was given with.")


@dataclass(frozen=True, slots=True)
class Complaint:
    kind: ComplaintKind
    words: str


def read_complaint(given: Mapping[str, str]) -> Complaint:
    """`kind` and `words` as typed. What is of no kind of its own needs words. Raises BadComplaint."""
    kind, words = given.get("kind", ""), given.get("words", "").strip()
    if kind not in tuple(ComplaintKind):
        raise BadComplaint({"kind": N_("Please choose what happened.")})
    if words or kind == ComplaintKind.OTHER:
        words = checked_words(words)
    return Complaint(ComplaintKind(kind), words)


def checked_words(text: str) -> str:
    """Of a complaint, or of an answer. Raises BadComplaint."""
    words = text.replace("\r\n", "\n").strip()
    readable = all(part.isprintable() for part in words.split("\n"))
    if not (WORDS_MIN <= len(words) <= WORDS_MAX and readable):
        raise BadComplaint({"words": N_("Please say it in 4 to 500 characters.")})
    return words


def check_answer(actor: Actor, scope: Scope) -> None:
    """The market's operator, the officers of its region, administrators. Raises OutOfScope, NotAllowed."""
    check_see(actor, scope)
    if actor.role is Role.VENDOR:
        raise NotAllowed
