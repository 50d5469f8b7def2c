"""Put the demo market into an empty database: `python -m scripts.demo.seed`. Refuses any other database.

The last line it prints is JSON with one stall, for the QR code in the terminal, and the file with the demo's
sign-ins: never the sign-ins themselves, since what is printed here is kept in a log.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.details import GOODS_CLASSES
from invoice_service.domain.money import to_fen
from invoice_service.domain.tax import TaxClass
from invoice_service.errors import Error
from invoice_service.store import deployment
from scripts.demo import sign_ins
from tests import make

DATA = Path(__file__).with_name("market.toml")


def main() -> None:
    config = Config.from_environment(os.environ)
    demo = tomllib.loads(DATA.read_text("utf-8"))
    try:
        services = build_services(config)
        with services.database.unit_of_work() as uow:
            if deployment.mark_demo(uow.connection):
                market_id = seed(uow.connection, demo)
                sign_ins.add(services, uow.connection, market_id, demo["market"]["region"][:4])
            uow.commit()
    except Error as error:
        sys.exit(f"{error} [{error.code}]")
    first = demo["stalls"][0]
    said = {"stall_code": first["code"], "stall_name": first["name_zh"]}
    kept = config.data_dir / sign_ins.FILE
    print(json.dumps(said | ({"sign_ins": str(kept)} if kept.exists() else {}), ensure_ascii=False))


def seed(connection: Connection, demo: Mapping[str, Any]) -> int:
    """Answers the market's id."""
    market = demo["market"]
    market_id = make.market(
        connection, **{name: market[name] for name in ("code", "name_zh", "name_en", "region", "address")}
    )
    for stall in demo["stalls"]:
        _seed_stall(connection, market_id, stall)
    return market_id


def _seed_stall(connection: Connection, market_id: int, stall: Mapping[str, Any]) -> None:
    seller = stall["vendor"]
    default = next(item for item in stall["goods"] if item["tax_class"] == stall["default_class"])
    usual = GOODS_CLASSES[TaxClass(stall["default_class"])]
    vendor_id = make.vendor(
        connection,
        market_id,
        name_zh=seller["name_zh"],
        name_en=seller["name_en"],
        taxpayer_kind=seller["taxpayer_kind"],
        tax_id=seller.get("tax_id"),
        self_produced=seller["self_produced"],
        licensed_classes=sorted({item["tax_class"] for item in stall["goods"]}),
        default_name_zh=usual.name_zh,
        default_name_en=usual.name_en,
        default_tax_code=default["tax_code"],
        default_tax_class=stall["default_class"],
    )
    make.stall(
        connection,
        market_id,
        vendor_id,
        **{name: stall[name] for name in ("code", "name_zh", "name_en", "place_zh", "place_en")},
        kind_zh=stall["kind_zh"],
        kind_en=stall["kind_en"],
    )
    make.goods(connection, market_id, vendor_id, [_goods(item) for item in stall["goods"]])


def _goods(item: Mapping[str, Any]) -> dict[str, Any]:
    names = ("sku", "name_zh", "name_en", "unit", "tax_code", "tax_class")
    return {name: item[name] for name in names} | {
        "price_fen": to_fen(Decimal(item["price_yuan"])),
        "available": item.get("available", True),
    }


if __name__ == "__main__":
    main()
