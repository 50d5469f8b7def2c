"""docs/reference/tax.md says what the tax file says: its tables are made from it, and compared."""

from __future__ import annotations

from datetime import date

from invoice_service.domain.details import GOODS_CLASSES
from invoice_service.domain.goods_kinds import exclusions
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TaxClass, rules
from invoice_service.domain.threshold import thresholds
from scripts.lib.paths import ROOT

PAGE = (ROOT / "docs/reference/tax.md").read_text("utf-8")
SELLERS = {
    TaxpayerKind.GENERAL: "general",
    TaxpayerKind.SMALL_SCALE: "small-scale",
    TaxpayerKind.NATURAL_PERSON: "unregistered",
}
RULES = ("goods", "sold by", "tax", "document", "from", "to", "confirmed")
EXCLUSIONS = ("not covered", "though near to", "entered as", "tax class", "document", "confirmed")
THRESHOLDS = ("sold by", "up to, without tax", "document", "from", "to", "confirmed")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def goods(classes: frozenset[TaxClass]) -> str:
    if classes == set(TaxClass):
        return "all"
    return ", ".join(GOODS_CLASSES[one].name_en.lower() for one in TaxClass if one in classes)


def sellers(kinds: frozenset[TaxpayerKind]) -> str:
    return "all" if kinds == set(TaxpayerKind) else ", ".join(SELLERS[one] for one in SELLERS if one in kinds)


def until(day: date) -> str:
    return "—" if day == date.max else str(day)


def yes(flag: bool) -> str:
    return "yes" if flag else "**not yet**"


def test_the_table_of_rules() -> None:
    rows = [
        (
            ("self-produced " if rule.needs_self_produced else "") + goods(rule.classes),
            sellers(rule.taxpayers), "exempt" if rule.label == "免税" else rule.label, rule.basis,
            str(rule.first_day), until(rule.last_day), yes(rule.confirmed),
        )
        for rule in rules()
    ]  # fmt: skip
    assert table(RULES, rows) in PAGE


def test_the_table_of_exclusions() -> None:
    rows = [
        (
            f"{one.en} {one.zh}", f"`{one.rule.id}`", one.enter_as.name_en,
            goods(frozenset({one.enter_as.tax_class})), one.basis, yes(one.confirmed),
        )
        for one in exclusions()
    ]  # fmt: skip
    assert table(EXCLUSIONS, rows) in PAGE


def test_the_table_of_thresholds() -> None:
    rows = []
    for one in thresholds():
        limits = (("month", one.month_fen), ("quarter", one.quarter_fen), ("day", one.day_fen))
        said = ", ".join(f"¥{fen // 100:,} a {span}" for span, fen in limits if fen is not None)
        rows.append((sellers(one.taxpayers), said, one.basis, str(one.first_day), until(one.last_day),
                     yes(one.confirmed)))  # fmt: skip
    assert table(THRESHOLDS, rows) in PAGE
