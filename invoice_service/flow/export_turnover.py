"""A market's turnover as an XLSX workbook; that it was taken out is written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import RowMapping

from invoice_service.documents.workbook import Column, WorkSheet, workbook
from invoice_service.domain.access import Action
from invoice_service.domain.listing import check_period, chosen
from invoice_service.domain.policy import Actor, check_fresh
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import market, turnover

ALL_GOODS = 100_000  # more kinds than any market sells
# (Chinese, English, what stands in the column, of what name the row's value is)
_TAKINGS = ("收款，已扣退款（元）", "Takings less paid back (¥)", "money_fen", "amount_fen")
_NAMED = (("名称", "Name", "text", "name"),)
_COUNTED = (
    ("订单数", "Orders", "count", "orders"),
    ("开票数", "Invoices", "count", "invoices"),
    ("开票金额（元）", "Invoiced (¥)", "money_fen", "invoiced_fen"),
    _TAKINGS,
)
_SOLD = (("笔数", "Lines", "count", "lines"), _TAKINGS)
_WEIGHED = (("单位", "Unit", "text", "unit"), ("数量", "Quantity", "quantity", "quantity"))
_KEYS = {
    "stall": (("摊位", "Stall", "text", "key"), *_NAMED, *_COUNTED),
    "vendor": (("经营户", "Vendor", "text", "name"), *_COUNTED),
    "hour": (("时", "Hour", "text", "key"), *_COUNTED),
    "day": (("日期", "Day", "text", "key"), *_COUNTED),
    "kind": (("类别", "Kind", "text", "key"), *_SOLD),
    "goods": (("商品", "Goods", "text", "name"), *_WEIGHED, *_SOLD),
}


def export(
    services: Services,
    actor: Actor,
    lang: str,
    first_day: date,
    last_day: date,
    by: str,
    *,
    market_code: str | None = None,
) -> tuple[str, bytes]:
    """(file name, workbook) of the same sums as the page shows, every kind of goods among them.

    Raises ConfirmFirst, OutOfScope, BadListing, BadPeriod.
    """
    chosen(by, turnover.TURNOVER_BY, "by")
    check_period(first_day, last_day)
    now = services.clock()
    with services.database.unit_of_work() as uow:
        row = market.managed_market(uow.connection, actor, market_code)
        check_fresh(actor, now)
        found = turnover.turnover_rows(uow.connection, row["id"], by, first_day, last_day, ALL_GOODS)
        note(
            uow.connection,
            actor,
            Action.EXPORTED,
            now=now,
            market_id=row["id"],
            subject=f"{by} {first_day} – {last_day}",
        )
        uow.commit()
    sheet = _sheet(found, by, f"{first_day} {last_day}", is_chinese=lang == "zh-CN")
    return f"turnover-{by}-{first_day}-{last_day}.xlsx", workbook([sheet], created=now)


def _sheet(rows: Sequence[RowMapping], by: str, title: str, *, is_chinese: bool) -> WorkSheet:
    columns = _KEYS[by]
    return WorkSheet(
        title=title,
        columns=tuple(
            Column(chinese if is_chinese else english, kind, 24 if kind == "text" else 14)
            for chinese, english, kind, _name in columns
        ),
        rows=[
            [_value(row, kind, name, is_chinese=is_chinese) for _zh, _en, kind, name in columns]
            for row in rows
        ],
        total="合计" if is_chinese else "Total",
    )


def _value(row: RowMapping, kind: str, name: str, *, is_chinese: bool) -> object:
    value = row["name_zh" if is_chinese else "name_en"] if name == "name" else row[name]
    if kind == "text":
        return str(value)
    return value if kind == "quantity" else int(value)
