"""Names and shapes of a public log's files, by the examples of C2SP tlog-tiles and by property."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoice_service.ledger import tiles, tree
from invoice_service.ledger.entry import ENTRY_BYTES
from tests.chain.trees import uniform

INDEXES = st.integers(0, tiles.MAX_SIZE // 256)


@pytest.mark.parametrize(
    ("index", "path"),
    [
        (0, "000"),
        (5, "005"),
        (67, "067"),
        (999, "999"),
        (1_000, "x001/000"),
        (999_999, "x999/999"),
        (1_000_000, "x001/x000/000"),
        (1_234_067, "x001/x234/067"),  # the specification's own example
    ],
)
def test_indexes_in_groups_of_three_digits(index: int, path: str) -> None:
    assert tiles.place(index) == path
    assert tiles.read_place(path) == (index, 256)


@given(INDEXES, st.integers(1, 256))
def test_every_place_is_read_as_it_was_written(index: int, width: int) -> None:
    path = tiles.place(index, width)
    assert tiles.read_place(path) == (index, width)
    assert (".p/" in path) is (width < 256)
    assert all(len(part.lstrip("x").removesuffix(".p")) == 3 for part in path.split(".p/")[0].split("/"))


@given(st.text(alphabet="0123456789x/.p", max_size=24))
def test_what_is_read_has_one_spelling(text: str) -> None:
    try:
        index, width = tiles.read_place(text)
    except tiles.NoSuchName:
        return
    assert tiles.place(index, width) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "00", "0000", "1000", "x000/001", "x000/x001/000", "001/000", "x001", "x001/", "/000",
        "000/", "x1/000", "X001/000", "-01", "+01", " 000", "000 ", "000\n", "٠٠٠", "000.p", "000.p/",
        "000.p/0", "000.p/01", "000.p/256", "000.p/257", "000.p/999", "000.p/1000", "000.p/-1",
        "000.p/1/", "000.P/1", "000/p/1", "../000", "x001/../000", "x" + "999/x" * 6 + "999/999",
        "1" * 5_000,
    ],
)  # fmt: skip
def test_what_names_no_file(text: str) -> None:
    with pytest.raises(tiles.NoSuchName):
        tiles.read_place(text)


def test_levels() -> None:
    assert [tiles.read_level(str(level)) for level in range(64)] == list(range(64))
    for text in ("", "64", "00", "01", "-1", "+1", "1.0", "١", "100", "entries", "0\n"):
        with pytest.raises(tiles.NoSuchName):
            tiles.read_level(text)


def test_the_specifications_log_of_seventy_thousand() -> None:
    """Full and partial: 273 and one of 112 at level 0, 1 and one of 17 at level 1, one of 1 at level 2."""
    size = 70_000
    assert [tiles.full_tiles(level, size) for level in range(3)] == [273, 1, 0]
    assert [tiles.tile_path(*at, tiles.width_at(*at, size)) for at in tiles.edge(size)] == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert tiles.edge(256) == [(1, 0)]
    assert tiles.edge(0) == []


@given(st.integers(0, 300_000))
def test_the_shape_is_the_one_that_a_log_grows_into(size: int) -> None:
    """`tree.extend` decides what is stored; names must agree with it at every level."""
    for level in range(tiles.levels(size) + 2):
        hashes = size // 256**level
        assert tiles.full_tiles(level, size) == hashes // 256
        assert tiles.width_at(level, hashes // 256, size) == hashes % 256
        assert (hashes > 0) is (level < tiles.levels(size))
    for level, index in tiles.edge(size):
        width = tiles.width_at(level, index, size)
        assert tiles.size_with(level, index, width) <= size < tiles.size_with(level, index, width + 1)


@given(st.lists(st.binary(min_size=ENTRY_BYTES, max_size=ENTRY_BYTES), min_size=1, max_size=256))
def test_bundles_hold_entries_with_their_lengths(entries: list[bytes]) -> None:
    data = tiles.bundle(entries)
    assert data[:2] == ENTRY_BYTES.to_bytes(2, "big")
    assert tiles.entries_in(data, len(entries)) == entries
    other_length = bytearray(data)
    other_length[-ENTRY_BYTES - 1] ^= 1
    for bad in (data[:-1], data + b"\0", b"", bytes(other_length)):
        with pytest.raises(tiles.BadBundle):
            tiles.entries_in(bad, len(entries))


def test_hashes_and_entries_take_what_their_names_say() -> None:
    assert tiles.tile_bytes(tree.TILE_WIDTH) == 8_192
    assert tiles.BUNDLED_BYTES == 135


SIZES = st.integers(1, 2**40) | st.builds(
    lambda n, power: n << power, st.integers(1, 300), st.integers(0, 24)
)


@settings(max_examples=60)
@given(SIZES, st.data())
def test_a_proof_takes_nothing_from_tiles_that_are_not_towards_its_entry(
    size: int, data: st.DataObject
) -> None:
    """Nor does the root of a smaller log; so one statement reads all of them."""
    log, asked = uniform(), set[tuple[int, int]]()

    def read(level: int, index: int) -> bytes:
        asked.add((level, index))
        return log.read(level, index)

    index = data.draw(st.integers(0, size - 1) | SIZES.filter(lambda number: number < size), label="index")
    tree.inclusion_proof(index, size, read)
    tree.consistency_proof(index, size, read)
    tree.root(index, read)
    assert asked <= set(tiles.towards(index, size))
    assert len(tiles.towards(index, size)) <= 2 * tiles.levels(size)
