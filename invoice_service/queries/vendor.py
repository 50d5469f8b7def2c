"""What a vendor sees of the own business. Others whose scope holds the vendor may look, too; their look is
written down by whoever lets them (`flow.manage_vendor.look`). An officer's look has a door of its own.

Figures come from the rollups, lists from indexes, and what a vendor asks takes three statements at most.
`vendor_id` names whose affairs are meant; a vendor leaves it out and gets the own. All raise OutOfScope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from invoice_service.domain import threshold
from invoice_service.domain.goods import UNITS, Goods
from invoice_service.domain.goods_kinds import kind_of, kinds_on
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.lifecycle import OrderStatus
from invoice_service.domain.listing import chosen
from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import DAY, PeriodKind, midnight, period_of
from invoice_service.domain.policy import Actor, OutOfScope, Role, Scope, check_books, own_vendor
from invoice_service.domain.threshold import Counted
from invoice_service.domain.token import ORDER
from invoice_service.ledger.entry import Kind
from invoice_service.queries import refunds
from invoice_service.queries import vendor_spans as spans
from invoice_service.queries.ledger_state import ledger_states
from invoice_service.queries.live import vendor_mark
from invoice_service.queries.vendor_views import (
    ChannelCount,
    DayClosed,
    DayCloseView,
    DayFigures,
    GaugeView,
    GoodsItem,
    GoodsSold,
    GoodsView,
    InvoiceList,
    InvoiceRow,
    KeyingView,
    LastPayment,
    MonthSummary,
    OrderDetail,
    OrderList,
    OrderRow,
    ReceivedPayment,
    SalesView,
    SoldLine,
    StallNow,
    TaxChoice,
    TodayView,
)
from invoice_service.queries.views import LedgerState
from invoice_service.services import Services
from invoice_service.store import catalogue, day_closes
from invoice_service.store import sales as stored

LAST_PAYMENTS = 10
GOODS_NAMED = 3  # of one order, in a list
CLOSES_SHOWN = 10


def today(services: Services, actor: Actor, lang: str, vendor_id: int | None = None) -> TodayView:
    now = services.clock()
    day = period_of(PeriodKind.DAY, business_day(now))
    yesterday = day.before()
    with services.database.read() as connection:
        vendor = _vendor(connection, actor, vendor_id, now)
        ranges = [(day.begins, day.ends), spans.so_far(yesterday, day, now), *spans.of_ceiling(vendor, now)]
        figures, earlier, *month = stored.sums(connection, vendor["id"], ranges)
        last = stored.last_paid(connection, vendor["id"], limit=LAST_PAYMENTS)
    return TodayView(
        vendor_id=vendor["id"],
        vendor_name=_named(vendor, "name", lang),
        market_name=_named(vendor, "market", lang),
        day=day.first_day,
        as_of=now,
        figures=figures,
        yesterday=earlier,
        last=tuple(_last_payment(row, lang) for row in last),
        stalls=_stalls(vendor, lang),
        allowance=spans.allowance(vendor, month, now),
        mark=vendor_mark(day.first_day, figures.orders, figures.invoices, figures.amount_fen),
    )


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
    now = services.clock()
    wanted = period_of(period, day or business_day(now))
    before = wanted.before()
    bars, bars_before = spans.bar_ranges(wanted), spans.bar_ranges(before)
    whole = [(wanted.begins, wanted.ends), (before.begins, before.ends), spans.so_far(before, wanted, now)]
    with services.database.read() as connection:
        whose = _whose(connection, actor, vendor_id, now)
        found = stored.sums(connection, whose, [*whole, *bars, *bars_before])
        goods = stored.goods_sold(connection, whose, wanted)
    total, total_before, so_far = found[:3]
    shown, earlier = found[3 : 3 + len(bars)], found[3 + len(bars) :]
    return SalesView(
        period=wanted,
        is_over=wanted.ends <= now,
        bars=tuple(
            spans.bar(wanted, begins, figures, then)
            for (begins, _), figures, then in zip(
                bars, shown, spans.padded([one.amount_fen for one in earlier], len(bars)), strict=True
            )
        ),
        total=total,
        before=total_before,
        before_so_far=so_far,
        goods=_goods_sold(goods, lang),
    )


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
    begins, ends = spans.between(from_day, to_day)
    wanted = {
        "after": after,
        "status": status and chosen(status, [one.value for one in OrderStatus], "status"),
        "amount_fen": amount_fen,
        "from_id": begins and stored.first_id(begins),
        "to_id": ends and stored.first_id(ends),
    }
    with services.database.read() as connection:
        whose = _whose(connection, actor, vendor_id, services.clock())
        rows = stored.orders(connection, whose, _given(wanted), limit=limit + 1)
    shown = tuple(_order_row(row, lang) for row in rows[:limit])
    return OrderList(shown, shown[-1].order_id if len(rows) > limit else None)


def order(
    services: Services, actor: Actor, lang: str, order_id: UUID, vendor_id: int | None = None
) -> OrderDetail:
    """Raises OutOfScope for another vendor's order, as for one that is not there."""
    now = services.clock()
    with services.database.read() as connection:
        whose = _whose(connection, actor, vendor_id, now)
        found = order_of(connection, whose, order_id, lang, now)
    if not (found.is_keyed and found.status == OrderStatus.OPEN.value):
        return found
    return replace(found, token=services.keyring.tokens.derive(ORDER, str(order_id)))


def order_of(connection: Connection, vendor_id: int, order_id: UUID, lang: str, now: datetime) -> OrderDetail:
    """Of a vendor whom the caller may look at; without the order's token. Raises OutOfScope."""
    row = stored.order(connection, vendor_id, order_id)
    if row is None:
        raise OutOfScope
    number = row["number"]
    state = ledger_states(connection, Kind.INVOICE, [number], now=now)[number] if number else None
    return OrderDetail(
        order_id=order_id,
        token=None,
        status=row["status"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        paid_at=row["paid_at"],
        amount_fen=row["amount_fen"],
        rounded_off_fen=row["rounded_off_fen"],
        stall_code=row["stall_code"],
        stall_name=_named(row, "stall", lang),
        is_keyed=row["is_keyed"],
        lines=tuple(_sold_line(line, lang) for line in row["lines"]),
        payments=tuple(_received(payment) for payment in row["payments"]),
        refunds=refunds.of_order(connection, order_id) if row["has_refunds"] else (),
        invoice_number=number,
        invoiced_at=row["issued_at"],
        ledger=state,
    )


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
    now = services.clock()
    begins, ends = spans.between(from_day, to_day)
    after_at, after_number = after or (None, None)
    wanted = {
        "after_at": after_at,
        "after_number": after_number,
        "amount_fen": amount_fen,
        "from_at": begins,
        "to_at": ends,
    }
    with services.database.read() as connection:
        whose = _whose(connection, actor, vendor_id, now)
        rows = stored.invoices(connection, whose, _given(wanted), limit=limit + 1)
        numbers = [row["number"] for row in rows[:limit]]
        states = ledger_states(connection, Kind.INVOICE, numbers, now=now)
    shown = tuple(_invoice_row(row, states[row["number"]], lang) for row in rows[:limit])
    return InvoiceList(shown, (shown[-1].issued_at, shown[-1].number) if len(rows) > limit else None)


def goods(services: Services, actor: Actor, lang: str, vendor_id: int | None = None) -> GoodsView:
    now = services.clock()
    with services.database.read() as connection:
        vendor = _vendor(connection, actor, vendor_id, now)
        stock = catalogue.stock(connection, vendor["id"])
    return GoodsView(
        vendor_name=_named(vendor, "name", lang),
        items=tuple(_goods_item(one, lang) for one in stock),
        units=UNITS,
        choices=tuple(
            TaxChoice(one.key, one.tax_class.value, one.tax_code, _said(one, "name", lang))
            for one in kinds_on(business_day(now))
        ),
    )


def keying(services: Services, actor: Actor, lang: str) -> KeyingView:
    """Raises NotAllowed for anybody but a vendor."""
    _, own = own_vendor(actor)
    with services.database.read() as connection:
        vendor = _vendor(connection, actor, own, services.clock())
        stock = catalogue.stock(connection, own)
    return KeyingView(
        vendor_name=_named(vendor, "name", lang),
        stalls=_stalls(vendor, lang),
        items=tuple(_goods_item(one, lang) for one in stock),
        max_rounding_fen=services.config.max_rounding_fen,
        max_amount_fen=services.config.max_amount_fen,
    )


def gauge(services: Services, actor: Actor, lang: str, vendor_id: int | None = None) -> GaugeView:
    now = services.clock()
    with services.database.read() as connection:
        vendor = _vendor(connection, actor, vendor_id, now)
        return gauge_of(connection, vendor, lang, business_day(now))


def gauge_of(connection: Connection, vendor: RowMapping, lang: str, day: date) -> GaugeView:
    """Of a vendor whom the caller may look at, as of a day."""
    first = threshold.first_day_needed(vendor["tax_period"], day)
    last = period_of(vendor["tax_period"], day).last_day
    days = [first + n * DAY for n in range((last - first).days + 1)]
    found = stored.sums(connection, vendor["id"], [(midnight(one), midnight(one + DAY)) for one in days])
    sold = {one: Counted(f.exempt_fen, f.taxable_net_fen) for one, f in zip(days, found, strict=True)}
    made = threshold.gauge(TaxpayerKind(vendor["taxpayer_kind"]), vendor["tax_period"], sold, day)
    return GaugeView(
        vendor_name=_named(vendor, "name", lang),
        gauge=made,
        rule_text=_said(made.threshold, "reason", lang) if made.threshold else "",
        counts_text=_said(made.threshold, "counts", lang) if made.threshold else "",
    )


def day_close(
    services: Services, actor: Actor, day: date | None = None, vendor_id: int | None = None
) -> DayCloseView:
    """Today's if no day is given. Raises DayOutOfRange."""
    now = services.clock()
    wanted = period_of(PeriodKind.DAY, day or business_day(now))
    with services.database.read() as connection:
        whose = _whose(connection, actor, vendor_id, now)
        (figures,) = stored.sums(connection, whose, [(wanted.begins, wanted.ends)])
        recorded = stored.channels(connection, whose, wanted)
        closes = day_closes.of_day(connection, whose, wanted.first_day, limit=CLOSES_SHOWN)
    return DayCloseView(
        day=wanted.first_day,
        is_over=wanted.ends <= now,
        figures=figures,
        channels=_channel_counts(recorded, closes, tuple(services.providers)),
        closes=tuple(_day_closed(row) for row in closes),
    )


def month_summary(
    services: Services, actor: Actor, lang: str, day: date | None = None, vendor_id: int | None = None
) -> MonthSummary:
    """Of the month that holds a day, this month if none is given. Raises DayOutOfRange."""
    now = services.clock()
    month = period_of(PeriodKind.MONTH, day or business_day(now))
    days = list(month.days())
    ranges = [(month.begins, month.ends), *((midnight(one), midnight(one + DAY)) for one in days)]
    with services.database.read() as connection:
        vendor = _vendor(connection, actor, vendor_id, now)
        total, *found = stored.sums(connection, vendor["id"], ranges)
        goods = stored.goods_sold(connection, vendor["id"], month)
    return MonthSummary(
        vendor_name=_named(vendor, "name", lang),
        period=month,
        days=tuple(DayFigures(one, figures) for one, figures in zip(days, found, strict=True)),
        goods=_goods_sold(goods, lang),
        total=total,
    )


# --- whose ------------------------------------------------------------------------------------------------


def _whose(connection: Connection, actor: Actor, vendor_id: int | None, now: datetime) -> int:
    """The vendor that is meant. Nobody has to look up whether vendors may see what is their own."""
    if actor.role is Role.VENDOR and actor.vendor_id is not None and vendor_id in (None, actor.vendor_id):
        return actor.vendor_id
    found: int = _vendor(connection, actor, vendor_id, now)["id"]
    return found


def _vendor(connection: Connection, actor: Actor, vendor_id: int | None, now: datetime) -> RowMapping:
    """Raises OutOfScope, NotAllowed."""
    meant = actor.vendor_id if vendor_id is None else vendor_id
    row = None if meant is None else stored.vendor(connection, meant, now)
    if row is None:
        raise OutOfScope
    check_books(actor, Scope(row["market_id"], row["region"], row["id"]))
    return row


# --- rows into views --------------------------------------------------------------------------------------


def _given(wanted: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in wanted.items() if value is not None}


def _named(row: RowMapping, name: str, lang: str) -> str:
    found: str = row[name + ("_zh" if lang == "zh-CN" else "_en")]
    return found


def _said(value: object, name: str, lang: str) -> str:
    found: str = getattr(value, name + ("_zh" if lang == "zh-CN" else "_en"))
    return found


def _stalls(vendor: RowMapping, lang: str) -> tuple[StallNow, ...]:
    name = "zh" if lang == "zh-CN" else "en"
    return tuple(StallNow(stall["code"], stall[name], stall["is_open"]) for stall in vendor["stalls"])


def _last_payment(row: RowMapping, lang: str) -> LastPayment:
    return LastPayment(
        order_id=row["id"],
        paid_at=row["paid_at"],
        amount_fen=row["amount_fen"],
        refunded_fen=row["refunded_fen"],
        goods=goods_words(row["lines"], lang),
        channel=row["provider"],
        is_invoiced=row["number"] is not None,
        is_keyed=row["is_keyed"],
        stall_code=row["stall_code"],
    )


def _order_row(row: RowMapping, lang: str) -> OrderRow:
    return OrderRow(
        order_id=row["id"],
        status=row["status"],
        created_at=row["created_at"],
        paid_at=row["paid_at"],
        amount_fen=row["amount_fen"],
        refunded_fen=row["refunded_fen"],
        rounded_off_fen=row["rounded_off_fen"],
        goods=goods_words(row["lines"], lang),
        stall_code=row["stall_code"],
        is_keyed=row["is_keyed"],
        invoice_number=row["number"],
    )


def _invoice_row(row: RowMapping, ledger: LedgerState, lang: str) -> InvoiceRow:
    stored = ("number", "order_id", "issued_at", "total_fen", "tax_fen", "credited_fen", "stall_code")
    return InvoiceRow(
        **{name: row[name] for name in stored},
        stall_name=_named(row, "stall", lang),
        ledger=ledger,
    )


def goods_words(lines: Sequence[Mapping[str, Any]], lang: str) -> str:
    """The first few in words; how many more there are in a number."""
    words = [_line_words(line, "zh" if lang == "zh-CN" else "en") for line in lines[:GOODS_NAMED]]
    more = f" +{len(lines) - GOODS_NAMED}" if len(lines) > GOODS_NAMED else ""
    return ("、" if lang == "zh-CN" else ", ").join(words) + more


def _line_words(line: Mapping[str, Any], name: str) -> str:
    if line["sku"] is None:
        return str(line[name])
    return f"{line[name]} {decimal_text(Decimal(line['quantity']))} {line['unit']}"


def _sold_line(line: Mapping[str, Any], lang: str) -> SoldLine:
    told = {name: line[name] for name in ("unit", "amount_fen", "left_fen")}
    told |= {name: Decimal(line[name]) for name in ("quantity", "unit_price", "left_quantity")}
    return SoldLine(name=line["zh" if lang == "zh-CN" else "en"], **told)


def _received(payment: Mapping[str, Any]) -> ReceivedPayment:
    times = {
        name: payment[name] and datetime.fromisoformat(payment[name]) for name in ("paid_at", "refunded_at")
    }
    return ReceivedPayment(**dict(payment) | times)


def _goods_item(one: Goods, lang: str) -> GoodsItem:
    kind = kind_of(one.tax_class, one.tax_code)
    return GoodsItem(
        sku=one.sku,
        name=_said(one, "name", lang),
        name_zh=one.name_zh,
        name_en=one.name_en,
        unit=one.unit,
        price_fen=one.price_fen,
        tax_class=one.tax_class.value,
        tax_code=one.tax_code,
        available=one.available,
        kind=kind.key if kind else None,
    )


def _goods_sold(rows: Sequence[RowMapping], lang: str) -> tuple[GoodsSold, ...]:
    brought_fen = sum(max(0, row["amount_fen"]) for row in rows)
    return tuple(
        GoodsSold(
            name=_named(row, "name", lang),
            unit=row["unit"],
            tax_class=row["tax_class"],
            lines=row["lines"],
            quantity=row["quantity"],
            amount_fen=row["amount_fen"],
            share_percent=round(100 * max(0, row["amount_fen"]) / brought_fen) if brought_fen else 0,
        )
        for row in rows
    )


def _channel_counts(
    recorded: Sequence[RowMapping], closes: Sequence[RowMapping], offered: tuple[str, ...]
) -> tuple[ChannelCount, ...]:
    """Every channel that brought something, is offered, or was stated."""
    stated: Mapping[str, int] = closes[0]["stated_fen"] if closes else {}
    found = {row["channel"]: row for row in recorded}
    return tuple(
        ChannelCount(
            channel=channel,
            payments=found[channel]["payments"] if channel in found else 0,
            recorded_fen=found[channel]["recorded_fen"] if channel in found else 0,
            refunded_fen=found[channel]["refunded_fen"] if channel in found else 0,
            stated_fen=stated.get(channel),
        )
        for channel in sorted({*found, *offered, *stated})
    )


def _day_closed(row: RowMapping) -> DayClosed:
    return DayClosed(
        closed_at=row["closed_at"],
        by=row["by"],
        recorded_fen=sum(row["recorded_fen"].values()),
        stated_fen=sum(row["stated_fen"].values()),
        cash_fen=row["cash_fen"],
        note=row["note"],
    )
