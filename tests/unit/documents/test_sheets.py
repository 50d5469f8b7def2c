"""Lists as people send them: what is read, and every way in which a file may be wrong."""

from __future__ import annotations

import io
import os
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoice_service.documents import sheets
from invoice_service.documents.sheets import read_sheet

USCC = "92532528MA6L45LX6L"


def xlsx(*rows: Sequence[Any], change: Callable[[Any], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change is not None:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def table(data: bytes, **limits: int) -> list[tuple[int, dict[str, str]]]:
    return [(row.number, dict(row.cells)) for row in read_sheet(data, **{"max_rows": 5000} | limits).rows]


def test_cells_are_text_as_a_person_reads_them() -> None:
    data = xlsx(
        ("品名", "单价", "编码", "日期", "有货", ""),
        (" 小白菜 ", 3.2, "1010112060000000000", date(2026, 12, 31), True, None),
        (None, None, None),
        ("番茄", 12.0, "007", datetime(2026, 2, 28, 6, 30), False),  # noqa: DTZ001 - a spreadsheet has no zones
    )
    assert table(data) == [
        (
            2,
            {
                "品名": "小白菜",
                "单价": "3.2",
                "编码": "1010112060000000000",
                "日期": "2026-12-31",
                "有货": "TRUE",
            },
        ),
        (4, {"品名": "番茄", "单价": "12", "编码": "007", "日期": "2026-02-28 06:30:00", "有货": "FALSE"}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_every_encoding_that_excel_writes(encoding: str, delimiter: str) -> None:
    lines = [
        delimiter.join(row) for row in (("品名", "单价"), ("小白菜", "3.2"), ("", ""), ('"大""蒜\n头"', "-6"))
    ]
    assert table("\r\n".join(lines).encode(encoding)) == [
        (2, {"品名": "小白菜", "单价": "3.2"}),
        (4, {"品名": '大"蒜\n头', "单价": "-6"}),
    ]


def test_the_first_visible_sheet_is_read() -> None:
    def hide(book: Any) -> None:
        book.create_sheet("two").append(["b"])
        book["two"].append([2])
        book.active.sheet_state = "hidden"

    assert table(xlsx(["a"], [1], change=hide)) == [(2, {"b": "2"})]


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return file.getvalue()


GOOD = xlsx(["a", "b"], [1, 2])
PAGE = "xl/worksheets/sheet1.xml"
BOMB = (
    b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><worksheet>&b;</worksheet>"
)
THEFT = b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><worksheet>&a;</worksheet>"
WRONG = {
    "a PDF": (b"%PDF-1.7 ...", sheets.NotASpreadsheet),
    "a PNG": (b"\x89PNG\r\n\x1a\n....", sheets.NotASpreadsheet),
    "a web page called .xlsx": (b"<html><table><tr><td>a</td></tr></table></html>", sheets.NotASpreadsheet),
    "nothing": (b"", sheets.NotASpreadsheet),
    "white space": (b" \r\n\t ", sheets.NotASpreadsheet),
    "old Excel, or a password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), sheets.OldExcel),
    "a ZIP of something else": (with_part(b"PK\x05\x06" + bytes(18), "x.txt", b"x"), sheets.NotASpreadsheet),
    "half a workbook": (GOOD[: len(GOOD) // 2], sheets.NotASpreadsheet),
    "macros": (with_part(GOOD, "xl/vbaProject.bin", b"x"), sheets.HasMacros),
    "a workbook made for macros": (
        with_part(GOOD, "[Content_Types].xml", b"<Types>sheet.macroEnabled.main+xml</Types>"),
        sheets.HasMacros,
    ),
    "a ZIP bomb": (with_part(GOOD, "xl/x.bin", bytes(70_000_000)), sheets.TooLarge),
    "an entity bomb": (with_part(GOOD, PAGE, BOMB), sheets.NotASpreadsheet),
    "an entity that reads files": (with_part(GOOD, PAGE, THEFT), sheets.NotASpreadsheet),
    "a page that is no XML": (with_part(GOOD, PAGE, b"<worksheet><a"), sheets.NotASpreadsheet),
    "a formula": (xlsx(["a", "b"], [1, "=1+1"]), sheets.HasFormula),
    "a formula in CSV": (b"a,b\n1,=1+1\n", sheets.HasFormula),
    "an empty workbook": (xlsx(), sheets.NoHeader),
    "two columns of one name": (xlsx(["a", "a"], [1, 2]), sheets.BadHeader),
    "a column without a name": (b"a,,c\n1,2,3\n", sheets.BadHeader),
    "values beyond the named columns": (b"a,b\n1,2,3\n", sheets.BadHeader),
    "too many columns": (",".join(map(str, range(50))).encode(), sheets.TooLarge),
    "a code that became a number": (xlsx(["a"], [1010112060000000000]), sheets.InexactNumber),
    "bytes in no encoding": (b"a,b\n\xff\xff\x00\x81,1\n", sheets.BadEncoding),
    "UTF-16 without its mark": ("品名,价\n菜,1\n".encode("utf-16-le"), sheets.BadEncoding),
    "a quote that never ends": (b'a,b\n"1,2\n', sheets.NotASpreadsheet),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_file_is_said(case: str) -> None:
    data, error = WRONG[case]
    with pytest.raises(error):
        table(data)


def test_a_formula_is_named_by_its_cell() -> None:
    for data in (WRONG["a formula"][0], WRONG["a formula in CSV"][0]):
        with pytest.raises(sheets.HasFormula, match="B2"):
            table(data)


def test_a_million_rows_are_refused_at_the_first_too_many() -> None:
    """Memory is measured in this process, whose peak so far is the floor; unpacked they are 40 and 2 MB."""
    rows = "".join([f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 10**6 + 1)])
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx([1]))) as small,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as large,
    ):
        for name in small.namelist():
            part = small.read(name).decode()
            large.writestr(name, re.sub("<row.*</row>", rows, part) if name.endswith("sheet1.xml") else part)
    del rows
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in (file.getvalue(), b"a\n" + b"1\n" * 10**6):
        with pytest.raises((sheets.TooManyRows, sheets.TooLarge)):
            table(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 120_000


def test_as_many_rows_as_are_allowed() -> None:
    assert len(table(b"a\n" + b"1\n" * 10, max_rows=10)) == 10
    with pytest.raises(sheets.TooManyRows, match="10"):
        table(b"a\n" + b"1\n" * 11, max_rows=10)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda tail: b"PK\x03\x04" + tail)))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    with suppress(sheets.InvalidInput):
        read_sheet(data, max_rows=10)


def test_workbooks_are_parsed_by_defusedxml_though_lxml_is_installed() -> None:
    program = (
        "from invoice_service.documents import sheets; import openpyxl as o; print(o.LXML, o.DEFUSEDXML)"
    )
    usual = {name: value for name, value in os.environ.items() if not name.startswith("OPENPYXL_")}
    said = subprocess.run(
        [sys.executable, "-c", f"import lxml; {program}"],
        env=usual,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["False", "True"]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_workbook_with_one_byte_changed_is_read_or_refused(at: int, by: int) -> None:
    bent = bytearray(GOOD)
    bent[at] ^= by
    with suppress(sheets.InvalidInput):
        read_sheet(bytes(bent), max_rows=10)
