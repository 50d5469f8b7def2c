"""A ceiling on what may be invoiced in a month: kept to the fen, set for a reason, raised on request."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from invoice_service.domain.access import LOOK_LASTS, SayWhy
from invoice_service.domain.allowance import (
    AboveAllowance,
    AllowanceUsed,
    AlreadyAnswered,
    AlreadyAsked,
    BadAllowance,
    NoCeiling,
    State,
)
from invoice_service.domain.order import PlainAmount
from invoice_service.domain.party import make_buyer
from invoice_service.domain.policy import Actor, NotAllowed, OutOfScope
from invoice_service.flow import allow, issue, look, order, pay
from invoice_service.queries import access, allowances, shopper, supervision, vendor
from invoice_service.store import rollups
from tests.clock import Clock
from tests.payer import PaysWhenAsked
from tests.people import Town, town
from tests.stack import eventually

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
MONTH_ENDS = datetime(2026, 11, 30, 16, tzinfo=UTC)  # midnight in Shanghai
BUYER = make_buyer("individual", "", None)
WHY = "新登记户，先观察三个月"


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def place(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        provider = PaysWhenAsked(clock)
        yield replace(made, services=replace(made.services, providers={provider.name: provider}))


def who(place: Town, name: str) -> Actor:
    """Signed in by the real clock: the tests' goes weeks back and forth."""
    return replace(place, services=replace(place.services, clock=lambda: datetime.now(UTC))).actor(name)


def paid(place: Town, amount_fen: int, stall: str = "A01") -> str:
    placed = order.place(place.services, stall, PlainAmount(amount_fen))
    pay.start(place.services, placed.token, "pays-when-asked")
    pay.check(place.services, placed.token)
    return placed.token


def invoiced(place: Town, token: str, key: str | None = None) -> issue.Issued:
    return issue.issue(place.services, token, BUYER, idempotency_key=key)


def allow_fen(place: Town, ceiling_fen: int) -> None:
    look.at_vendor(place.services, who(place, "officer"), place.vendors["vendor"], "核定额度")
    allow.set_ceiling(place.services, who(place, "officer"), place.vendors["vendor"], ceiling_fen, WHY)


def used(place: Town) -> tuple[int, State]:
    found = allowances.own(place.services, who(place, "vendor")).allowance
    return found.used_fen, found.state


# -- issuing -----------------------------------------------------------------------------------------------


def test_above_the_ceiling_the_invoice_waits_and_nothing_else_changes(place: Town) -> None:
    invoiced(place, paid(place, 3_000))  # before there was a ceiling, and counted
    allow_fen(place, 10_000)
    first = invoiced(place, paid(place, 5_000))
    assert used(place) == (8_000, State.CLOSE)
    late = paid(place, 2_001)
    before = place.rows("SELECT * FROM outbox ORDER BY id")
    for _ in range(2):
        with pytest.raises(AllowanceUsed, match="from December 1, 2026"):
            invoiced(place, late, key="the shopper's own key")
    assert place.rows("SELECT * FROM outbox ORDER BY id") == before
    assert place.ask("SELECT count(*) FROM idempotency_keys WHERE scope = 'invoice'") == 0
    seen = shopper.order(place.services, late, "en")
    assert (seen.status, seen.invoice_token) == ("paid", None)
    assert place.ask("SELECT count(*) FROM sales") == 3
    assert invoiced(place, paid(place, 2_000)).created, "to the fen"
    assert used(place) == (10_000, State.USED_UP)
    again = issue.issue(place.services, _token_of(place, first.number), BUYER)
    assert (again.number, again.created) == (first.number, False), "what was issued stays to be had"
    with pytest.raises(AboveAllowance):
        invoiced(place, paid(place, 10_001))
    assert invoiced(place, paid(place, 50_000, "A02")).created, "next door has no ceiling"
    allow_fen(place, 12_001)
    assert invoiced(place, late, key="the shopper's own key").created
    allow.lift(place.services, who(place, "officer"), place.vendors["vendor"], "观察期结束")
    assert invoiced(place, paid(place, 99_900)).created


def _token_of(place: Town, number: str) -> str:
    order_id = place.ask("SELECT order_id FROM invoices WHERE number = :n", n=number)
    return place.services.keyring.tokens.derive("order", str(order_id))


def test_a_month_is_one_of_shanghai_by_when_the_invoice_is_issued(place: Town, clock: Clock) -> None:
    allow_fen(place, 1_000)
    clock.now = MONTH_ENDS - timedelta(seconds=1)
    november, waits = paid(place, 1_000), paid(place, 900)
    invoiced(place, november)
    with pytest.raises(AllowanceUsed):
        invoiced(place, waits)
    clock.now = MONTH_ENDS
    assert invoiced(place, waits).created, "paid in November, issued in December"
    assert used(place) == (900, State.CLOSE)
    with place.services.database.unit_of_work() as uow:
        rollups.recount(uow.connection)
        uow.commit()
    assert used(place) == (900, State.CLOSE)


def test_threat_10_of_two_at_once_one_gets_the_last_of_it(place: Town) -> None:
    """Both stand at the ceiling's row when somebody who holds it lets go."""
    allow_fen(place, 10_000)
    tokens = [paid(place, 6_000), paid(place, 6_000)]

    def attempt(token: str) -> bool:
        try:
            return invoiced(place, token).created
        except AllowanceUsed:
            return False

    def both_wait() -> bool:
        locked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return bool(place.ask(f"{locked} AND wait_event_type = 'Lock'") == 2)

    with ThreadPoolExecutor(2) as shoppers:
        with place.services.database.unit_of_work() as uow:
            uow.connection.execute(text("SELECT FROM allowances FOR UPDATE"))
            answers = shoppers.map(attempt, tokens)
            eventually(both_wait)
        assert sorted(answers) == [False, True]
    assert place.ask("SELECT sum(total_fen) FROM invoices") == 6_000
    assert used(place)[0] == 6_000


# -- setting -----------------------------------------------------------------------------------------------


def test_an_officer_who_has_looked_sets_it_and_the_vendor_reads_why(place: Town, clock: Clock) -> None:
    officer, home = who(place, "officer"), place.vendors["vendor"]
    with pytest.raises(SayWhy):
        allow.set_ceiling(place.services, officer, home, 10_000, WHY)
    with pytest.raises(NoCeiling):
        allowances.own(place.services, who(place, "vendor"))
    allow_fen(place, 10_000)
    for wrong_fen, words in ((0, WHY), (10_000, "abc"), (10**12, WHY)):
        with pytest.raises(BadAllowance):
            allow.set_ceiling(place.services, officer, home, wrong_fen, words)
    assert supervision.allowance_of(place.services, officer, "en", home).allowance.reason == WHY  # type: ignore[union-attr]
    allow.set_ceiling(place.services, officer, home, 20_000, "核查后提高")
    allow.lift(place.services, officer, home, "观察期结束")
    with pytest.raises(NoCeiling):
        allow.lift(place.services, officer, home, "观察期结束")
    records, _ = access.records(place.services, who(place, "vendor"), whose="others")
    assert [
        (one.subject, one.reason) for one in reversed(records) if one.action.value == "allowance.set"
    ] == [
        ("李秀英 ∞ → ¥100.00", WHY),
        ("李秀英 ¥100.00 → ¥200.00", "核查后提高"),
        ("李秀英 ¥200.00 → ∞", "观察期结束"),
    ]
    clock.now += LOOK_LASTS
    for act in (lambda: allow.lift(place.services, officer, home, WHY),
                lambda: supervision.allowance_of(place.services, officer, "en", home)):  # fmt: skip
        with pytest.raises(SayWhy):
            act()


# -- asking ------------------------------------------------------------------------------------------------


def ask(place: Town, asked_fen: int = 30_000, name: str = "vendor") -> int:
    return allow.ask(place.services, who(place, name), asked_fen, "火锅店每周\r\n订三次")


def test_asked_granted_and_asked_again(place: Town, clock: Clock) -> None:
    with pytest.raises(NoCeiling):
        ask(place)
    allow_fen(place, 10_000)
    with pytest.raises(BadAllowance, match="marked"):
        ask(place, 10_000)
    first = ask(place)
    with pytest.raises(AlreadyAsked):
        ask(place, 40_000)
    officer = who(place, "officer")
    (waits,) = allowances.requests(place.services, officer, "en").rows
    assert (waits.id, waits.vendor_name, waits.request.words) == (first, "Li Xiuying", "火锅店每周 订三次")
    assert allowances.waiting(place.services, officer) == 1
    assert allowances.requests(place.services, who(place, "officer_2"), "en").rows == ()
    assert allowances.waiting(place.services, who(place, "officer_2")) == 0
    with pytest.raises(BadAllowance):
        allow.answer(place.services, officer, first, 10_000, "同意提高")  # that is what there is
    with pytest.raises(BadAllowance):
        allow.answer(place.services, officer, first, None, "no")
    clock.now += timedelta(minutes=1)
    allow.answer(place.services, officer, first, 25_000, "同意提高到二百五")
    seen = allowances.own(place.services, who(place, "vendor"))
    assert (seen.allowance.ceiling_fen, seen.reason) == (25_000, "同意提高到二百五")
    assert seen.request is not None
    assert (seen.request.granted_fen, seen.request.answer) == (25_000, "同意提高到二百五")
    clock.now += timedelta(minutes=1)
    second = ask(place)
    allow.answer(place.services, officer, second, None, "先用完再说")
    seen = allowances.own(place.services, who(place, "vendor"))
    assert seen.allowance.ceiling_fen == 25_000
    assert seen.request is not None
    assert (seen.request.granted_fen, seen.request.answer) == (None, "先用完再说")
    records, _ = access.records(place.services, who(place, "vendor"), whose="others")
    assert [(one.subject, one.reason) for one in records if one.action.value == "allowance.answer"] == [
        ("李秀英 ¥250.00", "先用完再说"), ("李秀英 ¥100.00 → ¥250.00", "同意提高到二百五")
    ]  # fmt: skip


def test_whoever_changes_the_ceiling_has_answered_the_request(place: Town, clock: Clock) -> None:
    allow_fen(place, 10_000)
    asked = ask(place)
    clock.now += timedelta(minutes=1)
    allow_fen(place, 30_000)
    with pytest.raises(AlreadyAnswered):
        allow.answer(place.services, who(place, "officer"), asked, 40_000, "同意提高")
    seen = allowances.own(place.services, who(place, "vendor"))
    assert seen.request is not None
    assert (seen.request.granted_fen, seen.request.answer) == (30_000, WHY)
    clock.now += timedelta(minutes=1)
    allow_fen(place, 20_000)
    assert allowances.own(place.services, who(place, "vendor")).request is None, "an answer of the past"
    clock.now += timedelta(minutes=1)
    asked = ask(place)
    allow.lift(place.services, who(place, "officer"), place.vendors["vendor"], "不再限制")
    with pytest.raises(AlreadyAnswered):
        allow.answer(place.services, who(place, "officer"), asked, 40_000, "同意提高")
    assert place.ask("SELECT count(*) FROM allowances") == 0
    assert allowances.requests(place.services, who(place, "officer"), "en").rows == ()
    assert allowances.request(place.services, who(place, "officer"), "en", asked).allowance is None


def test_threat_10_two_officers_answer_at_once_and_a_vendor_asks_four_times(place: Town) -> None:
    allow_fen(place, 10_000)

    def asks(_: int) -> int | None:
        try:
            return ask(place)
        except AlreadyAsked:
            return None

    officer = who(place, "officer")

    def answers(granted_fen: int) -> int | None:
        try:
            allow.answer(place.services, officer, asked, granted_fen, "同意提高")
        except AlreadyAnswered:
            return None
        return granted_fen

    with ThreadPoolExecutor(4) as people:
        (asked,) = [one for one in people.map(asks, range(4)) if one is not None]
        (granted,) = [one for one in people.map(answers, (20_000, 30_000, 40_000, 50_000)) if one]
    assert place.ask("SELECT ceiling_fen FROM allowances") == granted
    assert place.ask("SELECT granted_fen FROM allowance_requests") == granted
    assert place.ask("SELECT count(*) FROM access_records WHERE action = 'allowance.answer'") == 1


def test_threats_1_to_3_of_another_region_nothing_is_there(place: Town) -> None:
    allow_fen(place, 10_000)
    asked, home = ask(place), place.vendors["vendor"]
    for name, error in (("officer_2", OutOfScope), ("operator", NotAllowed), ("admin", NotAllowed),
                        ("next_door", OutOfScope), ("vendor", NotAllowed)):  # fmt: skip
        actor = who(place, name)
        for act in (
            lambda actor=actor: allow.set_ceiling(place.services, actor, home, 90_000, WHY),
            lambda actor=actor: allow.lift(place.services, actor, home, WHY),
            lambda actor=actor: allow.answer(place.services, actor, asked, 90_000, WHY),
            lambda actor=actor: allowances.request(place.services, actor, "en", asked),
            lambda actor=actor: supervision.allowance_of(place.services, actor, "en", home),
        ):
            with pytest.raises(error):
                act()
    with pytest.raises(NotAllowed):
        allow.ask(place.services, who(place, "operator"), 90_000, WHY)
    with pytest.raises(OutOfScope):
        allowances.requests(place.services, who(place, "operator"), "en")
    assert place.ask("SELECT ceiling_fen FROM allowances") == 10_000


def test_today_says_what_is_left_in_no_more_statements(place: Town) -> None:
    invoiced(place, paid(place, 3_000))
    asked: list[str] = []
    event.listen(place.services.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    actor = who(place, "vendor")
    asked.clear()
    assert vendor.today(place.services, actor, "en").allowance is None
    without = len(asked)
    allow_fen(place, 10_000)
    asked.clear()
    found = vendor.today(place.services, actor, "en").allowance
    assert found is not None
    assert (found.used_fen, found.left_fen) == (3_000, 7_000)
    assert len(asked) == without == 3


def test_the_database_refuses_what_no_flow_does(place: Town) -> None:
    allow_fen(place, 10_000)
    ask(place)
    values = {"officer": place.accounts["officer"], "elsewhere": place.vendors["vendor_2"]}
    wrong = {
        "allowances_ceiling_fen_positive_check": "UPDATE allowances SET ceiling_fen = 0",
        "allowances_reason_fits_check": "UPDATE allowances SET reason = 'abc'",
        "allowances_market_id_vendor_id_fkey": "UPDATE allowances SET vendor_id = :elsewhere",
        "allowance_requests_open_key": """
            INSERT INTO allowance_requests (market_id, vendor_id, asked_fen, words, asked_by, created_at)
            SELECT market_id, vendor_id, 1, words, asked_by, created_at FROM allowance_requests
        """,
        "allowance_requests_answered_as_a_whole_check": "UPDATE allowance_requests SET answer = 'abcd'",
        "allowance_requests_granted_by_an_answer_check": "UPDATE allowance_requests SET granted_fen = 1",
        "allowance_requests_granted_fen_positive_check": """
            UPDATE allowance_requests
            SET granted_fen = 0, answered_at = now(), answered_by = :officer, answer = 'abcd'
        """,
    }
    for name, sql in wrong.items():
        with pytest.raises(IntegrityError, match=name), place.services.database.unit_of_work() as uow:
            uow.connection.execute(text(sql), values)


# -- for programs ------------------------------------------------------------------------------------------


def test_over_the_api_from_the_ceiling_to_its_end(tmp_path: Path, migrated_database_url: str) -> None:
    with town(tmp_path, migrated_database_url) as here:
        whose = f"/api/v1/supervision/vendors/{here.vendors['vendor']}/allowance"
        requests = "/api/v1/supervision/allowance-requests"
        assert here.api("officer", "GET", whose).json["code"] == "look.say_why"
        look.at_vendor(here.services, here.actor("officer"), here.vendors["vendor"], "核定额度")
        assert here.api("officer", "GET", whose).json["code"] == "allowance.none"
        for wrong in ({}, {"ceiling_fen": 0, "reason": WHY}, {"ceiling_fen": "5", "reason": WHY},
                      {"ceiling_fen": 5, "reason": "abc"}):  # fmt: skip
            assert here.api("officer", "PUT", whose, json=wrong).status_code == 422
        given = {"ceiling_fen": 500_000, "reason": WHY}
        assert here.api("officer", "PUT", whose, json=given).status_code == 204
        mine = here.api("vendor", "GET", "/api/v1/vendor/allowance").json
        assert mine == here.api("officer", "GET", whose).json
        assert (mine["allowance"]["left_fen"], mine["allowance"]["state"]) == (500_000, "below")
        assert mine["allowance"]["first_day"].endswith("-01")
        wish = {"asked_fen": 800_000, "words": "旺季要多开"}
        asked = here.api("vendor", "POST", "/api/v1/vendor/allowance/requests", json=wish)
        assert asked.status_code == 201
        (item,) = here.api("officer", "GET", requests, query_string={"limit": "1"}).json["items"]
        assert (item["id"], item["request"]["asked_fen"]) == (asked.json["id"], 800_000)
        answer = f"{requests}/{item['id']}/answer"
        too_low = here.api("officer", "POST", answer, json={"granted_fen": 500_000, "words": "同意提高"})
        assert too_low.json["errors"].keys() == {"granted_fen"}
        assert here.api("officer", "POST", answer, json={"words": "暂不提高"}).status_code == 204
        late = here.api("officer", "POST", answer, json={"words": "暂不提高"})
        assert (late.status_code, late.json["code"]) == (409, "allowance.answered")
        mine = here.api("vendor", "GET", "/api/v1/vendor/allowance").json
        assert (mine["request"]["answer"], mine["request"]["granted_fen"]) == ("暂不提高", None)
        assert here.api("officer", "DELETE", whose, query_string={"reason": WHY}).status_code == 204
        assert here.api("vendor", "GET", "/api/v1/vendor/allowance").status_code == 404
