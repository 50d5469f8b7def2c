"""A pile of what an officer was handed: evidence files and PDFs, a ZIP of them, or a list of numbers.

What a file is, its bytes decide. Nothing of a ZIP is believed: its directory is looked at before anything is
unpacked, each part is read no further than it may be long, and an archive within an archive stays shut. What
cannot be read becomes an item that says so; it never stops the rest of the pile.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from invoice_service.documents.attached import UNREADABLE
from invoice_service.documents.sheets import read_sheet
from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import NOT_A_NUMBER
from invoice_service.errors import N_, InvalidInput
from invoice_service.ledger import link

ITEMS_MAX = 500
FILE_MAX = 5_000_000  # bytes; a PDF of sixty lines with its evidence has 60,000
UNPACKED_MAX = 200_000_000
RATIO_MAX = 200
NAME_MAX = 200
NUMBER = re.compile(r"(?<!\d)\d{20}(?!\d)", re.ASCII)
_ZIP, _PDF = b"PK\x03\x04", b"%PDF-"
_COLUMNS = {
    "number": ("number", "invoice number", "发票号码", "号码"),
    "day": ("date", "issued on", "开票日期", "日期"),
    "total": ("total", "amount", "价税合计", "金额"),
}

TOO_LARGE = N_("This file is too large to be an invoice.")
ENCRYPTED = N_("This file has a password. Unpack it and bring what is in it.")
NESTED = N_("This is an archive within an archive. Unpack it and bring what is in it.")
BROKEN = N_("This file in the archive is damaged.")


class PileTooLarge(InvalidInput):
    code = "pile.too_large"
    message = N_("At most 500 invoices are checked at once. Please split the pile.")


class EmptyPile(InvalidInput):
    code = "pile.empty"
    message = N_("Please bring files, or type numbers.")


class BrokenArchive(InvalidInput):
    code = "pile.broken_archive"
    message = N_("This ZIP file cannot be opened.")


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to check: a file's bytes, or a number as typed (with day and total, or ""), or a problem.

    `same_as` is the place in the pile (from 0) of the item that this one repeats.
    """

    name: str
    data: bytes | None = None
    number: str = ""
    day: str = ""
    total: str = ""
    problem: str | None = None
    same_as: int | None = None

    @property
    def mark(self) -> str:
        """Equal for what is the same."""
        if self.data is not None:
            return hashlib.sha256(self.data).hexdigest()
        if link.code_in(self.name) is not None:
            return self.name  # the same facts under another signature are not the same
        return f"{self.number} {self.day} {self.total}" if self.number else ""


def read_pile(files: Iterable[tuple[str, bytes]], typed: str) -> tuple[Item, ...]:
    """Everything in the order in which it was brought; a repeated one says which it repeats.

    Raises EmptyPile, PileTooLarge, BrokenArchive, and what `read_sheet` raises for a list.
    """
    found: list[Item] = []
    for item in _all(files, typed):
        if len(found) == ITEMS_MAX:
            raise PileTooLarge({"files": PileTooLarge.message})
        found.append(item)
    if not found:
        raise EmptyPile({"files": EmptyPile.message})
    first: dict[str, int] = {}
    return tuple(_compared(item, n, first) for n, item in enumerate(found))


def _compared(item: Item, n: int, first: dict[str, int]) -> Item:
    if item.problem is not None or not item.mark:
        return item
    earlier = first.setdefault(item.mark, n)
    return item if earlier == n else replace(item, same_as=earlier)


def _all(files: Iterable[tuple[str, bytes]], typed: str) -> Iterator[Item]:
    for name, data in files:
        yield from _of_file(_named(name), data)
    yield from (_of_line(line.strip()) for line in typed.splitlines() if line.strip())


def _of_line(line: str) -> Item:
    """A number; or a link as scanned, then named by its code: nobody has looked at its signature yet."""
    code = link.code_in(line)
    if code is not None:
        return _of_code(code)
    found = NUMBER.search(line)
    text = _printable(line)
    return Item(text, number=found[0]) if found else Item(text, problem=NOT_A_NUMBER)


def _of_code(code: str) -> Item:
    try:
        facts = link.read(code).facts
    except link.NotALink:
        return Item(code, problem=NOT_A_NUMBER)
    return Item(code, number=facts.number, day=facts.day.isoformat(), total=yuan(facts.total_fen))


def _of_file(name: str, data: bytes) -> Iterator[Item]:
    if data.startswith(_ZIP):
        parts = _parts(data)
        if any(part.filename.startswith("xl/") for part in parts):
            yield from _of_list(name, data)
        else:
            yield from _of_archive(data, parts)
    elif data.startswith(_PDF) or data.lstrip()[:1] == b"{":
        yield _single(name, data)
    else:
        yield from _of_text(name, data)


def _single(name: str, data: bytes) -> Item:
    return Item(name, problem=TOO_LARGE) if len(data) > FILE_MAX else Item(name, data=data)


def _of_text(name: str, data: bytes) -> Iterator[Item]:
    """A list as CSV, or nothing that we know."""
    try:
        yield from _of_list(name, data)
    except InvalidInput:
        yield Item(name, problem=UNREADABLE)


def _of_list(name: str, data: bytes) -> Iterator[Item]:
    sheet = read_sheet(data, max_rows=ITEMS_MAX)
    columns = {wanted: _column(sheet.columns, names) for wanted, names in _COLUMNS.items()}
    if columns["number"] is None:
        yield Item(name, problem=UNREADABLE)
        return
    for row in sheet.rows:
        cells = {wanted: row.cells.get(column or "", "").strip() for wanted, column in columns.items()}
        found = NUMBER.fullmatch(cells["number"].replace(" ", ""))
        place = f"{name} {row.number}"
        if found is None:
            yield Item(place, problem=NOT_A_NUMBER)
        else:
            yield Item(place, number=found[0], day=cells["day"], total=cells["total"])


def _column(columns: Iterable[str], names: tuple[str, ...]) -> str | None:
    return next((column for column in columns if column.strip().casefold() in names), None)


def _parts(data: bytes) -> list[zipfile.ZipInfo]:
    """Raises BrokenArchive, PileTooLarge."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise BrokenArchive({"files": BrokenArchive.message}) from error
    if sum(part.file_size for part in parts) > UNPACKED_MAX or len(parts) > 2 * ITEMS_MAX:
        raise PileTooLarge({"files": PileTooLarge.message})
    return parts


def _of_archive(data: bytes, parts: Iterable[zipfile.ZipInfo]) -> Iterator[Item]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for part in parts:
            if not part.is_dir() and not _is_the_systems(part.filename):
                yield _unpacked(archive, part)


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Item:
    name = _named(part.filename)
    if part.flag_bits & 1:
        return Item(name, problem=ENCRYPTED)
    if part.file_size > FILE_MAX or part.file_size > RATIO_MAX * max(part.compress_size, 1_000):
        return Item(name, problem=TOO_LARGE)
    try:
        with archive.open(part) as stream:
            inside = stream.read(FILE_MAX + 1)  # the directory may lie about the size
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError):
        return Item(name, problem=BROKEN)
    if inside.startswith(_ZIP):
        return Item(name, problem=NESTED)
    return _single(name, inside)


def _is_the_systems(name: str) -> bool:
    """What macOS and Windows put beside the files."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in (
        ".DS_Store",
        "Thumbs.db",
        "desktop.ini",
    )


def _named(name: str) -> str:
    """Without its folders, and without what a name may do to a page."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return _printable(last) or "?"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:NAME_MAX]
