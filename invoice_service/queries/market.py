"""What the market operator's desk reads: totals, stalls, vendors, who sells where, and what needs a look.

Figures come from rollups alone, and every list is one statement however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from invoice_service.domain.policy import Actor
from invoice_service.queries.market_views import (
    MarketView,
    Overview,
    Schedule,
    StallDetail,
    StallList,
    Turnover,
    VendorDetail,
    VendorList,
    Wall,
)
from invoice_service.services import Services

STALL_SORTS = ("code", "name", "vendor", "amount", "orders", "invoiced", "last_sale")
STALL_STATES = ("all", "selling", "unattended", "closed")
VENDOR_SORTS = ("name", "licence", "amount", "goods")
VENDOR_LICENCES = ("all", "none", "valid", "lapsing", "lapsed")
TURNOVER_BY = ("stall", "goods", "kind", "hour", "day", "vendor")
POSTER_SIZES = ("A6", "A5", "A4")


def markets(services: Services, actor: Actor, lang: str) -> tuple[MarketView, ...]:
    """Those that the actor manages: an operator's one, an administrator's all."""
    raise NotImplementedError


def market(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> MarketView:
    """An operator's own market where none is named. Raises OutOfScope; ChooseMarket for an administrator."""
    raise NotImplementedError


def overview(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> Overview:
    raise NotImplementedError


def stalls(
    services: Services,
    actor: Actor,
    lang: str,
    market_code: str | None = None,
    *,
    sort: str = "code",
    descending: bool = False,
    state: str = "all",
    search: str = "",
    limit: int | None = None,
    after: tuple[str, ...] | None = None,
) -> StallList:
    """All rows without a limit. Raises BadListing for a sort key or filter that is not in the closed lists."""
    raise NotImplementedError


def stall(services: Services, actor: Actor, lang: str, code: str) -> StallDetail:
    """Raises OutOfScope."""
    raise NotImplementedError


def vendors(
    services: Services,
    actor: Actor,
    lang: str,
    market_code: str | None = None,
    *,
    sort: str = "name",
    descending: bool = False,
    licence: str = "all",
    search: str = "",
    limit: int | None = None,
    after: tuple[str, ...] | None = None,
) -> VendorList:
    raise NotImplementedError


def vendor(services: Services, actor: Actor, lang: str, vendor_id: int) -> VendorDetail:
    """The record of the look is `flow.manage_vendor.look`'s. Raises OutOfScope."""
    raise NotImplementedError


def schedule(services: Services, actor: Actor, lang: str, code: str, day: date | None = None) -> Schedule:
    """The week that holds a day, this week's if none is given."""
    raise NotImplementedError


def turnover(
    services: Services,
    actor: Actor,
    lang: str,
    first_day: date,
    last_day: date,
    by: str = "stall",
    market_code: str | None = None,
) -> Turnover:
    """Raises BadPeriod for a period that is too long or ends before it begins, BadListing for `by`."""
    raise NotImplementedError


def wall(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> Wall:
    raise NotImplementedError


def posters(
    services: Services,
    actor: Actor,
    codes: Sequence[str] | None,
    *,
    size: str = "A5",
    market_code: str | None = None,
) -> bytes:
    """A print-ready PDF of some stalls' codes, or of all. Raises OutOfScope, BadListing."""
    raise NotImplementedError


def import_template(kind: str, lang: str) -> bytes:
    """An XLSX workbook with the columns of "vendors" or "goods" and two example rows."""
    raise NotImplementedError
