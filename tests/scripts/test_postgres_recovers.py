"""The embedded server after a crash, after a run that was killed, and beside a reused process number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from scripts.lib import postgres
from scripts.lib.addresses import free_port
from scripts.lib.progress import Failed
from tests.servers import Servers


@pytest.fixture
def servers(open_path: Path) -> Iterator[Servers]:
    servers = Servers(open_path)
    yield servers
    servers.stop()


def test_a_killed_server_recovers_what_was_committed(servers: Servers) -> None:
    first = servers.start()
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE sale (amount_fen int)")
        connection.execute("INSERT INTO sale VALUES (1250)")
    servers.kill()

    second = servers.start()

    with psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT amount_fen FROM sale").fetchall() == [(1250,)]
    assert "automatic recovery in progress" in servers.children[1].output()


def test_a_server_left_behind_by_an_earlier_run_is_ended(servers: Servers) -> None:
    servers.start()
    servers.start()
    assert servers.children[0].exit_code == 0
    assert servers.children[1].exit_code is None


def test_a_process_number_that_now_belongs_to_another_program_is_no_obstacle(
    servers: Servers, open_path: Path
) -> None:
    servers.start()
    servers.children[0].stop()
    stale = [str(os.getpid()), str(open_path / "postgres"), "0", "5432", "", "127.0.0.1", "", "ready   "]
    (open_path / "postgres/postmaster.pid").write_text("\n".join(stale))
    servers.start()


def test_an_interrupted_first_start_leaves_no_half_cluster(servers: Servers, open_path: Path) -> None:
    draft = open_path / "postgres.draft"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18\n")
    servers.start()
    assert not draft.exists()


def test_data_of_another_version_is_refused_and_left_alone(open_path: Path) -> None:
    (open_path / "postgres").mkdir()
    (open_path / "postgres/PG_VERSION").write_text("17\n")
    with pytest.raises(Failed, match="made by PostgreSQL 17"):
        postgres.prepare(open_path, free_port())


def test_only_our_role_with_its_password_gets_in(servers: Servers) -> None:
    url = servers.start().url
    with psycopg.connect(url) as connection:
        assert connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone() == (False,)
    password = url.split(":")[2].partition("@")[0]
    for intruder in (url.replace(password, "guess"), url.replace("//stall_ledger:", "//postgres:")):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(intruder)
