"""One reader for lists that people upload, XLSX or CSV: cells as trimmed text, refusals in plain words.

What a file is, its bytes decide, never its name. Nothing in it is trusted: a ZIP's sizes are looked at
before anything is unpacked, XML is read by a parser without entities (openpyxl takes defusedxml where it is
installed, as it is here), macros and formulas are refused, and reading stops at the first row too many.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter

from invoice_service.domain.invoice import decimal_text
from invoice_service.errors import N_, InvalidInput

UNPACKED_MAX = 64_000_000  # bytes: a list of 5,000 rows takes one or two million
RATIO_MAX = 200  # honest spreadsheets pack ten or twenty to one
PARTS_MAX = 500
EXACT_MAX = 10**15  # beyond it a spreadsheet's number has lost digits
CELL_MAX = 1_000  # characters
_ZIP, _COMPOUND, _PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"%PDF"
_OTHERS = (
    _PDF,
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"PK\x05\x06",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"{\\rtf",
)
_MARKUP = re.compile(rb"\s*<(!doctype|html|\?xml|svg|script)", re.IGNORECASE)


class NotASpreadsheet(InvalidInput):
    code = "sheet.not_a_spreadsheet"
    message = N_("This is not an Excel workbook (.xlsx) or a CSV file.")


class OldExcel(InvalidInput):
    code = "sheet.protected_or_old"
    message = N_("This workbook has a password or is in an old format. Save it as .xlsx without a password.")


class HasMacros(InvalidInput):
    code = "sheet.macros"
    message = N_("This workbook contains macros. Save it as .xlsx without macros.")


class HasFormula(InvalidInput):
    code = "sheet.formula"
    message = N_("Cell {cell} contains a formula. Please paste the values instead.")


class TooLarge(InvalidInput):
    code = "sheet.too_large"
    message = N_("This file is too large to be a list.")


class TooManyRows(InvalidInput):
    code = "sheet.too_many_rows"
    message = N_("A list has at most {most} rows. Please split it.")


class BadEncoding(InvalidInput):
    code = "sheet.encoding"
    message = N_("The text in this file cannot be read. Save it as CSV UTF-8 or as .xlsx.")


class NoHeader(InvalidInput):
    code = "sheet.no_header"
    message = N_("The first row must name the columns.")


class BadHeader(InvalidInput):
    code = "sheet.bad_header"
    message = N_("The column name {name} is there twice, or a column with values has no name.")


class InexactNumber(InvalidInput):
    code = "sheet.inexact_number"
    message = N_(
        "Cell {cell} is a number with too many digits. Format the column as text and enter it again."
    )


@dataclass(frozen=True, slots=True)
class Row:
    """`number` as the person sees it in the file; `cells` by column name, "" where empty."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_sheet(data: bytes, *, max_rows: int, max_columns: int = 40) -> Sheet:
    """The first visible sheet of a workbook, or a CSV. Empty rows are left out.

    Raises NotASpreadsheet, OldExcel, HasMacros, HasFormula, TooLarge, TooManyRows, BadEncoding, NoHeader,
    BadHeader, InexactNumber.
    """
    if data.startswith(_COMPOUND):
        raise OldExcel
    if data.startswith(_ZIP):
        return _sheet(_xlsx_rows(data), max_rows, max_columns)
    if not data.strip() or data.startswith(_OTHERS) or _MARKUP.match(data):
        raise NotASpreadsheet
    return _sheet(_csv_rows(_decoded(data)), max_rows, max_columns)


def _sheet(rows: Iterator[tuple[int, Sequence[str]]], max_rows: int, max_columns: int) -> Sheet:
    first = next(((number, row) for number, row in rows if any(row)), None)
    if first is None:
        raise NoHeader
    columns = _columns(first[1], max_columns)
    found: list[Row] = []
    for number, row in rows:
        if not any(row):
            continue
        if len(found) == max_rows:
            raise TooManyRows(most=max_rows)
        if any(row[len(columns) :]):
            raise BadHeader(name=get_column_letter(len(columns) + 1))
        padded = (*row, *[""] * len(columns))
        found.append(Row(number, dict(zip(columns, padded, strict=False))))
    return Sheet(columns, tuple(found))


def _columns(row: Sequence[str], max_columns: int) -> tuple[str, ...]:
    names = list(row)
    while names and not names[-1]:
        names.pop()
    for name in names:
        if not name or names.count(name) > 1:
            raise BadHeader(name=name or "?")
    if len(names) > max_columns:
        raise TooLarge
    return tuple(names)


def _xlsx_rows(data: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    _check_package(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        page = next(sheet for sheet in book.worksheets if sheet.sheet_state == "visible")
        # The size that a file claims is not believed: it may name a million empty columns.
        page.reset_dimensions()
        for number, row in enumerate(page.iter_rows(max_col=256), 1):
            yield number, [_cell(cell.value, cell, number) for cell in row]
    except InvalidInput:
        raise
    except Exception as error:  # openpyxl and what is below it give up on broken files in any way they like
        raise NotASpreadsheet from error


def _check_package(data: bytes) -> None:
    """By the ZIP's own directory, before anything is unpacked."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise NotASpreadsheet from error
    names = {part.filename.lower() for part in parts}
    if any(name.endswith("vbaproject.bin") for name in names):
        raise HasMacros
    if "[content_types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise NotASpreadsheet
    unpacked = sum(part.file_size for part in parts)
    if unpacked > UNPACKED_MAX or len(parts) > PARTS_MAX or unpacked > RATIO_MAX * max(len(data), 10_000):
        raise TooLarge
    if any(part.flag_bits & 1 for part in parts):
        raise OldExcel
    _check_kind(data)


def _check_kind(data: bytes) -> None:
    """A workbook with macros says so in its list of contents even where the macros were taken out."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        try:
            kinds = package.read("[Content_Types].xml")
        except Exception as error:  # what is inside may be broken in more ways than zipfile names
            raise NotASpreadsheet from error
    if b"macroEnabled" in kinds:
        raise HasMacros


def _cell(value: Any, cell: Any, number: int) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return _number(value, cell, number)
        case datetime():
            return value.date().isoformat() if value.time() == value.min.time() else value.isoformat(sep=" ")
        case date():
            return value.isoformat()
    if getattr(cell, "data_type", "") == "f":
        raise HasFormula(cell=f"{get_column_letter(cell.column)}{number}")
    return str(value).strip()[:CELL_MAX]


def _number(value: float, cell: Any, number: int) -> str:
    """Without the noise of floats: 3.2 stays 3.2. A code of 18 digits has lost its last ones already."""
    if abs(value) >= EXACT_MAX or value != value:
        raise InexactNumber(cell=f"{get_column_letter(cell.column)}{number}")
    return decimal_text(Decimal(repr(value)))


def _decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or GB18030, in which Excel in China writes. Raises BadEncoding."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ("utf-16",) if marked else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\ue000-\uf8ff]", text):
            return text
    raise BadEncoding


def _csv_rows(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    heading = next(iter(text.strip().splitlines()), "")
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for row in reader:
            yield number, [_csv_cell(value, n, number) for n, value in enumerate(row, 1)]
            number = reader.line_num + 1
    except csv.Error as error:
        raise NotASpreadsheet from error


def _csv_cell(value: str, n: int, number: int) -> str:
    """What a spreadsheet would run is refused here as well, so that both kinds of files mean the same."""
    clean = value.strip()[:CELL_MAX]
    if clean.startswith("="):
        raise HasFormula(cell=f"{get_column_letter(n)}{number}")
    return clean
