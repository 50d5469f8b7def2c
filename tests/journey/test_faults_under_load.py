"""A market goes on selling, invoicing and claiming while what it stands on is taken away."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from chain.statuses import State
from invoice_service.app import build_services
from invoice_service.config import Config
from scripts.lib.addresses import free_port
from tests.chain.registers import Key
from tests.claims import ClaimsOffice
from tests.clock import Clock
from tests.load import more, under_load
from tests.servers import Servers
from tests.stack import Stack, eventually
from tests.whole import assert_whole

QUICK = {
    "SETTLE_INTERVAL_MS": "50",
    "ANCHOR_INTERVAL_MS": "50",
    "PAYMENT_QUERY_AFTER_S": "1,1,1,2,2,5",
    "CHASE_INTERVAL_MS": "200",
    "NEW_EPOCH_IF_WIPED": "1",
}


@dataclass(frozen=True, slots=True)
class Sale:
    """An invoice as its shopper has it, and the claim that a company was promised."""

    invoice: dict[str, Any]
    company: Key
    claim_id: str


@dataclass(frozen=True, slots=True)
class Market:
    """People who try again until it works, as people do."""

    stack: Stack
    office: ClaimsOffice

    def sell(self) -> Sale:
        order_id = tried(lambda: self.stack.place()["order_id"])
        tried(lambda: self._paid(order_id))
        invoice = tried(lambda: self._issued(order_id))
        company = Key()
        return Sale(invoice, company, tried(lambda: self.claim(company, invoice)))

    def _paid(self, order_id: str) -> bool:
        if self.stack.order(order_id)["status"] != "paid":
            self.stack.pay(order_id)
        return bool(self.stack.order(order_id)["status"] == "paid")

    def _issued(self, order_id: str) -> dict[str, Any] | None:
        answer = self.stack.issue(order_id)
        return answer.json() if answer.status_code in (200, 201) else None

    def claim(self, company: Key, invoice: dict[str, Any]) -> str | None:
        """The id of the claim that the service has accepted, if it has."""
        terms = self.office.terms(company, nonce=0)
        r, vs = self.office.signature(company, "Claim", [invoice["number"]], terms)
        wanted = {
            "claimant": terms.claimant,
            "nonce": terms.nonce,
            "deadline": terms.deadline,
            "signature": {"r": r.hex(), "vs": vs.hex()},
            "invoices": [{"number": invoice["number"], "token": invoice["token"]}],
        }
        answer = requests.post(f"{self.stack.url}/api/v1/claims", json=wanted, timeout=10)
        return answer.json()["claim_id"] if answer.status_code == 202 else None

    def told(self, sale: Sale) -> tuple[str, str | None, str]:
        """Status, reason and outcome."""
        told = requests.get(f"{self.stack.url}/api/v1/claims/{sale.claim_id}", timeout=10).json()
        return told["status"], told["reason"], told["invoices"][0]["outcome"]

    def final(self, sales: list[Sale]) -> list[Sale]:
        return [sale for sale in sales if self.told(sale)[2] == "claimed"]

    def assert_nothing_is_lost(self, sales: list[Sale]) -> None:
        """Whoever has an invoice finds it anchored, and its claim made, or to be made again."""
        assert_whole(self.stack.environment)
        for sale in sales:
            assert self.stack.ledger(sale.invoice)["state"] == "final"
            assert self.told(sale) in (
                ("done", None, "claimed"),
                ("refused", "epoch_over", "not_claimed"),
                ("refused", "epoch_over", "claimed"),  # it was final before, but nobody had looked
            )


def tried(once: Callable[[], Any]) -> Any:
    """Again and again, whatever it raised."""

    def attempt() -> Any:
        with suppress(Exception):
            return once()
        return None

    return eventually(attempt, within_s=30)


@contextmanager
def market(stack: Stack) -> Iterator[Market]:
    """Open: all processes run."""
    stack.extra |= QUICK
    services = build_services(Config.from_environment(stack.environment))
    try:
        stack.start("sandbox", "settle", "web")
        yield Market(stack, ClaimsOffice(services, Clock(datetime.now(UTC)), stack.folder))
    finally:
        services.database.dispose()


def wipe(stack: Stack) -> None:
    """Another chain, with another genesis, answers where ours did."""
    assert stack.node is not None
    stack.node.process.kill()
    stack.node.process.wait()
    shutil.rmtree(stack.folder / "chain", ignore_errors=True)
    stack.start_chain()


def test_a_chain_wiped_in_the_middle_of_a_load_is_healed(own_stack: Stack) -> None:
    """Statuses are restored before claims are opened again, so nobody claims twice what was final."""
    stack = own_stack
    with market(stack) as here:
        with under_load(here.sell) as sales:
            eventually(lambda: len(here.final(sales)) >= 2)
            before = here.final(sales)
            wipe(stack)
            eventually(lambda: stack.query("SELECT count(*) FROM epochs WHERE opened_at IS NOT NULL") == 2)
            more(sales, 3)
        here.assert_nothing_is_lost(sales)
        for sale in before:
            status = here.office.contract.status_of(here.office.claim_address(sale.invoice["number"]))
            assert (status.state, status.claimant) == (State.CLAIMED, sale.company.address)
        assert len(here.final(sales)) >= len(before) + 3, "claims are open again"
        taken = Sale(before[0].invoice, Key(), "")
        rival = Sale(taken.invoice, taken.company, str(here.claim(taken.company, taken.invoice)))
        eventually(lambda: here.told(rival)[2] == "claimed_already")
        evidence = stack.folder / "evidence.json"
        evidence.write_bytes(stack.get_file(before[0].invoice, "/evidence").content)
        root = str(stack.folder / "keys" / "issuer.der")
        verified = stack.command("verify", str(evidence), "--trust", root, "--rpc", stack.rpc_url)
        assert verified.returncode == 0, verified.stdout


def test_postgresql_killed_and_stopped_under_load(open_path: Path) -> None:
    """Web, sandbox and settler find the database again by themselves."""
    servers, port = Servers(open_path), free_port()
    stack = Stack(open_path / "stack", servers.start(port).url)
    try:
        stack.set_up()
        with market(stack) as here:
            with under_load(here.sell) as sales:
                more(sales, 2)
                servers.kill()
                servers.start(port)
                more(sales, 2)
                servers.children[-1].stop()
                servers.start(port)
                more(sales, 2)
            here.assert_nothing_is_lost(sales)
            assert len(here.final(sales)) == len(sales)
    finally:
        stack.stop()
        servers.stop()
