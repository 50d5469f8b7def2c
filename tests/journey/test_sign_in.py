"""Signing in as people do it, in real Chromium with a virtual authenticator, and as attackers try it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import make
from tests.stack import ROOT, Stack

CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
PASSWORD = "four small market words"
SIZES = {"phone": (390, 844), "desktop": (1280, 800)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=CHROMIUM_FLAGS
        )
        yield running
        running.close()


@pytest.fixture(params=["zh-CN", "en"])
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own, in either language, whose device can make passkeys."""
    made = browser.new_context(viewport={"width": 390, "height": 844}, locale=request.param)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A console error fails the test, except those by which Chromium says that the server said no."""
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield opened
    assert not [said for said in complaints if not re.search("status of 4(03|09|10|22|29)", said)]


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


def check_page(page: Page, name: str) -> None:
    """Nothing serious for axe-core, nothing wider than the screen; a picture for whoever wants to look."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        if folder := os.environ.get("SCREENSHOTS"):
            language = page.locator("html").get_attribute("lang")
            page.screenshot(path=Path(folder) / f"{name}-{size}-{language}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not serious, json.dumps([(v["id"], [n["html"] for n in v["nodes"]]) for v in serious], indent=1)


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
    check_page(page, "set-up")
    button(page, "/passkey")
    expect(page).to_have_url(re.compile(r"\d/account$"))
    expect(page.locator(".thing")).to_have_count(2)  # one passkey, one session
    check_page(page, "account-passkey")

    button(page, "/passkeys/remove")
    expect(page.locator("[role=alert] h2")).to_be_visible()  # the only way in stays
    button(page, "/sign-out")
    expect(page).to_have_url(re.compile("/account/login"))
    check_page(page, "login")

    page.goto(f"{stack.url}/account")  # asks to sign in, and comes back here
    expect(page).to_have_url(re.compile(r"/account/login\?next="))
    button(page, "/login/passkey")
    expect(page).to_have_url(re.compile(r"\d/account$"))

    stack_sql(stack, "UPDATE sessions SET confirmed_at = NULL WHERE ended_at IS NULL")
    page.goto(f"{stack.url}/account/password")
    expect(page).to_have_url(re.compile("/account/confirm"))
    check_page(page, "confirm-passkey")
    button(page, "/confirm/passkey")
    expect(page).to_have_url(re.compile(r"\d/account/password$"))
    check_page(page, "password")
    secret = shown_secret(page)
    page.locator("#password").fill(PASSWORD)
    page.locator("#code").fill(pyotp.TOTP(secret).now())
    button(page, "/password")
    expect(page.locator(".codes li")).to_have_count(10)
    check_page(page, "codes")
    page.goto(f"{stack.url}/account")
    button(page, "/passkeys/remove")
    expect(page.locator(".thing")).to_have_count(1)  # the session alone is left
    check_page(page, "account-password")
    page.goto(link)
    expect(page.locator("code")).to_contain_text("invitation.used")


def stack_sql(stack: Stack, statement: str) -> None:
    with stack.database() as database, database.unit_of_work() as uow:
        uow.connection.exec_driver_sql(statement)
        uow.commit()
