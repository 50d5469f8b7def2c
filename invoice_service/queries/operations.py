"""Is the service well? What `/readyz` and `/metrics` tell the people who run it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from invoice_service.queries.ledger_state import STALE
from invoice_service.services import Services

_FIGURES = text("""
    WITH live AS (SELECT * FROM epochs WHERE ended_at IS NULL),
        heads AS (SELECT s.* FROM submissions AS s JOIN live ON live.id = s.epoch_id)
    SELECT now() AS database_time,
           (SELECT count(*) FROM outbox) AS outbox_depth,
           (SELECT size FROM log_state) AS sealed_size,
           greatest((SELECT opened_size FROM live),
                    (SELECT max(new_size) FROM heads WHERE status IN ('mined', 'final'))) AS mined_size,
           greatest((SELECT opened_size FROM live),
                    (SELECT max(new_size) FROM heads WHERE status = 'final')) AS final_size,
           (SELECT min(created_at) FROM heads WHERE status = 'pending') AS pending_since,
           (SELECT reachable FROM chain_health) AS chain_reachable,
           (SELECT coalesce(nullif(detail, ''), events_detail) FROM chain_health) AS chain_detail,
           (SELECT block_number FROM chain_health) AS block_number,
           (SELECT checked_at FROM chain_health) AS chain_checked_at,
           (SELECT count(*) FROM epochs WHERE opened_at IS NOT NULL) AS epochs,
           (SELECT opened_at IS NOT NULL FROM live) AS is_open,
           coalesce((SELECT read_block FROM live), 0) AS read_block,
           (SELECT count(*) FROM relays WHERE status IN ('queued', 'sent')) AS relays_waiting,
           (SELECT min(created_at) FROM relays WHERE status IN ('queued', 'sent')) AS relays_since,
           refunds.waiting AS refunds_waiting, refunds.since AS refunds_since
    FROM (SELECT count(*) AS waiting, min(asked_at) AS since FROM refunds
          WHERE status IN ('locking', 'paying', 'crediting')) AS refunds
""")


@dataclass(frozen=True, slots=True)
class Readiness:
    """`chain` says in one word how the chain is: ok · not_answering · settler_not_running · alarm.

    `head_pending_s`: since a head was signed that no block holds; `relays_waiting_s`: since the oldest claim,
    lock or credit was asked for that is not settled; 0 for none. `blocks_unread`: final blocks whose events
    were not taken in yet. `refunds_waiting`: refunds that are not over and wait for no company.
    """

    chain: str
    chain_detail: str
    block_number: int | None
    outbox_depth: int
    sealed_size: int
    mined_size: int
    final_size: int
    head_pending_s: int
    epochs: int
    is_open: bool
    blocks_unread: int
    relays_waiting: int
    relays_waiting_s: int
    refunds_waiting: int
    refunds_waiting_s: int
    clock_skew_ms: int

    @property
    def degraded(self) -> bool:
        return self.chain != "ok" or abs(self.clock_skew_ms) > 5_000


def readiness(services: Services) -> Readiness:
    """One look at the database. Raises DatabaseUnavailable when there is none."""
    with services.database.read() as connection:
        row = connection.execute(_FIGURES).one()
    now = services.clock()
    return Readiness(
        chain=_chain_word(row.chain_reachable, row.chain_detail or "", row.chain_checked_at, now),
        chain_detail=row.chain_detail or "",
        block_number=row.block_number,
        outbox_depth=row.outbox_depth,
        sealed_size=row.sealed_size or 0,
        mined_size=row.mined_size or 0,
        final_size=row.final_size or 0,
        head_pending_s=_seconds(row.pending_since, now),
        epochs=row.epochs,
        is_open=bool(row.is_open),
        blocks_unread=max(0, (row.block_number or 0) - services.config.chain_confirmations - row.read_block),
        relays_waiting=row.relays_waiting,
        relays_waiting_s=_seconds(row.relays_since, now),
        refunds_waiting=row.refunds_waiting,
        refunds_waiting_s=_seconds(row.refunds_since, now),
        clock_skew_ms=int((now - row.database_time).total_seconds() * 1000),
    )


def _seconds(since: datetime | None, now: datetime) -> int:
    return 0 if since is None else max(0, int((now - since).total_seconds()))


def _chain_word(reachable: bool | None, detail: str, checked_at: datetime | None, now: datetime) -> str:
    if checked_at is None or now - checked_at > STALE:
        return "settler_not_running"
    if not reachable:
        return "not_answering"
    return "alarm" if detail else "ok"
