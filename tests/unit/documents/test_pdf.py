"""The invoice PDF, read back with PDFium: what it says, what it carries, what it refuses to become."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import ImageFilter

from invoice_service.documents import glyphs
from invoice_service.documents.payload import payload
from invoice_service.documents.pdf import Paper, invoice_pdf
from invoice_service.documents.printed import Credits
from invoice_service.documents.typeset import FONTS, TEXT_FONT
from invoice_service.domain.capitals import in_capitals
from invoice_service.domain.money import yuan
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TaxClass, rule_by_id, rule_on
from invoice_service.ledger import link

NUMBER = "26539000000000000001"
VERIFY_PAGE = "https://stalls.example.com/verify"
SIGNED_URL = "https://stalls.example.com/v/AwFwTXfj7heAAlEyAAAAAATi" + "-NekK2KobQ6N9GvhfZ_e" * 4 + "Bd53rr"
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
RULES = {"0.00": "vegetables", "0.09": "agricultural-9", "0.01": "small-scale-1"}


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
        "rule": RULES[rate],
        "basis": rule_by_id(RULES[rate]).basis,
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
    options = {
        "link": SIGNED_URL,
        "verify_page": VERIFY_PAGE,
        "evidence_json": EVIDENCE,
        "ledger_line": LEDGER_LINE,
    } | changes
    return invoice_pdf(body, buyer, **options)


def pages(data: bytes) -> list[str]:
    """The text of each page without white space: where a line wraps is the layout's business."""
    with pypdfium2.PdfDocument(data) as document:
        return [squeezed(page.get_textpage().get_text_range()) for page in document]


VERIFY_CODE_MM = (10, 6, 36, 32)  # left, top, right, bottom of its place on A5
PAYLOAD_CODE_MM = (37, 12, 57, 32)
RECEIPT_CODES_MM = {  # left, top, right, bottom, counted from the foot of the strip; first the address
    Paper.STRIP_58: ((0, 88, 58, 42), (0, 38, 58, 8)),
    Paper.STRIP_80: ((2, 60, 46, 8), (46, 60, 80, 8)),
}


def scanned(
    data: bytes, place_mm: tuple[int, int, int, int], *, dpi: int, blur: float = 0, noise: int = 0
) -> list[list[bool]]:
    """What a scanner or a camera sees of a place on the paper: blurred by so many dots, noisy, then black or
    white by a threshold in the middle."""
    with pypdfium2.PdfDocument(data) as document:
        page = document[0].render(scale=dpi / 72, grayscale=True).to_pil()
    picture = page.crop([round(side / 25.4 * dpi) for side in place_mm])
    picture = picture.filter(ImageFilter.GaussianBlur(blur))
    chance = random.Random(1)  # noqa: S311 - the same noise on every run
    grey = [shade + chance.randint(-noise, noise) for shade in picture.tobytes()]
    return [
        [shade < 128 for shade in grey[y : y + picture.width]] for y in range(0, len(grey), picture.width)
    ]


def squeezed(text: str) -> str:
    """PDFium writes the invisible break inside a long word as U+FFFE."""
    return "".join(text.split()).translate({0x200B: None, 0xFFFE: None})


def test_the_page_says_what_the_invoice_says() -> None:
    body = invoice(line(), line("鲜米线", amount_fen=4905, tax_fen=405, rate="0.09"), remarks="送到后门")
    [text] = pages(pdf(body))
    for words in (
        "电子发票（普通发票）", "试点PILOT", "非税务机关监制", NUMBER, "2026年11月24日",  # the Shanghai day
        BUYER["name"], BUYER["tax_id"], "李秀英", "小白菜斤2.53.28.00免税***", "鲜米线斤2.53.245.009%4.05",
        "¥53.00", "¥4.05", "伍拾柒圆零伍分", "¥57.05", "普洱中心农贸市场（PUER01）李家蔬菜（A01）",
        "免税蔬菜流通环节免征增值税（财税〔2011〕137号，2012-01-01起，现行效力尚未确认）；9%农产品税率9%（",
        "Tax：Vegetables are exempt from VAT in wholesale and retail (财税〔2011〕137号, since 2012-01-01;",
        "not yet confirmed to be in force). Agricultural goods are taxed at 9 %",
        "3f" * 32, LEDGER_LINE, f"{VERIFY_PAGE}，",
        "送到后门", "开票人：李秀英",
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


def test_no_character_of_an_attachment_is_markup_or_changed() -> None:
    evidence = "".join(HOSTILE) + '\\\\"\\' + "".join(map(chr, range(0x100))) + "\r\n\ufeff\u2028\U0010ffff"
    with pypdfium2.PdfDocument(pdf(invoice(line()), evidence_json=evidence.encode())) as document:
        assert bytes(document.get_attachment(0).get_data()).decode() == evidence


def test_without_evidence_nothing_is_attached() -> None:
    with pypdfium2.PdfDocument(pdf(invoice(line()), evidence_json=None)) as document:
        assert document.count_attachments() == 0


def test_it_declares_the_archive_format_that_may_carry_attachments() -> None:
    data = pdf(invoice(line()))
    assert b"<pdfaid:part>3</pdfaid:part>" in data
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in data


def test_the_first_code_is_the_signed_link(read_qr: Callable[[list[list[bool]]], str]) -> None:
    assert read_qr(scanned(pdf(invoice(line())), VERIFY_CODE_MM, dpi=150)) == SIGNED_URL


def test_people_are_told_an_address_that_they_can_type() -> None:
    [text] = pages(pdf(invoice(line())))
    assert f"{VERIFY_PAGE}，扫码或填写号码、日期、价税合计" in text
    assert "/v/" not in text


WORN = [{"dpi": 300}, {"dpi": 300, "blur": 1.5, "noise": 60}, {"dpi": 200, "blur": 1.0, "noise": 40}]


@pytest.mark.parametrize("worn", WORN)
def test_both_codes_are_read_from_worn_paper(
    read_qr: Callable[[list[list[bool]]], str], worn: dict[str, Any]
) -> None:
    data = pdf(invoice(line()))
    assert link.code_in(SIGNED_URL)  # as long as those that are issued
    assert read_qr(scanned(data, VERIFY_CODE_MM, **worn)) == SIGNED_URL
    assert read_qr(scanned(data, PAYLOAD_CODE_MM, **worn)) == payload(NUMBER, 800, date(2026, 11, 24))


@pytest.mark.parametrize("paper", [Paper.STRIP_58, Paper.STRIP_80])
def test_the_receipt_says_the_same_on_one_strip(
    read_qr: Callable[[list[list[bool]]], str], paper: Paper
) -> None:
    body = invoice(line(), line("鲜米线", amount_fen=4905, tax_fen=405, rate="0.09"), remarks="送到后门")
    data = pdf(body, paper=paper)
    [text] = pages(data)
    for words in (
        "电子发票（普通发票）", "试点PILOT", NUMBER, "2026年11月24日", BUYER["name"], BUYER["tax_id"],
        "李秀英", "小白菜2.5斤×3.28.00税率免税税额***", "鲜米线2.5斤×3.245.00税率9%税额4.05", "¥53.00",
        "¥4.05", "伍拾柒圆零伍分", "¥57.05", "（财税〔2011〕137号，", "3f" * 32, LEDGER_LINE, "送到后门",
    ):  # fmt: skip
        assert squeezed(words) in text
    with pypdfium2.PdfDocument(data) as document:
        width_mm, height_mm = (side / 72 * 25.4 for side in document.get_page_size(0))
    assert round(width_mm) == int(paper.removesuffix("mm"))
    for place, said in ((0, SIGNED_URL), (1, payload(NUMBER, 5705, date(2026, 11, 24)))):
        left, top, right, bottom = RECEIPT_CODES_MM[paper][place]
        on_strip = (left, round(height_mm) - top, right, round(height_mm) - bottom)
        assert read_qr(scanned(data, on_strip, dpi=203)) == said  # as such printers print


def credit_note(*lines: Body, **changes: Any) -> Body:
    """What is taken off of an invoice with the same lines."""
    original = {"number": NUMBER, "issued_at": "2026-11-23T16:26:51.123Z", "commitment": "ab" * 32}
    note = {
        "type": "credit-note",
        "number": "26539000000000000099",
        "issued_at": "2026-11-28T03:00:00.000Z",
        "invoice": original,
        "refund": "cd" * 32,
        "reason": "02",
        "notes": 0,
        "whole": False,
    }
    return invoice(*lines) | note | changes


def test_a_credit_note_is_the_invoice_with_a_minus_sign() -> None:
    lines = (line(), line("鲜米线", amount_fen=4905, tax_fen=405, rate="0.09") | {"quantity": None})
    [text] = pages(pdf(credit_note(*lines)))
    for words in (
        "电子发票（普通发票）", "红字", "26539000000000000099", "2026年11月28日",
        "小白菜斤-2.53.2-8.00免税***", "鲜米线-45.009%-4.05", "¥-53.00", "¥-4.05",
        "（负数）伍拾柒圆零伍分", "¥-57.05",
        f"被红冲发票：{NUMBER}，2026年11月24日开具，部分红冲", "红冲原因：02销货退回",
    ):  # fmt: skip
        assert squeezed(words) in text
    [text] = pages(pdf(credit_note(*lines, whole=True, reason="04")))
    assert "全额红冲" in text
    assert "红冲原因：04销售折让" in text


def test_an_invoice_names_its_credit_notes() -> None:
    numbers = ("26539000000000000099", "26539000000000000104")
    [text] = pages(pdf(invoice(line()), credits=Credits(numbers, whole=False)))
    assert text.count("已部分红冲") == 2  # the stamp, and the remark
    assert f"已部分红冲：{numbers[0]}、{numbers[1]}" in text
    [text] = pages(pdf(invoice(line()), credits=Credits(numbers, whole=True)))
    assert "已全额红冲：" in text
    assert "已部分红冲" not in text


MANY = Credits(tuple(f"265390000000000001{i:02d}" for i in range(60)), whole=False)
FORM_ENDS_MM = 143.5  # on A5, above the line with who drew the invoice up
STRIP_ENDS_MM = 54  # on the narrow one, before its margin


def of_every_law(remarks: str) -> Body:
    """The tallest remarks: a line of each kind of goods, all names as long as they may be."""
    day = date(2026, 11, 24)
    laws = [rule_on(goods, TaxpayerKind.GENERAL, self_produced=False, day=day) for goods in TaxClass]
    lines = [line() | {"rule": law.id, "basis": law.basis} for law in laws]
    long = {"code": "A" * 20, "name": "长" * 100}
    seller = {"name": "长" * 100, "tax_id": BUYER["tax_id"], "kind": "general"}
    return invoice(*lines, remarks=remarks, market=long | {"region": "530802"}, stall=long, seller=seller)


def boxes_mm(page: pypdfium2.PdfPage, characters: str) -> list[tuple[float, float]]:
    """(right, bottom) of each of these characters, from the page's upper left corner."""
    text, height = page.get_textpage(), page.get_height()
    found = [i for i in range(text.count_chars()) if text.get_text_range(i, 1) in characters]
    boxes = [text.get_charbox(i) for i in found]
    return [(right / 72 * 25.4, (height - bottom) / 72 * 25.4) for _left, bottom, right, _top in boxes]


def test_of_many_credit_notes_the_newest_ten_are_named_and_nothing_leaves_the_form() -> None:
    data = pdf(of_every_law("谢" * 200), BUYER | {"name": "长" * 100}, credits=MANY)
    newest = MANY.numbers[50:]
    assert f"已部分红冲：{'、'.join(newest)}等60张市场摊位：" in pages(data)[-1]
    assert MANY.numbers[49] not in "".join(pages(data))
    with pypdfium2.PdfDocument(data) as document:
        last = document[len(document) - 1]
        said = last.get_textpage().get_text_range()
        thanks = boxes_mm(last, "谢")
    assert all(number in said for number in newest)  # each in one piece, on one line
    assert len(thanks) == 200
    assert max(bottom for _right, bottom in thanks) < FORM_ENDS_MM


def test_many_credit_notes_stay_on_a_narrow_strip() -> None:
    data = pdf(of_every_law("谢" * 200), credits=MANY, paper=Paper.STRIP_58)
    with pypdfium2.PdfDocument(data) as document:
        said = document[0].get_textpage().get_text_range()
        digits = boxes_mm(document[0], "0123456789")
    assert all(number in said for number in MANY.numbers[50:])
    assert max(right for right, _bottom in digits) < STRIP_ENDS_MM


def test_the_mark_is_no_tax_bureaus() -> None:
    """Theirs is a red oval with 全国统一发票监制章 and the bureau's name."""
    [text] = pages(pdf(invoice(line())))
    assert "试点PILOT摊票链·非税务机关监制" in text
    assert "监制章" not in text
    assert "国家税务总局" not in text


def test_what_pages_carry_over_adds_up() -> None:
    items = [line(f"菜{i}", amount_fen=1000 + i, tax_fen=i % 2 * 7, rate="0.01") for i in range(60)]
    texts = pages(pdf(invoice(*items)))
    assert len(texts) > 2
    seen = [[i for i in range(60) if f"菜{i}斤" in text] for text in texts]
    assert list(chain.from_iterable(seen)) == list(range(60))
    net_fen = [[items[i]["net_fen"] for i in on_page] for on_page in seen]
    for i, text in enumerate(texts):
        assert f"本页小计¥{yuan(sum(net_fen[i]))}" in text
        if i:
            assert f"承前页¥{yuan(sum(map(sum, net_fen[:i])))}" in text
    assert f"合计¥{yuan(sum(map(sum, net_fen)))}¥{yuan(30 * 7)}" in texts[-1]


HOSTILE = [
    '#import "@preview/x:1.0.0"',
    '#read("/etc/passwd")',
    "$ sum_(i=0) x $ *bold* _it_ `raw` <label> @ref",
    "\\ \\u{41} // no /* comment */ = head",
    "<script>alert(1)</script>",
    "{{ 7*7 }} {% for x in y %} ${7*7}",
    '") #eval("1',
    "#[\"'~---...]",
    '\\") #panic("1',
    '\\\\" + panic() + "\\u{22}\\u0022',
]


def everywhere(text: str, paper: Paper) -> str:
    """What is read of a page on which it stands wherever something can stand that somebody typed."""
    body = invoice(
        line(text) | {"unit": text, "basis": text},
        remarks=text,
        market={"code": text, "name": text, "region": text},
        stall={"code": text, "name": text},
        seller={"name": text, "tax_id": text, "kind": "general"},
    )
    buyer = BUYER | {"name": text, "tax_id": text}
    return "".join(pages(pdf(body, buyer, ledger_line=text, paper=paper)))


PLACES = 15  # with the seller's name as the drawer's, where it is short enough for the line


@pytest.mark.parametrize("paper", Paper)
@pytest.mark.parametrize("text", HOSTILE)
def test_what_people_typed_is_shown_and_never_obeyed(text: str, paper: Paper) -> None:
    """Threat 13: template syntax in user text."""
    assert everywhere(text, paper).count(squeezed(text)) == PLACES - (len(text) > 24)


@pytest.mark.parametrize("paper", Paper)
@pytest.mark.parametrize(
    "unseen", ["\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\xad", "\u0301", "\x1b"]
)
def test_what_nobody_sees_or_what_turns_text_round_is_marked(unseen: str, paper: Paper) -> None:
    assert everywhere(f"甲{unseen}乙", paper).count("甲〓乙") == PLACES


def test_sixty_lines_flow_over_pages_that_each_name_the_invoice() -> None:
    names = [f"野生菌第{i}种{'很长的名称' * (i % 4 * 3)}" for i in range(60)]
    texts = pages(pdf(invoice(*map(line, names))))
    assert len(texts) > 2
    for i, text in enumerate(texts, 1):
        assert NUMBER in text
        assert "项目名称单位数量" in text
        assert f"共{len(texts)}页第{i}页" in text
        assert ("承前页" in text) == (i > 1)
        assert "本页小计" in text
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
