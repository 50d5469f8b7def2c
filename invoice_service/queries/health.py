"""How the database is set up, for whoever looks an installation over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from invoice_service.services import Services

LOSING = ("fsync", "synchronous_commit", "full_page_writes")  # off, a crash loses what was confirmed
_SETTINGS = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
_NOW = text("SELECT clock_timestamp(), current_setting('server_version_num')::int")
_HAS_TABLES = text("SELECT to_regclass('alembic_version') IS NOT NULL")
_VERSION = text("SELECT version_num FROM alembic_version")
_SIGNED = text("""
    SELECT (SELECT statement FROM deployment) IS NOT NULL,
           (SELECT issuer_id FROM deployment),
           (SELECT is_demo FROM deployment)
""")


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """`version` of the tables, None where there are none; `losing`: settings that lose confirmed work."""

    now: datetime
    server: int
    version: str | None
    losing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deployment:
    """Whose database it is; None where nobody's yet."""

    is_signed: bool
    issuer_id: bytes | None
    is_demo: bool


def database(services: Services) -> DatabaseHealth:
    """Raises DatabaseUnavailable."""
    with services.database.read() as connection:
        now, server = connection.execute(_NOW).one()
        rows = connection.execute(_SETTINGS, {"names": list(LOSING)})
        losing = tuple(row.name for row in rows if row.setting == "off")
        version = connection.execute(_VERSION).scalar() if connection.execute(_HAS_TABLES).scalar() else None
    return DatabaseHealth(now, server, version, losing)


def deployment(services: Services) -> Deployment:
    """Of a database that has its tables."""
    with services.database.read() as connection:
        is_signed, issuer_id, is_demo = connection.execute(_SIGNED).one()
    return Deployment(is_signed, issuer_id and bytes(issuer_id), bool(is_demo))
