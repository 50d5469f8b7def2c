"""Processes killed at their worst moments: one entry, one anchoring, nothing lost, nothing doubled."""

from __future__ import annotations

import threading
from pathlib import Path

import requests

from tests.rpc_proxy import proxy_that_acts_after_accepting
from tests.stack import Stack, eventually
from tests.whole import assert_whole


def test_settler_killed_between_broadcast_and_receipt(own_stack: Stack) -> None:
    """The chain has the head, our record says pending: settling again finds it and sends nothing new."""
    stack = own_stack
    stack.start("sandbox", "web")
    issued = stack.invoice()
    killed = threading.Event()

    def kill() -> None:
        stack.kill("settle")
        killed.set()

    with proxy_that_acts_after_accepting(stack.rpc_url, "eth_sendRawTransaction", kill) as proxy_url:
        stack.extra["CHAIN_RPC_URL"] = proxy_url
        stack.start("settle")
        assert killed.wait(timeout=20)
    del stack.extra["CHAIN_RPC_URL"]
    assert stack.query("SELECT status FROM submissions") == "pending"
    assert stack.node is not None
    blocks_before = stack.node.call("eth_blockNumber")
    stack.start("settle")
    stack.wait_anchored(issued)
    assert_whole(stack.environment)
    assert stack.node.call("eth_blockNumber") == blocks_before
    assert stack.query("SELECT count(*) FROM submissions") == 1


def test_reply_lost_after_the_chain_accepted(own_stack: Stack) -> None:
    """Threat 16: the settler lives on without its answer, asks the chain, and sends nothing twice."""
    stack = own_stack
    stack.start("sandbox", "web")
    issued = stack.invoice()
    with proxy_that_acts_after_accepting(stack.rpc_url, "eth_sendRawTransaction", lambda: None) as proxy_url:
        stack.extra["CHAIN_RPC_URL"] = proxy_url
        stack.start("settle")
        stack.wait_anchored(issued)
        assert_whole(stack.environment)
    assert stack.query("SELECT count(*) FROM submissions") == 1


def test_chain_down_invoices_go_on_and_anchor_when_it_returns(own_stack: Stack) -> None:
    stack = own_stack
    stack.start("sandbox", "settle", "web")
    first = stack.invoice()
    stack.wait_anchored(first)
    assert stack.node is not None
    stack.node.stop()
    second = stack.invoice(990)
    waiting = eventually(lambda: (ledger := stack.ledger(second))["waiting"] and ledger)
    assert waiting["state"] in ("queued", "sealed")
    assert waiting["block_number"] is None
    ready = requests.get(f"{stack.url}/readyz", timeout=5)
    assert ready.status_code == 200
    assert ready.json()["chain"]["status"] == "not_answering"
    assert ready.json()["status"] == "degraded"
    stack.start_chain()
    stack.wait_anchored(second)
    assert_whole(stack.environment)
    eventually(lambda: requests.get(f"{stack.url}/readyz", timeout=5).json()["status"] == "ok")


def test_chain_that_lost_its_last_seconds_gets_them_again(own_stack: Stack) -> None:
    """A development chain killed without saving: what was in the lost blocks is offered again."""
    stack = own_stack
    stack.start("sandbox", "settle", "web")
    stack.wait_anchored(stack.invoice())
    assert stack.node is not None
    stack.node.save()
    lost = stack.invoice(2000)
    stack.wait_anchored(lost)
    stack.node.process.kill()
    stack.node.process.wait()
    stack.start_chain()
    stack.wait_anchored(stack.invoice(3000))
    assert_whole(stack.environment)
    assert stack.get_file(lost, "").json()["ledger"]["state"] in ("mined", "final")
    evidence = stack.folder / "lost.json"
    evidence.write_bytes(stack.get_file(lost, "/evidence").content)
    root = str(stack.folder / "keys" / "issuer.der")
    verified = stack.command("verify", str(evidence), "--trust", root, "--rpc", stack.rpc_url)
    assert verified.returncode == 0, verified.stdout


def test_two_settlers_at_once_change_nothing(own_stack: Stack) -> None:
    stack = own_stack
    stack.start("sandbox", "web", "settle")
    rival = stack.processes.pop("settle")
    stack.start("settle")
    stack.processes["rival"] = rival
    for amount in range(100, 1100, 100):
        stack.invoice(amount)
    assert_whole(stack.environment)


def test_everything_killed_and_started_again_is_as_it_was(own_stack: Stack) -> None:
    """The same invoices, heads and pages, from processes that never said goodbye."""
    stack = own_stack
    stack.start("sandbox", "settle", "web")
    issued = [stack.invoice(amount) for amount in (500, 1250)]
    before = [stack.wait_anchored(invoice) for invoice in issued]
    evidence = [stack.get_file(invoice, "/evidence").content for invoice in issued]
    assert stack.node is not None
    stack.node.save()
    for name in ("web", "settle", "sandbox"):
        stack.kill(name)
    stack.node.process.kill()
    stack.node.process.wait()
    stack.start_chain()
    stack.start("sandbox", "settle", "web")
    assert [stack.wait_anchored(invoice) for invoice in issued] == before
    assert [stack.get_file(invoice, "/evidence").content for invoice in issued] == evidence
    for invoice in issued:
        page = requests.get(f"{stack.url}/i/{invoice['token']}", timeout=5)
        assert page.status_code == 200
        assert invoice["number"] in page.text.replace(" ", "").replace("\u2009", "")
    assert_whole(stack.environment)


def test_web_killed_under_load_doubles_nothing(own_stack: Stack, tmp_path: Path) -> None:
    """Orders paid while the web process dies are invoiced once, by asking again."""
    stack = own_stack
    stack.start("sandbox", "settle", "web")
    orders = [stack.place(100 + n)["order_id"] for n in range(6)]
    for order_id in orders[:3]:
        stack.pay(order_id)
    stack.kill("web")
    stack.start("web")
    for order_id in orders[3:]:
        stack.pay(order_id)
    for order_id in orders:
        stack.wait_paid(order_id)
        first, again = stack.issue(order_id), stack.issue(order_id)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["number"] == again.json()["number"]
    assert_whole(stack.environment)
    assert stack.query("SELECT count(DISTINCT order_id) FROM invoices") == len(orders)
