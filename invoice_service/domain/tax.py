"""Tax is dated data: `tax_rules.toml` decides, this module only asks it and does the arithmetic.

Each sale has one answer: of the rules that fit it, one for self-produced goods goes before an exemption of
goods, and that before a rate. The file is refused where two of a rank fit the same sale, or none does.

Market prices include VAT. Net = gross / (1 + rate), rounded half up to the fen; tax is what remains,
so that every line adds up by construction.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise, product

from invoice_service.domain import tax_data
from invoice_service.domain.money import to_fen
from invoice_service.domain.party import TaxpayerKind
from invoice_service.errors import N_, Error


class TaxClass(enum.StrEnum):
    VEGETABLE = "vegetable"
    FRESH_MEAT = "fresh_meat"
    FRESH_EGG = "fresh_egg"
    AGRICULTURAL_OTHER = "agricultural_other"
    EDIBLE_OIL = "edible_oil"
    PROCESSED_FOOD = "processed_food"


EXEMPT, TAXED = "exempt", "taxed"
Sale = tuple[TaxClass, TaxpayerKind, bool]  # of what, by whom, whether self-produced


class NoTaxRule(Error):
    code = "tax.no_rule"
    message = N_("No tax rule covers {tax_class} sold by {taxpayer} on {day}.")
    status = 500


@dataclass(frozen=True, slots=True)
class TaxRule:
    id: str
    classes: frozenset[TaxClass]
    taxpayers: frozenset[TaxpayerKind]
    needs_self_produced: bool
    rate: Decimal
    treatment: str  # EXEMPT · TAXED
    basis: str  # the document that says so
    first_day: date
    last_day: date
    confirmed: bool
    reason_zh: str
    reason_en: str

    def covers(self, tax_class: TaxClass, taxpayer: TaxpayerKind, self_produced: bool, day: date) -> bool:
        return (
            tax_class in self.classes
            and taxpayer in self.taxpayers
            and (self_produced or not self.needs_self_produced)
            and self.first_day <= day <= self.last_day
        )

    @property
    def rank(self) -> int:
        """Of two rules that fit, the one of the lower rank decides."""
        return 0 if self.needs_self_produced else 1 if self.treatment == EXEMPT else 2

    @property
    def label(self) -> str:
        """What stands in the rate column: 免税, or the rate."""
        return "免税" if self.treatment == EXEMPT else f"{(self.rate * 100).normalize():f}%"

    def split(self, gross_fen: int) -> tuple[int, int]:
        """(net_fen, tax_fen) of a price that includes the tax."""
        net_fen = to_fen(Decimal(gross_fen) / 100 / (1 + self.rate))
        return net_fen, gross_fen - net_fen


@cache
def rules() -> tuple[TaxRule, ...]:
    """Those of lower rank first. Raises BadTaxData."""
    return read_rules(tax_data.text())


@cache
def rule_by_id(rule_id: str) -> TaxRule:
    """Raises StopIteration for an id that was never a rule: rules are kept for ever."""
    return next(rule for rule in rules() if rule.id == rule_id)


def exempt_rules() -> list[str]:
    """The ids of the rules under which nothing is paid."""
    return [rule.id for rule in rules() if rule.treatment == "exempt"]


def rule_on(tax_class: TaxClass, taxpayer: TaxpayerKind, self_produced: bool, day: date) -> TaxRule:
    """The rule for goods of a class, sold by such a taxpayer on a Shanghai day. Raises NoTaxRule."""
    for rule in rules():
        if rule.covers(tax_class, taxpayer, self_produced, day):
            return rule
    raise NoTaxRule(tax_class=tax_class.value, taxpayer=taxpayer.value, day=day.isoformat())


def read_rules(data: str) -> tuple[TaxRule, ...]:
    """The rules of the file's text, such that every sale since `answers_from` has one answer.

    Raises BadTaxData.
    """
    found = sorted(tax_data.read(data, "rule", _rule), key=lambda rule: rule.rank)
    _check(found, tax_data.day(data, "answers_from"))
    return tuple(found)


def sales() -> Iterator[Sale]:
    """Every kind of sale that the law may treat in a way of its own."""
    return product(TaxClass, TaxpayerKind, (False, True))


def _check(rules: Sequence[TaxRule], since: date) -> None:
    spans = [(rule.first_day, rule.last_day) for rule in rules]
    for sale, day in product(sales(), sorted({since, *tax_data.changes(spans)})):
        fitting = [rule for rule in rules if rule.covers(*sale, day)]
        for one, other in pairwise(fitting):
            if one.rank == other.rank:
                tax_data.refuse(f'"{one.id}" and "{other.id}" both answer for {_named(sale)} on {day}')
        if not fitting and day >= since:
            tax_data.refuse(f"nothing answers for {_named(sale)} on {day}")


def _named(sale: Sale) -> str:
    tax_class, taxpayer, self_produced = sale
    return f"{tax_class} sold by {taxpayer}, {'' if self_produced else 'not '}self-produced,"


def _rule(entry: tax_data.Entry) -> TaxRule:
    rate = entry.rate("rate")
    treatment = entry.one_of("treatment", (EXEMPT, TAXED))
    if (treatment == EXEMPT) != (rate == 0):
        entry.refuse("what is exempt has the rate 0, and nothing else has")
    first_day, last_day = entry.days(may_be_open=True)
    return TaxRule(
        id=entry.id,
        classes=entry.each_of("classes", TaxClass),
        taxpayers=entry.each_of("taxpayers", TaxpayerKind),
        needs_self_produced=entry.flag("self_produced", False),
        rate=rate,
        treatment=treatment,
        basis=entry.text("basis"),
        first_day=first_day,
        last_day=last_day,
        confirmed=entry.flag("confirmed"),
        reason_zh=entry.text("reason_zh"),
        reason_en=entry.text("reason_en"),
    )
