"""Whether an installation is whole: what must be true after any fault, once nothing is left to do.

Everything is compared with something else that should say the same: the log with the facts, the contract's
head with the log's entries, events taken in with the chain's, statuses with the events and the contract.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import text

from chain.client import connect
from chain.statuses import StatusContract
from invoice_service import onchain
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.standing import Change, Standing
from invoice_service.flow import anchor
from invoice_service.ledger import tree
from invoice_service.ledger.entry import Kind
from invoice_service.services import Services
from tests import forked
from tests.stack import eventually

# What is left to do, by name, in one statement and so at one instant.
_LEFT = """
SELECT (SELECT count(*) FROM outbox) AS entries_to_seal,
    (SELECT count(*) FROM epochs WHERE opened_at IS NULL) AS epochs_to_open,
    (SELECT size FROM log_state) - greatest(e.opened_size,
        (SELECT max(new_size) FROM submissions WHERE epoch_id = e.id AND status = 'final'))
        AS entries_to_anchor,
    (SELECT count(*) FROM submissions WHERE epoch_id = e.id AND status IN ('pending', 'mined'))
        AS heads_under_way,
    (SELECT count(*) FROM relays WHERE status IN ('queued', 'sent')) AS calls_to_send,
    (SELECT count(*) FROM relay_transactions WHERE epoch_id = e.id AND status IN ('pending', 'mined'))
        AS calls_under_way,
    (SELECT count(*) FROM refunds WHERE status IN ('locking', 'paying', 'crediting')) AS refunds_not_over,
    e.read_block
FROM epochs e WHERE e.ended_at IS NULL
"""
_FACTS = """
SELECT 1, order_id::text FROM sales UNION ALL SELECT 3, number FROM invoices
UNION ALL SELECT CASE change WHEN 'claimed' THEN 5 ELSE 6 END, id::text FROM chain_events
    WHERE change IN ('claimed', 'released')
UNION ALL SELECT 2, id::text FROM refunds WHERE paid_back_at IS NOT NULL
UNION ALL SELECT 4, number FROM credit_notes WHERE event_id IS NOT NULL
"""
# Of each refund of an invoice: how it stands, and how often the contract wrote its note down.
_NOTED = """
SELECT r.id, r.status, n.event_id IS NOT NULL, count(e.id) FROM refunds AS r
JOIN credit_notes AS n ON n.refund_id = r.id LEFT JOIN chain_events AS e ON e.note = n.commitment
GROUP BY r.id, n.event_id
"""
_EVENTS = """
SELECT number, change, block_time, claimant, coalesce(whole, false) FROM chain_events ORDER BY id
"""
ATTESTED = (Kind.SALE, Kind.REFUND, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.CLAIM, Kind.RELEASE)


def assert_whole(environment: Mapping[str, str], *, within_s: float = 20) -> None:
    """Wait until nothing is left to do, and compare all. The audit shares no code with this."""
    services = build_services(Config.from_environment(environment))
    try:
        with suppress(AssertionError):  # or nobody would hear what is left
            eventually(lambda: not left_to_do(services), within_s=within_s)
        assert left_to_do(services) == {}
        assert_log_is_whole(services)
        assert_statuses_are_whole(services)
        assert_refunds_are_whole(services)
    finally:
        services.database.dispose()
    audited = forked.run(["audit", "--restart"], environment)
    assert audited.returncode == 0, audited.stdout + audited.stderr


def left_to_do(services: Services) -> dict[str, int]:
    with services.database.read() as connection:
        left = dict(connection.execute(text(_LEFT)).mappings().one())
    left["blocks_to_read"] = _newest_block(services) - left.pop("read_block")
    return {name: count for name, count in left.items() if count}


def _newest_block(services: Services) -> int:
    return int(connect(services.config.chain_rpc_url, services.config.chain_timeout_s).eth.block_number)


def assert_log_is_whole(services: Services) -> None:
    """Every fact stands in it once, indexes have no gap, and all of it is under the contract's head."""
    entries = _rows(services, 'SELECT index, kind, fact, entry FROM log_entries ORDER BY "index"')
    assert [index for index, *_ in entries] == list(range(len(entries)))
    logged = sorted((kind, fact) for _, kind, fact, _ in entries if kind in ATTESTED)
    assert logged == sorted(_rows(services, _FACTS))
    head = onchain.ledger_contract(services, anchor.live_epoch(services)).head()
    root = tree.root_of([tree.leaf_hash(entry) for *_, entry in entries])
    assert (head.size, head.root) == (len(entries), root)


def assert_statuses_are_whole(services: Services) -> None:
    """Each event of the chain was taken in once, and what they amount to is what the contract says."""
    epoch = anchor.live_epoch(services)
    source = onchain.status_events(services, epoch)
    addresses = dict(_rows(services, "SELECT claim_address, number FROM invoices"))
    told = [
        (event.tx_hash, event.place, event.block_hash, addresses[event.claim_address], event.change)
        for event in source.between(epoch.opened_block or 0, source.block_number())
        if event.claim_address in addresses
    ]
    kept = "SELECT tx_hash, place, block_hash, number, change FROM chain_events WHERE epoch_id = :epoch"
    assert sorted(told) == sorted(_rows(services, kept, epoch=epoch.id))
    amount_to = _folded(services)
    columns = "SELECT number, state, notes, since, claimant FROM invoice_statuses"
    assert {number: Standing(*rest) for number, *rest in _rows(services, columns)} == amount_to
    assert epoch.contract is not None
    contract = StatusContract(
        services.config.chain_rpc_url, address=epoch.contract, issuer_id=services.keyring.issuer_id
    )
    for address, number in addresses.items():
        says, expected = contract.status_of(address), amount_to.get(number, Standing())
        claimant = says.claimant if any(says.claimant) else None
        assert (says.state.name.lower(), says.notes, claimant) == (
            expected.state, expected.notes, expected.claimant
        ), number  # fmt: skip


def assert_refunds_are_whole(services: Services) -> None:
    """A credit note is in force, by one event, where its refund is done; else it never was."""
    for refund_id, status, is_in_force, events in _rows(services, _NOTED):
        is_done = status == "done"
        assert (is_in_force, events) == (is_done, int(is_done)), refund_id


def _folded(services: Services) -> dict[str, Standing]:
    """By all events of all epochs. Raises ImpossibleChange where an invoice was claimed twice."""
    standings: defaultdict[str, Standing] = defaultdict(Standing)
    for number, change, time, claimant, whole in _rows(services, _EVENTS):
        standings[number] = standings[number].after(Change(change), time, claimant=claimant, whole=whole)
    return dict(standings)


def _rows(services: Services, sql: str, **parameters: Any) -> list[Any]:
    with services.database.read() as connection:
        return [tuple(row) for row in connection.execute(text(sql), parameters)]
