"""A company claims what it was given, once, by command line: the chain decides, and no service can lie."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from chain.statuses import Domain, StatusContract, sign
from invoice_service import claimant, keyring
from invoice_service.claimant import Claimant, Wanted
from tests.chain.registers import Key
from tests.companies import company, invoiced, lying, run, words
from tests.stack import Stack, eventually


def test_an_invoice_is_paid_once_whoever_brings_it(stack: Stack, tmp_path: Path) -> None:
    one, two, three = invoiced(stack, 3)
    ours, theirs = tmp_path / "ours.key", tmp_path / "theirs.key"
    done = run(stack, "claim", ours, [one, two])
    assert (done.returncode, words(done)) == (0, ["claimed", "claimed"]), done.stdout + done.stderr
    assert ours.stat().st_mode & 0o777 == 0o600

    done = run(stack, "claim", theirs, [two, three])
    assert (done.returncode, sorted(words(done))) == (1, ["claimed", "claimed already"])
    assert "claimed already since 20" in done.stdout
    address = done.stdout.splitlines()[0].split("0x")[1]
    assert address not in run(stack, "claim", ours, [three]).stdout, "when, and never by whom"

    again = run(stack, "claim", ours, [one, two])
    assert (again.returncode, words(again)) == (0, ["claimed by you before"] * 2)
    assert words(run(stack, "release", theirs, [two])) == ["not claimed by you"]
    assert words(run(stack, "release", ours, [two])) == ["released"]
    assert words(run(stack, "claim", theirs, [two])) == ["claimed"]


def test_a_company_without_coins_lets_the_service_send_it(stack: Stack, tmp_path: Path) -> None:
    one, two = invoiced(stack, 2)
    ours, theirs = tmp_path / "ours.key", tmp_path / "theirs.key"
    done = run(stack, "claim", ours, [one, two], relay="")
    assert (done.returncode, words(done)) == (0, ["claimed", "claimed"]), done.stdout + done.stderr
    page = requests.get(f"{stack.url}/i/{one['token']}", headers={"Accept-Language": "en"}, timeout=10).text
    assert "Claimed on" in page
    told = stack.get_file(one, "").json()
    assert (told["status"], told["claim"], told["claimed_at"][:2]) == ("valid", "claimed", "20")
    assert words(run(stack, "claim", theirs, [two], relay="")) == ["claimed already"]
    assert words(run(stack, "release", ours, [two], relay="")) == ["released"]
    assert words(run(stack, "claim", theirs, [two], relay="")) == ["claimed"]
    logged = (
        "SELECT count(*) FROM chain_events AS e JOIN log_entries AS l ON l.kind IN (5, 6)"
        " AND l.fact = e.id::text WHERE e.number IN (:one, :two)"
    )
    eventually(lambda: stack.query(logged, one=one["number"], two=two["number"]) == 4)


def test_the_issuer_locks_and_credits_from_the_command_line(stack: Stack, tmp_path: Path) -> None:
    (one,) = invoiced(stack, 1)
    number = one["number"]
    assert "not claimed" in stack.command("status", number).stdout
    assert "Kept" in stack.command("status", number, "--lock").stdout
    eventually(lambda: "locked for a refund" in stack.command("status", number).stdout)
    assert stack.get_file(one, "").json()["claim"] == "locked"
    assert "A refund of it is under way." in run(stack, "claim", tmp_path / "a.key", [one]).stdout
    for bad in ("12", "zz", "00" * 33):
        refused = stack.command("status", number, "--credit", bad)
        assert (refused.returncode, "note.bad" in refused.stderr) == (1, True)
    stack.command("status", number, "--credit", "07" * 32, "--whole")
    eventually(lambda: "credited" in stack.command("status", number).stdout)
    assert stack.get_file(one, "").json()["status"] == "credited"
    unknown = stack.command("status", "26539000000000009999", "--lock")
    assert (unknown.returncode, "Traceback" in unknown.stderr) == (1, False)


def test_what_makes_no_claim_is_refused_at_the_door(stack: Stack) -> None:
    """Every field bent; nothing is kept, and no answer is a trace."""
    (one,) = invoiced(stack, 1)
    good: dict[str, Any] = {
        "claimant": "0x" + "11" * 20,
        "nonce": 0,
        "deadline": int(time.time()) + 600,
        "signature": {"r": "11" * 32, "vs": "11" * 32},
        "invoices": [{"number": one["number"], "token": one["token"]}],
    }
    bent: list[dict[str, Any]] = [
        *({name: value for name, value in good.items() if name != left_out} for left_out in good),
        good | {"more": 1},
        *(
            good | {"signature": bad}
            for bad in ({}, None, "x", {"r": "11" * 32}, {"r": "AA" * 32, "vs": "0"})
        ),
        *(good | {"invoices": bad} for bad in ([], [1], [{}], {}, None, good["invoices"] * 2)),
        good | {"invoices": [{"number": 5}]},
        *(good | {"invoices": [{"number": bad}]} for bad in ("\0" * 20, "\ud800", "٢" * 20, "1" * 21, "")),
        *(
            good | {"invoices": [good["invoices"][0] | {"token": bad}]}
            for bad in ("\ud800", "\0", "", "A" * 23)
        ),
        good | {"claimant": "0x"},
        good | {"nonce": -1},
        good | {"deadline": 0},
        good,  # nobody's signature
    ]
    for wanted in bent:
        answer = requests.post(f"{stack.url}/api/v1/claims", json=wanted, timeout=10)
        assert (answer.status_code, "Traceback" in answer.text) == (422, False), (wanted, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    unknown = good | {"invoices": [{"number": "26539000000000009999", "token": one["token"]}]}
    for wanted in (unknown, good | {"invoices": [{"number": one["number"], "token": "A" * 22}]}):
        assert requests.post(f"{stack.url}/api/v1/claims", json=wanted, timeout=10).status_code == 404
    for claim_id in ("00" * 16, "zz", "%00", "00" * 40):
        assert requests.get(f"{stack.url}/api/v1/claims/{claim_id}", timeout=10).status_code == 404


def test_threat_10_two_companies_at_the_same_instant(stack: Stack) -> None:
    wanted = [Wanted(one["number"], one["token"]) for one in invoiced(stack, 3)]
    rivals = [company(stack) for _ in range(3)]
    start = threading.Barrier(len(rivals))

    def claim(rival: Claimant) -> list[str]:
        start.wait()
        return [outcome.word for outcome in rival.claim(wanted, datetime.now(UTC))]

    with ThreadPoolExecutor(len(rivals)) as pool:
        found = list(pool.map(claim, rivals))
    for words_of_one in zip(*found, strict=True):
        assert sorted(words_of_one) == ["claimed", "claimed already", "claimed already"]


def test_nothing_is_claimed_that_does_not_verify(stack: Stack, tmp_path: Path) -> None:
    (one,) = invoiced(stack, 1)
    stranger = run(stack, "claim", tmp_path / "a.key", [one], trust="11" * 32)
    assert stranger.returncode == 1
    assert "which is not the trusted root" in stranger.stdout
    unknown = run(stack, "claim", tmp_path / "a.key", [one | {"token": "A" * 22}])
    assert (unknown.returncode, "refused" in unknown.stdout) == (1, True)
    mixed = run(stack, "claim", tmp_path / "a.key", [one | {"number": "26539000000000009999"}])
    assert (mixed.returncode, "refused" in mixed.stdout) == (1, True)
    nowhere = run(stack, "claim", tmp_path / "a.key", [one], service="http://127.0.0.1:9")
    assert (nowhere.returncode, "does not answer" in nowhere.stdout) == (1, True)
    no_chain = run(stack, "claim", tmp_path / "a.key", [one], rpc="http://127.0.0.1:9")
    assert (no_chain.returncode, "Traceback" in no_chain.stderr) == (1, False)


@pytest.mark.parametrize(("changed", "said"), [
    ({"trust": "xyz"}, "root.bad"), ({"trust": "1234"}, "root.bad"),
])  # fmt: skip
def test_bad_options_say_so(stack: Stack, tmp_path: Path, changed: dict[str, str], said: str) -> None:
    done = run(stack, "claim", tmp_path / "a.key", [], **changed)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (1, True, False)


def test_a_list_that_is_none_names_the_line(stack: Stack, tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text("26539000000000000001 abc\n\nnot a line at all\n")
    options = [
        "--service",
        stack.url,
        "--rpc",
        stack.rpc_url,
        "--trust",
        "11" * 32,
        "--key",
        str(tmp_path / "k"),
    ]
    done = stack.command("claim", str(listed), *options)
    assert (done.returncode, "Line 3" in done.stderr) == (1, True)
    done = stack.command("claim", str(tmp_path / "none"), *options)
    assert (done.returncode, "No such file" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


# A service that lies


@pytest.mark.parametrize("lie", ["own key", "junk", "other evidence", "huge", "error"])
def test_a_service_that_lies_can_refuse_and_nothing_else(stack: Stack, lie: str) -> None:
    ours, another = invoiced(stack, 2)
    other_evidence = stack.get_file(another, "/evidence").content
    issuer_id = keyring.load(stack.folder).issuer_id
    address = bytes(stack.query("SELECT contract FROM epochs WHERE ended_at IS NULL"))
    contract = StatusContract(stack.rpc_url, address=address, issuer_id=issuer_id)
    asker = company(stack)

    def answer(path: str, true: bytes) -> tuple[int, bytes]:
        if path.endswith("/evidence"):
            swapped = {"other evidence": other_evidence, "huge": b" " * 1_000_000}
            return 200, swapped.get(lie, true)
        if lie == "error":
            return 500, b"<html>"
        return 200, b"[]" if lie == "junk" else _by_own_key(contract.domain(), issuer_id, asker, true)

    with lying(stack, answer) as url:
        liar = Claimant(url, stack.rpc_url, issuer_id, asker.key)
        (outcome,) = liar.claim([Wanted(ours["number"], ours["token"])], datetime.now(UTC))
    assert outcome.word == claimant.REFUSED, outcome
    assert outcome.detail
    assert contract.nonce_of(asker.address) == 0, "nothing was sent"


def _by_own_key(domain: Domain, issuer_id: bytes, asker: Claimant, true: bytes) -> bytes:
    """Another invoice's key, or none at all: whatever that would claim, it is not this one."""
    terms = {
        "issuerId": issuer_id,
        "claimant": asker.address,
        "nonce": 0,
        "deadline": int(time.time()) + 3600,
    }
    signed = sign(Key().secret, domain.digest("Handover", **terms))
    return json.dumps(json.loads(true) | {"r": signed.r.hex(), "vs": signed.vs.hex()}).encode()


# The door


def test_what_makes_no_handover_is_refused(stack: Stack) -> None:
    (one,) = invoiced(stack, 1)
    now = int(time.time())
    good = {"claimant": "0x" + "Ab" * 20, "nonce": 0, "deadline": now + 60}

    def ask(
        wanted: dict[str, Any], token: str = one["token"], number: str = one["number"]
    ) -> requests.Response:
        return requests.post(
            f"{stack.url}/api/v1/invoices/{number}/handover",
            json=wanted,
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )

    first, second = ask(good), ask(good)
    assert (first.status_code, first.json()) == (200, second.json())
    assert "key" not in first.json()
    for field, values in {
        "claimant": ["", "0x", "0x" + "g" * 40, "11" * 20, "0x" + "1" * 41, 5, None],
        "nonce": [-1, 2**53, 1.5, "0", None],
        "deadline": [0, now - 1, now + 8 * 86_400, 10**30, "soon", None],
    }.items():
        for value in values:
            answer = ask(good | {field: value})
            assert (answer.status_code, field in answer.json()["errors"]) == (422, True), (field, value)
    assert ask(good | {"extra": 1}).status_code == 422
    assert ask(good, token="A" * 22).status_code == 404
    assert ask(good, number="26539000000000000999").status_code == 404
