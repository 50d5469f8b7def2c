"""What the database refuses, whatever the code may do. Each test tries the wrong thing with plain SQL."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError

from invoice_service.store.schema import metadata
from tests import make


@pytest.fixture
def connection(migrated_database_url: str) -> Iterator[Connection]:
    engine = create_engine(migrated_database_url)
    with engine.connect() as open_connection:
        make.small_market(open_connection)
        yield open_connection
    engine.dispose()


ORDER = """
    INSERT INTO orders (id, market_id, stall_id, vendor_id, token_hash, out_trade_no, status, amount_fen,
                        created_at, expires_at, paid_at)
    SELECT :id, market_id, stall_id, vendor_id, sha256(:token), :no, :status, :amount, now(), now(),
           CASE WHEN :status = 'paid' THEN now() END
    FROM authorisations LIMIT 1
"""
PAYMENT = """
    INSERT INTO payments (market_id, order_id, provider, transaction_id, amount_fen, paid_at, recorded_at,
                          disposition)
    SELECT market_id, id, 'sandbox', :transaction, :amount, now(), now(), :disposition
    FROM orders WHERE id = :order_id RETURNING id
"""
SALE = """
    INSERT INTO sales (order_id, market_id, payment_id, amount_fen, body, salt, commitment, exempt_fen,
                       taxable_net_fen, tax_fen, taxpayer_kind, line_rules, line_tax_fen, kept_fen)
    SELECT id, market_id, :payment_id, :amount, '', sha256('s'), sha256(:order_text), :amount, 0, 0,
           'small_scale', '{vegetables}', '{0}', :amount
    FROM orders
    WHERE id = :order_id
"""
INVOICE = """
    INSERT INTO invoices (number, market_id, order_id, stall_id, vendor_id, token_hash, body, body_salt,
                          net_fen, tax_fen, total_fen, issued_at, claim_address, claim_key)
    SELECT :number, market_id, id, stall_id, vendor_id, sha256(:token), '', sha256('s'), :total, 0, :total,
           now(), substring(sha256(:token) FOR 20), '' FROM orders WHERE id = :order_id
"""


def add_order(
    connection: Connection, *, amount: int = 1250, status: str = "paid", no: str | None = None
) -> str:
    order_id = str(uuid4())
    connection.execute(
        text(ORDER),
        {
            "id": order_id,
            "token": order_id.encode(),
            "no": no or order_id,
            "status": status,
            "amount": amount,
        },
    )
    return order_id


def add_payment(
    connection: Connection,
    order_id: str,
    *,
    amount: int = 1250,
    transaction: str = "t1",
    disposition: str = "settles",
) -> int:
    values = {"order_id": order_id, "transaction": transaction, "amount": amount, "disposition": disposition}
    return int(connection.execute(text(PAYMENT), values).scalar_one())


def add_sale(connection: Connection, order_id: str, payment_id: int, *, amount: int = 1250) -> None:
    connection.execute(
        text(SALE),
        {"order_id": order_id, "order_text": order_id.encode(), "payment_id": payment_id, "amount": amount},
    )


def add_invoice(connection: Connection, order_id: str, *, total: int = 1250, number: str = "2" * 20) -> None:
    connection.execute(
        text(INVOICE), {"order_id": order_id, "number": number, "token": number.encode(), "total": total}
    )


def refused(constraint: str) -> pytest.RaisesExc[IntegrityError]:
    return pytest.raises(IntegrityError, match=constraint)


def test_a_paid_order_may_be_invoiced(connection: Connection) -> None:
    order_id = add_order(connection)
    add_sale(connection, order_id, add_payment(connection, order_id))
    add_invoice(connection, order_id)


def test_no_second_invoice_for_an_order(connection: Connection) -> None:
    test_a_paid_order_may_be_invoiced(connection)
    order_id = str(connection.execute(text("SELECT id FROM orders")).scalar_one())
    with refused("invoices_order_id_key"):
        add_invoice(connection, order_id, number="3" * 20)


def test_no_invoice_without_a_payment(connection: Connection) -> None:
    order_id = add_order(connection)
    with refused("invoices_order_id_total_fen_fkey"):
        add_invoice(connection, order_id)


def test_no_invoice_of_another_amount(connection: Connection) -> None:
    order_id = add_order(connection)
    add_sale(connection, order_id, add_payment(connection, order_id))
    with refused("invoices_order_id_total_fen_fkey"):
        add_invoice(connection, order_id, total=9999)


def test_no_sale_of_an_amount_that_was_not_paid(connection: Connection) -> None:
    order_id = add_order(connection)
    payment_id = add_payment(connection, order_id, amount=1)
    with refused("sales_payment_id_order_id_amount_fen_fkey"):
        add_sale(connection, order_id, payment_id)


def test_no_sale_paid_with_another_orders_payment(connection: Connection) -> None:
    order_id, other_id = add_order(connection), add_order(connection)
    with refused("sales_payment_id_order_id_amount_fen_fkey"):
        add_sale(connection, order_id, add_payment(connection, other_id))


def test_a_transaction_counts_once(connection: Connection) -> None:
    order_id, other_id = add_order(connection), add_order(connection)
    add_payment(connection, order_id)
    with refused("payments_provider_transaction_id_key"):
        add_payment(connection, other_id)


def test_one_payment_settles_an_order(connection: Connection) -> None:
    order_id = add_order(connection)
    add_payment(connection, order_id)
    add_payment(connection, order_id, transaction="t2", disposition="surplus")
    with refused("payments_settling_key"):
        add_payment(connection, order_id, transaction="t3")


@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_positive(connection: Connection, amount: int) -> None:
    with refused("orders_amount_fen_positive_check"):
        add_order(connection, amount=amount)


def test_states_are_known(connection: Connection) -> None:
    with refused("orders_status_known_check"):
        add_order(connection, status="paidd")


def test_paid_has_a_time(connection: Connection) -> None:
    order_id = add_order(connection, status="open")
    with refused("orders_paid_has_a_time_check"):
        connection.execute(text("UPDATE orders SET status = 'paid' WHERE id = :id"), {"id": order_id})


def test_trade_numbers_are_unique(connection: Connection) -> None:
    add_order(connection, no="X")
    with refused("orders_out_trade_no_key"):
        add_order(connection, no="X")


OUTBOX = "INSERT INTO outbox (kind, fact, entry, signature) VALUES (:kind, :fact, :entry, :signature)"
ROW = {"kind": 1, "fact": "a", "entry": bytes(133), "signature": bytes(64)}


def test_a_fact_is_written_once(connection: Connection) -> None:
    connection.execute(text(OUTBOX), ROW)
    connection.execute(text(OUTBOX), ROW | {"kind": 3})
    with refused("outbox_kind_fact_key"):
        connection.execute(text(OUTBOX), ROW)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"kind": 9}, "outbox_kind_known_check"),
        ({"entry": bytes(132)}, "outbox_entry_length_check"),
        ({"signature": bytes(63)}, "outbox_signature_length_check"),
    ],
)
def test_entries_have_their_form(connection: Connection, change: dict[str, object], constraint: str) -> None:
    with refused(constraint):
        connection.execute(text(OUTBOX), ROW | change)


def test_a_fact_has_one_index(connection: Connection) -> None:
    insert = "INSERT INTO log_entries VALUES (:index, 1, 'a', :entry, :signature)"
    values = {"entry": bytes(133), "signature": bytes(64)}
    connection.execute(text(insert), values | {"index": 0})
    with refused("log_entries_kind_fact_key"):
        connection.execute(text(insert), values | {"index": 1})


def test_erasing_a_buyer_is_whole(connection: Connection) -> None:
    test_a_paid_order_may_be_invoiced(connection)
    add = "INSERT INTO buyer_documents (number, document, salt) VALUES (:number, 'd', 's')"
    connection.execute(text(add), {"number": "2" * 20})
    with refused("buyer_documents_erased_whole_check"):
        connection.execute(text("UPDATE buyer_documents SET document = NULL"))


def test_goods_of_another_markets_vendor_are_refused(connection: Connection) -> None:
    other = make.market(connection, code="XX01")
    vendor_id = connection.execute(text("SELECT id FROM vendors")).scalar_one()
    with refused("goods_market_id_vendor_id_fkey"):
        make.goods(
            connection, other, vendor_id, [{"sku": "x", "name_zh": "x", "name_en": "x", "price_fen": 1}]
        )


def test_the_migrations_make_exactly_these_tables(connection: Connection) -> None:
    connection.rollback()
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_the_migrations_make_every_check(connection: Connection) -> None:
    """compare_metadata does not look at checks, so they are compared by name."""
    query = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    found = set(connection.execute(text(query)).scalars())
    declared = {
        str(constraint.name)
        if str(constraint.name).startswith(table.name)
        else f"{table.name}_{constraint.name}_check"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.__visit_name__ in ("check_constraint", "table_or_column_check_constraint")
    }
    assert declared == found
