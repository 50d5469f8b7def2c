"""One vendor's goods, one at a time, locked while they are changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select, update

from invoice_service.store.tables import goods, vendors

_ONE = (
    select(goods)
    .where(goods.c.vendor_id == bindparam("vendor_id"), goods.c.sku == bindparam("sku"))
    .with_for_update()
)
_HOLD = select(vendors.c.id).where(vendors.c.id == bindparam("vendor_id")).with_for_update(key_share=True)
_COUNT = select(func.count()).where(goods.c.vendor_id == bindparam("vendor_id"))


def lock(connection: Connection, vendor_id: int, sku: str) -> RowMapping | None:
    return connection.execute(_ONE, {"vendor_id": vendor_id, "sku": sku}).mappings().first()


def count(connection: Connection, vendor_id: int) -> int:
    """How many a vendor has; whoever else would add one waits until the unit ends."""
    connection.execute(_HOLD, {"vendor_id": vendor_id})
    return connection.execute(_COUNT, {"vendor_id": vendor_id}).scalar_one()


def change(connection: Connection, goods_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(update(goods).where(goods.c.id == goods_id).values(**values))


def remove(connection: Connection, goods_id: int) -> None:
    """Order lines are copies and stay as they are."""
    connection.execute(delete(goods).where(goods.c.id == goods_id))
