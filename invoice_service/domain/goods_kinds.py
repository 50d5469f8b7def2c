"""The closed catalogue from which a vendor picks what kind of goods it is: a tax class and a 19-digit code.

Nobody types a tax classification code at a stall. Each line holds from a day on; a code that is renamed or
split becomes a new line, and the old one gets a last day. Goods keep the code that they were given.

What looks like exempt goods and is not, such as canned vegetables, is named in `tax_rules.toml`, with the
kind as which it is entered here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from invoice_service.domain import tax_data
from invoice_service.domain.tax import TaxClass, TaxRule, rule_by_id, rules

_CODES_SINCE = date(2016, 5, 1)  # when the classification came into use


@dataclass(frozen=True, slots=True)
class GoodsKind:
    key: str
    tax_class: TaxClass
    tax_code: str
    name_zh: str
    name_en: str
    first_day: date = _CODES_SINCE
    last_day: date = date.max


_VEGETABLE, _OTHER = TaxClass.VEGETABLE, TaxClass.AGRICULTURAL_OTHER
KINDS = (
    GoodsKind("roots", _VEGETABLE, "1010112010000000000", "根菜", "Root vegetables"),
    GoodsKind("tubers", _VEGETABLE, "1010112020000000000", "薯芋", "Potatoes, taro and other tubers"),
    GoodsKind("onions", _VEGETABLE, "1010112030000000000", "葱蒜", "Onions and garlic"),
    GoodsKind("cabbages", _VEGETABLE, "1010112040000000000", "甘蓝", "Cabbages"),
    GoodsKind("brassicas", _VEGETABLE, "1010112060000000000", "白菜、芥菜", "Pak choi and mustard greens"),
    GoodsKind("leaves", _VEGETABLE, "1010112070000000000", "叶菜", "Leaf vegetables"),
    GoodsKind("gourds", _VEGETABLE, "1010112080000000000", "瓜菜", "Gourds and cucumbers"),
    GoodsKind("solanaceous", _VEGETABLE, "1010112090000000000", "茄果", "Tomatoes, aubergines, peppers"),
    GoodsKind("beans", _VEGETABLE, "1010112100000000000", "菜豆", "Beans and peas"),
    GoodsKind("fungi", _VEGETABLE, "1010112130000000000", "食用菌", "Mushrooms"),
    GoodsKind("sprouts", _VEGETABLE, "1010112140000000000", "芽菜", "Sprouts"),
    GoodsKind("vegetables", _VEGETABLE, "1010112150000000000", "其他蔬菜", "Other vegetables"),
    GoodsKind("meat", TaxClass.FRESH_MEAT, "1030107010100000000", "鲜肉（猪牛羊鸡鸭鹅）",
              "Fresh pork, beef, mutton, chicken, duck, goose"),
    GoodsKind("meat_other", _OTHER, "1030107010100000000", "其他肉（其他畜禽、腌腊生肉）",
              "Other meat, and raw meat that is cured"),
    GoodsKind("eggs", TaxClass.FRESH_EGG, "1010303020000000000", "鲜蛋（鸡鸭鹅）",
              "Fresh eggs of chicken, duck, goose"),
    GoodsKind("eggs_other", _OTHER, "1010303020000000000", "其他蛋（含咸蛋、松花蛋）",
              "Other eggs, and salted or preserved ones"),
    GoodsKind("apples", _OTHER, "1010115010100000000", "苹果", "Apples"),
    GoodsKind("citrus", _OTHER, "1010115010300000000", "柑橘", "Citrus fruit"),
    GoodsKind("bananas", _OTHER, "1010115010500000000", "香蕉", "Bananas"),
    GoodsKind("fish", _OTHER, "1010501000000000000", "淡水鱼", "Freshwater fish"),
    GoodsKind("honey", _OTHER, "1010303030100000000", "蜂蜜", "Honey"),
    GoodsKind("tea", _OTHER, "1010116010000000000", "毛茶", "Loose tea"),
    GoodsKind("rice", _OTHER, "1030102010100000000", "大米", "Rice"),
    GoodsKind("soya_oil", TaxClass.EDIBLE_OIL, "1030105010100000000", "大豆油", "Soya oil"),
    # Its codes are many and none is confirmed: the nearest category was taken, as for the class as a whole.
    GoodsKind("processed", TaxClass.PROCESSED_FOOD, "1030105010100000000", "加工食品（罐头、熟食、豆制品等）",
              "Processed food: canned, cooked, tofu and the like"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Goods that a rule does not cover, however near they are."""

    id: str
    rule: TaxRule
    enter_as: GoodsKind
    basis: str
    confirmed: bool
    zh: str
    en: str


@cache
def exclusions() -> tuple[Exclusion, ...]:
    return read_exclusions(tax_data.text())


def read_exclusions(data: str) -> tuple[Exclusion, ...]:
    """Of the file's text. Raises BadTaxData, also where one is entered as what its rule covers."""
    return tax_data.read(data, "exclusion", _exclusion)


def _exclusion(entry: tax_data.Entry) -> Exclusion:
    rule = rule_by_id(entry.one_of("rule", [rule.id for rule in rules()]))
    key = entry.one_of("enter_as", [kind.key for kind in KINDS])
    kind = next(kind for kind in KINDS if kind.key == key)
    if kind.tax_class in rule.classes:
        entry.refuse(f'as "{key}" it would be covered by "{rule.id}"')
    return Exclusion(
        id=entry.id,
        rule=rule,
        enter_as=kind,
        basis=entry.text("basis"),
        confirmed=entry.flag("confirmed"),
        zh=entry.text("zh"),
        en=entry.text("en"),
    )


def kinds_on(day: date) -> tuple[GoodsKind, ...]:
    return tuple(kind for kind in KINDS if kind.first_day <= day <= kind.last_day)


def kind_of(tax_class: TaxClass, tax_code: str) -> GoodsKind | None:
    """Which line of the catalogue goods are of, if any."""
    found = (kind for kind in KINDS if (kind.tax_class, kind.tax_code) == (tax_class, tax_code))
    return next(found, None)
