"""The vectors beside these tests, as anybody's verifier would read them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from scripts.lib.paths import ROOT

FOLDER = ROOT / "tests" / "vectors"


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text("utf-8"))


def named(cases: Iterable[dict[str, Any]]) -> list[Any]:
    """Parameters for a test of each case, with the case's name for its id."""
    return [pytest.param(case, id=case["name"]) for case in cases]
