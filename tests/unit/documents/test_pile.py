"""Piles as strangers bring them: everything is told apart, and nothing in them stops the rest."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import UTC, datetime

import pytest

from invoice_service.documents import pile
from invoice_service.documents.attached import UNREADABLE
from invoice_service.documents.pile import BrokenArchive, EmptyPile, Item, PileTooLarge, read_pile
from invoice_service.documents.workbook import Column, WorkSheet, workbook
from invoice_service.domain.numbering import NOT_A_NUMBER
from tests.unit.ledger.vectors import load

PDF, JSON = b"%PDF-1.7 x", b'{"type": "x"}'
N = "2653900000000000{:04d}"


def zipped(*parts: tuple[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, data in parts:
            archive.writestr(name, data)
    return file.getvalue()


def listed(*rows: tuple[str, ...], columns: tuple[str, ...] = ("发票号码", "开票日期", "价税合计")) -> bytes:
    sheet = WorkSheet("1", tuple(Column(name, "text") for name in columns), rows)
    return workbook([sheet], created=datetime(2026, 11, 24, tzinfo=UTC))


def problems(items: tuple[Item, ...]) -> list[str | None]:
    return [item.problem for item in items]


def test_files_archives_lists_and_typed_numbers_in_their_order() -> None:
    archive = zipped(
        ("a/", b""), ("a/1.pdf", PDF), ("a/2.json", JSON), ("__MACOSX/a/._1.pdf", b"x"), ("a/.DS_Store", b"x")
    )
    rows = listed((N.format(1), "2026-11-24", "12.50"), (N.format(2), "", ""))
    typed = f"{N.format(3)}\n\nhttps://x.cn/verify?number={N.format(4)}\n12345"
    items = read_pile([("c.json", JSON + b" "), ("a.zip", archive), ("l.xlsx", rows)], typed)
    assert [(item.name, item.number, item.day, item.total) for item in items] == [
        ("c.json", "", "", ""), ("1.pdf", "", "", ""), ("2.json", "", "", ""),
        ("l.xlsx 2", N.format(1), "2026-11-24", "12.50"), ("l.xlsx 3", N.format(2), "", ""),
        (N.format(3), N.format(3), "", ""),
        (f"https://x.cn/verify?number={N.format(4)}", N.format(4), "", ""),
        ("12345", "", "", ""),
    ]  # fmt: skip
    assert problems(items) == [None] * 7 + [NOT_A_NUMBER]


def test_a_scanned_link_brings_number_day_and_total_and_is_named_by_its_code() -> None:
    made, bad = load("link.json")["good"][0], load("link.json")["bad"]
    code, unread = made["code"], next(one["code"] for one in bad if one["name"] == "kind 0")
    typed = f"https://invoices.example.com/{'x' * 300}/v/{code}?from=chat\n{unread}\n{code[:-1]}"
    assert read_pile([], typed) == (
        Item(code, number=made["number"], day=made["day"], total="20.00"),
        Item(unread, problem=NOT_A_NUMBER),
        Item(code[:-1], problem=NOT_A_NUMBER),
    )


def test_what_is_brought_twice_says_so() -> None:
    items = read_pile(
        [("a.pdf", PDF), ("b.pdf", PDF), ("z.zip", zipped(("c.pdf", PDF)))], f"{N.format(1)}\n{N.format(1)}"
    )
    assert [item.same_as for item in items] == [None, 0, 0, None, 3]


def encrypted() -> bytes:
    """By its flag; the bytes could not be read anyway."""
    data = bytearray(zipped(("secret.pdf", PDF)))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at : at + 2] = struct.pack("<H", struct.unpack("<H", data[at : at + 2])[0] | 1)
    return bytes(data)


def damaged() -> bytes:
    data = bytearray(zipped(("bad.pdf", PDF * 50), ("good.pdf", PDF), kind=zipfile.ZIP_STORED))
    at = data.index(PDF) + 20
    data[at] ^= 0xFF  # its checksum no longer fits
    return bytes(data)


def lying() -> bytes:
    """The directory says ten bytes; there are six million."""
    data = bytearray(zipped(("lie.pdf", PDF + b"0" * 6_000_000)))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 10)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (encrypted(), [pile.ENCRYPTED]),
        (damaged(), [pile.BROKEN, None]),
        (zipped(("inner.zip", zipped(("a.pdf", PDF))), ("b.pdf", PDF)), [pile.NESTED, None]),
        (zipped(("bomb.pdf", b"0" * 4_900_000), ("b.pdf", PDF)), [pile.TOO_LARGE, None]),
        (zipped(("long.pdf", PDF + bytes(range(256)) * 20_000), kind=zipfile.ZIP_STORED), [pile.TOO_LARGE]),
        (b"\x89PNG\r\n", [UNREADABLE]),
        (b"", [UNREADABLE]),
        (b"hello, world\n1,2\n", [UNREADABLE]),
        (PDF + b"0" * 5_000_001, [pile.TOO_LARGE]),
        (listed((N.format(1),), columns=("name",)), [UNREADABLE]),
        (f"number\n{N.format(1)}\nx\n".encode(), [None, NOT_A_NUMBER]),
    ],
)
def test_what_cannot_be_read_says_why_and_stops_nothing(data: bytes, expected: list[str | None]) -> None:
    assert problems(read_pile([("x", data)], "")) == expected


def test_a_directory_that_lies_about_a_size_gains_nothing() -> None:
    [item] = read_pile([("x", lying())], "")
    assert item.problem in (pile.TOO_LARGE, pile.BROKEN) or len(item.data or b"") <= 10


def test_as_many_as_can_be_and_one_more() -> None:
    parts = [(f"{n}.json", JSON + b" " * n) for n in range(501)]
    assert len(read_pile([("x", zipped(*parts[:500]))], "")) == 500
    for files, typed in (
        ([("x", zipped(*parts))], ""),
        ([(name, data) for name, data in parts], ""),
        ([], "\n".join(N.format(n) for n in range(501))),
        ([("x", zipped(*((f"{n}.json", b"") for n in range(1001))))], ""),
    ):
        with pytest.raises(PileTooLarge):
            read_pile(files, typed)


def test_an_archive_that_is_none_and_nothing_at_all() -> None:
    with pytest.raises(BrokenArchive):
        read_pile([("x", b"PK\x03\x04 and then nothing")], "")
    with pytest.raises(EmptyPile):
        read_pile([], " \n ")
    with pytest.raises(EmptyPile):
        read_pile([("x", zipped(("only/", b"")))], "")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.pdf", "a\u202eb.pdf", "a\x00b.pdf", "", "/", "n" * 999]
)
def test_names_are_only_names(name: str) -> None:
    [item] = read_pile([(name, PDF)], "")
    assert item.name.isprintable()
    assert "/" not in item.name
    assert "\\" not in item.name
    assert 1 <= len(item.name) <= pile.NAME_MAX
    if name.strip():
        assert all(one.name.isprintable() for one in read_pile([], name))
