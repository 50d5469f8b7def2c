import re
from datetime import UTC, date, datetime

import pytest

from invoice_service.config import BadSetting, Config
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


@pytest.mark.parametrize(
    ("day", "region", "sequence", "number"),
    [
        (date(2026, 11, 23), "53", 42, "26539000000000000042"),
        (date(2026, 12, 31), "53", 43, "26539000000000000043"),
        (date(2027, 1, 1), "53", 44, "27539000000000000044"),  # the sequence goes on
        (date(2027, 1, 1), "11", 45, "27119000000000000045"),
        (date(2100, 1, 1), "53", 10**15 - 1, "00539999999999999999"),
    ],
)
def test_twenty_digits(day: date, region: str, sequence: int, number: str) -> None:
    assert invoice_number(day, region=region, sequence=sequence) == number
    assert re.fullmatch(r"\d\d(11|53)9\d{15}", number)


@pytest.mark.parametrize("sequence", [0, -1, 10**15])
def test_a_sequence_without_fifteen_digits_makes_no_number(sequence: int) -> None:
    with pytest.raises(ValueError, match="no invoice can have the sequence number"):
        invoice_number(date(2026, 11, 23), region="53", sequence=sequence)


@pytest.mark.parametrize("region", ["53", "11", "65", "82"])
def test_a_region_is_a_province(region: str) -> None:
    assert Config.from_environment({"REGION_CODE": region}).region_code == region


@pytest.mark.parametrize("region", ["5", "530", "10", "99", "00", "yn", "５３", " 53", "530802"])
def test_a_region_that_is_none_stops_the_start(region: str) -> None:
    with pytest.raises(BadSetting) as refused:
        Config.from_environment({"REGION_CODE": region})
    assert str(refused.value) == (
        f"The setting REGION_CODE is {region!r}; "
        "it must be two digits of a province in GB/T 2260, such as 53."
    )
