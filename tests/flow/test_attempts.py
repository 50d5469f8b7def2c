"""How often somebody may guess, counted in PostgreSQL, so that every worker counts the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.flow import attempts
from invoice_service.flow.attempts import PER_ADDRESS, PER_SUBJECT, WINDOW, TooManyAttempts
from invoice_service.services import Services
from tests.clock import Clock

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HOME = "192.0.2.7"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def services(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Services]:
    keyring.make_missing(tmp_path, now=NOON, issuer_name="test")
    made = build_services(Config(data_dir=tmp_path, database_url=migrated_database_url), clock=clock)
    yield made
    made.database.dispose()


def allowed(services: Services, subject: str = "account:1", address: str = HOME, **how: bool) -> bool:
    try:
        attempts.begin(services, subject, address, **how)
    except TooManyAttempts:
        return False
    return True


def rows(services: Services) -> int:
    with services.database.read() as connection:
        return connection.execute(text("SELECT count(*) FROM failed_sign_ins")).scalar_one()


def test_the_sixth_guess_is_not_looked_at_and_a_quarter_of_an_hour_later_the_next_is(
    services: Services, clock: Clock
) -> None:
    assert [allowed(services) for _ in range(PER_SUBJECT + 2)] == [True] * PER_SUBJECT + [False, False]
    assert allowed(services, "account:2"), "another account is not held back"
    clock.now += WINDOW - timedelta(seconds=1)
    assert not allowed(services)
    clock.now += timedelta(seconds=1)
    assert allowed(services), "and what was refused meanwhile did not prolong it"


def test_cve_2024_0227_ten_guesses_at_the_same_instant_get_no_more_than_the_limit(
    services: Services,
) -> None:
    """Threat 20."""
    together = threading.Barrier(10)
    looked_at: list[bool] = []

    def guess() -> None:
        together.wait()
        looked_at.append(allowed(services))

    threads = [threading.Thread(target=guess) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked_at) == 10
    assert sum(looked_at) <= PER_SUBJECT


def test_who_was_right_starts_anew(services: Services) -> None:
    for _ in range(PER_SUBJECT):
        allowed(services)
    with services.database.unit_of_work() as uow:
        attempts.forget(uow.connection, "account:1")
        uow.commit()
    assert allowed(services)


def test_an_address_is_held_back_later_than_an_account_and_a_known_device_is_not(
    services: Services,
) -> None:
    for number in range(PER_ADDRESS):
        assert allowed(services, f"account:{number}")
    assert not allowed(services, "account:200")
    assert allowed(services, "account:201", known_device=True)
    assert allowed(services, "account:202", "192.0.2.8")


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"), ("192.0.2.7", "::ffff:192.0.2.7")],
)
def test_a_line_of_many_addresses_counts_as_one(services: Services, one: str, other: str) -> None:
    for number in range(PER_ADDRESS):
        allowed(services, f"account:{number}", one)
    assert not allowed(services, "account:200", other)


def test_what_no_longer_counts_is_deleted(services: Services, clock: Clock) -> None:
    for number in range(20):
        allowed(services, f"account:{number}")
    clock.now += WINDOW
    allowed(services, "account:99")
    assert rows(services) == 1
