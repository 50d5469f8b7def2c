"""A small installation on a real chain and database, with invoices to claim and companies that claim them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from chain.deploy import Deployer
from chain.events import StatusEvents
from chain.sender import Sender
from chain.statuses import Domain, State, StatusContract, sign
from invoice_service import keyring, onchain
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import Buyer, make_buyer
from invoice_service.domain.token import fingerprint
from invoice_service.flow import anchor, claim, ingest, issue, open_epoch, order, pay, relay
from invoice_service.flow.claim import Terms, Wanted
from invoice_service.payments.provider import PaymentReport, PaymentState
from invoice_service.queries import claims
from invoice_service.services import Services
from invoice_service.store import orders
from invoice_service.store.chain import Epoch
from tests import make
from tests.chain.registers import Key
from tests.clock import Clock
from tests.stack import eventually

OLDER = timedelta(minutes=1)  # keys than claims: a chain's clock tells whole seconds, and may be behind
PRIVATE = make_buyer("individual", "", None)


@dataclass
class ClaimsOffice:
    """An installation with an epoch that is open, whose rounds a test takes by hand."""

    services: Services
    clock: Clock
    folder: Path

    @property
    def epoch(self) -> Epoch:
        return anchor.live_epoch(self.services)

    @property
    def account(self) -> Sender:
        return onchain.relay_account(self.services, self.epoch)

    @property
    def events(self) -> StatusEvents:
        return onchain.status_events(self.services, self.epoch)

    @property
    def contract(self) -> StatusContract:
        address = self.epoch.contract
        assert address is not None
        return StatusContract(
            self.services.config.chain_rpc_url, address=address, issuer_id=self.services.keyring.issuer_id
        )

    @property
    def deployer(self) -> Deployer:
        keys = self.services.keyring
        url = self.services.config.chain_rpc_url
        return Deployer(url, admin_key=keys.admin, sequencer_key=keys.sequencer)

    def environment(self, **changed: str) -> dict[str, str]:
        """For the service's processes, which settle at once and begin an epoch by themselves."""
        config = self.services.config
        return {
            **os.environ,
            "DATA_DIR": str(config.data_dir),
            "DATABASE_URL": config.database_url,
            "CHAIN_RPC_URL": config.chain_rpc_url,
            "SANDBOX_URL": config.sandbox_url,
            "SETTLE_INTERVAL_MS": "50",
            "ANCHOR_INTERVAL_MS": "50",
            "NEW_EPOCH_IF_WIPED": "1",
            **changed,
        }

    def begin_epoch(self, *, in_place_of: int | None = None) -> Epoch:
        root = keyring.load_root(self.folder)
        return open_epoch.open_epoch(self.services, self.deployer, root, in_place_of=in_place_of)

    def invoice(self, amount_fen: int = 1250, buyer: Buyer = PRIVATE) -> Wanted:
        """A paid order's invoice, from nothing, with its token."""
        placed = order.place(self.services, "A01", PlainAmount(amount_fen))
        with self.services.database.unit_of_work() as uow:
            known = orders.by_token(uow.connection, fingerprint(placed.token))
            assert known is not None
            report = PaymentReport(
                out_trade_no=known.out_trade_no,
                state=PaymentState.SUCCEEDED,
                amount_fen=amount_fen,
                transaction_id=secrets.token_hex(8),
                paid_at=self.services.clock(),
            )
            pay._record(self.services, uow.connection, "sandbox", report)
            uow.commit()
        issued = issue.issue(self.services, placed.token, buyer)
        return Wanted(issued.number, issued.token)

    def claim_address(self, number: str) -> bytes:
        return bytes(self.query("SELECT claim_address FROM invoices WHERE number = :number", number=number))

    def terms(self, company: Key, *, nonce: int | None = None, lasts_s: int = 3600) -> Terms:
        nonce = self.contract.nonce_of(company.address) if nonce is None else nonce
        deadline = int(self.clock.now.timestamp()) + lasts_s
        return Terms("0x" + company.address.hex(), nonce, deadline)

    def signature(self, company: Key, kind: str, numbers: Sequence[str], terms: Terms) -> tuple[bytes, bytes]:
        epoch = self.epoch
        assert epoch.contract is not None
        signed = sign(
            company.secret,
            Domain(epoch.chain_id, epoch.contract, epoch.nonce).digest(
                kind,
                issuerId=self.services.keyring.issuer_id,
                claimAddresses=[self.claim_address(number) for number in numbers],
                nonce=terms.nonce,
                deadline=terms.deadline,
            ),
        )
        return signed.r, signed.vs

    def claim(self, company: Key, wanted: Sequence[Wanted], **terms: int) -> bytes:
        agreed = self.terms(company, **terms)
        signed = self.signature(company, "Claim", [one.number for one in wanted], agreed)
        return claim.claim(self.services, wanted, agreed, signed)

    def release(self, company: Key, wanted: Sequence[Wanted]) -> bytes:
        agreed, numbers = self.terms(company), [one.number for one in wanted]
        signed = self.signature(company, "Release", numbers, agreed)
        return claim.release(self.services, numbers, agreed, signed)

    def send(self) -> None:
        """The call that has waited longest, until it is mined: on a busy machine the chain takes a moment."""
        eventually(lambda: relay.relay(self.services, self.account) == "mined")

    def settle(self) -> None:
        """Send what waits, take in what came of it, until nothing is left to do."""
        while relay.relay(self.services, self.account) in ("mined", "refused"):
            pass
        while ingest.ingest(self.services, self.events):
            pass
        relay.relay(self.services, self.account)

    def outcomes(self, claim_id: bytes) -> list[str]:
        return [one.outcome for one in claims.claim(self.services, claim_id.hex()).invoices]

    def state(self, one: Wanted) -> tuple[State, int]:
        status = self.contract.status_of(self.claim_address(one.number))
        return status.state, status.notes

    def query(self, sql: str, **parameters: Any) -> Any:
        with self.services.database.read() as connection:
            return connection.execute(text(sql), parameters).scalar()

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with self.services.database.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql), parameters)]


def open_office(folder: Path, database_url: str, rpc_url: str, **settings: Any) -> ClaimsOffice:
    """With one small market, on a chain that is running. The database is migrated already."""
    clock = Clock(datetime.now(UTC) - OLDER)
    keyring.make_missing(folder, now=clock.now, issuer_name="test")
    config = Config(data_dir=folder, database_url=database_url, chain_rpc_url=rpc_url, **settings)
    services = build_services(config, clock=clock)
    open_epoch.prepare_log(services, keyring.load_root(folder))
    clock.now += OLDER
    office = ClaimsOffice(services, clock, folder)
    office.begin_epoch()
    with services.database.unit_of_work() as uow:
        make.small_market(uow.connection)
        uow.commit()
    return office
