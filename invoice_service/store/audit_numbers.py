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
}
_DOCUMENTS = " UNION ALL ".join(
    f"SELECT {int(kind)} AS kind, number, issued_at FROM {table}"  # noqa: S608 - our own names
    for kind, table in NUMBERED.items()
)
_KINDS = ", ".join(str(int(kind)) for kind in NUMBERED)
_PLACES = f"""
    WITH documents AS ({_DOCUMENTS}),
    attested AS (
        SELECT kind, fact AS number FROM log_entries WHERE kind IN ({_KINDS})
        UNION ALL SELECT kind, fact FROM outbox WHERE kind IN ({_KINDS})),
    numbers AS (
        SELECT kind, number, issued_at FROM documents
        UNION ALL
        SELECT kind, number, NULL FROM attested AS a
        WHERE NOT EXISTS (SELECT FROM documents AS d WHERE d.number = a.number)),
    places AS (
        SELECT kind, number, issued_at, right(number, {SEQUENCE_DIGITS})::bigint AS place
        FROM numbers WHERE number ~ '^[0-9]{{20}}$'),
    drawn AS (
        SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last FROM invoice_sequence)
"""  # noqa: S608 - our own names
_UNUSED = text(f"""
    {_PLACES},
    steps AS (
        SELECT lag(place, 1, 0::bigint) OVER by_place + 1 AS first, least(place - 1, last) AS last,
               lag(number) OVER by_place AS number_before, lag(issued_at) OVER by_place AS issued_before,
               number AS number_after, issued_at AS issued_after
        FROM (SELECT place, number, issued_at FROM places UNION ALL SELECT last + 1, NULL, NULL FROM drawn)
             AS all_of_them, drawn
        WINDOW by_place AS (ORDER BY place, number))
    SELECT * FROM steps WHERE first <= last ORDER BY first LIMIT :most
""")  # noqa: S608
_NEVER_DRAWN = text(f"""
    {_PLACES}
    SELECT kind, number FROM places, drawn WHERE place NOT BETWEEN 1 AND last ORDER BY number LIMIT :most
""")  # noqa: S608
_SHARED = text(f"""
    {_PLACES}
    SELECT kind, number FROM (SELECT *, count(*) OVER (PARTITION BY place) AS sharing FROM places) AS counted
    WHERE sharing > 1 ORDER BY number LIMIT :most
""")  # noqa: S608
_ILL_FORMED = text(f"""
    WITH documents AS ({_DOCUMENTS})
    SELECT kind, number FROM documents
    WHERE number !~ '^[0-9]{{4}}{PILOT_CHANNEL}[0-9]{{{SEQUENCE_DIGITS}}}$'
       OR left(number, 2) <> to_char(issued_at AT TIME ZONE 'Asia/Shanghai', 'YY')
    ORDER BY number LIMIT :most
""")  # noqa: S608

Rows = Sequence[Row[Any]]


def unused(connection: Connection) -> Rows:
    """Runs of places, `first` to `last`, that nothing has, with the numbers beside them and when."""
    return connection.execute(_UNUSED, {"most": MOST}).all()


def never_drawn(connection: Connection) -> Rows:
    """(kind, number) of places that the sequence has not reached."""
    return connection.execute(_NEVER_DRAWN, {"most": MOST}).all()


def shared(connection: Connection) -> Rows:
    """(kind, number) of places that more than one number has."""
    return connection.execute(_SHARED, {"most": MOST}).all()


def ill_formed(connection: Connection) -> Rows:
    """(kind, number) of documents whose number says another year than that of issue, or no pilot channel."""
    return connection.execute(_ILL_FORMED, {"most": MOST}).all()
