"""The settling process: parts, each at its own pace in a thread of its own.

Sealing is cheap and waits for nobody. The chain and the payment providers are strangers that may hang
until a time-out, so neither may hold up the other, nor the sealing. Whatever a part raises, it is said
once, and tried again the next time: nothing that fails once may end the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from chain.client import LedgerContract
from invoice_service.app import ledger_contract
from invoice_service.errors import Error
from invoice_service.flow import (
    anchor,
    close_access_day,
    export_sales,
    find,
    pay,
    seal,
    seal_returns,
    sum_days,
)
from invoice_service.services import Services

log = structlog.get_logger()


def run(services: Services, stopping: threading.Event) -> None:
    """Until `stopping` is set; then each part ends the round it is in."""
    config = services.config
    parts = (
        _Part("seal", lambda: _seal(services), config.settle_interval_ms),
        _Part("anchor", _Anchorer(services).round, config.anchor_interval_ms),
        _Part("payments", lambda: _chase(services), config.chase_interval_ms),
        _Part("access", lambda: _close_days(services), config.close_interval_ms),
        _Part("sums", lambda: _sum_days(services), config.close_interval_ms),
        _Part("exports", lambda: _export(services), config.export_interval_ms),
        _Part("rules", lambda: _run_rules(services), config.close_interval_ms),
        _Part("returns", lambda: _seal_returns(services), config.close_interval_ms),
    )
    threads = [threading.Thread(target=part.run, args=(stopping,), name=part.name) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _Part:
    """One thing that is done again and again."""

    def __init__(self, name: str, work: Callable[[], None], every_ms: int) -> None:
        self.name = name
        self._work = work
        self._every_s = every_ms / 1000
        self._failing = False

    def run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self._once()
            stopping.wait(self._every_s)

    def _once(self) -> None:
        """Say once that the work fails, and once that it works again."""
        try:
            self._work()
        except Exception as error:
            if not self._failing:
                foreseen = isinstance(error, Error | ConnectionError)
                log.error("settling fails", part=self.name, reason=str(error), exc_info=not foreseen)
            self._failing = True
        else:
            if self._failing:
                log.info("settling works again", part=self.name)
            self._failing = False


def _seal(services: Services) -> None:
    while seal.seal(services) == services.config.seal_batch:
        pass  # a full batch: there may be more


class _Anchorer:
    """Anchoring rounds with one client an epoch, since a client keeps its connection."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._epoch_id = 0
        self._contract: LedgerContract | None = None

    def round(self) -> None:
        try:
            anchor.anchor(self._services, self._live_contract())
        except (ConnectionError, anchor.NotDeployed) as error:
            anchor.note_health(self._services, reachable=False, detail=str(error))
            raise
        except anchor.HeadsDiverge as error:
            anchor.note_health(self._services, reachable=True, detail=str(error))
            raise

    def _live_contract(self) -> LedgerContract:
        epoch = anchor.live_epoch(self._services)
        if self._contract is None or self._epoch_id != epoch.id:
            self._contract, self._epoch_id = ledger_contract(self._services, epoch), epoch.id
        return self._contract


def _chase(services: Services) -> None:
    pay.chase(services)
    pay.close_expired(services)
    pay.return_owed(services)


def _close_days(services: Services) -> None:
    closed = close_access_day.close_ended(services)
    if closed:
        log.info("access record closed", days=closed)


def _export(services: Services) -> None:
    export_sales.work(services)


def _run_rules(services: Services) -> None:
    while ran := find.find_ended(services):
        log.info("rules run", days=ran)


def _sum_days(services: Services) -> None:
    while summed := sum_days.sum_ended(services):
        log.info("days summed", days=summed)


def _seal_returns(services: Services) -> None:
    while sealed := seal_returns.seal_ended(services):
        log.info("returns sealed", returns=sealed)
