"""One basket through the whole flow: each of its goods is a line, taxed as its seller and day want.

The same five goods are on offer at three stalls: a small-scale seller's, a general taxpayer's, and that of a
farmer without registration who sells what they grew themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.tax import rule_by_id
from invoice_service.flow import issue, order, pay
from invoice_service.flow.issue import Issued
from tests import make
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.people import NOBODY, Town, town

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
OIL, MEAT = "1030105010100000000", "1030107010100000000"
GOODS = {  # sku: (name, tax class, tax code, price)
    "leaves": ("菠菜", "vegetable", "1010112070000000000", 350),
    "cans": ("蔬菜罐头", "processed_food", OIL, 1_130),
    "tofu": ("豆腐", "processed_food", OIL, 333),
    "rabbit": ("兔肉", "agricultural_other", MEAT, 2_899),
    "pork": ("猪肉", "fresh_meat", MEAT, 1_799),
}
STALLS = {
    "A01": {"taxpayer_kind": "small_scale"},
    "A02": {"taxpayer_kind": "general"},
    "B01": {"taxpayer_kind": "natural_person", "tax_id": None, "self_produced": True},
}
PERSON = make_buyer("individual", "", None)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("baskets"), module_migrated_database_url, Clock(NOON)) as found:
        with found.services.database.unit_of_work() as uow:
            for vendor, (stall, changes) in zip(found.vendors.values(), STALLS.items(), strict=True):
                market = found.markets[2 if stall == "B01" else 1]
                goods = [
                    {"sku": sku, "name_zh": name, "name_en": sku, "price_fen": price_fen}
                    | {"tax_class": tax_class, "tax_code": tax_code}
                    for sku, (name, tax_class, tax_code, price_fen) in GOODS.items()
                ]
                make.goods(uow.connection, market, vendor, goods)
                wanted = ", ".join(f"{column} = %({column})s" for column in changes)
                statement = f"UPDATE vendors SET {wanted} WHERE id = %(vendor)s"  # noqa: S608 - our own
                uow.connection.exec_driver_sql(statement, changes | {"vendor": vendor})
            uow.commit()
        yield found


@pytest.fixture
def place(made: Town, clock: Clock) -> Town:
    provider = PaysWhenAsked(clock)
    services = replace(made.services, clock=clock, providers={provider.name: provider})
    return replace(made, services=services)


def bought(place: Town, stall: str, wanted: Basket | PlainAmount) -> str:
    """The token of an order that was paid."""
    placed = order.place(place.services, stall, wanted)
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    return placed.token


def invoiced(place: Town, stall: str, wanted: Basket | PlainAmount) -> dict[str, Any]:
    """As the API shows it to whoever holds it."""
    return shown(place, issue.issue(place.services, bought(place, stall, wanted), PERSON))


def shown(place: Town, issued: Issued) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {issued.token}"}
    answer = place.api(NOBODY, "GET", f"/api/v1/invoices/{issued.number}", headers=headers)
    assert answer.status_code == 200
    return dict(answer.get_json())


EVERYTHING = Basket(tuple((sku, Decimal("1.5")) for sku in GOODS))


@pytest.mark.parametrize(
    ("stall", "labels"),
    [
        ("A01", {"菠菜": "免税", "蔬菜罐头": "1%", "豆腐": "1%", "兔肉": "1%", "猪肉": "免税"}),
        ("A02", {"菠菜": "免税", "蔬菜罐头": "13%", "豆腐": "13%", "兔肉": "9%", "猪肉": "免税"}),
        ("B01", {"菠菜": "免税", "蔬菜罐头": "1%", "豆腐": "1%", "兔肉": "免税", "猪肉": "免税"}),
    ],
)
def test_a_basket_has_a_line_for_each_of_its_goods(place: Town, stall: str, labels: dict[str, str]) -> None:
    found = invoiced(place, stall, EVERYTHING)
    assert {line["name"]: line["tax_label"] for line in found["lines"]} == labels
    assert sum(line["amount_fen"] for line in found["lines"]) == found["total_fen"]
    assert sum(line["tax_fen"] for line in found["lines"]) == found["tax_fen"]
    assert found["net_fen"] + found["tax_fen"] == found["total_fen"]
    for line in found["lines"]:
        rule = rule_by_id(line["why"]["rule"])
        assert rule.split(line["amount_fen"])[1] == line["tax_fen"]


def test_the_parts_that_a_sale_keeps_are_those_of_its_invoice(place: Town) -> None:
    """What is exempt and what is taxed is booked apart: an exemption hangs on that."""
    token = bought(place, "A02", EVERYTHING)
    number = issue.issue(place.services, token, PERSON).number
    (sale,) = place.rows(
        "SELECT exempt_fen, taxable_net_fen, s.tax_fen, i.body, line_rules FROM sales AS s"
        " JOIN invoices AS i USING (order_id) WHERE number = :number",
        number=number,
    )
    lines = json.loads(bytes(sale["body"]))["lines"]
    apart = {
        treatment: sum(line["net_fen"] for line in lines if line["treatment"] == treatment)
        for treatment in ("exempt", "taxed")
    }
    assert apart == {"exempt": sale["exempt_fen"], "taxed": sale["taxable_net_fen"]}
    assert sale["line_rules"] == [line["rule"] for line in lines]
    assert sale["tax_fen"] == sum(line["tax_fen"] for line in lines)


@pytest.mark.parametrize(
    ("stall", "rule"), [("A01", "vegetables"), ("A02", "vegetables"), ("B01", "self-produced")]
)
def test_a_plain_amount_is_one_line_of_the_stalls_default_goods(place: Town, stall: str, rule: str) -> None:
    (line,) = invoiced(place, stall, PlainAmount(1_234))["lines"]
    assert (line["name"], line["tax_label"], line["why"]["rule"]) == ("蔬菜", "免税", rule)


def test_the_api_says_why_in_both_languages(place: Town) -> None:
    exempt, taxed = invoiced(place, "A01", Basket((("leaves", Decimal(1)), ("cans", Decimal(1)))))["lines"]
    assert exempt["why"] == {
        "rule": "vegetables",
        "law": {
            "reason_zh": "蔬菜流通环节免征增值税",
            "reason_en": "Vegetables are exempt from VAT in wholesale and retail",
            "basis": "财税〔2011〕137号",
            "first_day": "2012-01-01",
            "last_day": None,
            "confirmed": False,
        },
        "small_sales": None,
    }
    small_sales = taxed["why"]["small_sales"]
    assert (taxed["why"]["rule"], taxed["why"]["law"]["last_day"]) == ("small-scale-1", "2027-12-31")
    assert "期末才能确定" in small_sales["reason_zh"]
    assert "the invoice stays as it is" in small_sales["reason_en"]


def test_the_law_is_that_of_the_day_of_payment(place: Town, clock: Clock) -> None:
    """Paid in the last minute of a law, invoiced a day later: the sale and the invoice say the same."""
    clock.now = datetime(2027, 12, 31, 15, 59, tzinfo=UTC)
    token = bought(place, "A01", Basket((("tofu", Decimal(3)),)))
    clock.now += timedelta(days=1)
    (line,) = shown(place, issue.issue(place.services, token, PERSON))["lines"]
    (next_line,) = invoiced(place, "A01", Basket((("tofu", Decimal(3)),)))["lines"]
    assert (line["why"]["rule"], line["tax_fen"]) == ("small-scale-1", 10)
    assert (next_line["why"]["rule"], next_line["tax_fen"]) == ("small-scale-3", 29)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-CN", ["蔬菜流通环节免征增值税", "自 2012-01-01 起", "现行效力尚未确认", "小规模纳税人减按1%征收",
                   "2026-01-01 至 2027-12-31", "期末才能确定"]),
        ("en", ["Vegetables are exempt from VAT", "since 2012-01-01", "not yet confirmed to be in force",
                "Small-scale taxpayers pay a reduced 1 %", "2026-01-01 to 2027-12-31",
                "known only when the month or quarter is over"]),
    ],
)  # fmt: skip
def test_the_page_says_why_in_the_readers_language(place: Town, language: str, words: list[str]) -> None:
    token = bought(place, "A01", Basket((("leaves", Decimal(1)), ("cans", Decimal(1)))))
    issued = issue.issue(place.services, token, PERSON)
    page = place.browser().get(f"/i/{issued.token}?lang={language}").get_data(as_text=True)
    assert [word for word in words if word not in page] == []
    assert page.count("财税〔2011〕137号") == 1
