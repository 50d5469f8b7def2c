"""The documents that were looked at by eye: their words with their places, and some as pictures.

Words and places show what moved when a template changes; the pictures show what people will see. After a
change that is meant, make them again with `python -m tests.golden.papers` and LOOK at each picture.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from invoice_service.documents.pdf import Paper
from invoice_service.documents.printed import Credits
from tests.unit.documents.test_pdf import BUYER, Body, credit_note, invoice, line, pdf

FOLDER = Path(__file__).parent
DPI = 150
PICTURES = ("mixed", "sixty", "note", "receipt-58")  # of their first pages; the others are kept as words
MM = 25.4 / 72

_MIXED = (
    line(),
    line("鲜米线", amount_fen=4905, tax_fen=405, rate="0.09"),
    line("普洱茶饼（2019年古树春茶，357克）", amount_fen=128800, tax_fen=1275, rate="0.01")
    | {"unit": "饼", "quantity": "1", "unit_price": "1288"},
)
_SIXTY = tuple(
    line(
        f"野生菌第{i}种{'很长的名称' * (i % 4 * 3)}",
        amount_fen=1000 + i * 7,
        tax_fen=(i % 3 == 0) * 9,
        rate="0.01",
    )
    for i in range(60)
)
_LONG = line("云南普洱思茅区有机种植基地直供无公害高原红皮小土豆（精选大果，当日现挖现运）" * 2) | {
    "unit": "大号周转箱", "quantity": "1234567.1234567", "unit_price": "98765.1234567890123",
}  # fmt: skip
_LONG_BUYER = BUYER | {"name": "云南省普洱市思茅区滇味长名称餐饮管理有限责任公司" * 4}
_LONG_SELLER = {"name": "李" * 100, "tax_id": "92532528MA6L45LX6L", "kind": "general"}
_NOTE = (*_MIXED[:2], _MIXED[2] | {"quantity": None})

Paper_ = tuple[Body, Body | None, Mapping[str, Any]]
PAPERS: Mapping[str, Paper_] = {
    "one-line": (invoice(line()), BUYER, {}),
    "sixty": (invoice(*_SIXTY), BUYER, {}),
    "long-names": (invoice(_LONG, seller=_LONG_SELLER, remarks="请送到后门" * 20), _LONG_BUYER, {}),
    "mixed": (invoice(*_MIXED, remarks="送到后门"), BUYER, {}),
    "erased": (invoice(*_MIXED), None, {"credits": Credits(("26539000000000000099",), whole=False)}),
    "note": (credit_note(*_NOTE), BUYER, {}),
    "receipt-58": (invoice(*_MIXED, remarks="送到后门"), BUYER, {"paper": Paper.STRIP_58}),
    "receipt-58-sixty": (invoice(*_SIXTY, seller=_LONG_SELLER), _LONG_BUYER, {"paper": Paper.STRIP_58}),
    "receipt-80": (credit_note(*_NOTE), BUYER, {"paper": Paper.STRIP_80}),
}


def drawn(name: str) -> bytes:
    body, buyer, options = PAPERS[name]
    return pdf(body, buyer, **options)


def words(data: bytes) -> list[list[str]]:
    """Of each page: "x y text" of each run of text, in mm from the upper left corner, in reading order."""
    with pypdfium2.PdfDocument(data) as document:
        return [_words_on(page) for page in document]


def _words_on(page: pypdfium2.PdfPage) -> list[str]:
    text, height = page.get_textpage(), page.get_height()
    boxes = [text.get_rect(i) for i in range(text.count_rects())]
    return [
        f"{left * MM:.0f} {(height - top) * MM:.0f} {text.get_text_bounded(left, bottom, right, top).strip()}"
        for left, bottom, right, top in boxes
    ]


def picture(data: bytes) -> Image.Image:
    """The first page as one looks at it, in 64 colours so that it is small to keep."""
    with pypdfium2.PdfDocument(data) as document:
        return document[0].render(scale=DPI / 72).to_pil().quantize(64)


def main() -> None:
    for name in PAPERS:
        data = drawn(name)
        (FOLDER / f"{name}.json").write_text(json.dumps(words(data), ensure_ascii=False, indent=0) + "\n")
        if name in PICTURES:
            file = BytesIO()
            picture(data).save(file, "PNG", optimize=True)
            (FOLDER / f"{name}.png").write_bytes(file.getvalue())


if __name__ == "__main__":
    main()
