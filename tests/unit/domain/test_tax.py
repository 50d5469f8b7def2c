"""The rules as they are written, on the days on which they hold."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import NoTaxRule, TaxClass, TaxRule, rule_by_id, rule_on, rules

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("tax_class", "taxpayer", "self_produced", "day", "rule", "label"),
    [
        ("vegetable", "small_scale", False, TODAY, "vegetables", "免税"),
        ("vegetable", "general", False, TODAY, "vegetables", "免税"),
        ("vegetable", "natural_person", True, TODAY, "self-produced", "免税"),
        ("vegetable", "natural_person", True, date(2025, 12, 31), "self-produced-before-2026", "免税"),
        ("fresh_meat", "general", False, TODAY, "fresh-meat-and-eggs", "免税"),
        ("fresh_egg", "small_scale", False, TODAY, "fresh-meat-and-eggs", "免税"),
        ("agricultural_other", "small_scale", False, TODAY, "small-scale-1", "1%"),
        ("agricultural_other", "small_scale", False, date(2025, 6, 1), "small-scale-1-before-2026", "1%"),
        ("agricultural_other", "small_scale", False, date(2027, 12, 31), "small-scale-1", "1%"),
        ("agricultural_other", "small_scale", False, date(2028, 1, 1), "small-scale-3", "3%"),
        ("agricultural_other", "general", False, TODAY, "agricultural-9", "9%"),
        ("processed_food", "general", False, TODAY, "general-13", "13%"),
        ("processed_food", "general", True, TODAY, "general-13", "13%"),
        ("processed_food", "small_scale", False, TODAY, "small-scale-1", "1%"),
    ],
)
def test_rule_on(
    tax_class: str, taxpayer: str, self_produced: bool, day: date, rule: str, label: str
) -> None:
    found = rule_on(TaxClass(tax_class), TaxpayerKind(taxpayer), self_produced, day)
    assert (found.id, found.label) == (rule, label)
    assert found.basis
    assert found.reason_zh
    assert found.reason_en


@pytest.mark.parametrize("tax_class", list(TaxClass))
@pytest.mark.parametrize("taxpayer", list(TaxpayerKind))
@pytest.mark.parametrize("self_produced", [True, False])
@pytest.mark.parametrize("day", [date(2023, 1, 1), TODAY, date(2027, 12, 31), date(2028, 1, 1)])
def test_every_sale_of_these_years_has_a_rule(
    tax_class: TaxClass, taxpayer: TaxpayerKind, self_produced: bool, day: date
) -> None:
    assert rule_on(tax_class, taxpayer, self_produced, day)


def test_a_day_before_all_rules_is_refused() -> None:
    with pytest.raises(NoTaxRule):
        rule_on(TaxClass.PROCESSED_FOOD, TaxpayerKind.SMALL_SCALE, False, date(2001, 1, 1))


def test_ids_are_unique_and_found() -> None:
    ids = [rule.id for rule in rules()]
    assert len(ids) == len(set(ids))
    assert [rule_by_id(each).id for each in ids] == ids


def test_exempt_means_rate_zero() -> None:
    assert all((rule.treatment == "exempt") == (rule.rate == 0) for rule in rules())


@given(st.integers(1, 10**12), st.sampled_from(rules()))
def test_net_and_tax_add_up_to_what_was_paid(gross_fen: int, rule: TaxRule) -> None:
    net_fen, tax_fen = rule.split(gross_fen)
    assert net_fen + tax_fen == gross_fen
    assert 0 <= tax_fen < gross_fen
    exact = Decimal(gross_fen) / (1 + rule.rate)
    assert abs(net_fen - exact) <= Decimal("0.5")


def test_known_splits() -> None:
    assert rule_by_id("agricultural-9").split(109) == (100, 9)
    assert rule_by_id("small-scale-1").split(1) == (1, 0)
    assert rule_by_id("general-13").split(339) == (300, 39)
