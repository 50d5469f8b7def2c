"""The posters of stall codes, read back with PDFium and a QR reader that is not the writer's library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pypdfium2
import pytest

from invoice_service.documents.posters import SIZES_MM, Poster, posters

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
URL = "https://stalls.example/s/PUER01-A01.3.MEUCIQDn0cJ8Zl1x"
A01 = Poster(
    url=URL,
    market_zh="普洱中心农贸市场",
    market_en="Pu'er Central Farmers' Market",
    stall_code="A01",
    stall_zh="李家蔬菜",
    stall_en="Li's Vegetables",
    place_zh="A区1排",
    place_en="Hall A, row 1",
    vendor_zh="李秀英",
    serial=3,
)
LONG = "长" * 100
HOSTILE = [
    '#import "@preview/x:1.0.0"',
    '#read("/etc/passwd")',
    "$ sum_(i=0) x $ *bold* _it_ `raw` <label> @ref",
    "<script>alert(1)</script>",
    "{{ 7*7 }} {% for x in y %} ${7*7}",
    "</svg><image href='file:///etc/passwd'/>",
]

Reader = Callable[[list[list[bool]]], str]


def text_of(data: bytes) -> list[str]:
    with pypdfium2.PdfDocument(data) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def code_of(data: bytes, read_qr: Reader, page: int = 0) -> str:
    """What a camera reads off the printed page, at 150 dots an inch."""
    with pypdfium2.PdfDocument(data) as document:
        picture = document[page].render(scale=150 / 72, grayscale=True)
    grey = bytes(picture.buffer)
    rows = [grey[y * picture.stride :][: picture.width] for y in range(picture.height)]
    return read_qr([[shade < 128 for shade in row] for row in rows])


@pytest.mark.parametrize("size", SIZES_MM)
def test_each_paper_has_its_size_one_page_a_stall_and_a_code_that_can_be_read(
    size: str, read_qr: Reader
) -> None:
    b12 = replace(A01, stall_code="B12", url=URL.replace("A01", "B12"))
    data = posters([A01, b12], size=size, made_at=NOW)
    with pypdfium2.PdfDocument(data) as document:
        assert len(document) == 2
        for page in document:
            in_mm = tuple(round(side / 72 * 25.4) for side in page.get_size())
            assert in_mm == SIZES_MM[size]
    assert [code_of(data, read_qr, page) for page in (0, 1)] == [A01.url, b12.url]


def test_it_names_market_stall_place_vendor_and_printing() -> None:
    [said] = text_of(posters([A01], size="A5", made_at=NOW))
    for words in (
        "普洱中心农贸市场",
        "李家蔬菜",
        "Li's Vegetables",
        "A01",
        "A区1排",
        "Hall A, row 1",
        "李秀英",
        "No. 3",
    ):
        assert words in said
    assert "非税务机关官方服务" in said


def test_a_stall_where_nobody_sells_names_no_vendor() -> None:
    [said] = text_of(posters([replace(A01, vendor_zh=None)], size="A5", made_at=NOW))
    assert "经营户" not in said


@pytest.mark.parametrize("size", SIZES_MM)
def test_names_of_any_length_stay_on_their_page(size: str, read_qr: Reader) -> None:
    long = replace(
        A01, stall_zh=LONG, stall_en="W" * 100, market_zh=LONG, market_en="Market " * 14, place_zh=LONG,
        place_en="p" * 100, vendor_zh=LONG, stall_code="A" * 20,
    )  # fmt: skip
    data = posters([long], size=size, made_at=NOW)
    [said] = text_of(data)
    assert "".join(said.split()).count("长") == 400
    assert code_of(data, read_qr) == URL


@pytest.mark.parametrize("text", HOSTILE)
def test_threat_13_what_a_name_says_is_only_shown(text: str) -> None:
    hostile = replace(A01, stall_zh=text, market_zh=text, place_zh=text, vendor_zh=text, stall_en=text)
    [said] = text_of(posters([hostile], size="A4", made_at=NOW))
    squeezed = "".join(said.split()).replace("\u200b", "")
    assert squeezed.count("".join(text.split())) == 5


def test_the_same_stalls_give_the_same_bytes() -> None:
    assert posters([A01], size="A6", made_at=NOW) == posters([A01], size="A6", made_at=NOW)


def test_no_stall_or_another_paper_is_refused() -> None:
    with pytest.raises(ValueError, match="no posters"):
        posters([], size="A5", made_at=NOW)
    with pytest.raises(ValueError, match="no posters"):
        posters([A01], size="A3", made_at=NOW)
