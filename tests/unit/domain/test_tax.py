"""The rules as they are written, on the days on which they hold.

`tax_answers.csv` holds the answer to every kind of sale, on both sides of each day on which the law changed.
A day that has come keeps its answers: a new law adds rows to the file, and changes none but of days ahead.
"""

import csv
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoice_service.domain import tax_data
from invoice_service.domain.goods_kinds import KINDS, exclusions
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import NoTaxRule, TaxClass, TaxRule, rule_by_id, rule_on, rules, sales

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)
SINCE = tax_data.day(tax_data.text(), "answers_from")
ANSWERS = list(csv.DictReader(Path(__file__).with_name("tax_answers.csv").read_text("utf-8").splitlines()))
NO_ANSWER = ("-", "-", "-")


def answer(tax_class: str, taxpayer: str, self_produced: bool, day: date) -> tuple[str, str, str]:
    try:
        rule = rule_on(TaxClass(tax_class), TaxpayerKind(taxpayer), self_produced, day)
    except NoTaxRule:
        return NO_ANSWER
    return rule.label, rule.id, rule.basis


def test_an_old_day_keeps_its_answers() -> None:
    changed = []
    for row in ANSWERS:
        day = date.fromisoformat(row["day"])
        found = answer(row["class"], row["taxpayer"], row["self_produced"] == "yes", day)
        if found != (row["answer"], row["rule"], row["document"]):
            changed.append((row, found))
    assert changed == []


def test_every_change_of_the_law_has_answers_before_and_after() -> None:
    changes = {
        day for day in tax_data.changes((rule.first_day, rule.last_day) for rule in rules()) if day >= SINCE
    }
    days = {day - n * DAY for day in {SINCE, *changes} for n in (0, 1)}
    kinds = [(day.isoformat(), *sale) for day, sale in product(days, sales())]
    rows = {(row["day"], row["class"], row["taxpayer"], row["self_produced"] == "yes") for row in ANSWERS}
    assert {kind for kind in kinds if kind not in rows} == set()


@given(st.dates(SINCE, date(2099, 12, 31)), st.sampled_from(list(sales())))
def test_every_sale_has_one_answer(day: date, sale: tuple[TaxClass, TaxpayerKind, bool]) -> None:
    """Of its rank: what goes before another is said by rank alone."""
    fitting = [rule.rank for rule in rules() if rule.covers(*sale, day)]
    assert fitting
    assert len(fitting) == len(set(fitting))
    assert rule_on(*sale, day).rank == min(fitting)


def test_a_day_before_all_rules_is_refused() -> None:
    with pytest.raises(
        NoTaxRule, match="No tax rule covers processed_food sold by small_scale on 2001-01-01"
    ):
        rule_on(TaxClass.PROCESSED_FOOD, TaxpayerKind.SMALL_SCALE, False, date(2001, 1, 1))


def test_what_is_excluded_is_taxed() -> None:
    """As the kind that it is entered as; but what a farmer made is exempt where that kind is farm produce."""
    taxed = {
        one.id: {
            (kind.value, rule_on(one.enter_as.tax_class, kind, False, TODAY).label) for kind in TaxpayerKind
        }
        for one in exclusions()
    }
    processed = {("general", "13%"), ("small_scale", "1%"), ("natural_person", "1%")}
    produce = {("general", "9%"), ("small_scale", "1%"), ("natural_person", "1%")}
    assert taxed == {
        "canned-vegetables": processed,
        "meat-of-other-animals": produce,
        "game": produce,
        "cured-meat": produce,
        "cooked-and-canned-meat": processed,
        "other-eggs": produce,
        "processed-eggs": produce,
    }


def test_only_these_animals_meat_and_eggs_are_exempt() -> None:
    names = {
        kind.key: kind.name_zh
        for kind in KINDS
        if kind.tax_class in rule_by_id("fresh-meat-and-eggs").classes
    }
    assert names == {"meat": "鲜肉（猪牛羊鸡鸭鹅）", "eggs": "鲜蛋（鸡鸭鹅）"}


def test_a_kind_of_goods_is_found_again_by_class_and_code() -> None:
    pairs = [(kind.tax_class, kind.tax_code) for kind in KINDS]
    assert len(pairs) == len(set(pairs))


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
