"""What a tax officer's desk reads beside turnover: markets and vendors of a region, one vendor's sums, sales.

`supervised_…` are the doors: they find the row and ask the policy, so that what is outside an officer's
region is not found, whichever way it was named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from invoice_service.domain.access import LOOK_LASTS, Action, SayWhy
from invoice_service.domain.authorisation import minute_of_week
from invoice_service.domain.case import UnknownCase
from invoice_service.domain.numbering import business_day
from invoice_service.domain.period import DAY, midnight
from invoice_service.domain.policy import Actor, OutOfScope, Scope, check_supervise
from invoice_service.store import exports, findings

_MARKETS = text("""
    SELECT id, code, name_zh, name_en, region, address FROM markets
    WHERE region LIKE :region || '%' ORDER BY region, code
""")
_MARKET = text("SELECT id, code, name_zh, name_en, region, address FROM markets WHERE code = :code")
_VENDOR_COLUMNS = """
    v.id, v.market_id, m.region, m.code AS market_code, m.name_zh AS market_zh, m.name_en AS market_en,
    m.address, v.name_zh, v.name_en, v.taxpayer_kind, v.tax_id, v.self_produced, v.tax_period, v.licence_no,
    v.licence_until
"""
_VENDOR = text(f"""
    SELECT {_VENDOR_COLUMNS} FROM vendors AS v JOIN markets AS m ON m.id = v.market_id
    WHERE v.id = :vendor_id
""")  # noqa: S608 - our own columns
_VENDORS = text(
    "SELECT id, name_zh, name_en, taxpayer_kind, tax_period FROM vendors WHERE market_id = :market_id"
)
_STALL = text("""
    SELECT s.id, s.market_id, s.code, s.name_zh, s.name_en, s.kind_zh, s.kind_en, s.place_zh, s.place_en,
           s.is_open, m.region, m.code AS market_code, m.name_zh AS market_zh, m.name_en AS market_en,
           m.address, a.vendor_id,
           (SELECT serial FROM stall_codes AS c
            WHERE c.stall_id = s.id AND c.replaced_at IS NULL) AS live_serial
    FROM stalls AS s
    JOIN markets AS m ON m.id = s.market_id
    LEFT JOIN authorisations AS a
           ON a.stall_id = s.id AND a.days @> CAST(:day AS date) AND a.minutes @> CAST(:minute AS integer)
    WHERE s.code = :code
""")
_SALE = text(f"""
    SELECT o.id AS order_id, {_VENDOR_COLUMNS.replace("v.id, ", "v.id AS vendor_id, ")}
    FROM orders AS o
    JOIN sales ON sales.order_id = o.id
    JOIN vendors AS v ON v.id = o.vendor_id
    JOIN markets AS m ON m.id = o.market_id
    WHERE o.id = :order_id
""")  # noqa: S608 - our own columns
_ORDER_OF = text("SELECT order_id FROM invoices WHERE number = :number")
# Of the latest records of one account only: a look lasts half an hour, and nobody makes more of them in it.
_LAST_LOOK = text("""
    SELECT reason FROM (
        SELECT action, market_id, vendor_id, subject, reason, at FROM access_records
        WHERE account_id = :account_id ORDER BY id DESC LIMIT 300) AS recent
    WHERE action = :action AND at > :since AND market_id = :market_id
      AND vendor_id IS NOT DISTINCT FROM CAST(:vendor_id AS bigint)
      AND (CAST(:subject AS text) IS NULL OR subject = :subject)
    ORDER BY at DESC LIMIT 1
""")
_BY_STALL = text("""
    SELECT s.code, s.name_zh, s.name_en, sum(h.orders)::bigint AS orders,
           sum(h.amount_fen)::bigint AS amount_fen, sum(h.exempt_fen)::bigint AS exempt_fen,
           sum(h.taxable_net_fen)::bigint AS taxable_net_fen, sum(h.tax_fen)::bigint AS tax_fen,
           sum(h.invoices)::bigint AS invoices, sum(h.invoiced_fen)::bigint AS invoiced_fen
    FROM vendor_hours AS h JOIN stalls AS s ON s.id = h.stall_id
    WHERE h.vendor_id = :vendor_id AND h.hour >= :begins AND h.hour < :ends
    GROUP BY s.id ORDER BY amount_fen DESC, s.code
""")
_BY_RULE = text("""
    SELECT rule, tax_class, taxpayer_kind, sum(lines)::bigint AS lines,
           sum(amount_fen)::bigint AS amount_fen, sum(tax_fen)::bigint AS tax_fen
    FROM vendor_goods_days
    WHERE vendor_id = :vendor_id AND day BETWEEN :first_day AND :last_day
    GROUP BY rule, tax_class, taxpayer_kind ORDER BY sum(amount_fen) DESC, rule, tax_class, taxpayer_kind
""")

# By way of its sellers, whose rows lie together: of a market's year a stall's are few. Nobody sells at a
# stall without having been authorised there, and what has begun is never withdrawn.
_AT_STALL = """
    stall_id = :stall_id AND vendor_id IN (SELECT vendor_id FROM authorisations WHERE stall_id = :stall_id)
"""
_STALL_DAYS = text(f"""
    SELECT (hour AT TIME ZONE 'Asia/Shanghai')::date AS day, sum(orders)::bigint AS orders,
           sum(amount_fen)::bigint AS amount_fen, sum(exempt_fen)::bigint AS exempt_fen,
           sum(taxable_net_fen)::bigint AS taxable_net_fen, sum(tax_fen)::bigint AS tax_fen,
           sum(invoices)::bigint AS invoices, sum(invoiced_fen)::bigint AS invoiced_fen
    FROM vendor_hours WHERE {_AT_STALL} AND hour >= :begins AND hour < :ends
    GROUP BY 1 ORDER BY 1
""")  # noqa: S608 - our own columns
_STALL_RULES = text(f"""
    SELECT rule, tax_class, taxpayer_kind, sum(lines)::bigint AS lines,
           sum(amount_fen)::bigint AS amount_fen, sum(tax_fen)::bigint AS tax_fen
    FROM vendor_goods_days WHERE {_AT_STALL} AND day BETWEEN :first_day AND :last_day
    GROUP BY rule, tax_class, taxpayer_kind ORDER BY sum(amount_fen) DESC, rule, tax_class, taxpayer_kind
""")  # noqa: S608 - our own columns
_STALL_SELLERS = text(f"""
    SELECT v.id, v.name_zh, v.name_en, sum(h.orders)::bigint AS orders,
           sum(h.amount_fen)::bigint AS amount_fen, sum(h.exempt_fen)::bigint AS exempt_fen,
           sum(h.taxable_net_fen)::bigint AS taxable_net_fen, sum(h.tax_fen)::bigint AS tax_fen,
           sum(h.invoices)::bigint AS invoices, sum(h.invoiced_fen)::bigint AS invoiced_fen
    FROM vendor_hours AS h JOIN vendors AS v ON v.id = h.vendor_id
    WHERE {_AT_STALL} AND h.hour >= :begins AND h.hour < :ends
    GROUP BY v.id ORDER BY amount_fen DESC, v.id
""")  # noqa: S608 - our own columns


def supervised_markets(connection: Connection, actor: Actor) -> Sequence[RowMapping]:
    """Those of an officer's region. Raises OutOfScope for anybody else."""
    if actor.region is None:
        raise OutOfScope
    return connection.execute(_MARKETS, {"region": actor.region}).mappings().all()


def supervised_market(connection: Connection, actor: Actor, code: str) -> RowMapping:
    """Raises OutOfScope, NotAllowed."""
    row = connection.execute(_MARKET, {"code": code}).mappings().first() if code.isprintable() else None
    if row is None:
        raise OutOfScope
    check_supervise(actor, Scope(row["id"], row["region"]))
    return row


def market_looked_at(connection: Connection, actor: Actor, code: str, now: datetime) -> Mapping[str, Any]:
    """With the `reason` of the look that lasts. Raises OutOfScope, NotAllowed, SayWhy."""
    row = supervised_market(connection, actor, code)
    action, since = Action.MARKET_LOOKED_AT, now - LOOK_LASTS
    reason = last_look(connection, actor.account_id, action, row["id"], None, since)
    if reason is None:
        raise SayWhy(code=code)
    return {**row, "reason": reason}


def supervised_vendor(connection: Connection, actor: Actor, vendor_id: int) -> RowMapping:
    """Raises OutOfScope, NotAllowed."""
    row = connection.execute(_VENDOR, {"vendor_id": vendor_id}).mappings().first()
    if row is None:
        raise OutOfScope
    check_supervise(actor, Scope(row["market_id"], row["region"], row["id"]))
    return row


def supervised_stall(connection: Connection, actor: Actor, code: str, at: datetime) -> RowMapping:
    """With who is authorised there at an instant (`vendor_id`, or None). Raises OutOfScope, NotAllowed."""
    values = {"code": code, "day": business_day(at), "minute": minute_of_week(at)}
    row = connection.execute(_STALL, values).mappings().first() if code.isprintable() else None
    if row is None:
        raise OutOfScope
    check_supervise(actor, Scope(row["market_id"], row["region"]))
    return row


def supervised_sale(connection: Connection, actor: Actor, order_id: UUID) -> RowMapping:
    """Whose a paid order is. Raises OutOfScope, NotAllowed."""
    row = connection.execute(_SALE, {"order_id": order_id}).mappings().first()
    if row is None:
        raise OutOfScope
    check_supervise(actor, Scope(row["market_id"], row["region"], row["vendor_id"]))
    return row


def supervised_case(connection: Connection, actor: Actor, finding_id: int) -> RowMapping:
    """A finding with its records. Raises UnknownCase, OutOfScope, NotAllowed."""
    row = findings.one(connection, finding_id)
    if row is None:
        raise UnknownCase
    check_supervise(actor, Scope(row["market_id"], row["region"], row["vendor_id"]))
    return row


def own_export(connection: Connection, actor: Actor, export_id: UUID) -> RowMapping:
    """One's own, of a market that is still in one's region. Raises OutOfScope, NotAllowed."""
    row = exports.one(connection, export_id)
    if row is None or row["account_id"] != actor.account_id:
        raise OutOfScope
    check_supervise(actor, Scope(row["market_id"], row["region"]))
    return row


def order_of_invoice(connection: Connection, number: str) -> UUID | None:
    found: UUID | None = connection.execute(_ORDER_OF, {"number": number}).scalar()
    return found


def vendors(connection: Connection, market_id: int) -> Sequence[RowMapping]:
    return connection.execute(_VENDORS, {"market_id": market_id}).mappings().all()


def last_look(
    connection: Connection,
    account_id: int,
    action: Action,
    market_id: int,
    vendor_id: int | None,
    since: datetime,
    subject: str | None = None,
) -> str | None:
    """The reason given for the latest look of a kind since an instant; None if there was none.

    A market or a vendor is what it is; of a stall, `subject` says which one was looked at.
    """
    values: Mapping[str, Any] = {
        "account_id": account_id,
        "action": action.value,
        "market_id": market_id,
        "vendor_id": vendor_id,
        "since": since,
        "subject": subject,
    }
    found: str | None = connection.execute(_LAST_LOOK, values).scalar()
    return found


def by_stall(
    connection: Connection, vendor_id: int, begins: datetime, ends: datetime
) -> Sequence[RowMapping]:
    values = {"vendor_id": vendor_id, "begins": begins, "ends": ends}
    return connection.execute(_BY_STALL, values).mappings().all()


def by_rule(connection: Connection, vendor_id: int, first_day: date, last_day: date) -> Sequence[RowMapping]:
    values = {"vendor_id": vendor_id, "first_day": first_day, "last_day": last_day}
    return connection.execute(_BY_RULE, values).mappings().all()


def stall_days(
    connection: Connection, stall: RowMapping, first_day: date, last_day: date
) -> Sequence[RowMapping]:
    """What was sold at a stall, by whomever, a row a day on which anything was."""
    return connection.execute(_STALL_DAYS, _of_stall(stall, first_day, last_day)).mappings().all()


def stall_sellers(
    connection: Connection, stall: RowMapping, first_day: date, last_day: date
) -> Sequence[RowMapping]:
    """Who sold there; who sold most first."""
    return connection.execute(_STALL_SELLERS, _of_stall(stall, first_day, last_day)).mappings().all()


def stall_rules(
    connection: Connection, stall: RowMapping, first_day: date, last_day: date
) -> Sequence[RowMapping]:
    return connection.execute(_STALL_RULES, _of_stall(stall, first_day, last_day)).mappings().all()


def _of_stall(stall: RowMapping, first_day: date, last_day: date) -> dict[str, Any]:
    return {
        "stall_id": stall["id"],
        "first_day": first_day,
        "last_day": last_day,
        "begins": midnight(first_day),
        "ends": midnight(last_day + DAY),
    }
