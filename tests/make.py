"""Factories: a market with a stall, and orders and invoices at any point of their life, by the real flows.

The demo market is seeded with the same functions, so that what tests exercise is what a newcomer sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from invoice_service.domain.tax import TaxClass
from invoice_service.store import catalogue

CABBAGE = "1010112060000000000"


def market(connection: Connection, **changes: Any) -> int:
    values = {
        "code": "PE01",
        "name_zh": "思茅中心农贸市场",
        "name_en": "Simao Central Farmers' Market",
        "region": "530802",
        "address": "云南省普洱市思茅区",
    }
    return catalogue.insert_market(connection, values | changes)


def vendor(connection: Connection, market_id: int, **changes: Any) -> int:
    values = {
        "market_id": market_id,
        "name_zh": "李秀英",
        "name_en": "Li Xiuying",
        "taxpayer_kind": "small_scale",
        "tax_id": "92532528MA6L45LX6L",
        "self_produced": False,
    }
    return catalogue.insert_vendor(connection, values | changes)


def stall(connection: Connection, market_id: int, vendor_id: int, **changes: Any) -> int:
    values = {
        "market_id": market_id,
        "vendor_id": vendor_id,
        "code": "A01",
        "name_zh": "李家蔬菜",
        "name_en": "Li's Vegetables",
        "kind_zh": "蔬菜",
        "kind_en": "Vegetables",
        "place_zh": "A区1排",
        "place_en": "Hall A, row 1",
        "is_open": True,
        "default_name_zh": "蔬菜",
        "default_name_en": "Vegetables",
        "default_tax_code": CABBAGE,
        "default_tax_class": TaxClass.VEGETABLE.value,
    }
    return catalogue.insert_stall(connection, values | changes)


def goods(connection: Connection, market_id: int, stall_id: int, items: Sequence[Mapping[str, Any]]) -> None:
    common = {
        "market_id": market_id,
        "stall_id": stall_id,
        "unit": "斤",
        "tax_code": CABBAGE,
        "tax_class": TaxClass.VEGETABLE.value,
        "available": True,
    }
    catalogue.insert_goods(connection, [common | item for item in items])


def small_market(connection: Connection, **changes: Any) -> None:
    """One market, one stall A01 with three goods: pak choi, tomatoes, and garlic that is sold out."""
    market_id = market(connection)
    stall_id = stall(connection, market_id, vendor(connection, market_id), **changes)
    goods(
        connection,
        market_id,
        stall_id,
        [
            {"sku": "pakchoi", "name_zh": "小白菜", "name_en": "Pak choi", "price_fen": 320},
            {"sku": "tomato", "name_zh": "番茄", "name_en": "Tomatoes", "price_fen": 450},
            {
                "sku": "garlic",
                "name_zh": "大蒜",
                "name_en": "Garlic",
                "price_fen": 600,
                "available": False,
            },
        ],
    )
