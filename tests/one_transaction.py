"""A database looked at through one open transaction: what a test bends in it goes when that is undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from invoice_service.store.unit_of_work import UnitOfWork


class OneTransaction:
    """In the place of `Database`. Whoever opened the connection closes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        yield UnitOfWork(self._connection)

    def dispose(self) -> None:
        """Not ours to close."""
