"""A market's day as its sellers attested it, read for the rules: `supervision.rows` from what is stored.

Each document is compared with its entry while it passes by, so that the audit costs no reading of its own.
What cannot even be read is a difference, and no rule sees it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from invoice_service.domain.period import DAY
from invoice_service.ledger.entry import Kind
from invoice_service.store import attested
from invoice_service.supervision import audit
from invoice_service.supervision.rows import (
    Difference,
    GoodsOf,
    Invoice,
    MarketDay,
    Place,
    Refund,
    Sale,
    Seller,
    StallDay,
    invoice_of,
    refund_of,
    sale_of,
)

USUAL = timedelta(days=7)  # who sold within these usually sells

Row = Mapping[str, Any] | RowMapping


@dataclass(frozen=True, slots=True)
class Register:
    """What the service says of a market beside the log."""

    sellers: Mapping[int, Seller]
    places: Sequence[Place]
    goods: Sequence[GoodsOf]


def read(connection: Connection, market: Row, day: date, *, history_days: int, as_of: datetime) -> MarketDay:
    """Wants a transaction: documents are streamed through a cursor in it."""
    known = register(connection, market["id"], day, day)
    differences: list[Difference] = []
    sales = list(_sales(connection, list(known.sellers), day, differences))
    invoices = list(_invoices(connection, list(known.sellers), day, differences))
    refunds = list(_refunds(connection, list(known.sellers), day, differences))
    history = attested.history(connection, market["id"], day - history_days * DAY, day)
    if not differences:  # else a sale that could not be read would be told twice
        differences += audit.sum_differences(sales, refunds, summed_fen(history, day))
    return MarketDay(
        market=market["code"],
        region=market["region"],
        day=day,
        as_of=as_of,
        sales=sales,
        invoices=invoices,
        refunds=refunds,
        history=[_stall_day(row) for row in history],
        sellers=known.sellers,
        places=known.places,
        goods=known.goods,
        differences=differences,
        selling_percent=selling_percent(history, day),
    )


def register(connection: Connection, market_id: int, first_day: date, last_day: date) -> Register:
    """`places` are of the last day, `goods` of all of them."""
    sellers = {
        row["id"]: Seller(
            vendor=row["id"],
            name=row["name_zh"],
            taxpayer_kind=row["taxpayer_kind"],
            tax_period=row["tax_period"],
            licensed=frozenset(row["licensed_classes"]),
        )
        for row in attested.sellers(connection, market_id)
    }
    places = [
        Place(row["code"], row["vendor_id"], row["is_open"], row["has_code"])
        for row in attested.places(connection, market_id, last_day)
    ]
    goods = [
        GoodsOf(row["vendor_id"], row["name_zh"], row["tax_class"])
        for row in attested.goods(connection, market_id, first_day, last_day)
    ]
    return Register(sellers, places, goods)


def sale(row: Row, body: Mapping[str, Any]) -> Sale:
    return sale_of(
        body,
        vendor=row["vendor_id"],
        rules=row["line_rules"],
        invoice=row["number"],
        anchored_at=row["anchored_at"],
    )


def document(kind: Kind, row: Row) -> audit.Document:
    return audit.Document(
        kind, row["fact"], bytes(row["body"]), bytes(row["salt"]), row["entry"], row["amount_fen"]
    )


def _sales(
    connection: Connection, vendor_ids: Sequence[int], day: date, differences: list[Difference]
) -> Iterator[Sale]:
    for row in attested.sales(connection, vendor_ids, day, day):
        body = _audited(Kind.SALE, row, differences)
        if body is not None:
            yield sale(row, body)


def _invoices(
    connection: Connection, vendor_ids: Sequence[int], day: date, differences: list[Difference]
) -> Iterator[Invoice]:
    for row in attested.invoices(connection, vendor_ids, day, day):
        body = _audited(Kind.INVOICE, row, differences)
        if body is not None:
            yield invoice(row, body)


def invoice(row: Row, body: Mapping[str, Any]) -> Invoice:
    buyer = audit.value(row["buyer"]) if row["buyer"] is not None else None
    return invoice_of(
        body, buyer, vendor=row["vendor_id"], order=row["order_id"], anchored_at=row["anchored_at"]
    )


def _refunds(
    connection: Connection, vendor_ids: Sequence[int], day: date, differences: list[Difference]
) -> Iterator[Refund]:
    for row in attested.refunds(connection, vendor_ids, day, day):
        body = _audited(Kind.REFUND, row, differences)
        if body is not None:
            yield refund_of(body, vendor=row["vendor_id"], stall=row["stall"], counted_fen=row["counted_fen"])


def _audited(kind: Kind, row: Row, differences: list[Difference]) -> dict[str, Any] | None:
    """The body, where it is what was attested; else what does not fit is noted."""
    stored = document(kind, row)
    body = audit.value(stored.body)
    found = audit.problem(stored, body)
    if found is None:
        return body
    differences.append(audit.difference(stored, row["vendor_id"], body, found))
    return None


def _stall_day(row: Row) -> StallDay:
    return StallDay(row["day"], row["vendor_id"], row["stall"], row["orders"], row["counted_fen"])


def summed_fen(history: Sequence[Row], day: date) -> dict[int, int]:
    """What each vendor took on a day, less what went back, by the sums."""
    summed: dict[int, int] = defaultdict(int)
    for row in history:
        if row["day"] == day:
            summed[row["vendor_id"]] += row["amount_fen"]
    return dict(summed)


def selling_percent(history: Sequence[Row], day: date) -> int:
    """How many of the stalls that sold in the days before sold on this day, too."""
    sold = [row for row in history if row["orders"]]
    usual = {row["stall"] for row in sold if day - USUAL <= row["day"] < day}
    today = {row["stall"] for row in sold if row["day"] == day}
    return 100 * len(usual & today) // len(usual) if usual else 100
