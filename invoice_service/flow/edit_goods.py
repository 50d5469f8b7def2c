"""A vendor's own goods: add, change, set a price, mark as sold out, remove."""

from __future__ import annotations

from collections.abc import Mapping

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


def add(services: Services, actor: Actor, given: Mapping[str, str]) -> str:
    """As typed: name_zh, name_en (may be empty), unit, price_yuan, tax_code (one of the catalogue's).

    Answers the sku. Needs a fresh confirmation. Raises ConfirmFirst, BadGoods.
    """
    raise NotImplementedError


def edit(
    services: Services, actor: Actor, sku: str, given: Mapping[str, str], *, expected_price_fen: int
) -> None:
    """The same fields as `add`. Needs a fresh confirmation where the price or the tax code changes.

    Raises ConfirmFirst, BadGoods, OutOfScope, and GoodsChanged where the price is not the expected one.
    """
    raise NotImplementedError


def set_price(services: Services, actor: Actor, sku: str, price_fen: int, *, expected_price_fen: int) -> None:
    """Raises ConfirmFirst, OutOfScope, GoodsChanged, AmountOutOfRange."""
    raise NotImplementedError


def set_available(services: Services, actor: Actor, sku: str, *, available: bool) -> None:
    """The sold-out switch. Raises OutOfScope."""
    raise NotImplementedError


def remove(services: Services, actor: Actor, sku: str) -> None:
    """Orders keep their own lines. Raises ConfirmFirst, OutOfScope."""
    raise NotImplementedError
