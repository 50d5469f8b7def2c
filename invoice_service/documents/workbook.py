"""One writer of XLSX, for summaries and exports: text is text, money is exact, same rows are same bytes.

A cell that somebody typed is always written as a string: spreadsheets run what begins with `=`, and some act
on `+`, `-` and `@` too. Nothing here ever writes a formula, a link or a macro. Rows stream to a temporary
file, so that a long export costs no memory.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from invoice_service.domain.numbering import SHANGHAI

CELL_MAX = 32_767  # characters that a cell can hold
TITLE_MAX = 31  # characters that a sheet's name can have
_UNWRITABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"
)  # XML 1.0 has no such characters
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\]")
FORMATS = {
    "text": "@",
    "money_fen": "#,##0.00",
    "quantity": "0.######",
    "count": "#,##0",
    "day": "yyyy-mm-dd",
    "instant": "yyyy-mm-dd hh:mm",
}
SUMMED = ("money_fen", "count")


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: text · money_fen (whole fen) · quantity (Decimal) · count · day · instant (in Shanghai)."""

    title: str
    kind: str
    width: int = 14


@dataclass(frozen=True, slots=True)
class WorkSheet:
    """Rows hold a value a column, or None for an empty cell. `total` names the last row that sums them up."""

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Any]]
    total: str | None = None


def workbook(sheets: Iterable[WorkSheet], *, created: datetime) -> bytes:
    """The file. Two calls with the same arguments give the same bytes."""
    file = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"created": created.astimezone(SHANGHAI).replace(tzinfo=None)})
        bold = book.add_format({"bold": True, "bottom": 1})
        formats = {kind: book.add_format({"num_format": code}) for kind, code in FORMATS.items()}
        sums = {
            kind: book.add_format({"num_format": code, "bold": True, "top": 1})
            for kind, code in FORMATS.items()
        }
        for sheet in sheets:
            _write(book.add_worksheet(_sheet_name(sheet.title)), sheet, bold, formats, sums)
    return file.getvalue()


def _write(
    page: Worksheet, sheet: WorkSheet, bold: Format, formats: dict[str, Format], sums: dict[str, Format]
) -> None:
    page.freeze_panes(1, 0)
    for n, column in enumerate(sheet.columns):
        page.set_column(n, n, column.width)
        page.write_string(0, n, _text(column.title), bold)
    totals = [0] * len(sheet.columns)
    written = 0
    for written, row in enumerate(sheet.rows, 1):
        for n, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
            if value is not None:
                _write_cell(page, written, n, column.kind, value, formats[column.kind])
                totals[n] += value if column.kind in SUMMED else 0
    if sheet.total is not None:
        _write_totals(page, sheet, written + 1, totals, sums)


def _write_totals(
    page: Worksheet, sheet: WorkSheet, row: int, totals: Sequence[int], sums: dict[str, Format]
) -> None:
    page.write_string(row, 0, _text(sheet.total or ""), sums["text"])
    for n, column in enumerate(sheet.columns[1:], 1):
        if column.kind in SUMMED:
            _write_cell(page, row, n, column.kind, totals[n], sums[column.kind])
        else:
            page.write_blank(row, n, None, sums["text"])


def _write_cell(page: Worksheet, row: int, n: int, kind: str, value: Any, form: Format) -> None:
    match kind:
        case "text":
            page.write_string(row, n, _text(value), form)
        case "money_fen":
            page.write_number(row, n, Decimal(value) / 100, form)
        case "day":
            page.write_datetime(row, n, _midnight(value), form)
        case "instant":
            page.write_datetime(row, n, value.astimezone(SHANGHAI).replace(tzinfo=None), form)
        case _:
            page.write_number(row, n, value, form)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a spreadsheet's days have no zone


def _text(value: str) -> str:
    return _UNWRITABLE.sub("\ufffd", value)[:CELL_MAX]


def _sheet_name(title: str) -> str:
    """Excel refuses some characters in a sheet's name, and apostrophes at its ends."""
    return _NOT_IN_TITLES.sub(" ", _text(title))[:TITLE_MAX].strip("' ") or "1"
