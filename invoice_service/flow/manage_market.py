"""Markets: an administrator adds one; its operator keeps its details right."""

from __future__ import annotations

from collections.abc import Mapping

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


def add(services: Services, actor: Actor, given: Mapping[str, str]) -> str:
    """As typed: code, name_zh, name_en, region (six digits), address. Raises NotAllowed, BadMarket, MarketExists."""
    raise NotImplementedError


def edit(services: Services, actor: Actor, given: Mapping[str, str], market_code: str | None = None) -> None:
    """Names, region and address; the code stays. Raises OutOfScope, BadMarket."""
    raise NotImplementedError
