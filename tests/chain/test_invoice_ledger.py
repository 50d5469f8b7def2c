"""The contract against the log it anchors: what it takes, what it refuses, and who may ask."""

from __future__ import annotations

import hashlib
import itertools
import secrets

import pytest
from eth_account import Account
from hypothesis import assume
from hypothesis import strategies as st
from web3 import Web3
from web3.logs import DISCARD

from chain.client import Head
from invoice_service.ledger import tree
from tests.chain.examples import for_examples
from tests.chain.logs import Ledger, refused_with
from tests.chain.trees import Tree, leaves, tree_of, uniform

EMPTY = tree.EMPTY_ROOT
ENTRIES = tree_of(leaves(700))
UNIFORM = uniform()
SMALL = st.integers(1, 700)
# Any size, powers of two and their neighbours often: that is where a proof changes its shape.
ANY_SIZE = st.one_of(
    st.integers(1, 2**50),
    st.builds(lambda power, by: max(1, 2**power + by), st.integers(0, 50), st.integers(-2, 2)),
)


# Opening a log


def test_an_empty_log_opens_at_the_root_of_nothing(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)

    assert ledger.contract.functions.EMPTY_ROOT().call() == hashlib.sha256(b"").digest()
    assert log.client.head() == Head(0, EMPTY)
    assert ledger.client(secrets.token_bytes(32)).head() == Head(0, bytes(32)), "never opened"


def test_a_log_opens_where_an_earlier_epoch_ended_and_goes_on(ledger: Ledger) -> None:
    log = ledger.open_log(1_000_000, UNIFORM.root(1_000_000))

    assert log.client.head() == Head(1_000_000, UNIFORM.root(1_000_000))
    proof = UNIFORM.consistency(1_000_000, 1_234_567)
    assert log.append(1_000_000, 1_234_567, UNIFORM.root(1_234_567), proof).succeeded
    anchored = log.client.anchored_at(UNIFORM.root(1_000_000))
    assert anchored is not None
    assert anchored.size == 1_000_000


def test_opening_says_so_in_an_event(ledger: Ledger) -> None:
    log_id, sequencer = secrets.token_bytes(32), Web3.to_checksum_address(secrets.token_bytes(20))
    call = ledger.contract.functions.openLog(log_id, 3, ENTRIES.root(3), sequencer)

    receipt = ledger.send(ledger.admin_key, call)

    (event,) = ledger.contract.events.LogOpened().process_receipt(receipt, errors=DISCARD)
    assert dict(event["args"]) == {
        "logId": log_id, "sequencer": sequencer, "size": 3, "root": ENTRIES.root(3)
    }  # fmt: skip


def test_a_log_opens_only_once(ledger: Ledger) -> None:
    for size, root in ((0, EMPTY), (5, ENTRIES.root(5))):
        log = ledger.open_log(size, root)
        again = ledger.contract.functions.openLog(log.id, 7, ENTRIES.root(7), ledger.admin)
        with refused_with("LogAlreadyOpen"):
            again.call({"from": ledger.admin})


@pytest.mark.parametrize(
    ("size", "root"), [(0, b"\x01" * 32), (1, EMPTY), (0, bytes(32)), (1, bytes(32))], ids=str
)
def test_a_head_that_no_tree_has_opens_nothing(ledger: Ledger, size: int, root: bytes) -> None:
    call = ledger.contract.functions.openLog(secrets.token_bytes(32), size, root, ledger.admin)
    with refused_with("ImpossibleHead"):
        call.call({"from": ledger.admin})


def test_threat_21_a_stranger_cannot_open_block_or_front_run_a_log(ledger: Ledger) -> None:
    """EAS multiTimestamp: whoever registered a hash first made the victim's whole batch revert."""
    stranger = secrets.token_bytes(32)
    stranger_address = Account.from_key(stranger).address
    log_id, root = secrets.token_bytes(32), ENTRIES.root(9)

    # The stranger saw the admin's opening and the sequencer's append coming, and was quicker each time.
    opening = ledger.contract.functions.openLog(log_id, 0, EMPTY, stranger_address)
    assert ledger.send(stranger, opening)["status"] == 0
    with refused_with("AccessControlUnauthorizedAccount"):
        opening.call({"from": stranger_address})
    theirs = ledger.open_log(0, EMPTY)
    assert theirs.append(0, 9, root, []).succeeded, "the same root in a log of their own"
    log = ledger.open_log(0, EMPTY)
    front_run = ledger.contract.functions.append(log.id, 0, 9, root, [])
    assert ledger.send(stranger, front_run)["status"] == 0
    assert ledger.send(theirs.sequencer_key, front_run)["status"] == 0, "a sequencer, but of another log"

    assert log.client.anchored_at(root) is None
    assert log.append(0, 9, root, []).succeeded


# Appending


def test_an_append_is_remembered_with_size_time_and_block(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)

    receipt = log.append(0, 5, ENTRIES.root(5), [])

    anchored = log.client.anchored_at(ENTRIES.root(5))
    assert anchored is not None
    assert (anchored.size, anchored.block_number) == (5, receipt.block_number)
    assert anchored.time == receipt.block_time
    assert log.client.head() == Head(5, ENTRIES.root(5))
    assert log.client.anchored_at(ENTRIES.root(6)) is None


def test_an_append_says_so_in_an_event(ledger: Ledger) -> None:
    log = ledger.open_log(4, ENTRIES.root(4))
    call = ledger.contract.functions.append(log.id, 4, 7, ENTRIES.root(7), ENTRIES.consistency(4, 7))

    receipt = ledger.send(log.sequencer_key, call)

    (event,) = ledger.contract.events.HeadAppended().process_receipt(receipt, errors=DISCARD)
    assert dict(event["args"]) == {"logId": log.id, "oldSize": 4, "newSize": 7, "root": ENTRIES.root(7)}


def test_a_head_outlives_those_that_follow(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)
    sizes = [0, 1, 2, 3, 9, 64, 65, 300, 700]
    blocks = {}
    for old_size, new_size in itertools.pairwise(sizes):
        proof = ENTRIES.consistency(old_size, new_size)
        receipt = log.append(old_size, new_size, ENTRIES.root(new_size), proof)
        blocks[new_size] = receipt.block_number

    for size, block in blocks.items():
        anchored = log.client.anchored_at(ENTRIES.root(size))
        assert anchored is not None
        assert (anchored.size, anchored.block_number) == (size, block)


@for_examples(sizes=st.tuples(SMALL, SMALL).map(sorted))
def test_every_growth_of_a_real_log_is_taken(ledger: Ledger, sizes: list[int]) -> None:
    _grow(ledger, ENTRIES, *sizes)


@for_examples(sizes=st.tuples(ANY_SIZE, ANY_SIZE).map(sorted))
def test_every_growth_of_a_log_of_any_size_is_taken(ledger: Ledger, sizes: list[int]) -> None:
    _grow(ledger, UNIFORM, *sizes)


def _grow(ledger: Ledger, log_tree: Tree, old_size: int, new_size: int) -> None:
    assume(old_size < new_size)
    log = ledger.open_log(old_size, log_tree.root(old_size))
    proof = log_tree.consistency(old_size, new_size)
    assert log.append(old_size, new_size, log_tree.root(new_size), proof).succeeded
    assert log.client.head() == Head(new_size, log_tree.root(new_size))


@for_examples(sizes=st.tuples(SMALL, SMALL).map(sorted), data=st.data())
def test_a_forged_proof_is_refused(ledger: Ledger, sizes: list[int], data: st.DataObject) -> None:
    old_size, new_size = sizes
    assume(old_size < new_size)
    log = ledger.open_log(old_size, ENTRIES.root(old_size))
    proof = ENTRIES.consistency(old_size, new_size)
    for forged in _forgeries(proof, data):
        with refused_with("InconsistentHead"):
            ledger.try_append(log, old_size, new_size, ENTRIES.root(new_size), forged)
    with refused_with("InconsistentHead"):
        ledger.try_append(log, old_size, new_size, ENTRIES.root(new_size - 1), proof)
    ledger.try_append(log, old_size, new_size, ENTRIES.root(new_size), proof)


def _forgeries(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """The proof cut short, lengthened, with one bit turned, and with two neighbours exchanged."""
    at = data.draw(st.integers(0, len(proof) - 1))
    turned = bytes([proof[at][0] ^ 1 << data.draw(st.integers(0, 7))]) + proof[at][1:]
    forged = [
        proof[:at] + proof[at + 1 :],
        [*proof, data.draw(st.binary(min_size=32, max_size=32))],
        [*proof[:at], turned, *proof[at + 1 :]],
        [],
    ]
    if at:
        forged.append([*proof[: at - 1], proof[at], proof[at - 1], *proof[at + 1 :]])
    return forged


@for_examples(sizes=st.tuples(SMALL, SMALL, SMALL).map(sorted))
def test_a_proof_for_other_sizes_is_refused(ledger: Ledger, sizes: list[int]) -> None:
    """Sizes pass the comparison, so the proof alone must notice; it may only fit where the paths coincide."""
    old_size, new_size, other = sizes
    assume(old_size < new_size < other)
    log = ledger.open_log(old_size, ENTRIES.root(old_size))
    proof = ENTRIES.consistency(old_size, new_size)
    with refused_with("InconsistentHead"):
        ledger.try_append(log, old_size, other, ENTRIES.root(other), proof)


@for_examples(sizes=st.tuples(SMALL, SMALL).map(sorted), doublings=st.integers(1, 50))
def test_a_good_proof_does_not_serve_to_claim_a_taller_tree(
    ledger: Ledger, sizes: list[int], doublings: int
) -> None:
    """Root and proof fit each other; only the number of entries is a lie."""
    old_size, new_size = sizes
    assume(old_size < new_size)
    log = ledger.open_log(old_size, ENTRIES.root(old_size))
    proof = ENTRIES.consistency(old_size, new_size)
    with refused_with("InconsistentHead"):
        ledger.try_append(log, old_size, new_size << doublings, ENTRIES.root(new_size), proof)


@pytest.mark.parametrize("old_size", [1, 8, 9])
def test_the_same_root_does_not_serve_for_more_entries(ledger: Ledger, old_size: int) -> None:
    """It would write over what the contract remembers of the root: its size, its time and its block."""
    log = ledger.open_log(old_size, ENTRIES.root(old_size))
    for new_size in (old_size + 1, 2 * old_size, 700):
        with refused_with("InconsistentHead"):
            ledger.try_append(log, old_size, new_size, ENTRIES.root(old_size), [])


def test_a_proof_cannot_start_below_the_old_trees_last_subtree(ledger: Ledger) -> None:
    """Six entries. The forger starts at the sixth alone, not at the last pair, and adds a sibling at the end:
    he reaches the old root all the same, and would hang anything of his beneath the sixth entry."""
    log = ledger.open_log(6, ENTRIES.root(6))
    fifth, sixth = leaves(6)[4:]
    first_four, anything = ENTRIES.root(4), b"\x07" * 32
    forged = tree.node_hash(first_four, tree.node_hash(fifth, tree.node_hash(sixth, anything)))
    with refused_with("InconsistentHead"):
        ledger.try_append(log, 6, 7, forged, [sixth, anything, fifth, first_four])


@for_examples(old_size=st.integers(1, 699), changed=st.data())
def test_a_stolen_sequencer_key_cannot_rewrite_history(
    ledger: Ledger, old_size: int, changed: st.DataObject
) -> None:
    """The thief has the key, changes one anchored entry and proves the best he can from his own tree."""
    rewritten = leaves(700)
    rewritten[changed.draw(st.integers(0, old_size - 1))] = tree.leaf_hash(b"a smaller amount")
    forged = tree_of(rewritten)
    log = ledger.open_log(old_size, ENTRIES.root(old_size))
    new_size = changed.draw(st.integers(old_size + 1, 700))
    for proof in (forged.consistency(old_size, new_size), ENTRIES.consistency(old_size, new_size)):
        with refused_with("InconsistentHead"):
            ledger.try_append(log, old_size, new_size, forged.root(new_size), proof)


def test_a_thief_with_the_key_changes_nothing_even_by_sending(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)
    assert log.append(0, 100, ENTRIES.root(100), []).succeeded
    rewritten = tree_of([tree.leaf_hash(b"a smaller amount"), *leaves(700)[1:]])

    as_if_nothing_had_been_there = (0, 100, rewritten.root(100), [])
    longer = [(100, size, rewritten.root(size), rewritten.consistency(100, size)) for size in (101, 128, 700)]
    for attempt, error in (
        (as_if_nothing_had_been_there, "HeadMoved"),
        ((100, 100, rewritten.root(100), []), "NotGrowing"),
        *((attempt, "InconsistentHead") for attempt in longer),
    ):
        with refused_with(error):
            ledger.try_append(log, *attempt)
        assert not log.append(*attempt).succeeded, "mined, with status 0"

    assert log.client.head() == Head(100, ENTRIES.root(100))
    assert log.client.anchored_at(rewritten.root(100)) is None


def test_an_append_upon_another_size_is_refused(ledger: Ledger) -> None:
    log = ledger.open_log(10, ENTRIES.root(10))
    for assumed in (0, 9, 11, 2**64 - 1):
        with refused_with("HeadMoved"):
            ledger.try_append(log, assumed, 20, ENTRIES.root(20), ENTRIES.consistency(10, 20))


def test_the_same_append_twice_is_taken_once(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)
    assert log.append(0, 10, ENTRIES.root(10), []).succeeded
    assert not log.append(0, 10, ENTRIES.root(10), []).succeeded


@pytest.mark.parametrize("new_size", [0, 9, 10])
def test_a_head_that_does_not_grow_is_refused(ledger: Ledger, new_size: int) -> None:
    log = ledger.open_log(10, ENTRIES.root(10))
    with refused_with("NotGrowing"):
        ledger.try_append(log, 10, new_size, ENTRIES.root(new_size), [])


def test_the_first_append_takes_no_proof(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)
    with refused_with("InconsistentHead"):
        ledger.try_append(log, 0, 5, ENTRIES.root(5), [ENTRIES.root(5)])


@pytest.mark.parametrize("root", [bytes(32), EMPTY], ids=["zero", "the root of nothing"])
def test_a_first_append_of_a_head_that_no_tree_has_is_refused(ledger: Ledger, root: bytes) -> None:
    """No proof says anything about the first head. With zero as its root the log would count as never opened,
    and every leaf with a proof of the wrong length as included."""
    log = ledger.open_log(0, EMPTY)
    with refused_with("ImpossibleHead"):
        ledger.try_append(log, 0, 5, root, [])
    assert not log.append(0, 5, root, []).succeeded
    assert log.client.head() == Head(0, EMPTY)


def test_a_log_that_was_never_opened_takes_nothing(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)
    call = ledger.contract.functions.append(secrets.token_bytes(32), 0, 5, ENTRIES.root(5), [])
    with refused_with("AccessControlUnauthorizedAccount"):
        call.call({"from": log.sequencer})


def test_the_admin_cannot_append(ledger: Ledger) -> None:
    log = ledger.open_log(0, EMPTY)
    with refused_with("AccessControlUnauthorizedAccount"):
        ledger.try_append(log, 0, 5, ENTRIES.root(5), [], sender=ledger.admin)


def test_the_admin_can_replace_a_stolen_sequencer(ledger: Ledger) -> None:
    log, fresh = ledger.open_log(0, EMPTY), secrets.token_bytes(32)
    fresh_address = Account.from_key(fresh).address
    role = ledger.contract.functions.sequencerRole(log.id).call()
    for call in (
        ledger.contract.functions.revokeRole(role, log.sequencer),
        ledger.contract.functions.grantRole(role, fresh_address),
    ):
        assert ledger.send(log.sequencer_key, call)["status"] == 0, "a sequencer appoints nobody"
        assert ledger.send(ledger.admin_key, call)["status"] == 1

    with refused_with("AccessControlUnauthorizedAccount"):
        ledger.try_append(log, 0, 5, ENTRIES.root(5), [])
    assert (
        ledger.send(fresh, ledger.contract.functions.append(log.id, 0, 5, ENTRIES.root(5), []))["status"] == 1
    )


def test_no_log_name_is_the_admins_role(ledger: Ledger) -> None:
    role = ledger.contract.functions.DEFAULT_ADMIN_ROLE().call()
    assert ledger.contract.functions.sequencerRole(role).call() != role


def test_an_append_that_runs_out_of_gas_changes_nothing(ledger: Ledger) -> None:
    """Wherever the gas ends, in the SHA-256 precompile too, the old head stands."""
    log = ledger.open_log(333, ENTRIES.root(333))
    call = ledger.contract.functions.append(
        log.id, 333, 700, ENTRIES.root(700), ENTRIES.consistency(333, 700)
    )
    needed = call.estimate_gas({"from": log.sequencer})
    for gas in range(needed - 30_000, needed - 2_000, 1_733):
        assert ledger.send(log.sequencer_key, call, gas=gas)["status"] == 0
        assert log.client.head() == Head(333, ENTRIES.root(333))
    assert ledger.send(log.sequencer_key, call, gas=needed + 10_000)["status"] == 1


def test_two_logs_in_one_contract_do_not_mix(ledger: Ledger) -> None:
    """They hold the same entries, and yet what happens to the one the other never hears of."""
    one, other = ledger.open_log(8, ENTRIES.root(8)), ledger.open_log(8, ENTRIES.root(8))
    proof = ENTRIES.consistency(8, 20)

    assert one.append(8, 20, ENTRIES.root(20), proof).succeeded

    assert (one.client.head().size, other.client.head()) == (20, Head(8, ENTRIES.root(8)))
    assert other.client.anchored_at(ENTRIES.root(20)) is None
    leaf, path = leaves(1)[0], ENTRIES.inclusion(0, 20)
    assert one.client.verify_inclusion(ENTRIES.root(20), leaf, 0, path)
    assert not other.client.verify_inclusion(ENTRIES.root(20), leaf, 0, path)
    with refused_with("AccessControlUnauthorizedAccount"):
        ledger.try_append(other, 8, 20, ENTRIES.root(20), proof, sender=one.sequencer)
    assert other.append(8, 20, ENTRIES.root(20), proof).succeeded


# Inclusion


@for_examples(size=SMALL, data=st.data())
def test_an_entry_is_found_where_it_stands_and_nowhere_else(
    ledger: Ledger, size: int, data: st.DataObject
) -> None:
    log = ledger.open_log(size, ENTRIES.root(size))
    index = data.draw(st.integers(0, size - 1))
    leaf, root, path = leaves(size)[index], ENTRIES.root(size), ENTRIES.inclusion(index, size)

    assert log.client.verify_inclusion(root, leaf, index, path)
    assert not log.client.verify_inclusion(root, tree.leaf_hash(b"another"), index, path)
    assert not log.client.verify_inclusion(root, leaf, index, [*path, bytes(32)])
    for elsewhere in {index - 1, index + 1, index ^ 1, size, 2**64 - 1} - {-1, index}:
        assert not log.client.verify_inclusion(root, leaf, elsewhere, path)
    if path:
        assert not log.client.verify_inclusion(root, leaf, index, path[:-1])
        assert not log.client.verify_inclusion(root, leaf, index, [*path[:-1], bytes(32)])


@for_examples(size=ANY_SIZE, data=st.data())
def test_an_entry_of_a_log_of_any_size_is_found(ledger: Ledger, size: int, data: st.DataObject) -> None:
    log = ledger.open_log(size, UNIFORM.root(size))
    index = data.draw(st.integers(0, size - 1))
    path = UNIFORM.inclusion(index, size)
    assert log.client.verify_inclusion(UNIFORM.root(size), tree.leaf_hash(b"the same"), index, path)


@pytest.mark.parametrize(("entries", "claimed_size", "entry"), [(8, 4, 4), (4, 8, 0)])
def test_a_path_must_be_as_long_as_the_anchored_size_says(
    ledger: Ledger, entries: int, claimed_size: int, entry: int
) -> None:
    """An admin opened a log with a lie about its size. The path leads to the root, but not at that size."""
    log = ledger.open_log(claimed_size, ENTRIES.root(entries))
    path = ENTRIES.inclusion(entry, entries)
    assert not log.client.verify_inclusion(ENTRIES.root(entries), leaves(8)[entry], 0, path)


def test_nothing_is_included_under_a_root_that_was_never_anchored(ledger: Ledger) -> None:
    log, other = ledger.open_log(8, ENTRIES.root(8)), ledger.open_log(16, ENTRIES.root(16))
    leaf = leaves(1)[0]
    assert not log.client.verify_inclusion(ENTRIES.root(16), leaf, 0, ENTRIES.inclusion(0, 16))
    assert other.client.verify_inclusion(ENTRIES.root(16), leaf, 0, ENTRIES.inclusion(0, 16))
    assert not log.client.verify_inclusion(EMPTY, leaf, 0, [])


def test_the_epoch_nonce_is_what_the_deployer_chose(ledger: Ledger) -> None:
    assert ledger.client(bytes(32)).epoch_nonce() == ledger.epoch_nonce
