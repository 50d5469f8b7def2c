"""Signing in as people do it, in real Chromium with a virtual authenticator, and as attackers try it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from invoice_service import keyring
from invoice_service.app import build_services, create_app
from invoice_service.config import Config
from invoice_service.flow import first_admin, secret
from scripts.lib.paths import ROOT
from tests import make
from tests.chromium import DESKTOP, PHONE, check_page, complaints, unexpected
from tests.stack import Stack

PASSWORD = "four small market words"


@pytest.fixture(params=["zh-CN", "en"])
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, in either language, whose device can make passkeys."""
    made = browser.new_context(viewport=PHONE, locale=request.param)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A console error fails the test, except those by which Chromium says that the server said no."""
    opened = context.new_page()
    said = complaints(opened)
    yield opened
    assert not unexpected(said)


def with_authenticator(page: Page, *, verifies: bool = True) -> None:
    """What a laptop's fingerprint reader is, as the DevTools protocol plays it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def check_both(page: Page, name: str) -> None:
    """On a desktop's screen and on a phone's."""
    for size in (DESKTOP, PHONE):
        page.set_viewport_size(size)
        check_page(page, name)


def invited(stack: Stack, login: str) -> str:
    """A fresh link from the shell. Asking again for the same login resets its sign-in."""
    done = stack.command("admin", "--login", login, "--name", "周敏")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shown_secret(page: Page) -> str:
    return page.locator(".enrol__key").inner_text().replace(" ", "")


def step_back(stack: Stack, login: str) -> None:
    """Let the present code be used again, as it could be half a minute later."""
    with stack.database() as database, database.unit_of_work() as uow:
        uow.connection.exec_driver_sql(
            "UPDATE accounts SET totp_step = totp_step - 4 WHERE login = %s", (login,)
        )
        uow.commit()


def button(page: Page, action: str) -> None:
    page.locator(f"form[action$='{action}'] button[type=submit]").first.click()


def test_a_passkey_from_the_link_to_its_removal(stack: Stack, page: Page) -> None:
    with_authenticator(page)
    link = invited(stack, "passkey-admin")
    requests.get(link, timeout=10).raise_for_status()  # a mail program looks first: it uses nothing up
    page.goto(link)
    check_both(page, "set-up")
    button(page, "/passkey")
    expect(page).to_have_url(re.compile(r"\d/account$"))
    expect(page.locator(".thing")).to_have_count(2)  # one passkey, one session
    check_both(page, "account-passkey")

    button(page, "/passkeys/remove")
    expect(page.locator("[role=alert] h2")).to_be_visible()  # the only way in stays
    button(page, "/sign-out")
    expect(page).to_have_url(re.compile("/account/login"))
    check_both(page, "login")

    page.goto(f"{stack.url}/account")  # asks to sign in, and comes back here
    expect(page).to_have_url(re.compile(r"/account/login\?next="))
    button(page, "/login/passkey")
    expect(page).to_have_url(re.compile(r"\d/account$"))

    stack_sql(stack, "UPDATE sessions SET confirmed_at = NULL WHERE ended_at IS NULL")
    page.goto(f"{stack.url}/account/password")
    expect(page).to_have_url(re.compile("/account/confirm"))
    check_both(page, "confirm-passkey")
    button(page, "/confirm/passkey")
    expect(page).to_have_url(re.compile(r"\d/account/password$"))
    check_both(page, "password")
    secret = shown_secret(page)
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    button(page, "/password")
    expect(page.locator(".codes li")).to_have_count(10)
    check_both(page, "codes")
    page.goto(f"{stack.url}/account")
    button(page, "/passkeys/remove")
    expect(page.locator(".thing")).to_have_count(1)  # the session alone is left
    check_both(page, "account-password")
    page.goto(link)
    expect(page.locator("code")).to_contain_text("invitation.used")


def stack_sql(stack: Stack, statement: str) -> None:
    with stack.database() as database, database.unit_of_work() as uow:
        uow.connection.exec_driver_sql(statement)
        uow.commit()


def test_a_password_from_the_link_to_a_recovery_code(stack: Stack, page: Page) -> None:
    """On a browser without passkeys: its device checks nobody's finger."""
    page.goto(invited(stack, "password-admin"))
    page.locator("#password").fill("too short")
    page.locator("#code").fill("123456")
    button(page, page.url.rpartition("/")[2])
    expect(page.locator("#error-password")).to_be_visible()
    check_both(page, "set-up-wrong")
    secret = shown_secret(page)  # the same as before: the app has scanned it by now
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    button(page, page.url.rpartition("/")[2])
    expect(page.locator(".codes li")).to_have_count(10)
    recovery = page.locator(".codes li").first.inner_text()
    page.locator("a.weui-btn_primary").click()
    expect(page).to_have_url(re.compile(r"\d/account$"))
    button(page, "/sign-out")

    def fill(code: str, password: str = PASSWORD) -> None:
        page.locator("#login").fill("Password-Admin")
        page.locator("#password").fill(password)
        page.locator("#code").fill(code)
        button(page, "/account/login")

    fill("000000", "not the right password")
    expect(page.locator("[role=alert] h2")).to_be_visible()
    assert page.locator("#password").input_value() == ""
    check_both(page, "login-wrong")
    fill(recovery)
    expect(page).to_have_url(re.compile(r"\d/account$"))
    stack_sql(stack, "UPDATE sessions SET confirmed_at = NULL WHERE ended_at IS NULL")
    button(page, "/recovery-codes")
    expect(page).to_have_url(re.compile("/account/confirm"))
    check_both(page, "confirm-password")
    step_back(stack, "password-admin")
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    button(page, "/confirm/password")
    expect(page).to_have_url(re.compile(r"\d/account$"))
    button(page, "/recovery-codes")
    expect(page.locator(".codes li")).to_have_count(10)


def test_a_passkey_whose_owner_is_not_verified_is_told_kindly(stack: Stack, page: Page) -> None:
    with_authenticator(page, verifies=False)
    page.goto(invited(stack, "unverified-admin"))
    button(page, "/passkey")
    expect(page.locator("[data-problem]")).not_to_be_empty(timeout=70_000)
    check_both(page, "set-up-stopped")


def test_a_vendor_confirms_by_pin(stack: Stack, page: Page) -> None:
    token = signed_in_vendor(stack)
    page.context.add_cookies([{"name": "stall-ledger-account", "value": token, "url": stack.url}])
    page.goto(f"{stack.url}/account/confirm?next=/account")
    check_both(page, "confirm-pin")
    page.locator("#pin").fill("111111")
    button(page, "/confirm/pin")
    expect(page.locator("#error-pin")).to_be_visible()
    check_both(page, "confirm-pin-wrong")
    page.locator("#pin").fill("402817")
    button(page, "/confirm/pin")
    expect(page).to_have_url(re.compile(r"\d/account$"))
    check_both(page, "account-vendor")
    page.goto(f"{stack.url}/account/pin")
    page.locator("#pin").fill("123456")
    page.locator("#pin_again").fill("123456")
    button(page, "/account/pin")
    expect(page.locator("#error-pin")).to_be_visible()
    check_both(page, "pin-wrong")
    page.locator("#pin").fill("402817")
    page.locator("#pin_again").fill("402817")
    button(page, "/account/pin")
    expect(page).to_have_url(re.compile(r"\d/account$"))
    expect(page.locator(".thing")).to_have_count(1)  # other phones are signed out


def signed_in_vendor(stack: Stack) -> str:
    with stack.database() as database, database.unit_of_work() as uow:
        vendor_id = uow.connection.exec_driver_sql("SELECT id FROM vendors LIMIT 1").scalar_one()
        market_id = uow.connection.exec_driver_sql("SELECT id FROM markets LIMIT 1").scalar_one()
        known = uow.connection.exec_driver_sql("SELECT id FROM accounts WHERE role = 'vendor'").scalar()
        account_id = known or make.account(
            uow.connection, "vendor", name="李秀英", market_id=market_id, vendor_id=vendor_id,
            pin_hash=secret.hashed("402817"),
        )  # fmt: skip
        token = make.signed_in(uow.connection, account_id)
        uow.commit()
    return token


# As programs and attackers come: over HTTP alone.


class Desk:
    """An administrator with a password, and a browser that is only its cookies."""

    def __init__(self, stack: Stack, login: str) -> None:
        self.stack, self.login, self.http = stack, login, requests.Session()
        self.link = invited(stack, login)
        self.secret = re.search(r'enrol__key"><code>([A-Z2-7 ]+)<', self.get(self.link).text)[1].replace(
            " ", ""
        )
        done = self.post(self.link, password=PASSWORD, code=pyotp.TOTP(self.secret).now())
        assert done.status_code == 200, done.text
        self.codes = re.findall(r"<li><code>([A-Z2-7-]{19})<", done.text)

    def url(self, path: str) -> str:
        return path if path.startswith("http") else f"{self.stack.url}{path}"

    def get(self, path: str) -> requests.Response:
        return self.http.get(self.url(path), allow_redirects=False, timeout=20)

    def token(self, page: str = "/account/login") -> str:
        return re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).text)[1]

    def post(self, path: str, *, page: str | None = None, **form: str) -> requests.Response:
        form |= {"csrf_token": self.token(page or path)}
        return self.http.post(self.url(path), data=form, allow_redirects=False, timeout=20)

    def sign_in(self, code: str, **form: str) -> requests.Response:
        form |= {"login": self.login, "password": PASSWORD, "code": code}
        return self.post("/account/login", **form)

    @property
    def session(self) -> str:
        return self.http.cookies["stall-ledger-account"]


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Desk:
    return Desk(stack, "desk-admin")


def test_signing_out_ends_the_session_whoever_kept_its_cookie(desk: Desk) -> None:
    signed_in(desk)
    kept = {"stall-ledger-account": desk.session}
    page = f"{desk.stack.url}/account"
    assert requests.get(page, cookies=kept, timeout=10).status_code == 200
    assert desk.post("/account/sign-out", page="/account").status_code == 303
    assert "stall-ledger-account" not in desk.http.cookies
    assert requests.get(page, cookies=kept, timeout=10).status_code == 401


def signed_in(desk: Desk) -> requests.Response | None:
    """Signed in now, by a recovery code where it was not."""
    if "stall-ledger-account" in desk.http.cookies:
        return None
    answer = desk.sign_in(desk.codes.pop())
    assert answer.status_code == 303, answer.text
    return answer


def test_a_session_put_into_the_browser_beforehand_opens_nothing(desk: Desk) -> None:
    """Session fixation: signing in makes a new token, whatever cookie came along, and ends the old one."""
    fixed = "fixed-by-somebody-else"
    desk.http.cookies.clear()
    desk.http.cookies.set("stall-ledger-account", fixed, domain="localhost.local", path="/")
    form_before = desk.token()
    desk.sign_in(desk.codes.pop())
    first = [cookie.value for cookie in desk.http.cookies if cookie.name == "stall-ledger-account"]
    assert any(value != fixed for value in first)
    page = f"{desk.stack.url}/account"
    assert requests.get(page, cookies={"stall-ledger-account": fixed}, timeout=10).status_code == 401
    forged = desk.http.post(
        f"{desk.stack.url}/account/sign-out",
        data={"csrf_token": form_before},
        allow_redirects=False,
        timeout=10,
    )
    assert forged.status_code == 400, "a form from before signing in works no longer"
    desk.http.cookies.clear()


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(desk: Desk) -> None:
    desk.http.cookies.clear()
    answer = desk.sign_in(desk.codes.pop())
    set_cookies = answer.raw.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in set_cookies} >= {
        "stall-ledger-account",
        "stall-ledger-device",
    }
    for cookie in set_cookies:
        assert "HttpOnly" in cookie, cookie
        assert "SameSite=Lax" in cookie, cookie
    assert answer.headers["Cache-Control"] == "no-store"


FORMS = (
    "/account/login", "/account/login/passkey", "/account/sign-out", "/account/confirm/pin",
    "/account/confirm/password", "/account/confirm/passkey", "/account/sessions/1/end",
    "/account/sessions/end-others", "/account/passkeys", "/account/passkeys/remove", "/account/password",
    "/account/pin", "/account/recovery-codes", "/account/set-up/x", "/account/set-up/x/passkey",
)  # fmt: skip


def test_every_form_of_these_pages_is_among_those_tried() -> None:
    rules = re.findall(
        r'@blueprint\.post\("([^"]+)"\)', (ROOT / "invoice_service/web/account/views.py").read_text()
    )
    filled = {f"/account{rule}".replace("<token>", "x").replace("<int:session_id>", "1") for rule in rules}
    assert filled == set(FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_a_forged_form_is_refused(desk: Desk, form: str) -> None:
    signed_in(desk)
    before = desk.session
    answer = desk.http.post(f"{desk.stack.url}{form}", data={}, allow_redirects=False, timeout=10)
    assert answer.status_code == 400
    assert desk.get("/account").status_code == 200
    assert desk.session == before


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/", "//evil.example/", "/\\evil.example", "\\/evil.example", "/\t/evil.example",
        "javascript:alert(1)", "http:evil.example", "///evil.example", "/\n/evil.example", "evil.example",
    ],
)  # fmt: skip
def test_no_page_leads_off_this_site(desk: Desk, elsewhere: str) -> None:
    signed_in(desk)
    assert desk.http.get(
        f"{desk.stack.url}/account/login", params={"next": elsewhere}, allow_redirects=False, timeout=10
    ).headers["Location"] in ("/account", f"{desk.stack.url}/account")
    step_back(desk.stack, desk.login)
    answer = desk.post(
        "/account/confirm/password",
        page="/account/confirm",
        next=elsewhere,
        password=PASSWORD,
        code=pyotp.TOTP(desk.secret).now(),
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")


def test_a_page_of_this_site_is_come_back_to(desk: Desk) -> None:
    desk.http.cookies.clear()
    asked = desk.http.get(
        f"{desk.stack.url}/account?lang=en",
        headers={"Accept": "text/html"},
        allow_redirects=False,
        timeout=10,
    )
    assert asked.status_code == 303
    assert asked.headers["Location"].startswith("/account/login?next=")
    step_back(desk.stack, desk.login)
    answer = desk.sign_in(pyotp.TOTP(desk.secret).now(), next="/account?lang=en")
    assert answer.headers["Location"] == "/account?lang=en"


def test_programs_are_told_instead_of_sent_around(desk: Desk) -> None:
    answer = requests.get(f"{desk.stack.url}/account", headers={"Accept": "application/json"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "session.sign_in_first")


def test_after_five_wrong_guesses_the_page_says_wait(stack: Stack) -> None:
    guesser = Desk(stack, "guessed-admin")
    guesser.http.cookies.clear()
    said = [guesser.sign_in("000000").status_code for _ in range(7)]
    assert said == [422] * 5 + [429] * 2
    refused = guesser.sign_in("000000")
    assert refused.headers["Retry-After"] == "900"
    unknown = requests.Session()
    assert guesser.codes
    page = unknown.get(f"{stack.url}/account/login", timeout=10).text
    form = {"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1], "login": "nobody-at-all"}
    answers = [
        unknown.post(f"{stack.url}/account/login", data=form, timeout=20).status_code for _ in range(7)
    ]
    assert answers == said, "an unknown login is answered likewise"


def test_under_https_cookies_stay_there(tmp_path: Path, migrated_database_url: str) -> None:
    keyring.make_missing(tmp_path, now=datetime.now(UTC), issuer_name="test")
    config = Config(
        data_dir=tmp_path, database_url=migrated_database_url, public_url="https://market.example"
    )
    services = build_services(config)
    client = create_app(services).test_client()
    link = first_admin.invite(services, "secure-admin", "Chief").removeprefix("https://market.example")
    options = {"base_url": "https://market.example"}
    page = client.get(link, **options).text
    secret_text = re.search(r'enrol__key"><code>([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    form = {
        "csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1],
        "password": PASSWORD,
        "code": pyotp.TOTP(secret_text).now(),
    }
    answer = client.post(link, data=form, **options)
    assert answer.status_code == 200, answer.text
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) >= 3
    assert all("; Secure" in cookie for cookie in cookies)
    options_ = client.get("/account/login/passkey", **options).json
    assert options_["rpId"] == "market.example"
    services.database.dispose()
