"""Bodies as the service makes them, for documents to be made of: by hand, and by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from invoice_service.domain.capitals import in_capitals
from invoice_service.domain.goods import UNITS
from invoice_service.domain.invoice import decimal_text, instant_text
from invoice_service.domain.money import to_fen
from invoice_service.domain.order import PRICE_DECIMALS
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TaxRule, rules

Body = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REFUND = "019ac000-0000-7000-8000-000000000000"
USCC = "92532528MA6L45LX6L"
NUMBER, CREDIT_NUMBER = "26539000000000000001", "26539000000000000009"
LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\ufffe\uffff")
"""What XML carries. Of what it does not, `test_xml.py` knows."""
WORDS = st.text(LETTERS, min_size=1, max_size=100).filter(str.strip)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
NUMBERS = st.integers(0, 10**20 - 1).map("{:020d}".format)
INSTANTS = st.integers(0, 4 * 10**12).map(lambda ms: instant_text(EPOCH + timedelta(milliseconds=ms)))
QUANTITIES = st.decimals("0.000001", 100_000, places=6).map(decimal_text)
PRICES = st.decimals("0.01", 9_999, places=2) | st.decimals("0.0000000000001", 9_999, places=PRICE_DECIMALS)


def line(rule: TaxRule, *, name: str, unit: str, quantity: str | None, amount_fen: int, price: str) -> Body:
    net_fen, tax_fen = rule.split(amount_fen)
    return {
        "name": name,
        "tax_code": "1010112060000000000",
        "unit": unit,
        "quantity": quantity,
        "unit_price": price,
        "amount_fen": amount_fen,
        "net_fen": net_fen,
        "tax_fen": tax_fen,
        "rate": f"{rule.rate:.2f}",
        "treatment": rule.treatment,
        "rule": rule.id,
        "basis": rule.basis,
    }


def sums(lines: list[Body]) -> Body:
    """The members of a body that follow from its lines."""
    total_fen = sum(each["amount_fen"] for each in lines)
    return {
        "lines": lines,
        "net_fen": sum(each["net_fen"] for each in lines),
        "tax_fen": sum(each["tax_fen"] for each in lines),
        "total_fen": total_fen,
        "total_capitals": in_capitals(total_fen),
    }


def head(kind: str, number: str) -> Body:
    return {
        "type": kind,
        "version": 1,
        "number": number,
        "issuer": "3f" * 32,
        "issued_at": "2026-11-23T16:26:51.123Z",
        "market": {"code": "PE01", "name": "思茅中心农贸市场", "region": "530802"},
        "stall": {"code": "A01", "name": "李家蔬菜"},
        "seller": {"name": "李秀英", "tax_id": USCC, "kind": "small_scale"},
        "remarks": "",
    }


def invoice(*lines: Body, **changes: Any) -> Body:
    return head("invoice", NUMBER) | {"sale": "ab" * 32} | sums(list(lines)) | changes


def credit_note(*lines: Body, **changes: Any) -> Body:
    numbered = [{"line": place, **each} for place, each in enumerate(lines)]
    original = {"number": NUMBER, "issued_at": "2026-11-20T16:26:51.123Z", "commitment": "cd" * 32}
    made = {"invoice": original, "refund": REFUND, "reason": "02", "notes": 0, "whole": False}
    return head("credit-note", CREDIT_NUMBER) | made | sums(numbered) | changes


def buyer(**changes: Any) -> Body:
    made = {"type": "buyer", "version": 1, "invoice": NUMBER, "kind": "organization"}
    return made | {"name": "普洱茶业有限公司", "tax_id": USCC} | changes


PERSON = buyer(kind="individual", name="张三", tax_id=None)


@st.composite
def lines(draw: st.DrawFn, *, may_be_money: bool = False) -> Body:
    """`may_be_money`: a credit note's line may be an allowance; and its net is what is left of a line's,
    which may be a fen more or less than that of the amount by itself."""
    quantity = draw(st.none() | QUANTITIES if may_be_money else QUANTITIES)
    price = draw(PRICES)
    counted = price if quantity is None else price * Decimal(quantity)
    amount_fen = max(1, to_fen(counted))
    made = line(
        draw(st.sampled_from(rules())),
        name=draw(WORDS),
        unit=draw(st.sampled_from(UNITS) | WORDS),
        quantity=quantity,
        amount_fen=amount_fen,
        price=decimal_text(price),
    )
    net_fen = made["net_fen"] + (draw(st.integers(-1, 1)) if may_be_money and made["tax_fen"] else 0)
    net_fen = min(max(net_fen, 0), amount_fen)
    return made | {"basis": draw(WORDS), "net_fen": net_fen, "tax_fen": amount_fen - net_fen}


@st.composite
def _heads(draw: st.DrawFn) -> Body:
    return {
        "number": draw(NUMBERS),
        "issuer": draw(HEX),
        "issued_at": draw(INSTANTS),
        "market": {"code": draw(WORDS), "name": draw(WORDS), "region": "530802"},
        "stall": {"code": draw(WORDS), "name": draw(WORDS)},
        "seller": {
            "name": draw(WORDS),
            "tax_id": draw(st.none() | st.just(USCC)),
            "kind": draw(st.sampled_from(TaxpayerKind)).value,
        },
        "remarks": draw(st.just("") | WORDS),
    }


@st.composite
def invoices(draw: st.DrawFn) -> Body:
    sold = draw(st.lists(lines(), min_size=1, max_size=5))
    return invoice(*sold, **draw(_heads()), sale=draw(HEX))


@st.composite
def credit_notes(draw: st.DrawFn) -> Body:
    taken_back = draw(st.lists(lines(may_be_money=True), min_size=1, max_size=5))
    original = {"number": draw(NUMBERS), "issued_at": draw(INSTANTS), "commitment": draw(HEX)}
    return credit_note(
        *taken_back,
        **draw(_heads()),
        invoice=original,
        refund=str(draw(st.uuids())),
        reason=draw(st.sampled_from(["01", "02", "03", "04"])),
        notes=draw(st.integers(0, 999)),
        whole=draw(st.booleans()),
    )


@st.composite
def buyers(draw: st.DrawFn) -> Body | None:
    """Without the number: `with_number` gives it that of a body."""
    tax_id = draw(st.none() | st.just(USCC))
    kind = "organization" if tax_id else "individual"
    return draw(st.none() | st.just(buyer(kind=kind, name=draw(WORDS), tax_id=tax_id)))


def with_number(made: Body | None, body: Body) -> Body | None:
    """A credit note's buyer is the one of its invoice."""
    number = body["number"] if body["type"] == "invoice" else body["invoice"]["number"]
    return made and made | {"invoice": number}
