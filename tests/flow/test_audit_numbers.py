"""The audit of numbers: what was drawn and not used is explained, and is told from what is missing.

Six numbers were drawn: the second by an issue that the vendor's ceiling stopped, the last two by ones that
died before they were done. Each bend is made in a transaction of its own, which is undone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from invoice_service import auditor
from invoice_service.domain.allowance import AllowanceUsed
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.flow import allow, issue, look, order, pay, seal
from invoice_service.ledger.entry import Kind
from invoice_service.queries.audit import numbers, run
from invoice_service.queries.audit.kinds import named
from invoice_service.queries.audit.numbers import NOT_YET, ROLLED_BACK, Unused
from invoice_service.services import Services
from tests.clock import Clock
from tests.flow.test_audit import UNGUARD
from tests.one_transaction import OneTransaction
from tests.payer import PaysWhenAsked
from tests.people import town

NEW_YEARS_EVE = datetime(2026, 12, 31, 15, 50, tzinfo=UTC)  # ten minutes before midnight there
NOBODY = make_buyer("individual", "", None)
FIRST, THIRD, FOURTH = "26539000000000000001", "26539000000000000003", "27539000000000000004"
AROUND = {1: f"{FIRST} (2026-12-31T15:50:00.000Z)", 3: f"{THIRD} (2026-12-31T15:52:00.000Z)",
          4: f"{FOURTH} (2026-12-31T16:02:00.000Z)"}  # fmt: skip
SECOND_UNUSED = Unused(2, 2, AROUND[1], AROUND[3], ROLLED_BACK)
LAST_UNUSED = Unused(5, 6, AROUND[4], None, NOT_YET)


class Dies(Exception):
    """A process that ends in the middle of an issue."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str) -> Iterator[Services]:
    clock = Clock(NEW_YEARS_EVE)
    with town(tmp_path_factory.mktemp("numbers"), module_migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        services = replace(made.services, providers={provider.name: provider})
        invoiced(services)
        signed_in = replace(made.services, clock=lambda: datetime.now(UTC))  # by the real clock
        officer, vendor_id = replace(made, services=signed_in).actor("officer"), made.vendors["vendor"]
        look.at_vendor(services, officer, vendor_id, "核对本月开票")
        allow.set_ceiling(services, officer, vendor_id, 1_500, "核对本月开票")
        with pytest.raises(AllowanceUsed):
            invoiced(services)
        allow.lift(services, officer, vendor_id, "核对完毕")
        clock.now += timedelta(minutes=2)
        invoiced(services)
        clock.now += timedelta(minutes=10)
        invoiced(services)
        seal.seal(services)
        for _ in range(2):
            with pytest.raises(Dies):
                invoiced(replace(services, random=dying))
        yield services


def dying(_count: int) -> bytes:
    """Salts are drawn after the number is."""
    raise Dies


def invoiced(services: Services) -> str:
    plain = replace(services, random=os.urandom)
    placed = order.place(plain, "A01", PlainAmount(1_000))
    pay.start(plain, placed.token, "pays-when-asked")
    pay.check(plain, placed.token)
    return issue.issue(services, placed.token, NOBODY).number


@contextmanager
def bent(here: Services, *statements: str, number: str = FOURTH, new: str = "") -> Iterator[Connection]:
    """The database with the statements done to it, past every trigger and foreign key.

    They may name the `number` that they are about, and a `new` one.
    """
    with here.database.engine.connect() as connection:
        connection.execute(UNGUARD)
        for one in statements:
            statement = text(one)
            named = {name: {"number": number, "new": new}[name] for name in statement.compile().params}
            assert connection.execute(statement, named).rowcount, one
        yield connection
        connection.rollback()


def told(connection: Connection) -> dict[str, str]:
    return {one.subject: one.what for one in numbers.differences(connection)}


def audited(here: Services, connection: Connection) -> run.Report:
    services = replace(here, database=OneTransaction(connection))  # type: ignore[arg-type]
    return run.run(services, None, lambda _done, _size: None, restart=True)


def test_each_number_that_nobody_has_is_explained(here: Services) -> None:
    """The year changed between the third and the fourth: the sequence went on."""
    report = run.run(here, None, lambda _done, _size: None, restart=True)
    assert report.unused == (SECOND_UNUSED, LAST_UNUSED)
    assert dict(report.found.told) == {}
    assert [str(one) for one in report.unused] == [
        f"sequence number 2, after {AROUND[1]} and before {AROUND[3]}: {ROLLED_BACK}.",
        f"sequence numbers 5 to 6, after {AROUND[4]} and before the next: {NOT_YET}.",
    ]
    assert [one.count for one in report.unused] == [1, 2]


NO_INVOICE = "DELETE FROM invoices WHERE number = :number"
NO_ENTRY = "DELETE FROM log_entries WHERE fact = :number"
TO_OUTBOX = """
    INSERT INTO outbox (kind, fact, entry, signature)
    SELECT kind, fact, entry, signature FROM log_entries WHERE fact = :number
"""


def test_the_command_says_which_and_why(here: Services, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no fault; without a chain the rest is undecided."""
    assert auditor.audit(here.config, argparse.Namespace(restart=True)) == auditor.EXIT_CODES[run.UNDECIDED]
    said = capsys.readouterr().out
    assert f"Not used: {SECOND_UNUSED}\nNot used: {LAST_UNUSED}\nUNDECIDED. Everything" in said


def test_a_missing_invoice_is_no_unused_number(here: Services) -> None:
    """Its entry says that there was one."""
    with bent(here, NO_INVOICE, number=THIRD) as connection:
        report = audited(here, connection)
        assert [(one.first, one.last) for one in report.unused] == [(2, 2), (5, 6)]
        assert report.unused[0].after == THIRD  # by its entry; when it was issued nobody can tell
        assert report.found.told[f"invoice {THIRD}"] == "there is no document for its entry"


def test_a_missing_invoice_without_its_entry_is_a_gap_in_the_log(here: Services) -> None:
    with here.database.read() as connection:
        query = text("SELECT index FROM log_entries WHERE fact = :number")
        index = connection.execute(query, {"number": THIRD}).scalar_one()
    with bent(here, NO_INVOICE, NO_ENTRY, number=THIRD) as connection:
        report = audited(here, connection)
        assert [(one.first, one.last) for one in report.unused] == [(2, 3), (5, 6)]
        assert report.found.told[f"entry {index}"] == "it is missing"


def test_what_waits_in_the_outbox_is_used(here: Services) -> None:
    with bent(here, TO_OUTBOX, NO_ENTRY, NO_INVOICE) as connection:
        assert [(one.first, one.last) for one in numbers.unused(connection)] == [(2, 2), (5, 6)]


@pytest.mark.parametrize(
    ("number", "what"),
    [
        ("27539000000000000007", "its number was never drawn"),
        ("27539000000000000000", "its number was never drawn"),
        ("27539000000000000003", "another number has its place in the sequence, too"),
        ("26539000000000000005", "its number does not say its year of issue and the pilot channel"),
        ("27531000000000000005", "its number does not say its year of issue and the pilot channel"),
    ],
)
def test_a_number_that_cannot_be_is_told(here: Services, number: str, what: str) -> None:
    renamed = "UPDATE invoices SET number = :new WHERE number = :number"
    attested = "UPDATE log_entries SET fact = :new WHERE fact = :number"
    with bent(here, renamed, attested, new=number) as connection:
        assert told(connection)[f"invoice {number}"] == what


CREDIT_NOTE = """
    INSERT INTO credit_notes (number, refund_id, invoice_number, notes, whole, body, body_salt, commitment,
                              net_fen, tax_fen, total_fen, issued_at)
    SELECT :new, gen_random_uuid(), number, 0, true, body, body_salt, sha256(body), net_fen, tax_fen,
           total_fen, issued_at FROM invoices WHERE number = :number
"""


def test_a_credit_note_takes_its_number_from_the_same_series(here: Services) -> None:
    with bent(here, CREDIT_NOTE, new="27539000000000000005") as connection:
        assert [(one.first, one.last) for one in numbers.unused(connection)] == [(2, 2), (6, 6)]
        assert told(connection) == {}
    with bent(here, CREDIT_NOTE, new="27119000000000000004") as connection:
        shared = "another number has its place in the sequence, too"
        note = named(Kind.CREDIT_NOTE, "27119000000000000004")
        assert told(connection) == {f"invoice {FOURTH}": shared, note: shared}


def test_before_the_first_number_nothing_is_unused(here: Services) -> None:
    with bent(here, "DELETE FROM invoices", "DELETE FROM log_entries", "DELETE FROM outbox") as connection:
        assert [(one.first, one.last) for one in numbers.unused(connection)] == [(1, 6)]
        connection.execute(text("ALTER SEQUENCE invoice_sequence RESTART"))
        assert numbers.unused(connection) == ()
