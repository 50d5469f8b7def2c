"""A finding as a case: who has it, what was done about it, how it ended; in one table of states.

A case is new, then somebody's, then closed with an outcome. It can be reopened, and notes can be added at any
time. "Innocent" is an outcome like the others: how often a rule's findings end so is told beside the rule.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from invoice_service.errors import N_, Error, InvalidInput, NotFound

WORDS_MIN, WORDS_MAX = 4, 1000


class CaseState(enum.StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    CLOSED = "closed"


class Step(enum.StrEnum):
    ASSIGNED = "assigned"
    NOTED = "noted"
    CLOSED = "closed"
    REOPENED = "reopened"


class Outcome(enum.StrEnum):
    INNOCENT = "innocent"
    WARNED = "warned"
    CORRECTED = "corrected"
    REFERRED = "referred"


class UnknownCase(NotFound):
    code = "case.unknown"
    message = N_("There is no such case in your region.")


class ForbiddenStep(Error):
    code = "case.forbidden_step"
    message = N_("Somebody else was here before you: the case is in another state now. Please look again.")
    status = 409


class BadCase(InvalidInput):
    code = "case.invalid"
    message = N_("Please check what is marked below.")


# What may be done in a state, and the state that it leads to.
STEPS: Mapping[CaseState, Mapping[Step, CaseState]] = {
    CaseState.NEW: {
        Step.ASSIGNED: CaseState.ASSIGNED,
        Step.NOTED: CaseState.NEW,
        Step.CLOSED: CaseState.CLOSED,
    },
    CaseState.ASSIGNED: {
        Step.ASSIGNED: CaseState.ASSIGNED,
        Step.NOTED: CaseState.ASSIGNED,
        Step.CLOSED: CaseState.CLOSED,
    },
    CaseState.CLOSED: {Step.NOTED: CaseState.CLOSED, Step.REOPENED: CaseState.NEW},
}


def after(state: CaseState, step: Step) -> CaseState:
    """Raises ForbiddenStep."""
    if step not in STEPS[state]:
        raise ForbiddenStep
    return STEPS[state][step]


def read_outcome(text: str) -> Outcome:
    """Raises BadCase."""
    if text not in tuple(Outcome):
        raise BadCase({"outcome": N_("Please choose how the case ends.")})
    return Outcome(text)


def read_words(text: str) -> str:
    """Raises BadCase."""
    words = text.replace("\r\n", "\n").strip()
    readable = all(part.isprintable() for part in words.split("\n"))
    if not (WORDS_MIN <= len(words) <= WORDS_MAX and readable):
        raise BadCase({"words": N_("Please say it in 4 to 1000 characters.")})
    return words
