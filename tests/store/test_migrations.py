"""Databases of earlier versions come along with everything in them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import Connection, create_engine, text

from invoice_service.store.migrate import configuration

FIRST = Path(__file__).with_name("first_version.sql").read_text()


def rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def test_from_the_first_version_to_the_newest(database_url: str) -> None:
    """Who sold at a stall is authorised there; goods are their seller's; what was sold is counted."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        command.upgrade(configuration(connection), "0001")
        connection.exec_driver_sql(FIRST)
        command.upgrade(configuration(connection), "head")
        assert rows(connection, "SELECT stall_id, vendor_id FROM authorisations ORDER BY 1") == [
            (1, 1), (2, 1), (3, 2)
        ]  # fmt: skip
        assert rows(connection, "SELECT vendor_id, sku, price_fen FROM goods ORDER BY id") == [
            (1, "g", 100), (1, "g-2", 120)
        ]  # fmt: skip
        assert rows(connection, "SELECT default_name_en FROM vendors ORDER BY id") == [
            ("Vegetables",),
            ("Food",),
        ]
        assert rows(connection, "SELECT stall_id, serial FROM stall_codes ORDER BY 1") == [
            (1, 1),
            (2, 1),
            (3, 1),
        ]
        sums = "orders, amount_fen, exempt_fen, taxable_net_fen, tax_fen, invoices, invoiced_fen"
        assert rows(connection, f"SELECT vendor_id, {sums} FROM vendor_hours ORDER BY 1, hour") == [  # noqa: S608
            (1, 2, 1500, 1500, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0, 1, 1000), (2, 1, 1130, 0, 1000, 130, 0, 0)
        ]  # fmt: skip
        days = (
            "SELECT vendor_id, day::text, rule, lines, amount_fen, tax_fen FROM vendor_goods_days ORDER BY 1"
        )
        assert rows(connection, days) == [
            (1, "2026-11-23", "vegetables", 2, 1500, 0), (2, "2026-11-22", "general-13", 1, 1130, 130)
        ]  # fmt: skip
    engine.dispose()
