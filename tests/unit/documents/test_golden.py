"""What the documents look like, against what was looked at by eye: see `tests/golden/papers.py`."""

from __future__ import annotations

import json

import pytest
from PIL import Image, ImageChops

from tests.golden.papers import FOLDER, PAPERS, PICTURES, drawn, picture, words

NOTICEABLE = 60  # of 255: edges of letters may be a shade lighter on another machine


@pytest.mark.parametrize("name", PAPERS)
def test_every_word_is_where_it_was(name: str) -> None:
    assert words(drawn(name)) == json.loads((FOLDER / f"{name}.json").read_text())


@pytest.mark.parametrize("name", PICTURES)
def test_it_looks_as_it_did(name: str) -> None:
    kept = Image.open(FOLDER / f"{name}.png").convert("L")
    difference = ImageChops.difference(picture(drawn(name)).convert("L"), kept)
    changed = sum(difference.histogram()[NOTICEABLE:])
    assert changed < kept.width * kept.height / 2000
