"""A market's sales in pages, as CSV and as an export: all, once, harmless, and to their owner only."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from invoice_service.domain.access import SayWhy
from invoice_service.domain.listing import BadListing, BadPeriod
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.policy import Actor, OutOfScope
from invoice_service.domain.sales_asked import BadSalesFilter, SalesAsked, TooManyAtOnce, TooManyExports
from invoice_service.domain.tax_sources import Asked
from invoice_service.flow import export_sales, issue, look, order, pay
from invoice_service.queries import exports, supervision
from invoice_service.store import exports as stored
from invoice_service.store import market_sales
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.people import Town, town

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
TODAY = SalesAsked(date(2026, 11, 24), date(2026, 11, 24))


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


def officer(place: Town, name: str = "officer") -> Actor:
    real = replace(place.services, clock=lambda: datetime.now(UTC))
    found = replace(place, services=real).actor(name)
    return replace(found, confirmed_at=place.services.clock())


def sell(place: Town, clock: Clock, count: int) -> None:
    """At A01 and A02 by turns, a minute apart; every third with an invoice."""
    for n in range(count):
        clock.now = NOON + timedelta(minutes=n)
        placed = order.place(place.services, "A02" if n % 2 else "A01", PlainAmount(1_000 + n))
        pay.start(place.services, placed.token, "pays-when-asked")
        pay.check(place.services, placed.token)
        if n % 3 == 0:
            issue.issue(place.services, placed.token, make_buyer("individual", "", None))


@pytest.fixture
def full(place: Town, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Eleven sales, and pieces of four."""
    monkeypatch.setattr(export_sales, "PIECE", 4)
    sell(place, clock, 11)
    look.at_market(place.services, officer(place), "PE01", "核对十一月")
    return place


def read(data: str) -> list[dict[str, str]]:
    assert data.startswith("\ufeff"), "or Excel in China reads it as GBK"
    return list(csv.DictReader(io.StringIO(data.removeprefix("\ufeff"))))


def at_once(place: Town, asked: SalesAsked = TODAY, lang: str = "en") -> list[dict[str, str]]:
    return read("".join(export_sales.at_once(place.services, officer(place), lang, "PE01", asked)))


def file_of(place: Town, export_id: Any) -> list[dict[str, str]]:
    _, size, pieces = export_sales.take_out(place.services, officer(place), export_id)
    data = b"".join(pieces)
    assert len(data) == size
    return read(gzip.decompress(data).decode())


def test_csv_export_and_pages_are_the_same_and_agree_with_the_market(full: Town) -> None:
    rows = at_once(full)
    export_id = export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    while export_sales.step(full.services):
        pass
    assert file_of(full, export_id) == rows
    listed: list[exports.MarketSale] = []
    after = None
    while True:
        page = exports.sales(full.services, officer(full), "en", "PE01", TODAY, after=after, limit=3)
        listed += page.rows
        after = page.next_key
        if after is None:
            break
    assert [str(sale.order_id) for sale in listed] == [row["Order"] for row in rows]
    asked = Asked(TODAY.first_day, TODAY.last_day)
    told = supervision.market(full.services, officer(full), "en", "PE01", asked).sources.total.figures
    sums = {name: sum(round(float(row[name]) * 100) for row in rows) for name in ("Amount (¥)", "Tax (¥)")}
    assert (len(rows), sums["Amount (¥)"], sums["Tax (¥)"]) == (told.orders, told.amount_fen, told.tax_fen)
    assert sum(bool(row["Invoice"]) for row in rows) == told.invoices


@pytest.mark.parametrize(("narrowed", "expected"), [
    ({"invoiced": "yes"}, [0, 3, 6, 9]),
    ({"invoiced": "no"}, [1, 2, 4, 5, 7, 8, 10]),
    ({"stall": "A02"}, [1, 3, 5, 7, 9]),
    ({"stall": "B01"}, []),  # of the other market
    ({"min_fen": 1_003, "max_fen": 1_005}, [3, 4, 5]),
    ({"stall": "' OR 1=1 --"}, []),
    ({"taxpayer_kind": "small_scale"}, list(range(11))),
    ({"taxpayer_kind": "general"}, []),
])  # fmt: skip
def test_filters_narrow_and_nothing_else(full: Town, narrowed: dict[str, Any], expected: list[int]) -> None:
    rows = at_once(full, replace(TODAY, **narrowed))
    assert [round(float(row["Amount (¥)"]) * 100) - 1_000 for row in rows] == expected


def test_days_are_days_in_shanghai_by_when_was_paid(place: Town, clock: Clock) -> None:
    """Ordered a minute before midnight, paid a minute after it."""
    clock.now = datetime(2026, 11, 23, 15, 59, tzinfo=UTC)
    placed = order.place(place.services, "A01", PlainAmount(1_000))
    pay.start(place.services, placed.token, "pays-when-asked")
    clock.now += timedelta(minutes=2)
    pay.check(place.services, placed.token)
    look.at_market(place.services, officer(place), "PE01", "核对十一月")
    assert len(at_once(place)) == 1
    assert at_once(place, SalesAsked(date(2026, 11, 23), date(2026, 11, 23))) == []


def test_a_provider_whose_clock_is_behind_moves_no_sale_out_of_its_day(place: Town, clock: Clock) -> None:
    """Ordered a second after midnight here, paid two seconds before it there: the sums count it there too."""
    clock.now = datetime(2026, 11, 24, 16, 0, 1, tzinfo=UTC)
    placed = order.place(place.services, "A01", PlainAmount(1_000))
    pay.start(place.services, placed.token, "pays-when-asked")
    clock.now -= timedelta(seconds=3)
    pay.check(place.services, placed.token)
    look.at_market(place.services, officer(place), "PE01", "核对十一月")
    assert len(at_once(place)) == 1


def test_a_page_goes_on_where_it_ended_while_sales_come_in(full: Town, clock: Clock) -> None:
    first = exports.sales(full.services, officer(full), "en", "PE01", TODAY, limit=5)
    clock.now += timedelta(minutes=30)
    placed = order.place(full.services, "A01", PlainAmount(9_999))
    pay.start(full.services, placed.token, "pays-when-asked")
    pay.check(full.services, placed.token)
    look.at_market(full.services, officer(full), "PE01", "核对十一月")
    rest = exports.sales(full.services, officer(full), "en", "PE01", TODAY, after=first.next_key, limit=100)
    ids = [sale.order_id for sale in (*first.rows, *rest.rows)]
    assert len(ids) == len(set(ids)) == 12


def test_no_page_reads_the_sales_before_it(full: Town) -> None:
    """A merge of orders and sales by their keys would: the thousandth page then reads a thousand pages."""
    ran: list[tuple[str, Any]] = []
    with full.services.database.read() as connection:

        def keep(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            ran.append((statement, values))

        for way in ("seqscan", "bitmapscan", "hashjoin", "nestloop"):  # what large tables lead away from
            connection.execute(text(f"SET enable_{way} = off"))
        event.listen(connection, "before_cursor_execute", keep)
        market_sales.page(connection, full.markets[1], TODAY, None, 5)
        event.remove(connection, "before_cursor_execute", keep)
        statement, values = ran[0]
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())
    assert re.search(r"on sales.*\n\s+Index Cond: \(order_id = o.id\)", plan), plan


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_an_export_that_dies_between_pieces_goes_on(
    full: Town, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """The piece is made and not committed: nothing of it is kept, and the next process makes it."""
    export_id = export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    real, pieces = stored.add_chunk, []

    def dying(*arguments: Any) -> None:
        real(*arguments)
        pieces.append(arguments)
        if len(pieces) == dies_at:
            raise RuntimeError("killed")

    monkeypatch.setattr(stored, "add_chunk", dying)
    with pytest.raises(export_sales.PieceFailed):
        export_sales.work(full.services)
    export_sales.work(full.services)
    rows = file_of(full, export_id)
    assert len(rows) == len({row["Order"] for row in rows}) == 11


def test_threat_4_pretix_cve_2026_9712_a_file_is_its_owners(full: Town) -> None:
    export_id = export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    export_sales.work(full.services)
    colleague = replace(officer(full), account_id=full.accounts["officer_2"])
    moved = replace(officer(full), region="5301")
    for stranger in (colleague, moved):
        for attempt in (export_sales.take_out, export_sales.throw_away):
            with pytest.raises(OutOfScope):
                attempt(full.services, stranger, export_id)
        with pytest.raises(OutOfScope):
            exports.one(full.services, stranger, "en", export_id)
        assert exports.own(full.services, stranger, "en") == ()
    assert exports.one(full.services, officer(full), "en", export_id).percent == 100


def test_a_file_goes_after_a_day_and_that_it_was_stays(full: Town, clock: Clock) -> None:
    export_id = export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    with pytest.raises(OutOfScope):
        export_sales.take_out(full.services, officer(full), export_id)
    export_sales.work(full.services)
    clock.now += timedelta(hours=24, seconds=-1)
    assert len(file_of(full, export_id)) == 11
    clock.now += timedelta(seconds=1)
    with pytest.raises(OutOfScope):
        export_sales.take_out(full.services, officer(full), export_id)
    export_sales.work(full.services)
    assert full.ask("SELECT count(*) FROM export_chunks") == 0
    assert exports.one(full.services, officer(full), "en", export_id).state == "expired"


def test_a_download_that_breaks_off_is_no_shorter_file(full: Town) -> None:
    """Each piece unpacks by itself, so half a file would pass for a whole one."""
    export_id = export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    export_sales.work(full.services)
    _, _, pieces = export_sales.take_out(full.services, officer(full), export_id)
    next(pieces)
    export_sales.throw_away(full.services, officer(full), export_id)
    with pytest.raises(OutOfScope):
        next(pieces)


def test_a_short_export_does_not_wait_for_a_long_one(full: Town, clock: Clock) -> None:
    long = export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    assert export_sales.step(full.services)
    clock.now += timedelta(seconds=1)
    short = export_sales.begin(full.services, officer(full), "en", "PE01", replace(TODAY, min_fen=1_010))
    assert export_sales.step(full.services)
    states = [exports.one(full.services, officer(full), "en", one).state for one in (long, short)]
    assert states == ["running", "done"]


def test_one_that_always_fails_holds_up_no_other(full: Town) -> None:
    bad, good = (export_sales.begin(full.services, officer(full), "en", "PE01", TODAY) for _ in range(2))
    with full.services.database.unit_of_work() as uow:
        uow.connection.execute(text("UPDATE exports SET wanted = '{}' WHERE id = :id"), {"id": bad})
        uow.commit()
    with pytest.raises(export_sales.PieceFailed) as failure:
        export_sales.work(full.services)
    assert failure.value.export_id == bad
    assert len(file_of(full, good)) == 11


def test_threat_11_kimai_cve_2026_42267_no_name_is_a_formula(full: Town) -> None:
    for name in ("=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "＝1", " =1", "\u3000@x"):
        with full.services.database.unit_of_work() as uow:
            uow.connection.execute(text("UPDATE vendors SET name_en = :name"), {"name": name})
            uow.commit()
        assert {row["Vendor"] for row in at_once(full)} == {f"'{name}"}
    with full.services.database.unit_of_work() as uow:
        uow.connection.execute(text("UPDATE stalls SET code = '-' || code"))
        uow.commit()
    assert {row["Stall"] for row in at_once(full)} == {"'-A01", "'-A02"}


def test_without_a_look_nothing_leaves_and_what_leaves_is_on_record(full: Town, clock: Clock) -> None:
    def records() -> list[tuple[Any, ...]]:
        found = full.rows(
            "SELECT action, subject, reason, market_id, vendor_id FROM access_records "
            "WHERE action LIKE 'export%' AND role = 'officer' ORDER BY id"
        )
        return [tuple(row.values()) for row in found]

    vendor, market_id, days = full.vendors["vendor"], full.markets[1], "sales 2026-11-24 – 2026-11-24"
    at_once(full)
    assert records() == [("export", days, "核对十一月", market_id, None)]
    narrow = replace(TODAY, vendor_id=vendor, stall="A01", min_fen=1_000, invoiced="no")
    export_id = export_sales.begin(full.services, officer(full), "en", "PE01", narrow)
    export_sales.work(full.services)
    file_of(full, export_id)
    export_sales.throw_away(full.services, officer(full), export_id)
    words = f"{days}, vendor {vendor}, stall A01, ≥ 10.00, invoiced no"
    assert records()[1:] == [
        (action, words, "核对十一月", market_id, vendor) for action in ("export", "export", "export.delete")
    ]
    at_once(full, replace(TODAY, vendor_id=full.vendors["vendor_2"]))
    assert records()[-1][3:] == (market_id, None), "another market's vendor reads nothing of it"
    clock.now += timedelta(minutes=31)
    for attempt in (export_sales.at_once, export_sales.begin):
        with pytest.raises(SayWhy):
            attempt(full.services, officer(full), "en", "PE01", TODAY)
    with pytest.raises(SayWhy):
        exports.sales(full.services, officer(full), "en", "PE01", TODAY)
    with pytest.raises(OutOfScope):
        export_sales.at_once(full.services, officer(full, "officer_2"), "en", "PE01", TODAY)


def test_too_many_are_refused_before_anything_is_written(full: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_sales, "AT_ONCE_MAX", 10)
    with pytest.raises(TooManyAtOnce):
        export_sales.at_once(full.services, officer(full), "en", "PE01", TODAY)
    for narrowed in ({"stall": "A02"}, {"vendor_id": full.vendors["next_door"]}):
        assert len(at_once(full, replace(TODAY, **narrowed))) == 5, "one seller's are few"  # type: ignore[arg-type]
    for _ in range(export_sales.UNFINISHED_MAX):
        export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    with pytest.raises(TooManyExports):
        export_sales.begin(full.services, officer(full), "en", "PE01", TODAY)
    assert full.ask("SELECT count(*) FROM exports") == export_sales.UNFINISHED_MAX


@pytest.mark.parametrize(("wrong", "error"), [
    ({"last_day": date(2026, 11, 23)}, BadPeriod),
    ({"invoiced": "perhaps"}, BadListing),
    ({"taxpayer_kind": "all"}, BadListing),
    ({"min_fen": -1}, BadSalesFilter),
    ({"min_fen": 2, "max_fen": 1}, BadSalesFilter),
    ({"max_fen": 2**60}, BadSalesFilter),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        replace(TODAY, **wrong)
