"""One rounding rule, half up to the fen, once a line: whatever is in the basket, everything agrees.

What must come out is worked out beside the code in whole numbers: half up of n ÷ d is (2n + d) ÷ 2d, rounded
down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from invoice_service.config import Config
from invoice_service.domain.capitals import MAX_FEN, in_capitals
from invoice_service.domain.credit_note import credit_note_body
from invoice_service.domain.goods import QUANTITY_DECIMALS, QUANTITY_MAX, Goods
from invoice_service.domain.invoice import Document, TaxedLine, invoice_body, taxed_lines
from invoice_service.domain.keyed import Rounding, rounded
from invoice_service.domain.order import OrderLine, Stall, plain_line, priced_lines
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import midnight
from invoice_service.domain.refund import Back, Reason, SoldLine, back_lines, everything
from invoice_service.domain.tax import TaxClass

LIMITS = Config()
MOST_FEN = LIMITS.max_amount_fen
STEP = Decimal(1).scaleb(-QUANTITY_DECIMALS)
PRICES = st.integers(1, MOST_FEN) | st.sampled_from((1, 3, MOST_FEN))
QUANTITIES = (
    st.integers(1, int(QUANTITY_MAX / STEP)).map(lambda n: n * STEP)
    | st.sampled_from((STEP, Decimal("0.5"), Decimal("2.675"), QUANTITY_MAX))
    | st.integers(1, 9).map(Decimal)
)
DAYS = st.dates(date(2023, 1, 1), date(2030, 12, 31))
SELLERS = st.tuples(st.sampled_from(TaxpayerKind), st.booleans())
GOODS = st.builds(
    Goods,
    sku=st.just("x"), name_zh=st.just("货"), name_en=st.just("Goods"), unit=st.just("斤"),
    price_fen=PRICES, tax_code=st.just("1" * 19), tax_class=st.sampled_from(TaxClass),
)  # fmt: skip


def half_up(exact: Fraction) -> int:
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


@st.composite
def lines(draw: st.DrawFn) -> OrderLine:
    """Priced by quantity, or a plain amount; never nothing."""
    goods = draw(GOODS)
    quantity = draw(QUANTITIES)
    if draw(st.booleans()) or half_up(Fraction(goods.price_fen) * Fraction(quantity)) == 0:
        return plain_line(goods, goods.price_fen)
    (line,) = priced_lines([("x", quantity)], {"x": goods}, max_lines=1)
    assert line.amount_fen == half_up(Fraction(goods.price_fen) * Fraction(quantity))
    return line


def total(basket: list[OrderLine]) -> int:
    return sum(line.amount_fen for line in basket)


# Far beyond what an order may come to, up to what can be written in capitals.
BASKETS = st.lists(lines(), min_size=1, max_size=LIMITS.max_lines).filter(
    lambda basket: total(basket) <= MAX_FEN
)


def stall(taxpayer: TaxpayerKind, self_produced: bool) -> Stall:
    goods = Goods("x", "货", "Goods", "斤", 1, "1" * 19, TaxClass.VEGETABLE)
    return Stall(
        1, 1, 1, "A01", "摊", True, "PE01", "市场", "530802", "卖家", None, taxpayer, self_produced, goods
    )


def check_line(item: TaxedLine) -> None:
    """Net is the amount without the tax in it, half up; tax is the rest, so that they make the amount."""
    rate, amount_fen = Fraction(item.rule.rate), item.line.amount_fen
    assert item.net_fen == half_up(amount_fen / (1 + rate))
    assert item.net_fen + item.tax_fen == amount_fen
    assert item.tax_fen >= 0
    assert item.rule.treatment == "taxed" or item.tax_fen == 0
    assert half_up(Fraction(item.line.unit_price) * Fraction(item.line.quantity) * 100) == amount_fen


@given(BASKETS, SELLERS, DAYS)
def test_lines_tax_and_totals_agree_to_the_fen(
    basket: list[OrderLine], seller: tuple[TaxpayerKind, bool], day: date
) -> None:
    taxed = taxed_lines(basket, stall(*seller), day)
    for item in taxed:
        check_line(item)
    body = invoice_body(stall(*seller), taxed, number="2" * 20, issuer="", sale="", issued_at=midnight(day))
    assert body["net_fen"] == sum(line["net_fen"] for line in body["lines"])
    assert body["tax_fen"] == sum(line["tax_fen"] for line in body["lines"])
    assert body["total_fen"] == sum(line["amount_fen"] for line in body["lines"])
    assert body["net_fen"] + body["tax_fen"] == body["total_fen"]
    assert body["total_capitals"] == in_capitals(body["total_fen"])
    treatments = {"exempt": {"0.00"}, "taxed": {"0.01", "0.03", "0.09", "0.13"}}
    assert all(line["rate"] in treatments[line["treatment"]] for line in body["lines"])


@given(BASKETS, st.sampled_from((Rounding.JIAO, Rounding.YUAN)), SELLERS, DAYS)
def test_what_is_let_go_leaves_lines_that_agree(
    basket: list[OrderLine], rounding: Rounding, seller: tuple[TaxpayerKind, bool], day: date
) -> None:
    total_fen = total(basket)
    off_fen = total_fen % {Rounding.JIAO: 10, Rounding.YUAN: 100}[rounding]
    if off_fen > total_fen - len(basket):
        return  # nothing of a line would be left, and this is refused
    left, let_go_fen = rounded(basket, rounding, 0, below_fen=LIMITS.max_rounding_fen)
    assert let_go_fen == off_fen
    assert total(list(left)) == total_fen - off_fen
    for item in taxed_lines(left, stall(*seller), day):
        check_line(item)


@given(
    st.lists(lines(), min_size=1, max_size=5).filter(lambda basket: total(basket) <= MAX_FEN),
    SELLERS, DAYS, st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), max_size=5), max_size=5),
)  # fmt: skip
def test_a_full_series_of_credit_notes_takes_off_the_invoice_and_not_a_fen_more(
    basket: list[OrderLine],
    seller: tuple[TaxpayerKind, bool],
    day: date,
    series: list[list[tuple[bool, int]]],
) -> None:
    """Each of a series takes a share of each line, by quantity or by money; the last takes what is left."""
    taxed = taxed_lines(basket, stall(*seller), day)
    invoice = invoice_body(
        stall(*seller), taxed, number="2" * 20, issuer="", sale="", issued_at=midnight(day)
    )
    left = {n: SoldLine(n, item.line, item.rule, 0, Decimal(0)) for n, item in enumerate(taxed)}
    notes: list[Document] = []
    for shares in series:
        wanted = [back for n, share in zip(left, shares, strict=False) if (back := part_of(left[n], *share))]
        if wanted:
            notes.append(credited(invoice, wanted, left))
    if rest := everything(left):
        notes.append(credited(invoice, rest, left))
    for name in ("net_fen", "tax_fen", "total_fen"):
        assert sum(note[name] for note in notes) == invoice[name]
    for n, line in enumerate(invoice["lines"]):
        back = [each for note in notes for each in note["lines"] if each["line"] == n]
        for name in ("amount_fen", "net_fen", "tax_fen"):
            assert sum(each[name] for each in back) == line[name]


def part_of(sold: SoldLine, by_quantity: bool, thousandths: int) -> Back | None:
    """None where so small a share comes to no money."""
    quantity = (sold.left_quantity * thousandths / 1000).quantize(STEP)
    amount_fen = sold.left_fen * thousandths // 1000
    if not by_quantity:
        return Back(sold.place, amount_fen=amount_fen) if amount_fen else None
    if (
        not quantity
        or half_up(Fraction(sold.left_fen) * Fraction(quantity) / Fraction(sold.left_quantity)) == 0
    ):
        return None
    return Back(sold.place, quantity=quantity)


def credited(invoice: Document, wanted: Sequence[Back], left: dict[int, SoldLine]) -> Document:
    """The note; its parts are taken off of what is left."""
    parts = back_lines(wanted, left)
    for part in parts:
        left[part.line] = replace(
            part.sold,
            returned_fen=part.sold.returned_fen + part.amount_fen,
            returned_quantity=part.sold.returned_quantity + (part.quantity or 0),
        )
    return credit_note_body(
        invoice, parts, number="3" * 20, original="", refund="", reason=Reason.RETURNED, notes=0, whole=False,
        issued_at=midnight(date(2031, 1, 1)),
    )  # fmt: skip


def test_the_largest_order_can_be_written_in_capitals() -> None:
    assert in_capitals(MOST_FEN) == "伍万圆整"
