"""The settling process: parts, each at its own pace in a thread of its own.

Sealing is cheap and waits for nobody. The chain and the payment providers are strangers that may hang
until a time-out, so neither may hold up the other, nor the sealing. Whatever a part raises, it is said
once, and tried again the next time: nothing that fails once may end the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

import structlog

from chain.client import LedgerContract, NoContract
from chain.deploy import Deployer
from chain.events import StatusEvents
from chain.sender import Sender
from invoice_service import keyring, onchain
from invoice_service.errors import Error
from invoice_service.flow import (
    anchor,
    close_access_day,
    export_sales,
    find,
    ingest,
    mail_invoice,
    open_epoch,
    pay,
    relay,
    seal,
    seal_returns,
    settle_refunds,
    sum_days,
)
from invoice_service.mail.chosen import chosen_post
from invoice_service.queries import mails
from invoice_service.services import Services
from invoice_service.store.chain import Epoch

log = structlog.get_logger()
Client = TypeVar("Client")
Make = Callable[[Services, Epoch], Client]
Work = Callable[[Services, Client], None]


def run(services: Services, stopping: threading.Event) -> None:
    """Until `stopping` is set; then each part ends the round it is in."""
    config, renewer = services.config, _Renewer(services)
    anchoring = _Watched(services, _OnChain(services, renewer, onchain.ledger_contract, _anchor))
    relaying = _OnChain(services, renewer, onchain.relay_account, _relay)
    ingesting = _OnChain(services, renewer, onchain.status_events, _ingest)
    parts = (
        _Part("seal", lambda: _seal(services), config.settle_interval_ms),
        _Part("anchor", anchoring.round, config.anchor_interval_ms),
        _Part("relay", relaying.round, config.anchor_interval_ms),
        _Part("ingest", ingesting.round, config.anchor_interval_ms),
        _Part("payments", lambda: _chase(services), config.chase_interval_ms),
        _Part("refunds", lambda: _settle_refunds(services), config.anchor_interval_ms),
        _Part("mails", _Mailing(services).round, config.chase_interval_ms),
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


class _OnChain(Generic[Client]):
    """Rounds with the live epoch's contract: one client an epoch, since a client keeps its connection.

    What says that the epoch is over begins the next one, where the chain is ours to begin on again; else
    it stays an alarm until somebody has looked.
    """

    def __init__(self, services: Services, renewer: _Renewer, make: Make[Client], work: Work[Client]) -> None:
        self._services = services
        self._renewer = renewer
        self._make = make
        self._work = work
        self._epoch_id = 0
        self._client: Client | None = None

    def round(self) -> None:
        try:
            epoch = anchor.live_epoch(self._services)
        except anchor.NotDeployed:
            if not self._renewer.go_on():
                raise
            return
        if self._client is None or self._epoch_id != epoch.id:
            self._client, self._epoch_id = self._make(self._services, epoch), epoch.id
        try:
            self._work(self._services, self._client)
        except (NoContract, anchor.EpochGone, ingest.EventsLost) as error:
            if not self._renewer.renew(epoch, is_gone=not isinstance(error, ingest.EventsLost)):
                raise
            log.warning("the epoch is over", reason=str(error))


class _Renewer:
    """Begins an epoch in place of one that is over; only one part of this process at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._one_at_a_time = threading.Lock()

    def renew(self, over: Epoch, *, is_gone: bool) -> bool:
        """False where that is not for a process to decide, the root key is put away, or a second look finds
        the contract that was not there: one bad answer of a node ends no epoch."""
        if is_gone and over.contract is not None and self._deployer().holds(over.contract, over.nonce):
            return False
        return self._begin(in_place_of=over.id)

    def go_on(self) -> bool:
        """What a crash left half begun. False where nothing was."""
        return open_epoch.is_beginning(self._services) and self._begin(in_place_of=None)

    def _begin(self, *, in_place_of: int | None) -> bool:
        config = self._services.config
        root = keyring.root_if_here(config.data_dir)
        if not config.new_epoch_if_wiped or root is None:
            return False
        with self._one_at_a_time:
            open_epoch.open_epoch(self._services, self._deployer(), root, in_place_of=in_place_of)
        return True

    def _deployer(self) -> Deployer:
        url, keys = self._services.config.chain_rpc_url, self._services.keyring
        return Deployer(url, admin_key=keys.admin, sequencer_key=keys.sequencer)


def _anchor(services: Services, contract: LedgerContract) -> None:
    anchor.anchor(services, contract)


def _relay(services: Services, account: Sender) -> None:
    while relay.relay(services, account) in ("mined", "refused"):
        pass  # the next one need not wait for the next round


def _ingest(services: Services, events: StatusEvents) -> None:
    """What cannot be taken in stands in `/readyz`, too."""
    try:
        while ingest.ingest(services, events):
            pass  # there is more to read
    except (ingest.StatusesDiverge, ingest.EventsLost) as error:
        anchor.note_events(services, str(error))
        raise
    anchor.note_events(services)


class _Watched:
    """Anchoring tells the others how the chain is: what ends a round stands in `/readyz`."""

    def __init__(self, services: Services, on_chain: _OnChain[LedgerContract]) -> None:
        self._services = services
        self._on_chain = on_chain

    def round(self) -> None:
        try:
            self._on_chain.round()
        except (anchor.HeadsDiverge, anchor.EpochGone, NoContract) as error:
            anchor.note_health(self._services, reachable=True, detail=str(error))
            raise
        except (ConnectionError, anchor.NotDeployed) as error:
            anchor.note_health(self._services, reachable=False, detail=str(error))
            raise


def _chase(services: Services) -> None:
    pay.chase(services)
    pay.close_expired(services)
    pay.return_owed(services)


def _settle_refunds(services: Services) -> None:
    settle_refunds.advance(services)


class _Mailing:
    """Mail is sent one after another: a server that hangs keeps nothing waiting but mail."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._post = chosen_post(services.config)

    def round(self) -> None:
        if self._post is not None:
            while mail_invoice.send_due(self._services, self._post, partial(mails.written, self._services)):
                pass  # the next one need not wait for the next round


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
