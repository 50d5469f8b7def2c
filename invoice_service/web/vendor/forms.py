"""What the vendor's forms say, as the flows want it; and how somebody confirms and comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from flask import redirect, url_for
from werkzeug.wrappers import Response

from invoice_service.domain.goods import parse_quantity
from invoice_service.domain.keyed import KeyedAmount, KeyedGoods, KeyedSale, Rounding
from invoice_service.domain.money import BadAmount, parse_yuan
from invoice_service.domain.order import NothingOrdered
from invoice_service.domain.period import DayOutOfRange, check_day
from invoice_service.domain.refund import Back, BadRefund, Reason, read_reason
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.web.errors import told, told_fields

QUANTITY = "quantity-"
BACK, BACK_YUAN = "quantity-", "yuan-"
MAX_PLACE = 5  # digits
ALL_OR_SOME = N_("You typed a part below. Please choose whether all comes back, or only that.")
ONE_OF_TWO = N_("Give a quantity or an amount, not both.")
STATED = "stated-"
COUNTED = ("day", "cash_yuan", "note")
Form = Mapping[str, str]
First = TypeVar("First")
Second = TypeVar("Second")


def read_day(text: str | None, field: str = "day") -> date | None:
    """None where none was given. Raises DayOutOfRange."""
    if not text:
        return None
    try:
        return check_day(date.fromisoformat(text), field)
    except ValueError:
        raise DayOutOfRange({field: DayOutOfRange.message}) from None


def read_fen(text: str | None, field: str) -> int | None:
    """None where nothing was typed. Raises BadAmount."""
    if not (text or "").strip():
        return None
    try:
        return parse_yuan(text or "")
    except BadAmount:
        raise BadAmount({field: BadAmount.message}) from None


def read_both(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """Two readings of one form. Raises InvalidInput with all that is wrong, not only with the first."""
    try:
        read = first()
    except InvalidInput as error:
        try:
            second()
        except InvalidInput as other:
            raise InvalidInput(error.fields | other.fields) from None
        raise
    return read, second()


def read_sale(form: Form) -> KeyedSale:
    """Raises BadAmount, BadQuantity, NothingOrdered."""
    items: list[KeyedGoods | KeyedAmount] = [
        KeyedGoods(name.removeprefix(QUANTITY), parse_quantity(text.strip(), field=name))
        for name, text in form.items()
        if name.startswith(QUANTITY) and text.strip() not in ("", "0")
    ]
    amount_fen = read_fen(form.get("amount_yuan"), "amount_yuan")
    if amount_fen:
        items.append(KeyedAmount(amount_fen))
    if not items:
        raise NothingOrdered({"amount_yuan": NothingOrdered.message})
    rounding = form.get("rounding")
    return KeyedSale(tuple(items), Rounding(rounding) if rounding in ("jiao", "yuan") else Rounding.NONE)


def read_refund(form: Form) -> tuple[tuple[Back, ...] | None, Reason]:
    """What is to go back, None for all that is left, and why. Raises BadRefund, BadQuantity, BadAmount.

    Who types a part and leaves "all" chosen is asked which is meant: money that went back does not return.
    """
    reason = read_reason(form.get("reason", ""))
    typed = [text for name, text in form.items() if name.startswith((BACK, BACK_YUAN)) and text.strip()]
    if form.get("what") != "some":
        if typed:
            raise BadRefund({"what": ALL_OR_SOME})
        return None, reason
    places = sorted({name.partition("-")[2] for name in form if name.startswith((BACK, BACK_YUAN))})
    backs = [_back(form, int(n)) for n in places if n.isascii() and n.isdigit() and len(n) < MAX_PLACE]
    return tuple(back for back in backs if back is not None), reason


def _back(form: Form, n: int) -> Back | None:
    """A quantity, or an amount, or neither of a line. Both are one too many."""
    quantity, money = form.get(f"{BACK}{n}", "").strip(), form.get(f"{BACK_YUAN}{n}", "").strip()
    if quantity and money:
        raise BadRefund({f"{BACK_YUAN}{n}": ONE_OF_TWO})
    if quantity:
        return Back(n, quantity=parse_quantity(quantity, field=f"{BACK}{n}"))
    return Back(n, amount_fen=read_fen(money, f"{BACK_YUAN}{n}")) if money else None


def read_counts(form: Form) -> tuple[dict[str, int], int]:
    """What was counted by channel, without those left empty, and the cash. Raises BadAmount."""
    typed = {name: _read_count(text, name) for name, text in form.items() if name.startswith(STATED)}
    stated = {name.removeprefix(STATED): fen for name, fen in typed.items() if fen is not None}
    return stated, read_fen(form.get("cash_yuan"), "cash_yuan") or 0


def _read_count(text: str, field: str) -> int | None:
    """As it is typed, and with a minus where a channel paid back more than it brought."""
    plain = text.strip()
    is_less = plain[:1] in ("-", "−")
    fen = read_fen(plain[1:] if is_less else plain, field)
    return -fen if is_less and fen is not None else fen


def errors_of(error: Error, fields: Mapping[str, str], otherwise: str) -> dict[str, str]:
    """By field of the page; `fields` maps the flow's names to the page's, what is left stands `otherwise`."""
    found = told_fields(error) or {otherwise: told(error.message, error.parameters)}
    return {fields.get(name, name).replace("stated_fen.", STATED): text for name, text in found.items()}


def counted(form: Form) -> dict[str, str]:
    """The fields of a day's close as typed, and nothing else that a form may hold."""
    return {name: text for name, text in form.items() if name in COUNTED or name.startswith(STATED)}


def confirm_and_return(endpoint: str, **values: str) -> Response:
    """To the PIN, and back to the form with what was typed."""
    kept: dict[str, Any] = values
    return redirect(url_for("account.confirm", next=url_for(endpoint, **kept)), 303)
