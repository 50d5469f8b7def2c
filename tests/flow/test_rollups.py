"""The sums per vendor and hour, and per goods and day, are what a full recount of the facts would give."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import TaxpayerKind, make_buyer
from invoice_service.domain.tax import TaxClass, rules
from invoice_service.flow import issue, order, pay, sum_days
from invoice_service.services import Services
from invoice_service.store import rollups, turnover
from tests import make
from tests.clock import Clock
from tests.payer import PaysWhenAsked

NEW_YEARS_EVE = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)  # half past eleven at night in the market


@pytest.fixture
def clock() -> Clock:
    return Clock(NEW_YEARS_EVE)


@pytest.fixture
def services(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Services]:
    """Three stalls of three kinds of vendors; everybody's goods are taxed differently."""
    keyring.make_missing(tmp_path, now=NEW_YEARS_EVE, issuer_name="test")
    config = Config(data_dir=tmp_path, database_url=migrated_database_url)
    made = build_services(config, clock=clock)
    provider: Any = PaysWhenAsked(clock)
    made = replace(made, providers={provider.name: provider})
    with made.database.unit_of_work() as uow:
        market_id = make.market(uow.connection)
        for number, (kind, tax_class) in enumerate(
            [("small_scale", "vegetable"), ("general", "processed_food"), ("natural_person", "fresh_meat")]
        ):
            vendor_id = make.vendor(
                uow.connection,
                market_id,
                taxpayer_kind=kind,
                tax_id=None if kind == "natural_person" else "92532528MA6L45LX6L",
                default_tax_class=tax_class,
            )
            make.stall(uow.connection, market_id, vendor_id, code=f"S{number}")
            goods = [
                {"sku": "a", "name_zh": "甲", "name_en": "A", "price_fen": 333, "tax_class": tax_class},
                {
                    "sku": "b",
                    "name_zh": "乙",
                    "name_en": "B",
                    "price_fen": 1299,
                    "tax_class": "processed_food",
                },
            ]
            make.goods(uow.connection, market_id, vendor_id, goods)
        uow.commit()
    yield made
    made.database.dispose()


def sums(services: Services) -> Mapping[str, list[Any]]:
    with services.database.read() as connection:
        return {
            name: list(connection.execute(text(f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4, 5, 6")))  # noqa: S608
            for name in ("vendor_hours", "vendor_goods_days")
        }


def sell(services: Services, luck: random.Random) -> None:
    """One order, mostly paid, of which some are invoiced."""
    wanted = (
        PlainAmount(luck.randrange(1, 9_999))
        if luck.random() < 0.5
        else Basket((("a", Decimal(luck.randrange(1, 5000)) / 1000), ("b", Decimal("0.5"))))
    )
    placed = order.place(services, f"S{luck.randrange(3)}", wanted)
    if luck.random() < 0.1:
        return
    pay.start(services, placed.token, "pays-when-asked")
    pay.check(services, placed.token)
    pay.check(services, placed.token)  # told twice, counted once
    if luck.random() < 0.5:
        buyer = make_buyer("individual", "", None)
        issue.issue(services, placed.token, buyer)
        issue.issue(services, placed.token, buyer)


def test_the_sums_are_those_of_a_full_recount(services: Services, clock: Clock) -> None:
    """Across midnight, the month's and the year's end in the market, four shoppers at a time."""
    for step in range(6):
        clock.now = NEW_YEARS_EVE + timedelta(minutes=20 * step)
        with ThreadPoolExecutor(4) as shoppers:
            list(shoppers.map(lambda n: sell(services, random.Random(n)), range(step * 20, step * 20 + 20)))  # noqa: S311
    as_written = sums(services)
    with services.database.unit_of_work() as uow:
        rollups.recount(uow.connection)
        uow.commit()
    assert as_written == sums(services)
    hours, goods = as_written["vendor_hours"], as_written["vendor_goods_days"]
    assert {row.hour.hour for row in hours} == {15, 16, 17}
    assert {str(row.day) for row in goods} == {"2026-12-31", "2027-01-01"}
    with services.database.read() as connection:
        paid = connection.execute(text("SELECT count(*), sum(amount_fen) FROM sales")).one()
        issued = connection.execute(text("SELECT count(*), sum(total_fen) FROM invoices")).one()
    assert (sum(row.orders for row in hours), sum(row.amount_fen for row in hours)) == tuple(paid)
    assert (sum(row.invoices for row in hours), sum(row.invoiced_fen for row in hours)) == tuple(issued)
    assert sum(row.amount_fen for row in goods) == paid[1]
    assert sum(row.tax_fen for row in goods) == sum(row.tax_fen for row in hours)
    assert {(row.taxpayer_kind, row.tax_class, row.rule) for row in goods} == {
        ("small_scale", "vegetable", "vegetables"), ("small_scale", "processed_food", "small-scale-1"),
        ("general", "processed_food", "general-13"), ("natural_person", "processed_food", "small-scale-1"),
        ("natural_person", "fresh_meat", "fresh-meat-and-eggs"),
    }  # fmt: skip


def test_exempt_and_taxable_sales_are_apart(services: Services) -> None:
    """Vegetables are exempt; processed food of a general taxpayer carries 13 %, net and tax apart."""
    for stall, amount_fen in (("S0", 10_000), ("S1", 11_300)):
        placed = order.place(services, stall, PlainAmount(amount_fen), idempotency_key=os.urandom(16).hex())
        pay.start(services, placed.token, "pays-when-asked")
        pay.check(services, placed.token)
    rows = sums(services)["vendor_hours"]
    assert [(r.exempt_fen, r.taxable_net_fen, r.tax_fen) for r in rows] == [
        (10_000, 0, 0),
        (0, 10_000, 1_300),
    ]


QUESTIONS = ("stall", "vendor", "hour", "day", "kind", "goods")
FIRST, LAST = date(2026, 12, 1), date(2027, 1, 31)
EVERYTHING = turnover.Narrowed(
    [rule.id for rule in rules()],
    [rule.id for rule in rules() if rule.treatment == "exempt"],
    list(TaxClass),
    list(TaxpayerKind),
)


def told(services: Services) -> list[list[dict[str, Any]]]:
    """What the market is told about two months, by everything it can be told by."""
    with services.database.read() as connection:
        market_id = connection.execute(text("SELECT id FROM markets")).scalar_one()
        return (
            [
                [dict(row) for row in turnover.turnover_rows(connection, market_id, by, FIRST, LAST, 10)]
                for by in QUESTIONS
            ]
            + [
                [
                    dict(row)
                    for row in turnover.taxed_rows(connection, [market_id], by, FIRST, LAST, EVERYTHING)
                ]
                for by in ("market_day", "rule", "vendor")
            ]
            + [[dict(row) for row in turnover.market_day_rows(connection, [market_id], FIRST, LAST)]]
        )


def days(services: Services) -> list[tuple[str, bool]]:
    with services.database.read() as connection:
        rows = connection.execute(text("SELECT day::text, is_summed FROM market_days ORDER BY day"))
        return [tuple(row) for row in rows]


def months(services: Services) -> list[tuple[str, bool]]:
    with services.database.read() as connection:
        rows = connection.execute(text("SELECT month::text, is_summed FROM market_months ORDER BY month"))
        return [tuple(row) for row in rows]


def test_summed_days_tell_what_the_open_ones_told(services: Services, clock: Clock) -> None:
    for step in range(3):
        clock.now = NEW_YEARS_EVE + timedelta(hours=20 * step)
        for n in range(12):
            sell(services, random.Random(step * 12 + n))  # noqa: S311
    before = told(services)
    assert [sum(row["amount_fen"] for row in answer) for answer in before] == [
        sum(row["amount_fen"] for row in before[0])
    ] * len(before)
    clock.now = datetime(2027, 1, 2, 16, 59, tzinfo=UTC)  # 3 January, 0:59: 2 January may have latecomers
    assert sum_days.sum_ended(services) == 3, "two days, and December"
    assert days(services) == [("2026-12-31", True), ("2027-01-01", True)]
    assert told(services) == before
    clock.now += timedelta(minutes=1)
    assert [sum_days.sum_ended(services), sum_days.sum_ended(services)] == [1, 0]
    assert told(services) == before
    with services.database.unit_of_work() as uow:
        uow.connection.execute(text("TRUNCATE vendor_hours, vendor_goods_days"))
        uow.commit()
    assert told(services) == before, "the sums alone tell it"
    assert months(services) == [("2026-12-01", True)]
    with services.database.unit_of_work() as uow:
        uow.connection.execute(
            text("DELETE FROM market_day_sums WHERE day < '2027-01-01' AND by NOT IN ('day', 'rule')")
        )
        uow.commit()
    assert told(services) == before, "of a whole month, the month's sums"


def test_a_payment_that_comes_late_reopens_its_day(services: Services, clock: Clock) -> None:
    """The provider says on 3 January that the order was paid on New Year's Eve."""
    sell(services, random.Random(1))  # noqa: S311
    placed = order.place(services, "S0", PlainAmount(777), idempotency_key="late-payment-0001")
    pay.start(services, placed.token, "pays-when-asked")
    clock.now = datetime(2027, 1, 3, 4, tzinfo=UTC)
    assert sum_days.sum_ended(services) == 4, "three days, and December"
    before = told(services)[1]
    clock.now = NEW_YEARS_EVE
    provider = services.providers["pays-when-asked"]
    late = replace(
        services, clock=lambda: datetime(2027, 1, 3, 4, tzinfo=UTC), providers={provider.name: provider}
    )
    pay.check(late, placed.token)
    assert [day for day, is_summed in days(services) if not is_summed] == ["2026-12-31"]
    after = told(services)[1]
    assert sum(row["amount_fen"] for row in after) == sum(row["amount_fen"] for row in before) + 777
    assert months(services) == [("2026-12-01", False)]
    assert sum_days.sum_ended(late) == 2, "the day, and its month"
    assert months(services) == [("2026-12-01", True)]
    assert (dict(days(services))["2026-12-31"], told(services)[1]) == (True, after)


def test_a_day_that_is_being_summed_waits_for_the_fact_or_the_fact_for_it(services: Services) -> None:
    """Whoever comes first: no sum stays that misses a fact."""
    day, database = date(2026, 12, 31), services.database
    with database.read() as connection:
        market_id = connection.execute(text("SELECT id FROM markets")).scalar_one()
    row = rollups.HourRow(
        1, NEW_YEARS_EVE.replace(minute=0), 1, market_id, orders=1, amount_fen=5, exempt_fen=5
    )

    def add(connection: Connection) -> None:
        rollups.add_hours(connection, [row], date(2027, 1, 1))

    def count(connection: Connection) -> None:
        turnover.sum_day(connection, market_id, day)

    def alone(work: Callable[[Connection], None]) -> None:
        with database.unit_of_work() as uow:
            work(uow.connection)
            uow.commit()

    for first, second in ((add, count), (count, add)):
        with ThreadPoolExecutor(1) as other, database.unit_of_work() as uow:
            first(uow.connection)
            waiting = other.submit(alone, second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            uow.commit()
            waiting.result(timeout=5)
        facts = sum(row.amount_fen for row in sums(services)["vendor_hours"])
        assert sum(row["amount_fen"] for row in told(services)[0]) == facts
