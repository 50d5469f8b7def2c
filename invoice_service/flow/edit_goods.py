"""A vendor's own goods: add, change, set a price, mark as sold out, remove.

A price is money, so changing one needs a fresh confirmation; the sold-out switch does not. Whoever changes
goods says which price they saw, so that two phones never overwrite each other unseen.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.access import Action
from invoice_service.domain.goods import UNITS
from invoice_service.domain.goods_kinds import kinds_on
from invoice_service.domain.money import BadAmount, check_amount, parse_yuan, yuan
from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import name_problem
from invoice_service.domain.policy import Actor, OutOfScope, check_fresh, own_vendor
from invoice_service.errors import N_, Error, InvalidInput
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import catalogue
from invoice_service.store import goods as stored

CHOOSE_UNIT = N_("Please choose one of the offered units.")
CHOOSE_KIND = N_("Please choose what kind of goods it is.")


class BadGoods(InvalidInput):
    code = "goods.invalid"
    message = N_("Please check the goods' details.")


class GoodsChanged(Error):
    code = "goods.changed"
    message = N_("Somebody has changed the price of {name} meanwhile: it is ¥{price_yuan} now.")
    status = 409


class TooManyGoods(Error):
    code = "goods.too_many"
    message = N_("A vendor lists at most {most} goods.")
    status = 409


def add(services: Services, actor: Actor, given: Mapping[str, str]) -> str:
    """As typed: name_zh, name_en (may be empty), unit, price_yuan, kind (a key of the catalogue).

    Answers the sku. Raises NotAllowed, ConfirmFirst, BadGoods, TooManyGoods.
    """
    market_id, vendor_id = own_vendor(actor)
    check_fresh(actor, services.clock())
    values = read_goods(services, given, {})
    sku = f"g-{base64.b32encode(services.random(5)).decode().lower()}"
    with services.database.unit_of_work() as uow:
        if stored.count(uow.connection, vendor_id) >= services.config.max_goods:
            raise TooManyGoods(most=services.config.max_goods)
        row = values | {"market_id": market_id, "vendor_id": vendor_id, "sku": sku, "available": True}
        catalogue.insert_goods(uow.connection, [row])
        _note(services, uow.connection, actor, f"+ {values['name_zh']} ¥{yuan(values['price_fen'])}")
        uow.commit()
    return sku


def edit(
    services: Services, actor: Actor, sku: str, given: Mapping[str, str], *, expected_price_fen: int
) -> None:
    """The fields of `add`; without a kind it stays what it is. What it costs or how it is taxed is changed
    with a fresh confirmation only.

    Raises NotAllowed, ConfirmFirst, BadGoods, OutOfScope, GoodsChanged.
    """
    _, vendor_id = own_vendor(actor)
    with services.database.unit_of_work() as uow:
        row = _expected(uow.connection, vendor_id, sku, expected_price_fen)
        values = read_goods(services, given, dict(row))
        if any(values[name] != row[name] for name in ("price_fen", "unit", "tax_class", "tax_code")):
            check_fresh(actor, services.clock())
        stored.change(uow.connection, row["id"], values)
        _note(services, uow.connection, actor, _told(row, values))
        uow.commit()


def set_price(services: Services, actor: Actor, sku: str, price_fen: int, *, expected_price_fen: int) -> None:
    """Raises NotAllowed, ConfirmFirst, OutOfScope, GoodsChanged, AmountOutOfRange."""
    _, vendor_id = own_vendor(actor)
    check_fresh(actor, services.clock())
    check_amount(price_fen, max_fen=services.config.max_amount_fen, field="price_fen")
    with services.database.unit_of_work() as uow:
        row = _expected(uow.connection, vendor_id, sku, expected_price_fen)
        stored.change(uow.connection, row["id"], {"price_fen": price_fen})
        _note(services, uow.connection, actor, _told(row, {"price_fen": price_fen}))
        uow.commit()


def set_available(services: Services, actor: Actor, sku: str, *, available: bool) -> None:
    """The sold-out switch. Raises NotAllowed, OutOfScope."""
    _, vendor_id = own_vendor(actor)
    with services.database.unit_of_work() as uow:
        row = _found(uow.connection, vendor_id, sku)
        if row["available"] == available:
            return
        stored.change(uow.connection, row["id"], {"available": available})
        _note(services, uow.connection, actor, f"{row['name_zh']} {'✓' if available else '✗'}")
        uow.commit()


def remove(services: Services, actor: Actor, sku: str) -> None:
    """Orders keep their own lines. Raises NotAllowed, ConfirmFirst, OutOfScope."""
    _, vendor_id = own_vendor(actor)
    check_fresh(actor, services.clock())
    with services.database.unit_of_work() as uow:
        row = _found(uow.connection, vendor_id, sku)
        stored.remove(uow.connection, row["id"])
        _note(services, uow.connection, actor, f"− {row['name_zh']}")
        uow.commit()


def _found(connection: Connection, vendor_id: int, sku: str) -> RowMapping:
    row = stored.lock(connection, vendor_id, sku) if sku.isprintable() else None
    if row is None:
        raise OutOfScope
    return row


def _expected(connection: Connection, vendor_id: int, sku: str, expected_price_fen: int) -> RowMapping:
    row = _found(connection, vendor_id, sku)
    if row["price_fen"] != expected_price_fen:
        raise GoodsChanged(name=row["name_zh"], price_yuan=yuan(row["price_fen"]))
    return row


def read_goods(services: Services, given: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed as columns. `known` is the goods as they are. Raises BadGoods for all that is wrong."""
    name_zh = unicodedata.normalize("NFC", given.get("name_zh", "").strip())
    name_en = unicodedata.normalize("NFC", given.get("name_en", "").strip()) or name_zh
    kinds = {kind.key: kind for kind in kinds_on(business_day(services.clock()))}
    kind = kinds.get(given.get("kind", ""))
    price_fen, price_problem = _read_price(given.get("price_yuan", ""), services.config.max_amount_fen)
    unit = given.get("unit", "")
    problems = {
        "name_zh": name_problem(name_zh),
        "name_en": name_problem(name_en) if name_en != name_zh else None,
        "unit": None if unit in (*UNITS, known.get("unit")) else CHOOSE_UNIT,
        "price_yuan": price_problem,
        "kind": None if kind or (known and not given.get("kind")) else CHOOSE_KIND,
    }
    if wrong := {field: problem for field, problem in problems.items() if problem}:
        raise BadGoods(wrong)
    return {
        "name_zh": name_zh,
        "name_en": name_en,
        "unit": unit,
        "price_fen": price_fen,
        "tax_class": kind.tax_class.value if kind else known["tax_class"],
        "tax_code": kind.tax_code if kind else known["tax_code"],
    }


def _read_price(typed: str, max_fen: int) -> tuple[int, str | None]:
    try:
        price_fen = parse_yuan(typed)
    except BadAmount:
        return 0, BadAmount.message
    return price_fen, None if 1 <= price_fen <= max_fen else BadAmount.message


def _told(row: RowMapping, values: Mapping[str, Any]) -> str:
    """What was changed, for the access record: the price before and after, a name before and after."""
    name, new_name = row["name_zh"], values.get("name_zh", row["name_zh"])
    told = name if new_name == name else f"{name} → {new_name}"
    if values["price_fen"] == row["price_fen"]:
        return told
    return f"{told} ¥{yuan(row['price_fen'])} → ¥{yuan(values['price_fen'])}"


def _note(services: Services, connection: Connection, actor: Actor, subject: str) -> None:
    market_id, vendor_id = own_vendor(actor)
    now = services.clock()
    note(
        connection,
        actor,
        Action.GOODS_CHANGED,
        now=now,
        market_id=market_id,
        vendor_id=vendor_id,
        subject=subject,
    )
