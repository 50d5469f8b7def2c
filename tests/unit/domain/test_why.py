"""Why this tax: the law as the line names it, its days, and what is not known when an invoice is issued."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TaxClass, rule_by_id, rule_on
from invoice_service.domain.why import laws, why

NOON = "2026-11-23T04:00:00.000Z"


def body(kind: str, *rule_ids: str, issued_at: str = NOON) -> dict[str, Any]:
    """As much of an invoice's body as its reasons need."""
    found = [rule_by_id(rule_id) for rule_id in rule_ids]
    lines = [{"rule": rule.id, "basis": rule.basis, "treatment": rule.treatment} for rule in found]
    return {"issued_at": issued_at, "seller": {"kind": kind}, "lines": lines}


def test_an_exemption_that_nobody_confirmed_says_so() -> None:
    chinese, english = laws(body("small_scale", "vegetables"))
    assert chinese == "免税 蔬菜流通环节免征增值税（财税〔2011〕137号，2012-01-01起，现行效力尚未确认）"
    assert english == (
        "Vegetables are exempt from VAT in wholesale and retail "
        "(财税〔2011〕137号, since 2012-01-01; not yet confirmed to be in force)."
    )


def test_a_small_sellers_tax_may_not_be_levied_in_the_end() -> None:
    seen = body("small_scale", "small-scale-1")
    found = why(seen["lines"][0], seen)
    assert found.law.in_chinese == (
        "小规模纳税人减按1%征收（财政部 税务总局公告2026年第10号，2026-01-01起至2027-12-31）"
    )
    assert found.small_sales is not None
    chinese, english = found.small_sales.in_chinese, found.small_sales.in_english
    assert "期末才能确定" in chinese
    assert chinese.endswith("本票不变（财政部 税务总局公告2026年第10号，2026-01-01起至2027-12-31）")
    assert "known only when the month or quarter is over" in english
    assert english.endswith(
        "the invoice stays as it is (财政部 税务总局公告2026年第10号, 2026-01-01 to 2027-12-31)"
    )


@pytest.mark.parametrize(
    ("kind", "rule", "issued_at", "threshold"),
    [
        ("small_scale", "small-scale-1", NOON, "月（季）"),
        ("natural_person", "small-scale-1", NOON, "按次（日）"),
        ("small_scale", "small-scale-1", "2027-12-31T15:59:59.000Z", "月（季）"),
        ("small_scale", "small-scale-3", "2027-12-31T16:00:00.000Z", None),  # none is known from then on
        ("small_scale", "vegetables", NOON, None),  # nothing is levied anyhow
        ("general", "agricultural-9", NOON, None),
    ],
)
def test_whose_tax_hangs_on_a_threshold(kind: str, rule: str, issued_at: str, threshold: str | None) -> None:
    seen = body(kind, rule, issued_at=issued_at)
    found = why(seen["lines"][0], seen).small_sales
    assert (found is not None) == (threshold is not None)
    assert found is None or str(threshold) in found.reason_zh


def test_the_document_is_the_one_that_the_line_names() -> None:
    seen = body("general", "agricultural-9")
    seen["lines"][0]["basis"] = "as it was written then"
    assert why(seen["lines"][0], seen).law.basis == "as it was written then"


def test_each_reason_is_said_once_in_the_order_of_the_lines() -> None:
    seen = body("small_scale", "small-scale-1", "vegetables", "small-scale-1")
    chinese, english = laws(seen)
    assert [reason[:2] for reason in chinese.split("；")] == ["1%", "免税"]
    assert english.count("Small-scale") == english.count("Vegetables") == 1


@pytest.mark.parametrize("kind", list(TaxpayerKind))
def test_every_sale_has_its_reasons_in_both_languages(kind: TaxpayerKind) -> None:
    for tax_class in TaxClass:
        rule = rule_on(tax_class, kind, self_produced=False, day=date(2026, 11, 23))
        chinese, english = laws(body(kind, rule.id))
        assert f"{rule.reason_zh}（{rule.basis}" in chinese
        assert f"{rule.reason_en} ({rule.basis}" in english
