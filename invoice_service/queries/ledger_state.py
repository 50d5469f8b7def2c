"""Where entries stand: queued, sealed, mined or final. Derived from sizes by one statement for any number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from invoice_service.ledger.entry import Kind
from invoice_service.queries.views import LedgerState

# A settler looks at the chain at least every few seconds; one that has not for this long is not running.
STALE = timedelta(seconds=15)

_STATES = text("""
    SELECT entry.fact, entry.index AS entry_index, head.new_size, head.tx_hash, head.block_number, head.status
    FROM log_entries AS entry
    LEFT JOIN LATERAL (
        SELECT opened_size AS new_size, opened_tx AS tx_hash, opened_block AS block_number, 'final' AS status
        FROM epochs WHERE ended_at IS NULL AND opened_at IS NOT NULL AND opened_size > entry.index
        UNION ALL (
            SELECT s.new_size, s.tx_hash, s.block_number, s.status
            FROM submissions AS s JOIN epochs ON epochs.id = s.epoch_id AND epochs.ended_at IS NULL
            WHERE s.status IN ('mined', 'final') AND s.new_size > entry.index
            ORDER BY s.new_size LIMIT 1
        )
        ORDER BY new_size LIMIT 1
    ) AS head ON true
    WHERE entry.kind = :kind AND entry.fact = ANY(:facts)
""")
_HEALTH = text("SELECT reachable AND checked_at > :since FROM chain_health")


def ledger_states(
    connection: Connection, kind: Kind, facts: Sequence[str], *, now: datetime
) -> dict[str, LedgerState]:
    """The state of each fact's entry; a fact that is not in the log yet is queued."""
    rows = {row.fact: row for row in connection.execute(_STATES, {"kind": int(kind), "facts": list(facts)})}
    all_on_chain = len(rows) == len(set(facts)) and all(row.status for row in rows.values())
    waiting = not all_on_chain and not chain_answers(connection, now)
    return {fact: _state(rows.get(fact), waiting) for fact in facts}


def _state(row: Row[Any] | None, waiting: bool) -> LedgerState:
    if row is None:
        return LedgerState("queued", waiting=waiting)
    if row.status is None:
        return LedgerState("sealed", index=row.entry_index, waiting=waiting)
    return LedgerState(
        state=row.status,
        index=row.entry_index,
        tree_size=row.new_size,
        tx_hash="0x" + row.tx_hash.hex(),
        block_number=row.block_number,
    )


def chain_answers(connection: Connection, now: datetime) -> bool:
    """Whether a settler has reached the chain within the last seconds."""
    return bool(connection.execute(_HEALTH, {"since": now - STALE}).scalar())
