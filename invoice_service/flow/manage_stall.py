"""Stalls: add one, change what it says, open and close it."""

from __future__ import annotations

from collections.abc import Mapping

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


def add(services: Services, actor: Actor, given: Mapping[str, str], market_code: str | None = None) -> str:
    """A stall with its first code, as typed: code, name_…, kind_…, place_… (zh and en). Answers its code.

    Raises OutOfScope, BadStall, StallExists.
    """
    raise NotImplementedError


def edit(services: Services, actor: Actor, code: str, given: Mapping[str, str]) -> None:
    """Everything but the code, which stands on invoices. Raises OutOfScope, BadStall."""
    raise NotImplementedError


def set_open(services: Services, actor: Actor, code: str, is_open: bool) -> None:
    raise NotImplementedError
