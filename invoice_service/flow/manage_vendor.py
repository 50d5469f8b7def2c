"""Vendors 经营户: add one, change one, and the record of an operator's look at one."""

from __future__ import annotations

from collections.abc import Mapping

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


def add(services: Services, actor: Actor, given: Mapping[str, str], market_code: str | None = None) -> int:
    """As typed: name_zh, name_en, taxpayer_kind, tax_id, self_produced ("1" or ""), tax_period, licence_no,
    licence_until (2026-12-31 or empty), default_tax_class; default_name_zh, default_name_en and
    default_tax_code where they are to differ from the class's own.

    Raises OutOfScope, BadVendor, VendorExists.
    """
    raise NotImplementedError


def edit(services: Services, actor: Actor, vendor_id: int, given: Mapping[str, str]) -> None:
    raise NotImplementedError


def look(services: Services, actor: Actor, vendor_id: int) -> None:
    """Write down that somebody looks at one vendor's records; the page calls it before it reads them."""
    raise NotImplementedError
