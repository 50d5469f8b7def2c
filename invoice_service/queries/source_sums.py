"""The sums behind a tax officer's pages: of days, of lines by rule, of vendors, all from one kind of rows.

A row of a market's day, a row of lines under a rule and a row of a vendor are all added up by the same few
functions, so that a total and what it is made of cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.details import GOODS_CLASSES
from invoice_service.domain.figures import Figures
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import DAY, midnight, period_of
from invoice_service.domain.tax import TaxClass, rule_by_id
from invoice_service.domain.tax_sources import EXEMPT, Asked
from invoice_service.domain.threshold import limit_on
from invoice_service.queries import market_rows as rows
from invoice_service.queries.supervision_views import Compared, DaySource, KindSource, RuleSource, Sources
from invoice_service.services import Services
from invoice_service.store import sales as stored
from invoice_service.store import turnover

Row = Mapping[str, Any] | RowMapping


def _narrowed(asked: Asked) -> turnover.Narrowed:
    return turnover.Narrowed(
        rules=[rule.id for rule in asked.rules],
        exempt_rules=[rule.id for rule in asked.rules if rule.treatment == EXEMPT],
        tax_classes=asked.tax_classes,
        taxpayer_kinds=asked.taxpayer_kinds,
    )


def market_days(
    connection: Connection, ids: Sequence[int], asked: Asked
) -> tuple[Sequence[Row], Sequence[Row]]:
    """A row a market and day, of the days asked about and of those to compare with."""

    def found(first_day: date, last_day: date) -> Sequence[Row]:
        if not asked.is_narrowed:
            return turnover.market_day_rows(connection, ids, first_day, last_day)
        taxed = turnover.taxed_rows(connection, ids, "market_day", first_day, last_day, _narrowed(asked))
        return [dict(row) | _taxed_sums(row) for row in taxed]

    earlier = asked.earlier
    return found(asked.first_day, asked.last_day), found(*earlier) if earlier else []


def by_rule(connection: Connection, ids: Sequence[int], asked: Asked) -> Sequence[Row]:
    return turnover.taxed_rows(connection, ids, "rule", asked.first_day, asked.last_day, _narrowed(asked))


def by_vendor(
    connection: Connection, market_id: int, asked: Asked
) -> tuple[dict[int, Figures], dict[int, Figures] | None]:
    def found(first_day: date, last_day: date) -> dict[int, Figures]:
        if not asked.is_narrowed:
            sums = turnover.turnover_rows(connection, market_id, "vendor", first_day, last_day, 0)
            return {int(row["key"]): figures(row) for row in sums}
        taxed = turnover.taxed_rows(connection, [market_id], "vendor", first_day, last_day, _narrowed(asked))
        return {row["vendor_id"]: _taxed_figures(row) for row in taxed}

    earlier = asked.earlier
    return found(asked.first_day, asked.last_day), found(*earlier) if earlier else None


def by_stall(connection: Connection, market_id: int, asked: Asked) -> Sequence[Row]:
    return turnover.turnover_rows(connection, market_id, "stall", asked.first_day, asked.last_day, 0)


def vendor_days(connection: Connection, vendor_id: int, first_day: date, last_day: date) -> list[Row]:
    days = [first_day + n * DAY for n in range((last_day - first_day).days + 1)]
    found = stored.sums(connection, vendor_id, [(midnight(day), midnight(day + DAY)) for day in days])
    return [{"day": day} | asdict(figures) for day, figures in zip(days, found, strict=True)]


def thresholds_used(
    connection: Connection, market_id: int, sellers: Mapping[int, Row], day: date
) -> dict[int, tuple[int, bool]]:
    """(percent of the threshold, whether it is crossed) of each vendor who has one."""
    sums = {}
    for tax_period in {one["tax_period"] for one in sellers.values()}:
        whole = period_of(tax_period, day)
        found = turnover.turnover_rows(connection, market_id, "vendor", whole.first_day, whole.last_day, 0)
        sums[tax_period] = {int(row["key"]): row["exempt_fen"] + row["taxable_net_fen"] for row in found}
    used = {}
    for vendor_id, one in sellers.items():
        limit_fen = limit_on(TaxpayerKind(one["taxpayer_kind"]), one["tax_period"], day)
        if limit_fen is not None:
            used_fen = sums[one["tax_period"]].get(vendor_id, 0)
            used[vendor_id] = 100 * max(0, used_fen) // limit_fen, used_fen > limit_fen
    return used


def figures(row: Row) -> Figures:
    return Figures(**{name: int(row[name]) for name in Figures.__dataclass_fields__})


def _taxed_figures(row: Row) -> Figures:
    return Figures(**_taxed_sums(row))


def _taxed_sums(row: Row) -> dict[str, int]:
    """Of lines: no orders, no invoices."""
    amount_fen, exempt_fen, tax_fen = int(row["amount_fen"]), int(row["exempt_fen"]), int(row["tax_fen"])
    return _NOTHING | {
        "amount_fen": amount_fen,
        "exempt_fen": exempt_fen,
        "taxable_net_fen": amount_fen - exempt_fen - tax_fen,
        "tax_fen": tax_fen,
    }


_NOTHING = dict.fromkeys(Figures.__dataclass_fields__, 0)


def _added(found: Iterable[Row]) -> Figures:
    sums = dict(_NOTHING)
    for row in found:
        for name in sums:
            sums[name] += int(row[name])
    return Figures(**sums)


def compared(now_rows: Iterable[Row], then_rows: Iterable[Row], asked: Asked) -> Compared:
    return Compared(_added(now_rows), _added(then_rows) if asked.earlier else None)


def _days(now_rows: Sequence[Row], then_rows: Sequence[Row], asked: Asked) -> tuple[DaySource, ...]:
    """Every day asked about, sold on or not."""
    now_sums, then_sums = _by_day(now_rows), _by_day(then_rows)
    days = [asked.first_day + n * DAY for n in range((asked.last_day - asked.first_day).days + 1)]
    return tuple(
        DaySource(day, now_sums.get(day, Figures()), _fen_then(then_sums, n, asked))
        for n, day in enumerate(days)
    )


def _by_day(found: Iterable[Row]) -> dict[date, Figures]:
    by_day: dict[date, list[Row]] = {}
    for row in found:
        by_day.setdefault(row["day"], []).append(row)
    return {day: _added(its) for day, its in by_day.items()}


def _fen_then(then_sums: Mapping[date, Figures], n: int, asked: Asked) -> int | None:
    if asked.earlier is None:
        return None
    first_day, last_day = asked.earlier
    day = first_day + n * DAY
    return then_sums.get(day, Figures()).amount_fen if day <= last_day else None


def sources(
    services: Services,
    asked: Asked,
    lang: str,
    now_rows: Sequence[Row],
    then_rows: Sequence[Row],
    by_rule: Sequence[Row],
) -> Sources:
    """From rows of days, now and then, and rows of lines by rule."""
    ruled = [dict(row) | _rule_figures(row) for row in by_rule]
    return Sources(
        asked=asked,
        as_of=services.clock(),
        total=compared(now_rows, then_rows, asked),
        days=_days(now_rows, then_rows, asked),
        rules=tuple(_rule_source(rule, its, lang) for rule, its in _grouped(ruled, "rule")),
        kinds=tuple(
            KindSource(key, rows.named(asdict(GOODS_CLASSES[TaxClass(key)]), lang), _added(its))
            for key, its in _grouped(ruled, "tax_class")
        ),
        sellers=tuple(KindSource(key, key, _added(its)) for key, its in _grouped(ruled, "taxpayer_kind")),
    )


def _rule_figures(row: Row) -> dict[str, int]:
    is_exempt = rule_by_id(row["rule"]).treatment == EXEMPT
    return _taxed_sums(dict(row) | {"exempt_fen": row["amount_fen"] if is_exempt else 0})


def _grouped(ruled: Iterable[Row], name: str) -> list[tuple[str, list[Row]]]:
    """The largest first."""
    found: dict[str, list[Row]] = {}
    for row in ruled:
        found.setdefault(row[name], []).append(row)

    def size(one: tuple[str, list[Row]]) -> tuple[int, str]:
        name, its = one
        return -sum(row["amount_fen"] for row in its), name

    return sorted(found.items(), key=size)


def _rule_source(rule_id: str, its: Sequence[Row], lang: str) -> RuleSource:
    rule = rule_by_id(rule_id)
    return RuleSource(
        rule=rule.id,
        rate=rule.label,
        is_exempt=rule.treatment == EXEMPT,
        basis=rule.basis,
        reason=rule.reason_zh if lang == "zh-CN" else rule.reason_en,
        is_confirmed=rule.confirmed,
        lines=sum(int(row["lines"]) for row in its),
        figures=_added(its),
    )
