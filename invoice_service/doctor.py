"""`python -m invoice_service doctor`: looks an installation over, and says of each thing what to do.

✓ is well, ! deserves a thought, ✗ must be mended. Nothing is changed, and nothing that is broken keeps the
rest from being looked at: where the database is gone, keys and chain are looked at all the same.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from sqlalchemy.exc import ArgumentError

from chain.client import NoContract
from chain.endpoint import Endpoint, address_of
from invoice_service.app import build_services
from invoice_service.config import BadSetting, Config
from invoice_service.domain import tax_data
from invoice_service.domain.tax_data import BadTaxData
from invoice_service.errors import Error
from invoice_service.flow import anchor
from invoice_service.ledger.statement import BadStatement, open_signed
from invoice_service.mail.chosen import chosen_post
from invoice_service.mail.post import MailUnavailable
from invoice_service.onchain import ledger_contract
from invoice_service.queries import health, operations
from invoice_service.services import Services
from invoice_service.store import deployment, migrate

WELL, THOUGHT, BROKEN = "ok", "advice", "broken"
MARKS = {WELL: "✓", THOUGHT: "!", BROKEN: "✗"}

OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 150_000  # as `server_version_num` counts
CLOCKS_APART = timedelta(seconds=5)
BLOCKS_AHEAD = timedelta(seconds=15)
CERTIFICATE_WANTED = timedelta(days=90)
FREE_LEAST, FREE_WANTED = 1 << 30, 10 << 30  # bytes
# Fees for a thousand heads, at what the chain asks now.
GAS_WANTED = 1_000 * 110_000


@dataclass(frozen=True, slots=True)
class Finding:
    """`advice` says what to do; empty where nothing is to be done."""

    name: str
    state: str
    said: str
    advice: str = ""


def doctor(config: Config, arguments: Any) -> int:
    findings = list(examine(config))
    for one in findings:
        print(json.dumps(asdict(one), ensure_ascii=False) if arguments.json else _line(one))
    return 1 if any(one.state == BROKEN for one in findings) else 0


def _line(one: Finding) -> str:
    advice = f"\n    → {one.advice}" if one.advice else ""
    return f"{MARKS[one.state]} {one.name}: {one.said}{advice}"


def examine(config: Config) -> Iterator[Finding]:
    yield _python()
    yield from _settings(config)
    yield from _files(config)
    try:
        services = build_services(config)
    except ArgumentError:
        yield Finding(
            "settings", BROKEN, "DATABASE_URL is no address", "postgresql://USER:PASSWORD@HOST/NAME"
        )
        return
    except BadSetting as error:
        yield Finding("settings", BROKEN, str(error), "Correct it, or leave it out.")
        return
    except BadTaxData as error:
        yield Finding("settings", BROKEN, str(error), f"Correct {tax_data.FILE}.")
        return
    except (Error, ValueError, OSError) as error:
        yield Finding(
            "keys", BROKEN, str(error), "Put the key back from its copy, or run `keys` the first time."
        )
        return
    yield Finding("keys", WELL, f"issuer {services.keyring.issuer_id.hex()}")
    try:
        yield _paper(services)
        yield from _database(services)
        yield from _chain(services)
    finally:
        services.database.dispose()


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", BROKEN, f"{found} is too old", "Use Python 3.11 or newer.")
    return Finding("python", WELL, found)


# --- settings and files -----------------------------------------------------------------------------------


def _settings(config: Config) -> Iterator[Finding]:
    faults = list(_contradictions(config))
    yield from faults or [Finding("settings", WELL, "nothing contradicts")]
    yield _public_url(config)
    yield _mail(config)
    if config.sandbox_on and is_public(config):
        advice = "Unset SANDBOX_URL: there anybody pays with pretended money."
        yield Finding("sandbox", BROKEN, "the pretended payment service is on, at a public address", advice)
    else:
        yield Finding("sandbox", WELL, "on, for trying out" if config.sandbox_on else "off")


def _contradictions(config: Config) -> Iterator[Finding]:
    def wrong(said: str, advice: str) -> Finding:
        return Finding("settings", BROKEN, said, advice)

    if bool(config.web_cert) != bool(config.web_key):
        yield wrong(
            "one of WEB_CERT and WEB_KEY is set", "Set both, or neither behind a proxy that ends TLS."
        )
    for name, file in (("WEB_CERT", config.web_cert), ("WEB_KEY", config.web_key)):
        if file and not Path(file).is_file():
            yield wrong(f"{name} names no file: {file}", "Name the file, or renew the certificate.")
    if config.sandbox_public_url and not config.sandbox_on:
        yield wrong("SANDBOX_PUBLIC_URL is set without SANDBOX_URL", "Set both, or neither.")
    if config.web_cert and config.trusted_proxies:
        advice = "Unset TRUSTED_PROXIES unless a proxy of yours stands before: what it says is believed."
        yield Finding("settings", THOUGHT, "TRUSTED_PROXIES is set, and TLS ends here", advice)
    if config.new_epoch_if_wiped and is_public(config):
        advice = "Unset it: whether a chain is gone for good is for a person to say (`deploy --new-epoch`)."
        yield Finding("settings", THOUGHT, "NEW_EPOCH_IF_WIPED is set", advice)


def _public_url(config: Config) -> Finding:
    parts = urlsplit(config.public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        advice = "Set PUBLIC_URL to what stands before the path in browsers, as in https://invoices.example."
        return Finding("public URL", BROKEN, f"{config.public_url} is no address of a site", advice)
    if is_public(config) and parts.scheme == "http":
        advice = "Serve it over https: phones give no camera and no passkey to a page without."
        return Finding("public URL", BROKEN, config.public_url, advice)
    return Finding("public URL", WELL, config.public_url)


def is_public(config: Config) -> bool:
    """Whether browsers elsewhere than on this network reach it."""
    host = urlsplit(config.public_url).hostname or "localhost"
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return host != "localhost" and not host.endswith((".localhost", ".local", ".internal", ".test"))


def _mail(config: Config) -> Finding:
    try:
        post = chosen_post(config)
    except BadSetting as error:
        advice = "Correct it, as docs/how-to/run-in-production.md has it."
        return Finding("mail", BROKEN, str(error), advice)
    if post is None:
        return Finding("mail", WELL, "none is taken, and no page offers it")
    try:
        post.try_out()
    except MailUnavailable:
        advice = "Correct SMTP_URL, its password or SMTP_CA, or start the server. What is asked for waits."
        return Finding("mail", BROKEN, "the server does not let us in", advice)
    return Finding("mail", WELL, "a server takes it" if config.smtp_url else "written into DATA_DIR/mail")


def _files(config: Config) -> Iterator[Finding]:
    folder = config.data_dir
    if not folder.is_dir():
        advice = "Set DATA_DIR, or run `python -m invoice_service prepare` the first time."
        yield Finding("data directory", BROKEN, f"{folder} is not there", advice)
        return
    yield _disk(folder)
    open_ones = [path for path in (folder / "keys", *_secret_files(folder)) if _is_open(path)]
    if open_ones:
        advice = f"chmod go= {' '.join(map(str, open_ones))}"
        yield Finding("key files", BROKEN, f"{len(open_ones)} can be read by others", advice)
    else:
        yield Finding("key files", WELL, "readable by their owner alone")
    if (folder / "root" / "root.pem").exists():
        advice = f"Move {folder / 'root'} to a safe, with a copy: only new keys and deploying need it."
        yield Finding("root key", THOUGHT, "it lies beside the working keys", advice)
    else:
        yield Finding("root key", WELL, "put away")


def _secret_files(folder: Path) -> list[Path]:
    found = [
        *(folder / "keys").glob("*.key"),
        *(folder / "keys").glob("*.pem"),
        *(folder / "root").glob("*.pem"),
        *(folder / "https").glob("*.key"),
    ]
    return sorted(found)


def _is_open(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free / (1 << 30):,.1f} GB free"
    if free < FREE_LEAST:
        return Finding("disk", BROKEN, said, "Make room now: a full disk stops sealing and payments.")
    state = WELL if free >= FREE_WANTED else THOUGHT
    return Finding("disk", state, said, "" if state == WELL else "A million entries take about 2 GB.")


def _paper(services: Services) -> Finding:
    """Readers of PDFs judge a signature without a time stamp by whether the certificate is valid now."""
    file = services.config.data_dir / "keys" / "paper.crt"
    advice = f"Move {file} away, bring the root key back, run `keys`, and start the service again."
    try:
        certificate = x509.load_pem_x509_certificate(services.keyring.paper_certificate.encode())
    except ValueError:
        return Finding("PDF certificate", BROKEN, "it cannot be read", advice)
    ends = certificate.not_valid_after_utc
    left = ends - services.clock()
    if left >= CERTIFICATE_WANTED:
        return Finding("PDF certificate", WELL, f"valid until {ends:%Y-%m-%d}")
    said = f"ends on {ends:%Y-%m-%d}" if left > timedelta(0) else f"ended on {ends:%Y-%m-%d}"
    return Finding("PDF certificate", THOUGHT if left > timedelta(0) else BROKEN, said, advice)


# --- database ---------------------------------------------------------------------------------------------


def _database(services: Services) -> Iterator[Finding]:
    try:
        found = health.database(services)
    except Error as error:
        advice = "Start PostgreSQL, or correct DATABASE_URL."
        yield Finding("database", BROKEN, str(error), advice)
        return
    yield _server(found)
    yield _durable(found)
    yield _clock("database's clock", datetime.now(UTC) - found.now)
    newest = migrate.newest()
    if found.version != newest:
        said = f"its tables are at version {found.version or 'none'}, and the code at {newest}"
        yield Finding("tables", BROKEN, said, "Run `python -m invoice_service prepare`.")
        return
    yield Finding("tables", WELL, f"version {found.version}")
    yield from _deployment(services)


def _server(found: health.DatabaseHealth) -> Finding:
    said = f"PostgreSQL {found.server // 10_000}"
    if found.server < OLDEST_POSTGRES:
        return Finding("database", BROKEN, f"{said} is too old", "Use PostgreSQL 15 or newer.")
    return Finding("database", WELL, said)


def _durable(found: health.DatabaseHealth) -> Finding:
    if found.losing:
        advice = "Set them on, and restart it: off, a power cut loses invoices that were given out."
        return Finding("durability", BROKEN, f"{', '.join(found.losing)} off", advice)
    return Finding("durability", WELL, "what was confirmed survives a power cut")


def _clock(name: str, apart: timedelta) -> Finding:
    said = f"{apart.total_seconds():+.1f} s from ours"
    if abs(apart) > CLOCKS_APART:
        return Finding(name, BROKEN, said, "Let both machines take their time from the same servers (NTP).")
    return Finding(name, WELL, said)


def _deployment(services: Services) -> Iterator[Finding]:
    found = health.deployment(services)
    if found.issuer_id != services.keyring.issuer_id:
        said = "it is another issuer's" if found.issuer_id else "it is nobody's yet"
        yield Finding("issuer", BROKEN, said, "Run `prepare`, or correct DATABASE_URL and DATA_DIR.")
        return
    yield _statement(services)
    if found.is_demo and is_public(services.config):
        advice = "Begin with a database of its own: demo invoices stay in the log for ever."
        yield Finding("demo market", BROKEN, "it is open to the public", advice)
    yield _settler(services)


def _statement(services: Services) -> Finding:
    with services.database.read() as connection:
        signed = deployment.statement(connection)
    try:
        statement = open_signed(signed)
    except BadStatement as error:
        advice = "Run `prepare` where the root key is."
        return Finding("issuer statement", BROKEN, str(error), advice)
    if statement.origin != services.config.log_origin:
        said = f"it names the log {statement.origin}, and LOG_ORIGIN is {services.config.log_origin}"
        return Finding("issuer statement", BROKEN, said, "Correct LOG_ORIGIN: it names the log for ever.")
    return Finding("issuer statement", WELL, f"signed by the root; {len(statement.epochs)} epochs")


def _settler(services: Services) -> Finding:
    ready = operations.readiness(services)
    if ready.chain == "settler_not_running":
        advice = "Run `python -m invoice_service settle`, or see why it does not."
        return Finding("settler", THOUGHT, f"not heard of; {ready.outbox_depth:,} facts wait", advice)
    if ready.chain == "alarm":
        return Finding("settler", BROKEN, ready.chain_detail, "Read docs/how-to/run-in-production.md.")
    return Finding("settler", WELL, f"at work; {ready.outbox_depth:,} facts wait")


# --- chain ------------------------------------------------------------------------------------------------


def _chain(services: Services) -> Iterator[Finding]:
    config = services.config
    if not config.chain_rpc_url:
        advice = "Set CHAIN_RPC_URL: without a chain nobody but you can tell when an invoice existed."
        yield Finding("chain", BROKEN, "none is configured", advice)
        return
    endpoint = Endpoint(config.chain_rpc_url, timeout_s=config.chain_timeout_s)
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _reached(endpoint),
        lambda: _epoch(services, endpoint),
        lambda: _funds(services, endpoint),
    )
    try:
        for check in checks:
            yield from check()
    except ConnectionError as error:
        advice = "Start the chain's node, or correct CHAIN_RPC_URL. Nothing is lost meanwhile."
        yield Finding("chain", BROKEN, f"it does not answer: {error}"[:200], advice)
    except Error as error:
        yield Finding("epoch", BROKEN, str(error))


def _reached(endpoint: Endpoint) -> Iterator[Finding]:
    yield Finding("chain", WELL, f"chain {endpoint.identity().chain_id}")
    ahead = endpoint.block_time() - datetime.now(UTC)
    if ahead > BLOCKS_AHEAD:
        said = f"its newest block is {ahead.total_seconds():.0f} s ahead"
        advice = "Correct this machine's clock, or the validators': blocks say when invoices existed."
        yield Finding("chain's clock", BROKEN, said, advice)
    else:
        yield Finding("chain's clock", WELL, "not ahead of ours")


def _epoch(services: Services, endpoint: Endpoint) -> Iterator[Finding]:
    try:
        epoch = anchor.live_epoch(services)
    except anchor.NotDeployed:
        yield Finding("epoch", BROKEN, "none is live", "Run `python -m invoice_service deploy`.")
        return
    identity = endpoint.identity()
    if (identity.chain_id, identity.genesis_hash) != (epoch.chain_id, epoch.genesis_hash):
        advice = "Correct CHAIN_RPC_URL. If that chain is gone for good: `deploy --new-epoch`."
        yield Finding("epoch", BROKEN, f"this is not chain {epoch.chain_id}, on which it was begun", advice)
        return
    try:
        is_ours = ledger_contract(services, epoch).epoch_nonce() == epoch.nonce
    except NoContract:
        is_ours = False
    if not is_ours:
        advice = "If the chain has lost it for good: `python -m invoice_service deploy --new-epoch`."
        yield Finding("epoch", BROKEN, "its contract is not at its address", advice)
    else:
        yield Finding("epoch", WELL, f"{epoch.id} is live, run by: {epoch.operator}")


def _funds(services: Services, endpoint: Endpoint) -> Iterator[Finding]:
    price = endpoint.gas_price()
    accounts = {"sequencer": services.keyring.sequencer, "relayer": services.keyring.relayer}
    if price == 0:
        yield Finding("fees", WELL, "this chain asks none")
        return
    for name, key in accounts.items():
        had, wanted = endpoint.balance_of(key), price * GAS_WANTED
        said = f"{had / 10**18:.4f} of the chain's coin"
        advice = f"Send at least {wanted / 10**18:.4f} to {address_of(key)}."
        state = BROKEN if had < wanted // 1_000 else THOUGHT if had < wanted else WELL
        yield Finding(f"{name}'s fees", state, said, "" if state == WELL else advice)
