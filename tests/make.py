"""Factories: a market with a stall, and orders and invoices at any point of their life, by the real flows.

The demo market is seeded with the same functions, so that what tests exercise is what a newcomer sees.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from invoice_service.domain.authorisation import ALWAYS, Authorisation
from invoice_service.domain.tax import TaxClass
from invoice_service.store import accounts, catalogue, findings

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
        "tax_period": "quarter",
        "licence_no": None,
        "licence_until": None,
        "default_name_zh": "蔬菜",
        "default_name_en": "Vegetables",
        "default_tax_code": CABBAGE,
        "default_tax_class": TaxClass.VEGETABLE.value,
    }
    return catalogue.insert_vendor(connection, values | changes)


def stall(connection: Connection, market_id: int, vendor_id: int | None, **changes: Any) -> int:
    """A stall with its first code, where that vendor sells at all hours (or nobody does yet)."""
    values = {
        "market_id": market_id,
        "code": "A01",
        "name_zh": "李家蔬菜",
        "name_en": "Li's Vegetables",
        "kind_zh": "蔬菜",
        "kind_en": "Vegetables",
        "place_zh": "A区1排",
        "place_en": "Hall A, row 1",
        "is_open": True,
    }
    now = datetime.now(UTC)
    stall_id = catalogue.insert_stall(connection, values | changes)
    catalogue.add_code(connection, stall_id, 1, now)
    if vendor_id is not None:
        authorise(connection, market_id, stall_id, vendor_id)
    return stall_id


def authorise(connection: Connection, market_id: int, stall_id: int, vendor_id: int, **changes: Any) -> int:
    values = {"first_day": date(2026, 1, 1), "last_day": None, "minutes": ALWAYS}
    wanted = Authorisation(stall_id=stall_id, vendor_id=vendor_id, **values | changes)
    return catalogue.add_authorisation(connection, market_id, wanted, datetime.now(UTC))


def account(connection: Connection, role: str, **changes: Any) -> int:
    """An account without any way to sign in: see `signed_in`."""
    values = {
        "role": role,
        "name": f"Test {role}",
        "login": None if role == "vendor" else f"{role}-{secrets.token_hex(4)}",
        "market_id": None,
        "vendor_id": None,
        "region": "530802" if role == "officer" else None,
        "user_handle": secrets.token_bytes(32),
        "created_at": datetime.now(UTC),
    }
    return accounts.insert_account(connection, values | changes)


def signed_in(connection: Connection, account_id: int, *, confirmed: bool = False) -> str:
    """The token of a new session, for the cookie `stall-ledger-account` or `Authorization: Bearer`."""
    token, now = secrets.token_urlsafe(32), datetime.now(UTC)
    values = {
        "token_hash": hashlib.sha256(token.encode()).digest(),
        "account_id": account_id,
        "device": "test",
        "address": "127.0.0.1",
        "created_at": now,
        "seen_at": now,
        "expires_at": now + timedelta(days=1),
        "confirmed_at": now if confirmed else None,
    }
    accounts.insert_session(connection, values)
    return token


def finding(connection: Connection, market_id: int, vendor_id: int | None, **changes: Any) -> int:
    """A finding of the rule about licences, as it was found yesterday."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    values = {
        "rule": "unfit_goods",
        "market_id": market_id,
        "key": secrets.token_hex(4),
        "vendor_id": vendor_id,
        "stall": None,
        "first_day": yesterday,
        "last_day": yesterday,
        "last_seen": yesterday,
        "figures": {"classes": ["fresh_meat"], "licensed": ["vegetable"], "lines": 5, "sum_fen": 12_300},
        "records": [],
        "thresholds": {"least_lines": 3, "least_fen": 5_000},
        "rule_since": date(2026, 1, 1),
        "found_at": datetime.now(UTC),
        "state": "new",
    }
    findings.add(connection, [values | changes])
    return connection.exec_driver_sql("SELECT max(id) FROM findings").scalar_one()


def goods(connection: Connection, market_id: int, vendor_id: int, items: Sequence[Mapping[str, Any]]) -> None:
    common = {
        "market_id": market_id,
        "vendor_id": vendor_id,
        "unit": "斤",
        "tax_code": CABBAGE,
        "tax_class": TaxClass.VEGETABLE.value,
        "available": True,
    }
    catalogue.insert_goods(connection, [common | item for item in items])


def small_market(connection: Connection, **changes: Any) -> None:
    """One market, one stall A01 with three goods: pak choi, tomatoes, and garlic that is sold out."""
    market_id = market(connection)
    vendor_id = vendor(connection, market_id)
    stall(connection, market_id, vendor_id, **changes)
    goods(
        connection,
        market_id,
        vendor_id,
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
