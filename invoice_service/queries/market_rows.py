"""Rows of the store as the market desk shows them: names in the reader's language, sums, alerts."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from invoice_service.documents.posters import Poster
from invoice_service.domain import stall_code
from invoice_service.domain.authorisation import DAY_MINUTES, minute_of_week
from invoice_service.domain.details import GOODS_CLASSES
from invoice_service.domain.figures import Figures
from invoice_service.domain.listing import number_key
from invoice_service.domain.numbering import SHANGHAI, business_day
from invoice_service.domain.period import midnight
from invoice_service.domain.tax import TaxClass
from invoice_service.queries.market_views import (
    AuthorisationView,
    DayFigures,
    HourFigures,
    HoursView,
    LicenceAlert,
    MarketView,
    SilentAlert,
    StallLine,
    TurnoverRow,
    UninvoicedAlert,
    VendorLine,
    WallHead,
)
from invoice_service.services import Services

Row = Mapping[str, Any] | RowMapping

LAPSES_SOON = timedelta(days=30)  # renewing a food licence takes the authority up to twenty working days
# A stall that invoices less than half as often as its neighbours, judged on enough orders to mean something.
FEW_INVOICES, ENOUGH_ORDERS_TODAY, ENOUGH_ORDERS_WEEK = 0.5, 20, 60
USUAL_DAYS = 5  # of seven: sold at this time so often that nothing for two hours is worth a look


STALL_TEXTS = ("name_zh", "name_en", "kind_zh", "kind_en", "place_zh", "place_en")
VENDOR_TEXTS = (
    "name_zh", "name_en", "self_produced", "tax_period", "default_name_zh", "default_name_en",
    "default_tax_code", "default_tax_class", "licensed_classes",
)  # fmt: skip
_FIGURES = ("orders", "amount_fen", "invoices", "invoiced_fen")


def named(row: Row, lang: str, what: str = "name") -> str:
    found: str = row[f"{what}_zh" if lang == "zh-CN" else f"{what}_en"]
    return found


def market_view(row: Row, lang: str) -> MarketView:
    names = row["name_zh"], row["name_en"]
    return MarketView(row["id"], row["code"], named(row, lang), *names, row["region"], row["address"])


def market_of(row: Row, lang: str) -> MarketView:
    """Of a stall's or a vendor's row, which carries its market's columns."""
    names = row["market_zh"], row["market_en"]
    return MarketView(
        row["market_id"],
        row["market_code"],
        named(row, lang, "market"),
        *names,
        row["region"],
        row["address"],
    )


def figures_of(row: Row) -> Figures:
    return Figures(**{name: int(row[name] or 0) for name in _FIGURES})


def summed(rows: Iterable[Row]) -> Figures:
    found = list(rows)
    return Figures(**{name: sum(int(row[name]) for row in found) for name in _FIGURES})


def by_hour(rows: Iterable[Row], begin: datetime) -> tuple[HourFigures, ...]:
    """All 24 hours of the day that begins then."""
    by_hour = {row["hour"]: row for row in rows}
    empty = dict.fromkeys(_FIGURES, 0)
    return tuple(
        HourFigures(n, figures_of(by_hour.get(begin + timedelta(hours=n), empty))) for n in range(24)
    )


def by_day(rows: Sequence[Row], since: datetime, now: datetime) -> tuple[DayFigures, ...]:
    by_day = {row["day"]: figures_of(row) for row in rows}
    first, last = business_day(since), business_day(now)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return tuple(DayFigures(day, by_day.get(day, Figures())) for day in days)


def month_start(now: datetime) -> datetime:
    return midnight(business_day(now).replace(day=1))


def week_start(now: datetime) -> datetime:
    return midnight(business_day(now) - timedelta(days=6))


def state_of(row: Row) -> str:
    if not row["is_open"]:
        return "closed"
    return "selling" if row["vendor_id"] else "unattended"


def stall_line(row: Row, lang: str) -> StallLine:
    return StallLine(
        code=row["code"],
        name=named(row, lang),
        place=named(row, lang, "place"),
        kind=named(row, lang, "kind"),
        state=state_of(row),
        vendor_id=row["vendor_id"],
        vendor_name=named(row, lang, "vendor") if row["vendor_id"] else None,
        today=figures_of(row),
        last_sale_at=row["last_sale_at"],
        serial=row["serial"],
    )


def stall_key(line: StallLine, sort: str) -> tuple[str, ...]:
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


def vendor_line(row: Row, lang: str, today: date) -> VendorLine:
    return VendorLine(
        id=row["id"],
        name=named(row, lang),
        taxpayer_kind=row["taxpayer_kind"],
        tax_id=row["tax_id"],
        licence=licence_state(row["licence_until"], today),
        licence_no=row["licence_no"],
        licence_until=row["licence_until"],
        stalls=tuple(row["stalls"]),
        goods=row["goods"],
        month=figures_of(row),
        phone_bound=row["phone_bound"],
    )


def vendor_key(line: VendorLine, sort: str) -> tuple[str, ...]:
    keys = {
        "name": "",
        "licence": line.licence_until.isoformat() if line.licence_until else "9999",
        "amount": number_key(line.month.amount_fen),
        "goods": number_key(line.goods),
    }
    return keys[sort], line.name, number_key(line.id)


def licence_state(until: date | None, today: date) -> str:
    if until is None:
        return "none"
    if until < today:
        return "lapsed"
    return "lapsing" if until <= today + LAPSES_SOON else "valid"


def licence_alert(row: Row, lang: str, today: date) -> LicenceAlert:
    until: date = row["licence_until"]
    return LicenceAlert(row["id"], named(row, lang), row["licence_no"], until, (until - today).days)


def uninvoiced_alerts(rows: Sequence[Row], lang: str) -> tuple[UninvoicedAlert, ...]:
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
            stall_name=named(row, lang),
            vendor_name=named(row, lang, "vendor") if row["vendor_id"] else None,
            days=days,
            orders=int(row[orders]),
            invoiced_percent=round(100 * shares[row["code"]]),
            median_percent=round(100 * median),
        )
        for row in busy
        if shares[row["code"]] < FEW_INVOICES * median
    ]


def silent_alerts(rows: Sequence[Row], lang: str) -> Iterable[SilentAlert]:
    """Open, attended for two hours, used to sell at this time, and has sold nothing meanwhile."""
    for row in rows:
        attended = row["is_open"] and row["vendor_id"] and row["attended_earlier"]
        if attended and row["usual_days"] >= USUAL_DAYS and not row["late_orders"]:
            yield SilentAlert(
                row["code"],
                named(row, lang),
                named(row, lang, "vendor"),
                row["usual_days"],
                row["last_sale_at"],
            )


def authorisation_views(rows: Sequence[Row], lang: str, now: datetime) -> tuple[AuthorisationView, ...]:
    today, minute = business_day(now), minute_of_week(now)
    return tuple(_authorisation(row, lang, today, minute) for row in rows)


def _authorisation(row: Row, lang: str, today: date, minute: int) -> AuthorisationView:
    state = "current" if holds_day(row, today) else "future" if row["first_day"] > today else "past"
    at_this_minute = any(begin <= minute < end for begin, end in row["minutes"])
    return AuthorisationView(
        id=row["id"],
        stall_code=row["code"],
        stall_name=named(row, lang),
        vendor_id=row["vendor_id"],
        vendor_name=named(row, lang, "vendor"),
        first_day=row["first_day"],
        last_day=row["last_day"],
        hours=tuple(weekdays(row["minutes"])),
        state=state,
        is_now=state == "current" and at_this_minute,
    )


def holds_day(row: Row, day: date) -> bool:
    return row["first_day"] <= day and (row["last_day"] is None or day <= row["last_day"])


def weekdays(minutes: Iterable[Sequence[int]]) -> Iterable[HoursView]:
    """Ranges of the week, cut at each midnight."""
    for begin, end in minutes:
        at = begin
        while at < end:
            weekday, start = divmod(at, DAY_MINUTES)
            until = min(end, (weekday + 1) * DAY_MINUTES)
            yield HoursView(weekday, start, start + until - at)
            at = until


def turnover_row(row: Row, by: str, lang: str) -> TurnoverRow:
    amount_fen = int(row["amount_fen"])
    if by == "goods":
        return TurnoverRow(
            row["name_zh"], named(row, lang), amount_fen,
            lines=row["lines"], quantity=row["quantity"], unit=row["unit"],
        )  # fmt: skip
    key = str(row["key"])
    if by == "kind":
        return TurnoverRow(
            key, named(asdict(GOODS_CLASSES[TaxClass(key)]), lang), amount_fen, lines=row["lines"]
        )
    label = named(row, lang) if by in ("stall", "vendor") else key
    return TurnoverRow(key, label, amount_fen, figures=figures_of(row))


def wall_head(head: Row) -> WallHead:
    at = datetime.fromisoformat(head["block_time"])
    return WallHead(
        head["size"],
        head["root"],
        head["tx_hash"],
        head["block_number"],
        at.astimezone(SHANGHAI),
        head["state"],
    )


def code_url(services: Services, code: str, serial: int | None) -> str | None:
    if serial is None:
        return None
    return f"{services.config.public_url}/s/{stall_code.printed(code, serial, services.keyring.tokens)}"


def poster(services: Services, market_row: Row, row: Row) -> Poster:
    url = code_url(services, row["code"], row["serial"])
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


def holds(wanted: str, *texts: str | None) -> bool:
    return not wanted or any(wanted in text.casefold() for text in texts if text)
