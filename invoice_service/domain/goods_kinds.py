"""The closed catalogue from which a vendor picks what kind of goods it is: a tax class and a 19-digit code.

Nobody types a tax classification code at a stall. Each line holds from a day on; a code that is renamed or
split becomes a new line, and the old one gets a last day. Goods keep the code that they were given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from invoice_service.domain.tax import TaxClass

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
    GoodsKind("meat_other", _OTHER, "1030107010100000000", "其他鲜肉", "Other fresh meat"),
    GoodsKind("eggs", TaxClass.FRESH_EGG, "1010303020000000000", "鲜蛋（鸡鸭鹅）",
              "Fresh eggs of chicken, duck, goose"),
    GoodsKind("eggs_other", _OTHER, "1010303020000000000", "其他蛋类", "Other eggs"),
    GoodsKind("apples", _OTHER, "1010115010100000000", "苹果", "Apples"),
    GoodsKind("citrus", _OTHER, "1010115010300000000", "柑橘", "Citrus fruit"),
    GoodsKind("bananas", _OTHER, "1010115010500000000", "香蕉", "Bananas"),
    GoodsKind("fish", _OTHER, "1010501000000000000", "淡水鱼", "Freshwater fish"),
    GoodsKind("honey", _OTHER, "1010303030100000000", "蜂蜜", "Honey"),
    GoodsKind("tea", _OTHER, "1010116010000000000", "毛茶", "Loose tea"),
    GoodsKind("rice", _OTHER, "1030102010100000000", "大米", "Rice"),
    GoodsKind("soya_oil", TaxClass.PROCESSED_FOOD, "1030105010100000000", "大豆油", "Soya oil"),
)  # fmt: skip


def kinds_on(day: date) -> tuple[GoodsKind, ...]:
    return tuple(kind for kind in KINDS if kind.first_day <= day <= kind.last_day)


def kind_of(tax_class: TaxClass, tax_code: str) -> GoodsKind | None:
    """Which line of the catalogue goods are of, if any."""
    found = (kind for kind in KINDS if (kind.tax_class, kind.tax_code) == (tax_class, tax_code))
    return next(found, None)
