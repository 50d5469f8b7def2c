"""An office whose sales are really paid, at a sandbox beside it, so that money can really go back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from chain.statuses import Domain, sign
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import Buyer
from invoice_service.domain.policy import Actor, Role
from invoice_service.domain.refund import Back, Reason, RefundStatus
from invoice_service.domain.token import fingerprint
from invoice_service.flow import consent, issue, order, pay, refund, settle_refunds
from invoice_service.flow.claim import Wanted
from invoice_service.payments.sandbox.provider import SandboxProvider
from invoice_service.payments.sandbox.service import SandboxSettings, close, create_sandbox
from invoice_service.store import orders, refunds, rollups
from invoice_service.store.refunds import Refund
from tests import make
from tests.chain.registers import Key
from tests.claims import PRIVATE, ClaimsOffice, open_office
from tests.clock import Clock
from tests.sandbox.conftest import serving

ROUNDS = 12  # more than any refund has steps


@dataclass
class Sold:
    """`invoice` once there is one."""

    order_id: UUID
    token: str
    invoice: Wanted | None = None


@dataclass
class Till:
    office: ClaimsOffice
    vendor: Actor
    keys: int = 0

    @property
    def services(self) -> Any:
        return self.office.services

    def sell(self, wanted: int | Sequence[tuple[str, str]] = 1250, *, buyer: Buyer | None = PRIVATE) -> Sold:
        """A plain amount in fen, or (sku, quantity) pairs; paid, and invoiced unless there is no buyer."""
        what = PlainAmount(wanted) if isinstance(wanted, int) else _basket(wanted)
        placed = order.place(self.services, "A01", what)
        pay.pay_in_sandbox(self.services, placed.token)
        pay.check(self.services, placed.token)
        with self.services.database.read() as connection:
            known = orders.by_token(connection, fingerprint(placed.token))
        assert known is not None
        sold = Sold(known.id, placed.token)
        return sold if buyer is None else self.invoice(sold, buyer)

    def invoice(self, sold: Sold, buyer: Buyer = PRIVATE) -> Sold:
        issued = issue.issue(self.services, sold.token, buyer)
        return replace(sold, invoice=Wanted(issued.number, issued.token))

    def ask(self, sold: Sold, wanted: Sequence[Back] | None = None, reason: Reason = Reason.RETURNED) -> UUID:
        self.keys += 1
        vendor = replace(self.vendor, confirmed_at=self.office.clock.now)
        key = f"refund-key-{self.keys:06d}"
        return refund.ask(self.services, vendor, sold.order_id, wanted, reason, idempotency_key=key).id

    def settle(self, rounds: int = ROUNDS) -> None:
        for _ in range(rounds):
            settle_refunds.advance(self.services)
            self.office.settle()

    def settle_until(self, refund_id: UUID, status: RefundStatus) -> None:
        """One step a round, so that it is stopped where it has just come to this."""
        for _ in range(ROUNDS):
            if self.refund(refund_id).status is status:
                return
            self.settle(1)
        raise AssertionError(f"still {self.refund(refund_id).status}")

    def refund(self, refund_id: UUID) -> Refund:
        with self.services.database.read() as connection:
            found = refunds.by_id(connection, refund_id)
        assert found is not None
        return found

    def paid_back(self) -> list[tuple[str, int]]:
        """What the other company says it has paid back: our number of the refund, and fen."""
        return self.office.rows("SELECT out_refund_no, amount_fen FROM sandbox.refunds ORDER BY 1")

    def recounted(self) -> tuple[list[Any], list[Any]]:
        """The rollups as they are, and made again from the facts."""
        query = (
            "SELECT to_jsonb(h) FROM vendor_hours h ORDER BY vendor_id, hour, stall_id",
            "SELECT to_jsonb(g) FROM vendor_goods_days g ORDER BY day, name_zh, unit, rule",
        )
        before = [self.office.rows(one) for one in query]
        with self.services.database.unit_of_work() as uow:
            rollups.recount(uow.connection)
            uow.commit()
        return before, [self.office.rows(one) for one in query]

    def consent(self, company: Key, refund_id: UUID, *, lasts_s: int = 86_400, **changes: Any) -> None:
        deadline = int(self.office.clock.now.timestamp()) + lasts_s
        with self.services.database.read() as connection:
            note = refunds.note_of(connection, refund_id)
        assert note is not None
        epoch = self.office.epoch
        assert epoch.contract is not None
        message = {
            "issuerId": self.services.keyring.issuer_id,
            "claimAddress": self.office.claim_address(note.invoice_number),
            "note": note.commitment,
            "whole": note.whole,
            "notes": note.notes,
            "deadline": deadline,
        } | changes
        domain = Domain(epoch.chain_id, epoch.contract, epoch.nonce)
        signed = sign(company.secret, domain.digest("Consent", **message))
        consent.consent(self.services, refund_id, deadline, (signed.r, signed.vs))


def _basket(wanted: Sequence[tuple[str, str]]) -> Basket:
    return Basket(tuple((sku, Decimal(quantity)) for sku, quantity in wanted))


@contextmanager
def open_till(folder: Path, database_url: str, rpc_url: str, **settings: Any) -> Iterator[Till]:
    office = open_office(folder, database_url, rpc_url, **settings)
    vendor_id = office.query("SELECT min(id) FROM vendors")
    market_id = office.query("SELECT min(id) FROM markets")
    with office.services.database.unit_of_work() as uow:
        account = make.account(uow.connection, "vendor", market_id=market_id, vendor_id=vendor_id)
        uow.commit()
    office.services.database.dispose()
    vendor = Actor(account, 0, Role.VENDOR, "李秀英", market_id, vendor_id)
    with _beside_a_sandbox(office.services.config, office.clock, vendor) as till:
        yield till


@contextmanager
def reopened(till: Till, database_url: str) -> Iterator[Till]:
    """One that was closed, over a copy of its database, with a sandbox of its own."""
    config = replace(till.services.config, database_url=database_url)
    with _beside_a_sandbox(config, Clock(datetime.now(UTC)), till.vendor) as opened:
        yield opened


@contextmanager
def _beside_a_sandbox(config: Config, clock: Clock, vendor: Actor) -> Iterator[Till]:
    sandbox = create_sandbox(
        SandboxSettings(
            database_url=config.database_url,
            data_dir=config.data_dir,
            bind="127.0.0.1:0",
            public_url="http://pay.example",
            notify_url="http://127.0.0.1:9/nobody-hears-it",
        ),
        clock=clock,
    )
    with serving(sandbox) as url:
        services = build_services(replace(config, sandbox_url=url), clock=clock)
        try:
            yield Till(ClaimsOffice(services, clock, config.data_dir), vendor)
        finally:
            cast(SandboxProvider, services.providers["sandbox"])._http.clear()
            services.database.dispose()
    close(sandbox)
