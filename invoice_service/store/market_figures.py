"""What was sold in a market, and who sells there: the rows behind the operator's desk, one statement a list.

Sums come from the rollups; single orders are found only through an index, vendor by vendor. Hours and days
are arguments: no statement asks the database's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy import text as sql

from invoice_service.domain.authorisation import minute_of_week
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import midnight
from invoice_service.store.people_tables import stall_codes
from invoice_service.store.rollups import whole_hour


def stall_rows(
    connection: Connection, market_id: int, now: datetime, *, code: str | None = None
) -> Sequence[RowMapping]:
    """Every stall (or one) with who sells there now and two hours ago, its sums, and its last sale."""
    today, this_hour = midnight(business_day(now)), whole_hour(now)
    usual = [this_hour - timedelta(days=day, hours=hour) for day in range(1, 8) for hour in (1, 2)]
    week = today - timedelta(days=6)
    parameters = {
        "market_id": market_id,
        "code": code,
        "today": today,
        "week": week,
        "since": min(week, min(usual)),
        "quiet_since": this_hour - timedelta(hours=2),
        "usual": usual,
        "this_hour": this_hour,
    }
    return connection.execute(_STALLS, parameters | as_of(now) | _earlier(now)).mappings().all()


def stall_states(connection: Connection, market_id: int, now: datetime) -> Sequence[RowMapping]:
    """Every stall with its state, without figures."""
    return connection.execute(_STATES, {"market_id": market_id} | as_of(now)).mappings().all()


def codes_of(connection: Connection, stall_id: int) -> Sequence[RowMapping]:
    wanted = select(stall_codes).where(stall_codes.c.stall_id == stall_id)
    return connection.execute(wanted.order_by(stall_codes.c.serial.desc())).mappings().all()


def live_codes(connection: Connection, market_id: int) -> Sequence[RowMapping]:
    """Every stall that has a valid code, with that code's serial and its one vendor, if it is one."""
    return connection.execute(_LIVE_CODES, {"market_id": market_id}).mappings().all()


def authorisations_at(connection: Connection, stall_id: int) -> Sequence[RowMapping]:
    """What is still to come first, then the past from its end."""
    return connection.execute(_AUTHORISATIONS_AT, {"id": stall_id}).mappings().all()


def authorisations_of(connection: Connection, vendor_id: int) -> Sequence[RowMapping]:
    return connection.execute(_AUTHORISATIONS_OF, {"id": vendor_id}).mappings().all()


def days_of_stall(connection: Connection, stall_id: int, since: datetime) -> Sequence[RowMapping]:
    return connection.execute(_STALL_DAYS, {"stall_id": stall_id, "since": since}).mappings().all()


def days_of_vendor(connection: Connection, vendor_id: int, since: datetime) -> Sequence[RowMapping]:
    return connection.execute(_VENDOR_DAYS, {"vendor_id": vendor_id, "since": since}).mappings().all()


def vendor_rows(
    connection: Connection, market_id: int, now: datetime, *, vendor_id: int | None = None
) -> Sequence[RowMapping]:
    """Every vendor (or one) with stalls, goods, this month's sums and whether a phone is connected."""
    today = business_day(now)
    return (
        connection.execute(
            _VENDORS,
            {
                "market_id": market_id,
                "vendor_id": vendor_id,
                "day": today,
                "month": midnight(today.replace(day=1)),
                "now": now,
            },
        )
        .mappings()
        .all()
    )


def lapsing_licences(
    connection: Connection, market_id: int, today: date, until: date
) -> Sequence[RowMapping]:
    """Of vendors who are authorised today or later, the first to lapse first."""
    parameters = {"market_id": market_id, "day": today, "until": until}
    return connection.execute(_LICENCES, parameters).mappings().all()


def hour_rows(
    connection: Connection, market_id: int, ranges: Sequence[tuple[datetime, datetime]]
) -> Sequence[RowMapping]:
    """A market's sums by hour within two ranges of instants."""
    (begin, end), (other_begin, other_end) = ranges
    return (
        connection.execute(
            _HOURS,
            {
                "market_id": market_id,
                "begin": begin,
                "end": end,
                "other_begin": other_begin,
                "other_end": other_end,
            },
        )
        .mappings()
        .all()
    )


def pulse(connection: Connection, market_id: int, today: datetime, heads: int) -> RowMapping:
    """Today's hours, the latest heads on chain, and how the log and the chain are: one row."""
    parameters = {"market_id": market_id, "today": today, "heads": heads}
    return connection.execute(_PULSE, parameters).mappings().one()


def last_sales(connection: Connection, market_id: int, today: datetime, most: int) -> Sequence[RowMapping]:
    parameters = {"market_id": market_id, "today": today, "most": most}
    return connection.execute(_LAST_SALES, parameters).mappings().all()


def as_of(now: datetime) -> dict[str, Any]:
    return {"day": business_day(now), "minute": minute_of_week(now)}


def _earlier(now: datetime) -> dict[str, Any]:
    earlier = now - timedelta(hours=2)
    return {"earlier_day": business_day(earlier), "earlier_minute": minute_of_week(earlier)}


# Who sold last is carried as (hour, vendor), so that the last sale itself is one look into an index.
_STALLS = sql("""
    WITH recent AS (
        SELECT stall_id,
               sum(orders) FILTER (WHERE hour >= :today) AS orders,
               sum(amount_fen) FILTER (WHERE hour >= :today) AS amount_fen,
               sum(invoices) FILTER (WHERE hour >= :today) AS invoices,
               sum(invoiced_fen) FILTER (WHERE hour >= :today) AS invoiced_fen,
               sum(orders) FILTER (WHERE hour >= :week) AS week_orders,
               sum(invoices) FILTER (WHERE hour >= :week) AS week_invoices,
               sum(orders) FILTER (WHERE hour >= :quiet_since) AS late_orders,
               count(DISTINCT (extract(epoch FROM CAST(:this_hour AS timestamptz) - hour)::int / 86400))
                   FILTER (WHERE hour = ANY(:usual) AND orders > 0) AS usual_days,
               max(ARRAY[extract(epoch FROM hour)::bigint, vendor_id]) FILTER (WHERE orders > 0) AS last_hour
        FROM vendor_hours WHERE market_id = :market_id AND hour >= :since GROUP BY stall_id)
    SELECT s.id, s.code, s.name_zh, s.name_en, s.kind_zh, s.kind_en, s.place_zh, s.place_en, s.is_open,
           v.id AS vendor_id, v.name_zh AS vendor_zh, v.name_en AS vendor_en, c.serial,
           coalesce(r.orders, 0) AS orders, coalesce(r.amount_fen, 0) AS amount_fen,
           coalesce(r.invoices, 0) AS invoices, coalesce(r.invoiced_fen, 0) AS invoiced_fen,
           coalesce(r.week_orders, 0) AS week_orders, coalesce(r.week_invoices, 0) AS week_invoices,
           coalesce(r.late_orders, 0) AS late_orders, coalesce(r.usual_days, 0) AS usual_days,
           last_sale.paid_at AS last_sale_at,
           EXISTS (SELECT FROM authorisations AS b
                   WHERE b.stall_id = s.id AND b.days @> CAST(:earlier_day AS date)
                     AND b.minutes @> CAST(:earlier_minute AS integer)) AS attended_earlier
    FROM stalls AS s
    LEFT JOIN recent AS r ON r.stall_id = s.id
    LEFT JOIN stall_codes AS c ON c.stall_id = s.id AND c.replaced_at IS NULL
    LEFT JOIN authorisations AS a ON a.stall_id = s.id
         AND a.days @> CAST(:day AS date) AND a.minutes @> CAST(:minute AS integer)
    LEFT JOIN vendors AS v ON v.id = a.vendor_id
    LEFT JOIN LATERAL (
        SELECT o.paid_at FROM orders AS o
        WHERE o.vendor_id = r.last_hour[2] AND o.stall_id = s.id AND o.paid_at IS NOT NULL
        ORDER BY o.id DESC LIMIT 1) AS last_sale ON true
    WHERE s.market_id = :market_id AND (CAST(:code AS text) IS NULL OR s.code = :code)
    ORDER BY s.code
""")
_STATES = sql("""
    SELECT s.code, s.name_zh, s.name_en, s.is_open, a.vendor_id
    FROM stalls AS s
    LEFT JOIN authorisations AS a ON a.stall_id = s.id
         AND a.days @> CAST(:day AS date) AND a.minutes @> CAST(:minute AS integer)
    WHERE s.market_id = :market_id ORDER BY s.code
""")
# A poster hangs for months: it names who sells there at all hours, and nobody where that changes.
_LIVE_CODES = sql("""
    SELECT s.code, s.name_zh, s.name_en, s.kind_zh, s.kind_en, s.place_zh, s.place_en, c.serial,
           (SELECT v.name_zh FROM authorisations AS a JOIN vendors AS v ON v.id = a.vendor_id
            WHERE a.stall_id = s.id AND upper_inf(a.days) AND a.minutes = '{[0,10080)}') AS vendor_zh
    FROM stalls AS s JOIN stall_codes AS c ON c.stall_id = s.id AND c.replaced_at IS NULL
    WHERE s.market_id = :market_id ORDER BY s.code
""")
_AUTHORISATIONS = """
    SELECT a.id, a.vendor_id, s.code, s.name_zh, s.name_en, v.name_zh AS vendor_zh, v.name_en AS vendor_en,
           lower(a.days) AS first_day, upper(a.days) - 1 AS last_day,
           ARRAY(SELECT ARRAY[lower(part), upper(part)] FROM unnest(a.minutes) AS part) AS minutes
    FROM authorisations AS a
    JOIN stalls AS s ON s.id = a.stall_id
    JOIN vendors AS v ON v.id = a.vendor_id
    WHERE {} = :id
    ORDER BY upper(a.days) DESC NULLS FIRST, lower(a.days), a.id
"""
_AUTHORISATIONS_AT = sql(_AUTHORISATIONS.format("a.stall_id"))
_AUTHORISATIONS_OF = sql(_AUTHORISATIONS.format("a.vendor_id"))
_DAY_SUMS = """
    (hour AT TIME ZONE 'Asia/Shanghai')::date AS day, sum(orders) AS orders, sum(amount_fen) AS amount_fen,
    sum(invoices) AS invoices, sum(invoiced_fen) AS invoiced_fen
"""
# Whoever sold at a stall was authorised there, so the index by vendor and hour finds a stall's hours too.
_STALL_DAYS = sql(f"""
    SELECT {_DAY_SUMS} FROM vendor_hours
    WHERE vendor_id IN (SELECT vendor_id FROM authorisations WHERE stall_id = :stall_id)
      AND hour >= :since AND stall_id = :stall_id
    GROUP BY day ORDER BY day
""")  # noqa: S608 - put together from what is written above
_VENDOR_DAYS = sql(f"""
    SELECT {_DAY_SUMS} FROM vendor_hours WHERE vendor_id = :vendor_id AND hour >= :since
    GROUP BY day ORDER BY day
""")  # noqa: S608
_VENDORS = sql("""
    WITH months AS (
        SELECT vendor_id, sum(orders) AS orders, sum(amount_fen) AS amount_fen, sum(invoices) AS invoices,
               sum(invoiced_fen) AS invoiced_fen
        FROM vendor_hours
        WHERE market_id = :market_id AND hour >= :month
          AND (vendor_id = :vendor_id OR CAST(:vendor_id AS bigint) IS NULL)
        GROUP BY vendor_id)
    SELECT v.id, v.name_zh, v.name_en, v.taxpayer_kind, v.tax_id, v.licence_no, v.licence_until,
           coalesce(m.orders, 0) AS orders, coalesce(m.amount_fen, 0) AS amount_fen,
           coalesce(m.invoices, 0) AS invoices, coalesce(m.invoiced_fen, 0) AS invoiced_fen,
           ARRAY(SELECT DISTINCT s.code FROM authorisations AS a JOIN stalls AS s ON s.id = a.stall_id
                 WHERE a.vendor_id = v.id AND NOT a.days << daterange(CAST(:day AS date), NULL)
                 ORDER BY s.code) AS stalls,
           (SELECT count(*) FROM goods AS g WHERE g.vendor_id = v.id) AS goods,
           account.id AS account_id,
           EXISTS (SELECT FROM sessions AS w WHERE w.account_id = account.id AND w.ended_at IS NULL
                   AND w.expires_at > :now) AS phone_bound
    FROM vendors AS v
    LEFT JOIN months AS m ON m.vendor_id = v.id
    LEFT JOIN accounts AS account ON account.vendor_id = v.id AND account.disabled_at IS NULL
    WHERE v.market_id = :market_id AND (v.id = :vendor_id OR CAST(:vendor_id AS bigint) IS NULL)
    ORDER BY v.name_zh, v.id
""")
_LICENCES = sql("""
    SELECT v.id, v.name_zh, v.name_en, v.licence_no, v.licence_until
    FROM vendors AS v
    WHERE v.market_id = :market_id AND v.licence_until <= :until
      AND EXISTS (SELECT FROM authorisations AS a
                  WHERE a.vendor_id = v.id AND NOT a.days << daterange(CAST(:day AS date), NULL))
    ORDER BY v.licence_until, v.id
""")
_HOURS = sql("""
    SELECT hour, sum(orders) AS orders, sum(amount_fen) AS amount_fen, sum(invoices) AS invoices,
           sum(invoiced_fen) AS invoiced_fen
    FROM vendor_hours
    WHERE market_id = :market_id
      AND (hour >= :begin AND hour < :end OR hour >= :other_begin AND hour < :other_end)
    GROUP BY hour
""")
_PULSE = sql("""
    SELECT (SELECT coalesce(jsonb_agg(h), '[]') FROM (
                SELECT hour, sum(orders) AS orders, sum(amount_fen) AS amount_fen, sum(invoices) AS invoices,
                       sum(invoiced_fen) AS invoiced_fen
                FROM vendor_hours WHERE market_id = :market_id AND hour >= :today
                GROUP BY hour) AS h) AS hours,
           (SELECT coalesce(jsonb_agg(b), '[]') FROM (
                SELECT s.new_size AS size, encode(s.new_root, 'hex') AS root,
                       encode(s.tx_hash, 'hex') AS tx_hash,
                       s.block_number, s.block_time, s.status AS state
                FROM submissions AS s JOIN epochs AS e ON e.id = s.epoch_id AND e.ended_at IS NULL
                WHERE s.status IN ('mined', 'final') ORDER BY s.new_size DESC LIMIT :heads) AS b) AS heads,
           (SELECT size FROM log_state) AS sealed_size,
           (SELECT count(*) FROM stalls WHERE market_id = :market_id AND is_open) AS open_stalls,
           (SELECT reachable FROM chain_health) AS reachable,
           (SELECT checked_at FROM chain_health) AS checked_at
""")
# Vendors who sold today, then the last orders of each by their index: no list of all orders is read.
_LAST_SALES = sql("""
    SELECT s.code, s.name_zh, s.name_en, latest.amount_fen, latest.paid_at
    FROM (SELECT DISTINCT vendor_id FROM vendor_hours
          WHERE market_id = :market_id AND hour >= :today AND orders > 0) AS sold
    CROSS JOIN LATERAL (
        SELECT o.stall_id, o.amount_fen, o.paid_at FROM orders AS o
        WHERE o.vendor_id = sold.vendor_id AND o.paid_at IS NOT NULL
        ORDER BY o.id DESC LIMIT :most) AS latest
    JOIN stalls AS s ON s.id = latest.stall_id
    ORDER BY latest.paid_at DESC, s.code LIMIT :most
""")
