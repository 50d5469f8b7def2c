"""Turnover of markets by market, stall, vendor, hour, day, goods, kind of goods and tax rule, over days.

The rollups (`store.rollups`) are a vendor's: a year of two hundred of them is a million rows, too many to add
up while somebody waits. So a day that is over is added up once, some time after midnight, into
`market_day_sums`, and a month whose days all are, into `market_month_sums`. A question reads whole months
where it can, then days, and the vendors' rows for the days that are still open (today, mostly). A fact that
comes in late *reopens* its day and its month in the fact's own transaction, so that what is told is never
older than the facts; the settler sums them again.
"""

# ruff: noqa: S608 - every statement is put together from what is written here

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, RowMapping, Table, TextClause, update
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import Insert, insert

from invoice_service.store.sums_tables import market_days, market_months

_ORDERS = """
    sum(h.orders) AS orders, sum(h.amount_fen) AS amount_fen, sum(h.exempt_fen) AS exempt_fen,
    sum(h.taxable_net_fen) AS taxable_net_fen, sum(h.tax_fen) AS tax_fen, sum(h.invoices) AS invoices,
    sum(h.invoiced_fen) AS invoiced_fen, 0 AS lines, 0 AS quantity
"""
_LINES = """
    0 AS orders, sum(g.amount_fen) AS amount_fen, 0 AS exempt_fen, 0 AS taxable_net_fen,
    sum(g.tax_fen) AS tax_fen, 0 AS invoices, 0 AS invoiced_fen, sum(g.lines) AS lines,
    sum(g.quantity) AS quantity
"""
# `OFFSET 0`, here and below, keeps a join as it stands: a range of the index for each day or month. The
# planner cannot know how few of them there are, and would otherwise read every row there ever was.
_HOURS = """
    FROM open_days AS o CROSS JOIN LATERAL (
        SELECT * FROM vendor_hours AS h
        WHERE h.market_id = o.market_id AND h.hour >= o.begins AND h.hour < o.ends OFFSET 0) AS h
"""
_GOODS = """
    FROM open_days AS o CROSS JOIN LATERAL (
        SELECT * FROM vendor_goods_days AS g
        WHERE g.market_id = o.market_id AND g.day = o.day OFFSET 0) AS g
"""


def _part(key: str, sums: str, of: str, unit: str = "''", name_en: str = "''", also: str = "") -> str:
    return f"""
        SELECT o.market_id, o.day, {key} AS key, {unit} AS unit, {name_en} AS name_en, {sums} {of}
        GROUP BY o.market_id, o.day, {key} {also}
    """


_HOUR = "extract(hour FROM h.hour AT TIME ZONE 'Asia/Shanghai')::int::text"
_RULE = "g.rule || ' ' || g.tax_class || ' ' || g.taxpayer_kind"
# What a day's vendors' rows come to: the same for one day that is summed and for those that are open.
_PARTS = {
    "stall": _part("h.stall_id::text", _ORDERS, _HOURS),
    "vendor": _part("h.vendor_id::text", _ORDERS, _HOURS),
    "hour": _part(_HOUR, _ORDERS, _HOURS),
    "day": _part("''::text", _ORDERS, _HOURS),
    "kind": _part("g.tax_class", _LINES, _GOODS),
    "goods": _part("g.name_zh", _LINES, _GOODS, "g.unit", "min(g.name_en)", ", g.unit"),
    "rule": _part(_RULE, _LINES, _GOODS),
    "vendor_rule": _part(f"g.vendor_id || ' ' || {_RULE}", _LINES, _GOODS),
}
_COLUMNS = """
    key, unit, name_en, orders, amount_fen, exempt_fen, taxable_net_fen, tax_fen, invoices, invoiced_fen,
    lines, quantity
"""
_BEGINS = "(day::timestamp AT TIME ZONE 'Asia/Shanghai')"
_ENDS = "((day + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')"
_OPEN_DAYS = f"SELECT market_id, day, {_BEGINS} AS begins, {_ENDS} AS ends"


def _told(by: str, answer: str, *, day_by_day: bool = False) -> str:
    """`answer` over `parts`: a row for each market, key and month or day, summed before or just now.

    Whole months stand under their first day; `day_by_day` has none, for answers about days.
    """
    return f"""
        WITH months AS MATERIALIZED (
            SELECT market_id, month FROM market_months
            WHERE market_id = ANY(:market_ids) AND is_summed AND {"FALSE" if day_by_day else "TRUE"}
              AND month >= :first_day AND month + interval '1 month' <= CAST(:last_day AS date) + 1),
        summed AS MATERIALIZED (
            SELECT market_id, day FROM market_days AS d
            WHERE market_id = ANY(:market_ids) AND day BETWEEN :first_day AND :last_day AND is_summed
              AND NOT EXISTS (SELECT FROM months AS m
                              WHERE m.market_id = d.market_id AND m.month = {_month("d.day")})),
        open_days AS MATERIALIZED (
            {_OPEN_DAYS}
            FROM (SELECT market_id, generate_series(CAST(:first_day AS date), :last_day, '1 day')::date AS day
                  FROM unnest(CAST(:market_ids AS bigint[])) AS m (market_id)) AS d
            WHERE NOT EXISTS (SELECT FROM summed AS s WHERE s.market_id = d.market_id AND s.day = d.day)
              AND NOT EXISTS (SELECT FROM months AS m
                              WHERE m.market_id = d.market_id AND m.month = {_month("d.day")})),
        parts AS (
            SELECT market_id, month AS day, {_COLUMNS} FROM months AS m CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM market_month_sums AS s
                WHERE s.market_id = m.market_id AND s.by = '{by}' AND s.month = m.month OFFSET 0) AS s
            UNION ALL
            SELECT market_id, day, {_COLUMNS} FROM summed AS d CROSS JOIN LATERAL (
                SELECT {_COLUMNS} FROM market_day_sums AS s
                WHERE s.market_id = d.market_id AND s.by = '{by}' AND s.day = d.day OFFSET 0) AS s
            UNION ALL {_PARTS[by]})
        {answer}
    """


def _month(day: str) -> str:
    """Its first day."""
    return f"date_trunc('month', {day}::timestamp)::date"


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


# Rows of lines, whose key says under which rule what was sold by whom. Added up before the key is taken
# apart: a vendor has few rules and a year many days.
_TAXED = """
    SELECT {kept}, vendor_id, rule, tax_class, taxpayer_kind, lines, amount_fen, tax_fen
    FROM (SELECT {kept}, key, sum(lines) AS lines, sum(amount_fen) AS amount_fen, sum(tax_fen) AS tax_fen
          FROM parts GROUP BY {kept}, key) AS keyed
    CROSS JOIN LATERAL (SELECT string_to_array(key, ' ') AS k) AS words
    CROSS JOIN LATERAL (SELECT {vendor} AS vendor_id, k[{n}] AS rule, k[{n} + 1] AS tax_class,
                               k[{n} + 2] AS taxpayer_kind) AS said
    WHERE rule = ANY(:rules) AND tax_class = ANY(:tax_classes) AND taxpayer_kind = ANY(:taxpayer_kinds)
"""


def _taxed(by: str, grouped: str) -> TextClause:
    """Sums of lines by rule, narrowed to some rules, kinds of goods and kinds of sellers."""
    by_day = "day" in grouped
    taxed = _TAXED.format(
        kept="market_id, day" if by_day else "market_id",
        vendor="k[1]::bigint" if by == "vendor_rule" else "NULL::bigint",
        n=2 if by == "vendor_rule" else 1,
    )
    return sql(
        _told(
            by,
            f"""SELECT {grouped}, sum(lines)::bigint AS lines, sum(amount_fen)::bigint AS amount_fen,
                   coalesce(sum(amount_fen) FILTER (WHERE rule = ANY(:exempt_rules)), 0)::bigint
                       AS exempt_fen,
                   sum(tax_fen)::bigint AS tax_fen
            FROM ({taxed}) AS taxed GROUP BY {grouped} ORDER BY amount_fen DESC, {grouped}""",
            day_by_day=by_day,
        )
    )


_TURNOVER = {
    "stall": sql(_told("stall", _named("stalls", "code"))),
    "vendor": sql(_told("vendor", _named("vendors", "id"))),
    "hour": sql(_told("hour", f"SELECT key::int AS key, {_SUMS} FROM parts GROUP BY key ORDER BY 1")),
    "day": sql(
        _told("day", f"SELECT day AS key, {_SUMS} FROM parts GROUP BY day ORDER BY day", day_by_day=True)
    ),
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
_MARKET_DAYS = sql(
    _told("day", f"SELECT market_id, day, {_SUMS} FROM parts GROUP BY market_id, day", day_by_day=True)
)
_TAXED_BY = {
    "market_day": _taxed("rule", "market_id, day"),
    "rule": _taxed("rule", "rule, tax_class, taxpayer_kind"),
    "vendor": _taxed("vendor_rule", "vendor_id"),
}


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which lines count: by tax rule, kind of goods and kind of seller, each one of those given."""

    rules: Sequence[str]
    exempt_rules: Sequence[str]  # those of them that exempt
    tax_classes: Sequence[str]
    taxpayer_kinds: Sequence[str]


def turnover_rows(
    connection: Connection, market_id: int, by: str, first_day: date, last_day: date, most: int
) -> Sequence[RowMapping]:
    """`by` picks one of the statements written here; nothing of it becomes part of one. `most`: of goods."""
    parameters = {"market_ids": [market_id], "first_day": first_day, "last_day": last_day, "most": most}
    return connection.execute(_TURNOVER[by], parameters).mappings().all()


def market_day_rows(
    connection: Connection, market_ids: Sequence[int], first_day: date, last_day: date
) -> Sequence[RowMapping]:
    """Everything that was sold, a row for each market and day on which anything was."""
    parameters = {"market_ids": list(market_ids), "first_day": first_day, "last_day": last_day}
    return connection.execute(_MARKET_DAYS, parameters).mappings().all()


def taxed_rows(
    connection: Connection,
    market_ids: Sequence[int],
    by: str,
    first_day: date,
    last_day: date,
    narrowed: Narrowed,
) -> Sequence[RowMapping]:
    """Sold lines: lines, amount_fen, exempt_fen, tax_fen, by market_day, rule or vendor; largest first."""
    parameters = {
        "market_ids": list(market_ids),
        "first_day": first_day,
        "last_day": last_day,
        "rules": list(narrowed.rules),
        "exempt_rules": list(narrowed.exempt_rules),
        "tax_classes": list(narrowed.tax_classes),
        "taxpayer_kinds": list(narrowed.taxpayer_kinds),
    }
    return connection.execute(_TAXED_BY[by], parameters).mappings().all()


# Days and months that are over.

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
    WITH open_days AS (
        {_OPEN_DAYS} FROM (SELECT CAST(:market_id AS bigint) AS market_id, CAST(:day AS date) AS day) AS d)
    INSERT INTO market_day_sums (market_id, day, by, {_COLUMNS})
"""
    + " UNION ALL ".join(
        f"SELECT market_id, day, '{by}', {_COLUMNS} FROM ({part}) AS {by}" for by, part in _PARTS.items()
    )
)


_UNSUMMED_MONTHS = sql(f"""
    SELECT d.market_id, d.month
    FROM (SELECT market_id, {_month("day")} AS month, count(*) FILTER (WHERE is_summed) AS summed
          FROM market_days GROUP BY 1, 2) AS d
    CROSS JOIN LATERAL (
        SELECT (min(h.hour) AT TIME ZONE 'Asia/Shanghai')::date AS day
        FROM vendor_hours AS h WHERE h.market_id = d.market_id) AS first
    LEFT JOIN market_months AS known
           ON known.market_id = d.market_id AND known.month = d.month AND known.is_summed
    WHERE known.month IS NULL
      AND d.summed >= (d.month + interval '1 month')::date - greatest(d.month, first.day)
      AND (CAST(:month AS date) IS NULL OR d.month = :month)
      AND (CAST(:market_id AS bigint) IS NULL OR d.market_id = :market_id)
    ORDER BY d.month DESC, d.market_id LIMIT :most
""")
_FORGET_MONTH = sql("DELETE FROM market_month_sums WHERE market_id = :market_id AND month = :month")
_SUM_MONTH = sql(f"""
    INSERT INTO market_month_sums (market_id, month, by, {_COLUMNS})
    SELECT market_id, :month, by, key, unit, min(name_en), sum(orders), sum(amount_fen), sum(exempt_fen),
           sum(taxable_net_fen), sum(tax_fen), sum(invoices), sum(invoiced_fen), sum(lines), sum(quantity)
    FROM market_day_sums
    WHERE market_id = :market_id AND day >= :month AND day < CAST(:month AS date) + interval '1 month'
      AND by <> 'day'
    GROUP BY market_id, by, key, unit
""")


def reopen(connection: Connection, days: Iterable[tuple[int, date]]) -> None:
    """A fact is about to be written for days that are over, given as (market, day).

    Whoever is summing one of them, or its month, right now is waited for; whoever comes after us waits for
    our commit. So no sum is kept that misses a fact.
    """
    for market_id, day in sorted(days):
        connection.execute(
            _holding(market_days, "day", is_summed=False), {"market_id": market_id, "day": day}
        )
        month = {"market_id": market_id, "month": day.replace(day=1)}
        connection.execute(_holding(market_months, "month", is_summed=False), month)


def unsummed(connection: Connection, before: date, most: int) -> Sequence[tuple[int, date]]:
    """(market, day) of days before `before` that are to be summed, the latest first."""
    return [tuple(row) for row in connection.execute(_UNSUMMED, {"before": before, "most": most})]


def unsummed_months(connection: Connection, most: int) -> Sequence[tuple[int, date]]:
    """(market, first day) of months whose days are all summed, and which are not themselves."""
    values = {"market_id": None, "month": None, "most": most}
    return [tuple(row) for row in connection.execute(_UNSUMMED_MONTHS, values)]


def sum_day(connection: Connection, market_id: int, day: date) -> None:
    """Holds the day from the first statement to the end of the transaction: see `reopen`."""
    key = {"market_id": market_id, "day": day}
    connection.execute(_holding(market_days, "day", is_summed=True), key)
    connection.execute(_FORGET, key)
    connection.execute(_SUM, key)


def sum_month(connection: Connection, market_id: int, month: date) -> bool:
    """Holds the month, as `sum_day` does a day. False where a day was reopened meanwhile: then roll back."""
    key = {"market_id": market_id, "month": month}
    connection.execute(_holding(market_months, "month", is_summed=False), key)
    if not connection.execute(_UNSUMMED_MONTHS, key | {"most": 1}).all():
        return False
    connection.execute(_FORGET_MONTH, key)
    connection.execute(_SUM_MONTH, key)
    connection.execute(_holding(market_months, "month", is_summed=True), key)
    return True


def forget_all(connection: Connection) -> None:
    """After the vendors' rows were made anew: every day is to be summed again."""
    for table in (market_days, market_months):
        connection.execute(update(table).values(is_summed=False))


def _holding(table: Table, span: str, *, is_summed: bool) -> Insert:
    """Puts the row there, or waits for whoever has it, and keeps it until the transaction ends."""
    statement = insert(table).values(is_summed=is_summed)
    return statement.on_conflict_do_update(index_elements=["market_id", span], set_={"is_summed": is_summed})
