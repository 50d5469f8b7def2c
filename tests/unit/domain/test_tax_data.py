"""A tax file that cannot be read one way only is refused, with what is wrong and where."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from invoice_service.domain import tax_data
from invoice_service.domain.goods_kinds import read_exclusions
from invoice_service.domain.tax import read_rules, rule_by_id, rules
from invoice_service.domain.tax_data import BadTaxData
from invoice_service.domain.threshold import read_thresholds
from invoice_service.domain.vat_return import read_forms

FILE = tax_data.text()
READ_ALL = (read_rules, read_exclusions, read_thresholds, read_forms)


def bent(entry: str, old: str, new: str, file: str = FILE) -> str:
    """The file with one thing changed in the entry of that id."""
    before, opening, after = file.partition(f'id = "{entry}"\n')
    own, closing, rest = after.partition("\n\n")
    assert old in own + closing, own
    return before + opening + (own + closing).replace(old, new, 1) + rest


def refusal(read: Callable[[str], object], file: str) -> str:
    with pytest.raises(BadTaxData) as refused:
        read(file)
    return str(refused.value.parameters["problem"])


@pytest.mark.parametrize(
    ("entry", "old", "new", "problem"),
    [
        ("vegetables", "from = 2012-01-01", "", 'rule "vegetables": from is missing'),
        ("vegetables", "from = 2012-01-01", 'from = "2012-01-01"', "from must be a day, such as 2026-01-01"),
        ("vegetables", "from = 2012-01-01", "from = 2012-01-01T00:00:00", "from must be a day"),
        ("vegetables", "confirmed", "to = 2011-12-31\nconfirmed", "it ends on 2011-12-31, before it begins"),
        ("vegetables", '"vegetable"', '"vegetabel"', 'classes: "vegetabel" is none of vegetable'),
        ("vegetables", 'classes = ["vegetable"]', "classes = []", "classes must be a list"),
        ("vegetables", "confirmed = false", "", "confirmed is missing"),
        ("vegetables", "confirmed = false", 'confirmed = "no"', "confirmed must be true or false"),
        ("vegetables", 'basis = "', 'bases = "', "basis is missing"),
        ("vegetables", 'basis = "财税〔2011〕137号"', 'basis = " "', "basis must be a text"),
        ("vegetables", "confirmed = false", "confirmed = false\nuntil = 2030-01-01", "until is no field"),
        ("vegetables", '"exempt"', '"untaxed"', 'treatment "untaxed" is none of exempt, taxed'),
        ("vegetables", 'rate = "0"', 'rate = "0.09"', "what is exempt has the rate 0"),
        ("agricultural-9", '"0.09"', '"0"', "what is exempt has the rate 0, and nothing else has"),
        ("agricultural-9", '"0.09"', '"9%"', 'rate must be a decimal in quotes, such as "0.09"'),
        ("agricultural-9", '"0.09"', '"NaN"', "rate must be"),
        ("agricultural-9", '"0.09"', "0.09", "rate must be a text"),
        ("agricultural-9", '"0.09"', '"9"', "rate must be at least 0 and below 1, with two decimals"),
        ("agricultural-9", '"0.09"', '"0.095"', "with two decimals"),
        ("agricultural-9", '["general"]', '["generals"]', 'taxpayers: "generals" is none of general'),
        ("general-13", 'id = "general-13"', 'id = "agricultural-9"', "there are two rules"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_refused(entry: str, old: str, new: str, problem: str) -> None:
    file = FILE.replace(old, new, 1) if old.startswith("id") else bent(entry, old, new)
    assert problem in refusal(read_rules, file)


@pytest.mark.parametrize(
    ("entry", "old", "new", "problem"),
    [
        (
            "small-scale-1", "to = 2027-12-31", "to = 2028-01-01",
            '"small-scale-1" and "small-scale-3" both answer for vegetable sold by small_scale, '
            "not self-produced, on 2028-01-01",
        ),
        (
            "small-scale-1", "to = 2027-12-31", "to = 2027-12-30",
            "nothing answers for agricultural_other sold by small_scale, not self-produced, on 2027-12-31",
        ),
        (
            "agricultural-9", "from = 2026-01-01", "from = 2026-02-01",
            "nothing answers for agricultural_other sold by general, not self-produced, on 2026-01-01",
        ),
        (
            "general-13", '["general"]', '["general", "natural_person"]',
            "both answer for processed_food sold by natural_person, not self-produced, on 2026-01-01",
        ),
        (
            "self-produced-before-2026", "to = 2025-12-31", "",
            '"self-produced" and "self-produced-before-2026" both answer for vegetable sold by general, '
            "self-produced, on 2026-01-01",
        ),
    ],
)  # fmt: skip
def test_rules_with_two_answers_or_none_are_refused(entry: str, old: str, new: str, problem: str) -> None:
    assert problem in refusal(read_rules, bent(entry, old, new))


def test_rules_that_begin_after_the_first_day_are_refused() -> None:
    file = FILE.replace("answers_from = 2023-01-01", "answers_from = 2022-12-31")
    assert "nothing answers for" in refusal(read_rules, file)
    assert "answers_from is missing" in refusal(read_rules, FILE.replace("answers_from", "since"))


@pytest.mark.parametrize(
    ("read", "entry", "old", "new", "problem"),
    [
        (read_thresholds, "small-scale-2026", "100_000", '"100000"', "must be a whole number of yuan"),
        (read_thresholds, "small-scale-2026", "100_000", "0", "must be a whole number of yuan"),
        (read_thresholds, "small-scale-2026", "to = 2027-12-31", "", '"small-scale-2026": to is missing'),
        (
            read_thresholds, "small-scale-before-2026", "to = 2025-12-31", "to = 2026-01-01",
            '"small-scale-before-2026" and "small-scale-2026" both answer for small_scale on 2026-01-01',
        ),
        (read_exclusions, "canned-vegetables", '"processed"', '"cans"', 'enter_as "cans" is none of'),
        (read_exclusions, "canned-vegetables", '"processed"', '"roots"', 'covered by "vegetables"'),
        (read_exclusions, "game", '"fresh-meat-and-eggs"', '"meat"', 'rule "meat" is none of'),
        (read_forms, "small-scale-goods", '"0.03"', '"3"', "levy_rate must be at least 0 and below 1"),
        (read_forms, "small-scale-goods", "number = 1,", "", "each of its lines has a number, zh and en"),
    ],
)  # fmt: skip
def test_whatever_else_is_in_the_file_is_checked_too(
    read: Callable[[str], object], entry: str, old: str, new: str, problem: str
) -> None:
    assert problem in refusal(read, bent(entry, old, new))


@pytest.mark.parametrize("read", READ_ALL)
def test_what_is_no_toml_is_refused(read: Callable[[str], object]) -> None:
    assert "is not TOML: " in refusal(read, FILE + "[[rule]\n")


def test_the_order_in_the_file_means_nothing() -> None:
    head, *entries = FILE.split("[[rule]]\n")
    last = entries.pop()
    rule, rest = last.split("\n\n", 1)
    turned = head + "".join(f"[[rule]]\n{one}" for one in [rule + "\n\n", *reversed(entries)]) + rest
    assert set(read_rules(turned)) == set(rules())
    assert [rule.rank for rule in read_rules(turned)] == sorted(rule.rank for rule in rules())


def test_a_new_law_is_a_new_rule_and_an_end_to_the_old_one() -> None:
    ended = bent("vegetables", "confirmed", "to = 2027-06-30\nconfirmed")
    law = FILE[FILE.index('[[rule]]\nid = "vegetables"') :].partition("\n\n")[0]
    later = law.replace('"vegetables"', '"vegetables-2027"').replace("2012-01-01", "2027-07-01")
    found = {rule.id: rule for rule in read_rules(ended + "\n" + later + "\n")}
    assert (found["vegetables-2027"].first_day - found["vegetables"].last_day).days == 1
    assert found["vegetables"].basis == rule_by_id("vegetables").basis
