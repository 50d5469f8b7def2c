"""The conventional payload, against codes that were on real invoices."""

from __future__ import annotations

from datetime import date

import pytest

from invoice_service.documents.payload import checksum, payload


@pytest.mark.parametrize(
    ("text", "crc"),
    [
        ("01,32,,20882408051806541460,0.01,20240805,,", "649C"),  # fully digital: with its last commas
        ("01,10,050003523456,29342181,104.72,20180613,02418567008427471889", "1774"),  # older: without
    ],
)
def test_real_codes_end_in_this(text: str, crc: str) -> None:
    assert checksum(text) == crc


def test_an_invoice_and_a_credit_note() -> None:
    day = date(2024, 8, 5)
    assert payload("20882408051806541460", 1, day) == "01,32,,20882408051806541460,0.01,20240805,,649C"
    assert payload("26539000000000000002", -5705, day).startswith(
        "01,32,,26539000000000000002,-57.05,20240805,,"
    )


def test_the_checksum_has_four_digits_always() -> None:
    assert {len(checksum(f"{i}")) for i in range(300)} == {4}
    assert checksum("") == "0000"
