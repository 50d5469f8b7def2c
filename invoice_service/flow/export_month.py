"""A month of a vendor as an XLSX workbook; that it was taken out is written down."""

from __future__ import annotations

from datetime import date

from invoice_service.domain.policy import Actor
from invoice_service.services import Services


def export_month(
    services: Services, actor: Actor, lang: str, day: date, vendor_id: int | None = None
) -> tuple[str, bytes]:
    """(file name, workbook) of the month that holds a day. Needs a fresh confirmation.

    Raises ConfirmFirst, OutOfScope, DayOutOfRange.
    """
    raise NotImplementedError
