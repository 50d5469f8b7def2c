"""The flat XML back into the documents it was made from, whole."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from invoice_service.documents.printed import NEGATIVE
from invoice_service.documents.xml import flat, terms
from invoice_service.documents.xml.fields import Fields, decimal, key_of, rate

Document = dict[str, Any]


def read_flat(root: Element) -> tuple[Document, Document | None]:
    fields = Fields(root, {"": flat.NAMESPACE})
    is_red = fields.text("蓝字发票标志") == flat.RED
    sign = -1 if is_red else 1
    body = {
        "type": "credit-note" if is_red else "invoice",
        "version": 1,
        "number": fields.text("发票号码"),
        "issuer": fields.text("开票系统"),
        "issued_at": fields.text("开具时间"),
        "market": {
            "code": fields.text("市场代码"),
            "name": fields.text("市场名称"),
            "region": fields.text("行政区划代码"),
        },
        "stall": {"code": fields.text("摊位代码"), "name": fields.text("摊位名称")},
        "seller": {
            "name": fields.text("销售方名称"),
            "tax_id": fields.text_or_none("销售方统一社会信用代码"),
            "kind": key_of(terms.SELLER_KINDS, fields.text("销售方类型")),
        },
        **(_red(fields) if is_red else {"sale": fields.text("交易鉴证")}),
        "lines": [_line(line, is_red) for line in fields.all("项目")],
        "net_fen": fields.fen("合计金额", sign=sign),
        "tax_fen": fields.fen("合计税额", sign=sign),
        "total_fen": fields.fen("价税合计小写", sign=sign),
        "total_capitals": fields.text("价税合计大写").removeprefix(NEGATIVE if is_red else ""),
        "remarks": fields.text("备注"),
    }
    return body, _buyer(fields, body["invoice"]["number"] if is_red else body["number"])


def _red(fields: Fields) -> Document:
    return {
        "invoice": {
            "number": fields.text("对应蓝字发票号码"),
            "issued_at": fields.text("对应蓝字发票开具时间"),
            "commitment": fields.text("对应蓝字发票存证"),
        },
        "refund": fields.text("退款编号"),
        "reason": fields.text("红冲原因代码"),
        "notes": fields.count("此前红字发票张数"),
        "whole": fields.text("全额红冲") == terms.YES,
    }


def _buyer(fields: Fields, number: str) -> Document | None:
    if fields.text_or_none("购买方信息已删除") is not None:
        return None
    return {
        "type": "buyer",
        "version": 1,
        "invoice": number,
        "kind": key_of(terms.BUYER_KINDS, fields.text("购买方类型")),
        "name": fields.text("购买方名称"),
        "tax_id": fields.text_or_none("购买方统一社会信用代码"),
    }


def _line(line: Fields, is_red: bool) -> Document:
    sign = -1 if is_red else 1
    quantity = line.text_or_none("数量")
    exempt = line.text("税率代码") == terms.EXEMPT_CODE
    return {
        **({"line": line.count("对应蓝字行号") - 1} if is_red else {}),
        "name": line.text("项目名称"),
        "tax_code": line.text("税收分类编码"),
        "unit": line.text("单位"),
        "quantity": None if quantity is None else decimal(quantity.removeprefix("-" if is_red else "")),
        "unit_price": line.text("含税单价"),
        "amount_fen": line.fen("价税合计", sign=sign),
        "net_fen": line.fen("金额", sign=sign),
        "tax_fen": line.fen("税额", sign=sign),
        "rate": "0.00" if exempt else rate(line.text("税率代码")),
        "treatment": "exempt" if exempt else "taxed",
        "rule": line.text("税收规则"),
        "basis": line.text("依据"),
    }
