"""Transactions, said out loud: leaving a unit of work rolls back, and only `commit()` keeps anything.

A flow opens one unit, and closes it before it talks to a payment provider or the chain: a lock that
waits for a stranger's server stops a market.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from invoice_service.errors import N_, Unavailable

# By SQLAlchemy, and by the driver where a part of the store speaks to it directly.
_LOST = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


class DatabaseUnavailable(Unavailable):
    code = "database.unavailable"
    message = N_("The service cannot reach its database right now. Nothing was lost; please try again.")


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    connection: Connection

    def commit(self) -> None:
        self.connection.commit()

    def nothing_to_do(self) -> None:
        """End a unit that wrote nothing, by a commit: a rollback makes psycopg forget what it prepared."""
        self.connection.commit()


class Database:
    """One PostgreSQL and its pool. A lost connection is `DatabaseUnavailable`, and the next one is new."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_use_lifo=True,  # the connection used last has its statements prepared
            hide_parameters=True,  # or a failing statement would put buyers into the log
            connect_args={
                "connect_timeout": 5,
                "application_name": "stall-ledger",
                "prepare_threshold": 0,  # all our statements come again
            },
        )
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """A transaction at READ COMMITTED; rows to be decided on are locked by the statements themselves."""
        with _translated(), self.engine.connect() as connection:
            yield UnitOfWork(connection)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for single statements that change nothing."""
        with _translated(), self._reading.connect() as connection:
            yield connection

    def dispose(self) -> None:
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (*_LOST, NoConnectionFree) as error:
        raise DatabaseUnavailable from error


def broke(error: IntegrityError, constraint: str) -> bool:
    """Whether a statement was refused by the constraint of this name."""
    diagnostics = getattr(error.orig, "diag", None)
    return diagnostics is not None and diagnostics.constraint_name == constraint
