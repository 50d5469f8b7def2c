"""Add up the days and months that are over, market by market, so that a year's turnover is told at once.

In the background, an hour after midnight at the soonest: what began before midnight is then done. Facts that
come even later reopen their day themselves (`store.turnover.reopen`).
"""

from __future__ import annotations

from datetime import timedelta

from invoice_service.domain.numbering import business_day
from invoice_service.services import Services
from invoice_service.store import turnover

GRACE = timedelta(hours=1)
AT_ONCE = 20  # days a round: a market that comes with years of history does not hold up the rest


def sum_ended(services: Services) -> int:
    """Each day in a transaction of its own, the latest first; then months. Answers how many of both."""
    before = business_day(services.clock() - GRACE)
    with services.database.read() as connection:
        days = turnover.unsummed(connection, before, AT_ONCE)
    for market_id, day in days:
        with services.database.unit_of_work() as uow:
            turnover.sum_day(uow.connection, market_id, day)
            uow.commit()
    with services.database.read() as connection:
        months = turnover.unsummed_months(connection, AT_ONCE)
    for market_id, month in months:
        with services.database.unit_of_work() as uow:
            if turnover.sum_month(uow.connection, market_id, month):
                uow.commit()
    return len(days) + len(months)
