"""A flat XML in Chinese, with one element for each field that a 数电票 prints, in the order of the page.

It carries a body and its buyer whole. As on paper, a credit note's quantities and amounts have a minus sign,
and exempt lines show 免税 where others show a rate. `docs/reference/xml.md` explains each element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from invoice_service.documents.printed import NEGATIVE, REASONS, TITLE
from invoice_service.documents.xml import terms
from invoice_service.documents.xml.writing import branch, document, leaf
from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day

Body = Mapping[str, Any]

NAMESPACE = "urn:stall-ledger:shudianpiao:1"
ROOT = "数电票"
BLUE, RED = "0", "1"  # 蓝字发票标志
PILOT = "试点，非税务机关监制"


def flat(body: Body, buyer: Body | None) -> bytes:
    """An invoice or credit note body with its buyer document (None once erased)."""
    is_red = body["type"] == "credit-note"
    return document(
        ROOT,
        {"": NAMESPACE},
        *_head(body, is_red),
        *(_red(body) if is_red else [leaf("交易鉴证", body["sale"])]),
        *_place(body),
        *_buyer(buyer),
        *_seller(body["seller"]),
        *(_line(number, line, is_red) for number, line in enumerate(body["lines"], 1)),
        *_totals(body, is_red),
        leaf("备注", body["remarks"]),
    )


def _head(body: Body, is_red: bool) -> Iterator[str]:
    yield leaf("票种", TITLE)
    yield leaf("试点标识", PILOT)
    yield leaf("蓝字发票标志", RED if is_red else BLUE)
    yield leaf("发票号码", body["number"])
    yield leaf("开票日期", business_day(datetime.fromisoformat(body["issued_at"])).isoformat())
    yield leaf("开具时间", body["issued_at"])
    if terms.is_self_produced(body["lines"]):
        yield leaf("特定要素类型代码", terms.SELF_PRODUCED)
    yield leaf("开票系统", body["issuer"])


def _red(body: Body) -> Iterator[str]:
    original = body["invoice"]
    yield leaf("对应蓝字发票号码", original["number"])
    yield leaf("对应蓝字发票开具时间", original["issued_at"])
    yield leaf("对应蓝字发票存证", original["commitment"])
    yield leaf("退款编号", body["refund"])
    yield leaf("红冲原因代码", body["reason"])
    yield leaf("红冲原因", REASONS[body["reason"]])
    yield leaf("此前红字发票张数", str(body["notes"]))
    yield leaf("全额红冲", terms.YES if body["whole"] else terms.NO)


def _place(body: Body) -> Iterator[str]:
    yield leaf("市场代码", body["market"]["code"])
    yield leaf("市场名称", body["market"]["name"])
    yield leaf("行政区划代码", body["market"]["region"])
    yield leaf("摊位代码", body["stall"]["code"])
    yield leaf("摊位名称", body["stall"]["name"])


def _buyer(buyer: Body | None) -> Iterator[str]:
    if buyer is None:
        yield leaf("购买方信息已删除", terms.YES)
        return
    yield leaf("购买方类型", terms.BUYER_KINDS[buyer["kind"]])
    yield leaf("购买方名称", buyer["name"])
    if buyer["tax_id"] is not None:
        yield leaf("购买方统一社会信用代码", buyer["tax_id"])


def _seller(seller: Body) -> Iterator[str]:
    yield leaf("销售方名称", seller["name"])
    if seller["tax_id"] is not None:
        yield leaf("销售方统一社会信用代码", seller["tax_id"])
    yield leaf("销售方类型", terms.SELLER_KINDS[seller["kind"]])


def _line(number: int, line: Body, is_red: bool) -> str:
    sign = -1 if is_red else 1
    exempt = terms.is_exempt(line)
    return branch(
        "项目",
        leaf("序号", str(number)),
        *([leaf("对应蓝字行号", str(line["line"] + 1))] if is_red else []),
        leaf("项目名称", line["name"]),
        leaf("税收分类编码", line["tax_code"]),
        leaf("单位", line["unit"]),
        *_quantity(line, is_red),
        leaf("含税单价", line["unit_price"]),
        leaf("金额", yuan(sign * line["net_fen"])),
        leaf("税率", terms.EXEMPT if exempt else terms.percent(line["rate"]) + "%"),
        leaf("税率代码", terms.EXEMPT_CODE if exempt else line["rate"]),
        leaf("税额", yuan(sign * line["tax_fen"])),
        leaf("价税合计", yuan(sign * line["amount_fen"])),
        leaf("税收规则", line["rule"]),
        leaf("依据", line["basis"]),
    )


def _quantity(line: Body, is_red: bool) -> Iterator[str]:
    """With the price without tax; neither where only money is taken off."""
    if line["quantity"] is not None:
        yield leaf("数量", ("-" if is_red else "") + line["quantity"])
        yield leaf("单价", decimal_text(terms.net_price(line["net_fen"], Decimal(line["quantity"]))))


def _totals(body: Body, is_red: bool) -> Iterator[str]:
    sign = -1 if is_red else 1
    yield leaf("合计金额", yuan(sign * body["net_fen"]))
    yield leaf("合计税额", yuan(sign * body["tax_fen"]))
    yield leaf("价税合计大写", (NEGATIVE if is_red else "") + body["total_capitals"])
    yield leaf("价税合计小写", yuan(sign * body["total_fen"]))
