"""Invoice numbers: 20 digits: year 2, region 2, channel 1, sequence 15.

The channel is a pilot's, so that no number can be taken for a tax bureau's. The sequence never begins again,
in no year and for no region, so a number is unique by its sequence alone. It is not gapless: the gapless
series is the log index, and the audit explains each number that was drawn and not used.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from invoice_service.errors import N_

NOT_A_NUMBER = N_("An invoice number has 20 digits.")
PILOT_CHANNEL = "9"  # no tax bureau's channel uses it
SEQUENCE_DIGITS = 15
NOT_SIGNED = N_("This code is not signed by this service. Do not accept it.")
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991


def business_day(instant: datetime) -> date:
    """The day in Asia/Shanghai on which a sale or an invoice falls."""
    return instant.astimezone(SHANGHAI).date()


def invoice_number(day: date, *, region: str, sequence: int) -> str:
    """Raises ValueError for a sequence that has no 15 digits: a longer number would be no invoice's."""
    if not 0 < sequence < 10**SEQUENCE_DIGITS:
        raise ValueError(f"no invoice can have the sequence number {sequence}")
    return f"{day.year % 100:02d}{region}{PILOT_CHANNEL}{sequence:0{SEQUENCE_DIGITS}d}"
