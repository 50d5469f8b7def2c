"""Vendors 经营户: add one, change one, and the record of an operator's look at one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection

from invoice_service.domain.access import Action
from invoice_service.domain.details import VendorDetails, VendorExists, read_vendor
from invoice_service.domain.policy import Actor
from invoice_service.flow import access
from invoice_service.services import Services
from invoice_service.store import catalogue, market


def add(services: Services, actor: Actor, given: Mapping[str, str], market_code: str | None = None) -> int:
    """As typed: name_zh, name_en, taxpayer_kind, tax_id, self_produced ("1" or ""), tax_period, licence_no,
    licence_until (2026-12-31 or empty), licensed_classes (apart by spaces), default_tax_class;
    default_name_zh, default_name_en and default_tax_code where they are to differ from the class's own.

    Raises OutOfScope, BadVendor, VendorExists.
    """
    with services.database.unit_of_work() as uow:
        # Locked, so that no second desk adds the same vendor beside us.
        row = market.managed_market(uow.connection, actor, market_code, lock=True)
        details = read_vendor(given)
        _refuse_known(uow.connection, row["id"], details, None)
        vendor_id = catalogue.insert_vendor(uow.connection, {"market_id": row["id"]} | asdict(details))
        _note(services, uow.connection, actor, Action.VENDOR_CHANGED, row["id"], vendor_id, details.name_zh)
        uow.commit()
    return vendor_id


def edit(services: Services, actor: Actor, vendor_id: int, given: Mapping[str, str]) -> None:
    """Invoices and sales keep what they were made with. Raises OutOfScope, BadVendor, VendorExists."""
    with services.database.unit_of_work() as uow:
        row = market.managed_vendor(uow.connection, actor, vendor_id, lock=True)
        details = read_vendor(given)
        _refuse_known(uow.connection, row["market_id"], details, vendor_id)
        market.change_vendor(uow.connection, vendor_id, details)
        _note(
            services, uow.connection, actor, Action.VENDOR_CHANGED, row["market_id"], vendor_id,
            details.name_zh,
        )  # fmt: skip
        uow.commit()


def look(services: Services, actor: Actor, vendor_id: int) -> None:
    """Write down that somebody looks at one vendor's records; the page calls it before it reads them."""
    with services.database.unit_of_work() as uow:
        row = market.managed_vendor(uow.connection, actor, vendor_id)
        _note(
            services, uow.connection, actor, Action.VENDOR_LOOKED_AT, row["market_id"], vendor_id,
            row["name_zh"],
        )  # fmt: skip
        uow.commit()


def _refuse_known(
    connection: Connection, market_id: int, details: VendorDetails, vendor_id: int | None
) -> None:
    """Raises VendorExists where another vendor of the market has this credit code."""
    if details.tax_id is None:
        return
    known = market.vendor_with_tax_id(connection, market_id, details.tax_id)
    if known not in (None, vendor_id):
        raise VendorExists({"tax_id": VendorExists.message})


def _note(
    services: Services,
    connection: Connection,
    actor: Actor,
    action: Action,
    market_id: int,
    vendor_id: int,
    name: str,
) -> None:
    access.note(
        connection,
        actor,
        action,
        now=services.clock(),
        market_id=market_id,
        vendor_id=vendor_id,
        subject=name,
    )
