"""Days, periods, channels and scales in the words of a market, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from babel.dates import format_date, format_interval, format_skeleton
from flask_babel import get_locale, gettext

from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.period import Period, PeriodKind
from invoice_service.errors import N_
from invoice_service.queries.vendor_views import Bar
from invoice_service.web.vendor.plot import Point

CHANNELS = {"wechat": N_("WeChat Pay"), "alipay": N_("Alipay"), "sandbox": N_("Demo wallet")}
_TEN_THOUSAND_YUAN = 1_000_000


def day_words(day: date) -> str:
    """Mon, Nov 23 · 11月23日周一"""
    return format_skeleton("MMMEd", day, locale=get_locale())


def month_words(day: date) -> str:
    return format_skeleton("yMMMM", day, locale=get_locale())


def period_words(period: Period) -> str:
    match period.kind:
        case PeriodKind.DAY:
            return day_words(period.first_day)
        case PeriodKind.WEEK:
            return str(format_interval(period.first_day, period.last_day, "MMMd", locale=get_locale()))
        case PeriodKind.MONTH:
            return month_words(period.first_day)
        case PeriodKind.QUARTER:
            return format_skeleton("yQQQQ", period.first_day, locale=get_locale())
        case PeriodKind.YEAR:
            return format_skeleton("y", period.first_day, locale=get_locale())


def point(bar: Bar, kind: PeriodKind) -> Point:
    """A bar under a name of one or two characters; the table has it in full."""
    label, name = _NAMES[kind](bar)
    return Point(label, name, bar.figures.amount_fen, bar.before_fen)


def _hour(bar: Bar) -> tuple[str, str]:
    return str(bar.hour), f"{bar.hour:02d}:00"


def _weekday(bar: Bar) -> tuple[str, str]:
    return format_date(bar.begins, "EEEEE", locale=get_locale()), day_words(bar.begins)


def _day_of_month(bar: Bar) -> tuple[str, str]:
    return str(bar.begins.day), day_words(bar.begins)


def _month(bar: Bar) -> tuple[str, str]:
    return str(bar.begins.month), month_words(bar.begins)


_NAMES: dict[PeriodKind, Callable[[Bar], tuple[str, str]]] = {
    PeriodKind.DAY: _hour,
    PeriodKind.WEEK: _weekday,
    PeriodKind.MONTH: _day_of_month,
    PeriodKind.QUARTER: _month,
    PeriodKind.YEAR: _month,
}


def summary(points: Sequence[Point]) -> str:
    """A plot in one sentence."""
    highest = max(points, key=lambda one: one.fen, default=None)
    if highest is None or highest.fen <= 0:
        return gettext("Nothing was sold in this time.")
    text = gettext("Takings as bars. The highest: %(name)s with %(amount)s.")
    return text % {"name": highest.name, "amount": f"¥{yuan(highest.fen)}"}


def code_words(amount_fen: int) -> str:
    return gettext("Code to scan for paying %(amount)s") % {"amount": f"¥{yuan(amount_fen)}"}


def channel_words(channel: str) -> str:
    return gettext(CHANNELS[channel]) if channel in CHANNELS else channel


def hour_and_minute(instant: datetime) -> str:
    return instant.astimezone(SHANGHAI).strftime("%H:%M")


def axis(fen: int) -> str:
    """Whole yuan, short enough for the edge of a plot: 800, 2万, 20k."""
    if fen < _TEN_THOUSAND_YUAN:
        return f"{fen / 100:g}"
    return f"{fen / _TEN_THOUSAND_YUAN:g}万" if get_locale().language == "zh" else f"{fen / 100_000:g}k"


FILTERS: dict[str, Callable[..., str]] = {
    "day_words": day_words,
    "month_words": month_words,
    "period_words": period_words,
    "channel_words": channel_words,
    "hour_and_minute": hour_and_minute,
    "axis": axis,
}
