from datetime import UTC, date, datetime

import pytest

from invoice_service.domain.numbering import business_day, invoice_number


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_the_day_changes_at_midnight_in_shanghai(instant: datetime, day: date) -> None:
    assert business_day(instant) == day


def test_twenty_digits() -> None:
    assert invoice_number(date(2026, 11, 23), region="53", channel="9", sequence=42) == "26539000000000000042"
