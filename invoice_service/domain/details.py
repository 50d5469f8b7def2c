"""What an operator types about markets, stalls and vendors, checked and put into one form.

Everything comes as text by name, from a form, from the API or from a row of a list, so that there is one
reading of each and one refusal that names every wrong field at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from invoice_service.domain.party import USCC_WRONG, TaxpayerKind, is_uscc, name_problem
from invoice_service.domain.tax import TaxClass
from invoice_service.errors import N_, Error, InvalidInput

CODE_WRONG = N_("A code has 1 to 20 capital letters A to Z, digits and hyphens.")
REGION_WRONG = N_("A region is six digits, such as 530802.")
CHOOSE_ONE = N_("Please choose one of the offered values.")
DAY_WRONG = N_("Please give a day such as 2026-12-31.")
TAX_CODE_WRONG = N_("A tax classification code has 19 digits.")
USCC_MISSING = N_("Whoever is registered needs an 18-character credit code.")
USCC_OF_A_PERSON = N_("Somebody who sells without registration has no credit code.")
TAX_PERIODS = ("month", "quarter")
_CODE = re.compile(r"[A-Z0-9-]{1,20}", re.ASCII)
_REGION = re.compile(r"[0-9]{6}", re.ASCII)
_TAX_CODE = re.compile(r"[0-9]{19}", re.ASCII)
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_YES = ("1", "on", "true", "yes")


class BadMarket(InvalidInput):
    code = "market.invalid"
    message = N_("Please check the market's details.")


class MarketExists(Error):
    code = "market.exists"
    message = N_("There is a market with this code already.")
    status = 409


class ChooseMarket(InvalidInput):
    code = "market.choose"
    message = N_("Please choose a market first.")


class BadStall(InvalidInput):
    code = "stall.invalid"
    message = N_("Please check the stall's details.")


class StallExists(Error):
    code = "stall.exists"
    message = N_("There is a stall with this code already, here or in another market.")
    status = 409


class BadVendor(InvalidInput):
    code = "vendor.invalid"
    message = N_("Please check the vendor's details.")


class VendorExists(Error):
    code = "vendor.exists"
    message = N_("This market has a vendor with this credit code already.")
    status = 409


class BadDay(InvalidInput):
    code = "day.invalid"
    message = DAY_WRONG


@dataclass(frozen=True, slots=True)
class MarketDetails:
    name_zh: str
    name_en: str
    region: str
    address: str


@dataclass(frozen=True, slots=True)
class StallDetails:
    name_zh: str
    name_en: str
    kind_zh: str
    kind_en: str
    place_zh: str
    place_en: str


@dataclass(frozen=True, slots=True)
class VendorDetails:
    """`tax_id` is None for somebody who sells without registration, and for nobody else.

    `licensed_classes`: the kinds of goods that the licence covers; empty where that is not on record.
    """

    name_zh: str
    name_en: str
    taxpayer_kind: str
    tax_id: str | None
    self_produced: bool
    tax_period: str
    licence_no: str | None
    licence_until: date | None
    licensed_classes: list[str]
    default_name_zh: str
    default_name_en: str
    default_tax_code: str
    default_tax_class: str


@dataclass(frozen=True, slots=True)
class GoodsClass:
    """A tax class in people's words, and the tax code that stands for goods of it where none is given."""

    name_zh: str
    name_en: str
    tax_code: str


GOODS_CLASSES: Mapping[TaxClass, GoodsClass] = {
    TaxClass.VEGETABLE: GoodsClass("蔬菜", "Vegetables", "1010112150000000000"),
    TaxClass.FRESH_MEAT: GoodsClass("鲜肉", "Fresh meat", "1030107010100000000"),
    TaxClass.FRESH_EGG: GoodsClass("鲜蛋", "Fresh eggs", "1010303020000000000"),
    TaxClass.AGRICULTURAL_OTHER: GoodsClass("农产品", "Farm produce", "1010115010100000000"),
    TaxClass.EDIBLE_OIL: GoodsClass("食用植物油", "Edible oil", "1030105010100000000"),
    TaxClass.PROCESSED_FOOD: GoodsClass("食品", "Foodstuffs", "1030105010100000000"),
}


class _Form:
    """Reads named texts and remembers what was wrong with them."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.problems: dict[str, str] = {}

    def raw(self, name: str) -> str:
        return unicodedata.normalize("NFC", self._given.get(name, "").strip())

    def text(self, name: str, *, default: str = "") -> str:
        """A text that can stand on documents; `default` where nothing was typed."""
        found = self.raw(name) or default
        self.complain(name, name_problem(found))
        return found

    def pair(self, name: str) -> tuple[str, str]:
        """Chinese and English; where the English is missing, the Chinese stands for it."""
        chinese = self.text(f"{name}_zh")
        return chinese, self.text(f"{name}_en", default=chinese) if chinese else ""

    def optional(self, name: str) -> str | None:
        found = self.raw(name)
        self.complain(name, name_problem(found) if found else None)
        return found or None

    def one_of(self, name: str, offered: tuple[str, ...]) -> str:
        found = self.raw(name)
        self.complain(name, None if found in offered else CHOOSE_ONE)
        return found

    def fits(self, name: str, pattern: re.Pattern[str], message: str, *, default: str = "") -> str:
        found = self.raw(name) or default
        self.complain(name, None if pattern.fullmatch(found) else message)
        return found

    def complain(self, name: str, problem: str | None) -> None:
        if problem:
            self.problems.setdefault(name, problem)


def read_market(given: Mapping[str, str]) -> MarketDetails:
    """Raises BadMarket."""
    form = _Form(given)
    name_zh, name_en = form.pair("name")
    region = form.fits("region", _REGION, REGION_WRONG)
    address = form.text("address")
    if form.problems:
        raise BadMarket(form.problems)
    return MarketDetails(name_zh, name_en, region, address)


def read_market_code(given: Mapping[str, str]) -> str:
    """Raises BadMarket."""
    code = _Form(given).raw("code")
    if not _CODE.fullmatch(code):
        raise BadMarket({"code": CODE_WRONG})
    return code


def read_stall_code(given: Mapping[str, str]) -> str:
    """Raises BadStall."""
    code = _Form(given).raw("code")
    if not _CODE.fullmatch(code):
        raise BadStall({"code": CODE_WRONG})
    return code


def read_stall(given: Mapping[str, str]) -> StallDetails:
    """Raises BadStall."""
    form = _Form(given)
    texts = (*form.pair("name"), *form.pair("kind"), *form.pair("place"))
    if form.problems:
        raise BadStall(form.problems)
    return StallDetails(*texts)


def read_vendor(given: Mapping[str, str]) -> VendorDetails:
    """Raises BadVendor."""
    form = _Form(given)
    name_zh, name_en = form.pair("name")
    kind = form.one_of("taxpayer_kind", tuple(TaxpayerKind))
    tax_class = form.one_of("default_tax_class", tuple(TaxClass))
    usual = GOODS_CLASSES.get(TaxClass(tax_class)) if tax_class in tuple(TaxClass) else None
    found = VendorDetails(
        name_zh=name_zh,
        name_en=name_en,
        taxpayer_kind=kind,
        tax_id=_tax_id(form, kind),
        self_produced=form.raw("self_produced").lower() in _YES,
        tax_period=form.one_of("tax_period", TAX_PERIODS),
        licence_no=form.optional("licence_no"),
        licence_until=_licence_until(form),
        licensed_classes=_licensed_classes(form),
        default_name_zh=form.text("default_name_zh", default=usual.name_zh if usual else "-"),
        default_name_en=form.text("default_name_en", default=usual.name_en if usual else "-"),
        default_tax_code=form.fits(
            "default_tax_code", _TAX_CODE, TAX_CODE_WRONG, default=usual.tax_code if usual else "0" * 19
        ),
        default_tax_class=tax_class,
    )
    if form.problems:
        raise BadVendor(form.problems)
    return found


def read_day(text: str, field: str) -> date:
    """2026-12-31 or 2026/12/31, as spreadsheets write days. Raises BadDay."""
    found = _DAY.fullmatch(text.strip())
    try:
        if found is not None:
            return date(*map(int, found.groups()))
    except ValueError:
        pass
    raise BadDay({field: DAY_WRONG})


def _licence_until(form: _Form) -> date | None:
    text = form.raw("licence_until")
    try:
        return read_day(text, "licence_until") if text else None
    except BadDay:
        form.complain("licence_until", DAY_WRONG)
        return None


def _licensed_classes(form: _Form) -> list[str]:
    """Tax classes, apart by spaces."""
    found = form.raw("licensed_classes").split()
    form.complain("licensed_classes", None if set(found) <= set(TaxClass) else CHOOSE_ONE)
    return sorted(set(found))


def _tax_id(form: _Form, kind: str) -> str | None:
    code = form.raw("tax_id").replace(" ", "").replace("-", "").upper()
    if kind == TaxpayerKind.NATURAL_PERSON:
        form.complain("tax_id", USCC_OF_A_PERSON if code else None)
        return None
    form.complain("tax_id", USCC_MISSING if not code else None if is_uscc(code) else USCC_WRONG)
    return code or None
