"""What became of an invoice is what the contract says now: on the page, over the API, on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from chain.statuses import State, StatusContract
from invoice_service import keyring
from tests.chain.chains import Chain
from tests.chain.logs import Ledger
from tests.chain.registers import NOTE, IssuersRegister, Key
from tests.chromium import PHONE, check_page, complaints, language, unexpected
from tests.stack import Stack

WORDS = {
    "zh-CN": {
        "claimed": "发票为真，但已报销入账。",
        "credited": "发票为真，但已全额红冲，不再有效。",
        "locked": "发票为真，正在退款。",
        "credited_in_part": "发票为真，已部分红冲，请看红字发票。",
    },
    "en": {
        "claimed": "Genuine, and claimed for reimbursement already.",
        "credited": "Genuine, and credited in full since: it counts for nothing any more.",
        "locked": "Genuine, and a refund of it is under way.",
        "credited_in_part": "Genuine, and credited in part since. See its credit notes.",
    },
}


@pytest.fixture(params=["zh-CN", "en"])
def phone(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=PHONE, locale=request.param, device_scale_factor=2)
    page = context.new_page()
    said = complaints(page)
    yield page
    context.close()
    assert not unexpected(said)


@pytest.fixture
def register(stack: Stack) -> IssuersRegister:
    """The running service's issuer, with the relaying account that speaks for it."""
    keys = keyring.load(stack.folder)
    address = bytes(stack.query("SELECT contract FROM epochs WHERE ended_at IS NULL"))
    contract = StatusContract(stack.rpc_url, address=address, issuer_id=keys.issuer_id)
    ledger = Ledger(Chain("anvil", stack.rpc_url), address, keys.admin, b"")
    return IssuersRegister(ledger, keys.issuer_id, Key(keys.relayer), contract, contract.domain())


def claim_key(stack: Stack, number: str) -> Key:
    """As only the service can, with its vault's key."""
    sealed = bytes(stack.query("SELECT claim_key FROM invoices WHERE number = :number", number=number))
    return Key(keyring.load(stack.folder).unseal(sealed, number.encode()))


def evidence_of(stack: Stack, issued: dict[str, Any], folder: Path) -> Path:
    stack.wait_anchored(issued)
    path = folder / "evidence.json"
    path.write_bytes(stack.get_file(issued, "/evidence").content)
    return path


def ask(stack: Stack, evidence: Path) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Accept-Language": "en"}
    answer = requests.post(
        f"{stack.url}/api/v1/verify", data=evidence.read_bytes(), headers=headers, timeout=10
    )
    told: dict[str, Any] = answer.json()
    return told


def look(stack: Stack, page: Page, evidence: Path, word: str) -> None:
    page.goto(f"{stack.url}/verify")
    page.locator("input[type=file]").set_input_files(evidence)
    page.locator("form:has(input[type=file]) button[type=submit]").first.click()
    expect(page.locator(".verdict__sentence")).to_have_text(WORDS[language(page)][word])
    check_page(page, f"standing-{word}")


def look_without_us(stack: Stack, page: Page, evidence: Path, word: str) -> None:
    """On the reader's own device, by the endpoint that the reader gives."""
    page.goto(f"{stack.url}/verify/offline")
    page.locator("#endpoint").fill(f"{stack.url}/rpc")
    page.locator("#endpoint").blur()
    page.locator("#files").set_input_files(evidence)
    sentence = page.locator("#results .verdict__sentence").first
    expect(sentence).to_have_text(WORDS[language(page)][word])
    check_page(page, f"offline-{word}")


def command(stack: Stack, evidence: Path, *options: str) -> tuple[int, str]:
    root = str(stack.folder / "keys" / "issuer.der")
    done = stack.command("verify", str(evidence), "--trust", root, *options)
    return done.returncode, done.stdout


def test_claimed_released_locked_credited(
    stack: Stack, phone: Page, register: IssuersRegister, tmp_path: Path
) -> None:
    issued = stack.invoice()
    evidence, item, company = evidence_of(stack, issued, tmp_path), claim_key(stack, issued["number"]), Key()
    contract, issuer = register.contract, register.account
    told = ask(stack, evidence)
    assert (told["status"], told["claim"], told["claimed_at"]) == ("valid", None, None)

    register.send(Key(), register.claim(company, [item]))
    told = ask(stack, evidence)
    assert (told["verdict"], told["status"], told["claim"]) == ("genuine", "valid", "claimed")
    assert re.match(r"\d{4}-\d\d-\d\dT", told["claimed_at"])
    assert company.address.hex() not in json.dumps(told).lower(), "by whom is not told"
    look(stack, phone, evidence, "claimed")
    look_without_us(stack, phone, evidence, "claimed")
    code, said = command(stack, evidence, "--rpc", stack.rpc_url)
    assert code == 0
    assert "GENUINE. Genuine, and claimed for reimbursement already." in said
    assert f"as told by {stack.rpc_url}" in said
    assert re.search(r"Now: valid, claimed since [-0-9: ]+ UTC; credit notes: 0\.", said)

    register.send(Key(), register.release(company, [item]))
    register.send(issuer, contract.lock(item.address))
    assert ask(stack, evidence)["claim"] == "locked"
    look(stack, phone, evidence, "locked")
    register.send(issuer, contract.credit(item.address, NOTE, whole=False))
    assert ask(stack, evidence)["status"] == "credited_in_part"
    look(stack, phone, evidence, "credited_in_part")
    register.send(issuer, contract.lock(item.address))
    register.send(issuer, contract.credit(item.address, NOTE, whole=True))
    assert register.state(item)[0] is State.CREDITED
    told = ask(stack, evidence)
    assert (told["verdict"], told["status"], told["claim"]) == ("genuine", "credited", None)
    look(stack, phone, evidence, "credited")
    look_without_us(stack, phone, evidence, "credited")
    code, said = command(stack, evidence, "--rpc", stack.rpc_url, "--json")
    status = json.loads(said)["status"]
    assert (code, status["status"], status["notes"]) == (0, "credited", 2)


def test_offline_nothing_is_said_of_what_became_of_it(stack: Stack, tmp_path: Path) -> None:
    evidence = evidence_of(stack, stack.invoice(), tmp_path)
    for options in ((), ("--offline",)):
        code, said = command(stack, evidence, *options)
        assert code == 0
        assert "The chain was not asked" in said
        assert "Now:" not in said
    assert command(stack, evidence, "--offline", "--rpc", stack.rpc_url)[0] == 2, "one or the other"
