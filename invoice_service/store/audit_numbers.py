"""What an audit reads of invoice numbers: each document that took one from the sequence, and what is left.

A number's last 15 digits are its place in the sequence. A place counts as used where a document has it, or
an entry in the log or the outbox: an entry without its document is a document that is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from invoice_service.domain.numbering import PILOT_CHANNEL, SEQUENCE_DIGITS
from invoice_service.ledger.entry import Kind
from invoice_service.store.audit import MOST

# What takes numbers from the sequence: the kind of its entries, and its table, with `number` and `issued_at`.
NUMBERED = {
    Kind.INVOICE: "invoices",
    Kind.CREDIT_NOTE: "credit_notes",
}
_DOCUMENTS = " UNION ALL ".join(
    f"SELECT {int(kind)} AS kind, number, issued_at FROM {table}"  # noqa: S608 - our own names
    for kind, table in NUMBERED.items()
)
_KINDS = ", ".join(str(int(kind)) for kind in NUMBERED)
_PLACE = f"right(number, {SEQUENCE_DIGITS})::bigint"
_IS_NUMBER = "(number !~ '[^0-9]' AND length(number) = 20)"  # six times as fast as a counted repetition
_DRAWN = "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last FROM invoice_sequence"
_UNUSED = text(f"""
    WITH documents AS ({_DOCUMENTS}),
    attested AS (
        SELECT fact AS number FROM log_entries WHERE kind IN ({_KINDS})
        UNION ALL SELECT fact FROM outbox WHERE kind IN ({_KINDS})),
    numbers AS (
        SELECT number, issued_at FROM documents
        UNION ALL
        SELECT number, NULL FROM attested AS a
        WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.number = a.number)),
    drawn AS ({_DRAWN}),
    places AS (
        SELECT {_PLACE} AS place, number, issued_at FROM numbers WHERE {_IS_NUMBER}
        UNION ALL SELECT last + 1, NULL, NULL FROM drawn),
    steps AS (
        SELECT lag(place, 1, 0::bigint) OVER by_place + 1 AS first, least(place - 1, last) AS last,
               lag(number) OVER by_place AS number_before, lag(issued_at) OVER by_place AS issued_before,
               number AS number_after, issued_at AS issued_after
        FROM places, drawn WINDOW by_place AS (ORDER BY place, number))
    SELECT * FROM steps WHERE first <= last ORDER BY first LIMIT :most
""")  # noqa: S608 - our own names
_WRONG = text(f"""
    WITH documents AS ({_DOCUMENTS}),
    places AS (
        SELECT kind, number, issued_at, CASE WHEN {_IS_NUMBER} THEN {_PLACE} END AS place FROM documents),
    judged AS (
        SELECT kind, number, place NOT BETWEEN 1 AND last AS is_undrawn,
               count(*) OVER (PARTITION BY place) > 1 AS is_shared,
               place IS NULL OR substr(number, 5, 1) <> '{PILOT_CHANNEL}'
                 OR left(number, 2) <> to_char(issued_at AT TIME ZONE 'Asia/Shanghai', 'YY') AS is_ill_formed
        FROM places, ({_DRAWN}) AS drawn)
    SELECT * FROM judged WHERE is_ill_formed OR is_undrawn OR is_shared ORDER BY number LIMIT :most
""")  # noqa: S608 - our own names

Rows = Sequence[Row[Any]]


def unused(connection: Connection) -> Rows:
    """Runs of places, `first` to `last`, that nothing has, with the numbers beside them and when."""
    return connection.execute(_UNUSED, {"most": MOST}).all()


def wrong(connection: Connection) -> Rows:
    """Documents whose number says another year than that of issue or no pilot channel (`is_ill_formed`), or
    whose place the sequence has not reached (`is_undrawn`), or another document has, too (`is_shared`)."""
    return connection.execute(_WRONG, {"most": MOST}).all()
