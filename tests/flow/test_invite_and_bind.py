"""A vendor's phone by a one-time QR code: used twice, late, by another, or in parallel."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from invoice_service.domain.invitation import (
    DESK_LIFE,
    InvitationLate,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
)
from invoice_service.domain.pin import BadPin, WrongPin
from invoice_service.domain.policy import Actor, ConfirmFirst, NotAllowed, OutOfScope, Role
from invoice_service.flow import bind_phone, invite, secret
from invoice_service.flow.attempts import TooManyAttempts
from invoice_service.flow.sessions import SignedIn, Visit
from invoice_service.queries import identity
from invoice_service.queries import people as people_query
from tests import make
from tests.clock import Clock
from tests.people import Town, town

PIN = "271828"


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture
def here(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Town]:
    with town(tmp_path, migrated_database_url, clock) as made:
        yield made


def code(here: Town, vendor: str = "vendor", by: str = "operator", **options: Any) -> str:
    """The token in a fresh QR code."""
    invited = invite.invite_phone(here.services, here.actor(by), here.vendors[vendor], **options)
    return invited.link.rpartition("/")[2]


def bind(
    here: Town,
    token: str,
    pin: str = PIN,
    again: str | None = None,
    *,
    address: str = "192.0.2.7",
    signed_in: Actor | None = None,
) -> SignedIn:
    visit = Visit("WeChat · Android", address, replaces=signed_in and signed_in.session_id)
    twice = pin if again is None else again
    return bind_phone.bind(here.services, token, pin, twice, visit, signed_in=signed_in)


def opened(here: Town, token: str) -> Actor | None:
    """Whom a session's token signs in."""
    asking = identity.asking(here.services, token)
    return asking and asking.actor


def unconfirmed(here: Town, name: str) -> Any:
    with here.services.database.unit_of_work() as uow:
        token = make.signed_in(uow.connection, here.accounts[name])
        uow.commit()
    return opened(here, token)


def test_a_phone_is_connected_and_stays_so_for_half_a_year(here: Town, clock: Clock) -> None:
    begins, bound = clock.now, bind(here, code(here))
    for days, works in ((0, True), (179, True), (180, False)):
        clock.now = begins + timedelta(days=days)
        actor = opened(here, bound.token)
        assert (actor is not None) is works, days
        if actor is not None:
            assert (actor.role, actor.vendor_id) == (Role.VENDOR, here.vendors["vendor"])


def test_the_pin_is_kept_as_argon2id(here: Town) -> None:
    bind(here, code(here))
    stored = here.ask("SELECT pin_hash FROM accounts WHERE vendor_id = :v", v=here.vendors["vendor"])
    assert stored.startswith("$argon2id$")
    assert secret.matches(stored, PIN)
    assert not secret.matches(stored, "271829")


def test_a_one_time_qr_used_twice(here: Town) -> None:
    token = code(here)
    bind(here, token)
    for pin in (PIN, "314159"):
        with pytest.raises(InvitationUsed):
            bind(here, token, pin)
    with pytest.raises(InvitationUsed):
        people_query.phone_invitation(here.services, token, "en")


def test_a_one_time_qr_used_late(here: Town, clock: Clock) -> None:
    token = code(here)
    clock.now += timedelta(minutes=10) - timedelta(seconds=1)
    assert people_query.phone_invitation(here.services, token, "en").vendor_name == "Li Xiuying"
    clock.now += timedelta(seconds=1)
    for act in (bind, lambda here, token: people_query.phone_invitation(here.services, token, "en")):
        with pytest.raises(InvitationLate):
            act(here, token)
    assert here.ask("SELECT pin_hash FROM accounts WHERE vendor_id = :v", v=here.vendors["vendor"]) is None


def test_a_one_time_qr_used_by_another(here: Town) -> None:
    """Somebody who is signed in, and somebody who photographed the code of a vendor who has a PIN."""
    token = code(here)
    for stranger in ("next_door", "vendor_2", "operator", "admin"):
        with pytest.raises(bind_phone.AnotherAccount, match=f"signed in as {stranger}"):
            bind(here, token, signed_in=here.actor(stranger))
    bind(here, token)
    second = code(here)
    with pytest.raises(WrongPin):
        bind(here, second, "314159")
    assert opened(here, bind(here, second).token) is not None


def test_a_new_code_takes_the_old_one_back(here: Town) -> None:
    old, new = code(here), code(here)
    with pytest.raises(InvitationRevoked):
        bind(here, old)
    bind(here, new)


def test_a_code_that_was_taken_back(here: Town) -> None:
    token = code(here)
    account = here.ask("SELECT id FROM accounts WHERE vendor_id = :v", v=here.vendors["vendor"])
    assert invite.revoke(here.services, here.actor("operator"), account) == 1
    assert invite.revoke(here.services, here.actor("operator"), account) == 0
    with pytest.raises(InvitationRevoked):
        bind(here, token)


def test_two_phones_at_the_same_instant(here: Town) -> None:
    """Each has the code and sends a PIN of its own: one of them is connected, and its PIN is the PIN."""
    token = code(here)
    outcomes: dict[str, object] = {}
    barrier = threading.Barrier(6)

    def post(pin: str) -> None:
        barrier.wait()
        try:
            outcomes[pin] = bind(here, token, pin)
        except InvitationUsed as error:
            outcomes[pin] = error

    pins = ["271828", "314159", "161803", "141421", "173205", "577215"]
    threads = [threading.Thread(target=post, args=(pin,)) for pin in pins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [pin for pin, outcome in outcomes.items() if isinstance(outcome, SignedIn)]
    assert len(outcomes) == 6
    assert len(won) == 1
    stored = here.ask("SELECT pin_hash FROM accounts WHERE vendor_id = :v", v=here.vendors["vendor"])
    assert secret.matches(stored, won[0])
    assert here.ask("SELECT count(*) FROM sessions WHERE device = 'WeChat · Android'") == 1


def test_threat_20_cve_2024_0227_guessing_the_pin(here: Town) -> None:
    """Five guesses, from however many addresses; then even the right PIN waits. The code is not used up."""
    bind(here, code(here))
    token = code(here)
    for n in range(5):
        with pytest.raises(WrongPin):
            bind(here, token, f"31415{n}", address=f"192.0.2.{n}")
    for pin in ("314150", PIN):
        with pytest.raises(TooManyAttempts):
            bind(here, token, pin, address="192.0.2.99")
    assert people_query.phone_invitation(here.services, token, "en").has_pin


def test_threat_20_a_quarter_of_an_hour_later_the_right_pin_works(here: Town, clock: Clock) -> None:
    bind(here, code(here))
    token = code(here)
    for n in range(5):
        with pytest.raises(WrongPin):
            bind(here, token, f"31415{n}")
    clock.now += timedelta(minutes=16)
    bind(here, code(here))


def test_threat_20_guessing_tokens(here: Town) -> None:
    """128 random bits: what is not one of ours opens nothing, and says nothing."""
    token = code(here)
    for guess in (token[:-1], token + "A", token.swapcase(), "", "0" * 22, "' OR 1=1 --"):
        with pytest.raises(InvitationUnknown):
            bind(here, guess)


@pytest.mark.parametrize(
    "pin",
    ["", "12345", "1234567", "12345a", "１２３４５６", "111111", "123456", "987654", "121212", "123123"],
)
def test_a_pin_has_six_digits_and_is_not_the_first_guess(here: Town, pin: str) -> None:
    token = code(here)
    with pytest.raises(BadPin):
        bind(here, token, pin)
    bind(here, token)


def test_the_pin_is_typed_twice(here: Town) -> None:
    with pytest.raises(BadPin) as refused:
        bind(here, code(here), PIN, "271829")
    assert list(refused.value.fields) == ["pin_again"]


def test_scanning_again_on_the_same_phone_renews_its_session(here: Town) -> None:
    first = bind(here, code(here))
    actor = opened(here, first.token)
    second = bind(here, code(here), signed_in=actor)
    assert opened(here, first.token) is None
    assert opened(here, second.token) is not None


def test_a_forgotten_pin(here: Town) -> None:
    """Ends every session, and is asked of whoever has just proved who they are."""
    phone = bind(here, code(here))
    with pytest.raises(ConfirmFirst):
        invite.invite_phone(
            here.services, unconfirmed(here, "operator"), here.vendors["vendor"], forget_pin=True
        )
    assert opened(here, phone.token) is not None
    token = code(here, forget_pin=True)
    assert opened(here, phone.token) is None
    bind(here, token, "314159")
    with pytest.raises(WrongPin):
        bind(here, code(here), PIN)


def test_a_vendor_without_an_account_gets_one_account(here: Town) -> None:
    with here.services.database.unit_of_work() as uow:
        vendor = make.vendor(uow.connection, here.markets[1], name_zh="新来", name_en="New")
        uow.commit()
    operator = here.actor("operator")
    threads = [
        threading.Thread(target=invite.invite_phone, args=(here.services, operator, vendor)) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert here.ask("SELECT count(*) FROM accounts WHERE vendor_id = :v", v=vendor) == 1
    sql = "SELECT count(*) FROM invitations WHERE used_at IS NULL AND revoked_at IS NULL"
    assert here.ask(sql) == 1


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("operator_2", OutOfScope),
        ("vendor", NotAllowed),
        ("next_door", OutOfScope),
        ("officer", NotAllowed),
        ("officer_2", OutOfScope),
    ],
)
def test_who_may_not_make_codes(here: Town, name: str, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        code(here, by=name)
    with pytest.raises(OutOfScope):
        invite.invite_phone(here.services, here.actor(name), 10**9)


def test_what_is_done_is_recorded(here: Town) -> None:
    bind(here, code(here))
    sql = """
        SELECT role, who, action, vendor_id, market_id
        FROM access_records WHERE role <> 'service' ORDER BY id
    """
    rows = here.rows(sql)
    concerned = {"vendor_id": here.vendors["vendor"], "market_id": here.markets[1]}
    assert rows == [
        {"role": "operator", "who": "operator", "action": "account.invite"} | concerned,
        {"role": "vendor", "who": "vendor", "action": "account.bind_phone"} | concerned,
    ]


def desk(here: Town, by: str = "admin", **changes: Any) -> invite.Invited:
    wanted: dict[str, Any] = {"role": Role.OPERATOR, "name": "新人", "login": "new.one"}
    wanted |= {"market_id": here.markets[1], "region": None} | changes
    return invite.invite_desk(here.services, here.actor(by), **wanted)


def test_desks_are_invited_by_whom_the_policy_says(here: Town) -> None:
    invited = desk(here, by="operator")
    assert invited.link.startswith(f"{here.services.config.public_url}/account/set-up/")
    assert invited.expires_at == here.services.clock() + DESK_LIFE
    with pytest.raises(OutOfScope):
        desk(here, by="operator_2", login="other")
    for role, region in ((Role.OFFICER, "53"), (Role.ADMIN, None)):
        with pytest.raises(NotAllowed):
            desk(here, by="operator", role=role, region=region, market_id=None, login="other")
        desk(here, role=role, region=region, market_id=None, login=f"new.{role}")
    for name in ("vendor", "officer"):
        with pytest.raises(NotAllowed):
            desk(here, by=name, login="other")


def test_a_desk_is_invited_by_who_has_just_confirmed(here: Town) -> None:
    with pytest.raises(ConfirmFirst):
        invite.invite_desk(
            here.services,
            unconfirmed(here, "operator"),
            Role.OPERATOR,
            "n",
            "new.one",
            market_id=here.markets[1],
        )
    assert here.ask("SELECT count(*) FROM accounts WHERE login = 'new.one'") == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": "n" * 61}, "name"),
        ({"login": "ab"}, "login"),
        ({"login": "a b c"}, "login"),
        ({"login": "用户名"}, "login"),
        ({"role": Role.OFFICER, "market_id": None}, "region"),
        ({"role": Role.OFFICER, "market_id": None, "region": "5"}, "region"),
        ({"role": Role.OFFICER, "market_id": None, "region": "53x"}, "region"),
        ({"role": Role.OPERATOR, "market_id": None}, "market"),
        ({"role": Role.VENDOR}, "role"),
    ],
)
def test_what_a_desk_invitation_needs(here: Town, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(invite.BadInvitation) as refused:
        desk(here, **changes)
    assert field in refused.value.fields


def test_a_login_is_given_once(here: Town) -> None:
    desk(here)
    with pytest.raises(invite.LoginTaken):
        desk(here, login=" NEW.one ")


def test_a_desks_link_connects_no_phone(here: Town) -> None:
    token = desk(here).link.rpartition("/")[2]
    with pytest.raises(InvitationUnknown):
        bind(here, token)


def test_the_page_uses_nothing_up_until_the_pin_is_sent(here: Town) -> None:
    """Messengers and scanners fetch links, with GET and HEAD, before anybody sees them."""
    token = code(here)
    client = here.browser()
    for method in ("HEAD", "GET", "GET"):
        assert client.open(f"/account/bind/{token}", method=method).status_code == 200
    sent = client.post(f"/account/bind/{token}", data={"pin": PIN, "pin_again": PIN})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/vendor")
    cookie = sent.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert f"Max-Age={180 * 86400}" in cookie
    again = client.get(f"/account/bind/{token}", headers={"Accept-Language": "en"})
    assert again.status_code == 410
    assert "used already" in again.text
    assert "market operator" in again.text


def test_the_page_says_what_is_wrong(here: Town) -> None:
    token, english = code(here), {"Accept-Language": "en", "Accept": "text/html"}
    client = here.browser()
    for form, said in (
        ({}, "six digits"),
        ({"pin": "123456", "pin_again": "123456"}, "too easy"),
        ({"pin": PIN, "pin_again": "314159"}, "differ"),
    ):
        sent = client.post(f"/account/bind/{token}", data=form, headers=english)
        assert sent.status_code == 422
        assert said in sent.text
        assert PIN not in sent.text
    other = here.browser("next_door")
    sent = other.post(f"/account/bind/{token}", data={"pin": PIN, "pin_again": PIN}, headers=english)
    assert sent.status_code == 409
    assert "signed in as next_door" in sent.text
    client.post(f"/account/bind/{token}", data={"pin": PIN, "pin_again": PIN})
    second, phone = code(here), here.browser()
    page = phone.get(f"/account/bind/{second}", headers=english).text
    assert "Your PIN" in page
    assert "pin_again" not in page
    statuses = [
        phone.post(f"/account/bind/{second}", data={"pin": "314159"}, headers=english).status_code
        for _ in range(6)
    ]
    assert statuses == [422] * 5 + [429]
