"""Markets, stalls, vendors and goods: who sells what where, as of an instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, insert, select
from sqlalchemy import text as sql

from invoice_service.domain.authorisation import Authorisation, minute_of_week
from invoice_service.domain.goods import Goods
from invoice_service.domain.numbering import business_day
from invoice_service.domain.order import Stall
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TaxClass
from invoice_service.store.people_tables import authorisations, stall_codes
from invoice_service.store.tables import goods, markets, stalls, vendors

# A stall as an order needs it, wherever it is joined: with its market, and with who sells there.
STALL_COLUMNS = (
    stalls.c.id,
    stalls.c.market_id,
    vendors.c.id.label("vendor_id"),
    stalls.c.code,
    stalls.c.name_zh,
    stalls.c.is_open,
    vendors.c.default_name_zh,
    vendors.c.default_name_en,
    vendors.c.default_tax_code,
    vendors.c.default_tax_class,
    markets.c.code.label("market_code"),
    markets.c.name_zh.label("market_name_zh"),
    markets.c.region,
    vendors.c.name_zh.label("vendor_name_zh"),
    vendors.c.taxpayer_kind,
    vendors.c.tax_id,
    vendors.c.self_produced,
)
# Which vendor it is depends on the hour; there may be none, and the database lets there be no two.
_SELLS_NOW = and_(
    authorisations.c.stall_id == stalls.c.id,
    sql("authorisations.days @> CAST(:day AS date)"),
    sql("authorisations.minutes @> CAST(:minute AS integer)"),
)
_LIVE_CODE = and_(stall_codes.c.stall_id == stalls.c.id, stall_codes.c.replaced_at.is_(None))
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
        stall_codes.c.serial.label("live_serial"),
    )
    .join_from(stalls, markets, markets.c.id == stalls.c.market_id)
    .outerjoin(stall_codes, _LIVE_CODE)
    .outerjoin(authorisations, _SELLS_NOW)
    .outerjoin(vendors, vendors.c.id == authorisations.c.vendor_id)
)
_BY_CODE = _STALL_WITH_SELLER.where(stalls.c.code == bindparam("code"))
_OF_SELLER = _STALL_WITH_SELLER.where(vendors.c.id == bindparam("vendor_id")).order_by(stalls.c.code)
_GOODS = select(goods).where(goods.c.vendor_id == bindparam("vendor_id")).order_by(goods.c.id)
_ALL = _STALL_WITH_SELLER.order_by(stalls.c.market_id, stalls.c.code)

StallRow = RowMapping


def stall_row(connection: Connection, code: str, at: datetime) -> StallRow | None:
    """Everything about a stall by its code and who sells there at an instant, names in both languages.

    `vendor_id` is None where nobody is authorised then; `live_serial` is that of the code now on the stall.
    """
    return connection.execute(_BY_CODE, {"code": code} | _as_of(at)).mappings().first()


def all_stalls(connection: Connection, at: datetime) -> Sequence[StallRow]:
    return connection.execute(_ALL, _as_of(at)).mappings().all()


def stalls_of_seller(connection: Connection, vendor_id: int, at: datetime) -> Sequence[StallRow]:
    """Where a vendor is authorised to sell at an instant."""
    return connection.execute(_OF_SELLER, {"vendor_id": vendor_id} | _as_of(at)).mappings().all()


def _as_of(at: datetime) -> dict[str, Any]:
    return {"day": business_day(at), "minute": minute_of_week(at)}


def stock(connection: Connection, vendor_id: int) -> tuple[Goods, ...]:
    """Every goods of one vendor, in the order in which they were entered."""
    rows = connection.execute(_GOODS, {"vendor_id": vendor_id}).mappings()
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
    """From a row with STALL_COLUMNS and a vendor in it."""
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


def add_authorisation(connection: Connection, market_id: int, wanted: Authorisation, now: datetime) -> int:
    """Raises IntegrityError where another vendor is authorised at that stall in part of that time."""
    return connection.execute(
        _ADD_AUTHORISATION,
        {
            "market_id": market_id,
            "stall_id": wanted.stall_id,
            "vendor_id": wanted.vendor_id,
            "first_day": wanted.first_day,
            "last_day": wanted.last_day,
            "minutes": "{" + ",".join(f"[{begin},{end})" for begin, end in wanted.minutes) + "}",
            "created_at": now,
        },
    ).scalar_one()


def add_code(connection: Connection, stall_id: int, serial: int, now: datetime) -> None:
    """The next printing of a stall's code; the live one must have been replaced before."""
    connection.execute(insert(stall_codes), {"stall_id": stall_id, "serial": serial, "issued_at": now})


_ADD_AUTHORISATION = sql("""
    INSERT INTO authorisations (market_id, stall_id, vendor_id, days, minutes, created_at)
    VALUES (:market_id, :stall_id, :vendor_id,
            daterange(CAST(:first_day AS date), CAST(:last_day AS date), '[]'),
            CAST(:minutes AS int4multirange), :created_at)
    RETURNING id
""")
