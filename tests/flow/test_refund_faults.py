"""Refunds while a chain is wiped, a provider is silent, PostgreSQL fails, or another settler is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from chain import node
from chain.node import AnvilNode
from chain.statuses import State
from invoice_service.domain.refund import Back, RefundStatus
from invoice_service.flow import relay, settle_refunds
from invoice_service.payments.provider import ProviderUnavailable, RefundRefused
from invoice_service.store import refunds
from invoice_service.store.unit_of_work import DatabaseUnavailable
from scripts.lib.addresses import free_port
from tests import forked
from tests.chain.registers import Key
from tests.till import Sold, Till, open_till
from tests.whole import assert_refunds_are_whole, assert_statuses_are_whole, assert_whole

HALF = [Back(0, quantity=Decimal("0.5"))]
LOCK_LASTS = timedelta(hours=72)


@pytest.fixture(scope="module")
def chain() -> Iterator[AnvilNode]:
    running = node.start(port=free_port())
    yield running
    running.stop()


@pytest.fixture
def empty(chain: AnvilNode) -> str:
    """A snapshot without the office's contract: going back to it wipes it."""
    return str(chain.call("evm_snapshot"))


@pytest.fixture
def till(tmp_path: Path, migrated_database_url: str, chain: AnvilNode, empty: str) -> Iterator[Till]:
    with open_till(tmp_path, migrated_database_url, chain.rpc_url) as opened:
        yield opened


def wipe(till: Till, chain: AnvilNode, empty: str) -> None:
    over = till.office.epoch.id
    assert chain.call("evm_revert", empty)
    till.office.begin_epoch(in_place_of=over)


def claimed(till: Till, company: Key) -> Sold:
    sold = till.sell()
    assert sold.invoice is not None
    till.office.claim(company, [sold.invoice])
    till.office.settle()
    return sold


def state(till: Till, sold: Sold) -> tuple[State, int]:
    assert sold.invoice is not None
    return till.office.state(sold.invoice)


def assert_went_back_once(till: Till, *asked: Any) -> None:
    expected = [(f"RF{refund_id.hex}", till.refund(refund_id).amount_fen) for refund_id in asked]
    assert {till.refund(refund_id).status for refund_id in asked} == {RefundStatus.DONE}
    assert till.paid_back() == sorted(expected)
    assert_statuses_are_whole(till.services)
    assert_refunds_are_whole(till.services)
    before, again = till.recounted()
    assert before == again


# A chain that is wiped


@pytest.mark.parametrize("status", [RefundStatus.LOCKING, RefundStatus.PAYING, RefundStatus.CREDITING])
def test_a_wiped_chain_holds_up_a_refund_and_no_more(
    till: Till, chain: AnvilNode, empty: str, status: RefundStatus
) -> None:
    """What is final is restored; a lock or a credit that was mined, and not taken in yet, is sent again."""
    sold = till.sell()
    asked = till.ask(sold, HALF)
    till.settle_until(asked, status)
    settle_refunds.advance(till.services)
    mined = status is not RefundStatus.PAYING
    assert relay.relay(till.services, till.office.account) == ("mined" if mined else "idle")
    wipe(till, chain, empty)
    till.settle()
    assert_went_back_once(till, asked)
    assert state(till, sold) == (State.FREE, 1)


@pytest.mark.parametrize("status", [RefundStatus.PAYING, RefundStatus.CREDITING])
def test_a_consent_is_good_in_its_epoch_only(
    till: Till, chain: AnvilNode, empty: str, status: RefundStatus
) -> None:
    """Before money went back the refund waits for another, and 72 hours anew; after, its credit does."""
    company = Key()
    sold = claimed(till, company)
    asked = till.ask(sold, HALF)
    till.consent(company, asked)
    till.settle_until(asked, status)
    if status is RefundStatus.CREDITING:
        settle_refunds.advance(till.services)  # the credit waits to be sent
    wipe(till, chain, empty)
    till.settle()
    waits = RefundStatus.CONSENT if status is RefundStatus.PAYING else RefundStatus.CREDITING
    assert till.refund(asked).status is waits
    assert state(till, sold) == (State.CLAIMED, 0)
    with till.services.database.read() as connection:
        number = sold.invoice.number if sold.invoice else ""
        assert refunds.awaiting_consent(connection, [number]) == {number: asked}, "the company is asked again"
    till.consent(company, asked)
    till.office.clock.now += settle_refunds.ASK_AGAIN_AFTER + timedelta(seconds=1)
    till.settle()
    assert_went_back_once(till, asked)
    assert state(till, sold) == (State.CLAIMED, 1)


# A provider, a database, another settler


class Faulty:
    """The real provider, once nothing `fails` any more. `then` is called after it has paid back."""

    name = "sandbox"

    def __init__(
        self,
        till: Till,
        fails: type[Exception] | None = ProviderUnavailable,
        then: Callable[[], object] = bool,
    ) -> None:
        self._real, self.fails, self.then, self.asked = till.services.providers["sandbox"], fails, then, 0
        till.office.services = replace(till.services, providers={"sandbox": self})

    def refund(self, *args: Any, **named: Any) -> Any:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        report = self._real.refund(*args, **named)
        self.then()
        return report


def test_a_provider_that_is_down_for_a_while_is_asked_once_a_round(till: Till) -> None:
    asked = [till.ask(till.sell(buyer=None)) for _ in range(3)]
    provider = Faulty(till)
    till.settle(2)
    assert provider.asked == 2
    provider.fails = None
    till.settle(1)
    assert_went_back_once(till, *asked)


def test_a_provider_that_was_taken_out_of_the_settings_holds_up_its_own_refunds_only(till: Till) -> None:
    waits, sold = till.ask(till.sell(buyer=None)), till.sell()
    goes_on = till.ask(sold)
    there = till.services.providers
    till.office.services = replace(till.services, providers={})
    till.settle(2)
    assert till.refund(waits).status is RefundStatus.PAYING
    assert till.refund(goes_on).status is RefundStatus.PAYING
    assert state(till, sold)[0] is State.LOCKED
    till.office.services = replace(till.services, providers=there)
    till.settle()
    assert_went_back_once(till, waits, goes_on)


def test_a_provider_that_is_down_for_longer_than_a_lock(tmp_path: Path, migrated_database_url: str) -> None:
    """Its money may be back, so nobody may claim the invoice: it is locked anew."""
    chain = node.start(port=free_port())  # its clock goes ahead
    with open_till(tmp_path, migrated_database_url, chain.rpc_url) as till:
        sold = till.sell()
        asked = till.ask(sold)
        provider = Faulty(till)
        till.settle(4)
        before = till.office.query("SELECT since FROM invoice_statuses")
        chain.call("evm_increaseTime", int(LOCK_LASTS.total_seconds()) + 1)
        chain.call("evm_mine")
        till.office.clock.now += LOCK_LASTS + timedelta(minutes=2)
        assert state(till, sold)[0] is State.FREE
        till.settle(3)
        assert state(till, sold)[0] is State.LOCKED
        assert till.office.query("SELECT since FROM invoice_statuses") - before >= LOCK_LASTS
        provider.fails = None
        till.settle()
        assert_went_back_once(till, asked)
        assert state(till, sold) == (State.CREDITED, 1)
    chain.stop()


def test_postgresql_fails_between_the_providers_answer_and_our_word_of_it(till: Till) -> None:
    def fail() -> None:
        provider.then = bool
        url = make_url(till.services.config.database_url).set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as operator:
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'stall-ledger'"
            )

    asked = till.ask(till.sell(), HALF)
    till.settle_until(asked, RefundStatus.PAYING)
    provider = Faulty(till, fails=None, then=fail)
    with pytest.raises(DatabaseUnavailable):
        settle_refunds.advance(till.services)
    refund = till.refund(asked)
    assert (refund.status, refund.paid_back_at) == (RefundStatus.PAYING, None)
    assert len(till.paid_back()) == 1
    till.settle()
    assert_went_back_once(till, asked)


def test_what_another_settler_did_meanwhile_is_not_undone(till: Till) -> None:
    """It had read the refund before the provider was asked: the money may be back, so it cannot lapse."""
    asked = till.ask(till.sell())
    till.settle_until(asked, RefundStatus.PAYING)
    provider = Faulty(till)
    as_read = till.refund(asked)
    settle_refunds.advance(till.services)
    till.office.clock.now += timedelta(hours=71, minutes=30)
    settle_refunds._advance(till.services, as_read, set())
    assert till.refund(asked).status is RefundStatus.PAYING
    provider.fails = None
    settle_refunds._advance(till.services, as_read, set())
    assert till.paid_back() == [], "nor is the provider asked for one that is not as it was read"


def test_a_credit_that_comes_late_is_not_written_into_the_next_refund(till: Till) -> None:
    sold = till.sell()
    first = till.ask(sold, HALF)
    till.settle_until(first, RefundStatus.CREDITING)
    as_read = till.refund(first)
    till.settle()
    second = till.ask(sold)
    till.settle_until(second, RefundStatus.PAYING)
    settle_refunds._advance(till.services, as_read, set())
    till.settle()
    assert_went_back_once(till, first, second)
    assert state(till, sold) == (State.CREDITED, 2)


def test_a_lock_that_is_being_taken_away_is_not_another_refunds(till: Till) -> None:
    """The provider refused the first; its unlock is still on its way when the second is asked for."""
    sold = till.sell()
    provider = Faulty(till, fails=RefundRefused)
    refused = till.ask(sold, HALF)
    till.settle_until(refused, RefundStatus.PAYING)
    settle_refunds.advance(till.services)
    assert till.refund(refused).status is RefundStatus.REFUSED
    provider.fails = None
    asked = till.ask(sold, HALF)
    for _ in range(3):
        settle_refunds.advance(till.services)
    assert till.refund(asked).status is RefundStatus.LOCKING
    assert till.paid_back() == []
    till.settle()
    assert_went_back_once(till, asked)
    assert state(till, sold) == (State.FREE, 1)


def test_two_settlers_at_once_pay_back_once(till: Till, tmp_path: Path) -> None:
    company = Key()
    agreed = till.ask(claimed(till, company))
    till.consent(company, agreed)
    asked = [agreed, till.ask(till.sell(buyer=None)), *(till.ask(till.sell(), HALF) for _ in range(4))]
    environment = till.office.environment()
    with (
        forked.running(["settle"], environment, tmp_path / "log"),
        forked.running(["settle"], environment, tmp_path / "other.log"),
    ):
        assert_whole(environment)
    assert_went_back_once(till, *asked)
    for log in ("log", "other.log"):
        assert "Traceback" not in (tmp_path / log).read_text()
