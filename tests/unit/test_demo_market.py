"""The demo market's data: what a newcomer sees first should be plausible in every field."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoice_service.domain.goods import UNITS
from invoice_service.domain.party import is_uscc
from invoice_service.domain.tax import TaxClass

MARKET = tomllib.loads((Path(__file__).parents[2] / "scripts" / "demo" / "market.toml").read_text("utf-8"))
STALLS: list[dict[str, Any]] = MARKET["stalls"]
GOODS: list[dict[str, Any]] = [item for stall in STALLS for item in stall["goods"]]
VENDORS: list[dict[str, Any]] = [stall["vendor"] for stall in STALLS]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_there_is_enough_to_choose_from() -> None:
    assert len(STALLS) >= 12
    assert len(GOODS) >= 70
    assert min(len(stall["goods"]) for stall in STALLS) >= 5
    assert len({stall["kind_en"] for stall in STALLS}) >= 12


def test_codes_of_stalls_and_goods_are_unique() -> None:
    for codes in ([stall["code"] for stall in STALLS], [item["sku"] for item in GOODS]):
        assert len(codes) == len(set(codes))


def test_each_thing_is_named_in_both_languages() -> None:
    named = [MARKET["market"], *MARKET["tax_classes"], *STALLS, *VENDORS, *GOODS]
    pairs = [(thing["name_zh"], thing["name_en"]) for thing in named]
    pairs += [(stall[f"{what}_zh"], stall[f"{what}_en"]) for stall in STALLS for what in ("kind", "place")]
    for chinese, english in pairs:
        assert CHINESE.search(chinese)
        assert english.isascii()
        assert english.strip()


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor["name_en"])
def test_registered_vendors_have_a_right_credit_code_and_others_none(vendor: dict[str, Any]) -> None:
    if vendor["taxpayer_kind"] == "natural_person":
        assert "tax_id" not in vendor
    else:
        assert is_uscc(vendor["tax_id"])
        assert vendor["tax_id"].startswith("92" + MARKET["market"]["region"] + "DEM")
        assert vendor["tax_id"][16] == organisation_check_character(vendor["tax_id"][8:16])


def organisation_check_character(body: str) -> str:
    """GB 11714: the ninth character of the organisation code that a credit code contains."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(c, 36) * weight for c, weight in zip(body, weights, strict=True))
    return "0123456789X"[-total % 11]


def test_the_reference_credit_code_has_that_check_character_too() -> None:
    assert organisation_check_character("92532528MA6L45LX6L"[8:16]) == "6"


def test_every_taxpayer_kind_and_every_tax_class_can_be_tried() -> None:
    assert {vendor["taxpayer_kind"] for vendor in VENDORS} == {"small_scale", "general", "natural_person"}
    assert {vendor["self_produced"] for vendor in VENDORS} == {True, False}
    assert {item["tax_class"] for item in GOODS} == set(TaxClass)
    assert {entry["key"] for entry in MARKET["tax_classes"]} == set(TaxClass)


@pytest.mark.parametrize("item", GOODS, ids=lambda item: item["sku"])
def test_goods_have_a_price_a_unit_and_a_tax_code(item: dict[str, Any]) -> None:
    price = Decimal(item["price_yuan"])
    assert 0 < price < 1000
    assert price == price.quantize(Decimal("0.01"))
    assert item["unit"] in UNITS
    assert re.fullmatch(r"\d{19}", item["tax_code"])


def test_a_confirmed_code_is_of_the_class_that_it_names() -> None:
    prefixes = {
        "vegetable": ("1010112",),
        "fresh_meat": ("1030107010100000000",),
        "fresh_egg": ("1010303020000000000",),
        "agricultural_other": ("1010115", "1010116", "1010303030100000000", "1010501", "1030102010100000000"),
        "edible_oil": ("1030105010100000000",),
        "processed_food": (),
    }
    confirmed = [item for item in GOODS if item.get("code_confirmed", True)]
    assert [
        item["sku"] for item in confirmed if not item["tax_code"].startswith(prefixes[item["tax_class"]])
    ] == []


def test_a_plain_amount_is_sold_under_goods_that_the_stall_has() -> None:
    for stall in STALLS:
        assert stall["default_class"] in {item["tax_class"] for item in stall["goods"]}


def test_something_is_sold_out() -> None:
    assert [item["sku"] for item in GOODS if not item.get("available", True)] == ["fungi-matsutake"]
