"""Mails that wait to be sent. Each try is written down before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, text

from invoice_service.store.mail_tables import mails

_LOCK_INVOICE = text("SELECT FROM invoices WHERE number = :number FOR NO KEY UPDATE")
_LOCK_MARK = text("SELECT pg_advisory_xact_lock(hashtextextended(:mark, 0))")
_COUNTS = text("""
    SELECT count(*) FILTER (WHERE number = :number AND asked_at > :since) AS of_invoice,
           count(*) FILTER (WHERE mark = :mark) AS of_address,
           count(*) FILTER (WHERE number = :number AND address = :address) AS waiting
    FROM mails WHERE number = :number OR mark = :mark
""")
_DUE = text("""
    SELECT m.id, m.number, m.address, m.tries, m.asked_at
    FROM mails AS m WHERE m.state = 'waiting' AND m.next_try_at <= :now
    ORDER BY m.next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED
""")
_TRY = text("UPDATE mails SET tries = tries + 1, next_try_at = :next_try_at WHERE id = :id")
_CLOSE = text("""
    UPDATE mails SET state = :state, done_at = :now, problem = :problem, address = NULL, next_try_at = NULL
    WHERE id = :id AND state = 'waiting'
""")
_FORGET = text("""
    UPDATE mails
    SET state = 'given_up', done_at = :now, problem = 'erased', address = NULL, next_try_at = NULL
    WHERE number = :number AND state = 'waiting'
""")


@dataclass(frozen=True, slots=True)
class Counts:
    of_invoice: int
    of_address: int
    waiting: int  # of this invoice to this address


@dataclass(frozen=True, slots=True)
class Mail:
    id: int
    number: str
    address: str
    tries: int
    asked_at: datetime


def lock(connection: Connection, number: str, mark: str) -> None:
    """Whoever asks for a mail of this invoice, or to this address, waits for the one before."""
    connection.execute(_LOCK_INVOICE, {"number": number})
    connection.execute(_LOCK_MARK, {"mark": mark})


def counts(connection: Connection, number: str, address: str, mark: str, since: datetime) -> Counts:
    """After `lock`. An address is counted by its mark."""
    values = {"number": number, "address": address, "mark": mark, "since": since}
    return Counts(*connection.execute(_COUNTS, values).one())


def add(connection: Connection, values: Mapping[str, Any]) -> None:
    connection.execute(insert(mails), values)


def next_due(connection: Connection, now: datetime) -> Mail | None:
    """Locked, so that two settlers take two."""
    row = connection.execute(_DUE, {"now": now}).first()
    return None if row is None else Mail(*row)


def note_try(connection: Connection, mail_id: int, next_try_at: datetime) -> None:
    connection.execute(_TRY, {"id": mail_id, "next_try_at": next_try_at})


def close(
    connection: Connection, mail_id: int, state: str, now: datetime, problem: str | None = None
) -> None:
    """Sent, or given up: the address goes."""
    connection.execute(_CLOSE, {"id": mail_id, "state": state, "now": now, "problem": problem})


def forget(connection: Connection, number: str, now: datetime) -> None:
    """The mails of an invoice whose buyer is erased: they would carry the buyer."""
    connection.execute(_FORGET, {"number": number, "now": now})
