"""What the documents look like, against what was looked at by eye: see `tests/golden/papers.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from PIL import Image, ImageChops

from invoice_service.documents import pdf as drawing
from invoice_service.documents.printed import Credits, printed
from tests.golden.papers import FOLDER, PAPERS, PICTURES, drawn, picture, words
from tests.unit.documents.test_pdf import BUYER, MANY, invoice, line, pdf

NOTICEABLE = 60  # of 255: edges of letters may be a shade lighter on another machine


@pytest.mark.parametrize("name", PAPERS)
def test_every_word_is_where_it_was(name: str) -> None:
    assert words(drawn(name)) == json.loads((FOLDER / f"{name}.json").read_text())


def draws_as_if(short: bool, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What pages from now on say themselves whether they surely fit, and are not believed."""
    said: list[bool] = []

    def told(*of: Any) -> dict[str, Any]:
        page = printed(*of)
        said.append(page["short"])
        return page | {"short": short}

    monkeypatch.setattr(drawing, "printed", told)
    return said


@pytest.mark.parametrize(
    ("remark", "credits"),
    [("", None), ("请送到后门，谢谢。" * 20, None), ("Wherever MMMMMMMMMMM " * 8, None), ("", MANY)],
)
def test_what_surely_fits_is_set_as_if_it_had_been_measured(
    monkeypatch: pytest.MonkeyPatch, remark: str, credits: Credits | None
) -> None:
    seller = {"name": "李" * 50, "tax_id": "92532528MA6L45LX6L", "kind": "general"}
    buyer = BUYER | {"name": "昆" * 50}
    fits = []
    for lines in range(4, 14):
        body = invoice(*(line() for _ in range(lines)), remarks=remark, seller=seller)
        said = draws_as_if(True, monkeypatch)
        unmeasured = words(pdf(body, buyer, credits=credits))
        draws_as_if(False, monkeypatch)
        if said == [True]:
            fits.append(lines)
            assert words(pdf(body, buyer, credits=credits)) == unmeasured
    assert fits == [*range(4, 4 + len(fits))]
    assert 4 <= len(fits) <= 9


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_did(name: str) -> None:
    kept = Image.open(FOLDER / f"{name}.png").convert("RGB")
    difference = ImageChops.difference(picture(drawn(name)).convert("RGB"), kept)
    most = kept.width * kept.height / 2000
    for colour in difference.split():  # each by itself: in grey, red ink and black are much the same
        assert sum(colour.histogram()[NOTICEABLE:]) < most
