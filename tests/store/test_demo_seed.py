"""The demo market goes into an empty database once, and into no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Table, create_engine, func, select

from invoice_service.store import deployment
from invoice_service.store.tables import goods, stalls
from invoice_service.store.unit_of_work import Database
from scripts.lib.paths import ROOT
from tests import make


@pytest.fixture
def database(migrated_database_url: str) -> Database:
    """Claimed by an issuer, as `prepare` leaves it."""
    database = Database(migrated_database_url, pool_size=1)
    with database.unit_of_work() as uow:
        deployment.claim(uow.connection, bytes(32))
        uow.commit()
    return database


def seed(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url, "DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "scripts.demo.seed"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def count(url: str, table: Table) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        found: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return found


def test_seeding_again_changes_nothing(
    database: Database, migrated_database_url: str, tmp_path: Path
) -> None:
    database.dispose()
    first = seed(migrated_database_url, tmp_path)
    assert first.returncode == 0, first.stderr
    assert '"stall_code"' in first.stdout.splitlines()[-1]
    counts = count(migrated_database_url, stalls), count(migrated_database_url, goods)
    assert counts >= (12, 60)
    assert seed(migrated_database_url, tmp_path).stdout == first.stdout
    assert (count(migrated_database_url, stalls), count(migrated_database_url, goods)) == counts


def test_a_real_market_is_left_alone(database: Database, migrated_database_url: str, tmp_path: Path) -> None:
    with database.unit_of_work() as uow:
        make.small_market(uow.connection)
        uow.commit()
    database.dispose()
    refused = seed(migrated_database_url, tmp_path)
    assert refused.returncode != 0
    assert "deployment.not_demo" in refused.stderr
    assert count(migrated_database_url, stalls) == 1
