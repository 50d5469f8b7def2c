"""Misbehaviour on request: what may be asked for, and what it does to a notice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from invoice_service.payments.sandbox.behaviour import MAX_ATTEMPTS, RETRIES_S, Behaviour
from invoice_service.payments.sandbox.wire import Unreadable

PAID_AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def test_by_default_a_notice_leaves_at_once_and_few_leave_twice() -> None:
    plans = [Behaviour().send_at(PAID_AT, count=count) for count in range(2_000)]
    assert all(plan[0] == PAID_AT for plan in plans)
    assert 5 <= sum(len(plan) == 2 for plan in plans) <= 120


def test_a_doubled_notice_follows_a_second_later() -> None:
    plan = Behaviour(duplicate=1.0).send_at(PAID_AT, count=1)
    assert plan == [PAID_AT, PAID_AT + timedelta(seconds=1)]


def test_a_dropped_notice_never_leaves() -> None:
    assert Behaviour(drop=1.0, duplicate=1.0).send_at(PAID_AT, count=1) == []


def test_a_delay_stays_within_its_bounds() -> None:
    behaviour = Behaviour(duplicate=0.0, delay_ms=(200, 300))
    delays = [behaviour.send_at(PAID_AT, count=1)[0] - PAID_AT for _ in range(200)]
    assert timedelta(milliseconds=200) <= min(delays) < max(delays) <= timedelta(milliseconds=300)


def test_reordering_lets_the_next_notice_overtake() -> None:
    behaviour = Behaviour(duplicate=0.0, reorder=True)
    held_back, next_one = (behaviour.send_at(PAID_AT, count=count)[0] for count in (1, 2))
    assert held_back > next_one == PAID_AT


def test_retries_take_longer_and_longer_and_end_after_a_day() -> None:
    behaviour = Behaviour()
    waits = [behaviour.retry_after(attempt) for attempt in range(1, len(RETRIES_S) + 1)]
    assert waits[0] == timedelta(seconds=15)
    assert waits == sorted(waits)
    assert sum(waits, timedelta()) == timedelta(hours=24, minutes=4)
    assert behaviour.retry_after(MAX_ATTEMPTS) == waits[-1]


def test_tests_may_shorten_the_retries() -> None:
    assert Behaviour(retry_scale=0.01).retry_after(1) == timedelta(milliseconds=150)


@pytest.mark.parametrize(
    "wanted",
    [
        {"duplicates": 1},
        {"duplicate": 1.1},
        {"duplicate": True},
        {"drop": -0.1},
        {"drop": "1"},
        {"delay_ms": 5},
        {"delay_ms": [5, 4]},
        {"delay_ms": [-1, 4]},
        {"delay_ms": [0, 4.5]},
        {"delay_ms": [False, True]},
        {"reorder": 1},
        {"wrong_amount_fen": 0},
        {"wrong_amount_fen": 1.5},
        {"retry_scale": 11},
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        Behaviour.read(wanted)


def test_what_is_left_out_takes_its_default() -> None:
    wanted = {"drop": 1, "delay_ms": [10, 20], "reorder": True, "wrong_amount_fen": 5}
    assert Behaviour.read(wanted) == Behaviour(drop=1.0, delay_ms=(10, 20), reorder=True, wrong_amount_fen=5)
    assert Behaviour.read({}) == Behaviour()
