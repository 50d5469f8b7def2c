"""A month of a vendor as an XLSX workbook; that it was taken out is written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, RowMapping

from invoice_service.documents.workbook import Column, WorkSheet, workbook
from invoice_service.domain.access import Action
from invoice_service.domain.figures import Figures
from invoice_service.domain.period import DAY, Period, PeriodKind, midnight, period_of
from invoice_service.domain.policy import Actor, OutOfScope, Scope, check_books, check_fresh
from invoice_service.flow.access import note
from invoice_service.services import Services
from invoice_service.store import sales

# (Chinese, English, what stands in the column). What went back is taken off everywhere else.
_DAYS = (
    ("日期", "Day", "day"),
    ("订单数", "Orders", "count"),
    ("收款，已扣退款（元）", "Takings less paid back (¥)", "money_fen"),
    ("退款（元）", "Paid back (¥)", "money_fen"),
    ("免税销售额（元）", "Exempt sales (¥)", "money_fen"),
    ("应税销售额，不含税（元）", "Taxable sales without tax (¥)", "money_fen"),
    ("税额（元）", "Tax (¥)", "money_fen"),
    ("开票数", "Invoices", "count"),
    ("开票金额（元）", "Invoiced (¥)", "money_fen"),
)
_GOODS = (
    ("商品", "Goods", "text"),
    ("单位", "Unit", "text"),
    ("笔数", "Lines", "count"),
    ("数量", "Quantity", "quantity"),
    ("金额（元）", "Amount (¥)", "money_fen"),
)


def export_month(
    services: Services, actor: Actor, lang: str, day: date, vendor_id: int | None = None
) -> tuple[str, bytes]:
    """(file name, workbook) of the month that holds a day; of a vendor's own unless another is named.

    Raises ConfirmFirst, OutOfScope, NotAllowed, DayOutOfRange.
    """
    now = services.clock()
    month = period_of(PeriodKind.MONTH, day)
    with services.database.unit_of_work() as uow:
        meant = actor.vendor_id if vendor_id is None else vendor_id
        vendor = None if meant is None else sales.vendor(uow.connection, meant, now)
        if vendor is None:
            raise OutOfScope
        check_books(actor, Scope(vendor["market_id"], vendor["region"], vendor["id"]))
        check_fresh(actor, now)
        sheets = _sheets(uow.connection, vendor, month, is_chinese=lang == "zh-CN")
        note(
            uow.connection,
            actor,
            Action.EXPORTED,
            now=now,
            market_id=vendor["market_id"],
            vendor_id=vendor["id"],
            subject=f"{vendor['name_zh']} {month.first_day:%Y-%m}",
        )
        uow.commit()
    return f"sales-{month.first_day:%Y-%m}.xlsx", workbook(sheets, created=now)


def _sheets(
    connection: Connection, vendor: RowMapping, month: Period, *, is_chinese: bool
) -> tuple[WorkSheet, WorkSheet]:
    days = list(month.days())
    figures = sales.sums(connection, vendor["id"], [(midnight(day), midnight(day + DAY)) for day in days])
    paid_back = sales.paid_back(connection, vendor["id"], month)
    goods = sales.goods_sold(connection, vendor["id"], month)
    name = vendor["name_zh" if is_chinese else "name_en"]
    total = "合计" if is_chinese else "Total"
    return (
        WorkSheet(
            title=f"{month.first_day:%Y-%m} {name}",
            columns=_columns(_DAYS, is_chinese),
            rows=tuple(
                _day_row(day, one, paid_back.get(day, 0)) for day, one in zip(days, figures, strict=True)
            ),
            total=total,
        ),
        WorkSheet(
            title="商品" if is_chinese else "Goods",
            columns=_columns(_GOODS, is_chinese),
            rows=tuple(_goods_row(row, is_chinese) for row in goods),
            total=total,
        ),
    )


def _columns(named: Sequence[tuple[str, str, str]], is_chinese: bool) -> tuple[Column, ...]:
    return tuple(Column(chinese if is_chinese else english, kind, 24) for chinese, english, kind in named)


def _day_row(day: date, one: Figures, paid_back_fen: int) -> tuple[object, ...]:
    return (
        day,
        one.orders,
        one.amount_fen,
        paid_back_fen,
        one.exempt_fen,
        one.taxable_net_fen,
        one.tax_fen,
        one.invoices,
        one.invoiced_fen,
    )


def _goods_row(row: RowMapping, is_chinese: bool) -> tuple[object, ...]:
    name = row["name_zh" if is_chinese else "name_en"]
    return name, row["unit"], row["lines"], row["quantity"], row["amount_fen"]
