"""Allowance 领票额度: how much a vendor may invoice in a calendar month, as the tax office set it.

A ceiling is on the total, with tax, of the invoices that are issued in a month of Asia/Shanghai. A vendor for
whom none was set has none. What is paid stays paid: above the ceiling only the invoice has to wait.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from invoice_service.domain.money import BadAmount, parse_yuan
from invoice_service.domain.period import Period
from invoice_service.domain.threshold import CLOSE_PERCENT
from invoice_service.errors import N_, Error, InvalidInput, Name, NotFound

MAX_FEN = 99_999_999_999
WORDS_MIN, WORDS_MAX = 4, 200
ASK_MORE = N_("Please ask for more than the ceiling is now.")
GRANT_MORE = N_("Please grant more than the ceiling is now, or refuse.")


class State(enum.StrEnum):
    BELOW = "below"
    CLOSE = "close"  # 80 % or more is used
    USED_UP = "used_up"  # nothing is left


class BadAllowance(InvalidInput):
    code = "allowance.invalid"
    message = N_("Please check what is marked below.")


class NoCeiling(NotFound):
    code = "allowance.none"
    message = N_("No ceiling is set for what may be invoiced in a month.")


class AlreadyAsked(Error):
    code = "allowance.asked"
    message = N_("You have asked already. The tax office's answer will stand here.")
    status = 409


class AlreadyAnswered(Error):
    code = "allowance.answered"
    message = N_("Somebody has answered this request meanwhile.")
    status = 409


class AllowanceUsed(Error):
    """An invoice that a vendor may not issue this month. The order stays paid, its SALE in the log."""

    code = "invoice.allowance_used"
    title = N_("The invoice must wait")
    message = N_(
        "Your payment stands. The seller has used up what it may invoice this month. You can have the invoice"
        " by the same link as soon as the tax office allows more, or from {day}."
    )
    status = 409


class AboveAllowance(AllowanceUsed):
    """One that no month has room for: there is no day to name."""

    code = "invoice.above_allowance"
    message = N_(
        "Your payment stands. This invoice is above all that the seller may invoice in a month. You can have"
        " it by the same link as soon as the tax office allows more."
    )


@dataclass(frozen=True, slots=True)
class Allowance:
    """A vendor's ceiling, and what was invoiced of it so far in a month."""

    month: Period
    ceiling_fen: int
    used_fen: int

    @property
    def left_fen(self) -> int:
        return max(self.ceiling_fen - self.used_fen, 0)

    @property
    def used_percent(self) -> int:
        """Rounded down, so that 100 is said only when nothing is left; 0 where more was credited."""
        return 100 * max(0, self.used_fen) // self.ceiling_fen

    @property
    def state(self) -> State:
        if not self.left_fen:
            return State.USED_UP
        return State.CLOSE if self.used_percent >= CLOSE_PERCENT else State.BELOW

    @property
    def next_day(self) -> date:
        """The day from which the whole ceiling is free again."""
        return self.month.after().first_day

    def check_room(self, total_fen: int) -> None:
        """Raises AllowanceUsed, AboveAllowance."""
        if total_fen > self.ceiling_fen:
            raise AboveAllowance
        if total_fen > self.left_fen:
            day = self.next_day
            raise AllowanceUsed(
                day=Name(f"{day.year}年{day.month}月{day.day}日", f"{day:%B} {day.day}, {day.year}")
            )


def typed_fen(text: str) -> int:
    """Yuan as typed; what cannot be read is 0, which no amount here may be."""
    try:
        return parse_yuan(text)
    except BadAmount:
        return 0


def amount_problem(fen: int, *, above_fen: int = 0, otherwise: str = "") -> str | None:
    """What is wrong with an amount; `otherwise` is said of one that is not above what it must be above."""
    if not 1 <= fen <= MAX_FEN:
        return N_("Please enter an amount in yuan such as 5000, up to 999,999,999.99.")
    return otherwise if fen <= above_fen else None


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def words_problem(words: str) -> str | None:
    if WORDS_MIN <= len(words) <= WORDS_MAX and words.isprintable():
        return None
    return N_("Please say it in 4 to 200 characters.")


def check(problems: Mapping[str, str | None]) -> None:
    """By field. Raises BadAllowance with all that is wrong."""
    if wrong := {field: problem for field, problem in problems.items() if problem}:
        raise BadAllowance(wrong)
