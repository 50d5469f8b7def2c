"""Signing in, setting up and confirming, by the flows themselves: with a clock that tests move."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from invoice_service import keyring
from invoice_service.app import build_services
from invoice_service.config import Config
from invoice_service.domain.account import BadCode, BadPassword, SignInRefused
from invoice_service.domain.invitation import (
    InvitationLate,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
)
from invoice_service.domain.pin import WrongPin
from invoice_service.domain.policy import Actor, ConfirmFirst, NotAllowed, OutOfScope
from invoice_service.errors import Error
from invoice_service.flow import confirm, first_admin, own_sign_in, passkeys, secret, sessions, sign_in
from invoice_service.flow.attempts import PER_ADDRESS, PER_SUBJECT, TooManyAttempts
from invoice_service.flow.own_sign_in import LastWayIn, NewSecret
from invoice_service.flow.passkeys import Answer, PasskeyRefused, Site
from invoice_service.flow.sessions import SignedIn, Visit
from invoice_service.queries import identity, own_account
from invoice_service.services import Services
from tests import clock as clock_of_tests
from tests import make
from tests.authenticator import Authenticator

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
HERE = Visit("Chrome · Linux", "192.0.2.7")
SITE = Site("localhost", "http://localhost:8000")
PASSWORD = "four small market words"
TOTP = pyotp.TOTP("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")


class Clock(clock_of_tests.Clock):
    def code(self, steps: int = 0) -> str:
        return TOTP.at(self.now + timedelta(seconds=30 * steps))


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def services(tmp_path: Path, migrated_database_url: str, clock: Clock) -> Iterator[Services]:
    keyring.make_missing(tmp_path, now=NOON, issuer_name="test")
    made = build_services(Config(data_dir=tmp_path, database_url=migrated_database_url), clock=clock)
    yield made
    made.database.dispose()


@pytest.fixture
def codes(services: Services, clock: Clock) -> tuple[str, ...]:
    """The recovery codes of `chief`, who has set up a password; half a minute ago, so the code is fresh."""
    _, made = own_sign_in.set_up_password(services, invitation(services), new(clock), HERE)
    clock.now += timedelta(minutes=1)
    return made


def invitation(services: Services, login: str = "chief") -> str:
    return first_admin.invite(services, login, "Chief").rpartition("/")[2]


def new(clock: Clock, password: str = PASSWORD) -> NewSecret:
    return NewSecret(password, TOTP.secret, clock.code())


def enter(services: Services, code: str, password: str = PASSWORD, visit: Visit = HERE) -> SignedIn:
    return sign_in.with_password(services, "chief", password, code, visit)


def actor(services: Services, signed_in: SignedIn) -> Actor | None:
    asking = identity.asking(services, signed_in.token)
    return asking.actor if asking else None


def sql(services: Services, statement: str, **values: Any) -> Any:
    with services.database.engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return result.scalar() if result.returns_rows else None


def together(count: int, act: Callable[[], object]) -> list[Error | None]:
    """What became of `count` at the same instant: None where it worked."""
    ready, outcomes = threading.Barrier(count), []

    def one() -> None:
        ready.wait()
        try:
            act()
            outcomes.append(None)
        except Error as error:
            outcomes.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == count
    return outcomes


# A password and a second factor.


@pytest.mark.usefixtures("codes")
def test_a_password_with_a_code_signs_in_and_is_recorded(services: Services, clock: Clock) -> None:
    signed_in = enter(services, clock.code())
    found = actor(services, signed_in)
    assert found is not None
    assert (found.name, found.role) == ("Chief", "admin")
    assert sql(services, "SELECT count(*) FROM access_records WHERE action = 'session.begin'") == 1
    stored = sql(services, "SELECT string_agg(sessions::text, ' ') FROM sessions")
    assert signed_in.token not in stored


@pytest.mark.usefixtures("codes")
def test_a_wrong_part_gets_the_same_answer_whichever_it_is(services: Services, clock: Clock) -> None:
    """No account can be found out by asking, and a password alone never signs in."""
    said = set()
    for login, password, code in (
        ("nobody", PASSWORD, clock.code()),
        ("chief", "another four words", clock.code()),
        ("chief", PASSWORD, "000000" if clock.code() != "000000" else "000001"),
        ("chief", PASSWORD, ""),
    ):
        with pytest.raises(SignInRefused) as refused:
            sign_in.with_password(services, login, password, code, HERE)
        said.add((refused.value.code, str(refused.value), tuple(refused.value.fields)))
    sql(services, "UPDATE accounts SET disabled_at = now()")
    with pytest.raises(SignInRefused) as refused:
        enter(services, clock.code())
    said.add((refused.value.code, str(refused.value), tuple(refused.value.fields)))
    assert len(said) == 1


@pytest.mark.usefixtures("codes")
def test_an_unknown_login_costs_the_same_work(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    matches = secret.matches
    monkeypatch.setattr(
        secret, "matches", lambda stored, given: compared.append(stored) or matches(stored, given)
    )
    for login in ("chief", "nobody"):
        with pytest.raises(SignInRefused):
            sign_in.with_password(services, login, "wrong wrong wrong", clock.code(), HERE)
    assert len(compared) == 2
    assert compared[0].split("$")[:4] == compared[1].split("$")[:4], "with the same parameters"


@pytest.mark.usefixtures("codes")
def test_a_code_is_good_once_also_for_two_at_the_same_instant(services: Services, clock: Clock) -> None:
    outcomes = together(3, lambda: enter(services, clock.code()))
    assert outcomes.count(None) == 1
    with pytest.raises(SignInRefused):
        enter(services, clock.code())
    clock.now += timedelta(seconds=30)
    with pytest.raises(SignInRefused):
        enter(services, clock.code(-1))
    assert enter(services, clock.code())


@pytest.mark.usefixtures("codes")
def test_a_clock_set_back_makes_no_used_code_good_again(services: Services, clock: Clock) -> None:
    code = clock.code()
    enter(services, code)
    clock.now -= timedelta(hours=1)
    with pytest.raises(SignInRefused):
        enter(services, clock.code())
    clock.now += timedelta(hours=1, seconds=30)
    assert enter(services, clock.code())


def test_a_recovery_code_stands_in_once(services: Services, codes: tuple[str, ...]) -> None:
    assert len(set(codes)) == 10
    outcomes = together(3, lambda: enter(services, codes[0].lower()))
    assert outcomes.count(None) == 1
    with pytest.raises(SignInRefused):
        enter(services, codes[0])
    assert enter(services, codes[1])
    stored = sql(services, "SELECT string_agg(code_hash::text, ' ') FROM recovery_codes")
    assert codes[2].encode().hex() not in stored


def test_a_recovery_code_needs_the_password_too(services: Services, codes: tuple[str, ...]) -> None:
    with pytest.raises(SignInRefused):
        enter(services, codes[0], "another four words")
    assert enter(services, codes[0])


@pytest.mark.usefixtures("codes")
def test_cve_2024_0227_one_time_codes_cannot_be_guessed_without_a_limit(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat 20: who has the password guesses five times a quarter of an hour, at once or one by one."""
    looked_at: list[str] = []
    real = secret.matches
    monkeypatch.setattr(
        secret, "matches", lambda stored, given: looked_at.append(given) or real(stored, given)
    )
    wrong = "000000" if clock.code() != "000000" else "000001"
    outcomes = together(10, lambda: enter(services, wrong))
    assert None not in outcomes
    assert len(looked_at) <= PER_SUBJECT
    for _ in range(10):
        with pytest.raises((SignInRefused, TooManyAttempts)):
            enter(services, wrong)
    assert len(looked_at) == PER_SUBJECT
    with pytest.raises(TooManyAttempts):
        enter(services, clock.code())  # the right one too
    clock.now += timedelta(minutes=15)
    assert enter(services, clock.code())


@pytest.mark.usefixtures("codes")
def test_strangers_lock_nobody_out_of_a_device_that_signed_in_before(
    services: Services, clock: Clock
) -> None:
    at_home = enter(services, clock.code())
    for _ in range(PER_SUBJECT):
        with pytest.raises(SignInRefused):
            enter(services, "111111", visit=Visit("", "203.0.113.9"))
    with pytest.raises(TooManyAttempts):
        enter(services, "111111", visit=Visit("", "203.0.113.9"))
    clock.now += timedelta(seconds=30)
    assert enter(services, clock.code(), visit=Visit("", "192.0.2.7", at_home.notes))
    for _ in range(PER_SUBJECT):
        with pytest.raises(SignInRefused):
            enter(services, "111111", visit=Visit("", "192.0.2.7", at_home.notes))
    with pytest.raises(TooManyAttempts):  # but it may not guess for ever either
        enter(services, "111111", visit=Visit("", "192.0.2.7", at_home.notes))


@pytest.mark.usefixtures("codes")
def test_a_markets_one_address_holds_back_new_devices_only(services: Services, clock: Clock) -> None:
    at_home = enter(services, clock.code())
    sql(
        services,
        "INSERT INTO failed_sign_ins (subject, address, at) "
        "SELECT 'login:' || n, '192.0.2.7', :now FROM generate_series(1, :most) AS n",
        now=clock.now,
        most=PER_ADDRESS,
    )
    clock.now += timedelta(seconds=30)
    with pytest.raises(TooManyAttempts):
        enter(services, clock.code())
    assert enter(services, clock.code(), visit=Visit("", "192.0.2.7", at_home.notes))


@pytest.mark.usefixtures("codes")
def test_a_password_hashed_more_weakly_is_hashed_again(services: Services, clock: Clock) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    sql(services, "UPDATE accounts SET password_hash = :weak", weak=weak)
    enter(services, clock.code())
    now = sql(services, "SELECT password_hash FROM accounts")
    assert "m=19456,t=2,p=1" in now
    assert secret.matches(now, PASSWORD)


@pytest.mark.usefixtures("codes")
def test_an_authenticators_secret_is_of_no_use_in_another_account(services: Services, clock: Clock) -> None:
    stored = sql(services, "SELECT totp_secret FROM accounts")
    assert TOTP.secret.encode() not in bytes(stored)
    with services.database.unit_of_work() as uow:
        other = make.account(uow.connection, "admin", login="other", password_hash=secret.hashed(PASSWORD),
                             totp_secret=bytes(stored))  # fmt: skip
        uow.commit()
    assert other
    with pytest.raises(Exception, match=r"^$"):  # AES-GCM's InvalidTag: it was moved here
        sign_in.with_password(services, "other", PASSWORD, clock.code(), HERE)


# Sessions.


@pytest.mark.usefixtures("codes")
def test_a_session_ends_when_idle_and_after_twelve_hours(services: Services, clock: Clock) -> None:
    signed_in = enter(services, clock.code())
    clock.now += timedelta(hours=1, minutes=59)
    asking = identity.asking(services, signed_in.token)
    assert asking is not None
    assert asking.is_due
    sessions.seen(services, asking.actor)
    again = identity.asking(services, signed_in.token)
    assert again is not None
    assert not again.is_due, "not written at each request"
    for _ in range(5):
        clock.now += timedelta(hours=1, minutes=59)
        found = identity.asking(services, signed_in.token)
        assert found is not None
        sessions.seen(services, found.actor)
    clock.now = NOON + timedelta(hours=12, minutes=2)
    assert actor(services, signed_in) is None

    idle = enter(services, clock.code())
    clock.now += timedelta(hours=2)
    assert actor(services, idle) is None


@pytest.mark.usefixtures("codes")
def test_a_clock_set_back_neither_ends_sessions_nor_lengthens_them(services: Services, clock: Clock) -> None:
    signed_in = enter(services, clock.code())
    clock.now -= timedelta(hours=1)
    assert actor(services, signed_in)
    clock.now = NOON + timedelta(hours=13)
    assert actor(services, signed_in) is None


def test_sessions_are_ones_own_to_end(services: Services, clock: Clock, codes: tuple[str, ...]) -> None:
    first, second = enter(services, clock.code()), enter(services, codes[0])
    with services.database.unit_of_work() as uow:
        other = make.account(uow.connection, "admin", login="other")
        token = make.signed_in(uow.connection, other)
        uow.commit()
    strange = sql(services, "SELECT id FROM sessions WHERE account_id = :other", other=other)
    with pytest.raises(OutOfScope):
        sessions.end(services, second.actor, strange)
    assert own_account.account(services, second.actor).sessions[0].device == "Chrome · Linux"
    sessions.end_others(services, second.actor)
    assert actor(services, first) is None
    assert actor(services, second) is not None
    sessions.end(services, second.actor, second.actor.session_id)
    assert actor(services, second) is None
    assert token


@pytest.mark.usefixtures("codes")
def test_signing_in_anew_ends_what_the_browser_had_before(services: Services, clock: Clock) -> None:
    first = enter(services, clock.code())
    clock.now += timedelta(seconds=30)
    again = enter(services, clock.code(), visit=Visit("", "192.0.2.7", replaces=first.actor.session_id))
    assert actor(services, first) is None
    assert actor(services, again) is not None


@pytest.mark.usefixtures("codes")
def test_a_closed_account_is_out_at_once(services: Services, clock: Clock) -> None:
    signed_in = enter(services, clock.code())
    sql(services, "UPDATE accounts SET disabled_at = :now", now=clock.now)
    assert actor(services, signed_in) is None


# Invitations.


def test_a_link_sets_up_once_and_looking_at_it_uses_nothing_up(services: Services, clock: Clock) -> None:
    token = invitation(services)
    for _ in range(3):
        assert own_account.invited(services, token).login == "chief"
    clock_code = new(clock)
    outcomes = together(3, lambda: own_sign_in.set_up_password(services, token, clock_code, HERE))
    assert outcomes.count(None) == 1
    assert {type(error) for error in outcomes if error} == {InvitationUsed}


def test_a_link_that_is_late_replaced_or_made_up(services: Services, clock: Clock) -> None:
    late = invitation(services, "late")
    clock.now += timedelta(hours=72)
    replaced, newest = invitation(services), invitation(services)
    for token, refusal in (
        (late, InvitationLate),
        (replaced, InvitationRevoked),
        (secrets.token_urlsafe(16), InvitationUnknown),
    ):
        with pytest.raises(refusal):
            own_account.invited(services, token)
        with pytest.raises(refusal):
            own_sign_in.set_up_password(services, token, new(clock), HERE)
    assert own_account.invited(services, newest).name == "Chief"


def test_a_phones_link_sets_up_no_desk(services: Services) -> None:
    token = invitation(services)
    with services.database.unit_of_work() as uow:
        market_id = make.market(uow.connection)
        vendor = make.account(uow.connection, "vendor", market_id=market_id,
                              vendor_id=make.vendor(uow.connection, market_id))  # fmt: skip
        uow.commit()
    sql(services, "UPDATE invitations SET account_id = :vendor", vendor=vendor)
    with pytest.raises(InvitationUnknown):
        own_account.invited(services, token)


def test_what_does_not_do_leaves_the_link_open(services: Services, clock: Clock) -> None:
    token = invitation(services)
    with pytest.raises(BadPassword):
        own_sign_in.set_up_password(services, token, new(clock, "short"), HERE)
    with pytest.raises(BadCode):
        own_sign_in.set_up_password(services, token, NewSecret(PASSWORD, TOTP.secret, "12345"), HERE)
    signed_in, _ = own_sign_in.set_up_password(services, token, new(clock), HERE)
    assert actor(services, signed_in)
    with pytest.raises(SignInRefused):
        enter(services, clock.code())  # the code that showed that the app works was used by that


@pytest.mark.usefixtures("codes")
def test_setting_up_again_replaces_everything(services: Services, clock: Clock) -> None:
    before = enter(services, clock.code())
    clock.now += timedelta(minutes=1)
    device = Authenticator(SITE.origin)
    set_up(services, invitation(services), device)
    assert actor(services, before) is None
    with pytest.raises(SignInRefused):
        enter(services, clock.code())


# Passkeys.


def set_up(services: Services, token: str, device: Authenticator) -> SignedIn:
    challenge = passkeys.new_challenge(services)
    options = passkeys.options_for_invited(services, token, challenge, SITE)
    return own_sign_in.set_up_passkey(services, token, Answer(device.make(options), challenge, SITE), HERE)


def ask(services: Services, device: Authenticator) -> Answer:
    challenge = passkeys.new_challenge(services)
    return Answer(device.sign(passkeys.options_to_sign(challenge, SITE)), challenge, SITE)


def test_a_passkey_signs_in_without_a_login(services: Services) -> None:
    device = Authenticator(SITE.origin)
    set_up(services, invitation(services), device)
    assert sign_in.with_passkey(services, ask(services, device), HERE).actor.name == "Chief"


def test_an_answer_is_good_once_also_for_two_at_the_same_instant(services: Services) -> None:
    device = Authenticator(SITE.origin)
    set_up(services, invitation(services), device)
    device.count = -1  # devices that do not count say 0 each time
    answer = ask(services, device)
    outcomes = together(3, lambda: sign_in.with_passkey(services, answer, HERE))
    assert outcomes.count(None) == 1
    assert {type(error) for error in outcomes if error} == {PasskeyRefused}
    with pytest.raises(PasskeyRefused):
        sign_in.with_passkey(services, answer, HERE)


@pytest.mark.parametrize(
    "changes",
    [
        {"verifies": False},
        {"origin": "http://localhost.evil.example:8000"},
        {"origin": "http://localhost:9000"},
        {"rp_id": "evil.example"},
        {"id": b"another passkey"},
        {"key": Authenticator("").key},
    ],
    ids=["nobody verified", "another site", "another port", "another name", "unknown", "another key"],
)
def test_another_signature_is_refused(services: Services, changes: dict[str, Any]) -> None:
    device = Authenticator(SITE.origin)
    set_up(services, invitation(services), device)
    for name, value in changes.items():
        setattr(device, name, value)
    with pytest.raises(PasskeyRefused):
        sign_in.with_passkey(services, ask(services, device), HERE)


def test_a_copied_passkey_is_noticed_by_its_counter(services: Services) -> None:
    device = Authenticator(SITE.origin)
    set_up(services, invitation(services), device)
    device.count = 7
    assert sign_in.with_passkey(services, ask(services, device), HERE)
    device.count = 3
    with pytest.raises(PasskeyRefused):
        sign_in.with_passkey(services, ask(services, device), HERE)


def test_a_passkey_made_without_verifying_is_not_taken(services: Services) -> None:
    token = invitation(services)
    with pytest.raises(PasskeyRefused):
        set_up(services, token, Authenticator(SITE.origin, verifies=False))
    assert own_account.invited(services, token), "and the link is still open"


@pytest.mark.parametrize(
    "credential", ["", "null", "[]", "{}", '{"id": 1}', "\x00", '{"rawId": "AA", "id": "AA"}']
)
def test_what_is_no_answer_is_refused(services: Services, credential: str) -> None:
    answer = Answer(credential, bytes(32), SITE)
    with pytest.raises(PasskeyRefused):
        sign_in.with_passkey(services, answer, HERE)
    with pytest.raises(PasskeyRefused):
        own_sign_in.set_up_passkey(services, invitation(services), answer, HERE)


# Confirming, and changing.


@pytest.mark.usefixtures("codes")
def test_changes_need_a_fresh_proof_and_end_other_sessions(
    services: Services, clock: Clock, codes: tuple[str, ...]
) -> None:
    other, mine = enter(services, codes[0]), enter(services, clock.code())
    clock.now += timedelta(minutes=11)
    stale = actor(services, mine)
    assert stale is not None
    device, challenge = Authenticator(SITE.origin), bytes(32)
    with pytest.raises(ConfirmFirst):
        own_sign_in.set_password(services, stale, new(clock))
    with pytest.raises(ConfirmFirst):
        own_sign_in.new_recovery_codes(services, stale)
    with pytest.raises(ConfirmFirst):
        passkeys.options_for_another(services, stale, challenge, SITE)
    with pytest.raises(ConfirmFirst):
        own_sign_in.add_passkey(services, stale, Answer("", challenge, SITE), "")
    with pytest.raises(ConfirmFirst):
        own_sign_in.remove_passkey(services, stale, b"")

    confirm.with_password(services, stale, PASSWORD, clock.code(), "192.0.2.7")
    fresh = actor(services, mine)
    assert fresh is not None
    options = passkeys.options_for_another(services, fresh, challenge, SITE)
    own_sign_in.add_passkey(services, fresh, Answer(device.make(options), challenge, SITE), "laptop")
    assert actor(services, other) is None
    assert actor(services, mine) is not None
    assert sql(services, "SELECT count(*) FROM access_records WHERE action = 'account.change'") == 1


@pytest.mark.usefixtures("codes")
def test_confirming_takes_no_used_code_and_no_more_than_five_guesses(
    services: Services, clock: Clock
) -> None:
    code = clock.code()
    signed_in = enter(services, code)
    with pytest.raises(SignInRefused):
        confirm.with_password(services, signed_in.actor, PASSWORD, code, "192.0.2.7")
    outcomes = together(
        10, lambda: confirm.with_password(services, signed_in.actor, PASSWORD, "111111", "192.0.2.7")
    )
    assert {type(error) for error in outcomes} <= {SignInRefused, TooManyAttempts}
    assert sum(isinstance(error, SignInRefused) for error in outcomes) < PER_SUBJECT


def test_another_persons_passkey_confirms_nothing(services: Services) -> None:
    mine, theirs = Authenticator(SITE.origin), Authenticator(SITE.origin)
    signed_in = set_up(services, invitation(services), mine)
    set_up(services, invitation(services, "other"), theirs)
    with pytest.raises(PasskeyRefused):
        confirm.with_passkey(services, signed_in.actor, ask(services, theirs))
    confirm.with_passkey(services, signed_in.actor, ask(services, mine))


def test_a_vendor_confirms_by_pin_and_guesses_five_times(services: Services, clock: Clock) -> None:
    with services.database.unit_of_work() as uow:
        market_id = make.market(uow.connection)
        account_id = make.account(
            uow.connection, "vendor", market_id=market_id, pin_hash=secret.hashed("402817"),
            vendor_id=make.vendor(uow.connection, market_id),
        )  # fmt: skip
        token = make.signed_in(uow.connection, account_id)
        sql_expiry = text("UPDATE sessions SET expires_at = :later")
        uow.connection.execute(sql_expiry, {"later": NOON + timedelta(days=180)})
        uow.commit()
    asking = identity.asking(services, token)
    assert asking is not None
    with pytest.raises(WrongPin):
        confirm.with_pin(services, asking.actor, "000000", "192.0.2.7")
    confirm.with_pin(services, asking.actor, "402817", "192.0.2.7")
    now = identity.asking(services, token)
    assert now is not None
    assert now.actor.confirmed_at == clock.now
    outcomes = together(10, lambda: confirm.with_pin(services, asking.actor, "000000", "192.0.2.7"))
    assert sum(isinstance(error, WrongPin) for error in outcomes) <= PER_SUBJECT
    with pytest.raises(NotAllowed):
        own_sign_in.set_password(services, now.actor, new(clock))


def test_the_last_way_in_stays(services: Services, clock: Clock) -> None:
    device = Authenticator(SITE.origin)
    signed_in = set_up(services, invitation(services), device)
    with pytest.raises(LastWayIn):
        own_sign_in.remove_passkey(services, signed_in.actor, device.id)
    with pytest.raises(OutOfScope):
        own_sign_in.remove_passkey(services, signed_in.actor, b"another's")
    own_sign_in.set_password(services, signed_in.actor, new(clock))
    own_sign_in.remove_passkey(services, signed_in.actor, device.id)
    with pytest.raises(PasskeyRefused):
        sign_in.with_passkey(services, ask(services, device), HERE)


def test_the_shell_makes_administrators_only(services: Services) -> None:
    with services.database.unit_of_work() as uow:
        make.account(uow.connection, "officer", login="officer")
        uow.commit()
    with pytest.raises(first_admin.NotAnAdministrator):
        first_admin.invite(services, "officer", "X")
