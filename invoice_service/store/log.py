"""The log as stored: one locked state row, heads, entries and tiles. Only the sequencer writes here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from invoice_service.ledger import tiles as tlog
from invoice_service.ledger.entry import Kind
from invoice_service.ledger.tree import EMPTY_ROOT, Tile, TileReader
from invoice_service.store.outbox import OutboxRow
from invoice_service.store.tables import log_entries, log_heads, log_state, log_tiles

_LOCK = select(log_state.c.size, log_state.c.root).where(log_state.c.id == 1).with_for_update()
_TILES = """
    SELECT level, index, hashes FROM log_tiles
    JOIN unnest(%s::smallint[], %s::bigint[]) AS wanted (level, index) USING (level, index)
"""
_TILE = "SELECT level, index, hashes FROM log_tiles WHERE level = %s AND index = %s"
_CURSOR, _KEPT = "cursor for tiles", "tiles"  # what a connection keeps, by the names under which it does
_KEPT_AT_MOST = 128  # tiles, of 8 KiB each at most: a megabyte a connection
_ENTRY_OF = select(
    log_entries.c.index, log_entries.c.entry, log_entries.c.signature
).where(log_entries.c.kind == bindparam("kind"), log_entries.c.fact == bindparam("fact"))  # fmt: skip
# What the public sees, each in one statement, and never anything beyond the newest signed head.
_SIGNED = select(func.max(log_heads.c.size)).scalar_subquery() >= bindparam("size")
_TILE_START = select(func.substring(log_tiles.c.hashes, 1, bindparam("bytes"))).where(
    log_tiles.c.level == bindparam("level"),
    log_tiles.c.index == bindparam("index"),
    func.octet_length(log_tiles.c.hashes) >= bindparam("bytes"),
    _SIGNED,
)
_ENTRIES = (
    select(log_entries.c.entry)
    .where(log_entries.c.index >= bindparam("first"), log_entries.c.index < bindparam("size"), _SIGNED)
    .order_by(log_entries.c.index)
)
_CHECKPOINT_AT = select(log_heads.c.checkpoint).where(log_heads.c.size == bindparam("size"))
_NEWEST_NOTE = select(log_heads.c.checkpoint).order_by(log_heads.c.size.desc()).limit(1)
_COPY = "COPY log_entries (index, kind, fact, entry, signature) FROM STDIN (FORMAT BINARY)"
_COPY_TYPES = ("int8", "int2", "text", "bytea", "bytea")


@dataclass(frozen=True, slots=True)
class Head:
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class StoredEntry:
    index: int
    entry: bytes
    signature: bytes


def open_log(connection: Connection) -> None:
    """Make the state row of an empty log, once."""
    connection.execute(upsert(log_state).on_conflict_do_nothing(), {"id": 1, "size": 0, "root": EMPTY_ROOT})


def lock(connection: Connection) -> Head:
    """The head, locked: until this unit ends nobody else is the sequencer."""
    return Head(*connection.execute(_LOCK).one())


def head(connection: Connection) -> Head:
    return Head(*connection.execute(select(log_state.c.size, log_state.c.root)).one())


def append(connection: Connection, first_index: int, rows: Sequence[OutboxRow]) -> None:
    """Give contiguous indexes from `first_index`. Binary COPY: three times the rate of INSERT."""
    cursor = connection.connection.cursor()
    with cursor.copy(_COPY) as copy:
        copy.set_types(_COPY_TYPES)
        for index, row in enumerate(rows, first_index):
            copy.write_row((index, row.kind, row.fact, row.entry, row.signature))


def put_tiles(connection: Connection, tiles: Iterable[Tile]) -> None:
    statement = upsert(log_tiles)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["level", "index"], set_={"hashes": statement.excluded.hashes}
        ),
        [{"level": tile.level, "index": tile.index, "hashes": tile.hashes} for tile in tiles],
    )


def advance(connection: Connection, new: Head, *, checkpoint: str, sealed_at: datetime) -> None:
    connection.execute(update(log_state).values(size=new.size, root=new.root))
    connection.execute(
        insert(log_heads),
        {"size": new.size, "root": new.root, "checkpoint": checkpoint, "sealed_at": sealed_at},
    )


def tile_reader(connection: Connection, ahead: Collection[tuple[int, int]] = ()) -> TileReader:
    """Reads tiles as a tree function asks for them, each at most once; those of `ahead` in one statement."""
    seen = _read_tiles(connection, ahead) if ahead else {}

    def read(level: int, index: int) -> bytes:
        if (level, index) not in seen:
            seen.update(_read_tiles(connection, [(level, index)]))
        return seen[level, index]

    return read


def _read_tiles(connection: Connection, at: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """In binary and straight from the driver, which takes a third of the time: a proof is little else."""
    cursor = _cursor(connection)
    if len(at) == 1:  # without lists it takes half as long
        cursor.execute(_TILE, *at)
    else:
        cursor.execute(_TILES, [list(each) for each in zip(*at, strict=True)])
    return {(level, index): hashes for level, index, hashes in cursor.fetchall()}


def _cursor(connection: Connection) -> psycopg.Cursor[tuple[int, int, bytes]]:
    """One for as long as the connection lives: a new one finds out anew how each type is read."""
    if _CURSOR not in connection.info:
        connection.info[_CURSOR] = connection.connection.cursor(binary=True)
    kept: psycopg.Cursor[tuple[int, int, bytes]] = connection.info[_CURSOR]
    return kept


def reader_towards(connection: Connection, index: int, size: int) -> TileReader:
    """For one proof in a log of `size`: that the entry `index` is in it, or that it grew from as many."""
    return tile_reader(connection, tlog.towards(index, size))


def keeping_reader(connection: Connection, index: int, size: int) -> TileReader:
    """`reader_towards` for proofs that are handed out all day: the connection keeps the tiles it has read.

    Cut to its width at `size`, a tile never changes. A database that is put back from a copy ends its
    connections, and what they keep ends with them. Whoever asks whether the stored log is still what it was,
    as before a head is sent to the chain, reads it anew.
    """
    kept: dict[tuple[int, int, int], bytes] = connection.info.setdefault(_KEPT, {})
    wanted = {at: (*at, tlog.width_at(*at, size)) for at in tlog.towards(index, size)}
    missing = [at for at, key in wanted.items() if key not in kept]
    for at, hashes in _read_tiles(connection, missing).items() if missing else ():
        kept[wanted[at]] = hashes[: tlog.tile_bytes(wanted[at][2])]
    for key in wanted.values():
        kept[key] = kept.pop(key)  # to the end: those at the beginning are the longest unused
    while len(kept) > _KEPT_AT_MOST:
        del kept[next(iter(kept))]
    tiles = {at: kept[key] for at, key in wanted.items()}
    return lambda level, at: tiles[level, at]


def with_new_tiles(read: TileReader, tiles: Iterable[Tile]) -> Callable[[int, int], bytes]:
    """A reader that knows tiles which are not stored yet."""
    new = {(tile.level, tile.index): tile.hashes for tile in tiles}
    return lambda level, index: new[level, index] if (level, index) in new else read(level, index)


def entry_of(connection: Connection, kind: Kind, fact: str) -> StoredEntry | None:
    row = connection.execute(_ENTRY_OF, {"kind": int(kind), "fact": fact}).first()
    return None if row is None else StoredEntry(*row)


def checkpoint_at(connection: Connection, size: int) -> str:
    return connection.execute(_CHECKPOINT_AT, {"size": size}).scalar_one()


def newest_checkpoint(connection: Connection) -> str | None:
    """The signed note of the newest head; None while nothing is sealed."""
    return connection.execute(_NEWEST_NOTE).scalar()


def tile_start(connection: Connection, level: int, index: int, length: int, *, size: int) -> bytes | None:
    """The first `length` bytes of a tile, if there are as many and a head of at least `size` is signed."""
    values = {"level": level, "index": index, "bytes": length, "size": size}
    return connection.execute(_TILE_START, values).scalar()


def entries_before(connection: Connection, first: int, *, size: int) -> list[bytes]:
    """Entries `first` to `size` − 1; none unless a head of at least `size` entries is signed."""
    return list(connection.execute(_ENTRIES, {"first": first, "size": size}).scalars())
