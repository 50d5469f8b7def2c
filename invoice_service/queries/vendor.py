"""What a vendor sees of the own business. Others whose scope holds the vendor may look, too; their look is
written down by whoever lets them (`flow.manage_vendor.look`).

Figures come from the rollups, lists from indexes, and none asks more than three statements.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from invoice_service.domain.policy import Actor
from invoice_service.queries.vendor_views import (
    DayCloseView,
    GaugeView,
    GoodsView,
    InvoiceList,
    KeyingView,
    MonthSummary,
    OrderDetail,
    OrderList,
    SalesView,
    TodayView,
)
from invoice_service.services import Services

# `vendor_id` names whose affairs are meant; a vendor leaves it out and gets the own. All raise OutOfScope.


def today(services: Services, actor: Actor, lang: str, vendor_id: int | None = None) -> TodayView:
    raise NotImplementedError


def sales(
    services: Services,
    actor: Actor,
    lang: str,
    period: str = "day",
    day: date | None = None,
    vendor_id: int | None = None,
) -> SalesView:
    """The period ("day", "week", "month", "quarter", "year") that holds a day, today's if none is given.

    Raises UnknownPeriod, DayOutOfRange.
    """
    raise NotImplementedError


def orders(
    services: Services,
    actor: Actor,
    lang: str,
    *,
    after: UUID | None = None,
    limit: int = 30,
    status: str | None = None,
    amount_fen: int | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
    vendor_id: int | None = None,
) -> OrderList:
    """Newest first, by the time at which they were placed. Raises BadListing, DayOutOfRange."""
    raise NotImplementedError


def order(
    services: Services, actor: Actor, lang: str, order_id: UUID, vendor_id: int | None = None
) -> OrderDetail:
    """Raises OutOfScope for another vendor's order, as for one that is not there."""
    raise NotImplementedError


def invoices(
    services: Services,
    actor: Actor,
    lang: str,
    *,
    after: tuple[datetime, str] | None = None,
    limit: int = 30,
    amount_fen: int | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
    vendor_id: int | None = None,
) -> InvoiceList:
    """Newest first. Raises DayOutOfRange."""
    raise NotImplementedError


def goods(services: Services, actor: Actor, lang: str, vendor_id: int | None = None) -> GoodsView:
    raise NotImplementedError


def keying(services: Services, actor: Actor, lang: str) -> KeyingView:
    raise NotImplementedError


def gauge(services: Services, actor: Actor, lang: str, vendor_id: int | None = None) -> GaugeView:
    raise NotImplementedError


def day_close(
    services: Services, actor: Actor, day: date | None = None, vendor_id: int | None = None
) -> DayCloseView:
    """Today's if no day is given. Raises DayOutOfRange."""
    raise NotImplementedError


def month_summary(
    services: Services, actor: Actor, lang: str, day: date | None = None, vendor_id: int | None = None
) -> MonthSummary:
    """Of the month that holds a day, this month if none is given. Raises DayOutOfRange."""
    raise NotImplementedError
