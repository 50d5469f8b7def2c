"""A company agrees by command line to a credit note on what it claimed: it signs what it saw, and no lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from invoice_service import consenter, keyring
from invoice_service.claimant import Claimant, Wanted
from invoice_service.ledger.entry import commit_body
from tests import make
from tests.companies import company, invoiced, lying, run, words
from tests.stack import Stack, eventually

Json = dict[str, Any]


@pytest.fixture(scope="module")
def vendor(stack: Stack) -> str:
    """The session of the stall's vendor, who has just confirmed it."""
    market_id = stack.query("SELECT min(id) FROM markets")
    vendor_id = stack.query("SELECT min(id) FROM vendors")
    with stack.database() as database, database.unit_of_work() as uow:
        account = make.account(uow.connection, "vendor", market_id=market_id, vendor_id=vendor_id)
        token = make.signed_in(uow.connection, account, confirmed=True)
        uow.commit()
    return token


def refund(stack: Stack, vendor: str, issued: Json, **wanted: Any) -> str:
    """Asked for by the vendor; its id."""
    order_id = stack.query("SELECT order_id FROM invoices WHERE number = :number", number=issued["number"])
    answer = requests.post(
        f"{stack.url}/api/v1/vendor/orders/{order_id}/refunds",
        json={"reason": "04"} | wanted,
        headers={"Authorization": f"Bearer {vendor}", "Idempotency-Key": f"refund-of-{issued['number']}"},
        timeout=10,
    )
    assert answer.status_code == 201, answer.text
    refund_id: str = answer.json()["refund_id"]
    return refund_id


def proposal(stack: Stack, refund_id: str) -> Json:
    told: Json = requests.get(f"{stack.url}/api/v1/refunds/{refund_id}", timeout=10).json()
    return told


def test_a_company_sees_a_credit_note_and_agrees(stack: Stack, vendor: str, tmp_path: Path) -> None:
    one, two = invoiced(stack, 2)
    ours, theirs = tmp_path / "ours.key", tmp_path / "theirs.key"
    assert words(run(stack, "claim", ours, [one, two])) == ["claimed", "claimed"]
    eventually(lambda: {stack.get_file(issued, "").json()["claim"] for issued in (one, two)} == {"claimed"})
    assert words(run(stack, "consent", ours, [one])) == ["no refund waits for your consent"]
    refund_id = refund(stack, vendor, one, lines=[{"line": 0, "amount_fen": 250}])
    shown = run(stack, "consent", ours, [one])
    assert shown.returncode == 1
    assert "waits for your consent. ¥2.50, a part (Allowance 销售折让)." in shown.stdout
    stranger = run(stack, "consent", theirs, [one], yes="")
    assert (stranger.returncode, "It is not claimed by you." in stranger.stdout) == (1, True)
    assert proposal(stack, refund_id)["status"] == "consent", "nobody agreed so far"
    agreed = run(stack, "consent", ours, [one, two], yes="")
    assert agreed.returncode == 0, agreed.stdout + agreed.stderr
    assert [word.split(".")[0] for word in words(agreed)] == ["agreed", "no refund waits for your consent"]
    eventually(lambda: proposal(stack, refund_id)["status"] == "done")
    told = stack.get_file(one, "").json()
    assert (told["status"], told["claim"]) == ("credited_in_part", "claimed")
    assert words(run(stack, "consent", ours, [one], yes="")) == ["no refund waits for your consent"]


def _changed(true: Json, **body: Any) -> Json:
    """A note of other content, with the commitment that it gives."""
    told = true | {"body": true["body"] | body}
    commitment = commit_body(bytes.fromhex(true["body_salt"]), told["body"])[1]
    return (
        told | {"note": commitment.hex()} | {name: body[name] for name in ("whole", "notes") if name in body}
    )


LIES: dict[str, tuple[Callable[[Json], object], str]] = {
    "another commitment": (lambda told: told | {"note": "07" * 32}, "not what the service says"),
    "whole": (lambda told: told | {"whole": True}, "not what the service says"),
    "another sum": (lambda told: _changed(told, total_fen=1), "not what the service says"),
    "no credit note": (lambda told: _changed(told, type="invoice"), "not what the service says"),
    "another issuer": (lambda told: _changed(told, issuer="07" * 32), "not what the service says"),
    "another invoice": (
        lambda told: _changed(told, invoice=told["body"]["invoice"] | {"number": "2" * 20}),
        "another invoice",
    ),
    "other bytes of the invoice": (
        lambda told: _changed(told, invoice=told["body"]["invoice"] | {"commitment": "07" * 32}),
        "another invoice",
    ),
    "too much": (
        lambda told: _changed(
            told, total_fen=10**6, lines=[told["body"]["lines"][0] | {"amount_fen": 10**6}]
        ),
        "more than the invoice",
    ),
    "more notes": (lambda told: _changed(told, notes=1), "The chain counts 0"),
    "a word for a number": (lambda told: _changed(told, total_fen="1000"), "makes no sense"),
    "a fifth reason": (lambda told: _changed(told, reason="05"), "makes no sense"),
    "junk": (lambda _told: [], "makes no sense"),
}  # fmt: skip


def test_a_service_that_lies_gets_no_signature(stack: Stack, vendor: str, tmp_path: Path) -> None:
    (one,) = invoiced(stack, 1)
    asker = company(stack)
    ours = tmp_path / "ours.key"
    ours.write_text(asker.key.hex())
    assert words(run(stack, "claim", ours, [one], relay="")) == ["claimed"]
    eventually(lambda: stack.get_file(one, "").json()["claim"] == "claimed")
    refund_id = refund(stack, vendor, one, lines=[{"line": 0, "amount_fen": 500}])
    eventually(lambda: proposal(stack, refund_id)["is_wanted"])
    sent: list[str] = []
    lies: list[Callable[[Json], object]] = []

    def answer(path: str, true: bytes) -> tuple[int, bytes]:
        if path.endswith("/consent"):
            sent.append(path)
        if path.endswith(refund_id):
            return 200, json.dumps(lies[-1](json.loads(true))).encode()
        return 200, true

    root = keyring.load(stack.folder).issuer_id
    with lying(stack, answer) as url:
        liar = Claimant(url, stack.rpc_url, root, asker.key)
        for name, (lie, said) in LIES.items():
            lies.append(lie)
            wanted = [Wanted(one["number"], one["token"])]
            (outcome,) = consenter.consent(liar, wanted, datetime.now(UTC), agrees=True)
            assert (outcome.word, said in outcome.detail) == ("refused", True), (name, outcome)
    assert sent == []
    assert stack.query("SELECT consent FROM refunds WHERE id = :id", id=refund_id) is None


def test_a_service_that_does_not_answer(stack: Stack, tmp_path: Path) -> None:
    nobody = {"number": "2" * 20, "token": "A" * 22}
    done = run(stack, "consent", tmp_path / "a.key", [nobody], service="http://127.0.0.1:9")
    assert (done.returncode, "does not answer" in done.stdout) == (1, True)
