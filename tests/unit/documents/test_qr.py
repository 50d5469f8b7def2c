"""Every drawing of a code is read back by another library's reader."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

import pytest
import qrcode
from hypothesis import given, settings
from hypothesis import strategies as st
from qrcode import util
from qrcode.constants import ERROR_CORRECT_M

from invoice_service.documents import qr, qr_modules

TEXT = "http://192.168.1.20:8000/s/PUER01-A01"
SCALE = 5

Pixels = list[list[bool]]


def enlarged(rows: Pixels) -> Pixels:
    return [[pixel for pixel in row for _ in range(SCALE)] for row in rows for _ in range(SCALE)]


def dark(modules: Sequence[str]) -> Pixels:
    return [[module == "1" for module in row] for row in modules]


def pixels_of_svg(markup: str) -> Pixels:
    root = ElementTree.fromstring(markup)  # noqa: S314 - our own markup
    size = int(root.attrib["viewBox"].split()[2])
    grid = [[False] * size for _ in range(size)]
    x = y = 0
    for command, first, second in re.findall(r"([Mmh])(\d+)(?: (\d+))?", root[1].attrib["d"]):
        match command:
            case "M":
                x, y = int(first), int(second)
            case "m":
                x += int(first)
            case "h":
                grid[y][x : x + int(first)] = [True] * int(first)
                x += int(first)
    return enlarged(grid)


def pixels_of_png(data: bytes) -> Pixels:
    start = data.index(b"IHDR") + 4
    width, height = (int.from_bytes(data[start + i : start + i + 4]) for i in (0, 4))
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start])
    rows = zlib.decompress(data[start + 4 : start + 4 + length])
    stride = (width + 7) // 8 + 1
    lines = [rows[y * stride + 1 : (y + 1) * stride] for y in range(height)]
    return [[bit == "0" for bit in "".join(f"{byte:08b}" for byte in line)[:width]] for line in lines]


def pixels_of_terminal(text: str) -> Pixels:
    halves = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}
    rows: Pixels = []
    for line in text.splitlines():
        blocks = [halves[c] for c in re.sub(r"\x1b\[[\d;]*m", "", line)]
        rows += [[top for top, _ in blocks], [bottom for _, bottom in blocks]]
    return enlarged(rows)


@pytest.mark.parametrize("text", [TEXT, "价税合计 ¥12.50", "x" * 600])
@pytest.mark.parametrize(
    "drawn",
    [
        lambda text: pixels_of_svg(qr.svg(text, title="扫码")),
        lambda text: pixels_of_png(qr.png(text, SCALE)),
        lambda text: pixels_of_terminal(qr.terminal(text)),
    ],
    ids=["svg", "png", "terminal"],
)
def test_a_reader_reads_what_was_written(
    read_qr: Callable[[Pixels], str], drawn: Callable[[str], Pixels], text: str
) -> None:
    assert read_qr(drawn(text)) == text


@given(
    st.one_of(
        st.text(max_size=300),
        st.text("0123456789", max_size=900),
        st.text("ABC012 $%*+-./:", max_size=600),
        st.lists(st.text("aA1:é中", min_size=20, max_size=60), max_size=12).map("".join),
    ),
    st.integers(0, 7),
)
@settings(max_examples=60, deadline=None)
def test_every_module_is_where_qrcode_has_it(text: str, mask: int) -> None:
    code: qrcode.QRCode[Any] = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=mask)
    code.add_data(text)
    code.make()
    assert dark(qr_modules.drawn(text, mask)) == code.get_matrix()


@pytest.mark.parametrize("version", range(1, 41))
def test_every_size_is_drawn_as_qrcode_draws_it(version: int) -> None:
    """Those in use, up to 10, in every mask."""
    text = "x" * (util.BIT_LIMIT_TABLE[ERROR_CORRECT_M][version] // 8 - 3)
    code: qrcode.QRCode[Any] = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=0, mask_pattern=0)
    code.add_data(text)
    code.make()
    assert code.version == version
    for mask in qr_modules.MASKS if version <= 10 else [version % 8]:
        code.makeImpl(False, mask)
        assert dark(qr_modules.drawn(text, mask)) == code.get_matrix()


def test_the_mask_with_the_fewest_penalties_is_taken() -> None:
    best = dark(qr_modules.drawn(TEXT, None))
    penalties = {mask: util.lost_point(dark(qr_modules.drawn(TEXT, mask))) for mask in qr_modules.MASKS}
    assert util.lost_point(best) == min(penalties.values()) < max(penalties.values())


def test_four_light_modules_surround_the_code() -> None:
    grid = dark(qr.modules(TEXT))
    inner = [row[4:-4] for row in grid[4:-4]]
    assert sum(map(sum, grid)) == sum(map(sum, inner))
    assert all(inner[0][:7])  # the finder pattern begins right inside


def test_the_title_cannot_leave_its_attribute() -> None:
    title = '"><script>alert(1)</script>'
    root = ElementTree.fromstring(qr.svg(TEXT, title=title))  # noqa: S314 - our own markup
    assert root.attrib["aria-label"] == title
    assert [child.tag.rpartition("}")[2] for child in root] == ["path", "path"]


def test_the_svg_takes_no_colour_from_the_page() -> None:
    drawing = qr.svg(TEXT, title="t")
    assert re.findall(r'(?:fill|stroke)="([^"]+)"', drawing) == ["#fff", "none", "#000"]


def test_a_text_too_long_for_any_code_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        qr.svg("x" * 3000, title="t")
