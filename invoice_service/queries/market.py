"""What the market operator's desk reads: totals, stalls, vendors, who sells where, and what needs a look.

Figures come from rollups alone, and every list is one statement however long it is.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from invoice_service.documents import posters as poster_pages
from invoice_service.documents.posters import Poster
from invoice_service.domain import stall_code
from invoice_service.domain.authorisation import DAY_MINUTES, minute_of_week
from invoice_service.domain.listing import check_period, chosen, number_key, page_of
from invoice_service.domain.numbering import SHANGHAI, business_day
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.domain.tax import TaxClass
from invoice_service.queries.ledger_state import STALE
from invoice_service.queries.market_views import (
    AuthorisationView,
    CodeView,
    DayFigures,
    Figures,
    HourFigures,
    HoursView,
    LicenceAlert,
    MarketView,
    Overview,
    Schedule,
    ScheduleRange,
    SilentAlert,
    StallDetail,
    StallLine,
    StallList,
    Turnover,
    TurnoverRow,
    UninvoicedAlert,
    VendorDetail,
    VendorLine,
    VendorList,
    Wall,
    WallHead,
    WallSale,
    WallStall,
)
from invoice_service.services import Services
from invoice_service.store import market as stored
from invoice_service.store import market_figures as figures

STALL_SORTS = ("code", "name", "vendor", "amount", "orders", "invoiced", "last_sale")
STALL_STATES = ("all", "selling", "unattended", "closed")
VENDOR_SORTS = ("name", "licence", "amount", "goods")
VENDOR_LICENCES = ("all", "none", "valid", "lapsing", "lapsed")
TURNOVER_BY = ("stall", "goods", "kind", "hour", "day", "vendor")
POSTER_SIZES = ("A6", "A5", "A4")

LAPSES_SOON = timedelta(days=30)  # renewing a food licence takes the authority up to twenty working days
# A stall that invoices less than half as often as its neighbours, judged on enough orders to mean something.
FEW_INVOICES, ENOUGH_ORDERS_TODAY, ENOUGH_ORDERS_WEEK = 0.5, 20, 60
USUAL_DAYS = 5  # of seven: sold at this time so often that nothing for two hours is worth a look
GOODS_LISTED = 200
WALL_SALES, WALL_HEADS = 8, 4

Row = Mapping[str, Any] | RowMapping


def markets(services: Services, actor: Actor, lang: str) -> tuple[MarketView, ...]:
    """Those that the actor manages: an operator's one, an administrator's all."""
    with services.database.read() as connection:
        return tuple(_market(row, lang) for row in stored.managed_markets(connection, actor))


def market(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> MarketView:
    """An operator's own market where none is named. Raises OutOfScope; ChooseMarket for an administrator."""
    with services.database.read() as connection:
        return _market(stored.managed_market(connection, actor, market_code), lang)


def overview(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> Overview:
    """Today, beside the same weekday last week until the same minute's hour, and what needs a look."""
    now = services.clock()
    today = business_day(now)
    begin, week = figures.day_start(today), timedelta(days=7)
    ranges = ((begin, begin + timedelta(days=1)), (begin - week, figures.whole_hour(now) - week))
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        stalls_now = figures.stall_rows(connection, row["id"], now)
        hours = figures.hour_rows(connection, row["id"], ranges)
        licences = figures.lapsing_licences(connection, row["id"], today, today + LAPSES_SOON)
    states = [_state(stall) for stall in stalls_now]
    return Overview(
        market=_market(row, lang),
        day=today,
        as_of=now,
        today=_sum(hour for hour in hours if hour["hour"] >= begin),
        last_week=_sum(hour for hour in hours if hour["hour"] < begin),
        hours=_hours((hour for hour in hours if hour["hour"] >= begin), begin),
        stalls=len(stalls_now),
        selling=states.count("selling"),
        closed=states.count("closed"),
        unattended=states.count("unattended"),
        licences=tuple(_licence_alert(licence, lang, today) for licence in licences),
        uninvoiced=_uninvoiced(stalls_now, lang),
        silent=tuple(_silent(stalls_now, lang)),
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
    lines = [_stall_line(stall, lang) for stall in found]
    wanted = search.strip().casefold()
    fitting = [
        line
        for line in lines
        if state in ("all", line.state) and _holds(wanted, line.code, line.name, line.place, line.vendor_name)
    ]
    shown, next_key = page_of(
        fitting, lambda line: _stall_key(line, sort), descending=descending, limit=limit, after=after
    )
    return StallList(_market(row, lang), shown, len(fitting), next_key)


def stall(services: Services, actor: Actor, lang: str, code: str) -> StallDetail:
    """Raises OutOfScope."""
    now = services.clock()
    month, week = _month_start(now), _week_start(now)
    with services.database.read() as connection:
        row = stored.managed_stall(connection, actor, code)
        line = figures.stall_rows(connection, row["market_id"], now, code=code)[0]
        days = figures.days_of_stall(connection, row["id"], min(month, week))
        authorised = figures.authorisations_at(connection, row["id"])
        codes = figures.codes_of(connection, row["id"])
    return StallDetail(
        market=_market_of(row, lang),
        line=_stall_line(line, lang),
        **{name: row[name] for name in _STALL_TEXTS},
        is_open=row["is_open"],
        code_url=_code_url(services, code, line["serial"]),
        week=_days(days, week, now),
        month=_sum(day for day in days if figures.day_start(day["day"]) >= month),
        authorisations=_authorisations(authorised, lang, now),
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
    lines = [_vendor_line(vendor, lang, business_day(now)) for vendor in found]
    wanted = search.strip().casefold()
    fitting = [
        line
        for line in lines
        if licence in ("all", line.licence) and _holds(wanted, line.name, line.tax_id, *line.stalls)
    ]
    shown, next_key = page_of(
        fitting, lambda line: _vendor_key(line, sort), descending=descending, limit=limit, after=after
    )
    return VendorList(_market(row, lang), shown, len(fitting), next_key)


def vendor(services: Services, actor: Actor, lang: str, vendor_id: int) -> VendorDetail:
    """The record of the look is `flow.manage_vendor.look`'s. Raises OutOfScope."""
    now = services.clock()
    with services.database.read() as connection:
        row = stored.managed_vendor(connection, actor, vendor_id)
        line = figures.vendor_rows(connection, row["market_id"], now, vendor_id=vendor_id)[0]
        days = figures.days_of_vendor(connection, vendor_id, _week_start(now))
        authorised = figures.authorisations_of(connection, vendor_id)
    return VendorDetail(
        market=_market_of(row, lang),
        line=_vendor_line(line, lang, business_day(now)),
        **{name: row[name] for name in _VENDOR_TEXTS},
        account_id=line["account_id"],
        week=_days(days, _week_start(now), now),
        authorisations=_authorisations(authorised, lang, now),
    )


def schedule(services: Services, actor: Actor, lang: str, code: str, day: date | None = None) -> Schedule:
    """The week that holds a day, this week's if none is given."""
    shown = day or business_day(services.clock())
    monday = shown - timedelta(days=shown.weekday())
    with services.database.read() as connection:
        row = stored.managed_stall(connection, actor, code)
        found = figures.authorisations_at(connection, row["id"])
    ranges = [
        ScheduleRange(
            one["id"], one["vendor_id"], _name(one, lang, "vendor"), part.weekday, part.begins, part.ends
        )
        for one in found
        for part in _weekdays(one["minutes"])
        if _holds_day(one, monday + timedelta(days=part.weekday))
    ]
    ordered = tuple(sorted(ranges, key=lambda part: (part.weekday, part.begins)))
    return Schedule(_market_of(row, lang), code, _name(row, lang), monday, ordered)


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
        found = figures.turnover_rows(connection, row["id"], by, first_day, last_day, GOODS_LISTED)
    is_goods = by == "goods" and bool(found)
    return Turnover(
        market=_market(row, lang),
        by=by,
        first_day=first_day,
        last_day=last_day,
        total_fen=int(found[0]["total_fen"]) if is_goods else sum(int(one["amount_fen"]) for one in found),
        rows=tuple(_turnover_row(one, by, lang) for one in found),
        is_cut=is_goods and found[0]["kinds"] > len(found),
    )


def wall(services: Services, actor: Actor, lang: str, market_code: str | None = None) -> Wall:
    """Live totals for all who stand in the market; nothing in it says who bought. Raises OutOfScope."""
    now = services.clock()
    begin = figures.day_start(business_day(now))
    with services.database.read() as connection:
        row = stored.managed_market(connection, actor, market_code)
        pulse = figures.pulse(connection, row["id"], begin, WALL_HEADS)
        states = figures.stall_states(connection, row["id"], now)
        sales = figures.last_sales(connection, row["id"], begin, WALL_SALES)
    hours = [hour | {"hour": datetime.fromisoformat(hour["hour"])} for hour in pulse["hours"]]
    today = _sum(hours)
    return Wall(
        market=_market(row, lang),
        as_of=now,
        mark=market_mark(today, pulse["heads"][0]["size"] if pulse["heads"] else 0, pulse["open_stalls"]),
        today=today,
        hours=_hours(hours, begin),
        stalls=tuple(WallStall(one["code"], _name(one, lang), _state(one)) for one in states),
        sales=tuple(WallSale(s["code"], _name(s, lang), s["amount_fen"], s["paid_at"]) for s in sales),
        heads=tuple(_wall_head(head) for head in pulse["heads"]),
        sealed_size=pulse["sealed_size"] or 0,
        chain_answers=bool(pulse["reachable"]) and now - pulse["checked_at"] <= STALE,
    )


def market_mark(today: Figures, head_size: int, open_stalls: int) -> str:
    """What changes when the wall or the overview would."""
    return f"{today.orders} {today.amount_fen} {today.invoices} {head_size} {open_stalls}"


def marks(services: Services, market_ids: Sequence[str]) -> dict[str, str]:
    """For the live topic "market", by market id."""
    begin = figures.day_start(business_day(services.clock()))
    found = {}
    with services.database.read() as connection:
        for one in market_ids:  # a handful of screens, each of one market
            pulse = figures.pulse(connection, int(one), begin, 1)
            heads = pulse["heads"]
            found[one] = market_mark(
                _sum(pulse["hours"]), heads[0]["size"] if heads else 0, pulse["open_stalls"]
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
        [_poster(services, row, one) for one in wanted], size=size, made_at=services.clock()
    )


# --- from rows to views ----------------------------------------------------------------------------------

_STALL_TEXTS = ("name_zh", "name_en", "kind_zh", "kind_en", "place_zh", "place_en")
_VENDOR_TEXTS = (
    "name_zh", "name_en", "self_produced", "tax_period", "default_name_zh", "default_name_en",
    "default_tax_code", "default_tax_class",
)  # fmt: skip
_FIGURES = ("orders", "amount_fen", "invoices", "invoiced_fen")


def _name(row: Row, lang: str, what: str = "name") -> str:
    found: str = row[f"{what}_zh" if lang == "zh-CN" else f"{what}_en"]
    return found


def _market(row: Row, lang: str) -> MarketView:
    names = row["name_zh"], row["name_en"]
    return MarketView(row["id"], row["code"], _name(row, lang), *names, row["region"], row["address"])


def _market_of(row: Row, lang: str) -> MarketView:
    """Of a stall's or a vendor's row, which carries its market's columns."""
    names = row["market_zh"], row["market_en"]
    return MarketView(
        row["market_id"],
        row["market_code"],
        _name(row, lang, "market"),
        *names,
        row["region"],
        row["address"],
    )


def _figures(row: Row) -> Figures:
    return Figures(**{name: int(row[name] or 0) for name in _FIGURES})


def _sum(rows: Iterable[Row]) -> Figures:
    found = list(rows)
    return Figures(**{name: sum(int(row[name]) for row in found) for name in _FIGURES})


def _hours(rows: Iterable[Row], begin: datetime) -> tuple[HourFigures, ...]:
    """All 24 hours of the day that begins then."""
    by_hour = {row["hour"]: row for row in rows}
    empty = dict.fromkeys(_FIGURES, 0)
    return tuple(HourFigures(n, _figures(by_hour.get(begin + timedelta(hours=n), empty))) for n in range(24))


def _days(rows: Sequence[Row], since: datetime, now: datetime) -> tuple[DayFigures, ...]:
    by_day = {row["day"]: _figures(row) for row in rows}
    first, last = business_day(since), business_day(now)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return tuple(DayFigures(day, by_day.get(day, Figures())) for day in days)


def _month_start(now: datetime) -> datetime:
    return figures.day_start(business_day(now).replace(day=1))


def _week_start(now: datetime) -> datetime:
    return figures.day_start(business_day(now) - timedelta(days=6))


def _state(row: Row) -> str:
    if not row["is_open"]:
        return "closed"
    return "selling" if row["vendor_id"] else "unattended"


def _stall_line(row: Row, lang: str) -> StallLine:
    return StallLine(
        code=row["code"],
        name=_name(row, lang),
        place=_name(row, lang, "place"),
        kind=_name(row, lang, "kind"),
        state=_state(row),
        vendor_id=row["vendor_id"],
        vendor_name=_name(row, lang, "vendor") if row["vendor_id"] else None,
        today=_figures(row),
        last_sale_at=row["last_sale_at"],
        serial=row["serial"],
    )


def _stall_key(line: StallLine, sort: str) -> tuple[str, ...]:
    percent = line.today.invoiced_percent
    keys = {
        "code": "",
        "name": line.name,
        "vendor": line.vendor_name or "",
        "amount": number_key(line.today.amount_fen),
        "orders": number_key(line.today.orders),
        "invoiced": number_key(0 if percent is None else percent + 1),
        "last_sale": line.last_sale_at.isoformat() if line.last_sale_at else "",
    }
    return keys[sort], line.code


def _vendor_line(row: Row, lang: str, today: date) -> VendorLine:
    return VendorLine(
        id=row["id"],
        name=_name(row, lang),
        taxpayer_kind=row["taxpayer_kind"],
        tax_id=row["tax_id"],
        licence=_licence(row["licence_until"], today),
        licence_no=row["licence_no"],
        licence_until=row["licence_until"],
        stalls=tuple(row["stalls"]),
        goods=row["goods"],
        month=_figures(row),
        phone_bound=row["phone_bound"],
    )


def _vendor_key(line: VendorLine, sort: str) -> tuple[str, ...]:
    keys = {
        "name": "",
        "licence": line.licence_until.isoformat() if line.licence_until else "9999",
        "amount": number_key(line.month.amount_fen),
        "goods": number_key(line.goods),
    }
    return keys[sort], line.name, number_key(line.id)


def _licence(until: date | None, today: date) -> str:
    if until is None:
        return "none"
    if until < today:
        return "lapsed"
    return "lapsing" if until <= today + LAPSES_SOON else "valid"


def _licence_alert(row: Row, lang: str, today: date) -> LicenceAlert:
    until: date = row["licence_until"]
    return LicenceAlert(row["id"], _name(row, lang), row["licence_no"], until, (until - today).days)


def _uninvoiced(rows: Sequence[Row], lang: str) -> tuple[UninvoicedAlert, ...]:
    """Over the week where it shows there, else over today."""
    week = _rarely_invoicing(rows, lang, 7, ("week_orders", "week_invoices"), ENOUGH_ORDERS_WEEK)
    today = _rarely_invoicing(rows, lang, 1, ("orders", "invoices"), ENOUGH_ORDERS_TODAY)
    known = {alert.stall_code for alert in week}
    return (*week, *(alert for alert in today if alert.stall_code not in known))


def _rarely_invoicing(
    rows: Sequence[Row], lang: str, days: int, names: tuple[str, str], enough: int
) -> list[UninvoicedAlert]:
    orders, invoices = names
    busy = [row for row in rows if row[orders] >= enough]
    if len(busy) < 3:  # no market to compare with
        return []
    shares = {row["code"]: row[invoices] / row[orders] for row in busy}
    median = statistics.median(shares.values())
    return [
        UninvoicedAlert(
            stall_code=row["code"],
            stall_name=_name(row, lang),
            vendor_name=_name(row, lang, "vendor") if row["vendor_id"] else None,
            days=days,
            orders=int(row[orders]),
            invoiced_percent=round(100 * shares[row["code"]]),
            median_percent=round(100 * median),
        )
        for row in busy
        if shares[row["code"]] < FEW_INVOICES * median
    ]


def _silent(rows: Sequence[Row], lang: str) -> Iterable[SilentAlert]:
    """Open, attended for two hours, used to sell at this time, and has sold nothing meanwhile."""
    for row in rows:
        attended = row["is_open"] and row["vendor_id"] and row["attended_earlier"]
        if attended and row["usual_days"] >= USUAL_DAYS and not row["late_orders"]:
            yield SilentAlert(
                row["code"],
                _name(row, lang),
                _name(row, lang, "vendor"),
                row["usual_days"],
                row["last_sale_at"],
            )


def _authorisations(rows: Sequence[Row], lang: str, now: datetime) -> tuple[AuthorisationView, ...]:
    today, minute = business_day(now), minute_of_week(now)
    return tuple(_authorisation(row, lang, today, minute) for row in rows)


def _authorisation(row: Row, lang: str, today: date, minute: int) -> AuthorisationView:
    state = "current" if _holds_day(row, today) else "future" if row["first_day"] > today else "past"
    at_this_minute = any(begin <= minute < end for begin, end in row["minutes"])
    return AuthorisationView(
        id=row["id"],
        stall_code=row["code"],
        stall_name=_name(row, lang),
        vendor_id=row["vendor_id"],
        vendor_name=_name(row, lang, "vendor"),
        first_day=row["first_day"],
        last_day=row["last_day"],
        hours=tuple(_weekdays(row["minutes"])),
        state=state,
        is_now=state == "current" and at_this_minute,
    )


def _holds_day(row: Row, day: date) -> bool:
    return row["first_day"] <= day and (row["last_day"] is None or day <= row["last_day"])


def _weekdays(minutes: Iterable[Sequence[int]]) -> Iterable[HoursView]:
    """Ranges of the week, cut at each midnight."""
    for begin, end in minutes:
        at = begin
        while at < end:
            weekday, start = divmod(at, DAY_MINUTES)
            until = min(end, (weekday + 1) * DAY_MINUTES)
            yield HoursView(weekday, start, start + until - at)
            at = until


def _turnover_row(row: Row, by: str, lang: str) -> TurnoverRow:
    amount_fen = int(row["amount_fen"])
    if by == "goods":
        return TurnoverRow(
            row["name_zh"], _name(row, lang), amount_fen,
            lines=row["lines"], quantity=row["quantity"], unit=row["unit"],
        )  # fmt: skip
    key = str(row["key"])
    if by == "kind":
        return TurnoverRow(key, TaxClass(key).value, amount_fen, lines=row["lines"])
    label = _name(row, lang) if by in ("stall", "vendor") else key
    return TurnoverRow(key, label, amount_fen, figures=_figures(row))


def _wall_head(head: Row) -> WallHead:
    at = datetime.fromisoformat(head["block_time"])
    return WallHead(
        head["size"],
        head["root"],
        head["tx_hash"],
        head["block_number"],
        at.astimezone(SHANGHAI),
        head["state"],
    )


def _code_url(services: Services, code: str, serial: int | None) -> str | None:
    if serial is None:
        return None
    return f"{services.config.public_url}/s/{stall_code.printed(code, serial, services.keyring.tokens)}"


def _poster(services: Services, market_row: Row, row: Row) -> Poster:
    url = _code_url(services, row["code"], row["serial"])
    assert url is not None  # noqa: S101 - `live_codes` answers stalls with a code
    return Poster(
        url=url,
        market_zh=market_row["name_zh"],
        market_en=market_row["name_en"],
        stall_code=row["code"],
        stall_zh=row["name_zh"],
        stall_en=row["name_en"],
        place_zh=row["place_zh"],
        place_en=row["place_en"],
        vendor_zh=row["vendor_zh"],
        serial=row["serial"],
    )


def _holds(wanted: str, *texts: str | None) -> bool:
    return not wanted or any(wanted in text.casefold() for text in texts if text)
