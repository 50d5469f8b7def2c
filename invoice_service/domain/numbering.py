"""Invoice numbers: 20 digits: year 2, region 2, channel 1, sequence 15.

The channel is a pilot's, so that no number can be taken for a tax bureau's. A number is unique, not
gapless: the gapless series is the log index.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from invoice_service.errors import N_

NOT_A_NUMBER = N_("An invoice number has 20 digits.")
NOT_SIGNED = N_("This code is not signed by this service. Do not accept it.")
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no daylight saving since 1991


def business_day(instant: datetime) -> date:
    """The day in Asia/Shanghai on which a sale or an invoice falls."""
    return instant.astimezone(SHANGHAI).date()


def invoice_number(day: date, *, region: str, channel: str, sequence: int) -> str:
    return f"{day.year % 100:02d}{region}{channel}{sequence:015d}"
