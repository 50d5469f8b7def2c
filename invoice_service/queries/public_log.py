"""The log as everybody may read it: head, tiles and entries, which say nothing by themselves.

No policy stands here, since entries hold commitments only. Bodies, signatures and whatever is not yet
under a signed head are not part of it.
"""

from __future__ import annotations

from invoice_service.errors import NotFound
from invoice_service.ledger import canonical, checkpoint, tiles
from invoice_service.ledger.checkpoint import Checkpoint
from invoice_service.ledger.tree import EMPTY_ROOT, TILE_WIDTH
from invoice_service.services import Services
from invoice_service.store import deployment, log


def newest_checkpoint(services: Services) -> str:
    """The newest signed note; of an empty log, the one that says so."""
    with services.database.read() as connection:
        note = log.newest_checkpoint(connection)
    empty = Checkpoint(services.config.log_origin, 0, EMPTY_ROOT)
    return note or checkpoint.sign(empty, services.keyring.checkpoint)


def issuer_statement(services: Services) -> bytes:
    """Canonical JSON, so that what is the same has the same bytes. Raises NotFound before there is one."""
    with services.database.read() as connection:
        signed = deployment.statement(connection)
    if signed is None:
        raise NotFound
    return canonical.encode(signed)


def tile(services: Services, level: str, place: str) -> bytes:
    """By its name in tlog-tiles. Raises NotFound for what is no name, or not there yet."""
    try:
        number, (index, width) = tiles.read_level(level), tiles.read_place(place)
    except tiles.NoSuchName:
        raise NotFound from None
    size = tiles.size_with(number, index, width)
    if size > tiles.MAX_SIZE:
        raise NotFound
    with services.database.read() as connection:
        hashes = log.tile_start(connection, number, index, tiles.tile_bytes(width), size=size)
    if hashes is None:
        raise NotFound
    return hashes


def bundle(services: Services, place: str) -> bytes:
    """The entries below a tile of level 0. Raises NotFound for what is no name, or not there yet."""
    try:
        index, width = tiles.read_place(place)
    except tiles.NoSuchName:
        raise NotFound from None
    size = tiles.size_with(0, index, width)
    if size > tiles.MAX_SIZE:
        raise NotFound
    with services.database.read() as connection:
        entries = log.entries_before(connection, index * TILE_WIDTH, size=size)
    if len(entries) != width:
        raise NotFound
    return tiles.bundle(entries)
