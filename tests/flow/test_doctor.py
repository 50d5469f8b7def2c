"""The doctor: of each thing that can be wrong with an installation, one line that says so and what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import text

from chain import deploy
from invoice_service import doctor, keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.doctor import BROKEN, THOUGHT, WELL, Finding
from invoice_service.domain import tax, tax_data
from invoice_service.domain.tax_data import BadTaxData
from invoice_service.flow import anchor, open_epoch
from invoice_service.queries import health
from invoice_service.services import Services
from tests.mail_server import mail_server
from tests.one_transaction import OneTransaction


@pytest.fixture(scope="module")
def here(
    tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str, anvil_url: str
) -> Iterator[Services]:
    """An installation with a contract."""
    folder = tmp_path_factory.mktemp("doctor")
    keyring.make_missing(folder, now=datetime.now(UTC), issuer_name="test")
    made = build_services(
        Config(data_dir=folder, database_url=module_migrated_database_url, chain_rpc_url=anvil_url)
    )
    keys, root = made.keyring, keyring.load_root(folder)
    open_epoch.prepare_log(made, root)
    deployer = deploy.Deployer(anvil_url, admin_key=keys.admin, sequencer_key=keys.sequencer)
    open_epoch.open_epoch(made, deployer, root)
    anchor.note_health(made, reachable=True)
    yield made
    made.database.dispose()


def found(config: Config) -> dict[str, Finding]:
    return {one.name: one for one in doctor.examine(config)}


def test_all_is_well_but_what_a_laptop_has(here: Services) -> None:
    """The tests' PostgreSQL forgets in a crash on purpose, and the root key was not put away."""
    anchor.note_health(here, reachable=True)  # the settler was heard of just now
    named = found(here.config)
    assert {one.name: one.state for one in named.values() if one.state != WELL} == {
        "durability": BROKEN,
        "root key": THOUGHT,
    }
    assert named["durability"].said == "fsync, full_page_writes, synchronous_commit off"
    assert set(named) == {
        "python", "settings", "public URL", "mail", "sandbox", "disk", "key files", "root key", "keys",
        "PDF certificate", "database",
        "durability", "database's clock", "tables", "issuer", "issuer statement", "settler", "chain",
        "chain's clock", "epoch", "fees",
    } - {"issuer"}  # fmt: skip
    assert all(one.advice for one in named.values() if one.state != WELL)


PUBLIC = {"public_url": "https://invoices.example"}


@pytest.mark.parametrize(
    ("settings", "name", "state", "says"),
    [
        ({"web_cert": "/nowhere/leaf.crt"}, "settings", BROKEN, "names no file"),
        ({"web_key": __file__}, "settings", BROKEN, "one of WEB_CERT and WEB_KEY"),
        ({"sandbox_public_url": "http://x"}, "settings", BROKEN, "without SANDBOX_URL"),
        (
            {"web_cert": __file__, "web_key": __file__, "trusted_proxies": 1},
            "settings",
            THOUGHT,
            "TRUSTED_PROXIES",
        ),
        ({"public_url": "invoices.example"}, "public URL", BROKEN, "no address"),
        ({"public_url": "http://invoices.example"}, "public URL", BROKEN, "http://"),
        ({"public_url": "http://192.168.1.7:8000"}, "public URL", WELL, "http://"),
        (PUBLIC | {"sandbox_url": "http://127.0.0.1:1"}, "sandbox", BROKEN, "at a public address"),
        ({"sandbox_url": "http://127.0.0.1:1"}, "sandbox", WELL, "for trying out"),
        (PUBLIC | {"new_epoch_if_wiped": True}, "settings", THOUGHT, "NEW_EPOCH_IF_WIPED"),
        ({"smtp_url": "smtp://somebody:secret@127.0.0.1:9"}, "mail", BROKEN, "does not let us in"),
        ({"smtp_url": "http://mail.example"}, "mail", BROKEN, "SMTP_URL"),
        ({"smtp_url": "http://mail.example"}, "settings", BROKEN, "SMTP_URL"),
        ({"smtp_url": "smtp://a..b"}, "mail", BROKEN, "its host is no name"),
        ({"smtp_url": "smtp://u:%C3%A9@mail.example"}, "mail", BROKEN, "plain ASCII"),
        ({"smtp_url": "smtp://mail.example", "smtp_ca": "/nowhere/ca.crt"}, "mail", BROKEN, "SMTP_CA"),
        ({"sandbox_url": "http://127.0.0.1:1"}, "mail", WELL, "DATA_DIR/mail"),
        ({"log_origin": "another.example/log"}, "issuer statement", BROKEN, "another.example/log"),
        ({"chain_rpc_url": ""}, "chain", BROKEN, "none is configured"),
        ({"chain_rpc_url": "http://127.0.0.1:9"}, "chain", BROKEN, "does not answer"),
        ({"database_url": "postgresql+psycopg://nobody@127.0.0.1:9/x"}, "database", BROKEN, "cannot reach"),
        ({"data_dir": Path("/nowhere/at/all")}, "data directory", BROKEN, "is not there"),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    here: Services, settings: dict[str, Any], name: str, state: str, says: str
) -> None:
    named = found(replace(here.config, **settings))
    assert "secret" not in repr(named)  # the password of a mail server
    one = named[name]
    assert (one.state, says in one.said) == (state, True), one
    assert bool(one.advice) == (state != WELL)


def test_a_slip_in_the_tax_rules_stops_the_start_and_is_named(
    here: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    slipped = tax_data.text().replace('rate = "0.13"', 'rate = "13"')
    monkeypatch.setattr(tax, "rules", lambda: tax.read_rules(slipped))
    with pytest.raises(BadTaxData, match='rule "general-13": rate must be at least 0 and below 1'):
        build_services(here.config)
    one = found(here.config)["settings"]
    assert (one.state, "general-13" in one.said) == (BROKEN, True)
    assert one.advice.endswith("tax_rules.toml.")


BENDS: list[tuple[str, str, str, str]] = [
    ("UPDATE alembic_version SET version_num = '0001'", "tables", BROKEN, "version 0001"),
    ("DROP TABLE alembic_version", "tables", BROKEN, "version none"),
    ("UPDATE deployment SET issuer_id = sha256('x')", "issuer", BROKEN, "another issuer's"),
    ("DELETE FROM deployment", "issuer", BROKEN, "nobody's yet"),
    ("UPDATE deployment SET statement = NULL", "issuer statement", BROKEN, ""),
    ("UPDATE chain_health SET checked_at = now() - interval '1 hour'", "settler", THOUGHT, "not heard of"),
    ("UPDATE chain_health SET detail = 'a fork', checked_at = now()", "settler", BROKEN, "a fork"),
    ("UPDATE epochs SET ended_at = now()", "epoch", BROKEN, "none is live"),
    ("UPDATE epochs SET genesis_hash = sha256('x')", "epoch", BROKEN, "this is not chain"),
    ("UPDATE epochs SET nonce = sha256('x')", "epoch", BROKEN, "not at its address"),
    ("UPDATE epochs SET contract = decode(repeat('11', 20), 'hex')", "epoch", BROKEN, "not at its address"),
]


@pytest.mark.parametrize(("bend", "name", "state", "says"), BENDS)
def test_what_is_wrong_in_the_database_is_named(
    here: Services, monkeypatch: pytest.MonkeyPatch, bend: str, name: str, state: str, says: str
) -> None:
    """Looked at through the transaction that bends it."""
    with here.database.engine.connect() as connection:
        connection.execute(text(bend))
        bent = replace(here, database=OneTransaction(connection))  # type: ignore[arg-type]
        monkeypatch.setattr(doctor, "build_services", lambda _config: bent)
        one = found(here.config)[name]
        connection.rollback()
    assert (one.state, says in one.said, bool(one.advice)) == (state, True, True), one


def test_demo_data_in_public_is_named(here: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = health.deployment(here)
    monkeypatch.setattr(health, "deployment", lambda _services: replace(deployment, is_demo=True))
    assert found(replace(here.config, **PUBLIC))["demo market"].state == BROKEN
    assert "demo market" not in found(here.config)


def test_clocks_an_old_server_and_a_full_disk_are_named(
    here: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = replace(health.database(here), now=datetime.now(UTC) - timedelta(minutes=1), server=140_005)
    monkeypatch.setattr(health, "database", lambda _services: late)
    ahead = datetime.now(UTC) + timedelta(minutes=1)
    monkeypatch.setattr(doctor.Endpoint, "block_time", lambda _self: ahead)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=1 << 20))
    named = found(here.config)
    for name in ("database", "database's clock", "chain's clock", "disk"):
        assert (named[name].state, bool(named[name].advice)) == (BROKEN, True), named[name]


def test_accounts_without_money_are_named_where_fees_are_asked(
    here: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.Endpoint, "gas_price", lambda _self: 10**9)
    named = found(here.config)
    for name, key in (("sequencer", here.keyring.sequencer), ("relayer", here.keyring.relayer)):
        one = named[f"{name}'s fees"]
        assert one.state == BROKEN
        assert doctor.address_of(key) in one.advice


def test_keys_that_are_gone_or_open_are_named(here: Services) -> None:
    keys = here.config.data_dir / "keys"
    (keys / "vault.key").chmod(0o644)
    try:
        one = found(here.config)["key files"]
        assert (one.state, one.advice) == (BROKEN, f"chmod go= {keys / 'vault.key'}")
    finally:
        (keys / "vault.key").chmod(0o600)
    (keys / "vault.key").rename(keys / "away")
    try:
        named = found(here.config)
        assert named["keys"].state == BROKEN
        assert "vault.key" in named["keys"].said
        assert "python" in named  # what comes before was looked at
    finally:
        (keys / "away").rename(keys / "vault.key")


def test_a_mail_server_is_tried_without_a_message(here: Services) -> None:
    with mail_server() as server:
        one = found(replace(here.config, smtp_url=f"smtp+plain://127.0.0.1:{server.port}"))["mail"]
    assert (one.state, one.said, server.taken) == (WELL, "a server takes it", [])


@pytest.mark.parametrize(("later", "state"), [(100, WELL), (89, THOUGHT), (-1, BROKEN)])
def test_a_certificate_that_ends_is_named_in_time(here: Services, later: int, state: str) -> None:
    certificate = x509.load_pem_x509_certificate(here.keyring.paper_certificate.encode())
    then = certificate.not_valid_after_utc - timedelta(days=later)
    one = doctor._paper(replace(here, clock=lambda: then))
    assert (one.state, bool(one.advice)) == (state, state != WELL)
    assert f"{certificate.not_valid_after_utc:%Y-%m-%d}" in one.said


def test_a_damaged_certificate_is_named_and_the_rest_looked_at(here: Services) -> None:
    file = here.config.data_dir / "keys" / "paper.crt"
    whole = file.read_bytes()
    file.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    try:
        named = found(here.config)
    finally:
        file.write_bytes(whole)
    assert (named["PDF certificate"].state, named["PDF certificate"].said) == (BROKEN, "it cannot be read")
    assert named["epoch"].state == WELL


def test_a_certificate_is_renewed_as_the_doctor_says(here: Services) -> None:
    file, before = here.config.data_dir / "keys" / "paper.crt", here.keyring.paper_certificate
    file.rename(file.with_suffix(".old"))
    assert keyring.make_missing(here.config.data_dir, now=datetime.now(UTC), issuer_name="test")
    again = keyring.load(here.config.data_dir)
    assert again.paper_certificate != before
    assert again.paper.public_key() == here.keyring.paper.public_key()


def test_the_command_has_a_line_a_check_and_an_exit_code(
    here: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.doctor(here.config, SimpleNamespace(json=False)) == 1  # this server is not durable
    lines = capsys.readouterr().out.splitlines()
    assert "✗ durability: fsync, full_page_writes, synchronous_commit off" in lines
    assert lines[lines.index("! root key: it lies beside the working keys") + 1].startswith("    → Move ")
    assert f"✓ python: {'.'.join(map(str, sys.version_info[:3]))}" in lines
    durable = replace(health.database(here), losing=())
    monkeypatch.setattr(health, "database", lambda _services: durable)
    assert doctor.doctor(here.config, SimpleNamespace(json=True)) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"name": "python", "state": "ok", "said": told[0]["said"], "advice": ""} == told[0]
