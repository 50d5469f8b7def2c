"""Why a line of an invoice bears the tax that it bears: which rule, by what document, on which days.

The words are those of `tax_rules.toml`, in both languages. A rule that nobody has confirmed says so. A taxed
line of a small seller says, too, that its tax may not be levied in the end: whether the sales of a month, a
quarter or a day stay small is known only when it is over, and an invoice does not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from invoice_service.domain.numbering import business_day
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.tax import TAXED, rule_by_id
from invoice_service.domain.threshold import threshold_on


@dataclass(frozen=True, slots=True)
class Ground:
    """What a document says. `last_day` is None where its end is not known."""

    reason_zh: str
    reason_en: str
    basis: str
    first_day: date
    last_day: date | None
    confirmed: bool

    @property
    def in_chinese(self) -> str:
        until = "" if self.last_day is None else f"至{self.last_day}"
        doubt = "" if self.confirmed else "，现行效力尚未确认"
        return f"{self.reason_zh.removesuffix('。')}（{self.basis}，{self.first_day}起{until}{doubt}）"

    @property
    def in_english(self) -> str:
        days = f"since {self.first_day}" if self.last_day is None else f"{self.first_day} to {self.last_day}"
        doubt = "" if self.confirmed else "; not yet confirmed to be in force"
        return f"{self.reason_en.removesuffix('.')} ({self.basis}, {days}{doubt})"


@dataclass(frozen=True, slots=True)
class Why:
    """`small_sales` says of a taxed line under what threshold its tax would not be levied."""

    rule: str
    label: str  # what stands in the rate column
    law: Ground
    small_sales: Ground | None


def why(line: Mapping[str, Any], body: Mapping[str, Any]) -> Why:
    """Of a line of an invoice's or a credit note's body: by the document that the line itself names."""
    rule = rule_by_id(line["rule"])
    law = Ground(
        reason_zh=rule.reason_zh,
        reason_en=rule.reason_en,
        basis=line["basis"],
        first_day=rule.first_day,
        last_day=_end(rule.last_day),
        confirmed=rule.confirmed,
    )
    small_sales = _small_sales(body) if line["treatment"] == TAXED else None
    return Why(rule.id, rule.label, law, small_sales)


def laws(body: Mapping[str, Any]) -> tuple[str, str]:
    """(Chinese, English) for paper: the law of each rule that a body's lines are under, in their order."""
    reasons = list(dict.fromkeys(why(line, body) for line in body["lines"]))
    chinese = "；".join(f"{reason.label} {reason.law.in_chinese}" for reason in reasons)
    return chinese, " ".join(f"{reason.law.in_english}." for reason in reasons)


def _small_sales(body: Mapping[str, Any]) -> Ground | None:
    """Of the day of issue; None for who has no threshold, and for days of which none is known."""
    day = business_day(datetime.fromisoformat(body["issued_at"]))
    threshold = threshold_on(TaxpayerKind(body["seller"]["kind"]), day)
    if threshold is None:
        return None
    return Ground(
        reason_zh=f"{threshold.reason_zh}。{threshold.invoice_zh}",
        reason_en=f"{threshold.reason_en}. {threshold.invoice_en}",
        basis=threshold.basis,
        first_day=threshold.first_day,
        last_day=_end(threshold.last_day),
        confirmed=threshold.confirmed,
    )


def _end(day: date) -> date | None:
    return None if day == date.max else day
