"""Workbooks that a spreadsheet opens: text that stays text, money to the fen, totals that agree."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoice_service.documents.workbook import CELL_MAX, Column, WorkSheet, workbook

CREATED = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
COLUMNS = (Column("Goods", "text", 20), Column("Sold", "count"), Column("Amount", "money_fen"))
HOSTILE = (
    "=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "http://evil.example", "mailto:x@evil.example",
    '=HYPERLINK("http://evil.example","x")', "internal:Sheet1!A1", "{=1+1}", "1e5", "<script>", "TRUE",
)  # fmt: skip


def read(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(data))


def one_column(*texts: str) -> bytes:
    return workbook([WorkSheet("Names", (Column("Name", "text"),), [[t] for t in texts])], created=CREATED)


@pytest.mark.parametrize("text", HOSTILE)
def test_threat_11_kimai_cve_2026_42267_a_formula_in_a_cell_is_only_text(text: str) -> None:
    data = one_column(text)
    cell = read(data).active["A2"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    assert not any(b"<f>" in part or b"<hyperlink" in part for part in parts.values())
    assert not any("vba" in name or "externalLink" in name for name in parts)


def test_what_xml_cannot_hold_is_replaced_and_what_a_cell_cannot_hold_is_cut() -> None:
    sheet = read(one_column("a\x00b\x1fc", "x" * (CELL_MAX + 10), "蔬菜 🥬")).active
    assert [sheet[f"A{n}"].value for n in (2, 3, 4)] == ["a\ufffdb\ufffdc", "x" * CELL_MAX, "蔬菜 🥬"]


def test_money_days_and_instants_are_values_and_totals_add_up() -> None:
    columns = (*COLUMNS, Column("Day", "day"), Column("At", "instant"), Column("Weight", "quantity"))
    night = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # half past midnight in the market
    rows = [
        ("小白菜", 3, 1_999_999_999_99, date(2026, 11, 23), night, Decimal("2.5")),
        ("番茄", 4, 1, None, night, None),
    ]
    sheet = read(workbook([WorkSheet("Sales", columns, rows, total="Total")], created=CREATED)).active
    assert [cell.value for cell in sheet[1]] == ["Goods", "Sold", "Amount", "Day", "At", "Weight"]
    first = [cell.value for cell in sheet[2]]
    assert first == [
        "小白菜",
        3,
        1_999_999_999.99,
        datetime(2026, 11, 23),  # noqa: DTZ001 - a spreadsheet's times have no zone
        datetime(2026, 11, 23, 0, 30),  # noqa: DTZ001
        2.5,
    ]
    assert [cell.value for cell in sheet[4]][:3] == ["Total", 7, 2_000_000_000.00]
    assert sheet["C2"].number_format == "#,##0.00"
    assert sheet.freeze_panes == "A2"


def test_several_sheets_and_names_that_excel_refuses() -> None:
    sheets = [WorkSheet(title, COLUMNS, []) for title in ("a/b:c", "'quoted'", "长" * 40)]
    assert read(workbook(sheets, created=CREATED)).sheetnames == ["a b c", "quoted", "长" * 31]


def test_the_same_rows_are_the_same_bytes() -> None:
    sheet = WorkSheet("S", COLUMNS, [("x", 1, 2)], total="Total")
    assert workbook([sheet], created=CREATED) == workbook([sheet], created=CREATED)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.integers(0, 10**6), st.integers(0, 10**11)), max_size=8))
def test_every_fen_comes_back(rows: list[tuple[str, int, int]]) -> None:
    sheet = read(workbook([WorkSheet("S", COLUMNS, rows, total="Total")], created=CREATED)).active
    amounts = [round(Decimal(str(cell.value)) * 100) for (cell,) in sheet.iter_rows(2, 1 + len(rows), 3, 3)]
    assert amounts == [fen for _, _, fen in rows]
    assert round(Decimal(str(sheet.cell(len(rows) + 2, 3).value)) * 100) == sum(amounts)
