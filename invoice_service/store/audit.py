"""What an audit reads: the log in the order of its indexes, and the documents behind a batch of entries.

Each statement reads one batch by its keys, so that memory holds a batch and no transaction stays open for
hours. What must be true of the whole (each fact once, nothing beyond the head) is one statement, since only
one statement sees one instant of a log that grows meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import Any

from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Row, text

from invoice_service.ledger.entry import Kind

MOST = 1_000  # of a kind of fault; who has more needs no list
AT_ONCE = 2_000  # rows of a page

Rows = Sequence[Row[Any]]

_ENTRIES = """
    SELECT index AS at, kind, fact, entry, signature FROM log_entries
    WHERE index >= %s AND index < %s ORDER BY index
"""
_OUTBOX = text("""
    SELECT id AS at, kind, fact, entry, signature FROM outbox
    WHERE id > :after ORDER BY id LIMIT :most
""")
_HEADS = text("SELECT size, root, checkpoint FROM log_heads WHERE size > :first AND size <= :last")
_TILES = text("""
    SELECT index AS at, hashes FROM log_tiles WHERE level = :level AND index >= :first AND index <= :last
""")
_SALES = """
    SELECT s.order_id::text AS fact, s.body, s.salt, s.commitment, s.amount_fen, s.exempt_fen,
           s.taxable_net_fen, s.tax_fen, s.taxpayer_kind, s.line_rules, s.line_tax_fen, s.market_id,
           o.market_id AS order_market_id, o.status, o.paid_at AS order_paid_at, m.code AS market,
           st.code AS stall, p.provider, p.paid_at, p.amount_fen AS paid_fen, p.disposition
    FROM sales AS s
    JOIN orders AS o ON o.id = s.order_id
    JOIN payments AS p ON p.id = s.payment_id
    JOIN markets AS m ON m.id = o.market_id
    JOIN stalls AS st ON st.id = o.stall_id
    WHERE s.order_id = ANY(string_to_array(%s, ',')::uuid[])
"""
_ORDER_LINES = """
    SELECT order_id::text AS fact, amount_fen, name_zh, tax_code, unit,
           trim_scale(quantity)::text AS quantity, trim_scale(unit_price)::text AS unit_price
    FROM order_lines WHERE order_id = ANY(string_to_array(%s, ',')::uuid[]) ORDER BY order_id, n
"""
_INVOICES = """
    SELECT i.number AS fact, i.body, i.body_salt, i.net_fen, i.tax_fen, i.total_fen, i.issued_at,
           i.token_hash, i.claim_address, i.claim_key, i.market_id, i.stall_id, i.vendor_id,
           o.market_id AS order_market_id, o.stall_id AS order_stall_id, o.vendor_id AS order_vendor_id,
           m.code AS market, st.code AS stall, s.commitment AS sale,
           b.number AS buyer_of, b.document AS buyer, b.salt AS buyer_salt, b.erased_at
    FROM invoices AS i
    JOIN orders AS o ON o.id = i.order_id
    JOIN sales AS s ON s.order_id = i.order_id
    JOIN markets AS m ON m.id = i.market_id
    JOIN stalls AS st ON st.id = i.stall_id
    LEFT JOIN buyer_documents AS b ON b.number = i.number
    WHERE i.number = ANY(string_to_array(%s, ','))
"""
_INVOICE_LINES = """
    SELECT number AS fact, tax_code, net_fen, tax_fen, rule
    FROM invoice_lines WHERE number = ANY(string_to_array(%s, ',')) ORDER BY number, n
"""
_ACCESS_DAYS = text("""
    SELECT day::text AS fact, day, size, root, body, salt FROM access_days WHERE day = ANY(:facts)
""")
_ACCESS_RECORDS = text("""
    SELECT * FROM access_records WHERE day = :day AND id > :after ORDER BY id LIMIT :most
""")
_RETURNS = text("""
    SELECT r.*, m.code AS market, before.commitment AS amends,
           NOT EXISTS (SELECT FROM vat_returns AS later WHERE later.vendor_id = r.vendor_id
                       AND later.first_day = r.first_day AND later.amendment > r.amendment) AS is_newest
    FROM unnest(CAST(:vendor_ids AS bigint[]), CAST(:first_days AS date[]), CAST(:amendments AS smallint[]))
         AS wanted (vendor_id, first_day, amendment)
    JOIN vat_returns AS r USING (vendor_id, first_day, amendment)
    JOIN markets AS m ON m.id = r.market_id
    LEFT JOIN vat_returns AS before ON before.vendor_id = r.vendor_id AND before.first_day = r.first_day
          AND before.amendment = r.amendment - 1
""")
_CLAIMS = text("""
    SELECT c.id::text AS fact, c.change, c.claimant, c.tx_hash, c.place, c.body, c.salt, c.commitment,
           e.nonce AS epoch, i.claim_address, i.body AS invoice_body, i.body_salt
    FROM chain_events AS c
    JOIN epochs AS e ON e.id = c.epoch_id
    JOIN invoices AS i ON i.number = c.number
    WHERE c.id = ANY(:facts)
""")
_CHANGED = text("SELECT DISTINCT number FROM chain_events WHERE number > :after ORDER BY number LIMIT :most")
_EVENTS = text("""
    SELECT number, change, claimant, whole, block_time, body FROM chain_events
    WHERE number = ANY(:numbers) ORDER BY number, id
""")
_STATUSES = text("""
    SELECT number, state, notes, since, claimant FROM invoice_statuses WHERE number = ANY(:numbers)
""")
_STATUS_WITHOUT_EVENT = text("""
    SELECT number FROM invoice_statuses AS s
    WHERE NOT EXISTS (SELECT FROM chain_events AS c WHERE c.number = s.number)
    ORDER BY number LIMIT :most
""")
_EVENTS_BETWEEN = text("""
    SELECT tx_hash, place, number, change, claimant, note, whole FROM chain_events
    WHERE epoch_id = :epoch_id AND block_number BETWEEN :first AND :last
""")
# What names a fact of each kind in the log, and all that there are of it.
_FACTS = {
    Kind.SALE: "SELECT order_id::text AS fact FROM sales",
    Kind.REFUND: "SELECT id::text AS fact FROM refunds WHERE paid_back_at IS NOT NULL",
    Kind.INVOICE: "SELECT number AS fact FROM invoices",
    Kind.CREDIT_NOTE: "SELECT number AS fact FROM credit_notes WHERE event_id IS NOT NULL",
    Kind.CLAIM: "SELECT id::text AS fact FROM chain_events WHERE change = 'claimed'",
    Kind.RELEASE: "SELECT id::text AS fact FROM chain_events WHERE change = 'released'",
    Kind.ACCESS_DAY: "SELECT day::text AS fact FROM access_days",
    Kind.RETURN: "SELECT vendor_id || '/' || first_day || '/' || amendment AS fact FROM vat_returns",
}
_WITHOUT_ENTRY = {
    kind: text(f"""
        SELECT f.fact FROM ({facts}) AS f
        WHERE NOT EXISTS (SELECT FROM log_entries AS e WHERE e.kind = {int(kind)} AND e.fact = f.fact)
          AND NOT EXISTS (SELECT FROM outbox AS q WHERE q.kind = {int(kind)} AND q.fact = f.fact)
        ORDER BY f.fact LIMIT :most
    """)  # noqa: S608 - our own columns
    for kind, facts in _FACTS.items()
}
_TWICE = text(
    "SELECT kind, fact FROM outbox JOIN log_entries USING (kind, fact) ORDER BY kind, fact LIMIT :most"
)
_PAID_WITHOUT_SALE = text("""
    SELECT o.id::text FROM orders AS o
    WHERE o.paid_at IS NOT NULL AND NOT EXISTS (SELECT FROM sales AS s WHERE s.order_id = o.id)
    ORDER BY o.id LIMIT :most
""")
_ERASED_UNSEEN = text("""
    SELECT number FROM buyer_documents AS b
    WHERE erased_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM access_records AS r WHERE r.action = :action AND r.subject = b.number)
    ORDER BY number LIMIT :most
""")
_BEYOND = text("""
    SELECT what, place FROM (
        SELECT 'entry' AS what, index AS place FROM log_entries WHERE index >= (SELECT size FROM log_state)
        UNION ALL
        SELECT 'head', size FROM log_heads WHERE size > (SELECT size FROM log_state)
        UNION ALL
        SELECT 'tile ' || level, index FROM log_tiles
        WHERE level > 6 OR (((index << 8) + 1) << (8 * level)) > (SELECT size FROM log_state)) AS beyond
    ORDER BY what, place LIMIT :most
""")
_FOREIGN_SUBMISSIONS = text("""
    SELECT s.new_size FROM submissions AS s LEFT JOIN log_heads AS h ON h.size = s.new_size
    WHERE s.status IN ('mined', 'final') AND h.root IS DISTINCT FROM s.new_root
    ORDER BY s.new_size LIMIT :most
""")
_SUBMISSIONS = text("""
    SELECT new_size, new_root, status, block_number, block_time FROM submissions
    WHERE epoch_id = :epoch_id AND status IN ('mined', 'final') AND new_size > :after
    ORDER BY new_size LIMIT :most
""")
_HEAD_AT = text("SELECT root FROM log_heads WHERE size = :size")
_KEYS = text("SELECT id, use, public_key FROM keys ORDER BY use, id")


def _plain(connection: Connection, statement: str, *values: Any) -> Rows:
    """In binary and as the driver's own tuples, for what each entry of the log is compared with.

    Many keys are passed as one text, which costs the driver nothing; a list would cost it a call for each.
    """
    with closing(connection.connection.cursor(binary=True, row_factory=namedtuple_row)) as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def entries(connection: Connection, first: int, before: int) -> Rows:
    return _plain(connection, _ENTRIES, first, before)


def waiting(connection: Connection, after: int, most: int) -> Rows:
    """Entries in the outbox after the one with this id."""
    return connection.execute(_OUTBOX, {"after": after, "most": most}).all()


def heads(connection: Connection, first: int, last: int) -> Mapping[int, Row[Any]]:
    """By their size: those above `first` and up to `last`."""
    return {row.size: row for row in connection.execute(_HEADS, {"first": first, "last": last})}


def tiles(connection: Connection, level: int, first: int, last: int) -> Mapping[int, bytes]:
    """The hashes of a level's tiles by index, `last` included."""
    rows = connection.execute(_TILES, {"level": level, "first": first, "last": last})
    return {row.at: bytes(row.hashes) for row in rows}


def head_root(connection: Connection, size: int) -> bytes | None:
    return connection.execute(_HEAD_AT, {"size": size}).scalar()


def sales(connection: Connection, order_ids: Sequence[str]) -> tuple[Rows, Rows]:
    """(sales with what stands beside them, the lines of their orders)."""
    listed = ",".join(order_ids)
    return _plain(connection, _SALES, listed), _plain(connection, _ORDER_LINES, listed)


def invoices(connection: Connection, numbers: Sequence[str]) -> tuple[Rows, Rows]:
    """(invoices with what stands beside them, their lines)."""
    listed = ",".join(numbers)
    return _plain(connection, _INVOICES, listed), _plain(connection, _INVOICE_LINES, listed)


def access_days(connection: Connection, days: Sequence[date]) -> Rows:
    return connection.execute(_ACCESS_DAYS, {"facts": list(days)}).all()


def access_records(connection: Connection, day: date) -> Iterator[Mapping[str, Any]]:
    """A day's, in the order of their leaves."""
    after = -1
    while rows := connection.execute(_ACCESS_RECORDS, {"day": day, "after": after, "most": AT_ONCE}).all():
        yield from (dict(row._mapping) for row in rows)
        after = rows[-1].id


def returns(connection: Connection, keys: Iterable[tuple[int, date, int]]) -> Rows:
    """Sealed versions by (vendor, first day, amendment)."""
    listed = list(keys)
    values = {
        "vendor_ids": [vendor_id for vendor_id, _, _ in listed],
        "first_days": [first_day for _, first_day, _ in listed],
        "amendments": [amendment for _, _, amendment in listed],
    }
    return connection.execute(_RETURNS, values).all()


def claims(connection: Connection, event_ids: Sequence[int]) -> Rows:
    """Events that were attested, with the invoice and the epoch that they are about."""
    return connection.execute(_CLAIMS, {"facts": list(event_ids)}).all()


def changed(connection: Connection, after: str) -> Sequence[str]:
    """The next numbers of invoices of which the contract told anything."""
    return connection.execute(_CHANGED, {"after": after, "most": AT_ONCE}).scalars().all()


def events(connection: Connection, numbers: Sequence[str]) -> Rows:
    """What the contract told of these, each one's in the order in which it was taken in."""
    return connection.execute(_EVENTS, {"numbers": list(numbers)}).all()


def statuses(connection: Connection, numbers: Sequence[str]) -> Mapping[str, Row[Any]]:
    return {row.number: row for row in connection.execute(_STATUSES, {"numbers": list(numbers)})}


def status_without_event(connection: Connection) -> Sequence[str]:
    return connection.execute(_STATUS_WITHOUT_EVENT, {"most": MOST}).scalars().all()


def events_between(connection: Connection, epoch_id: int, first: int, last: int) -> Rows:
    """What was taken in of the blocks `first` to `last`."""
    return connection.execute(_EVENTS_BETWEEN, {"epoch_id": epoch_id, "first": first, "last": last}).all()


def without_entry(connection: Connection) -> Iterator[tuple[Kind, str]]:
    """Facts that stand neither in the log nor in the outbox."""
    for kind, statement in _WITHOUT_ENTRY.items():
        for fact in connection.execute(statement, {"most": MOST}).scalars():
            yield kind, fact


def twice(connection: Connection) -> Rows:
    """Facts that stand in the outbox and in the log."""
    return connection.execute(_TWICE, {"most": MOST}).all()


def paid_without_sale(connection: Connection) -> Sequence[str]:
    return connection.execute(_PAID_WITHOUT_SALE, {"most": MOST}).scalars().all()


def erased_without(connection: Connection, action: str) -> Sequence[str]:
    """Numbers of invoices whose buyer was erased without an access record of that action."""
    return connection.execute(_ERASED_UNSEEN, {"action": action, "most": MOST}).scalars().all()


def beyond(connection: Connection) -> Rows:
    """(what, its index or size) of entries, heads and tiles that the log's state row knows nothing of."""
    return connection.execute(_BEYOND, {"most": MOST}).all()


def foreign_submissions(connection: Connection) -> Sequence[int]:
    """Sizes of heads that are said to be on chain and are none of the log's."""
    return connection.execute(_FOREIGN_SUBMISSIONS, {"most": MOST}).scalars().all()


def submissions(connection: Connection, epoch_id: int, after: int) -> Rows:
    """The next heads above that size that are said to be on chain in an epoch."""
    values = {"epoch_id": epoch_id, "after": after, "most": AT_ONCE}
    return connection.execute(_SUBMISSIONS, values).all()


def keys(connection: Connection) -> Rows:
    return connection.execute(_KEYS).all()
