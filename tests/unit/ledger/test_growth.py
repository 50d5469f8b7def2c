"""One signed head against another, over tiles that lie in every way there is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoice_service.ledger import growth, proof, tiles, tree
from invoice_service.ledger.checkpoint import Checkpoint
from invoice_service.ledger.growth import Contradiction, SignedTree, fork_between, new_tiles

SIZES = st.one_of(
    st.integers(0, 700), st.sampled_from([255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000])
)
LEAVES = [tree.leaf_hash(str(n).encode()) for n in range(66_000)]


class Log:
    """A log whose entries from `forked_at` on are others. It counts what it is asked."""

    def __init__(self, size: int, forked_at: int | None = None) -> None:
        leaves = LEAVES[:size]
        if forked_at is not None:
            leaves[forked_at:] = [tree.leaf_hash(b"other" + leaf) for leaf in leaves[forked_at:]]
        self.size, self.asked = size, 0
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.tiles = {
            (t.level, t.index): t.hashes for t in tree.extend(0, leaves, lambda *at: self.tiles[at])
        }
        self.head = Checkpoint("test.local/log", size, tree.root(size, lambda *at: self.tiles[at]))

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        self.asked += 1
        hashes = self.tiles.get((level, index), b"")[: tiles.tile_bytes(width)]
        return hashes if len(hashes) == tiles.tile_bytes(width) else None


def signed(log: Log, *before: growth.Source) -> SignedTree:
    return SignedTree(log.head, [*before, log.tile])


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES)
def test_a_log_goes_on_from_all_it_was(one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    assert fork_between(Log(smaller).head, signed(Log(larger))) is None


@settings(max_examples=40, deadline=None)
@given(SIZES.filter(bool), SIZES.filter(bool), st.data())
def test_a_fork_is_found_and_its_proof_convinces_others(one: int, other: int, data: st.DataObject) -> None:
    smaller, larger = sorted((one, other))
    forked_at = data.draw(st.integers(0, smaller - 1))
    kept, seen = Log(smaller), Log(larger, forked_at)
    fork = fork_between(kept.head, signed(seen))
    assert fork is not None
    assert (fork.size, fork.larger) == (smaller, seen.head)
    assert fork.root != kept.head.root
    assert proof.is_consistent(fork.size, larger, fork.path, fork.root, seen.head.root)
    assert seen.asked <= 4 * 9  # however large the log is


@settings(max_examples=25, deadline=None)
@given(SIZES.filter(lambda size: size > 256), st.data())
def test_no_bit_of_a_tile_can_lie(size: int, data: st.DataObject) -> None:
    log = Log(size)
    at = data.draw(st.sampled_from(sorted(log.tiles)))
    lying = bytearray(log.tiles[at])
    lying[data.draw(st.integers(0, len(lying) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    truth, log.tiles[at] = log.tiles[at], bytes(lying)
    with pytest.raises(Contradiction):
        signed(log).read(*at)
    honest = Log(size)
    assert signed(honest, log.tile).read(*at) == truth  # a damaged copy first costs a question, no more


def test_a_tile_that_is_nowhere_is_a_contradiction() -> None:
    log = Log(600)
    del log.tiles[0, 0]
    with pytest.raises(Contradiction, match="tile/0/000"):
        signed(log).read(0, 0)


@pytest.mark.parametrize("size", [0, 1, 256, 300])
def test_a_head_with_a_root_that_no_tiles_make(size: int) -> None:
    log = Log(size)
    log.head = Checkpoint(log.head.origin, size, bytes(32))
    with pytest.raises(Contradiction, match="root"):
        signed(log)


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES)
def test_new_tiles_are_those_that_changed_each_below_its_own(one: int, other: int) -> None:
    old, new = (Log(size) for size in sorted((one, other)))
    listed = [(level, index) for level, indexes in new_tiles(old.size, new.size) for index in indexes]
    changed = {at for at in new.tiles if new.tiles[at] != old.tiles.get(at)}
    assert changed <= set(listed) <= set(new.tiles)
    assert len(listed) == len(set(listed)) <= len(changed) + tiles.levels(new.size)
    assert [level for level, _ in listed] == sorted((level for level, _ in listed), reverse=True)


def test_reading_a_log_in_order_asks_for_each_tile_once() -> None:
    log = Log(66_000)
    theirs = signed(log)
    for level, indexes in new_tiles(0, log.size):
        for index in indexes:
            assert theirs.read(level, index) == log.tiles[level, index]
    assert log.asked == len(log.tiles)
