"""What a shopper sees: stalls, and the orders and invoices whose tokens the phone holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from invoice_service.domain import stall_code
from invoice_service.domain.invoice import UnknownInvoice
from invoice_service.domain.order import UnknownOrder, UnknownStall
from invoice_service.domain.standing import State
from invoice_service.domain.token import INVOICE, ORDER, fingerprint
from invoice_service.domain.why import why
from invoice_service.ledger import canonical
from invoice_service.ledger.entry import Kind
from invoice_service.queries import refunds
from invoice_service.queries.ledger_state import ledger_states
from invoice_service.queries.views import (
    GoodsView,
    InvoiceView,
    LedgerState,
    LineView,
    OrderView,
    PaymentView,
    StallView,
)
from invoice_service.services import Services
from invoice_service.store import catalogue, invoices, statuses
from invoice_service.store.catalogue import StallRow

_ORDERS = text("""
    SELECT o.id, o.token_hash, o.status, o.amount_fen, o.rounded_off_fen, o.created_at, o.expires_at,
           o.paid_at, s.code AS stall_code, s.name_zh AS stall_zh, s.name_en AS stall_en,
           m.name_zh AS market_zh, m.name_en AS market_en, v.name_zh AS vendor_zh, v.name_en AS vendor_en,
           i.number, i.issued_at AS invoiced_at,
           coalesce(i.total_fen, f.kept_fen, o.amount_fen) AS invoice_fen,
           (SELECT jsonb_agg(jsonb_build_object(
                'zh', l.name_zh, 'en', l.name_en, 'unit', l.unit, 'quantity', l.quantity::text,
                'unit_price', l.unit_price::text, 'amount_fen', l.amount_fen) ORDER BY l.n)
            FROM order_lines AS l WHERE l.order_id = o.id) AS lines
    FROM orders AS o
    JOIN stalls AS s ON s.id = o.stall_id
    JOIN markets AS m ON m.id = o.market_id
    JOIN vendors AS v ON v.id = o.vendor_id
    LEFT JOIN sales AS f ON f.order_id = o.id
    LEFT JOIN invoices AS i ON i.order_id = o.id
    WHERE o.token_hash = ANY(:hashes)
    ORDER BY o.created_at DESC
""")
_PAYMENTS = text("""
    SELECT p.amount_fen, p.paid_at, p.disposition, p.refunded_at
    FROM payments AS p WHERE p.order_id = :order_id ORDER BY p.id
""")


def stall(services: Services, code: str, lang: str) -> StallView:
    """What is behind a code as scanned or typed. Raises UnknownStall, ForeignCode, CodeReplaced."""
    scanned = stall_code.read(code, services.keyring.tokens)
    with services.database.read() as connection:
        row = catalogue.stall_row(connection, scanned.stall, services.clock())
        if row is None:
            raise UnknownStall
        stall_code.check_current(scanned, row["live_serial"])
        goods = catalogue.stock(connection, row["vendor_id"]) if row["vendor_id"] else ()
    views = tuple(
        GoodsView(g.sku, g.name_zh if lang == "zh-CN" else g.name_en, g.unit, g.price_fen, g.available)
        for g in goods
    )
    return _stall_view(row, lang, views, opened_as=code, is_checked=scanned.is_signed)


def stalls(services: Services, lang: str) -> tuple[StallView, ...]:
    """Every stall, without its goods, market by market."""
    with services.database.read() as connection:
        return tuple(
            _stall_view(row, lang, (), opened_as=row["code"], is_checked=False)
            for row in catalogue.all_stalls(connection, services.clock())
        )


def order(services: Services, token: str, lang: str) -> OrderView:
    """Raises UnknownOrder."""
    with services.database.read() as connection:
        rows = connection.execute(_ORDERS, {"hashes": [fingerprint(token)]}).mappings().all()
        if not rows:
            raise UnknownOrder
        paid = connection.execute(_PAYMENTS, {"order_id": rows[0]["id"]})
        payments = tuple(PaymentView(*row) for row in paid)
        gone_back = refunds.of_order(connection, rows[0]["id"])
    return replace(_order_view(services, rows[0], token, lang, payments), refunds=gone_back)


def orders(services: Services, tokens: Sequence[str], lang: str) -> tuple[OrderView, ...]:
    """The orders behind this phone's tokens, newest first; tokens that open nothing are passed over."""
    by_hash = {fingerprint(token): token for token in tokens}
    if not by_hash:
        return ()
    with services.database.read() as connection:
        rows = connection.execute(_ORDERS, {"hashes": list(by_hash)}).mappings().all()
    return tuple(_order_view(services, row, by_hash[bytes(row["token_hash"])], lang, ()) for row in rows)


def invoice(services: Services, token: str) -> InvoiceView:
    """Raises UnknownInvoice."""
    with services.database.read() as connection:
        stored = invoices.by_token(connection, fingerprint(token))
        if stored is None:
            raise UnknownInvoice
        state = invoice_state(services, connection, stored.number)
        standing = statuses.standing(connection, stored.number).now(services.clock())
        gone_back = refunds.of_order(connection, stored.order_id)
        notes = refunds.notes_of(connection, stored.number)
    body = canonical.decode(stored.body)
    buyer = canonical.decode(stored.buyer) if stored.buyer else {}
    return InvoiceView(
        number=stored.number,
        token=token,
        status=standing.status,
        claim=standing.state.value if standing.state in (State.CLAIMED, State.LOCKED) else None,
        claimed_at=standing.since if standing.state is State.CLAIMED else None,
        issued_at=stored.issued_at,
        seller_name=body["seller"]["name"],
        seller_tax_id=body["seller"]["tax_id"],
        market_name=body["market"]["name"],
        stall_name=body["stall"]["name"],
        buyer_kind=buyer.get("kind"),
        buyer_name=buyer.get("name"),
        buyer_tax_id=buyer.get("tax_id"),
        lines=tuple(_invoice_line(line, body) for line in body["lines"]),
        net_fen=body["net_fen"],
        tax_fen=body["tax_fen"],
        total_fen=body["total_fen"],
        total_capitals=body["total_capitals"],
        order_token=services.keyring.tokens.derive(ORDER, str(stored.order_id)),
        ledger=state,
        refunds=gone_back,
        credit_notes=notes,
    )


def invoice_state(services: Services, connection: Connection, number: str) -> LedgerState:
    return ledger_states(connection, Kind.INVOICE, [number], now=services.clock())[number]


def _stall_view(
    row: StallRow, lang: str, goods: tuple[GoodsView, ...], *, opened_as: str, is_checked: bool
) -> StallView:
    tail = "_zh" if lang == "zh-CN" else "_en"
    return StallView(
        code=row["code"],
        opened_as=opened_as,
        is_checked=is_checked,
        name=row["name" + tail],
        place=row["place" + tail],
        kind=row["kind" + tail],
        market_name=row["market_name" + tail],
        vendor_name=row["vendor_name" + tail],
        is_open=row["is_open"],
        default_goods=row["default_name" + tail],
        goods=goods,
    )


def _order_view(
    services: Services, row: RowMapping, token: str, lang: str, payments: tuple[PaymentView, ...]
) -> OrderView:
    tail, number = ("_zh" if lang == "zh-CN" else "_en"), row["number"]
    return OrderView(
        token=token,
        status=row["status"],
        amount_fen=row["amount_fen"],
        stall_code=row["stall_code"],
        stall_name=row["stall" + tail],
        market_name=row["market" + tail],
        vendor_name=row["vendor" + tail],
        lines=tuple(_order_line(line, tail[1:]) for line in row["lines"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        paid_at=row["paid_at"],
        payments=payments,
        invoice_number=number,
        invoice_token=services.keyring.tokens.derive(INVOICE, number) if number else None,
        rounded_off_fen=row["rounded_off_fen"],
        invoiced_at=row["invoiced_at"],
        invoice_fen=row["invoice_fen"],
    )


def _order_line(line: dict[str, Any], lang: str) -> LineView:
    return LineView(
        name=line[lang],
        quantity=Decimal(line["quantity"]),
        unit=line["unit"],
        unit_price=Decimal(line["unit_price"]),
        amount_fen=line["amount_fen"],
    )


def _invoice_line(line: dict[str, Any], body: dict[str, Any]) -> LineView:
    reason = why(line, body)
    return LineView(
        name=line["name"],
        quantity=Decimal(line["quantity"]),
        unit=line["unit"],
        unit_price=Decimal(line["unit_price"]),
        amount_fen=line["amount_fen"],
        tax_label=reason.label,
        tax_fen=line["tax_fen"],
        why=reason,
    )
