"""A small-scale taxpayer's VAT return, pre-filled from what the ledger knows of one month or quarter.

The form is 增值税及附加税费申报表（小规模纳税人适用）, its goods column, and of that the lines that sellers
at a market can have; line numbers are the form's. Names, rates and days are dated data
(`[[return_form]]` in tax_rules.toml) and as yet unconfirmed: how a line is filled in follows the form's own
notes as they are published, not anything that a tax bureau told us.

- 1: taxed sales without tax, if the period's sales are above the threshold; 3: what of taxed goods stands on
  the invoices issued in the period, without tax.
- 9 = 10 + 11 + 12: exempt sales. Up to and including the threshold taxed sales are exempt, too: in line 10 of
  a company, in line 11 of an individual business 个体工商户 (its credit code begins with 92). 12: what a rule
  exempts, such as vegetables. The threshold counts taxed and exempt sales together, as the gauge does.
- 15 = line 1 at the levy rate, 16 = what the reduced rate takes off it, 20 = 22 = 15 − 16.
- 17, 18, 19: lines 9, 10 and 11 at the levy rate.

Sales are of the day on which they were paid, invoices of the day on which they were issued, in
Asia/Shanghai. What goes back is taken off in the period in which it does, a credit note by the day on which
it was drawn up. Where more went back than was sold, a line says 0: the form takes no negative one, and
nothing is carried into the next period (see decision 24).

A cell is a sum of facts, or is computed from cells; so every one leads back to its facts. Rates are applied
to sums, rounded half up to the fen, once a cell.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from invoice_service.domain import tax_data
from invoice_service.domain.invoice import Document
from invoice_service.domain.money import to_fen
from invoice_service.domain.party import TaxpayerKind
from invoice_service.domain.period import Period, PeriodKind, period_of
from invoice_service.domain.threshold import limit_on
from invoice_service.errors import N_, Error

INDIVIDUAL_BUSINESS = "92"  # how the credit codes of 个体工商户 begin
# What a line is computed from; the others are sums of facts.
DERIVED: dict[int, tuple[int, ...]] = {
    9: (10, 11, 12),
    15: (1,),
    16: (1,),
    17: (9,),
    18: (10,),
    19: (11,),
    20: (15, 16),
    22: (20,),
}


class Trace(enum.StrEnum):
    """Which facts a line sums: of each, one part."""

    TAXED_SALES = "taxed_sales"  # what was taxable of each sale, less of each refund, without tax
    EXEMPT_SALES = "exempt_sales"  # what a rule exempted of each sale, less of each refund
    TAXED_INVOICES = (
        "taxed_invoices"  # the taxed lines of each invoice, less of each credit note, without tax
    )


SUMMED = {
    1: Trace.TAXED_SALES,
    3: Trace.TAXED_INVOICES,
    10: Trace.TAXED_SALES,
    11: Trace.TAXED_SALES,
    12: Trace.EXEMPT_SALES,
}


class NoReturn(Error):
    code = "return.none"
    message = N_(
        "Only small-scale taxpayers file this return, not general taxpayers or unregistered sellers."
    )
    status = 404


class NoSuchPeriod(Error):
    code = "return.no_such_period"
    message = N_("No period that this vendor declares begins on that day, or its form is not known.")
    status = 404


class NoSuchLine(Error):
    code = "return.no_such_line"
    message = N_("This return has no such line.")
    status = 404


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Form:
    """`levy_rate` 征收率 is the law's; `reduced_rate` what is levied for the time being."""

    id: str
    first_day: date
    last_day: date
    levy_rate: Decimal
    reduced_rate: Decimal
    basis: str
    confirmed: bool
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one vendor and period, without tax; below zero where more went back than was sold."""

    exempt_fen: int = 0
    taxable_fen: int = 0
    invoiced_fen: int = 0  # taxed lines of invoices issued in the period, less those of credit notes

    @property
    def sold_fen(self) -> int:
        return self.exempt_fen + self.taxable_fen


@dataclass(frozen=True, slots=True)
class Cell:
    """`trace` is None of a line that is computed, and of one that is zero: there is nothing to explain."""

    line: int
    fen: int
    trace: Trace | None
    derived_from: tuple[int, ...]


@cache
def forms() -> tuple[Form, ...]:
    return read_forms(tax_data.text())


def read_forms(data: str) -> tuple[Form, ...]:
    """Of the file's text. Raises BadTaxData, also where two hold on one day."""
    found = tax_data.read(data, "return_form", _form)
    tax_data.refuse_overlaps(("the return", form.first_day, form.last_day, form.id) for form in found)
    return found


def form_on(day: date) -> Form | None:
    return next((form for form in forms() if form.first_day <= day <= form.last_day), None)


def fill(form: Form, period: Period, tax_id: str, sums: Sums) -> tuple[Cell, ...]:
    """Every line of the form. Without a known threshold nothing is exempt on account of one."""
    limit_fen = limit_on(TaxpayerKind.SMALL_SCALE, period.kind.value, period.last_day)
    fen = dict.fromkeys(SUMMED, 0) | {12: sums.exempt_fen}
    if limit_fen is None or sums.sold_fen > limit_fen:
        fen |= {1: sums.taxable_fen, 3: sums.invoiced_fen}
    else:
        fen[11 if tax_id.startswith(INDIVIDUAL_BUSINESS) else 10] = sums.taxable_fen
    return cells_of(form, _computed(form, {line: max(0, value) for line, value in fen.items()}))


def cells_of(form: Form, fen: Mapping[int, int]) -> tuple[Cell, ...]:
    """Cells whose figures are known, as those of a sealed return are, with what each leads back to."""
    return tuple(
        Cell(
            line=line.number,
            fen=fen[line.number],
            trace=SUMMED.get(line.number) if fen[line.number] else None,
            derived_from=DERIVED.get(line.number, ()),
        )
        for line in form.lines
    )


def _computed(form: Form, fen: dict[int, int]) -> dict[int, int]:
    fen[9] = fen[10] + fen[11] + fen[12]
    fen[15] = _at(form.levy_rate, fen[1])
    fen[16] = _at(form.levy_rate - form.reduced_rate, fen[1])
    fen[17], fen[18], fen[19] = (_at(form.levy_rate, fen[line]) for line in (9, 10, 11))
    fen[20] = fen[15] - fen[16]
    fen[22] = fen[20]
    return fen


def _at(rate: Decimal, fen: int) -> int:
    return to_fen(Decimal(fen) / 100 * rate)


def declarable(until: date) -> list[Period]:
    """Every month and quarter whose form is known, back from those that hold a day."""
    oldest = min(form.first_day for form in forms())
    found = []
    for kind in (PeriodKind.MONTH, PeriodKind.QUARTER):
        period = period_of(kind, until)
        while period.last_day >= oldest:
            found += [period] if form_on(period.last_day) else []
            period = period.before()
    return found


def declared(first_day: date, last_day: date) -> Period:
    """The month or quarter from one day to another."""
    is_month = (first_day.year, first_day.month) == (last_day.year, last_day.month)
    return period_of(PeriodKind.MONTH if is_month else PeriodKind.QUARTER, first_day)


def return_fact(vendor_id: int, first_day: date, amendment: int) -> str:
    """What names a sealed version in the log."""
    return f"{vendor_id}/{first_day.isoformat()}/{amendment}"


def return_body(
    *,
    issuer: str,
    market: str,
    seller: Mapping[str, str],
    period: tuple[date, date],
    cells: Mapping[str, int],
    size: int,
    root: bytes,
    amendment: int,
    amends: bytes | None,
) -> Document:
    """What a RETURN entry commits to. `market` is its code; `cells` by line; `amends` a commitment."""
    first_day, last_day = period
    return {
        "type": "return",
        "version": 1,
        "issuer": issuer,
        "market": market,
        "seller": dict(seller),
        "first_day": first_day.isoformat(),
        "last_day": last_day.isoformat(),
        "cells": dict(cells),
        "size": size,
        "root": root.hex(),
        "amendment": amendment,
        "amends": None if amends is None else amends.hex(),
    }


def _form(entry: tax_data.Entry) -> Form:
    first_day, last_day = entry.days()
    return Form(
        id=entry.id,
        first_day=first_day,
        last_day=last_day,
        levy_rate=entry.rate("levy_rate"),
        reduced_rate=entry.rate("reduced_rate"),
        basis=entry.text("basis"),
        confirmed=entry.flag("confirmed"),
        lines=tuple(_line(entry, line) for line in entry.texts("lines")),
    )


def _line(entry: tax_data.Entry, line: dict[str, Any]) -> Line:
    if set(line) != {"number", "zh", "en"}:
        entry.refuse("each of its lines has a number, zh and en")
    return Line(line["number"], line["zh"], line["en"])
