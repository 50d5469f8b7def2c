"""What became of an invoice: every change from every state, and locks that lapse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from invoice_service.domain.relay import RELAY_TRANSITIONS, ForbiddenStep, RelayStatus, step
from invoice_service.domain.standing import (
    LOCK_LASTS,
    TRANSITIONS,
    Change,
    ImpossibleChange,
    Standing,
    State,
)

THEN = datetime(2026, 11, 23, 4, tzinfo=UTC)
NOW = THEN + timedelta(hours=1)
COMPANY = b"\x07" * 20
BEGINNINGS = {
    State.FREE: Standing(),
    State.CLAIMED: Standing(State.CLAIMED, 0, THEN, COMPANY),
    State.LOCKED: Standing(State.LOCKED, 0, THEN),
    State.CREDITED: Standing(State.CREDITED, 1, THEN),
}


def test_each_state_has_its_line_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    assert set(RELAY_TRANSITIONS) == set(RelayStatus)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("change", Change)
def test_what_the_table_does_not_name_cannot_follow(state: State, change: Change) -> None:
    before = BEGINNINGS[state]
    claimant = COMPANY if change in (Change.CLAIMED, Change.RELEASED) else None
    if change not in TRANSITIONS[state]:
        with pytest.raises(ImpossibleChange):
            before.after(change, NOW, claimant=claimant)
        return
    after = before.after(change, NOW, claimant=claimant)
    assert (after.state, after.since) == (TRANSITIONS[state][change], NOW)
    assert (after.claimant is not None) == (after.state is State.CLAIMED)
    assert after.notes == before.notes + (change is Change.CREDITED)


@pytest.mark.parametrize("state", [State.CLAIMED, State.LOCKED])
def test_a_note_on_the_whole_ends_it(state: State) -> None:
    after = BEGINNINGS[state].after(Change.CREDITED, NOW, whole=True)
    assert (after.state, after.notes, after.status) == (State.CREDITED, 1, "credited")
    assert after.claimant == BEGINNINGS[state].claimant


def test_a_lock_lapses_when_the_contracts_does() -> None:
    locked = BEGINNINGS[State.LOCKED]
    assert locked.now(THEN + LOCK_LASTS).state is State.LOCKED
    late = THEN + LOCK_LASTS + timedelta(seconds=1)
    assert locked.now(late).state is State.FREE
    assert locked.after(Change.CLAIMED, late, claimant=COMPANY).state is State.CLAIMED
    with pytest.raises(ImpossibleChange):
        locked.after(Change.UNLOCKED, late)


@pytest.mark.parametrize("ended", [RelayStatus.DONE, RelayStatus.REFUSED])
def test_a_settled_call_stays_settled(ended: RelayStatus) -> None:
    for wanted in RelayStatus:
        with pytest.raises(ForbiddenStep):
            step(ended, wanted)
