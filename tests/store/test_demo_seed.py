"""The demo market goes into an empty database once, and into no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Seeded:
    """What two runs said, and how many stalls and goods there were and which sign-ins after each."""

    url: str
    folder: Path
    said: list[str]
    found: list[tuple[int, int, str]]


def prepared(url: str, folder: Path) -> Database:
    """Claimed by an issuer, as `prepare` leaves it."""
    keyring.make_missing(folder, now=datetime.now(UTC), issuer_name="test")
    database = Database(url, pool_size=1)
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


@pytest.fixture(scope="module")
def seeded(module_migrated_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    url, folder = module_migrated_database_url, tmp_path_factory.mktemp("demo")
    prepared(url, folder).dispose()
    made = Seeded(url, folder, [], [])
    for _ in range(2):
        ran = seed(url, folder)
        assert ran.returncode == 0, ran.stderr
        made.said.append(ran.stdout)
        kept = (folder / "demo-sign-ins.json").read_text()
        made.found.append((count(url, stalls), count(url, goods), kept))
    return made


def test_seeding_again_changes_nothing(seeded: Seeded) -> None:
    assert '"stall_code"' in seeded.said[0].splitlines()[-1]
    assert seeded.found[0][:2] >= (12, 60)
    assert seeded.said[0] == seeded.said[1]
    assert seeded.found[0] == seeded.found[1]


def test_the_demos_sign_ins_work_and_are_its_owners_alone(seeded: Seeded) -> None:
    kept = seeded.folder / "demo-sign-ins.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    services = build_services(Config(data_dir=seeded.folder, database_url=seeded.url))
    for login, proof in json.loads(kept.read_text()).items():
        assert proof["password"] not in seeded.said[0]
        code = pyotp.TOTP(proof["secret"]).now()
        signed_in = sign_in.with_password(services, login, proof["password"], code, Visit("", "127.0.0.1"))
        assert signed_in.actor.role == login
    services.database.dispose()


def test_a_real_market_is_left_alone(migrated_database_url: str, tmp_path: Path) -> None:
    database = prepared(migrated_database_url, tmp_path)
    with database.unit_of_work() as uow:
        make.small_market(uow.connection)
        uow.commit()
    database.dispose()
    refused = seed(migrated_database_url, tmp_path)
    assert refused.returncode != 0
    assert "deployment.not_demo" in refused.stderr
    assert count(migrated_database_url, stalls) == 1
    assert not (tmp_path / "demo-sign-ins.json").exists()
