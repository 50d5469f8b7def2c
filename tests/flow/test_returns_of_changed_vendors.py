"""VAT returns of vendors who change how they declare, or what they are; and of a settler that dies.

No day is declared twice, and none is left out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.order import PlainAmount
from invoice_service.domain.vat_return import NoReturn, NoSuchPeriod
from invoice_service.flow import order, pay, seal_returns
from invoice_service.queries import returns
from tests.clock import Clock
from tests.flow import test_returns
from tests.flow.test_returns import (
    ENDS,
    Q3,
    SEALED_FROM,
    change,
    one,
    root_of_facts,
    sealed,
    sell,
    sell_a_quarter,
    the_officer,
)
from tests.people import Town

clock, place = test_returns.clock, test_returns.place  # the fixtures
BY_MONTH = "UPDATE vendors SET tax_period = 'month'"
BY_QUARTER = "UPDATE vendors SET tax_period = 'quarter'"
GENERAL = "UPDATE vendors SET taxpayer_kind = 'general'"
UNREGISTERED = "UPDATE vendors SET taxpayer_kind = 'natural_person', tax_id = NULL WHERE id = :v"
AUGUST = datetime(2026, 8, 3, 4, tzinfo=UTC)
IN_JULY, IN_AUGUST = (date(2026, 7, 1), date(2026, 7, 31)), (date(2026, 8, 1), date(2026, 8, 31))
IN_Q3 = (Q3, date(2026, 9, 30))


def told(place: Town) -> list[tuple[date, date, str]]:
    """As the list of periods tells them, the earliest first."""
    found = returns.returns(place.services, the_officer(place), "en", place.vendors["vendor"])
    return [(row.period.first_day, row.period.last_day, row.state) for row in reversed(found.rows)]


def versions(place: Town) -> list[tuple[tuple[date, date], int, int]]:
    """Days, amendment and line 11 of what is sealed."""
    return [
        ((row["first_day"], row["last_day"]), row["amendment"], row["cells"]["11"]) for row in sealed(place)
    ]


def pay_late(place: Town, clock: Clock, paid: datetime, learnt: datetime) -> None:
    clock.now = paid
    placed = order.place(place.services, "A01", PlainAmount(1_010))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(replace(place.services, clock=lambda: learnt), placed.token)
    clock.now = learnt


def test_months_of_a_sealed_quarter_are_not_declared_again(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)  # in July and in August
    clock.now = SEALED_FROM
    seal_returns.seal_ended(place.services)
    change(place, BY_MONTH)
    assert seal_returns.seal_ended(place.services) == 0
    assert told(place) == [(*IN_Q3, "sealed"), (date(2026, 10, 1), date(2026, 10, 31), "running")]
    with pytest.raises(NoSuchPeriod):
        one(place, date(2026, 8, 1))


def test_a_quarter_that_was_begun_by_months_is_ended_by_months(place: Town, clock: Clock) -> None:
    change(place, BY_MONTH)
    sell(place, PlainAmount(10_100))
    clock.now = AUGUST
    seal_returns.seal_ended(place.services)
    change(place, BY_QUARTER)
    sell(place, PlainAmount(20_200))
    assert told(place) == [(*IN_JULY, "sealed"), (*IN_AUGUST, "running")]
    clock.now = SEALED_FROM
    assert seal_returns.seal_ended(place.services) == 1
    assert versions(place) == [(IN_JULY, 0, 10_000), (IN_AUGUST, 0, 20_000)]
    assert told(place)[2:] == [(date(2026, 10, 1), date(2026, 12, 31), "running")]


def test_who_goes_over_before_anything_is_sealed_declares_the_new_way(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)
    clock.now = ENDS - timedelta(days=2)
    change(place, BY_MONTH)
    seal_returns.seal_ended(place.services)
    assert versions(place) == [(IN_JULY, 0, 10_001), (IN_AUGUST, 0, 200)]


@pytest.mark.parametrize("became", [GENERAL, UNREGISTERED, BY_MONTH], ids=["general", "person", "monthly"])
def test_what_comes_late_amends_what_was_declared_whatever_became_of_the_vendor(
    place: Town, clock: Clock, became: str
) -> None:
    """The late sale is of August, so that no month which begins with the quarter has a sale."""
    clock.now = AUGUST
    sell(place, PlainAmount(10_100))
    clock.now = SEALED_FROM
    seal_returns.seal_ended(place.services)
    pay_late(place, clock, AUGUST, SEALED_FROM + timedelta(days=1))
    change(place, became, v=place.vendors["vendor"])
    assert seal_returns.seal_ended(place.services) == 1
    assert versions(place) == [(IN_Q3, 0, 10_000), (IN_Q3, 1, 11_000)]
    assert one(place).state == "amended"
    assert sealed(place)[1]["root"] == root_of_facts(place)[1]
    assert b"small_scale" in bytes(sealed(place)[1]["body"])


def test_what_was_sold_as_a_general_taxpayer_is_no_small_scale_return(place: Town, clock: Clock) -> None:
    change(place, GENERAL)
    sell(place, PlainAmount(11_300))
    clock.now = SEALED_FROM
    assert seal_returns.seal_ended(place.services) == 0
    with pytest.raises(NoReturn):
        one(place)
    change(place, "UPDATE vendors SET taxpayer_kind = 'small_scale'")
    assert seal_returns.seal_ended(place.services) == 0
    assert [state for _, _, state in told(place)] == ["running"]


def test_the_database_refuses_two_returns_over_one_day(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM
    seal_returns.seal_ended(place.services)
    august = """
        INSERT INTO vat_returns (vendor_id, first_day, last_day, amendment, market_id, cells, size, root,
                                 body, salt, commitment, sealed_at, is_stale)
        SELECT vendor_id, '2026-08-01', '2026-08-31', 0, market_id, cells, size, root, body, salt,
               sha256(commitment), sealed_at, FALSE
        FROM vat_returns WHERE vendor_id = :v
    """
    with (
        place.services.database.unit_of_work() as uow,
        pytest.raises(IntegrityError, match="vat_returns_overlap_excl"),
    ):
        uow.connection.execute(text(august), {"v": place.vendors["vendor"]})


def test_a_settler_that_dies_before_its_commit_has_sealed_nothing(
    place: Town, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version and its entry come together, or neither does; the next settler seals."""
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(seal_returns, "record", dies)
        with pytest.raises(KeyboardInterrupt):
            seal_returns.seal_ended(place.services)
    assert sealed(place) == []
    assert seal_returns.seal_ended(place.services) == 2, "ours, and next door's"
    facts = place.rows("SELECT fact FROM outbox WHERE kind = 8 ORDER BY fact")
    assert len(facts) == 2
    assert len(sealed(place)) == 1
