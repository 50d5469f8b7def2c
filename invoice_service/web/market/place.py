"""Which market a desk is about: an operator's own, or the one that an administrator has chosen."""

from __future__ import annotations

from collections.abc import Mapping

from flask import g, session

from invoice_service.domain.details import ChooseMarket
from invoice_service.domain.policy import Role
from invoice_service.errors import Error
from invoice_service.queries import market
from invoice_service.queries.market_views import MarketView
from invoice_service.web.context import services
from invoice_service.web.errors import told, told_fields
from invoice_service.web.identity import actor
from invoice_service.web.locale import language

CHOSEN = "market"  # in the signed cookie of pages


def chosen() -> str | None:
    """The code of the market that an administrator has chosen; None for an operator, who has one."""
    return session.get(CHOSEN) if actor().role is Role.ADMIN else None


def choose(code: str) -> None:
    """Raises OutOfScope."""
    market.market(services(), actor(), language(), code)
    session[CHOSEN] = code


def my_markets() -> tuple[MarketView, ...]:
    if "markets" not in g:
        g.markets = market.markets(services(), actor(), language())
    found: tuple[MarketView, ...] = g.markets
    return found


def here() -> MarketView | None:
    """The market that this page is about; None while an administrator has chosen none."""
    code, places = chosen(), my_markets()
    if code is None and actor().role is not Role.ADMIN:
        return places[0]
    return next((place for place in places if place.code == code), None)


def page_errors(error: Error) -> Mapping[str, str]:
    """What a form says about a refusal: by field, or at its top where no field is to blame.

    No form can help an administrator who has chosen no market: raises ChooseMarket again.
    """
    if isinstance(error, ChooseMarket):
        raise error
    return told_fields(error) or {"": told(error.message, error.parameters)}


def number(text: str | None) -> int:
    """A number that a form of ours offers; what anybody else writes is nobody's."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
