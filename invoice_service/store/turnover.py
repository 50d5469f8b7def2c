"""A market's turnover by stall, vendor, hour, day, goods and kind of goods, over days.

The rollups (`store.rollups`) are a vendor's: a year of two hundred of them is a million rows, too many to add
up while somebody waits. So a day that is over is added up once, some time after midnight, into
`market_day_sums`; a question then reads those, and the vendors' rows for the days that are still open (today,
mostly). A fact that comes in late for a day that is over *reopens* that day in the fact's own transaction, so
that what is told is never older than the facts; the settler sums the day again.
"""

# ruff: noqa: S608 - every statement is put together from what is written here

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, RowMapping, update
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert

from invoice_service.store.sums_tables import market_days

_ORDERS = """
    sum(h.orders) AS orders, sum(h.amount_fen) AS amount_fen, sum(h.exempt_fen) AS exempt_fen,
    sum(h.taxable_net_fen) AS taxable_net_fen, sum(h.tax_fen) AS tax_fen, sum(h.invoices) AS invoices,
    sum(h.invoiced_fen) AS invoiced_fen, 0 AS lines, 0 AS quantity
"""
_LINES = """
    0 AS orders, sum(g.amount_fen) AS amount_fen, 0 AS exempt_fen, 0 AS taxable_net_fen, 0 AS tax_fen,
    0 AS invoices, 0 AS invoiced_fen, sum(g.lines) AS lines, sum(g.quantity) AS quantity
"""
_HOURS = """
    FROM open_days AS o
    JOIN vendor_hours AS h ON h.market_id = :market_id AND h.hour >= o.begins AND h.hour < o.ends
"""
_GOODS = "FROM open_days AS o JOIN vendor_goods_days AS g ON g.market_id = :market_id AND g.day = o.day"
# What a day's vendors' rows come to: the same for one day that is summed and for those that are open.
_PARTS = {
    "stall": f"""
        SELECT o.day, h.stall_id::text AS key, '' AS unit, '' AS name_en, {_ORDERS} {_HOURS}
        GROUP BY o.day, h.stall_id""",
    "vendor": f"""
        SELECT o.day, h.vendor_id::text AS key, '' AS unit, '' AS name_en, {_ORDERS} {_HOURS}
        GROUP BY o.day, h.vendor_id""",
    "hour": f"""
        SELECT o.day, extract(hour FROM h.hour AT TIME ZONE 'Asia/Shanghai')::int::text AS key, '' AS unit,
               '' AS name_en, {_ORDERS} {_HOURS}
        GROUP BY o.day, key""",
    "kind": f"""
        SELECT o.day, g.tax_class AS key, '' AS unit, '' AS name_en, {_LINES} {_GOODS}
        GROUP BY o.day, g.tax_class""",
    "goods": f"""
        SELECT o.day, g.name_zh AS key, g.unit, min(g.name_en) AS name_en, {_LINES} {_GOODS}
        GROUP BY o.day, g.name_zh, g.unit""",
}
SUMMED_BY = tuple(_PARTS)
_COLUMNS = """
    key, unit, name_en, orders, amount_fen, exempt_fen, taxable_net_fen, tax_fen, invoices, invoiced_fen,
    lines, quantity
"""
_BEGINS = "(day::timestamp AT TIME ZONE 'Asia/Shanghai')"
_ENDS = "((day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')"
_OPEN_DAYS = f"SELECT day, {_BEGINS} AS begins, {_ENDS} AS ends"


def _told(by: str, answer: str) -> str:
    """`answer` over `parts`: a row for each day and key of a period, summed before or just now."""
    return f"""
        WITH summed AS MATERIALIZED (
            SELECT day FROM market_days
            WHERE market_id = :market_id AND day BETWEEN :first_day AND :last_day AND is_summed),
        open_days AS MATERIALIZED (
            {_OPEN_DAYS}
            FROM (SELECT generate_series(CAST(:first_day AS date), :last_day, '1 day')::date AS day) AS d
            WHERE day NOT IN (SELECT day FROM summed)),
        parts AS (
            SELECT day, {_COLUMNS} FROM market_day_sums
            WHERE market_id = :market_id AND by = '{by}' AND day BETWEEN :first_day AND :last_day
              AND day IN (SELECT day FROM summed)
            UNION ALL {_PARTS[by]})
        {answer}
    """


_SUMS = """
    sum(orders)::bigint AS orders, sum(amount_fen)::bigint AS amount_fen,
    sum(exempt_fen)::bigint AS exempt_fen, sum(taxable_net_fen)::bigint AS taxable_net_fen,
    sum(tax_fen)::bigint AS tax_fen, sum(invoices)::bigint AS invoices,
    sum(invoiced_fen)::bigint AS invoiced_fen
"""


def _named(table: str, key: str) -> str:
    return f"""
        SELECT t.{key} AS key, t.name_zh, t.name_en, p.* FROM (
            SELECT key AS id, {_SUMS} FROM parts GROUP BY key) AS p
        JOIN {table} AS t ON t.id = p.id::bigint
        ORDER BY p.amount_fen DESC, t.{key}
    """


_TURNOVER = {
    "stall": sql(_told("stall", _named("stalls", "code"))),
    "vendor": sql(_told("vendor", _named("vendors", "id"))),
    "hour": sql(_told("hour", f"SELECT key::int AS key, {_SUMS} FROM parts GROUP BY key ORDER BY 1")),
    "day": sql(_told("hour", f"SELECT day AS key, {_SUMS} FROM parts GROUP BY day ORDER BY day")),
    "kind": sql(
        _told(
            "kind",
            """SELECT key, sum(lines)::bigint AS lines, sum(amount_fen)::bigint AS amount_fen
            FROM parts GROUP BY key ORDER BY amount_fen DESC, key""",
        )
    ),
    "goods": sql(
        _told(
            "goods",
            """SELECT key AS name_zh, min(name_en) AS name_en, unit, sum(lines)::bigint AS lines,
                   sum(quantity) AS quantity, sum(amount_fen)::bigint AS amount_fen,
                   sum(sum(amount_fen)) OVER () AS total_fen, count(*) OVER () AS kinds
            FROM parts GROUP BY key, unit ORDER BY amount_fen DESC, key, unit LIMIT :most""",
        )
    ),
}
TURNOVER_BY = tuple(_TURNOVER)


def turnover_rows(
    connection: Connection, market_id: int, by: str, first_day: date, last_day: date, most: int
) -> Sequence[RowMapping]:
    """`by` picks one of the statements written here; nothing of it becomes part of one. `most`: of goods."""
    parameters = {"market_id": market_id, "first_day": first_day, "last_day": last_day, "most": most}
    return connection.execute(_TURNOVER[by], parameters).mappings().all()


# Days that are over.

_UNSUMMED = sql("""
    SELECT m.id AS market_id, d.day
    FROM markets AS m
    CROSS JOIN LATERAL (
        SELECT (min(h.hour) AT TIME ZONE 'Asia/Shanghai')::date AS first_day
        FROM vendor_hours AS h WHERE h.market_id = m.id) AS f
    CROSS JOIN LATERAL (
        SELECT generate_series(f.first_day, :before, '1 day')::date AS day) AS d
    LEFT JOIN market_days AS known ON known.market_id = m.id AND known.day = d.day AND known.is_summed
    WHERE d.day < :before AND known.day IS NULL
    ORDER BY d.day DESC, m.id LIMIT :most
""")
_FORGET = sql("DELETE FROM market_day_sums WHERE market_id = :market_id AND day = :day")
_SUM = sql(
    f"""
    WITH open_days AS ({_OPEN_DAYS} FROM (SELECT CAST(:day AS date) AS day) AS d)
    INSERT INTO market_day_sums (market_id, day, by, {_COLUMNS})
"""
    + " UNION ALL ".join(
        f"SELECT :market_id, day, '{by}', {_COLUMNS} FROM ({part}) AS {by}" for by, part in _PARTS.items()
    )
)


def reopen(connection: Connection, days: Iterable[tuple[int, date]]) -> None:
    """A fact is about to be written for days that are over, given as (market, day).

    Whoever is summing one of them right now is waited for; whoever comes after us waits for our commit. So
    no sum is kept that misses a fact.
    """
    statement = insert(market_days).values(is_summed=False)
    again = statement.on_conflict_do_update(index_elements=["market_id", "day"], set_={"is_summed": False})
    for market_id, day in sorted(days):
        connection.execute(again, {"market_id": market_id, "day": day})


def unsummed(connection: Connection, before: date, most: int) -> Sequence[tuple[int, date]]:
    """(market, day) of days before `before` that are to be summed, the latest first."""
    return [tuple(row) for row in connection.execute(_UNSUMMED, {"before": before, "most": most})]


def sum_day(connection: Connection, market_id: int, day: date) -> None:
    """Holds the day from the first statement to the end of the transaction: see `reopen`."""
    key = {"market_id": market_id, "day": day}
    statement = insert(market_days).values(is_summed=True)
    hold = statement.on_conflict_do_update(index_elements=["market_id", "day"], set_={"is_summed": True})
    connection.execute(hold, key)
    connection.execute(_FORGET, key)
    connection.execute(_SUM, key)


def forget_all(connection: Connection) -> None:
    """After the vendors' rows were made anew: every day is to be summed again."""
    connection.execute(update(market_days).values(is_summed=False))
