"""The access record 查阅记录: nobody changes it, a day is closed once, each record stands under its root."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.access import Action, record_document
from invoice_service.flow import access, close_access_day, open_epoch, seal
from invoice_service.ledger import canonical, tree
from invoice_service.ledger.entry import Entry, Kind, body_commitment
from invoice_service.services import Services
from invoice_service.store import access as stored
from invoice_service.store.unit_of_work import DatabaseUnavailable
from tests.clock import Clock

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
NOVEMBER_23 = date(2026, 11, 23)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def services(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Services]:
    keyring.make_missing(tmp_path, now=NOON, issuer_name="test")
    made = build_services(Config(data_dir=tmp_path, database_url=migrated_database_url), clock=clock)
    open_epoch.prepare_log(made, keyring.load_root(tmp_path))
    yield made
    made.database.dispose()


def note(services: Services, at: datetime, *subjects: str) -> None:
    with services.database.unit_of_work() as uow:
        for subject in subjects:
            access.note(uow.connection, None, Action.EXPORTED, now=at, subject=subject, reason="a test")
        uow.commit()


def closed(services: Services) -> list[tuple[date, int]]:
    with services.database.read() as connection:
        rows = connection.execute(text("SELECT day, size FROM access_days ORDER BY day"))
        return [tuple(row) for row in rows]


def day_of(connection: Connection, day: date) -> Any:
    return connection.execute(text("SELECT * FROM access_days WHERE day = :day"), {"day": day}).one()


def leaves_of(connection: Connection, day: date) -> list[bytes]:
    """As anybody reads SPEC.md, from the rows themselves."""
    rows = connection.execute(text("SELECT * FROM access_records WHERE day = :day ORDER BY id"), {"day": day})
    return [canonical.encode(record_document(row)) for row in rows.mappings()]


def root_by_the_book(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    halves = root_by_the_book(leaves[:k]) + root_by_the_book(leaves[k:])
    return hashlib.sha256(b"\x01" + halves).digest()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_records SET who = 'nobody'",
        "UPDATE access_records SET reason = NULL WHERE id = 1",
        "DELETE FROM access_records",
        "TRUNCATE access_records",
    ],
)
def test_no_record_is_changed_or_removed(services: Services, statement: str) -> None:
    note(services, NOON, "one")
    with services.database.unit_of_work() as uow, pytest.raises(IntegrityError, match="never changed"):
        uow.connection.execute(text(statement))


def test_a_record_is_of_the_day_in_shanghai(services: Services) -> None:
    midnight = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)  # the first of December there
    note(services, midnight - timedelta(milliseconds=1), "last of November")
    note(services, midnight, "first of December")
    with services.database.read() as connection:
        rows = connection.execute(text("SELECT day, subject FROM access_records ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [
        (date(2026, 11, 30), "last of November"),
        (date(2026, 12, 1), "first of December"),
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 300])
def test_the_root_is_the_one_that_anybody_computes(services: Services, clock: Clock, count: int) -> None:
    note(services, NOON, *(f"stall {n}" for n in range(count)))
    clock.now = NOON + timedelta(days=1)
    assert close_access_day.close_ended(services) == 1
    with services.database.read() as connection:
        day, leaves = day_of(connection, NOVEMBER_23), leaves_of(connection, NOVEMBER_23)
    assert (day.size, day.root) == (count, root_by_the_book(leaves))
    assert len(set(leaves)) == count


def test_the_entry_commits_to_the_day(services: Services, clock: Clock) -> None:
    note(services, NOON, "one", "two")
    clock.now = NOON + timedelta(days=1)
    close_access_day.close_ended(services)
    assert seal.seal(services) == 1
    with services.database.read() as connection:
        day = day_of(connection, NOVEMBER_23)
        row = connection.execute(text("SELECT kind, fact, entry FROM log_entries")).one()
    entry = Entry.decode(row.entry)
    assert (row.kind, row.fact) == (Kind.ACCESS_DAY, "2026-11-23")
    assert entry.body_commitment == body_commitment(day.salt, day.body)
    assert entry.instant_ms == int(clock.now.timestamp() * 1000)
    assert json.loads(day.body) == {
        "type": "access_day",
        "version": 1,
        "issuer": services.keyring.issuer_id.hex(),
        "day": "2026-11-23",
        "size": 2,
        "root": day.root.hex(),
    }


def test_one_record_is_proven_without_the_others(services: Services, clock: Clock) -> None:
    note(services, NOON, *(f"stall {n}" for n in range(5)))
    clock.now = NOON + timedelta(days=1)
    close_access_day.close_ended(services)
    with services.database.read() as connection:
        root, leaves = day_of(connection, NOVEMBER_23).root, leaves_of(connection, NOVEMBER_23)
    path = tree.path_in([*map(tree.leaf_hash, leaves)], 3)
    assert climb(leaves[3], 3, 5, path) == root
    assert climb(leaves[2], 3, 5, path) != root
    assert climb(leaves[3].replace(b"stall 3", b"stall 4"), 3, 5, path) != root


def climb(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """SPEC.md section 6, inclusion proof."""

    def root(i: int, n: int, rest: Sequence[bytes]) -> bytes:
        if n == 1:
            assert not rest
            return hashlib.sha256(b"\x00" + leaf).digest()
        k = 1 << ((n - 1).bit_length() - 1)
        left, right = (
            (root(i, k, rest[:-1]), rest[-1]) if i < k else (rest[-1], root(i - k, n - k, rest[:-1]))
        )
        return hashlib.sha256(b"\x01" + left + right).digest()

    return root(index, size, path)


def test_neighbours_cannot_be_guessed(services: Services) -> None:
    """Two records alike in everything have leaves that differ in 122 random bits."""
    note(services, NOON, "same", "same")
    with services.database.read() as connection:
        first, second = (json.loads(leaf) for leaf in leaves_of(connection, NOVEMBER_23))
    assert {name for name in first if first[name] != second[name]} == {"id", "blind"}


def test_a_day_is_closed_ten_minutes_after_it_ended(services: Services, clock: Clock) -> None:
    note(services, NOON, "one")
    ends = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight in Shanghai
    for now in (NOON, ends - timedelta(seconds=1), ends, ends + timedelta(minutes=10, seconds=-1)):
        clock.now = now
        assert close_access_day.close_ended(services) == 0, now
    clock.now = ends + timedelta(minutes=10)
    assert close_access_day.close_ended(services) == 1
    assert close_access_day.close_ended(services) == 0
    assert closed(services) == [(NOVEMBER_23, 1)]


def test_nothing_is_added_to_a_closed_day(services: Services, clock: Clock) -> None:
    note(services, NOON, "one")
    clock.now = NOON + timedelta(days=1)
    close_access_day.close_ended(services)
    values = {
        "at": NOON,
        "day": NOON.date(),
        "role": "service",
        "who": "x",
        "action": "export",
        "subject": "",
    }
    refused = pytest.raises(IntegrityError, match="access record of 2026-11-23 is closed")
    with services.database.unit_of_work() as uow, refused:
        stored.add(uow.connection, values)
    note(services, clock.now, "of the next day")


def test_a_clock_that_goes_back_into_a_closed_day_dates_what_is_done_after_it(
    services: Services, clock: Clock
) -> None:
    note(services, NOON, "one")
    clock.now = NOON + timedelta(days=1)
    close_access_day.close_ended(services)
    note(services, NOON, "by a clock that is a day behind")
    with services.database.read() as connection:
        [[at]] = connection.execute(text("SELECT at FROM access_records WHERE subject LIKE 'by%'")).all()
    assert at == datetime(2026, 11, 23, 16, tzinfo=UTC)  # the 24th began in Shanghai
    clock.now += timedelta(days=1)
    assert close_access_day.close_ended(services) == 1


def test_days_without_records_get_no_entry_and_missed_ones_are_caught_up(
    services: Services, clock: Clock
) -> None:
    """The service was off from the 24th of November to the 2nd of December."""
    for days, subjects in ((0, "ab"), (3, "c"), (8, "def"), (9, "g")):
        note(services, NOON + timedelta(days=days), *subjects)
    clock.now = NOON + timedelta(days=9)
    assert close_access_day.close_ended(services) == 3
    assert closed(services) == [(NOVEMBER_23, 2), (date(2026, 11, 26), 1), (date(2026, 12, 1), 3)]
    assert seal.seal(services) == 3


def test_a_day_missed_by_a_clock_that_went_back_is_closed_too(services: Services, clock: Clock) -> None:
    note(services, NOON, "one")
    clock.now = NOON + timedelta(days=1)
    close_access_day.close_ended(services)
    note(services, NOON - timedelta(days=1), "by a clock a day behind")
    assert close_access_day.close_ended(services) == 1
    assert closed(services) == [(date(2026, 11, 22), 1), (NOVEMBER_23, 1)]


def test_two_settlers_close_a_day_once(services: Services, clock: Clock) -> None:
    note(services, NOON, "one")
    clock.now = NOON + timedelta(days=1)
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(close_access_day.close_ended(services))) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 1]
    assert closed(services) == [(NOVEMBER_23, 1)]


def test_whoever_is_still_writing_is_waited_for(services: Services, clock: Clock) -> None:
    """Written before the day is closed and committed after, a record would be in it, not under its root."""
    note(services, NOON, "one")
    clock.now = NOON + timedelta(days=1)
    with services.database.unit_of_work() as slow:
        access.note(slow.connection, None, Action.EXPORTED, now=NOON, subject="slow")
        with pytest.raises(DatabaseUnavailable):
            close_access_day.close_ended(services)
        slow.commit()
    assert close_access_day.close_ended(services) == 1
    assert closed(services) == [(NOVEMBER_23, 2)]
