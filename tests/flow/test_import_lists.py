"""Lists of vendors and goods brought in: what is wrong by row, all or nothing, only into one's own market."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from invoice_service.documents import sheets
from invoice_service.domain.listing import BadListing
from invoice_service.domain.policy import Actor, OutOfScope, Role
from invoice_service.flow import import_lists
from invoice_service.flow.edit_goods import TooManyGoods
from invoice_service.flow.import_lists import GOODS, VENDORS, MissingColumn, UnknownColumn, bring_in, try_out
from tests.clock import Clock
from tests.people import Town, town

VENDOR_TITLES = ("名称", "纳税人类型", "统一社会信用代码", "自产", "纳税期", "经营类别")
GOODS_TITLES = ("Vendor", "Number", "Name (Chinese)", "Unit", "Price", "Kind")
ZHANG = ("张三", "自然人", "", "是", "月", "蔬菜")
TEA = ("茶庄", "一般", "91530802MA6K4YQ77B", "否", "按月", "农产品")


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str) -> Iterator[Town]:
    clock = Clock(datetime(2026, 11, 30, 4, tzinfo=UTC))
    with town(tmp_path, migrated_database_url, clock) as made:
        yield made


def desk(place: Town, number: int = 1) -> Actor:
    name = "operator" if number == 1 else "operator_2"
    return Actor(place.accounts[name], 1, Role.OPERATOR, name, market_id=place.markets[number])


def csv(*rows: Sequence[str], encoding: str = "utf-8") -> bytes:
    return "\n".join(",".join(row) for row in rows).encode(encoding)


def stored(place: Town, table: str) -> list[dict[str, object]]:
    return place.rows(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - a test's own word


def is_valid(code: str) -> str:
    from invoice_service.domain.party import uscc_check_character

    return code[:17] + uscc_check_character(code[:17])


def test_a_dry_run_changes_nothing_and_the_real_one_does_what_it_said(place: Town) -> None:
    tea = (*TEA[:2], is_valid(TEA[2]), *TEA[3:])
    data = csv(VENDOR_TITLES, ZHANG, tea, encoding="gb18030")
    before = stored(place, "vendors")
    seen = try_out(place.services, desk(place), VENDORS, data)
    assert (seen.rows, seen.count("added"), seen.problems) == (2, 2, ())
    assert stored(place, "vendors") == before
    assert bring_in(place.services, desk(place), VENDORS, data) == seen
    added = stored(place, "vendors")[len(before) :]
    assert [(row["name_zh"], row["taxpayer_kind"], row["tax_id"], row["self_produced"]) for row in added] == [
        ("张三", "natural_person", None, True), ("茶庄", "general", tea[2], False)
    ]  # fmt: skip
    again = bring_in(place.services, desk(place), VENDORS, data)
    assert again.count("unchanged") == 2
    renamed = bring_in(place.services, desk(place), VENDORS, csv(VENDOR_TITLES, ("新茶庄", *tea[1:])))
    (line,) = renamed.lines
    assert (line.outcome, line.changes) == ("changed", (("名称", "茶庄", "新茶庄"),))
    (noted,) = {row["action"] for row in place.rows("SELECT action FROM access_records WHERE account_id > 0")}
    assert noted == "lists.import"


def test_every_problem_is_told_by_row_and_column_and_nothing_is_brought_in(place: Town) -> None:
    rows = (
        ZHANG,
        ("", *ZHANG[1:]),
        ("王五", "国王", *ZHANG[2:]),
        ("赵六", "小规模", "123", "", "季", "蔬菜"),
        ZHANG,
    )
    before = stored(place, "vendors")
    outcome = bring_in(place.services, desk(place), VENDORS, csv(VENDOR_TITLES, *rows))
    assert [(problem.row, problem.column) for problem in outcome.problems] == [
        (3, "名称"), (4, "纳税人类型"), (5, "统一社会信用代码"), (6, "")
    ]  # fmt: skip
    assert outcome.problems[-1].parameters == {"row": 2}
    assert stored(place, "vendors") == before


def test_goods_find_their_vendor_by_name_or_code(place: Town) -> None:
    rows = (
        ("李秀英", "leek", "韭菜", "斤", "6.20", "葱蒜"),
        ("王强", "", "白萝卜", "斤", "1.80", "Root vegetables"),
    )
    outcome = bring_in(place.services, desk(place), GOODS, csv(GOODS_TITLES, *rows))
    assert outcome.problems == ()
    assert [line.outcome for line in outcome.lines] == ["changed", "added"]
    (leek,) = place.rows("SELECT price_fen, available FROM goods WHERE sku = 'leek'")
    assert leek == {"price_fen": 620, "available": True}
    (radish,) = place.rows("SELECT vendor_id, tax_code FROM goods WHERE name_zh = '白萝卜'")
    assert radish == {"vendor_id": place.vendors["next_door"], "tax_code": "1010112010000000000"}


def test_goods_with_wrong_prices_units_kinds_and_vendors(place: Town) -> None:
    good = ("李秀英", "x", "菜", "斤", "1.00", "葱蒜")
    wrong = {
        4: ("0", "-1", "1.234", "1e3", "", "99999999"),
        3: ("吨",),
        5: ("黄金",),
        0: ("没有人",),
        2: ("",),
    }
    rows = [
        tuple(value if at == column else f"x{column}{n}" if at == 1 else cell for at, cell in enumerate(good))
        for column, values in wrong.items()
        for n, value in enumerate(values)
    ]
    outcome = try_out(place.services, desk(place), GOODS, csv(GOODS_TITLES, *rows))
    expected = [GOODS_TITLES[column] for column, values in wrong.items() for _ in values]
    assert [problem.column for problem in outcome.problems] == expected


def test_threat_1_another_markets_vendors_are_not_found(place: Town) -> None:
    theirs = csv(GOODS_TITLES, ("赵敏", "x", "菜", "斤", "1.00", "葱蒜"))
    assert len(try_out(place.services, desk(place), GOODS, theirs).problems) == 1
    assert try_out(place.services, desk(place, 2), GOODS, theirs).problems == ()
    with pytest.raises(OutOfScope):
        try_out(place.services, desk(place), GOODS, theirs, "KM01")
    vendor = Actor(place.accounts["vendor"], 1, Role.VENDOR, "v", place.markets[1], place.vendors["vendor"])
    with pytest.raises(OutOfScope):
        bring_in(place.services, vendor, GOODS, theirs, "KM01")


def test_files_that_are_not_lists(place: Town) -> None:
    who = desk(place)
    book = openpyxl.Workbook()
    for row in (VENDOR_TITLES, ("=1+1", *ZHANG[1:])):
        book.active.append(row)
    formula = io.BytesIO()
    book.save(formula)
    for data, error in (
        (formula.getvalue(), sheets.HasFormula),
        (b"%PDF-1.7", sheets.NotASpreadsheet),
        (csv(VENDOR_TITLES, *[ZHANG] * 5_001), sheets.TooManyRows),
        (csv(VENDOR_TITLES[1:], ZHANG[1:]), MissingColumn),
        (csv((*VENDOR_TITLES, "生肖"), (*ZHANG, "龙")), UnknownColumn),
        (csv((*VENDOR_TITLES, "Name (Chinese)"), (*ZHANG, "x")), UnknownColumn),
    ):
        with pytest.raises(error):
            bring_in(place.services, who, VENDORS, data)
    with pytest.raises(BadListing):
        try_out(place.services, who, "orders; DROP TABLE vendors", csv(VENDOR_TITLES, ZHANG))


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_the_templates_are_lists_without_a_problem(place: Town, lang: str) -> None:
    who = desk(place)
    assert try_out(place.services, who, VENDORS, import_lists.template(VENDORS, lang)).problems == ()
    bring_in(place.services, who, VENDORS, import_lists.template(VENDORS, lang))
    goods = try_out(place.services, who, GOODS, import_lists.template(GOODS, lang))
    assert goods.problems == ()
    assert goods.rows == 2


def test_no_vendor_gets_more_goods_than_a_page_holds(place: Town) -> None:
    """Wang Qiang sells pak choi already: of three more, one is too many."""
    services = replace(place.services, config=replace(place.services.config, max_goods=3))
    rows = [("王强", f"x{n}", f"菜{n}", "斤", "3.20", "葱蒜") for n in range(3)]
    outcome = try_out(services, desk(place), GOODS, csv(GOODS_TITLES, *rows))
    assert [(problem.row, problem.message) for problem in outcome.problems] == [(4, TooManyGoods.message)]
