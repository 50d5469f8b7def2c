"""Where tax arises, for a tax officer: from a region down to one sale and its entry in the ledger.

Sums by market need no reason. Sums by vendor, and everything about one vendor, are read only while a look
that was recorded with its reason lasts (`flow.look`); otherwise SayWhy is raised. Turnover is of paid orders,
invoiced or not. Every sum is made from the same rows, so that a figure that stands in two places is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.access import LOOK_LASTS, Action, SayWhy
from invoice_service.domain.figures import Figures
from invoice_service.domain.listing import chosen
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import DAY, midnight
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.domain.tax import rule_by_id
from invoice_service.domain.tax_sources import Asked
from invoice_service.domain.threshold import CLOSE_PERCENT
from invoice_service.ledger import canonical
from invoice_service.ledger.entry import Kind
from invoice_service.queries import allowances
from invoice_service.queries import market_rows as rows
from invoice_service.queries import source_sums as sums
from invoice_service.queries import vendor as vendors
from invoice_service.queries.ledger_state import chain_answers, ledger_states
from invoice_service.queries.supervision_views import (
    Compared,
    MarketSource,
    MarketSources,
    RegionView,
    SaleList,
    SaleRow,
    SaleView,
    SellerView,
    StallCheck,
    StallSeller,
    StallSource,
    StallSources,
    TaxedLineView,
    VendorAllowance,
    VendorSource,
    VendorSources,
)
from invoice_service.services import Services
from invoice_service.store import invoices, market_figures, supervised
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
        now_rows, then_rows = sums.market_days(connection, ids, asked)
        by_rule = sums.by_rule(connection, ids, asked)
    shown = [
        MarketSource(
            code=one["code"],
            name=rows.named(one, lang),
            region=one["region"],
            sums=sums.compared(
                (row for row in now_rows if row["market_id"] == one["id"]),
                (row for row in then_rows if row["market_id"] == one["id"]),
                asked,
            ),
        )
        for one in markets
    ]
    return RegionView(
        region=actor.region or "",
        sources=sums.sources(services, asked, lang, now_rows, then_rows, by_rule),
        markets=tuple(sorted(shown, key=lambda one: (-one.sums.figures.amount_fen, one.code))),
    )


def market(services: Services, actor: Actor, lang: str, code: str, asked: Asked) -> MarketSources:
    """Vendor by vendor. Raises OutOfScope, SayWhy."""
    now = services.clock()
    with services.database.read() as connection:
        row = supervised.market_looked_at(connection, actor, code, now)
        now_rows, then_rows = sums.market_days(connection, [row["id"]], asked)
        by_rule = sums.by_rule(connection, [row["id"]], asked)
        sellers = {one["id"]: one for one in supervised.vendors(connection, row["id"])}
        sold, before = sums.by_vendor(connection, row["id"], asked)
        used = sums.thresholds_used(connection, row["id"], sellers, asked.last_day)
        stalls = None if asked.is_narrowed else sums.by_stall(connection, row["id"], asked)
    listed = [
        VendorSource(
            id=one["id"],
            name=rows.named(one, lang),
            taxpayer_kind=one["taxpayer_kind"],
            sums=Compared(
                sold.get(one["id"], Figures()),
                None if before is None else before.get(one["id"], Figures()),
            ),
            used_percent=used.get(one["id"], (None, False))[0],
            is_over=used.get(one["id"], (None, False))[1],
        )
        for one in sellers.values()
        if one["id"] in sold or (before is not None and one["id"] in before)
    ]
    return MarketSources(
        market=rows.market_view(row, lang),
        reason=row["reason"],
        sources=sums.sources(services, asked, lang, now_rows, then_rows, by_rule),
        vendors=tuple(sorted(listed, key=lambda one: (-one.sums.figures.amount_fen, one.id))),
        stalls=None if stalls is None else _stalls(stalls, lang),
        crossed=sum(is_over for _, is_over in used.values()),
        close=sum(percent >= CLOSE_PERCENT and not is_over for percent, is_over in used.values()),
    )


def vendor(services: Services, actor: Actor, lang: str, vendor_id: int, asked: Asked) -> VendorSources:
    """One vendor, stall by stall. `asked` is not narrowed here. Raises OutOfScope, SayWhy."""
    now = services.clock()
    with services.database.read() as connection:
        row, reason = looked_at(connection, actor, vendor_id, now)
        now_days = sums.vendor_days(connection, vendor_id, asked.first_day, asked.last_day)
        then_days = sums.vendor_days(connection, vendor_id, *asked.earlier) if asked.earlier else []
        by_rule = supervised.by_rule(connection, vendor_id, asked.first_day, asked.last_day)
        ends = midnight(asked.last_day + DAY)
        stalls = supervised.by_stall(connection, vendor_id, midnight(asked.first_day), ends)
        gauge = vendors.gauge_of(connection, row, lang, business_day(now))
        allowance = allowances.of_vendor(connection, vendor_id, now)
    return VendorSources(
        market=rows.market_of(row, lang),
        seller=_seller(row, lang, now),
        reason=reason,
        sources=sums.sources(services, asked, lang, now_days, then_days, by_rule),
        stalls=_stalls(stalls, lang),
        gauge=gauge,
        allowance=allowance,
    )


def allowance_of(services: Services, actor: Actor, lang: str, vendor_id: int) -> VendorAllowance:
    """What a vendor may invoice this month. Raises OutOfScope, SayWhy."""
    now = services.clock()
    with services.database.read() as connection:
        row, reason = looked_at(connection, actor, vendor_id, now)
        found = allowances.of_vendor(connection, vendor_id, now)
    return VendorAllowance(rows.market_of(row, lang), vendor_id, rows.named(row, lang), reason, found)


def stall(services: Services, actor: Actor, lang: str, code: str, asked: Asked) -> StallSources:
    """What was sold at one stall, by whomever. `asked` is not narrowed here. Raises OutOfScope, SayWhy."""
    now = services.clock()
    with services.database.read() as connection:
        row = supervised.supervised_stall(connection, actor, code, now)
        market = supervised.market_looked_at(connection, actor, row["market_code"], now)
        now_days = supervised.stall_days(connection, row, asked.first_day, asked.last_day)
        then_days = supervised.stall_days(connection, row, *asked.earlier) if asked.earlier else []
        by_rule = supervised.stall_rules(connection, row, asked.first_day, asked.last_day)
        sellers = supervised.stall_sellers(connection, row, asked.first_day, asked.last_day)
    return StallSources(
        market=rows.market_of(row, lang),
        code=row["code"],
        name=rows.named(row, lang),
        place=rows.named(row, lang, "place"),
        reason=market["reason"],
        sources=sums.sources(services, asked, lang, now_days, then_days, by_rule),
        sellers=tuple(StallSeller(one["id"], rows.named(one, lang), sums.figures(one)) for one in sellers),
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
        looked_at(connection, actor, vendor_id, now)
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
        of_whom = row["market_id"], row["vendor_id"]
        otherwise = SayWhy(stall=row["code"])
        _reason(connection, actor, Action.STALL_CHECKED, *of_whom, now, otherwise, subject=row["code"])
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
    subject: str | None = None,
) -> str:
    """The reason given for a look that still lasts. Raises `otherwise`."""
    since = now - LOOK_LASTS
    reason = supervised.last_look(connection, actor.account_id, action, market_id, vendor_id, since, subject)
    if reason is None:
        raise otherwise
    return reason


def looked_at(connection: Connection, actor: Actor, vendor_id: int, now: datetime) -> tuple[RowMapping, str]:
    """A vendor, and the reason given for the look that lasts. Raises OutOfScope, SayWhy."""
    row = supervised.supervised_vendor(connection, actor, vendor_id)
    return row, _reason_for_vendor(connection, actor, row, now)


def _reason_for_vendor(connection: Connection, actor: Actor, row: Row, now: datetime) -> str:
    vendor_id: int = row["vendor_id"] if "vendor_id" in row else row["id"]
    otherwise = SayWhy(vendor_id=vendor_id, name=row["name_zh"])
    action = Action.VENDOR_LOOKED_AT
    return _reason(connection, actor, action, row["market_id"], vendor_id, now, otherwise)


# --- rows into views --------------------------------------------------------------------------------------


def _stalls(found: Iterable[Row], lang: str) -> tuple[StallSource, ...]:
    return tuple(
        StallSource(row["key"] if "key" in row else row["code"], rows.named(row, lang), sums.figures(row))
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
            refunded_fen=row["refunded_fen"],
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
