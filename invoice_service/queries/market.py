"""What the market operator's desk reads: totals, stalls, vendors, who sells where, and what needs a look.

Figures come from rollups alone, and every list is one statement however long it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from invoice_service.documents import posters as poster_pages
from invoice_service.domain.figures import Figures
from invoice_service.domain.listing import check_period, chosen, page_of
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import midnight
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.queries import market_rows as rows
from invoice_service.queries.ledger_state import STALE
from invoice_service.queries.market_views import (
    CodeView,
    MarketView,
    Overview,
    StallDetail,
    StallList,
    Turnover,
    VendorDetail,
    VendorList,
    Wall,
    WallSale,
    WallStall,
)
from invoice_service.services import Services
from invoice_service.store import complaints
from invoice_service.store import market as stored
from invoice_service.store import market_figures as figures
from invoice_service.store import turnover as stored_turnover
from invoice_service.store.rollups import whole_hour

STALL_SORTS = ("code", "name", "vendor", "amount", "orders", "invoiced", "last_sale")
STALL_STATES = ("all", "selling", "unattended", "closed")
VENDOR_SORTS = ("name", "licence", "amount", "goods")
VENDOR_LICENCES = ("all", "none", "valid", "lapsing", "lapsed")
TURNOVER_BY = stored_turnover.TURNOVER_BY
POSTER_SIZES = ("A6", "A5", "A4")

GOODS_LISTED = 200
WALL_SALES, WALL_HEADS = 8, 4

Row = Mapping[str, Any] | RowMapping


def markets(services: Services, actor: Actor, lang: str) -> tuple[MarketView, ...]:
    """Those that the actor manages: an operator's one, an administrator's all."""
    with services.database.read() as connection:
        return tuple(rows.market_view(row, lang) for row in stored.managed_markets(connection, actor))


def market(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> MarketView:
    """An operator's own market where none is named. Raises OutOfScope; ChooseMarket for an administrator."""
    with services.database.read() as connection:
        return rows.market_view(stored.managed_market(connection, actor, market_code), lang)


def overview(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> Overview:
    """Today, beside the same weekday last week until the same minute's hour, and what needs a look."""
    now = services.clock()
    today = business_day(now)
    begin, week = midnight(today), timedelta(days=7)
    ranges = ((begin, begin + timedelta(days=1)), (begin - week, whole_hour(now) - week))
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        stalls_now = figures.stall_rows(connection, row["id"], now)
        hours = figures.hour_rows(connection, row["id"], ranges)
        licences = figures.lapsing_licences(connection, row["id"], today, today + rows.LAPSES_SOON)
        waiting = complaints.waiting(connection, row["id"])
    states = [rows.state_of(stall) for stall in stalls_now]
    return Overview(
        market=rows.market_view(row, lang),
        day=today,
        as_of=now,
        today=rows.summed(hour for hour in hours if hour["hour"] >= begin),
        last_week=rows.summed(hour for hour in hours if hour["hour"] < begin),
        hours=rows.by_hour((hour for hour in hours if hour["hour"] >= begin), begin),
        stalls=len(stalls_now),
        selling=states.count("selling"),
        closed=states.count("closed"),
        unattended=states.count("unattended"),
        licences=tuple(rows.licence_alert(licence, lang, today) for licence in licences),
        uninvoiced=rows.uninvoiced_alerts(stalls_now, lang),
        silent=tuple(rows.silent_alerts(stalls_now, lang)),
        complaints=waiting,
    )


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
    """All rows without a limit. Raises BadListing for a sort key or filter out of the closed lists."""
    chosen(sort, STALL_SORTS, "sort")
    chosen(state, STALL_STATES, "state")
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        found = figures.stall_rows(connection, row["id"], services.clock())
    lines = [rows.stall_line(stall, lang) for stall in found]
    wanted = search.strip().casefold()
    fitting = [
        line
        for line in lines
        if state in ("all", line.state)
        and rows.holds(wanted, line.code, line.name, line.place, line.vendor_name)
    ]
    shown, next_key = page_of(
        fitting, lambda line: rows.stall_key(line, sort), descending=descending, limit=limit, after=after
    )
    return StallList(rows.market_view(row, lang), shown, len(fitting), next_key)


def stall(services: Services, actor: Actor, lang: str, code: str) -> StallDetail:
    """Raises OutOfScope."""
    now = services.clock()
    month, week = rows.month_start(now), rows.week_start(now)
    with services.database.read() as connection:
        row = stored.managed_stall(connection, actor, code)
        line = figures.stall_rows(connection, row["market_id"], now, code=code)[0]
        days = figures.days_of_stall(connection, row["id"], min(month, week))
        authorised = figures.authorisations_at(connection, row["id"])
        codes = figures.codes_of(connection, row["id"])
    return StallDetail(
        market=rows.market_of(row, lang),
        line=rows.stall_line(line, lang),
        **{name: row[name] for name in rows.STALL_TEXTS},
        is_open=row["is_open"],
        code_url=rows.code_url(services, code, line["serial"]),
        week=rows.by_day(days, week, now),
        month=rows.summed(day for day in days if midnight(day["day"]) >= month),
        authorisations=rows.authorisation_views(authorised, lang, now),
        codes=tuple(CodeView(c["serial"], c["issued_at"], c["replaced_at"], c["reason"]) for c in codes),
    )


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
    """Raises BadListing, OutOfScope."""
    chosen(sort, VENDOR_SORTS, "sort")
    chosen(licence, VENDOR_LICENCES, "licence")
    now = services.clock()
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        found = figures.vendor_rows(connection, row["id"], now)
    lines = [rows.vendor_line(vendor, lang, business_day(now)) for vendor in found]
    wanted = search.strip().casefold()
    fitting = [
        line
        for line in lines
        if licence in ("all", line.licence) and rows.holds(wanted, line.name, line.tax_id, *line.stalls)
    ]
    shown, next_key = page_of(
        fitting, lambda line: rows.vendor_key(line, sort), descending=descending, limit=limit, after=after
    )
    return VendorList(rows.market_view(row, lang), shown, len(fitting), next_key)


def vendor(services: Services, actor: Actor, lang: str, vendor_id: int) -> VendorDetail:
    """The record of the look is `flow.manage_vendor.look`'s. Raises OutOfScope."""
    now = services.clock()
    with services.database.read() as connection:
        row = stored.managed_vendor(connection, actor, vendor_id)
        line = figures.vendor_rows(connection, row["market_id"], now, vendor_id=vendor_id)[0]
        days = figures.days_of_vendor(connection, vendor_id, rows.week_start(now))
        authorised = figures.authorisations_of(connection, vendor_id)
    return VendorDetail(
        market=rows.market_of(row, lang),
        line=rows.vendor_line(line, lang, business_day(now)),
        **{name: row[name] for name in rows.VENDOR_TEXTS},
        account_id=line["account_id"],
        week=rows.by_day(days, rows.week_start(now), now),
        authorisations=rows.authorisation_views(authorised, lang, now),
    )


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
    chosen(by, TURNOVER_BY, "by")
    check_period(first_day, last_day)
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        found = stored_turnover.turnover_rows(connection, row["id"], by, first_day, last_day, GOODS_LISTED)
    is_goods = by == "goods" and bool(found)
    return Turnover(
        market=rows.market_view(row, lang),
        by=by,
        first_day=first_day,
        last_day=last_day,
        total_fen=int(found[0]["total_fen"]) if is_goods else sum(int(one["amount_fen"]) for one in found),
        rows=tuple(rows.turnover_row(one, by, lang) for one in found),
        is_cut=is_goods and found[0]["kinds"] > len(found),
    )


def wall(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> Wall:
    """Live totals for all who stand in the market; nothing in it says who bought. Raises OutOfScope."""
    now = services.clock()
    begin = midnight(business_day(now))
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        pulse = figures.pulse(connection, row["id"], begin, WALL_HEADS)
        states = figures.stall_states(connection, row["id"], now)
        sales = figures.last_sales(connection, row["id"], begin, WALL_SALES)
    hours = [hour | {"hour": datetime.fromisoformat(hour["hour"])} for hour in pulse["hours"]]
    today = rows.summed(hours)
    return Wall(
        market=rows.market_view(row, lang),
        as_of=now,
        mark=market_mark(today, pulse["heads"][0]["size"] if pulse["heads"] else 0, pulse["open_stalls"]),
        today=today,
        hours=rows.by_hour(hours, begin),
        stalls=tuple(WallStall(one["code"], rows.named(one, lang), rows.state_of(one)) for one in states),
        sales=tuple(WallSale(s["code"], rows.named(s, lang), s["amount_fen"], s["paid_at"]) for s in sales),
        heads=tuple(rows.wall_head(head) for head in pulse["heads"]),
        sealed_size=pulse["sealed_size"] or 0,
        chain_answers=bool(pulse["reachable"]) and now - pulse["checked_at"] <= STALE,
    )


def market_mark(today: Figures, head_size: int, open_stalls: int) -> str:
    """What changes when the wall or the overview would."""
    return f"{today.orders} {today.amount_fen} {today.invoices} {head_size} {open_stalls}"


def marks(services: Services, market_ids: Sequence[str]) -> dict[str, str]:
    """For the live topic "market", by market id."""
    begin = midnight(business_day(services.clock()))
    found = {}
    with services.database.read() as connection:
        for one in market_ids:  # a handful of screens, each of one market
            pulse = figures.pulse(connection, int(one), begin, 1)
            heads = pulse["heads"]
            found[one] = market_mark(
                rows.summed(pulse["hours"]), heads[0]["size"] if heads else 0, pulse["open_stalls"]
            )
    return found


def posters(
    services: Services,
    actor: Actor,
    codes: Sequence[str] | None,
    *,
    size: str = "A5",
    market_code: str | None = None,
) -> bytes:
    """A print-ready PDF of some stalls' codes, or of all. Raises OutOfScope, BadListing."""
    chosen(size, POSTER_SIZES, "size")
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        live = figures.live_codes(connection, row["id"])
    wanted = [one for one in live if codes is None or one["code"] in codes]
    if not wanted or (codes is not None and len(wanted) < len(set(codes))):
        raise OutOfScope
    return poster_pages.posters(
        [rows.poster(services, row, one) for one in wanted], size=size, made_at=services.clock()
    )
