"""The small-scale VAT return, by figures that were computed by hand."""

from __future__ import annotations

from datetime import date

import pytest

from invoice_service.domain.period import PeriodKind, period_of
from invoice_service.domain.vat_return import (
    DERIVED,
    Cell,
    Sums,
    Trace,
    declarable,
    declared,
    fill,
    form_on,
    forms,
)

COMPANY, INDIVIDUAL = "91530802MA6K000011", "92532528MA6L45LX6L"
MONTH = period_of(PeriodKind.MONTH, date(2026, 10, 1))
QUARTER = period_of(PeriodKind.QUARTER, date(2026, 10, 1))
LIMIT = {MONTH: 10_000_000, QUARTER: 30_000_000}  # ¥100,000 a month, ¥300,000 a quarter
LINES = (1, 3, 9, 10, 11, 12, 15, 16, 17, 18, 19, 20, 22)


def filled(tax_id: str, sums: Sums, period: object = QUARTER) -> dict[int, int]:
    """What is not zero."""
    return {cell.line: cell.fen for cell in cells(tax_id, sums, period) if cell.fen}


def cells(tax_id: str, sums: Sums, period: object = QUARTER) -> tuple[Cell, ...]:
    form = form_on(date(2026, 10, 1))
    assert form is not None
    return fill(form, period, tax_id, sums)  # type: ignore[arg-type]


def test_below_the_threshold_everything_is_exempt() -> None:
    """¥12,345.67 taxed and ¥1,000.01 of vegetables; 3 % of 12,345.67 is 370.3701, of 13,345.68 400.3704."""
    sums = Sums(exempt_fen=100_001, taxable_fen=1_234_567, invoiced_fen=500_000)
    assert filled(INDIVIDUAL, sums) == {9: 1_334_568, 11: 1_234_567, 12: 100_001, 17: 40_037, 19: 37_037}
    assert filled(COMPANY, sums) == {9: 1_334_568, 10: 1_234_567, 12: 100_001, 17: 40_037, 18: 37_037}


@pytest.mark.parametrize("period", [MONTH, QUARTER], ids=["month", "quarter"])
def test_the_threshold_itself_is_still_exempt_and_a_fen_above_is_not(period: object) -> None:
    limit = LIMIT[period]  # type: ignore[index]
    exempt, taxable = limit // 4, limit - limit // 4
    at_it = filled(COMPANY, Sums(exempt, taxable), period)
    assert (at_it.get(1), at_it[10], at_it[9], at_it.get(22)) == (None, taxable, limit, None)
    for above in (Sums(exempt + 1, taxable), Sums(exempt, taxable + 1)):
        over = filled(COMPANY, above, period)
        assert (over[1], over.get(10), over[9]) == (above.taxable_fen, None, above.exempt_fen)
        assert over[22] == over[15] - over[16] > 0


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        (Sums(-5, -100, -100), {}),
        (Sums(1_000, -100, -100), {9: 1_000, 12: 1_000, 17: 30}),
        (Sums(-100, 30_000_000, -1), {9: 30_000_000, 10: 30_000_000, 17: 900_000, 18: 900_000}),
        (Sums(-100, 30_000_101, -1), {1: 30_000_101, 15: 900_003, 16: 600_002, 20: 300_001, 22: 300_001}),
    ],
)
def test_no_line_is_negative_and_the_threshold_counts_what_is_left(
    sums: Sums, expected: dict[int, int]
) -> None:
    assert filled(COMPANY, sums) == expected


def test_above_the_threshold_tax_is_due_at_the_reduced_rate() -> None:
    """¥400,000.25: 3 % is 12,000.0075, 2 % taken off 8,000.005 → 8,000.01 (half up), 4,000.00 is left."""
    sums = Sums(exempt_fen=0, taxable_fen=40_000_025, invoiced_fen=123_456)
    expected = {1: 40_000_025, 3: 123_456, 15: 1_200_001, 16: 800_001, 20: 400_000, 22: 400_000}
    assert filled(COMPANY, sums) == filled(INDIVIDUAL, sums) == expected


def test_only_exempt_sales_pay_nothing_however_many() -> None:
    sums = Sums(exempt_fen=90_000_000)
    assert filled(INDIVIDUAL, sums) == {9: 90_000_000, 12: 90_000_000, 17: 2_700_000}


def test_what_a_month_exempts_a_quarter_may_too_and_the_other_way_round() -> None:
    sums = Sums(taxable_fen=20_000_000)
    assert 22 in filled(COMPANY, sums, MONTH)
    assert 22 not in filled(COMPANY, sums, QUARTER)


def test_nothing_sold_is_zero_everywhere() -> None:
    assert filled(COMPANY, Sums()) == {}
    assert tuple(cell.line for cell in cells(COMPANY, Sums())) == LINES


@pytest.mark.parametrize("sums", [Sums(5, 7, 3), Sums(5, 40_000_000, 3)], ids=["below", "above"])
def test_each_cell_is_a_sum_of_facts_or_of_cells_or_zero(sums: Sums) -> None:
    found = {cell.line: cell for cell in cells(COMPANY, sums)}
    facts = {
        Trace.TAXED_SALES: sums.taxable_fen,
        Trace.EXEMPT_SALES: sums.exempt_fen,
        Trace.TAXED_INVOICES: sums.invoiced_fen,
    }
    for line, cell in found.items():
        assert cell.derived_from == DERIVED.get(line, ())
        assert not (cell.trace and cell.derived_from)
        if cell.trace:
            assert cell.fen == facts[cell.trace]
        elif not cell.derived_from:
            assert cell.fen == 0
    used = [cell.trace for cell in found.values() if cell.trace]
    assert len(used) == len(set(used)), "no fact is summed in two lines"


def test_the_form_is_dated_and_says_that_nobody_confirmed_it() -> None:
    (form,) = forms()
    assert not form.confirmed
    assert form_on(date(2027, 12, 31)) is form
    assert form_on(date(2028, 1, 1)) is None
    assert tuple(line.number for line in form.lines) == LINES


def test_a_period_is_told_by_its_days() -> None:
    assert declared(MONTH.first_day, MONTH.last_day) == MONTH
    assert declared(QUARTER.first_day, QUARTER.last_day) == QUARTER


def test_periods_are_declarable_as_far_back_as_a_form_is_known() -> None:
    found = declarable(date(2028, 2, 1))
    assert {period.kind for period in found} == {PeriodKind.MONTH, PeriodKind.QUARTER}
    assert len(found) == 5 * 12 + 5 * 4, "2023 to 2027"
    assert min(period.first_day for period in found) == date(2023, 1, 1)
    assert max(period.last_day for period in found) == date(2027, 12, 31)
