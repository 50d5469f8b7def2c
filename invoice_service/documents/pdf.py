"""The invoice as one PDF/A-3 file: paper for people, with the evidence attached for programs.

Typst sets the page. What varies reaches it only as strings, never as markup, so nothing a vendor or a
shopper typed can become an instruction; and the same invoice always gives the same bytes, since its
only clock is `issued_at`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoice_service.documents import qr
from invoice_service.documents.typeset import FONTS, compiled, printable
from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day

TITLE = "电子发票（普通发票）"
PILOT_MARK = "试点 PILOT · 非税务机关监制的正式发票"
PILOT_NOTICE = (
    "摊票链试点单据，非税务机关监制 · A pilot document of Stall Ledger, not an official tax-bureau invoice"
)
BUYER_ERASED = "购买方信息已依法删除"
NO_TAX = "***"  # what forms print where an exempt line has no tax to show


def invoice_pdf(
    body: Mapping[str, Any],
    buyer: Mapping[str, Any] | None,
    *,
    verify_url: str,
    evidence_json: bytes | None,
    ledger_line: str,
    fonts: Path = FONTS,
) -> bytes:
    """The PDF of an invoice body and its buyer document (None once erased).

    `ledger_line` says where the entry stands, for the remarks; `evidence_json` becomes the attachment.
    """
    page = _page(body, buyer, verify_url=verify_url, ledger_line=ledger_line)
    inputs = {"invoice": json.dumps(printable(page, fonts), ensure_ascii=False)}
    if evidence_json is not None:
        inputs["evidence"] = evidence_json.decode()
    return compiled("invoice.typ", inputs, _issued_at(body), fonts)


def _issued_at(body: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(body["issued_at"])


def _page(
    body: Mapping[str, Any], buyer: Mapping[str, Any] | None, *, verify_url: str, ledger_line: str
) -> dict[str, Any]:
    """What stands on the page, as the strings that will be read there."""
    day = business_day(_issued_at(body))
    return {
        "title": TITLE,
        "pilot_mark": PILOT_MARK,
        "pilot_notice": PILOT_NOTICE,
        "number": body["number"],
        "date": f"{day.year}年{day.month:02d}月{day.day:02d}日",
        "verify_svg": qr.svg(verify_url, title="查验"),
        "buyer": buyer and _party(buyer),
        "buyer_erased": BUYER_ERASED,
        "seller": _party(body["seller"]),
        "lines": [_line(line) for line in body["lines"]],
        "net": "¥" + yuan(body["net_fen"]),
        "tax": _tax(body["lines"], body["tax_fen"], sign="¥"),
        "total": "¥" + yuan(body["total_fen"]),
        "total_capitals": body["total_capitals"],
        "remarks": _remarks(body, verify_url, ledger_line),
        "evidence_description": f"{TITLE} {body['number']} 存证 evidence",
    }


def _party(party: Mapping[str, Any]) -> dict[str, str]:
    return {"name": party["name"], "tax_id": party["tax_id"] or "—"}


def _line(line: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": line["name"],
        "unit": line["unit"],
        "quantity": line["quantity"],
        "unit_price": line["unit_price"],
        "net": yuan(line["net_fen"]),
        "rate": _rate(line),
        "tax": _tax([line], line["tax_fen"]),
    }


def _rate(line: Mapping[str, Any]) -> str:
    return "免税" if _is_exempt(line) else f"{(Decimal(line['rate']) * 100).normalize():f}%"


def _tax(lines: Sequence[Mapping[str, Any]], tax_fen: int, *, sign: str = "") -> str:
    return NO_TAX if all(map(_is_exempt, lines)) else sign + yuan(tax_fen)


def _is_exempt(line: Mapping[str, Any]) -> bool:
    return bool(line["treatment"] == "exempt")


def _remarks(body: Mapping[str, Any], verify_url: str, ledger_line: str) -> list[tuple[str, str]]:
    """(heading, text) of each line below the totals."""
    market, stall = body["market"], body["stall"]
    bases = dict.fromkeys(line["basis"] for line in body["lines"] if _is_exempt(line))
    remarks = [
        ("市场摊位", f"{market['name']}（{market['code']}） {stall['name']}（{stall['code']}）"),
        ("免税依据", "、".join(bases)),
        ("开具系统", body["issuer"]),
        ("存证", ledger_line),
        ("查验", verify_url),
        ("其他", body["remarks"]),
    ]
    return [(heading, text) for heading, text in remarks if text]
