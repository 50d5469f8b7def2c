"""The demo market goes into an empty database once, and into no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import Table, create_engine, func, select

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import sign_in
from invoice_service.flow.sessions import Visit
from invoice_service.store import deployment
from invoice_service.store.tables import goods, stalls
from invoice_service.store.unit_of_work import Database
from scripts.lib.paths import ROOT
from tests import make


@pytest.fixture
def database(migrated_database_url: str, tmp_path: Path) -> Database:
    """Claimed by an issuer, as `prepare` leaves it."""
    keyring.make_missing(tmp_path, now=datetime.now(UTC), issuer_name="test")
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


def test_the_demos_sign_ins_work_are_its_owners_alone_and_stay(
    database: Database, migrated_database_url: str, tmp_path: Path
) -> None:
    database.dispose()
    said = seed(migrated_database_url, tmp_path).stdout
    kept = tmp_path / "demo-sign-ins.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    made = kept.read_text()
    services = build_services(Config(data_dir=tmp_path, database_url=migrated_database_url))
    for login, proof in json.loads(made).items():
        assert proof["password"] not in said
        code = pyotp.TOTP(proof["secret"]).now()
        signed_in = sign_in.with_password(services, login, proof["password"], code, Visit("", "127.0.0.1"))
        assert signed_in.actor.role == login
    services.database.dispose()
    seed(migrated_database_url, tmp_path)
    assert kept.read_text() == made


def test_a_real_market_is_left_alone(database: Database, migrated_database_url: str, tmp_path: Path) -> None:
    with database.unit_of_work() as uow:
        make.small_market(uow.connection)
        uow.commit()
    database.dispose()
    refused = seed(migrated_database_url, tmp_path)
    assert refused.returncode != 0
    assert "deployment.not_demo" in refused.stderr
    assert count(migrated_database_url, stalls) == 1
    assert not (tmp_path / "demo-sign-ins.json").exists()
