"""Taking facts from the outbox: the oldest, in order, each once, and quickly whatever the planner knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from invoice_service.store import outbox
from invoice_service.store.unit_of_work import Database

PUT = text("""
    INSERT INTO outbox (kind, fact, entry, signature)
    SELECT 1, 'sale ' || nextval(pg_get_serial_sequence('outbox', 'id')),
           decode(repeat('00', 133), 'hex'), decode(repeat('00', 64), 'hex')
    FROM generate_series(1, :count)
""")


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[Database]:
    made = Database(migrated_database_url, pool_size=2)
    yield made
    made.dispose()


def put(connection: Connection, count: int) -> None:
    connection.execute(PUT, {"count": count})


def test_the_oldest_are_taken_in_order_and_once(database: Database) -> None:
    with database.unit_of_work() as uow:
        put(uow.connection, 7)
        taken = [outbox.take(uow.connection, limit=3) for _ in range(4)]
    assert [len(rows) for rows in taken] == [3, 3, 1, 0]
    ids = [row.id for rows in taken for row in rows]
    assert ids == sorted(set(ids))


def test_one_that_is_committed_late_is_not_passed_over(database: Database) -> None:
    """Its id is lower than those that were taken meanwhile."""
    with database.unit_of_work() as late:
        put(late.connection, 1)
        with database.unit_of_work() as uow:
            put(uow.connection, 2)
            assert len(outbox.take(uow.connection, limit=10)) == 2
            uow.commit()
        late.commit()
    with database.unit_of_work() as uow:
        assert len(outbox.take(uow.connection, limit=10)) == 1


def test_many_are_taken_from_a_table_that_was_empty_when_it_was_analysed(database: Database) -> None:
    """As it nearly always is. A plan for one row took minutes for a batch."""
    with database.unit_of_work() as uow:
        put(uow.connection, 20_000)
        uow.connection.execute(text("DELETE FROM outbox"))
        uow.connection.execute(text("ANALYZE outbox"))
        put(uow.connection, 20_000)
        uow.connection.execute(text("SET LOCAL statement_timeout = '5s'"))
        assert len(outbox.take(uow.connection, limit=5_000)) == 5_000
