"""What a tax officer asks about: which days, beside which earlier ones, and which sales count.

Sales are narrowed by who sold them (kind of taxpayer, as it was then), by kind of goods and by rate. All of
it is chosen from closed lists; the rates are those of the tax rules.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from invoice_service.domain.listing import check_period, chosen
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import DAY
from invoice_service.domain.tax import TaxClass, TaxRule, rules

ALL = "all"
EXEMPT = "exempt"
COMPARED_WITH = ("before", "year", "none")
TAXPAYER_KINDS = (ALL, *(kind.value for kind in TaxpayerKind))
TAX_CLASSES = (ALL, *(one.value for one in TaxClass))


def rates() -> tuple[str, ...]:
    """Exempt, and each rate that a rule has, as "0.01"."""
    taxed = {rule.rate for rule in rules() if rule.treatment != EXEMPT}
    return (ALL, EXEMPT, *(str(rate) for rate in sorted(taxed)))


@dataclass(frozen=True, slots=True)
class Asked:
    """Whole days in Asia/Shanghai, both of them included. Raises BadPeriod, DayOutOfRange, BadListing."""

    first_day: date
    last_day: date
    compare: str = "before"
    taxpayer_kind: str = ALL
    tax_class: str = ALL
    rate: str = ALL

    def __post_init__(self) -> None:
        check_period(self.first_day, self.last_day)
        chosen(self.compare, COMPARED_WITH, "compare")
        chosen(self.taxpayer_kind, TAXPAYER_KINDS, "taxpayer_kind")
        chosen(self.tax_class, TAX_CLASSES, "tax_class")
        chosen(self.rate, rates(), "rate")

    @property
    def is_narrowed(self) -> bool:
        """Then sums are of lines: an order, or an invoice, may be partly in and partly out."""
        return (self.taxpayer_kind, self.tax_class, self.rate) != (ALL, ALL, ALL)

    @property
    def rules(self) -> tuple[TaxRule, ...]:
        return tuple(rule for rule in rules() if self.rate in (ALL, _rate(rule)))

    @property
    def taxpayer_kinds(self) -> tuple[str, ...]:
        return TAXPAYER_KINDS[1:] if self.taxpayer_kind == ALL else (self.taxpayer_kind,)

    @property
    def tax_classes(self) -> tuple[str, ...]:
        return TAX_CLASSES[1:] if self.tax_class == ALL else (self.tax_class,)

    @property
    def earlier(self) -> tuple[date, date] | None:
        """The days to compare with: as many before, or the same days a year ago.

        Whole months are compared with as many whole months, since a month is what people compare.
        """
        if self.compare == "none":
            return None
        if self.compare == "year":
            return _months_back(self.first_day, 12), _months_back(self.last_day, 12)
        months = self._whole_months()
        if months:
            return _months_back(self.first_day, months), self.first_day - DAY
        length: timedelta = self.last_day - self.first_day + DAY
        return self.first_day - length, self.first_day - DAY

    def _whole_months(self) -> int:
        ends = self.last_day + DAY
        if self.first_day.day != 1 or ends.day != 1:
            return 0
        return (ends.year - self.first_day.year) * 12 + ends.month - self.first_day.month


def _rate(rule: TaxRule) -> str:
    return EXEMPT if rule.treatment == EXEMPT else str(rule.rate)


def _months_back(day: date, months: int) -> date:
    """29 February of the year before is its 28th."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
