"""Bring a database up to date. Processes that start at once take turns."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from invoice_service.store.unit_of_work import Database

_SCRIPTS = str(Path(__file__).with_name("migrations"))
_VERSION_TABLE = "CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)"


def configuration(connection: Connection) -> AlembicConfig:
    settings = AlembicConfig()
    settings.set_main_option("script_location", _SCRIPTS)
    settings.attributes["connection"] = connection
    return settings


def newest() -> str | None:
    """The version that an up-to-date database has."""
    settings = AlembicConfig()
    settings.set_main_option("script_location", _SCRIPTS)
    return ScriptDirectory.from_config(settings).get_current_head()


def migrate(database: Database) -> None:
    """Run every migration that is missing, all or none."""
    with database.unit_of_work() as uow:
        uow.connection.exec_driver_sql(_VERSION_TABLE)
        uow.connection.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        command.upgrade(configuration(uow.connection), "head")
        uow.commit()
