"""Markets, stalls, vendors and goods: who sells what where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select

from invoice_service.domain.goods import Goods
from invoice_service.domain.order import Stall
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TaxClass
from invoice_service.store.tables import goods, markets, stalls, vendors

# A stall as an order needs it, wherever it is joined: with its market, and with who sells there.
STALL_COLUMNS = (
    stalls.c.id,
    stalls.c.market_id,
    vendors.c.id.label("vendor_id"),
    stalls.c.code,
    stalls.c.name_zh,
    stalls.c.is_open,
    stalls.c.default_name_zh,
    stalls.c.default_name_en,
    stalls.c.default_tax_code,
    stalls.c.default_tax_class,
    markets.c.code.label("market_code"),
    markets.c.name_zh.label("market_name_zh"),
    markets.c.region,
    vendors.c.name_zh.label("vendor_name_zh"),
    vendors.c.taxpayer_kind,
    vendors.c.tax_id,
    vendors.c.self_produced,
)
_STALL_WITH_SELLER = (
    select(
        *STALL_COLUMNS,
        stalls.c.name_en,
        stalls.c.kind_zh,
        stalls.c.kind_en,
        stalls.c.place_zh,
        stalls.c.place_en,
        markets.c.name_en.label("market_name_en"),
        vendors.c.name_en.label("vendor_name_en"),
    )
    .join_from(stalls, markets, markets.c.id == stalls.c.market_id)
    .join(vendors, vendors.c.id == stalls.c.vendor_id)
)
_BY_CODE = _STALL_WITH_SELLER.where(stalls.c.code == bindparam("code"))
_GOODS = select(goods).where(goods.c.stall_id == bindparam("stall_id")).order_by(goods.c.id)
_ALL = _STALL_WITH_SELLER.order_by(stalls.c.market_id, stalls.c.code)

StallRow = RowMapping


def stall_row(connection: Connection, code: str) -> StallRow | None:
    """Everything about a stall by the code on its poster, names in both languages."""
    if "\x00" in code:  # which text in PostgreSQL cannot hold, not even to be compared with
        return None
    return connection.execute(_BY_CODE, {"code": code}).mappings().first()


def all_stalls(connection: Connection) -> Sequence[StallRow]:
    return connection.execute(_ALL).mappings().all()


def stock(connection: Connection, stall_id: int) -> tuple[Goods, ...]:
    """Every goods of one stall, in the order in which they were entered."""
    rows = connection.execute(_GOODS, {"stall_id": stall_id}).mappings()
    return tuple(
        Goods(
            sku=row["sku"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            unit=row["unit"],
            price_fen=row["price_fen"],
            tax_code=row["tax_code"],
            tax_class=TaxClass(row["tax_class"]),
            available=row["available"],
        )
        for row in rows
    )


def to_stall(row: Mapping[str, Any] | StallRow) -> Stall:
    """From a row with STALL_COLUMNS."""
    return Stall(
        id=row["id"],
        market_id=row["market_id"],
        vendor_id=row["vendor_id"],
        code=row["code"],
        name_zh=row["name_zh"],
        is_open=row["is_open"],
        market_code=row["market_code"],
        market_name_zh=row["market_name_zh"],
        region=row["region"],
        seller_name=row["vendor_name_zh"],
        seller_tax_id=row["tax_id"],
        taxpayer=TaxpayerKind(row["taxpayer_kind"]),
        self_produced=row["self_produced"],
        default_goods=Goods(
            sku="",
            name_zh=row["default_name_zh"],
            name_en=row["default_name_en"],
            unit="",
            price_fen=0,
            tax_code=row["default_tax_code"],
            tax_class=TaxClass(row["default_tax_class"]),
        ),
    )


def insert_market(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(markets).returning(markets.c.id), values).scalar_one()


def insert_vendor(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(vendors).returning(vendors.c.id), values).scalar_one()


def insert_stall(connection: Connection, values: Mapping[str, Any]) -> int:
    return connection.execute(insert(stalls).returning(stalls.c.id), values).scalar_one()


def insert_goods(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(insert(goods), rows)
