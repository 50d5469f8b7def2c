"""The sums per vendor and hour, and per goods and day, are what a full recount of the facts would give."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.flow import issue, order, pay
from invoice_service.payments.provider import PaymentReport, PaymentRequest, PaymentState
from invoice_service.services import Services
from invoice_service.store import rollups
from tests import make
from tests.clock import Clock

NEW_YEARS_EVE = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)  # half past eleven at night in the market


class PaysWhenAsked:
    """A provider whose every order is paid by the time somebody asks."""

    name = "pays-when-asked"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._amounts: dict[str, int] = {}

    def start(self, request: PaymentRequest) -> str:
        self._amounts[request.out_trade_no] = request.amount_fen
        return "https://pay.example"

    def query(self, out_trade_no: str) -> PaymentReport:
        return PaymentReport(
            out_trade_no=out_trade_no,
            transaction_id=f"T-{out_trade_no}",
            state=PaymentState.SUCCEEDED,
            amount_fen=self._amounts[out_trade_no],
            paid_at=self._clock.now,
        )


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
