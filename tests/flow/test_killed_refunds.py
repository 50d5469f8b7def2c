"""Settlers killed at each step of a refund: another one goes on, money goes back once, one note is in force.

Every test asks for one refund in the same installation; the database is a copy, and the chain is set back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from chain import node
from chain.node import AnvilNode
from chain.statuses import State
from invoice_service.domain.refund import Back, RefundStatus
from scripts.lib.addresses import free_port
from tests import dying, forked
from tests.chain.registers import Key
from tests.conftest import copy_of_database
from tests.till import Sold, Till, open_till, reopened
from tests.whole import assert_whole

HALF = [Back(0, quantity=Decimal("0.5"))]
ASKED_FOR_THE_LOCK = "after invoice_service.flow.settle_refunds:_ask_contract"
PAYING = "before invoice_service.payments.sandbox.provider:SandboxProvider.refund"
PAID = "after invoice_service.payments.sandbox.provider:SandboxProvider.refund"
PAID_BACK = "after invoice_service.flow.settle_refunds:_paid_back"
ASKED_TO_CREDIT = "after invoice_service.flow.settle_refunds:_credit"
CREDITED = "before invoice_service.flow.ingest:credited"
IN_FORCE = "after invoice_service.store.refunds:put_in_force"


@dataclass
class Beginning:
    """A till that is closed, its chain as it was then, and what it had sold: one with an invoice, one whose
    invoice a company has claimed, one without."""

    till: Till
    chain: AnvilNode
    snapshot: str
    invoiced: Sold
    claimed: Sold
    company: Key
    plain: Sold


@pytest.fixture(scope="module")
def beginning(
    tmp_path_factory: pytest.TempPathFactory, module_migrated_database_url: str
) -> Iterator[Beginning]:
    folder, chain, company = tmp_path_factory.mktemp("till"), node.start(port=free_port()), Key()
    try:
        with open_till(folder, module_migrated_database_url, chain.rpc_url) as till:
            invoiced, claimed, plain = till.sell(), till.sell(), till.sell(buyer=None)
            assert claimed.invoice is not None
            till.office.claim(company, [claimed.invoice])
            till.office.settle()
        yield Beginning(till, chain, chain.call("evm_snapshot"), invoiced, claimed, company, plain)
    finally:
        chain.stop()


@pytest.fixture
def till(beginning: Beginning) -> Iterator[Till]:
    """The same installation, for the test alone."""
    assert beginning.chain.call("evm_revert", beginning.snapshot)
    beginning.snapshot = beginning.chain.call("evm_snapshot")
    with (
        copy_of_database(beginning.till.services.config.database_url) as database_url,
        reopened(beginning.till, database_url) as opened,
    ):
        yield opened


def die_and_go_on(step: str, till: Till, asked: UUID, log: Path) -> None:
    environment = till.office.environment()
    dying.settle_until(step, environment, log)
    with forked.running(["settle"], environment, log):
        assert_whole(environment)
    refund = till.refund(asked)
    assert refund.status is RefundStatus.DONE
    assert till.paid_back() == [(f"RF{asked.hex}", refund.amount_fen)]
    before, again = till.recounted()
    assert before == again


@pytest.mark.parametrize(
    "step", [ASKED_FOR_THE_LOCK, PAYING, PAID, PAID_BACK, ASKED_TO_CREDIT, CREDITED, IN_FORCE]
)
def test_a_settler_killed_at_any_step_of_a_refund(
    step: str, beginning: Beginning, till: Till, tmp_path: Path
) -> None:
    assert beginning.invoiced.invoice is not None
    asked = till.ask(beginning.invoiced, HALF)
    die_and_go_on(step, till, asked, tmp_path / "log")
    assert till.office.state(beginning.invoiced.invoice) == (State.FREE, 1)


@pytest.mark.parametrize("step", [PAID, ASKED_TO_CREDIT])
def test_a_settler_killed_after_the_company_agreed(
    step: str, beginning: Beginning, till: Till, tmp_path: Path
) -> None:
    assert beginning.claimed.invoice is not None
    asked = till.ask(beginning.claimed)
    till.consent(beginning.company, asked)
    die_and_go_on(step, till, asked, tmp_path / "log")
    assert till.office.state(beginning.claimed.invoice) == (State.CREDITED, 1)


def test_a_settler_killed_where_there_is_no_invoice(beginning: Beginning, till: Till, tmp_path: Path) -> None:
    die_and_go_on(PAID, till, till.ask(beginning.plain), tmp_path / "log")
