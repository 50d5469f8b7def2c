"""VAT returns of periods in which money went back: cells, the facts under them, the root over them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import Period, PeriodKind, period_of
from invoice_service.domain.refund import Back
from invoice_service.flow import seal, seal_returns, settle_refunds
from invoice_service.ledger.entry import Entry
from invoice_service.queries import returns
from invoice_service.queries.audit import run
from invoice_service.queries.returns import FactRow
from tests.till import Sold, Till, open_till

GREENS = [("pakchoi", "2"), ("tomato", "2")]  # ¥6.40 and ¥9.00, exempt


@pytest.fixture
def till(tmp_path: Path, migrated_database_url: str, anvil_url: str) -> Iterator[Till]:
    """At A01 plain amounts are taxed, pak choi and tomatoes are not."""
    with open_till(tmp_path, migrated_database_url, anvil_url, max_amount_fen=100_000_000) as opened:
        with opened.services.database.unit_of_work() as uow:
            uow.connection.execute(text("UPDATE vendors SET default_tax_class = 'processed_food'"))
            uow.commit()
        yield opened


def quarter(till: Till) -> Period:
    return period_of(PeriodKind.QUARTER, business_day(till.office.clock.now))


def over(period: Period) -> datetime:
    return period.ends + timedelta(hours=1)


def fen(till: Till, first_day: date) -> dict[int, int]:
    view = returns.one(till.services, till.vendor, "en", first_day)
    return {cell.line: cell.fen for cell in view.cells if cell.fen}


def under(till: Till, first_day: date, line: int, limit: int) -> list[FactRow]:
    found: list[FactRow] = []
    page = None
    while page is None or page.next_key:
        after = page and page.next_key
        page = returns.cell(till.services, till.vendor, "en", first_day, line, after=after, limit=limit)
        found += page.rows
    return found


def back(till: Till, sold: Sold, wanted: Sequence[Back] | None = None) -> None:
    till.ask(sold, wanted)
    till.settle(6)


def root_by_the_book(entries: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while 2 * k < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + root_by_the_book(entries[:k]) + root_by_the_book(entries[k:])).digest()


def root_of_entries(till: Till, period: Period) -> tuple[int, bytes]:
    """There is one vendor: of all entries of its facts, those with an instant in the period."""
    rows = till.office.rows("SELECT kind, fact, entry FROM log_entries WHERE kind IN (1, 2, 3, 4)")
    rows += till.office.rows("SELECT kind, fact, entry FROM outbox WHERE kind IN (1, 2, 3, 4)")
    begins_ms, ends_ms = (round(at.timestamp() * 1000) for at in (period.begins, period.ends))
    named = [(Entry.decode(entry).instant_ms, kind, fact, entry) for kind, fact, entry in rows]
    found = sorted(one for one in named if begins_ms <= one[0] < ends_ms)
    return len(found), root_by_the_book([entry for *_, entry in found])


def sealed(till: Till) -> list[tuple[Any, ...]]:
    sql = "SELECT first_day, amendment, is_stale, size, root FROM vat_returns ORDER BY first_day, amendment"
    return till.office.rows(sql)


def test_what_went_back_is_less_in_every_cell_and_stands_under_it(till: Till) -> None:
    """Above the threshold: ¥400,000 and ¥100 taxed, half of the ¥100 and ¥1 given back; tomatoes, too."""
    till.sell(40_400_000, buyer=None)
    invoiced, plain, greens = till.sell(10_100), till.sell(1_010, buyer=None), till.sell(GREENS)
    back(till, invoiced, [Back(0, amount_fen=5_050)])
    back(till, plain, [Back(0, amount_fen=101)])
    back(till, greens, [Back(1, quantity=Decimal(1))])
    period = quarter(till)
    assert fen(till, period.first_day) == {
        1: 40_000_000 + 10_000 - 5_000 + 1_000 - 100,
        3: 10_000 - 5_000,
        9: 1_540 - 450, 12: 1_540 - 450, 17: 33,
        15: 1_200_177, 16: 800_118, 20: 400_059, 22: 400_059,
    }  # fmt: skip
    for line, backs in ((1, [-5_000, -100]), (3, [-5_000]), (12, [-450])):
        for limit in (1, 2, 100):
            found = under(till, period.first_day, line, limit)
            assert len({(row.at, row.fact) for row in found}) == len(found)
            assert sum(row.part_fen for row in found) == fen(till, period.first_day)[line]
            assert sorted(row.part_fen for row in found if row.is_back) == backs
    (note,) = (row for row in under(till, period.first_day, 3, 9) if row.is_back)
    drawn = "SELECT number FROM credit_notes WHERE invoice_number = :n"
    assert invoiced.invoice is not None
    assert note.number == till.office.query(drawn, n=invoiced.invoice.number)
    assert (note.order_id, note.amount_fen) == (invoiced.order_id, -5_050)
    listed = returns.returns(till.services, till.vendor, "en").rows[0]
    assert (listed.sold_fen, listed.due_fen) == (40_005_900 + 1_090, 400_059)
    _is_sealed_over_every_entry(till, period)


def _is_sealed_over_every_entry(till: Till, period: Period) -> None:
    """Four sales, two invoices, three refunds, two credit notes; and the audit says the same."""
    till.office.clock.now = over(period)
    assert seal_returns.seal_ended(till.services) == 1
    assert sealed(till) == [(period.first_day, 0, False, *root_of_entries(till, period))]
    assert sealed(till)[0][3] == 4 + 2 + 3 + 2
    seal.seal(till.services)
    report = run.run(till.services, None, lambda _done, _size: None)
    assert (report.found.count, report.head.size) == (0, 4 + 2 + 3 + 2 + 1)


def test_a_credit_note_that_is_in_force_after_the_seal_amends_it(till: Till) -> None:
    sold = till.sell(10_100)
    till.ask(sold)
    while till.office.query("SELECT status FROM refunds") != "crediting":
        till.settle(1)
    settle_refunds.advance(till.services)  # the contract is asked; its answer comes late
    period = quarter(till)
    till.office.clock.now = over(period)
    assert seal_returns.seal_ended(till.services) == 1
    assert sealed(till) == [(period.first_day, 0, False, *root_of_entries(till, period))]
    assert sealed(till)[0][3] == 3, "the sale, its invoice, its refund"
    till.office.settle()
    assert till.office.query("SELECT status FROM refunds") == "done"
    assert returns.one(till.services, till.vendor, "en", period.first_day).state == "stale"
    assert seal_returns.seal_ended(till.services) == 1
    assert [row[:4] for row in sealed(till)] == [
        (period.first_day, 0, True, 3),
        (period.first_day, 1, False, 4),
    ]
    assert sealed(till)[1][3:] == root_of_entries(till, period)


def test_where_more_went_back_than_was_sold_nothing_is_declared_and_nothing_carried(till: Till) -> None:
    sold = [till.sell(10_100, buyer=None), till.sell(GREENS, buyer=None)]
    first = quarter(till)
    before = fen(till, first.first_day)
    till.office.clock.now = over(first)
    seal_returns.seal_ended(till.services)
    for one in sold:
        till.ask(one)
    settle_refunds.advance(till.services)
    second = quarter(till)
    assert fen(till, second.first_day) == {}
    assert fen(till, first.first_day) == before, "what was declared stays as it was"
    till.office.clock.now = over(second)
    assert seal_returns.seal_ended(till.services) == 1
    assert sealed(till)[1] == (second.first_day, 0, False, *root_of_entries(till, second))
    assert sealed(till)[1][3] == 2, "two refunds"
    till.sell(GREENS, buyer=None)
    assert fen(till, quarter(till).first_day)[12] == 1_540
