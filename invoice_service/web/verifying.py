"""What the verify page and the API share: facts as typed, and verdicts in the reader's language."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date

from flask_babel import gettext

from invoice_service.domain.money import BadAmount, parse_yuan, yuan
from invoice_service.domain.numbering import NOT_A_NUMBER
from invoice_service.errors import N_, InvalidInput
from invoice_service.queries import verify
from invoice_service.queries.views import VerdictView
from invoice_service.web.context import limiter, services

FIRST_YEAR = 2000  # a century of invoice numbers begins here, and no calendar arithmetic overflows
BAD_DATE = N_("Please enter the date as 2026-11-23.")


def check_facts(form: Mapping[str, str]) -> VerdictView:
    """Look up `number`, `date` and `total_yuan`, counted apart since numbers can be guessed.

    Raises InvalidInput with a message for each wrong field.
    """
    number, day, total_fen = _read(form)
    with limiter.shared_limit(services().config.number_lookup_limit, scope="number-lookup"):
        return verify.verify_facts(services(), number, day, total_fen)


def check_link(text: str) -> tuple[VerdictView, dict[str, str]]:
    """(the verdict on a signed link, the form filled in with what it says).

    What we did not sign is a guess, and is counted with the others; what we did sign is none. Raises NoLink.
    """
    verdict, facts = verify.verify_link(services(), text)
    if facts is None:
        with limiter.shared_limit(services().config.number_lookup_limit, scope="number-lookup"):
            return verdict, {}
    total_yuan = yuan(facts.total_fen)
    return verdict, {"number": facts.number, "date": facts.day.isoformat(), "total_yuan": total_yuan}


def told_verdict(verdict: VerdictView) -> VerdictView:
    """The sentence in the reader's language; the steps' details stay as they are in the file's words."""
    return dataclasses.replace(verdict, sentence=gettext(verdict.sentence))


def _read(form: Mapping[str, str]) -> tuple[str, date, int]:
    problems: dict[str, str] = {}
    number = form["number"].replace(" ", "")
    if not (len(number) == 20 and number.isascii() and number.isdigit()):
        problems["number"] = NOT_A_NUMBER
    day, total_fen = date.min, 0
    try:
        day = date.fromisoformat(form["date"].strip())
        if day.year < FIRST_YEAR:
            problems["date"] = BAD_DATE
    except ValueError:
        problems["date"] = BAD_DATE
    try:
        total_fen = parse_yuan(form["total_yuan"])
    except BadAmount:
        problems["total_yuan"] = BadAmount.message
    if problems:
        raise InvalidInput(problems)
    return number, day, total_fen
