"""What the vendor's forms say, as the flows want it; and how somebody confirms and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import redirect, url_for
from werkzeug.wrappers import Response

from invoice_service.domain.goods import parse_quantity
from invoice_service.domain.keyed import KeyedAmount, KeyedGoods, KeyedSale, Rounding
from invoice_service.domain.money import BadAmount, parse_yuan
from invoice_service.domain.order import NothingOrdered
from invoice_service.domain.period import DayOutOfRange, check_day
from invoice_service.errors import Error
from invoice_service.web.errors import told, told_fields

QUANTITY = "quantity-"
STATED = "stated-"
Form = Mapping[str, str]


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


def read_counts(form: Form) -> tuple[dict[str, int], int]:
    """What was counted, by channel, and the cash; a field left empty is nothing counted. Raises BadAmount."""
    stated = {
        name.removeprefix(STATED): read_fen(text, name) or 0
        for name, text in form.items()
        if name.startswith(STATED)
    }
    return stated, read_fen(form.get("cash_yuan"), "cash_yuan") or 0


def errors_of(error: Error, fields: Mapping[str, str], otherwise: str) -> dict[str, str]:
    """By field of the page; `fields` maps the flow's names to the page's, what is left stands `otherwise`."""
    found = told_fields(error) or {otherwise: told(error.message, error.parameters)}
    return {fields.get(name, name): text for name, text in found.items()}


def confirm_and_return(endpoint: str, **values: str) -> Response:
    """To the PIN, and back to the form with what was typed."""
    kept: dict[str, Any] = {
        name: text for name, text in values.items() if name != "csrf_token" and not name.startswith("_")
    }
    return redirect(url_for("account.confirm", next=url_for(endpoint, **kept)), 303)
