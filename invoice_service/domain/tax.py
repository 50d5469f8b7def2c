"""Tax is dated data: `tax_rules.toml` decides, this module only asks it and does the arithmetic.

Market prices include VAT. Net = gross / (1 + rate), rounded half up to the fen; tax is what remains,
so that every line adds up by construction.
"""

from __future__ import annotations

import enum
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from invoice_service.domain.money import to_fen
from invoice_service.domain.party import TaxpayerKind
from invoice_service.errors import N_, Error


class TaxClass(enum.StrEnum):
    VEGETABLE = "vegetable"
    FRESH_MEAT = "fresh_meat"
    FRESH_EGG = "fresh_egg"
    AGRICULTURAL_OTHER = "agricultural_other"
    PROCESSED_FOOD = "processed_food"


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
    treatment: str  # exempt · taxed
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
    def label(self) -> str:
        """What stands in the rate column: 免税, or the rate."""
        return "免税" if self.treatment == "exempt" else f"{(self.rate * 100).normalize():f}%"

    def split(self, gross_fen: int) -> tuple[int, int]:
        """(net_fen, tax_fen) of a price that includes the tax."""
        net_fen = to_fen(Decimal(gross_fen) / 100 / (1 + self.rate))
        return net_fen, gross_fen - net_fen


@cache
def rules() -> tuple[TaxRule, ...]:
    data = tomllib.loads(Path(__file__).with_name("tax_rules.toml").read_text("utf-8"))
    return tuple(_rule(entry) for entry in data["rule"])


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


def _rule(entry: dict) -> TaxRule:  # type: ignore[type-arg]
    return TaxRule(
        id=entry["id"],
        classes=frozenset(map(TaxClass, entry.get("classes", TaxClass))),
        taxpayers=frozenset(map(TaxpayerKind, entry.get("taxpayers", TaxpayerKind))),
        needs_self_produced=entry.get("self_produced", False),
        rate=Decimal(entry["rate"]),
        treatment=entry["treatment"],
        basis=entry["basis"],
        first_day=entry["from"],
        last_day=entry.get("to", date.max),
        confirmed=entry["confirmed"],
        reason_zh=entry["reason_zh"],
        reason_en=entry["reason_en"],
    )
