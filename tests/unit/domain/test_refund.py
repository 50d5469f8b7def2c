"""Parts of a sale that go back: they come to the sale exactly, in whatever order and shares."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain.money import to_fen
from invoice_service.domain.order import PRICE_DECIMALS, OrderLine
from invoice_service.domain.refund import (
    OPEN,
    REFUND_TRANSITIONS,
    Back,
    BackLine,
    BadRefund,
    ForbiddenStep,
    Reason,
    RefundStatus,
    SoldLine,
    back_lines,
    back_price,
    everything,
    kept_line,
    read_reason,
    step,
)
from invoice_service.domain.tax import TaxClass, rules

QUANTITIES = st.decimals("0.000001", "100000", places=6)
AMOUNTS = st.integers(1, 10_000_000_00)
SHARES = st.lists(st.tuples(st.booleans(), st.integers(1, 999)), max_size=12)


def sold(quantity: str = "2.5", amount_fen: int = 750, rule: str = "small-scale-1") -> SoldLine:
    by_id = {one.id: one for one in rules()}
    line = OrderLine(
        sku="tofu",
        name_zh="豆腐",
        name_en="Tofu",
        unit="斤",
        quantity=Decimal(quantity),
        unit_price=Decimal("3"),
        amount_fen=amount_fen,
        tax_code="1030201030000000000",
        tax_class=TaxClass.PROCESSED_FOOD,
    )
    return SoldLine(0, line, by_id[rule], 0, Decimal(0))


def after(line: SoldLine, part: BackLine) -> SoldLine:
    return replace(
        line,
        returned_fen=line.returned_fen + part.amount_fen,
        returned_quantity=line.returned_quantity + (part.quantity or 0),
    )


@given(QUANTITIES, AMOUNTS, st.sampled_from(rules()), SHARES)
def test_all_parts_of_a_line_come_to_the_line(quantity, amount_fen, rule, shares) -> None:  # type: ignore[no-untyped-def]
    line = sold(str(quantity), amount_fen, rule.id)
    net_fen, tax_fen = rule.split(amount_fen)
    parts: list[BackLine] = []
    for by_quantity, thousandths in shares:
        share = Decimal(thousandths) / 1000
        back = (
            Back(0, quantity=(line.left_quantity * share).quantize(Decimal("0.000001")))
            if by_quantity
            else Back(0, amount_fen=int(line.left_fen * share))
        )
        try:
            parts += back_lines([back], {0: line})
        except BadRefund:
            continue  # too small a share of too little
        line = after(line, parts[-1])
    parts += back_lines(everything({0: line}), {0: line}) if line.left_fen else ()
    assert sum(part.amount_fen for part in parts) == amount_fen
    assert sum(part.net_fen for part in parts) == net_fen
    assert sum(part.tax_fen for part in parts) == tax_fen
    assert sum(part.quantity or 0 for part in parts) <= quantity
    assert all(part.amount_fen > 0 and part.tax_fen >= 0 and part.net_fen >= 0 for part in parts)
    for part in parts:
        price = back_price(part)
        if part.quantity is not None and price.as_tuple().exponent > -PRICE_DECIMALS:
            assert to_fen(price * part.quantity) == part.amount_fen


def test_the_rest_after_an_allowance_is_priced_at_what_is_left_of_it() -> None:
    line = sold()  # 2.5 斤 at 3 yuan
    (allowance,) = back_lines([Back(0, amount_fen=500)], {0: line})
    (rest,) = back_lines([Back(0)], {0: after(line, allowance)})
    assert (rest.quantity, rest.amount_fen, back_price(rest)) == (Decimal("2.5"), 250, Decimal("1"))
    assert back_price(allowance) == Decimal("3")  # of no quantity: what it was sold for


@given(QUANTITIES, AMOUNTS, st.integers(1, 999))
def test_what_is_kept_of_a_line_has_a_price_that_gives_it(quantity, amount_fen, thousandths) -> None:  # type: ignore[no-untyped-def]
    line = sold(str(quantity), amount_fen)
    back = Back(0, amount_fen=amount_fen * thousandths // 1000)
    if not back.amount_fen:
        return
    kept = kept_line(after(line, back_lines([back], {0: line})[0]))
    assert kept.amount_fen == amount_fen - back.amount_fen
    if kept.unit_price.as_tuple().exponent > -PRICE_DECIMALS:
        assert to_fen(kept.unit_price * kept.quantity) == kept.amount_fen


def test_half_of_a_line_keeps_its_price() -> None:
    line = sold()
    (part,) = back_lines([Back(0, quantity=Decimal("1.25"))], {0: line})
    assert (part.amount_fen, part.net_fen, part.tax_fen) == (375, 371, 4)
    kept = kept_line(after(line, part))
    assert (kept.quantity, kept.unit_price, kept.amount_fen) == (Decimal("1.25"), Decimal("3"), 375)


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        ([], ["lines"]),
        ([Back(1)], ["lines.0"]),
        ([Back(-1)], ["lines.0"]),
        ([Back(0), Back(0)], ["lines.1"]),
        ([Back(0, quantity=Decimal("2.500001"))], ["lines.0"]),
        ([Back(0, quantity=Decimal("-1"))], ["lines.0"]),
        ([Back(0, quantity=Decimal("0.000001"))], ["lines.0"]),
        ([Back(0, amount_fen=751)], ["lines.0"]),
        ([Back(0, amount_fen=0)], ["lines.0"]),
        ([Back(0, amount_fen=-1)], ["lines.0"]),
    ],
)
def test_what_cannot_go_back(wanted: list[Back], fields: list[str]) -> None:
    with pytest.raises(BadRefund) as refused:
        back_lines(wanted, {0: sold()})
    assert list(refused.value.fields) == fields


def test_of_a_line_that_went_back_nothing_goes_back_again() -> None:
    line = sold()
    gone = after(line, back_lines([Back(0)], {0: line})[0])
    assert everything({0: gone}) == ()
    with pytest.raises(BadRefund):
        back_lines([Back(0)], {0: gone})


def test_the_four_reasons() -> None:
    assert [reason.value for reason in Reason] == ["01", "02", "03", "04"]
    assert read_reason("04").text_zh == "销售折让"
    for wrong in ("", "1", "05", "returned"):
        with pytest.raises(BadRefund):
            read_reason(wrong)


def test_every_step_is_in_the_table() -> None:
    for current in RefundStatus:
        for wanted in RefundStatus:
            if wanted in REFUND_TRANSITIONS[current]:
                assert step(current, wanted) is wanted
            else:
                with pytest.raises(ForbiddenStep):
                    step(current, wanted)
    assert {RefundStatus.DONE, RefundStatus.LAPSED, RefundStatus.REFUSED} == set(RefundStatus) - OPEN


def test_money_that_went_back_is_not_forgotten() -> None:
    """From crediting there is one way on, and it is not back."""
    assert REFUND_TRANSITIONS[RefundStatus.CREDITING] == {RefundStatus.DONE}
