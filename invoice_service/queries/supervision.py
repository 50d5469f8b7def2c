"""Where tax arises, for a tax officer: from a region down to one sale and its entry in the ledger.

Sums by market need no reason. Sums by vendor, and everything about one vendor, are read only while a look
that was recorded with its reason lasts (`flow.look`); otherwise SayWhy is raised. Turnover is of paid orders,
invoiced or not. Every sum is made from the same rows, so that a figure that stands in two places is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.access import LOOK_LASTS, Action, SayWhy
from invoice_service.domain.details import GOODS_CLASSES
from invoice_service.domain.figures import Figures
from invoice_service.domain.listing import chosen
from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import DAY, midnight, period_of
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.domain.tax import TaxClass, rule_by_id
from invoice_service.domain.tax_sources import EXEMPT, Asked
from invoice_service.domain.threshold import CLOSE_PERCENT, limit_on
from invoice_service.ledger import canonical
from invoice_service.ledger.entry import Kind
from invoice_service.queries import market_rows as rows
from invoice_service.queries import vendor as vendors
from invoice_service.queries.ledger_state import chain_answers, ledger_states
from invoice_service.queries.supervision_views import (
    Compared,
    DaySource,
    KindSource,
    MarketSource,
    MarketSources,
    RegionView,
    RuleSource,
    SaleList,
    SaleRow,
    SaleView,
    SellerView,
    Sources,
    StallCheck,
    StallSource,
    TaxedLineView,
    VendorSource,
    VendorSources,
)
from invoice_service.services import Services
from invoice_service.store import invoices, market_figures, supervised, turnover
from invoice_service.store import sales as stored

INVOICED = ("all", "yes", "no")
RECENT = timedelta(minutes=30)  # what a spot check calls the last minutes
RECENT_SALES = 12

Row = Mapping[str, Any] | RowMapping


def region(services: Services, actor: Actor, lang: str, asked: Asked) -> RegionView:
    """Market by market, without a look into anybody's books. Raises OutOfScope."""
    with services.database.read() as connection:
        markets = supervised.supervised_markets(connection, actor)
        ids = [row["id"] for row in markets]
        now_rows, then_rows = _market_days(connection, ids, asked)
        by_rule = _by_rule(connection, ids, asked)
    total = _compared(now_rows, then_rows, asked)
    shown = [
        MarketSource(
            code=one["code"],
            name=rows.named(one, lang),
            region=one["region"],
            sums=_compared(
                (row for row in now_rows if row["market_id"] == one["id"]),
                (row for row in then_rows if row["market_id"] == one["id"]),
                asked,
            ),
        )
        for one in markets
    ]
    return RegionView(
        region=actor.region or "",
        sources=_sources(services, asked, lang, total, _days(now_rows, then_rows, asked), by_rule),
        markets=tuple(sorted(shown, key=lambda one: (-one.sums.figures.amount_fen, one.code))),
    )


def market(services: Services, actor: Actor, lang: str, code: str, asked: Asked) -> MarketSources:
    """Vendor by vendor. Raises OutOfScope, SayWhy."""
    now = services.clock()
    with services.database.read() as connection:
        row = supervised.supervised_market(connection, actor, code)
        reason = _reason(connection, actor, Action.MARKET_LOOKED_AT, row["id"], None, now, SayWhy(code=code))
        now_rows, then_rows = _market_days(connection, [row["id"]], asked)
        by_rule = _by_rule(connection, [row["id"]], asked)
        sellers = {one["id"]: one for one in supervised.vendors(connection, row["id"])}
        sums, before = _by_vendor(connection, row["id"], asked)
        used = _thresholds_used(connection, row["id"], sellers, asked.last_day)
        stalls = None if asked.is_narrowed else _turnover(connection, row["id"], "stall", asked)
    listed = [
        VendorSource(
            id=one["id"],
            name=rows.named(one, lang),
            taxpayer_kind=one["taxpayer_kind"],
            sums=Compared(
                sums.get(one["id"], Figures()),
                None if before is None else before.get(one["id"], Figures()),
            ),
            used_percent=used.get(one["id"], (None, False))[0],
            is_over=used.get(one["id"], (None, False))[1],
        )
        for one in sellers.values()
        if one["id"] in sums or (before is not None and one["id"] in before)
    ]
    return MarketSources(
        market=rows.market_view(row, lang),
        reason=reason,
        sources=_sources(
            services,
            asked,
            lang,
            _compared(now_rows, then_rows, asked),
            _days(now_rows, then_rows, asked),
            by_rule,
        ),
        vendors=tuple(sorted(listed, key=lambda one: (-one.sums.figures.amount_fen, one.id))),
        stalls=None if stalls is None else _stalls(stalls, lang),
        crossed=sum(is_over for _, is_over in used.values()),
        close=sum(percent >= CLOSE_PERCENT and not is_over for percent, is_over in used.values()),
    )


def vendor(services: Services, actor: Actor, lang: str, vendor_id: int, asked: Asked) -> VendorSources:
    """One vendor, stall by stall. `asked` is not narrowed here. Raises OutOfScope, SayWhy."""
    now = services.clock()
    with services.database.read() as connection:
        row = supervised.supervised_vendor(connection, actor, vendor_id)
        reason = _reason_for_vendor(connection, actor, row, now)
        now_days = _vendor_days(connection, vendor_id, asked.first_day, asked.last_day)
        then_days = _vendor_days(connection, vendor_id, *asked.earlier) if asked.earlier else []
        by_rule = supervised.by_rule(connection, vendor_id, asked.first_day, asked.last_day)
        ends = midnight(asked.last_day + DAY)
        stalls = supervised.by_stall(connection, vendor_id, midnight(asked.first_day), ends)
        gauge = vendors.gauge_of(connection, row, lang, business_day(now))
    return VendorSources(
        market=rows.market_of(row, lang),
        seller=_seller(row, lang, now),
        reason=reason,
        sources=_sources(
            services,
            asked,
            lang,
            _compared(now_days, then_days, asked),
            _days(now_days, then_days, asked),
            by_rule,
        ),
        stalls=_stalls(stalls, lang),
        gauge=gauge,
    )


def sales(
    services: Services,
    actor: Actor,
    lang: str,
    vendor_id: int,
    first_day: date,
    last_day: date,
    *,
    invoiced: str = "all",
    amount_fen: int | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 30,
) -> SaleList:
    """A vendor's paid orders, the latest first. Raises BadListing, BadPeriod, OutOfScope, SayWhy."""
    chosen(invoiced, INVOICED, "invoiced")
    asked, now = Asked(first_day, last_day), services.clock()
    before_at, before_id = after or (midnight(asked.last_day + DAY), UUID(int=0))
    wanted: dict[str, object] = {
        "begins": midnight(asked.first_day),
        "before_at": before_at,
        "before_id": before_id,
    }
    if invoiced != "all":
        wanted[f"invoiced_{invoiced}"] = True
    if amount_fen is not None:
        wanted["amount_fen"] = amount_fen
    with services.database.read() as connection:
        row = supervised.supervised_vendor(connection, actor, vendor_id)
        _reason_for_vendor(connection, actor, row, now)
        found = stored.paid_orders(connection, vendor_id, wanted, limit=limit + 1)
        shown = _sale_rows(connection, found[:limit], lang, now)
    last = shown[-1] if len(found) > limit else None
    return SaleList(shown, None if last is None else (last.paid_at, last.order_id))


def sale(services: Services, actor: Actor, lang: str, order_id: UUID) -> SaleView:
    """One paid order and its invoice. Raises OutOfScope, SayWhy."""
    now = services.clock()
    with services.database.read() as connection:
        row = supervised.supervised_sale(connection, actor, order_id)
        _reason_for_vendor(connection, actor, row, now)
        order = vendors.order_of(connection, row["vendor_id"], order_id, lang, now)
        state = ledger_states(connection, Kind.SALE, [str(order_id)], now=now)[str(order_id)]
        invoice = invoices.by_order(connection, order_id)
    body = canonical.decode(invoice.body) if invoice else {"lines": []}
    buyer = canonical.decode(invoice.buyer) if invoice and invoice.buyer else None
    return SaleView(
        market=rows.market_of(row, lang),
        seller=_seller(row, lang, now),
        order=order,
        sale_ledger=state,
        buyer=None if buyer is None else " ".join(filter(None, (buyer["name"], buyer["tax_id"]))),
        tax_lines=tuple(_taxed_line(line, lang) for line in body["lines"]),
    )


def order_of_invoice(services: Services, actor: Actor, number: str) -> UUID:
    """Which sale an invoice is of; who may see it is decided there. Raises OutOfScope."""
    with services.database.read() as connection:
        found = supervised.order_of_invoice(connection, number) if number.isdigit() else None
        if found is None:
            raise OutOfScope
        supervised.supervised_sale(connection, actor, found)
    return found


def stall_check(services: Services, actor: Actor, lang: str, code: str) -> StallCheck:
    """Raises OutOfScope, SayWhy."""
    now = services.clock()
    today = midnight(business_day(now))
    with services.database.read() as connection:
        row = supervised.supervised_stall(connection, actor, code, now)
        _reason(
            connection,
            actor,
            Action.STALL_CHECKED,
            row["market_id"],
            row["vendor_id"],
            now,
            SayWhy(stall=row["code"]),
        )
        line = market_figures.stall_rows(connection, row["market_id"], now, code=row["code"])[0]
        who = row["vendor_id"]
        seller = supervised.supervised_vendor(connection, actor, who) if who else None
        authorised = market_figures.authorisations_at(connection, row["id"])
        found = stored.paid_at_stall(
            connection, row["market_id"], row["id"], max(today, now - RECENT), limit=RECENT_SALES
        )
        recent = _sale_rows(connection, found, lang, now)
        health = chain_answers(connection, now)
    return StallCheck(
        market=rows.market_of(row, lang),
        code=row["code"],
        **{what: rows.named(row, lang, what) for what in ("name", "kind", "place")},
        is_open=row["is_open"],
        as_of=now,
        seller=None if seller is None else _seller(seller, lang, now),
        authorisations=rows.authorisation_views(authorised, lang, now),
        today=rows.figures_of(line),
        last_sale_at=line["last_sale_at"],
        sales=recent,
        chain_answers=health,
    )


# --- looks ------------------------------------------------------------------------------------------------


def _reason(
    connection: Connection,
    actor: Actor,
    action: Action,
    market_id: int,
    vendor_id: int | None,
    now: datetime,
    otherwise: SayWhy,
) -> str:
    """The reason given for a look that still lasts. Raises `otherwise`."""
    since = now - LOOK_LASTS
    reason = supervised.last_look(connection, actor.account_id, action, market_id, vendor_id, since)
    if reason is None:
        raise otherwise
    return reason


def _reason_for_vendor(connection: Connection, actor: Actor, row: Row, now: datetime) -> str:
    vendor_id: int = row["vendor_id"] if "vendor_id" in row else row["id"]
    otherwise = SayWhy(vendor_id=vendor_id, name=row["name_zh"])
    action = Action.VENDOR_LOOKED_AT
    return _reason(connection, actor, action, row["market_id"], vendor_id, now, otherwise)


# --- sums -------------------------------------------------------------------------------------------------


def _narrowed(asked: Asked) -> turnover.Narrowed:
    return turnover.Narrowed(
        rules=[rule.id for rule in asked.rules],
        exempt_rules=[rule.id for rule in asked.rules if rule.treatment == EXEMPT],
        tax_classes=asked.tax_classes,
        taxpayer_kinds=asked.taxpayer_kinds,
    )


def _market_days(
    connection: Connection, ids: Sequence[int], asked: Asked
) -> tuple[Sequence[Row], Sequence[Row]]:
    """A row a market and day, of the days asked about and of those to compare with."""

    def found(first_day: date, last_day: date) -> Sequence[Row]:
        if not asked.is_narrowed:
            return turnover.market_day_rows(connection, ids, first_day, last_day)
        taxed = turnover.taxed_rows(connection, ids, "market_day", first_day, last_day, _narrowed(asked))
        return [dict(row) | asdict(_taxed_figures(row)) for row in taxed]

    earlier = asked.earlier
    return found(asked.first_day, asked.last_day), found(*earlier) if earlier else []


def _by_rule(connection: Connection, ids: Sequence[int], asked: Asked) -> Sequence[Row]:
    return turnover.taxed_rows(connection, ids, "rule", asked.first_day, asked.last_day, _narrowed(asked))


def _by_vendor(
    connection: Connection, market_id: int, asked: Asked
) -> tuple[dict[int, Figures], dict[int, Figures] | None]:
    def found(first_day: date, last_day: date) -> dict[int, Figures]:
        if not asked.is_narrowed:
            sums = turnover.turnover_rows(connection, market_id, "vendor", first_day, last_day, 0)
            return {int(row["key"]): _figures(row) for row in sums}
        taxed = turnover.taxed_rows(connection, [market_id], "vendor", first_day, last_day, _narrowed(asked))
        return {row["vendor_id"]: _taxed_figures(row) for row in taxed}

    earlier = asked.earlier
    return found(asked.first_day, asked.last_day), found(*earlier) if earlier else None


def _turnover(connection: Connection, market_id: int, by: str, asked: Asked) -> Sequence[Row]:
    return turnover.turnover_rows(connection, market_id, by, asked.first_day, asked.last_day, 0)


def _vendor_days(connection: Connection, vendor_id: int, first_day: date, last_day: date) -> list[Row]:
    days = [first_day + n * DAY for n in range((last_day - first_day).days + 1)]
    found = stored.sums(connection, vendor_id, [(midnight(day), midnight(day + DAY)) for day in days])
    return [{"day": day} | asdict(figures) for day, figures in zip(days, found, strict=True)]


def _thresholds_used(
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
            used[vendor_id] = 100 * used_fen // limit_fen, used_fen > limit_fen
    return used


def _figures(row: Row) -> Figures:
    return Figures(**{name: int(row[name]) for name in Figures.__dataclass_fields__})


def _taxed_figures(row: Row) -> Figures:
    """Of lines: no orders, no invoices."""
    amount_fen, exempt_fen, tax_fen = int(row["amount_fen"]), int(row["exempt_fen"]), int(row["tax_fen"])
    return Figures(
        amount_fen=amount_fen,
        exempt_fen=exempt_fen,
        taxable_net_fen=amount_fen - exempt_fen - tax_fen,
        tax_fen=tax_fen,
    )


def _added(found: Iterable[Row]) -> Figures:
    sums = dict.fromkeys(Figures.__dataclass_fields__, 0)
    for row in found:
        for name in sums:
            sums[name] += int(row[name])
    return Figures(**sums)


def _compared(now_rows: Iterable[Row], then_rows: Iterable[Row], asked: Asked) -> Compared:
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


def _sources(
    services: Services,
    asked: Asked,
    lang: str,
    total: Compared,
    days: tuple[DaySource, ...],
    by_rule: Sequence[Row],
) -> Sources:
    ruled = [dict(row) | _rule_figures(row) for row in by_rule]
    return Sources(
        asked=asked,
        as_of=services.clock(),
        total=total,
        days=days,
        rules=tuple(_rule_source(rule, its, lang) for rule, its in _grouped(ruled, "rule")),
        kinds=tuple(
            KindSource(key, rows.named(asdict(GOODS_CLASSES[TaxClass(key)]), lang), _added(its))
            for key, its in _grouped(ruled, "tax_class")
        ),
        sellers=tuple(KindSource(key, key, _added(its)) for key, its in _grouped(ruled, "taxpayer_kind")),
    )


def _rule_figures(row: Row) -> dict[str, int]:
    is_exempt = rule_by_id(row["rule"]).treatment == EXEMPT
    return asdict(_taxed_figures(dict(row) | {"exempt_fen": row["amount_fen"] if is_exempt else 0}))


def _grouped(ruled: Iterable[Row], name: str) -> list[tuple[str, list[Row]]]:
    """The largest first."""
    found: dict[str, list[Row]] = {}
    for row in ruled:
        found.setdefault(row[name], []).append(row)
    size: Callable[[tuple[str, list[Row]]], tuple[int, str]] = lambda one: (  # noqa: E731
        -sum(row["amount_fen"] for row in one[1]),
        one[0],
    )
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


# --- rows into views --------------------------------------------------------------------------------------


def _stalls(found: Iterable[Row], lang: str) -> tuple[StallSource, ...]:
    return tuple(
        StallSource(row["key"] if "key" in row else row["code"], rows.named(row, lang), _figures(row))
        for row in found
    )


def _seller(row: Row, lang: str, now: datetime) -> SellerView:
    return SellerView(
        id=row["vendor_id"] if "vendor_id" in row else row["id"],
        name=rows.named(row, lang),
        taxpayer_kind=row["taxpayer_kind"],
        tax_id=row["tax_id"],
        self_produced=row["self_produced"],
        tax_period=row["tax_period"],
        licence=rows.licence_state(row["licence_until"], business_day(now)),
        licence_no=row["licence_no"],
        licence_until=row["licence_until"],
    )


def _sale_rows(connection: Connection, found: Sequence[Row], lang: str, now: datetime) -> tuple[SaleRow, ...]:
    states = ledger_states(connection, Kind.SALE, [str(row["id"]) for row in found], now=now)
    return tuple(
        SaleRow(
            order_id=row["id"],
            paid_at=row["paid_at"],
            amount_fen=row["amount_fen"],
            goods=vendors.goods_words(row["lines"], lang),
            stall_code=row["stall_code"],
            invoice_number=row["number"],
            ledger=states[str(row["id"])],
        )
        for row in found
    )


def _taxed_line(line: Mapping[str, Any], lang: str) -> TaxedLineView:
    rule = rule_by_id(line["rule"])
    return TaxedLineView(
        name=line["name"],
        amount_fen=line["amount_fen"],
        tax_fen=line["tax_fen"],
        rate=rule.label,
        basis=rule.basis,
        reason=rule.reason_zh if lang == "zh-CN" else rule.reason_en,
    )
