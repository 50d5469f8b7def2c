"""What tests of documents read codes with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests import qr_reader

QrReader = Callable[[Sequence[Sequence[bool]]], str]


@pytest.fixture(scope="session")
def read_qr() -> QrReader:
    return qr_reader.read_qr
