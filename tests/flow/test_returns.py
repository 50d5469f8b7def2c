"""VAT returns: cells add up to their facts, are sealed once, amended by what comes late alone."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import SayWhy
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.period import Period
from invoice_service.domain.policy import Actor, NotAllowed, OutOfScope
from invoice_service.domain.tax_sources import Asked
from invoice_service.domain.vat_return import NoReturn, NoSuchLine, NoSuchPeriod
from invoice_service.flow import issue, look, order, pay, seal, seal_returns
from invoice_service.ledger.entry import Entry, Kind, body_commitment
from invoice_service.queries import returns, supervision, vendor
from invoice_service.store import returns as stored
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.people import Town, town

Q3, Q4 = date(2026, 7, 1), date(2026, 10, 1)
JULY = datetime(2026, 7, 14, 4, tzinfo=UTC)
ENDS = datetime(2026, 9, 30, 16, tzinfo=UTC)  # midnight in Shanghai
SEALED_FROM = ENDS + timedelta(hours=1)
TAXED = "UPDATE vendors SET default_tax_class = 'processed_food' WHERE id = :v"


@pytest.fixture
def clock() -> Clock:
    return Clock(JULY)


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    """At A01 plain amounts are taxed, leek is not."""
    with town(tmp_path, migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        config = replace(made.services.config, max_amount_fen=100_000_000)
        services = replace(made.services, config=config, providers={provider.name: provider})
        changed = replace(made, services=services)
        change(changed, TAXED, v=changed.vendors["vendor"])
        yield changed


def change(place: Town, sql: str, **values: object) -> None:
    with place.services.database.unit_of_work() as uow:
        uow.connection.execute(text(sql), values)
        uow.commit()


def who(place: Town, name: str) -> Actor:
    """Signed in by the real clock: the tests' goes months back and forth."""
    real = replace(place.services, clock=lambda: datetime.now(UTC))
    return replace(place, services=real).actor(name)


def sell(place: Town, wanted: PlainAmount | Basket, *, stall: str = "A01", invoiced: bool = False) -> str:
    placed = order.place(place.services, stall, wanted)
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    if invoiced:
        issue.issue(place.services, placed.token, make_buyer("individual", "", None))
    return placed.token


def leek(jin: str) -> Basket:
    return Basket((("leek", Decimal(jin)),))


def sell_a_quarter(place: Town, clock: Clock) -> None:
    """¥101.01 and ¥2.02 taxed, the one invoiced; ¥10.00 of leek, invoiced; and what next door sold."""
    for day, wanted, invoiced in (
        (0, PlainAmount(10_101), True),
        (20, leek("2"), True),
        (21, PlainAmount(202), False),
    ):
        clock.now = JULY + timedelta(days=day)
        sell(place, wanted, invoiced=invoiced)
    sell(place, PlainAmount(555), stall="A02")


def the_officer(place: Town) -> Actor:
    officer = who(place, "officer")
    look.at_vendor(place.services, officer, place.vendors["vendor"], "核对三季度申报")
    return officer


def one(place: Town, first_day: date = Q3) -> returns.ReturnView:
    return returns.one(place.services, the_officer(place), "en", first_day, place.vendors["vendor"])


def fen(view: returns.ReturnView) -> dict[int, int]:
    return {cell.line: cell.fen for cell in view.cells if cell.fen}


def sealed(place: Town) -> list[Any]:
    sql = "SELECT * FROM vat_returns WHERE vendor_id = :v ORDER BY first_day, amendment"
    return place.rows(sql, v=place.vendors["vendor"])


def root_by_the_book(entries: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + root_by_the_book(entries[:k]) + root_by_the_book(entries[k:])).digest()


def root_of_facts(place: Town) -> tuple[int, bytes]:
    """From every entry there is, those of the vendor's facts in the quarter, by what their facts are."""
    vendor_id = place.vendors["vendor"]
    begins, ends = datetime(2026, 6, 30, 16, tzinfo=UTC), ENDS
    named = {
        (1, str(row["id"]))
        for row in place.rows("SELECT id, paid_at FROM orders WHERE vendor_id = :v", v=vendor_id)
        if row["paid_at"] and begins <= row["paid_at"] < ends
    } | {
        (3, row["number"])
        for row in place.rows("SELECT number, issued_at FROM invoices WHERE vendor_id = :v", v=vendor_id)
        if begins <= row["issued_at"] < ends
    }
    entries = place.rows("SELECT kind, fact, entry FROM log_entries")
    entries += place.rows("SELECT kind, fact, entry FROM outbox")
    found = [row for row in entries if (row["kind"], row["fact"]) in named]
    found.sort(key=lambda row: (Entry.decode(row["entry"]).instant_ms, row["kind"], row["fact"]))
    return len(found), root_by_the_book([row["entry"] for row in found])


# -- figures -----------------------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_vendors_page_and_the_gauge(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)
    view = one(place)
    assert view.state == "running"
    assert fen(view) == {9: 11_201, 11: 10_201, 12: 1_000, 17: 336, 19: 306}
    officer = the_officer(place)
    asked = Asked(Q3, date(2026, 9, 30))
    sources = supervision.vendor(place.services, officer, "en", place.vendors["vendor"], asked)
    total = sources.sources.total.figures
    assert (total.exempt_fen, total.taxable_net_fen) == (1_000, 10_201)
    gauge = vendor.gauge(place.services, who(place, "vendor"), "en").gauge
    assert (gauge.used_fen, gauge.limit_fen) == (view.sold_fen, view.limit_fen)


def test_above_the_threshold_taxed_sales_and_their_invoices_show(place: Town, clock: Clock) -> None:
    sell(place, PlainAmount(20_200_000))  # ¥200,000 without tax
    sell(place, PlainAmount(10_100_000), invoiced=True)  # ¥100,000: the threshold exactly
    assert fen(one(place)) == {9: 30_000_000, 11: 30_000_000, 17: 900_000, 19: 900_000}
    sell(place, leek("0.01"), invoiced=True)
    assert fen(one(place)) == {
        1: 30_000_000, 3: 10_000_000, 9: 5, 12: 5, 15: 900_000, 16: 600_000, 20: 300_000, 22: 300_000,
    }  # fmt: skip


@pytest.mark.parametrize("above", [False, True], ids=["below", "above"])
def test_the_facts_under_a_cell_add_up_to_it_on_pages_of_any_size(
    place: Town, clock: Clock, above: bool
) -> None:
    sell_a_quarter(place, clock)
    for amount in (777, 777, 777):  # at the same instant
        sell(place, PlainAmount(amount), invoiced=True)
    if above:
        sell(place, PlainAmount(40_000_000))
    officer, vendor_id = the_officer(place), place.vendors["vendor"]
    view = returns.one(place.services, officer, "en", Q3, vendor_id)
    assert [cell.line for cell in view.cells if cell.trace] == ([1, 3, 12] if above else [11, 12])
    for cell in view.cells:
        for limit in (1, 2, 100):
            found: list[returns.FactRow] = []
            page = None
            while page is None or page.next_key:
                page = returns.cell(
                    place.services, officer, "en", Q3, cell.line, vendor_id,
                    after=page and page.next_key, limit=limit,
                )  # fmt: skip
                found += page.rows
            assert len({(row.order_id, row.number) for row in found}) == len(found)
            expected = cell.fen if cell.trace else 0
            assert sum(row.part_fen for row in found) == expected, cell.line
            assert all(row.part_fen > 0 for row in found)


def test_a_day_ends_at_midnight_in_shanghai_for_sales_and_for_invoices(place: Town, clock: Clock) -> None:
    """Paid in September, invoiced in October: the sale counts there, the invoice here."""
    clock.now = ENDS - timedelta(milliseconds=1)
    token = sell(place, PlainAmount(40_400_000))
    clock.now = ENDS
    issue.issue(place.services, token, make_buyer("individual", "", None))
    sell(place, PlainAmount(50_500_000))
    assert {line: fen(one(place)).get(line) for line in (1, 3)} == {1: 40_000_000, 3: None}
    assert {line: fen(one(place, Q4)).get(line) for line in (1, 3)} == {1: 50_000_000, 3: 40_000_000}


# -- sealing -----------------------------------------------------------------------------------------------


def test_a_quarter_is_sealed_an_hour_after_it_ended_and_once(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)
    for now in (ENDS, SEALED_FROM - timedelta(milliseconds=1)):
        clock.now = now
        assert seal_returns.seal_ended(place.services) == 0
        assert one(place).state == "ended"
    running = fen(one(place))
    clock.now = SEALED_FROM
    counts: list[int] = []
    settlers = [
        threading.Thread(target=lambda: counts.append(seal_returns.seal_ended(place.services))) for _ in "12"
    ]
    for settler in settlers:
        settler.start()
    for settler in settlers:
        settler.join()
    assert sum(counts) == 2, "ours, and next door's"
    assert seal_returns.seal_ended(place.services) == 0
    view = one(place)
    assert (view.state, fen(view)) == ("sealed", running)
    assert len(sealed(place)) == 1


@pytest.mark.parametrize("in_log", [False, True], ids=["in the outbox", "in the log"])
def test_the_root_is_over_the_periods_entries_and_the_log_commits_to_it(
    place: Town, clock: Clock, in_log: bool
) -> None:
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM
    sell(place, PlainAmount(999), invoiced=True)  # the next quarter's
    if in_log:
        seal.seal(place.services)
    seal_returns.seal_ended(place.services)
    (row,) = sealed(place)
    assert (5, row["root"]) == (row["size"], row["root"]) == root_of_facts(place)
    assert json.loads(row["body"]) == {
        "type": "return",
        "version": 1,
        "issuer": place.services.keyring.issuer_id.hex(),
        "market": "PE01",
        "seller": {"name": "李秀英", "tax_id": "92532528MA6L45LX6L", "kind": "small_scale"},
        "first_day": "2026-07-01",
        "last_day": "2026-09-30",
        "cells": {"1": 0, "3": 0, "9": 11_201, "10": 0, "11": 10_201, "12": 1_000, "15": 0, "16": 0,
                  "17": 336, "18": 0, "19": 306, "20": 0, "22": 0},
        "size": 5,
        "root": row["root"].hex(),
        "amendment": 0,
        "amends": None,
    }  # fmt: skip
    seal.seal(place.services)
    fact = f"{place.vendors['vendor']}/2026-07-01/0"
    (logged,) = place.rows("SELECT kind, entry FROM log_entries WHERE fact = :f", f=fact)
    entry = Entry.decode(logged["entry"])
    assert (logged["kind"], entry.kind) == (8, Kind.RETURN)
    assert entry.body_commitment == row["commitment"] == body_commitment(row["salt"], row["body"])
    (version,) = one(place).versions
    assert (version.root, version.size) == (row["root"].hex(), 5)
    assert (version.ledger.state, version.ledger.index is None) == ("sealed", False)


def test_a_period_of_one_sale_is_sealed_and_one_of_none_is_not(place: Town, clock: Clock) -> None:
    sell(place, PlainAmount(101))
    clock.now = datetime(2027, 1, 2, tzinfo=UTC)  # nothing was sold in the fourth quarter
    assert seal_returns.seal_ended(place.services) == 1
    (row,) = sealed(place)
    assert (row["first_day"], row["size"], row["cells"]["11"]) == (Q3, 1, 100)
    listed = returns.returns(place.services, the_officer(place), "en", place.vendors["vendor"])
    assert [(each.period.first_day, each.state) for each in listed.rows] == [
        (date(2027, 1, 1), "running"),
        (Q3, "sealed"),
    ]
    assert fen(one(place, Q4)) == {}


def test_one_that_cannot_be_sealed_holds_up_no_other(
    place: Town, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM
    real, bad = stored.sums, min(place.vendors.values())  # sealed first

    def failing(connection: Connection, vendor_id: int, period: Period) -> Any:
        if vendor_id == bad:
            raise RuntimeError("cannot be summed")
        return real(connection, vendor_id, period)

    monkeypatch.setattr(stored, "sums", failing)
    with pytest.raises(RuntimeError, match="cannot be summed"):
        seal_returns.seal_ended(place.services)
    assert place.rows("SELECT vendor_id FROM vat_returns") != []
    monkeypatch.undo()
    assert seal_returns.seal_ended(place.services) == 1


def test_those_who_declare_by_month_are_sealed_by_month(place: Town, clock: Clock) -> None:
    change(place, "UPDATE vendors SET tax_period = 'month'")
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM
    seal_returns.seal_ended(place.services)
    assert [(row["first_day"], row["last_day"]) for row in sealed(place)] == [
        (date(2026, 7, 1), date(2026, 7, 31)),
        (date(2026, 8, 1), date(2026, 8, 31)),
    ]


def test_a_period_is_sealed_however_long_ago_it_ended(place: Town, clock: Clock) -> None:
    """Also in a year for which no form is known yet."""
    sell(place, PlainAmount(101))
    clock.now = datetime(2029, 10, 2, tzinfo=UTC)
    assert seal_returns.seal_ended(place.services) == 1
    assert [row["first_day"] for row in sealed(place)] == [Q3]


# -- amendments --------------------------------------------------------------------------------------------


def pay_late(place: Town, clock: Clock, wanted: PlainAmount | Basket, learnt: datetime) -> None:
    """The provider says at `learnt` that it was paid in July."""
    clock.now = JULY
    placed = order.place(place.services, "A01", wanted)
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(replace(place.services, clock=lambda: learnt), placed.token)
    clock.now = learnt


def test_a_payment_that_comes_late_is_sealed_as_an_amendment(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM
    seal_returns.seal_ended(place.services)
    (first,) = sealed(place)
    pay_late(place, clock, PlainAmount(1_010), SEALED_FROM + timedelta(days=3))
    assert one(place).state == "stale"
    assert seal_returns.seal_ended(place.services) == 1
    assert seal_returns.seal_ended(place.services) == 0
    before, after = sealed(place)
    assert {**before, "is_stale": False} == first, "the first version is as it was"
    assert (after["amendment"], json.loads(after["body"])["amends"]) == (1, first["commitment"].hex())
    assert (6, after["root"]) == (after["size"], after["root"]) == root_of_facts(place)
    view = one(place)
    assert (view.state, fen(view)[11]) == ("amended", 11_201)
    assert [version.amendment for version in view.versions] == [1, 0]
    assert [(each.line, each.before_fen, each.fen) for each in view.versions[0].changes] == [
        (9, 11_201, 12_201), (11, 10_201, 11_201), (17, 336, 366), (19, 306, 336),
    ]  # fmt: skip
    page = returns.cell(place.services, the_officer(place), "en", Q3, 11, place.vendors["vendor"])
    assert sum(row.part_fen for row in page.rows) == 11_201
    pay_late(place, clock, leek("1"), SEALED_FROM + timedelta(days=4))
    assert seal_returns.seal_ended(place.services) == 1
    assert [row["amendment"] for row in sealed(place)] == [0, 1, 2]


def test_nothing_else_makes_an_amendment(place: Town, clock: Clock) -> None:
    """Not sales of now, not another vendor's late ones, not another period's."""
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM
    seal_returns.seal_ended(place.services)
    sell(place, PlainAmount(300), invoiced=True)
    clock.now = JULY
    placed = order.place(place.services, "A02", PlainAmount(100))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(replace(place.services, clock=lambda: SEALED_FROM), placed.token)
    clock.now = SEALED_FROM + timedelta(days=1)
    assert [row["is_stale"] for row in sealed(place)] == [False]
    assert seal_returns.seal_ended(place.services) == 1, "next door's"
    assert len(sealed(place)) == 1


def test_a_late_fact_waits_for_the_seal_and_the_seal_for_a_late_fact(place: Town, clock: Clock) -> None:
    """No sealed return misses a fact unmarked, whoever comes first."""
    sell_a_quarter(place, clock)
    clock.now = SEALED_FROM
    vendor_id = place.vendors["vendor"]
    with ThreadPoolExecutor(1) as other:
        with place.services.database.unit_of_work() as uow:
            stored.mark_late(uow.connection, {(vendor_id, date(2026, 7, 14))})
            waiting = other.submit(seal_returns.seal_ended, place.services)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            uow.commit()
        assert waiting.result(timeout=5) == 2, "ours, and next door's"
        with place.services.database.unit_of_work() as uow:
            stored.lock(uow.connection, vendor_id)
            late = other.submit(pay_late, place, clock, PlainAmount(1_010), SEALED_FROM + timedelta(days=1))
            with pytest.raises(TimeoutError):
                late.result(timeout=0.3)
            uow.commit()
        late.result(timeout=5)
    assert one(place).state == "stale"


def test_no_version_is_changed_or_removed(place: Town) -> None:
    for statement in (
        "UPDATE vat_returns SET cells = '{}'",
        "UPDATE vat_returns SET sealed_at = now()",
        "DELETE FROM vat_returns",
        "TRUNCATE vat_returns",
    ):
        with (
            place.services.database.unit_of_work() as uow,
            pytest.raises(IntegrityError, match="never changed"),
        ):
            uow.connection.execute(text(statement))


# -- who may see -------------------------------------------------------------------------------------------


def test_nothing_opens_without_a_look_or_outside_the_region(place: Town) -> None:
    vendor_id = place.vendors["vendor"]
    for asked in (
        lambda actor: returns.returns(place.services, actor, "en", vendor_id),
        lambda actor: returns.one(place.services, actor, "en", Q3, vendor_id),
        lambda actor: returns.cell(place.services, actor, "en", Q3, 12, vendor_id),
    ):
        with pytest.raises(SayWhy):
            asked(who(place, "officer"))
        with pytest.raises(OutOfScope):
            asked(who(place, "officer_2"))
        with pytest.raises((OutOfScope, NotAllowed)):
            asked(who(place, "next_door"))


def test_vendors_see_their_own(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)
    seller = who(place, "vendor")
    assert returns.one(place.services, seller, "zh-CN", Q3).due_fen == 0
    assert sum(row.part_fen for row in returns.cell(place.services, seller, "en", Q3, 11).rows) == 10_201
    assert returns.returns(place.services, who(place, "next_door"), "en").rows[0].sold_fen == 555
    with pytest.raises(NotAllowed):
        returns.returns(place.services, who(place, "operator"), "en")


def test_what_is_no_return_says_so(place: Town) -> None:
    seller = who(place, "vendor")
    for day in (date(2026, 7, 2), date(2026, 8, 1), Q4, date(2022, 1, 1)):
        with pytest.raises(NoSuchPeriod):
            returns.one(place.services, seller, "en", day)
    for line in (2, 0, 10**9):
        with pytest.raises(NoSuchLine):
            returns.cell(place.services, seller, "en", Q3, line)
    change(place, "UPDATE vendors SET taxpayer_kind = 'general'")
    with pytest.raises(NoReturn):
        returns.one(place.services, seller, "en", Q3)
    listed = returns.returns(place.services, seller, "en")
    assert (listed.files_return, listed.rows) == (False, ())


# -- over HTTP ---------------------------------------------------------------------------------------------


def test_the_api_tells_the_same_and_pages_by_cursor(place: Town, clock: Clock) -> None:
    sell_a_quarter(place, clock)
    clock.now = datetime.now(UTC)  # sessions go by the real clock
    seal_returns.seal_ended(place.services)
    path = f"/api/v1/supervision/vendors/{place.vendors['vendor']}/returns"
    assert place.api("officer", "GET", path).json["code"] == "look.say_why"  # type: ignore[index]
    the_officer(place)
    items = place.api("officer", "GET", path).json["items"]  # type: ignore[index]
    assert {"first_day": "2026-07-01", "last_day": "2026-09-30", "state": "sealed", "amendment": 0,
            "sold_fen": 11_201, "due_fen": 0} in items  # fmt: skip
    view = place.api("officer", "GET", f"{path}/2026-07-01").json
    assert {cell["line"]: cell["fen"] for cell in view["cells"] if cell["fen"]} == fen(one(place))  # type: ignore[index]
    assert view["versions"][0]["root"] == sealed(place)[0]["root"].hex()  # type: ignore[index]
    first = place.api("officer", "GET", f"{path}/2026-07-01/cells/11?limit=1").json
    second = place.api(
        "officer",
        "GET",
        f"{path}/2026-07-01/cells/11?limit=1&cursor={first['next_cursor']}",  # type: ignore[index]
    ).json
    assert [page["items"][0]["part_fen"] for page in (first, second)] == [200, 10_001]  # type: ignore[index]
    assert second["next_cursor"] is None  # type: ignore[index]
    own = "/api/v1/vendor/returns/2026-07-01"
    assert place.api("vendor", "GET", own).json["cells"] == view["cells"]  # type: ignore[index]
    assert place.api("vendor", "GET", f"{own}/cells/11").json["items"] == [  # type: ignore[index]
        page["items"][0]
        for page in (first, second)  # type: ignore[index]
    ]
    for wrong, status in (
        ("/2026-07-02", 404), ("/x", 422), ("/2026-07-01/cells/2", 404),
        ("/2026-07-01/cells/11?cursor=x", 422),
    ):  # fmt: skip
        assert place.api("officer", "GET", path + wrong).status_code == status, wrong
