"""Each rule on nothing, on one record, just below and just at its thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoice_service.supervision import catalogue, rules
from invoice_service.supervision.rows import (
    Buyer,
    Difference,
    GoodsOf,
    Invoice,
    Line,
    MarketDay,
    Place,
    Refund,
    Sale,
    Seller,
    StallDay,
    history_of,
)

DAY = date(2026, 11, 20)
MORNING = datetime(2026, 11, 20, 1, tzinfo=UTC)  # 9 o'clock in Shanghai
HELD = catalogue.rules_on("530802", DAY)
EMPTY = MarketDay(market="PE01", region="530802", day=DAY, as_of=MORNING + timedelta(days=1))


def sale(n: int, **changes: Any) -> Sale:
    values = {
        "order": f"order-{n}",
        "vendor": 1,
        "stall": "A01",
        "paid_at": MORNING + timedelta(minutes=n),
        "amount_fen": 1_000,
        "counted_fen": 1_000,
        "invoice": None,
        "lines": (Line("青菜", "斤", Decimal("3.2"), 1_000, "vegetables"),),
        "anchored_at": MORNING + timedelta(minutes=n + 1),
    }
    return Sale(**values | changes)


def invoice(n: int, **changes: Any) -> Invoice:
    values = {
        "number": f"{n:020d}",
        "order": f"order-{n}",
        "vendor": 1,
        "stall": "A01",
        "issued_at": MORNING + timedelta(seconds=n),
        "total_fen": 50_000,
        "buyer": None,
        "anchored_at": MORNING + timedelta(minutes=2),
    }
    return Invoice(**values | changes)


def seller(vendor: int = 1, **changes: Any) -> Seller:
    return replace(Seller(vendor, "李秀英", "small_scale", "month", frozenset({"vegetable"})), **changes)


def found(rule: str, **rows: Any) -> list[rules.Finding]:
    return list(rules.FIND[rule](replace(EMPTY, **rows), HELD[rule]))


def test_every_rule_has_its_words_and_what_it_needs() -> None:
    assert set(HELD) == set(rules.FIND) == set(rules.BASIS) == set(catalogue.RULE_IDS)


@pytest.mark.parametrize("rule", catalogue.RULE_IDS)
def test_nothing_is_found_in_nothing_nor_in_one_ordinary_sale(rule: str) -> None:
    assert found(rule) == []
    one = {"sales": [sale(1)], "invoices": [invoice(1)], "sellers": {1: seller()},
           "history": [StallDay(DAY, 1, "A01", 1, 1_000)],
           "places": [Place("A01", 1, True, True)], "goods": [GoodsOf(1, "青菜", "vegetable")]}  # fmt: skip
    assert found(rule, **one) == []


def market_norm(invoiced: int, orders: int) -> list[Sale]:
    """A neighbour who invoices half of two hundred sales, and vendor 1."""
    others = [sale(n, vendor=2, order=f"other-{n}", invoice="x" if n % 2 else None) for n in range(200)]
    return others + [sale(n, invoice="y" if n < invoiced else None) for n in range(orders)]


@pytest.mark.parametrize(("invoiced", "orders", "is_found"), [
    (3, 30, True),  # 15 expected, 3 is under a quarter of it
    (4, 30, False),
    (0, 29, False),  # 14.5 expected: too few to say anything
])  # fmt: skip
def test_uninvoiced(invoiced: int, orders: int, *, is_found: bool) -> None:
    assert bool(found("uninvoiced", sales=market_norm(invoiced, orders))) is is_found


@pytest.mark.parametrize(("back_fen", "is_found"), [(999, True), (1_000, False)])
def test_what_went_back_whole_is_not_uninvoiced(back_fen: int, *, is_found: bool) -> None:
    sales = market_norm(3, 30)
    refunds = [Refund("r", "order-29", 1, "A01", MORNING, back_fen, back_fen)]
    assert bool(found("uninvoiced", sales=sales, refunds=refunds)) is is_found


def test_history_counts_what_went_back_on_the_day_on_which_it_did() -> None:
    back = Refund("r", "order-1", 1, "A01", MORNING + timedelta(days=1), 400, 300)
    assert history_of([sale(1), sale(2)], [back]) == [
        StallDay(DAY, 1, "A01", 2, 2_000),
        StallDay(DAY + timedelta(days=1), 1, "A01", 0, -300),
    ]


def test_a_seller_alone_in_the_market_has_no_norm() -> None:
    assert found("uninvoiced", sales=[sale(n) for n in range(100)]) == []


@pytest.mark.parametrize(("amount_fen", "minutes", "kind", "is_found"), [
    (85_000, 10, "natural_person", True),
    (100_000, 10, "natural_person", True),
    (84_999, 10, "natural_person", False),
    (100_001, 10, "natural_person", False),
    (90_000, 11, "natural_person", False),
    (90_000, 10, "small_scale", False),
])  # fmt: skip
def test_splitting(amount_fen: int, minutes: int, kind: str, *, is_found: bool) -> None:
    sales = [sale(n * minutes, amount_fen=amount_fen) for n in range(3)]
    assert bool(found("splitting", sales=sales, sellers={1: seller(taxpayer_kind=kind)})) is is_found


def history(days: range, fen: int = 600_000) -> list[StallDay]:
    """One stall's days before DAY, counted back from it."""
    return [StallDay(DAY - timedelta(days=n), 1, "A01", 5, fen) for n in days]


@pytest.mark.parametrize(("fen", "quiet", "is_found"), [
    (593_750, 4, True),  # sixteen days of November: ¥95,000
    (625_000, 4, True),  # exactly the threshold
    (593_749, 4, False),
    (625_001, 4, False),  # over it: then it is declared
    (620_000, 3, False),
])  # fmt: skip
def test_hugging(fen: int, quiet: int, *, is_found: bool) -> None:
    days = [one for one in history(range(quiet, 20), fen) if one.day >= date(2026, 11, 1)][:16]
    assert bool(found("hugging", history=days, sellers={1: seller()})) is is_found


def test_bursts_and_nights() -> None:
    spread = [invoice(n, issued_at=MORNING + timedelta(seconds=n * 22)) for n in range(15)]
    assert found("burst", invoices=spread) == [], "fifteen in more than five minutes"
    [burst] = found("burst", invoices=[invoice(n) for n in range(15)])
    assert (burst.figures["count"], burst.figures["first"]) == (15, "09:00")
    at_night = MORNING.replace(hour=15)  # 23:00
    [night] = found(
        "burst", invoices=[invoice(n, issued_at=at_night + timedelta(minutes=9 * n)) for n in range(3)]
    )
    assert night.key.startswith("2026-11 night")
    before_three = [invoice(n, issued_at=MORNING.replace(hour=19, minute=n)) for n in range(3)]
    assert found("burst", invoices=before_three) == [], "three in the morning is when wholesale begins"


def priced(vendor: int, price: str, count: int = 3) -> list[Sale]:
    line = Line("猪肉", "斤", Decimal(price), 1_000, "fresh-meat-and-eggs")
    return [sale(n, vendor=vendor, order=f"{vendor}-{n}", lines=(line,)) for n in range(count)]


@pytest.mark.parametrize(("price", "count", "is_found"), [
    ("45.15", 3, True), ("45", 3, False), ("4.80", 3, True), ("4.95", 3, False), ("1", 2, False),
])  # fmt: skip
def test_price(price: str, count: int, *, is_found: bool) -> None:
    sales = [*priced(2, "15"), *priced(3, "15"), *priced(4, "15"), *priced(1, price, count)]
    assert bool(found("price", sales=sales)) is is_found
    assert found("price", sales=sales[3:]) == [], "three sellers are no market"


def test_what_was_typed_as_a_plain_amount_has_no_price() -> None:
    line = Line("蔬菜", "份", Decimal(500), 50_000, "vegetables")
    sales = [sale(n, vendor=n % 5, lines=(replace(line, unit_price=Decimal(n + 1)),)) for n in range(50)]
    assert found("price", sales=sales) == []


@pytest.mark.parametrize(
    ("stalls", "fen", "is_found"), [(12, 41_667, True), (11, 90_000, False), (12, 41_666, False)]
)
def test_one_buyer(stalls: int, fen: int, *, is_found: bool) -> None:
    buyer = Buyer("92532528MA6L45LX6L", "普洱茶业有限公司")
    invoices = [invoice(n, stall=f"A{n}", total_fen=fen, buyer=buyer) for n in range(stalls)]
    assert bool(found("one_buyer", invoices=invoices)) is is_found
    assert found("one_buyer", invoices=[replace(one, buyer=None) for one in invoices]) == []


@pytest.mark.parametrize(("licensed", "lines", "is_found"), [
    ({"fresh_meat"}, 5, True), ({"fresh_meat"}, 2, False), ({"vegetable"}, 5, False), (set(), 5, False),
])  # fmt: skip
def test_unfit_goods(licensed: set[str], lines: int, *, is_found: bool) -> None:
    sales = [sale(n, lines=(replace(sale(1).lines[0], amount_fen=3_000),)) for n in range(lines)]
    goods, sellers = [GoodsOf(1, "青菜", "vegetable")], {1: seller(licensed=frozenset(licensed))}
    assert bool(found("unfit_goods", sales=sales, goods=goods, sellers=sellers)) is is_found


@pytest.mark.parametrize(("place", "selling", "quiet", "sold", "is_found"), [
    (Place("A01", 1, True, True), 100, 5, 10, True),
    (Place("A01", 1, True, True), 100, 4, 10, False),
    (Place("A01", 1, True, True), 100, 5, 9, False),
    (Place("A01", 1, True, True), 49, 5, 10, False),  # the market is on holiday
    (Place("A01", None, True, True), 100, 5, 10, False),
    (Place("A01", 1, False, True), 100, 5, 10, False),
    (Place("A01", 1, True, False), 100, 5, 10, False),
])  # fmt: skip
def test_silent(place: Place, selling: int, quiet: int, sold: int, *, is_found: bool) -> None:
    rows = {"history": history(range(quiet, quiet + sold)), "places": [place], "selling_percent": selling}
    assert bool(found("silent", **rows)) is is_found


def test_late() -> None:
    in_time, slow = (
        sale(n, anchored_at=sale(n).paid_at + timedelta(minutes=m)) for n, m in ((1, 30), (2, 31))
    )
    waiting = sale(3, anchored_at=None)
    [one] = found("late", sales=[in_time, slow, waiting], invoices=[invoice(4)])
    assert (one.figures["count"], one.figures["waiting"]) == (2, 1)
    assert one.records == ("order-3", "order-2"), "the longest first"


def test_audit() -> None:
    [one] = found("audit", differences=[Difference("amount", "order-1", 1, "A01", 900, 1_000)])
    assert (one.figures["recorded_fen"], one.figures["attested_fen"], one.records) == (
        900,
        1_000,
        ("order-1",),
    )


FIGURES: dict[str, Callable[[], list[rules.Finding]]] = {
    "audit": lambda: found("audit", differences=[Difference("sums", "vendor 1", 1, None, 900, 1_000)]),
    "silent": lambda: found("silent", history=history(range(5, 15)), places=[Place("A01", 1, True, True)]),
    "uninvoiced": lambda: found("uninvoiced", sales=market_norm(0, 40)),
}


@pytest.mark.parametrize("rule", FIGURES)
def test_a_finding_is_said_in_both_languages(rule: str) -> None:
    [one] = FIGURES[rule]()
    for lang in ("zh-CN", "en"):
        said = HELD[rule].says(one.figures, lang)
        assert "{" not in said
        assert HELD[rule].innocent(lang)
    assert HELD["audit"].says({"what": "sums", "recorded_fen": 900, "attested_fen": 1000}, "zh-CN") == (
        "汇总与逐笔交易不一致：账面 ¥9.00，存证 ¥10.00。"
    )


def test_the_longer_region_and_the_day_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    base = HELD["late"]
    versions = (
        replace(base, region="5308", first_day=date(2026, 6, 1), values={"after_minutes": 5}),
        replace(base, region="53", values={"after_minutes": 10}),
        base,
    )
    monkeypatch.setattr(catalogue, "versions", lambda: versions)

    def minutes(region: str, day: date) -> int:
        held: int = catalogue.rules_on(region, day)["late"].values["after_minutes"]
        return held

    assert minutes("530802", DAY) == 5
    assert minutes("530802", date(2026, 5, 31)) == 10
    assert minutes("530102", DAY) == 10
    assert minutes("110101", DAY) == 30
    assert catalogue.rules_on("530802", date(2025, 12, 31)) == {}
