"""Somebody who trusts nobody follows a running market's log, and sees when its history is written anew."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from sqlalchemy import text
from werkzeug.serving import make_server

from invoice_service import keyring
from invoice_service.app import build_services, create_app
from invoice_service.config import Config
from invoice_service.flow import seal
from invoice_service.flow.record import SignedEntry, record, sign_entry
from invoice_service.follow.follower import Follower, Outcome
from invoice_service.follow.mirror import Mirror
from invoice_service.follow.site import Site
from invoice_service.ledger import statement, tiles, tree
from invoice_service.ledger.entry import Kind
from invoice_service.services import Services
from invoice_service.store import log
from invoice_service.store.outbox import OutboxRow
from tests.conftest import copy_of_database
from tests.stack import Stack, eventually

MORE = 300  # so that there are full tiles, too


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder, followed into by every test here in turn."""
    return tmp_path_factory.mktemp("follower") / "mirror"


def command(stack: Stack, mirror: Path, url: str = "") -> tuple[int, str]:
    """Exit code and sentence of `python -m invoice_service follow`."""
    root = stack.folder / "keys" / "issuer.der"
    done = stack.command("follow", f"{url or stack.url}/log", "--trust", str(root), "--into", str(mirror))
    return done.returncode, done.stdout + done.stderr


def follow(stack: Stack, mirror: Path) -> tuple[int, str]:
    """The same, without a process of its own, which takes seconds to start."""
    said: list[Outcome] = []
    trusted = keyring.load(stack.folder).issuer_id
    follower = Follower(Site(f"{stack.url}/log"), Mirror(mirror), trusted, lambda *_: None)
    return follower.follow(said.append), said[0].said


@contextmanager
def services_over(stack: Stack, database_url: str) -> Iterator[Services]:
    services = build_services(Config.from_environment(stack.environment | {"DATABASE_URL": database_url}))
    try:
        yield services
    finally:
        services.database.dispose()


@contextmanager
def serving(services: Services) -> Iterator[str]:
    """The service's own doors on another port."""
    server = make_server("127.0.0.1", 0, create_app(services), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def head_of(stack: Stack) -> tuple[int, bytes]:
    """As anybody reads it: under keys that the issuer's root names."""
    issuer = statement.open_signed(requests.get(f"{stack.url}/log/issuer.json", timeout=10).json())
    head, _ = issuer.open_note(requests.get(f"{stack.url}/log/checkpoint", timeout=10).text)
    return head.size, head.root


def mirrored_entries(mirror: Path, size: int) -> list[bytes]:
    entries: list[bytes] = []
    for index in range(-(-size // 256)):
        width = tiles.width_at(0, index, size)
        entries += tiles.entries_in((mirror / tiles.bundle_path(index, width)).read_bytes(), width)
    return entries


def check_everything(stack: Stack, mirror: Path) -> list[bytes]:
    """Every tile that is served, and every one in the mirror, is made from the entries. Answers those."""
    size, root = head_of(stack)
    entries = mirrored_entries(mirror, size)
    made: dict[tuple[int, int], bytes] = {}
    for tile in tree.extend(0, [tree.leaf_hash(entry) for entry in entries], lambda *at: made[at]):
        made[tile.level, tile.index] = tile.hashes
    for (level, index), hashes in made.items():
        name = tiles.tile_path(level, index, len(hashes) // tree.HASH_BYTES)
        assert requests.get(f"{stack.url}/log/{name}", timeout=10).content == hashes, name
        assert (mirror / name).read_bytes() == hashes, name
    assert tree.root(size, lambda *at: made[at]) == root
    return entries


def test_a_follower_mirrors_the_log_and_its_growth(stack: Stack, mirror: Path) -> None:
    assert follow(stack, mirror) == (
        0,
        "Consistent: 0 entries under a signed head, mirrored from the first.",
    )
    invoices = [stack.invoice(amount_fen) for amount_fen in (1250, 880)]
    eventually(lambda: head_of(stack)[0] == 4)
    assert command(stack, mirror) == (0, "Consistent: 4 entries under a signed head, 4 of them new.\n")
    check_everything(stack, mirror)

    with services_over(stack, stack.database_url) as services, services.database.unit_of_work() as uow:
        for _ in range(MORE):
            record(uow.connection, sale(services))
        uow.commit()
    invoices.append(stack.invoice(777))
    eventually(lambda: head_of(stack)[0] == 4 + MORE + 2)
    code, said = follow(stack, mirror)
    assert (code, f"{MORE + 2} of them new" in said) == (0, True), said
    entries = check_everything(stack, mirror)
    for issued in invoices:
        evidence = stack.get_file(issued, "/evidence").json()
        assert entries[stack.ledger(issued)["index"]].hex() == evidence["entry"]
    assert (mirror / "tile" / "entries" / "000").stat().st_size == 256 * 135


def sale(services: Services) -> SignedEntry:
    return sign_entry(
        services.keyring,
        Kind.SALE,
        os.urandom(8).hex(),
        body_commitment=os.urandom(32),
        instant=services.clock(),
    )


def test_a_history_written_anew_is_shouted_at(stack: Stack, mirror: Path) -> None:
    """Whoever runs the service drops one sale, and seals the rest again with the real keys."""
    before = (mirror / "checkpoint").read_bytes()
    for name in ("web", "settle", "sandbox"):
        stack.kill(name)
    with copy_of_database(stack.database_url) as copy, services_over(stack, copy) as services:
        drop_an_entry(services, index=2)
        with serving(services) as url:
            code, said = command(stack, mirror, url)
    assert (code, said.startswith("THE LOG HAS FORKED")) == (1, True), said
    (fork,) = (mirror / "forks").iterdir()
    assert (fork / "kept").read_bytes() == before == (mirror / "checkpoint").read_bytes()
    assert (fork / "seen").read_text().split("\n")[1] == str(4 + MORE + 3)
    issuer = statement.open_signed(json.loads((fork / "issuer.json").read_text()))
    for note in ("kept", "seen"):
        assert issuer.open_note((fork / note).read_text())[1].revoked_ms is None

    code, said = follow(stack, mirror)  # nobody answers any more, and still it is said
    assert (code, "as was seen before" in said) == (1, True), said


def drop_an_entry(services: Services, index: int) -> None:
    with services.database.unit_of_work() as uow:
        connection = uow.connection
        old = connection.execute(text("SELECT * FROM log_entries ORDER BY index")).mappings().all()
        for table in ("log_entries", "log_heads", "log_tiles"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - one of those above
        connection.execute(text("UPDATE log_state SET size = 0"))
        kept = [OutboxRow(0, row["kind"], row["fact"], row["entry"], row["signature"]) for row in old]
        others = [sale(services) for _ in range(2)]
        rows = kept[:index] + kept[index + 1 :]
        rows += [OutboxRow(0, int(Kind.SALE), each.fact, each.entry, each.signature) for each in others]
        seal.append(services, connection, log.Head(0, tree.EMPTY_ROOT), rows)
        uow.commit()
