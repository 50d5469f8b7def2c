"""The invoice PDF, read back with PDFium: what it says, what it carries, what it refuses to become."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from invoice_service.documents import glyphs
from invoice_service.documents.pdf import invoice_pdf
from invoice_service.documents.typeset import FONTS, TEXT_FONT
from invoice_service.domain.capitals import in_capitals

NUMBER = "26539000000000000001"
VERIFY_URL = f"http://localhost:8000/verify?number={NUMBER}"
LEDGER_LINE = "已上链 存证序号1024 区块88"
EVIDENCE = json.dumps({"body": {"name": "小白菜"}}, ensure_ascii=False).encode()
BUYER = {
    "type": "buyer",
    "version": 1,
    "invoice": NUMBER,
    "kind": "organization",
    "name": "昆明滇味餐饮管理有限公司",
    "tax_id": "92532528MA6L45LX6L",
}

Body = dict[str, Any]


def line(name: str = "小白菜", *, amount_fen: int = 800, tax_fen: int = 0, rate: str = "0.00") -> Body:
    return {
        "name": name,
        "tax_code": "1010112060000000000",
        "unit": "斤",
        "quantity": "2.5",
        "unit_price": "3.2",
        "amount_fen": amount_fen,
        "net_fen": amount_fen - tax_fen,
        "tax_fen": tax_fen,
        "rate": rate,
        "treatment": "taxed" if tax_fen else "exempt",
        "rule": "vegetables",
        "basis": "财税〔2011〕137号",
    }


def invoice(*lines: Body, **changes: Any) -> Body:
    total_fen = sum(item["amount_fen"] for item in lines)
    return {
        "type": "invoice",
        "version": 1,
        "number": NUMBER,
        "issuer": "3f" * 32,
        "issued_at": "2026-11-23T16:26:51.123Z",
        "market": {"code": "PUER01", "name": "普洱中心农贸市场", "region": "530802"},
        "stall": {"code": "A01", "name": "李家蔬菜"},
        "seller": {"name": "李秀英", "tax_id": None, "kind": "natural_person"},
        "sale": "ab" * 32,
        "lines": list(lines),
        "net_fen": sum(item["net_fen"] for item in lines),
        "tax_fen": sum(item["tax_fen"] for item in lines),
        "total_fen": total_fen,
        "total_capitals": in_capitals(total_fen),
        "remarks": "",
    } | changes


def pdf(body: Body, buyer: Body | None = BUYER, **changes: Any) -> bytes:
    options = {"verify_url": VERIFY_URL, "evidence_json": EVIDENCE, "ledger_line": LEDGER_LINE} | changes
    return invoice_pdf(body, buyer, **options)


def pages(data: bytes) -> list[str]:
    """The text of each page without white space: where a line wraps is the layout's business."""
    with pypdfium2.PdfDocument(data) as document:
        return [squeezed(page.get_textpage().get_text_range()) for page in document]


def squeezed(text: str) -> str:
    """PDFium writes the invisible break inside a long word as U+FFFE."""
    return "".join(text.split()).translate({0x200B: None, 0xFFFE: None})


def test_the_page_says_what_the_invoice_says() -> None:
    body = invoice(line(), line("鲜米线", amount_fen=4905, tax_fen=405, rate="0.09"), remarks="送到后门")
    [text] = pages(pdf(body))
    for words in (
        "电子发票（普通发票）", "试点PILOT", NUMBER, "2026年11月24日",  # the Shanghai day
        BUYER["name"], BUYER["tax_id"], "李秀英", "小白菜斤2.53.28.00免税***", "鲜米线斤2.53.245.009%4.05",
        "¥53.00", "¥4.05", "伍拾柒圆零伍分", "¥57.05", "普洱中心农贸市场（PUER01）李家蔬菜（A01）",
        "财税〔2011〕137号", "3f" * 32, LEDGER_LINE, VERIFY_URL, "送到后门", "第1页/共1页",
    ):  # fmt: skip
        assert squeezed(words) in text


def test_an_erased_buyer_is_said_to_be_erased() -> None:
    [text] = pages(pdf(invoice(line()), None))
    assert "购买方信息已依法删除" in text
    assert BUYER["name"] not in text


def test_the_evidence_is_attached_byte_for_byte() -> None:
    with pypdfium2.PdfDocument(pdf(invoice(line()))) as document:
        assert document.count_attachments() == 1
        attachment = document.get_attachment(0)
        assert attachment.get_name() == "evidence.json"
        assert bytes(attachment.get_data()) == EVIDENCE


def test_without_evidence_nothing_is_attached() -> None:
    with pypdfium2.PdfDocument(pdf(invoice(line()), evidence_json=None)) as document:
        assert document.count_attachments() == 0


def test_it_declares_the_archive_format_that_may_carry_attachments() -> None:
    data = pdf(invoice(line()))
    assert b"<pdfaid:part>3</pdfaid:part>" in data
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in data


def test_the_code_on_the_page_opens_the_verify_page(read_qr: Callable[[list[list[bool]]], str]) -> None:
    with pypdfium2.PdfDocument(pdf(invoice(line()))) as document:
        picture = document[0].render(scale=150 / 72, grayscale=True)
    grey, width = bytes(picture.buffer), picture.width
    rows = [grey[y * picture.stride :][:width] for y in range(picture.height // 4)]  # the masthead
    assert read_qr([[shade < 128 for shade in row[: width // 4]] for row in rows]) == VERIFY_URL


HOSTILE = [
    '#import "@preview/x:1.0.0"',
    '#read("/etc/passwd")',
    "$ sum_(i=0) x $ *bold* _it_ `raw` <label> @ref",
    "\\ \\u{41} // no /* comment */ = head",
    "<script>alert(1)</script>",
    "{{ 7*7 }} {% for x in y %} ${7*7}",
    '") #eval("1',
    "#[\"'~---...]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_typed_is_shown_and_never_obeyed(text: str) -> None:
    """Threat 13: template syntax in user text."""
    body = invoice(
        line(text) | {"unit": text, "basis": text},
        remarks=text,
        market={"code": text, "name": text, "region": text},
        stall={"code": text, "name": text},
        seller={"name": text, "tax_id": text, "kind": "general"},
    )
    shown = "".join(pages(pdf(body, BUYER | {"name": text, "tax_id": text}, ledger_line=text)))
    assert shown.count(squeezed(text)) == 13


def test_sixty_lines_flow_over_pages_that_each_name_the_invoice() -> None:
    names = [f"野生菌第{i}种{'很长的名称' * (i % 4 * 3)}" for i in range(60)]
    texts = pages(pdf(invoice(*map(line, names))))
    assert len(texts) > 2
    for i, text in enumerate(texts, 1):
        assert NUMBER in text
        assert "项目名称单位数量" in text
        assert f"第{i}页/共{len(texts)}页" in text
    assert [name for name in names if name not in "".join(texts)] == []
    assert ["价税合计" in text for text in texts] == [False] * (len(texts) - 1) + [True]


def test_long_words_stay_inside_their_column() -> None:
    data = pdf(invoice(line("W" * 100)), BUYER | {"name": "W" * 100})
    with pypdfium2.PdfDocument(data) as document:
        middle = document.get_page_size(0)[0] / 2
        words = document[0].get_textpage()
        boxes = [
            words.get_charbox(i) for i in range(words.count_chars()) if words.get_text_range(i, 1) == "W"
        ]
    assert len(boxes) == 200
    assert max(right for _, _, right, _ in boxes) < middle  # the buyer's block and the name column end before


@pytest.mark.parametrize("rare", ["😀", "ꀀ", "\x00", "\u202e", "\ue000", "\n"])
def test_a_character_that_the_font_lacks_is_marked_and_fails_nothing(rare: str) -> None:
    [text] = pages(pdf(invoice(line(f"甲{rare}乙"))))
    assert "甲〓乙" in text


def test_the_font_is_known_to_show_what_markets_write() -> None:
    shown = glyphs.coverage(FONTS / TEXT_FONT)
    assert set("〓壹贰叁肆伍陆柒捌玖拾佰仟万亿圆角分整饵洱菌滇é¥·") <= shown
    assert "😀" not in shown


def test_a_font_without_a_full_table_is_refused(tmp_path: Path) -> None:
    font = tmp_path / "empty.ttf"
    font.write_bytes(
        bytes.fromhex("000100000001000000000000") + b"cmap" + bytes(4) + (28).to_bytes(4) + bytes(8)
    )
    with pytest.raises(LookupError, match="Unicode"):
        glyphs.coverage(font)


def test_the_same_invoice_is_the_same_bytes_in_every_thread() -> None:
    bodies = [invoice(line(f"菜{i}")) for i in range(6)]
    alone = [pdf(body) for body in bodies]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(pdf, bodies * 4))
    assert together == alone * 4
    assert len(set(alone)) == 6


def test_a_typical_invoice_is_small_enough_to_send() -> None:
    assert len(pdf(invoice(*(line(f"普洱山货{i}号") for i in range(5))))) < 200_000
