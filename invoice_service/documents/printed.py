"""What stands on an invoice or a credit note (红字发票), as the strings that are read there.

A credit note says what is taken off, in positive figures; on paper it has carried a minus sign since paper
was all there was, and its capitals the word for it, so that nobody can use it as an invoice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from invoice_service.domain.money import yuan
from invoice_service.domain.numbering import business_day
from invoice_service.domain.why import laws

TITLE = "电子发票（普通发票）"
SEAL = ("试点 PILOT", "摊票链·非税务机关监制")
PILOT_NOTICE = (
    "摊票链试点单据，非税务机关监制 · A pilot document of Stall Ledger, not an official tax-bureau invoice"
)
BUYER_ERASED = "购买方信息已依法删除"
NO_TAX = "***"  # what forms print where an exempt line has no tax to show
NEGATIVE = "（负数）"
CREDITED_IN_PART, CREDITED_WHOLE = "已部分红冲", "已全额红冲"
CODES = ("扫码查验 Verify", "发票信息码 Data")
REASONS = {"01": "开票有误", "02": "销货退回", "03": "服务中止", "04": "销售折让"}
MOST_CREDITS = 10  # that are named on paper, the newest: the remarks have to stay on one page

_ONE_LINE = {"name": 18, "unit": 3, "quantity": 12, "unit_price": 13}  # characters that are one line each
_MOST_DRAWER = 24

# What surely fits on one page: names of two lines, and so much room for lines of goods and of remarks.
_MOST_NAME = 50
_ROOM_MM, _LINE_MM, _REMARK_MM = 66, 4.15, 3.2
_REMARK_WIDTH, _EARLY = 68, 20  # of a line in Chinese characters, and how much of it a word may leave empty
_NO_NARROW = str.maketrans("", "", "abcdefghijklnopqrstuvxyz0123456789 .,:;/-")  # up to 0.62 of their width

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Credits:
    """The credit notes that an invoice has had, oldest first; `whole` where nothing of it is left."""

    numbers: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """What is printed with a body and does not stand in it."""

    verify_page: str  # the address that a person can type
    ledger_line: str  # where its entry stands
    credits: Credits | None = None


def printed(body: Body, buyer: Body | None, beside: Beside) -> dict[str, Any]:
    """`buyer` is the buyer document, None once erased."""
    sign = -1 if is_credit_note(body) else 1
    page = _page(body, buyer, beside, sign)
    return page | {"short": _is_short(page)}


def _page(body: Body, buyer: Body | None, beside: Beside, sign: int) -> dict[str, Any]:
    return {
        "title": TITLE,
        "red": sign < 0,
        "stamps": _stamps(body, beside.credits),
        "seal": SEAL,
        "codes": CODES,
        "pilot_notice": PILOT_NOTICE,
        "number": body["number"],
        "date": _day_text(body["issued_at"]),
        "buyer": buyer and _party(buyer),
        "buyer_erased": BUYER_ERASED,
        "seller": _party(body["seller"]),
        "drawer": _shortened(body["seller"]["name"]),
        "lines": [_line(line, sign) for line in body["lines"]],
        "total": "¥" + yuan(sign * body["total_fen"]),
        "total_capitals": (NEGATIVE if sign < 0 else "") + body["total_capitals"],
        "remarks": [(heading, text) for heading, text in _remarks(body, beside) if text],
        "attached": f"{TITLE} {body['number']}",
    }


def _is_short(page: Body) -> bool:
    names = [party["name"] for party in (page["buyer"], page["seller"]) if party]
    return (
        _LINE_MM * len(page["lines"]) + _REMARK_MM * _remark_lines(page["remarks"]) <= _ROOM_MM
        and not any(line["long"] for line in page["lines"])
        and all(len(name) <= _MOST_NAME for name in names)
    )


def _remark_lines(remarks: Sequence[tuple[str, str]]) -> int:
    """No fewer than there will be, of what may be broken: Chinese anywhere, other words as `soft` does."""
    widths = [_width(text) for _, text in remarks]
    return sum(1 + int(width // (_REMARK_WIDTH - _EARLY)) if width > _REMARK_WIDTH else 1 for width in widths)


def _width(text: str) -> float:
    wide = len(text.translate(_NO_NARROW))
    return wide + 0.62 * (len(text) - wide)


def is_credit_note(body: Body) -> bool:
    return bool(body["type"] == "credit-note")


def issued_at(body: Body) -> datetime:
    return datetime.fromisoformat(body["issued_at"])


def _day_text(instant: str) -> str:
    day = business_day(datetime.fromisoformat(instant))
    return f"{day.year}年{day.month:02d}月{day.day:02d}日"


def _stamps(body: Body, credits: Credits | None) -> list[str]:
    if is_credit_note(body):
        return ["红字"]
    return [CREDITED_WHOLE if credits.whole else CREDITED_IN_PART] if credits else []


def _party(party: Body) -> dict[str, str]:
    return {"name": party["name"], "tax_id": party["tax_id"] or "—"}


def _shortened(name: str) -> str:
    """On one line: whole it stands above, among the seller's particulars."""
    return name if len(name) <= _MOST_DRAWER else name[: _MOST_DRAWER - 1] + "…"


def _line(line: Body, sign: int) -> dict[str, Any]:
    """Where only money is taken back (折让) there is no quantity, nor a price of one. What pages add up is
    kept in fen, too."""
    counted = line["quantity"] is not None
    shown = {
        "name": line["name"],
        "unit": line["unit"] if counted else "",
        "quantity": ("-" if sign < 0 else "") + line["quantity"] if counted else "",
        "unit_price": line["unit_price"] if counted else "",
    }
    exempt = _is_exempt(line)
    return shown | {
        "long": any(len(shown[cell]) > most for cell, most in _ONE_LINE.items()),
        "net": yuan(sign * line["net_fen"]),
        "net_fen": sign * line["net_fen"],
        "rate": _rate(line),
        "tax": NO_TAX if exempt else yuan(sign * line["tax_fen"]),
        "tax_fen": None if exempt else sign * line["tax_fen"],
    }


def _rate(line: Body) -> str:
    return "免税" if _is_exempt(line) else f"{(Decimal(line['rate']) * 100).normalize():f}%"


def _is_exempt(line: Body) -> bool:
    return bool(line["treatment"] == "exempt")


def _remarks(body: Body, beside: Beside) -> list[tuple[str, str]]:
    """(heading, text) of each line below the totals; those without a text are left out."""
    market, stall = body["market"], body["stall"]
    chinese, english = laws(body)
    return [
        *_of_credits(body, beside.credits),
        ("市场摊位", f"{market['name']}（{market['code']}） {stall['name']}（{stall['code']}）"),
        ("税收依据", chinese),
        ("Tax", english),
        ("开具系统", body["issuer"]),
        ("存证", beside.ledger_line),
        ("查验", f"{beside.verify_page}，扫码或填写号码、日期、价税合计"),
        ("其他", body["remarks"]),
    ]


def _of_credits(body: Body, credits: Credits | None) -> list[tuple[str, str]]:
    """The two documents name each other."""
    if is_credit_note(body):
        original = body["invoice"]
        extent = "全额红冲" if body["whole"] else "部分红冲"
        day = _day_text(original["issued_at"])
        return [
            ("被红冲发票", f"{original['number']}，{day}开具，{extent}"),
            ("红冲原因", f"{body['reason']} {REASONS[body['reason']]}"),
        ]
    if credits is None:
        return []
    return [(CREDITED_WHOLE if credits.whole else CREDITED_IN_PART, _numbers(credits.numbers))]


def _numbers(numbers: Sequence[str]) -> str:
    """However often something was paid back: the invoice's page names all."""
    more = f"等{len(numbers)}张" if len(numbers) > MOST_CREDITS else ""
    return "、".join(numbers[-MOST_CREDITS:]) + more
