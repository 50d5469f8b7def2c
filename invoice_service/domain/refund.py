"""What goes back of a paid order: which lines, how much of each, why, and the life of it in one table.

Parts of a line are taken from what is left of it, in the order in which they are given back: the share of a
quantity is its share of the money that is left, rounded half up, and the last share is all of the rest. So
the parts of a line, whatever they are, come to the line exactly: amount, tax and net alike.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from invoice_service.domain.money import to_fen
from invoice_service.domain.order import OrderLine, priced_at
from invoice_service.domain.tax import TaxRule
from invoice_service.errors import N_, Error, InvalidInput, NotFound

CONSENT_WITHIN = timedelta(hours=72)  # a confirmation that nobody answers lapses (红字信息确认单)


class Reason(enum.StrEnum):
    """The four reasons for a credit note 红字发票, with the numbers that forms give them."""

    text: str
    text_zh: str

    def __new__(cls, value: str, text: str = "", text_zh: str = "") -> Reason:
        member = str.__new__(cls, value)
        member._value_ = value
        member.text, member.text_zh = text, text_zh
        return member

    ISSUED_IN_ERROR = "01", N_("Issued in error"), "开票有误"
    RETURNED = "02", N_("Goods returned"), "销货退回"
    SERVICE_ENDED = "03", N_("Service ended"), "服务中止"
    ALLOWANCE = "04", N_("Allowance"), "销售折让"


class RefundStatus(enum.StrEnum):
    CONSENT = "consent"  # claimed: the company has to agree, within 72 hours
    LOCKING = "locking"  # the contract is to hold off claims
    PAYING = "paying"  # the provider is asked to pay back
    CREDITING = "crediting"  # paid back; the contract is to write it down
    DONE = "done"
    LAPSED = "lapsed"  # nobody agreed in time
    REFUSED = "refused"  # the provider will not pay it back, or nothing of the invoice is left


class ForbiddenStep(ValueError):
    """Ours, not the caller's: what is over stays as it is, and money that went back is not forgotten."""


REFUND_TRANSITIONS: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.CONSENT: frozenset(
        {RefundStatus.LOCKING, RefundStatus.PAYING, RefundStatus.LAPSED, RefundStatus.REFUSED}
    ),
    RefundStatus.LOCKING: frozenset({RefundStatus.CONSENT, RefundStatus.PAYING, RefundStatus.REFUSED}),
    RefundStatus.PAYING: frozenset(
        {RefundStatus.LOCKING, RefundStatus.CREDITING, RefundStatus.DONE, RefundStatus.REFUSED}
    ),
    RefundStatus.CREDITING: frozenset({RefundStatus.DONE}),
    RefundStatus.DONE: frozenset(),
    RefundStatus.LAPSED: frozenset(),
    RefundStatus.REFUSED: frozenset(),
}
OPEN = frozenset(status for status, after in REFUND_TRANSITIONS.items() if after)
# Of a claimed invoice: before the money goes back, and once more if the chain begins anew before it is
# written down.
ASKS_CLAIMANT = frozenset({RefundStatus.CONSENT, RefundStatus.CREDITING})


def step(current: RefundStatus, wanted: RefundStatus) -> RefundStatus:
    """`wanted`, if it may follow `current`. Raises ForbiddenStep."""
    if wanted not in REFUND_TRANSITIONS[current]:
        raise ForbiddenStep(f"{current.value} cannot become {wanted.value}")
    return wanted


class UnknownRefund(NotFound):
    code = "refund.unknown"
    message = N_("There is no such refund.")


class RefundUnderWay(Error):
    code = "refund.under_way"
    message = N_("Another refund of this order is under way. Please wait until it is done.")
    status = 409


class BadRefund(InvalidInput):
    code = "refund.bad"
    message = N_("Please say which lines come back, and how much of each.")


class NothingLeft(Error):
    code = "refund.nothing_left"
    message = N_("No more than ¥{left_yuan} of this can still be paid back.")
    status = 409


REASON_UNKNOWN = N_("Please choose one of the four reasons.")
LINE_UNKNOWN = N_("The order has no such line.")
LINE_TWICE = N_("Each line stands in a refund once.")
MORE_THAN_LEFT = N_("More than is left of this line.")
TOO_LITTLE = N_("So little of it comes to no money.")


@dataclass(frozen=True, slots=True)
class Back:
    """What is wanted back of a line: a quantity of it, an amount of its money (an allowance), or the rest."""

    line: int  # its place in the order, from 0
    quantity: Decimal | None = None
    amount_fen: int | None = None


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line as it stands on the newest document of the order (`place`, from 0, there: on the invoice once
    there is one, before on the sale), and what went back since, or is on its way back."""

    place: int
    line: OrderLine
    rule: TaxRule
    returned_fen: int
    returned_quantity: Decimal

    @property
    def left_fen(self) -> int:
        return self.line.amount_fen - self.returned_fen

    @property
    def left_quantity(self) -> Decimal:
        return self.line.quantity - self.returned_quantity


@dataclass(frozen=True, slots=True)
class BackLine:
    """A part of a line that goes back; all positive. `quantity` is None where it is money alone."""

    line: int
    sold: SoldLine
    quantity: Decimal | None
    amount_fen: int
    net_fen: int
    tax_fen: int


def read_reason(text: str) -> Reason:
    """Raises BadRefund."""
    if text not in Reason.__members__.values():
        raise BadRefund({"reason": REASON_UNKNOWN})
    return Reason(text)


def everything(lines: Mapping[int, SoldLine]) -> tuple[Back, ...]:
    """All that is left of an order, whose lines are given by their places in it."""
    return tuple(Back(n) for n, sold in lines.items() if sold.left_fen)


def back_lines(wanted: Sequence[Back], lines: Mapping[int, SoldLine]) -> tuple[BackLine, ...]:
    """The parts in the order of the lines. Raises BadRefund, naming each wrong one (`lines.0`, …)."""
    found, problems = [], {}
    seen: set[int] = set()
    for n, back in enumerate(wanted):
        problem = _problem(back, lines, seen)
        seen.add(back.line)
        if problem is None:
            part = _part(back, lines[back.line])
            problem = None if part.amount_fen > 0 else TOO_LITTLE
            found.append(part)
        if problem is not None:
            problems[f"lines.{n}"] = problem
    if problems or not found:
        raise BadRefund(problems or {"lines": BadRefund.message})
    return tuple(sorted(found, key=lambda part: part.line))


def _problem(back: Back, lines: Mapping[int, SoldLine], seen: set[int]) -> str | None:
    if back.line not in lines:
        return LINE_UNKNOWN
    if back.line in seen:
        return LINE_TWICE
    sold = lines[back.line]
    too_much = (
        sold.left_fen == 0
        or (back.quantity is not None and not 0 < back.quantity <= sold.left_quantity)
        or (back.amount_fen is not None and not 0 < back.amount_fen <= sold.left_fen)
    )
    return MORE_THAN_LEFT if too_much else None


def _part(back: Back, sold: SoldLine) -> BackLine:
    quantity, amount_fen = back.quantity, back.amount_fen
    if quantity is None and amount_fen is None:
        quantity, amount_fen = sold.left_quantity, sold.left_fen
    elif amount_fen is None:
        assert quantity is not None  # noqa: S101 - one of the two is there
        amount_fen = to_fen(Decimal(sold.left_fen) / 100 * quantity / sold.left_quantity)
    after = replace(sold, returned_fen=sold.returned_fen + amount_fen)
    net_fen = _net_back(after) - _net_back(sold)
    return BackLine(back.line, sold, quantity, amount_fen, net_fen, amount_fen - net_fen)


def _net_back(sold: SoldLine) -> int:
    """The net of all that went back: the line's own once everything has."""
    return sold.rule.split(sold.returned_fen)[0]


def kept_line(sold: SoldLine) -> OrderLine:
    """What of a line an invoice is for, after something went back before there was one. A price reduced by an
    allowance follows, so that quantity times price still gives the amount."""
    return _at(sold, sold.left_quantity, sold.left_fen)


def back_price(part: BackLine) -> Decimal:
    """What stands on a credit note beside the amount: the line's price, or where an allowance came before the
    rest, the one that gives what is left to take off."""
    if part.quantity is None:
        return part.sold.line.unit_price
    return _at(part.sold, part.quantity, part.amount_fen).unit_price


def _at(sold: SoldLine, quantity: Decimal, amount_fen: int) -> OrderLine:
    """As much of a line for that much money; its own price where that gives it."""
    line = replace(sold.line, quantity=quantity)
    is_priced = to_fen(line.unit_price * quantity) == amount_fen
    return replace(line, amount_fen=amount_fen) if is_priced else priced_at(line, amount_fen)
