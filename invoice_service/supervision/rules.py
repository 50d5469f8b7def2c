"""The rules: rows in, findings out. Each is a generator over a market's day.

A rule knows nothing of databases, pages or languages; its thresholds come with it (`catalogue.Rule`). It
reports figures, never a judgement: why it may be innocent stands beside each rule in rules.toml, and people
decide. A finding's `key` says what makes it one finding: found again under the same key it is the same.
"""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median_high
from typing import Any, TypeVar

from invoice_service.domain.money import to_fen
from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.order import PLAIN_UNIT
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import DAY, PeriodKind, period_of
from invoice_service.domain.threshold import limit_on
from invoice_service.supervision.catalogue import Rule
from invoice_service.supervision.rows import Line, MarketDay, Sale, Seller, StallDay

Row = TypeVar("Row")
WORST_SHOWN = 200  # records of one finding that names thousands


class Basis(enum.StrEnum):
    """Which sales, with their invoices, a rule needs to find the same again."""

    RECORDS = "records"  # those that the finding names
    VENDOR = "vendor"  # the vendor's, from the finding's first day to its last
    STALL = "stall"  # the stall's
    GOODS = "goods"  # the market's that have these goods in them
    MARKET = "market"  # all of the market's


@dataclass(frozen=True, slots=True)
class Finding:
    """`records` are order ids and invoice numbers. `first_day` to `last_day` is what the rule looked at."""

    rule: str
    market: str
    key: str
    vendor: int | None
    stall: str | None
    first_day: date
    last_day: date
    figures: Mapping[str, Any]
    records: tuple[str, ...]


def find(day: MarketDay, rules: Mapping[str, Rule]) -> Iterator[Finding]:
    """Everything that these rules find."""
    for id, rule in rules.items():
        yield from FIND[id](day, rule)


def needs(finding: Finding, sale: Sale) -> bool:
    """Whether a sale that the finding does not name is among those without which it cannot be made again."""
    match BASIS[finding.rule]:
        case Basis.RECORDS:
            return False
        case Basis.VENDOR:
            return sale.vendor == finding.vendor
        case Basis.STALL:
            return sale.stall == finding.stall
        case Basis.GOODS:
            return any(line.name == finding.figures["goods"] for line in sale.lines)
        case Basis.MARKET:
            return True


def history_days(rules: Mapping[str, Rule]) -> int:
    """How many days before its own a day's rules look at; a quarter at least, for thresholds."""
    spans = (rule.values.get("of_days", 0) + rule.values.get("quiet_days", 0) for rule in rules.values())
    return max(92, *spans, 0)


def uninvoiced(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """A vendor's share of invoiced sales against that of all others in the market."""
    wanted = _to_be_invoiced(day)
    by_vendor = _grouped(wanted, lambda sale: sale.vendor)
    all_orders, all_invoiced = len(wanted), sum(sale.invoice is not None for sale in wanted)
    for vendor, sales in by_vendor.items():
        invoiced = sum(sale.invoice is not None for sale in sales)
        others = all_orders - len(sales)
        expected = len(sales) * (all_invoiced - invoiced) / others if others else 0
        if (
            expected < rule.values["least_expected"]
            or 100 * invoiced >= rule.values["below_percent"] * expected
        ):
            continue
        without = [sale for sale in sales if sale.invoice is None]
        figures = {
            "orders": len(sales),
            "invoiced": invoiced,
            "share": 100 * invoiced // len(sales),
            "norm": 100 * (all_invoiced - invoiced) // others,
            "expected": int(expected),
            "uninvoiced_fen": sum(sale.amount_fen for sale in without),
        }
        yield _of_day(day, rule, f"{vendor}", vendor, None, figures, [sale.order for sale in without])


def splitting(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """Sales at one stall, one shortly after the other, each just under a limit for a single one."""
    limit_fen = rule.values["limit_fen"]
    least_fen = limit_fen * rule.values["from_percent"] // 100
    within = timedelta(minutes=rule.values["within_minutes"])
    near = (
        sale
        for sale in day.sales
        if least_fen <= sale.amount_fen <= limit_fen and _kind(day, sale.vendor) in rule.values["taxpayers"]
    )
    for (vendor, stall), sales in _grouped(near, lambda sale: (sale.vendor, sale.stall)).items():
        for run in _runs(sales, lambda sale: sale.paid_at, within):
            if len(run) < rule.values["least"]:
                continue
            figures = {
                "count": len(run),
                "limit_fen": limit_fen,
                "within_minutes": rule.values["within_minutes"],
                "sum_fen": sum(sale.amount_fen for sale in run),
            }
            yield _of_day(day, rule, f"{vendor}", vendor, stall, figures, [sale.order for sale in run])


def hugging(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """Sales that come close to the threshold of the period, and then stop."""
    for vendor, its in _grouped(day.history, lambda one: one.vendor).items():
        seller = day.sellers.get(vendor)
        limit_fen = _threshold_fen(seller, day.day)
        if seller is None or limit_fen is None:
            continue
        period = period_of(PeriodKind(seller.tax_period), day.day)
        used_fen = sum(one.counted_fen for one in its if one.day in period)
        quiet, sold_days = _quiet(its, day.day, rule)
        is_close = rule.values["from_percent"] * limit_fen <= 100 * used_fen <= 100 * limit_fen
        if not is_close or quiet < rule.values["quiet_days"] or sold_days < rule.values["usual_days"]:
            continue
        first_day = min(period.first_day, day.day - (quiet + rule.values["of_days"]) * DAY)
        figures = {
            "period": f"{period.first_day} – {period.last_day}",
            "used_fen": used_fen,
            "limit_fen": limit_fen,
            "percent": 100 * used_fen // limit_fen,
            "quiet": quiet,
            "sold_days": sold_days,
            "of_days": rule.values["of_days"],
        }
        key = f"{period.first_day} {vendor}"
        yield Finding(rule.id, day.market, key, vendor, None, first_day, day.day, figures, ())


def burst(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """Many invoices of one stall within minutes; or some of them in the night."""
    within = timedelta(minutes=rule.values["within_minutes"])
    for (vendor, stall), its in _grouped(day.invoices, lambda one: (one.vendor, one.stall)).items():
        its.sort(key=lambda one: one.issued_at)
        densest = _densest(its, lambda one: one.issued_at, within)
        at_night = [one for one in its if _is_night(one.issued_at, rule)]
        for what, found, least in (
            ("burst", densest, rule.values["least"]),
            ("night", at_night, rule.values["night_least"]),
        ):
            if len(found) < least:
                continue
            figures = {
                "count": len(found),
                "first": _clock(found[0].issued_at),
                "last": _clock(found[-1].issued_at),
                "sum_fen": sum(one.total_fen for one in found),
            }
            records = [one.number for one in found]
            yield _of_day(day, rule, f"{what} {vendor} {stall}", vendor, stall, figures, records)


def price(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """A vendor's median unit price of goods against the median of the vendors who sell them."""
    by_goods: dict[tuple[str, str], dict[int, list[tuple[Line, Sale]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for sale in day.sales:
        for line in sale.lines:
            if line.unit != PLAIN_UNIT:  # of a plain amount the price is the amount, and says nothing
                by_goods[line.name, line.unit][sale.vendor].append((line, sale))
    for (goods, unit), its in sorted(by_goods.items()):
        if len(its) < rule.values["least_vendors"]:
            continue
        medians = {
            vendor: median_high([line.unit_price for line, _ in lines]) for vendor, lines in its.items()
        }
        median = median_high(medians.values())
        for vendor, own in sorted(medians.items()):
            percent = int(100 * own / median)
            is_far = percent > rule.values["above_percent"] or percent < rule.values["below_percent"]
            if not is_far or len(its[vendor]) < rule.values["least_lines"]:
                continue
            figures = {
                "goods": goods,
                "unit": unit,
                "price_fen": to_fen(own),
                "median_fen": to_fen(median),
                "percent": percent,
                "lines": len(its[vendor]),
                "vendors": len(its),
            }
            records = dict.fromkeys(sale.order for _, sale in its[vendor])
            yield _of_day(day, rule, f"{vendor} {goods} {unit}", vendor, None, figures, records)


def one_buyer(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """One company with invoices of many stalls in one day."""
    of_companies = (one for one in day.invoices if one.buyer is not None)
    for tax_id, its in _grouped(of_companies, lambda one: one.buyer and one.buyer.tax_id).items():
        stalls, sum_fen = {one.stall for one in its}, sum(one.total_fen for one in its)
        if len(stalls) < rule.values["least_stalls"] or sum_fen < rule.values["least_fen"]:
            continue
        figures = {
            "buyer": its[0].buyer.name if its[0].buyer else "",
            "tax_id": tax_id,
            "stalls": len(stalls),
            "count": len(its),
            "sum_fen": sum_fen,
        }
        yield _of_day(day, rule, f"{tax_id}", None, None, figures, [one.number for one in its])


def unfit_goods(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """Goods of a class that the seller's licence does not cover; nothing where its scope is not on record."""
    class_of = {(one.vendor, one.name): one.tax_class for one in day.goods}
    licensed = {one.vendor: one.licensed for one in day.sellers.values() if one.licensed}
    for vendor, sales in _grouped(day.sales, lambda sale: sale.vendor).items():
        if vendor not in licensed:
            continue
        unfit = [
            (class_of[vendor, line.name], line, sale)
            for sale in sales
            for line in sale.lines
            if (vendor, line.name) in class_of and class_of[vendor, line.name] not in licensed[vendor]
        ]
        sum_fen = sum(line.amount_fen for _, line, _ in unfit)
        if len(unfit) < rule.values["least_lines"] or sum_fen < rule.values["least_fen"]:
            continue
        figures = {
            "classes": sorted({tax_class for tax_class, _, _ in unfit}),
            "licensed": sorted(licensed[vendor]),
            "lines": len(unfit),
            "sum_fen": sum_fen,
        }
        records = dict.fromkeys(sale.order for _, _, sale in unfit)
        yield _of_day(day, rule, f"{vendor}", vendor, None, figures, records)


def silent(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """A stall with a seller and a valid code that used to sell and does not, while the market goes on."""
    if day.selling_percent < rule.values["market_percent"]:
        return
    by_stall = _grouped(day.history, lambda one: one.stall)
    for place in day.places:
        if place.vendor is None or not place.is_open or not place.has_code:
            continue
        quiet, sold_days = _quiet(by_stall.get(place.stall, ()), day.day, rule)
        if quiet < rule.values["quiet_days"] or sold_days < rule.values["usual_days"]:
            continue
        first_day = day.day - (quiet + rule.values["of_days"] - 1) * DAY
        figures = {
            "stall": place.stall,
            "quiet": quiet,
            "sold_days": sold_days,
            "of_days": rule.values["of_days"],
        }
        key = f"{day.day - (quiet - 1) * DAY} {place.stall}"
        where = place.vendor, place.stall
        yield Finding(rule.id, day.market, key, *where, first_day, day.day, figures, ())


def late(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """Entries that a block covered too long after they became true, or that still wait."""
    limit = timedelta(minutes=rule.values["after_minutes"])
    entries = [(one.paid_at, one.anchored_at, one.order) for one in day.sales]
    entries += [(one.issued_at, one.anchored_at, one.number) for one in day.invoices]
    waited = [((anchored or day.as_of) - at, anchored, fact) for at, anchored, fact in entries]
    slow = sorted((one for one in waited if one[0] > limit), key=lambda one: (-one[0], one[2]))
    if not slow:
        return
    figures = {
        "count": len(slow),
        "waiting": sum(anchored is None for _, anchored, _ in slow),
        "worst_minutes": int(slow[0][0] / timedelta(minutes=1)),
        "after_minutes": rule.values["after_minutes"],
    }
    records = tuple(fact for _, _, fact in slow[:WORST_SHOWN])
    yield Finding(rule.id, day.market, str(day.day), None, None, day.day, day.day, figures, records)


def audit(day: MarketDay, rule: Rule) -> Iterator[Finding]:
    """What does not fit its entry, its payment or its sums: each thing for itself."""
    for one in day.differences:
        figures = {"what": one.what, "recorded_fen": one.recorded_fen, "attested_fen": one.attested_fen}
        key, records = f"{one.what} {one.fact} {day.day}", () if one.what == "sums" else (one.fact,)
        where = one.vendor, one.stall
        yield Finding(rule.id, day.market, key, *where, day.day, day.day, figures, records)


FIND: Mapping[str, Callable[[MarketDay, Rule], Iterator[Finding]]] = {
    "uninvoiced": uninvoiced,
    "splitting": splitting,
    "hugging": hugging,
    "burst": burst,
    "price": price,
    "one_buyer": one_buyer,
    "unfit_goods": unfit_goods,
    "silent": silent,
    "late": late,
    "audit": audit,
}
BASIS: Mapping[str, Basis] = {
    "uninvoiced": Basis.MARKET,
    "splitting": Basis.RECORDS,
    "hugging": Basis.VENDOR,
    "burst": Basis.RECORDS,
    "price": Basis.GOODS,
    "one_buyer": Basis.RECORDS,
    "unfit_goods": Basis.RECORDS,
    "silent": Basis.STALL,
    "late": Basis.MARKET,
    "audit": Basis.VENDOR,
}


def _to_be_invoiced(day: MarketDay) -> list[Sale]:
    """Without those that went back whole before there was an invoice: none can be had for them."""
    back_fen: Counter[str] = Counter()
    for back in day.refunds:
        back_fen[back.order] += back.amount_fen
    return [sale for sale in day.sales if sale.invoice is not None or back_fen[sale.order] < sale.amount_fen]


def _of_day(
    day: MarketDay,
    rule: Rule,
    what: str,
    vendor: int | None,
    stall: str | None,
    figures: Mapping[str, Any],
    records: Iterable[str],
) -> Finding:
    """One finding a month of the same thing: it is found again, not anew, on later days."""
    key = f"{day.day:%Y-%m} {what}"
    return Finding(rule.id, day.market, key, vendor, stall, day.day, day.day, figures, tuple(records))


def _grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _runs(rows: Iterable[Row], at: Callable[[Row], datetime], within: timedelta) -> Iterator[list[Row]]:
    """Rows cut wherever more than `within` lies between one and the next."""
    run: list[Row] = []
    for row in sorted(rows, key=at):
        if run and at(row) - at(run[-1]) > within:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _densest(rows: Sequence[Row], at: Callable[[Row], datetime], within: timedelta) -> Sequence[Row]:
    """The most rows that lie within a span; `rows` are in order."""
    best, start = (0, 0), 0
    for end, row in enumerate(rows, 1):
        while at(row) - at(rows[start]) > within:
            start += 1
        best = max(best, (start, end), key=lambda span: span[1] - span[0])
    return rows[best[0] : best[1]]


def _quiet(history: Iterable[StallDay], day: date, rule: Rule) -> tuple[int, int]:
    """(for how many days until `day` nothing was sold, on how many of the days before that something was)."""
    sold = {one.day for one in history if one.orders}
    if not sold:
        return 0, 0
    last = max(sold)
    since = last - rule.values["of_days"] * DAY
    return (day - last).days, sum(since < one <= last for one in sold)


def _kind(day: MarketDay, vendor: int) -> str | None:
    seller = day.sellers.get(vendor)
    return seller.taxpayer_kind if seller else None


def _threshold_fen(seller: Seller | None, day: date) -> int | None:
    if seller is None:
        return None
    return limit_on(TaxpayerKind(seller.taxpayer_kind), seller.tax_period, day)


def _is_night(at: datetime, rule: Rule) -> bool:
    hour = at.astimezone(SHANGHAI).hour
    return hour >= rule.values["night_from_hour"] or hour < rule.values["night_to_hour"]


def _clock(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%H:%M}"
