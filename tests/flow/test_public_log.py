"""The doors under `/log/`: exactly the files of C2SP tlog-tiles, over a real database."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from werkzeug.test import TestResponse

from invoice_service.flow import seal
from invoice_service.ledger import proof, statement, tiles, tree
from invoice_service.ledger.entry import NO_ADDRESS, NO_COMMITMENT, Entry, Kind
from invoice_service.store import log
from invoice_service.store.outbox import OutboxRow
from invoice_service.store.unit_of_work import Database, DatabaseUnavailable
from tests.people import Town, town

BATCHES = (1, 255, 44, 65_500)  # the sizes that were signed: 1, 256, 300, 65,800
SIZE = sum(BATCHES)
FOR_EVER = "public, max-age=31536000, immutable"


def entry(n: int) -> bytes:
    return Entry(Kind.SALE, bytes(32), NO_ADDRESS, n.to_bytes(32, "big"), NO_COMMITMENT, n).encode()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town"), module_migrated_database_url) as made:
        grow(made, BATCHES)
        yield made


def grow(made: Town, batches: tuple[int, ...]) -> None:
    for count in batches:
        with made.services.database.unit_of_work() as uow:
            old = log.lock(uow.connection)
            rows = [
                OutboxRow(n, int(Kind.SALE), f"sale {n}", entry(n), bytes([n % 251]) * 64)
                for n in range(old.size, old.size + count)
            ]
            seal.append(made.services, uow.connection, old, rows)
            uow.commit()


def get(made: Town, path: str, **headers: str) -> TestResponse:
    return made.browser().get(f"/log/{path}", headers=headers)


def test_the_head_is_a_note_that_the_issuers_keys_signed(here: Town) -> None:
    answer, issuer = get(here, "checkpoint"), get(here, "issuer.json")
    head, key = statement.open_signed(issuer.json).open_note(answer.text)
    assert (head.size, head.origin, key.revoked_ms) == (SIZE, here.services.config.log_origin, None)
    assert head.root == tree.root_of([tree.leaf_hash(entry(n)) for n in range(SIZE)])
    assert answer.content_type == "text/plain; charset=utf-8"
    assert issuer.content_type == "application/json"
    for each in (answer, issuer):
        assert each.headers["Cache-Control"] == "public, max-age=1"


def _of(stored: dict[tuple[int, int], bytes], level: int, index: int) -> bytes:
    return stored[level, index]


def test_every_file_of_every_signed_size_is_what_the_entries_make(here: Town) -> None:
    """And so every partial tile is the beginning of the wider one."""
    expected: dict[tuple[int, int], bytes] = {}
    leaves, size, client = [tree.leaf_hash(entry(n)) for n in range(SIZE)], 0, here.browser()
    for count in BATCHES:
        grown = tree.extend(size, leaves[size : size + count], partial(_of, expected))
        expected |= {(tile.level, tile.index): tile.hashes for tile in grown}
        size += count
        for level, index in tiles.edge(size):
            path = tiles.tile_path(level, index, tiles.width_at(level, index, size))
            assert client.get(f"/log/{path}").data == expected[level, index], path
    assert {level for level, _ in expected} == {0, 1, 2}
    for (level, index), hashes in expected.items():
        path = tiles.tile_path(level, index, len(hashes) // tree.HASH_BYTES)
        assert client.get(f"/log/{path}").data == hashes, path


@pytest.mark.parametrize(("index", "width"), [(0, 256), (0, 1), (0, 255), (1, 44), (256, 256), (257, 8)])
def test_bundles_hold_entries_and_nothing_else(here: Town, index: int, width: int) -> None:
    answer = get(here, tiles.bundle_path(index, width))
    assert tiles.entries_in(answer.data, width) == [entry(index * 256 + n) for n in range(width)]
    assert len(answer.data) == width * 135


def test_tiles_and_bundles_are_kept_for_ever_and_read_from_anywhere(here: Town) -> None:
    for path in ("tile/0/000", "tile/2/000.p/1", "tile/entries/256", "tile/entries/256?lang=en"):
        answer = get(here, path)
        assert answer.content_type == "application/octet-stream"
        assert answer.headers["Cache-Control"] == FOR_EVER
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers.get("Vary", "Accept-Encoding") == "Accept-Encoding"
        assert "Set-Cookie" not in answer.headers
        again = get(here, path, **{"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Access-Control-Allow-Origin"] == "*"
    refused = get(here, "tile/0/999")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert refused.headers["Cache-Control"] == "no-store"


def test_bundles_are_packed_for_who_can_unpack(here: Town) -> None:
    plain, packed = (
        get(here, "tile/entries/000"),
        get(here, "tile/entries/000", **{"Accept-Encoding": "gzip"}),
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data)
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert "Content-Encoding" not in plain.headers


@pytest.mark.parametrize(
    "path",
    [
        "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/-1/000",
        "tile/64/000", "tile/0/x000/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
        "tile/0/000.p/", "tile/0/000.p", "tile/0/257", "tile/0/257.p/9", "tile/1/001", "tile/1/001.p/2",
        "tile/2/000", "tile/2/000.p/2", "tile/3/000.p/1", "tile/63/000.p/1",
        "tile/8/x999/x999/x999/x999/x999/x999/999", "tile/0/258.p/1", "tile/entries/257",
        "tile/entries/257.p/9", "tile/entries/258.p/1", "tile/entries/0", "tile/entries/000.p/0",
        "tile/entries/000.p/256", "tile/entries/x999/x999/x999/x999/x999/x999/999", "tile/data/000",
        "tile/0/٠٠٠", "tile/0/000%00", "tile/0/..%2f000", "checkpoint/", "checkpoint.p/1", "issuer",
    ],
)  # fmt: skip
def test_what_is_not_there_yet_or_is_no_name(here: Town, path: str) -> None:
    answer = get(here, path)
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "not_found"


@pytest.mark.parametrize(
    "path", ["checkpoint", "issuer.json", "tile/0/000", "tile/2/000.p/1", "tile/entries/000"]
)
def test_one_question_to_the_database(here: Town, path: str) -> None:
    asked: list[str] = []
    engine = here.services.database.engine

    def count(*about: object) -> None:
        asked.append(str(about[2]))

    get(here, path)  # what the first connection asks is not counted
    event.listen(engine, "before_cursor_execute", count)
    try:
        assert get(here, path).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", count)
    assert len(asked) == 1


# What is not served but read by ourselves: tiles for proofs.


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, SIZE - 1])
def test_a_proof_reads_its_tiles_in_one_statement(
    here: Town, monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    asked, plain = [], log._read_tiles
    monkeypatch.setattr(log, "_read_tiles", lambda *about: asked.append(about) or plain(*about))
    with here.services.database.read() as connection:
        head = log.head(connection)
        path = tree.inclusion_proof(index, head.size, log.reader_towards(connection, index, head.size))
        assert len(asked) == 1
        read = log.reader_towards(connection, index + 1, head.size)
        growth, root = tree.consistency_proof(index + 1, head.size, read), tree.root(index + 1, read)
    assert len(asked) == 2
    assert proof.includes(tree.leaf_hash(entry(index)), index, head.size, path, head.root)
    assert root == tree.root_of([tree.leaf_hash(entry(n)) for n in range(index + 1)])
    assert proof.is_consistent(index + 1, head.size, growth, root, head.root)


def test_a_connection_keeps_what_it_read_for_proofs(here: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one head and of an older one, whose tiles at the edge are shorter; and no more than so many."""
    asked, plain, old_size = [], log._read_tiles, SIZE - BATCHES[-1]
    monkeypatch.setattr(log, "_KEPT_AT_MOST", 5)
    monkeypatch.setattr(log, "_read_tiles", lambda about, at: asked.append(at) or plain(about, at))
    leaves = [tree.leaf_hash(entry(n)) for n in range(SIZE)]
    root_of = {size: tree.root_of(leaves[:size]) for size in (old_size, SIZE)}
    with here.services.database.read() as connection:
        connection.info.clear()
        for index, size in ((1, SIZE), (2, SIZE), (300, SIZE), (299, old_size), (1, SIZE)):
            path = tree.inclusion_proof(index, size, log.keeping_reader(connection, index, size))
            assert proof.includes(tree.leaf_hash(entry(index)), index, size, path, root_of[size])
            assert len(connection.info["tiles"]) <= 5
    first, *others, last = asked
    assert sorted(first) == [(0, 0), (0, SIZE >> 8), (1, 0), (1, 1), (2, 0)]
    assert others == [[(0, 1)], [(0, 1), (1, 0)]]
    assert (0, 0) in last  # it had been unused for longest


def test_tiles_that_are_asked_for_on_a_lost_connection(here: Town) -> None:
    """They are read past SQLAlchemy, and are as unavailable as all else; the next connection is a new one."""
    database = here.services.database
    with database.read() as other, pytest.raises(DatabaseUnavailable):
        _read_after_the_end(database, other)
    with database.read() as connection:
        assert log.tile_reader(connection)(0, 0)[:32] == tree.leaf_hash(entry(0))


def _read_after_the_end(database: Database, other: Connection) -> None:
    with database.read() as lost:
        process = lost.connection.driver_connection.info.backend_pid  # SQLAlchemy has asked nothing yet
        other.execute(text("SELECT pg_terminate_backend(:process, 1000)"), {"process": process})
        log.tile_reader(lost)(0, 0)


def test_nothing_beyond_the_newest_signed_head(tmp_path: Path, migrated_database_url: str) -> None:
    """What is stored without a head, as after a fault, is not shown. An empty log says that it is empty."""
    with town(tmp_path, migrated_database_url) as made:
        head, _ = statement.open_signed(get(made, "issuer.json").json).open_note(get(made, "checkpoint").text)
        assert (head.size, head.root) == (0, tree.EMPTY_ROOT)
        grow(made, (3, 2))
        with made.services.database.unit_of_work() as uow:
            uow.connection.execute(text("DELETE FROM log_heads WHERE size = 5"))
            uow.commit()
        for path in ("tile/0/000.p/3", "tile/entries/000.p/3"):
            assert get(made, path).status_code == 200
        for path in ("tile/0/000.p/4", "tile/0/000.p/5", "tile/entries/000.p/4", "tile/entries/000.p/5"):
            assert get(made, path).status_code == 404
        assert get(made, "checkpoint").text.split("\n")[1] == "3"


def test_an_issuer_that_has_signed_nothing_yet_has_no_statement(
    tmp_path: Path, migrated_database_url: str
) -> None:
    with town(tmp_path, migrated_database_url) as made:
        with made.services.database.unit_of_work() as uow:
            uow.connection.execute(text("UPDATE deployment SET statement = NULL"))
            uow.commit()
        assert get(made, "issuer.json").status_code == 404
