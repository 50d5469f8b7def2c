"""POST /rpc: what a verifier asks of the chain is answered, and nothing else is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import requests

from chain.node import CHAIN_ID
from invoice_service.queries import chain_calls
from tests.stack import Stack

EPOCH_NONCE, ANCHORED_AT, HEAD = "0xa4adcd7f", "0x67948f94", "0xf339e3b2"
HASH = "0x" + "ab" * 32


@pytest.fixture(scope="module")
def contract(stack: Stack) -> str:
    return hex_of(stack.query("SELECT contract FROM epochs"))


def hex_of(data: bytes) -> str:
    return f"0x{data.hex()}"


def post(stack: Stack, body: bytes, **headers: str) -> requests.Response:
    return requests.post(f"{stack.url}/rpc", data=body, headers=headers, timeout=10)


def ask(stack: Stack, method: Any, /, *parameters: Any, **more: Any) -> Any:
    call = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(parameters)} | more
    answer = requests.post(f"{stack.url}/rpc", json=call, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: Mapping[str, Any]) -> int:
    assert "result" not in answer
    assert set(answer["error"]) == {"code", "message"}
    return int(answer["error"]["code"])


def test_what_a_verifier_asks(stack: Stack, contract: str) -> None:
    assert ask(stack, "eth_chainId") == {"jsonrpc": "2.0", "id": 7, "result": hex(CHAIN_ID)}
    genesis = hex_of(stack.query("SELECT genesis_hash FROM epochs"))
    assert ask(stack, "eth_getBlockByNumber", "0x0", False)["result"]["hash"] == genesis
    nonce = ask(stack, "eth_call", {"to": contract, "data": EPOCH_NONCE}, "latest")["result"]
    assert nonce == hex_of(stack.query("SELECT nonce FROM epochs"))
    assert len(ask(stack, "eth_getCode", contract.upper().replace("X", "x"), "latest")["result"]) > 1_000
    assert int(ask(stack, "eth_blockNumber")["result"], 16) > 0
    stack.wait_anchored(stack.invoice())
    sent = stack.query("SELECT tx_hash FROM submissions ORDER BY id LIMIT 1").hex()
    for method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
        assert ask(stack, method, f"0x{sent}")["result"]["to"] == contract
    assert ask(stack, "eth_getTransactionReceipt", HASH)["result"] is None


def test_a_batch_is_answered_in_its_order(stack: Stack) -> None:
    calls = [{"jsonrpc": "2.0", "id": f"n{n}", "method": "eth_chainId"} for n in range(10)]
    calls[3]["method"] = "eth_accounts"
    answers = requests.post(f"{stack.url}/rpc", json=calls, timeout=10).json()
    assert [answer["id"] for answer in answers] == [f"n{n}" for n in range(10)]
    assert refused(answers[3]) == chain_calls.NO_METHOD
    assert all(answer["result"] == hex(CHAIN_ID) for n, answer in enumerate(answers) if n != 3)
    for many in ([], calls + calls[:1]):
        answer = requests.post(f"{stack.url}/rpc", json=many, timeout=10).json()
        assert refused(answer) == chain_calls.NO_REQUEST


@pytest.mark.parametrize(
    "method",
    ["eth_sendRawTransaction", "eth_getLogs", "eth_accounts", "anvil_setBalance", "debug_traceCall",
     "eth_estimateGas", "web3_clientVersion", "", "__class__"],
)  # fmt: skip
def test_nothing_that_writes_or_tells_more(stack: Stack, method: str) -> None:
    assert refused(ask(stack, method)) == chain_calls.NO_METHOD


@pytest.mark.parametrize(
    "parameters",
    [
        [{"data": EPOCH_NONCE}, "latest"],
        [{"to": "0x" + "11" * 20, "data": EPOCH_NONCE}, "latest"],
        [{"to": "{contract}", "data": EPOCH_NONCE, "from": "0x" + "22" * 20}, "latest"],
        [{"to": "{contract}", "data": EPOCH_NONCE, "value": "0x1"}, "latest"],
        [{"to": "{contract}", "data": EPOCH_NONCE, "gas": "0xffffffff"}, "latest"],
        [{"to": "{contract}", "data": EPOCH_NONCE, "input": HEAD}, "latest"],
        [{"to": "{contract}", "data": "0x" + "00" * (chain_calls.MAX_DATA_BYTES + 1)}, "latest"],
        [{"to": "{contract}", "data": "0xzz"}, "latest"],
        [{"to": "{contract}", "data": 5}, "latest"],
        [{"to": ["{contract}"], "data": EPOCH_NONCE}, "latest"],
        [{"to": "{contract}", "data": EPOCH_NONCE}, "pending"],
        [{"to": "{contract}", "data": EPOCH_NONCE}, {"blockHash": HASH}],
        [{"to": "{contract}", "data": EPOCH_NONCE}],
        [{"to": "{contract}", "data": EPOCH_NONCE}, "latest", {"{contract}": {"code": "0x00"}}],
        ["{contract}", "latest"],
        [],
    ],
)
def test_a_call_is_a_view_of_our_contract(stack: Stack, contract: str, parameters: list[Any]) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {filled(key): filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner) for inner in value]
        return contract if value == "{contract}" else value

    assert refused(ask(stack, "eth_call", *filled(parameters))) == chain_calls.BAD_PARAMETERS


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("eth_chainId", [1]),
        ("eth_getBlockByNumber", ["0x0", True]),
        ("eth_getBlockByNumber", ["0x0"]),
        ("eth_getBlockByNumber", ["0x00", False]),
        ("eth_getBlockByNumber", [0, False]),
        ("eth_getCode", ["0x" + "11" * 20, "latest"]),
        ("eth_getTransactionReceipt", ["0x12"]),
        ("eth_getTransactionByHash", [HASH, HASH]),
    ],
)
def test_other_parameters(stack: Stack, method: str, parameters: list[Any]) -> None:
    assert refused(ask(stack, method, *parameters)) == chain_calls.BAD_PARAMETERS


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"} 1', b"[" * 60_000, b"nul"],
)
def test_what_is_no_json(stack: Stack, body: bytes) -> None:
    answer = post(stack, body)
    assert answer.status_code == 200
    assert refused(answer.json()) == chain_calls.UNREADABLE


@pytest.mark.parametrize(
    "more", [{"jsonrpc": "1.0"}, {"id": None}, {"id": 1.5}, {"id": "x" * 65}, {"params": {}}, {"method": 1}]
)
def test_what_is_no_request(stack: Stack, more: dict[str, Any]) -> None:
    assert refused(ask(stack, "eth_chainId", **more)) == chain_calls.NO_REQUEST


def test_too_large_a_request(stack: Stack) -> None:
    assert post(stack, b" " * 64_001).status_code == 413


def test_any_origin_may_ask_and_carries_nothing(stack: Stack) -> None:
    before = requests.options(
        f"{stack.url}/rpc",
        headers={"Origin": "null", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "content-type"},
        timeout=10,
    )  # fmt: skip
    assert before.status_code == 200
    assert before.headers["Access-Control-Allow-Headers"] == "Content-Type"
    answer = post(stack, b"{}", Origin="null")
    for response in (before, answer):
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert "Set-Cookie" not in response.headers


def test_a_contract_that_refuses_says_only_that(stack: Stack, contract: str) -> None:
    answer = ask(stack, "eth_call", {"to": contract, "data": "0x12345678"}, "latest")
    assert answer["error"] == {"code": chain_calls.REVERTED, "message": "execution reverted"}


def test_a_chain_that_is_gone_is_silent_and_unnamed(stack: Stack) -> None:
    assert stack.node is not None
    stack.node.stop()
    stack.node = None
    answer = ask(stack, "eth_chainId")
    assert answer["error"] == {"code": chain_calls.CHAIN_SILENT, "message": "the chain does not answer"}
    assert str(stack.chain_port) not in str(answer)


def test_too_often(own_stack: Stack) -> None:
    own_stack.extra["RPC_LIMIT"] = "3 per minute"
    own_stack.start("web")
    answers = [post(own_stack, b"{}") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Access-Control-Allow-Origin"] == "*"
    assert answers[-1].json()["code"] == "rate.limited"
    assert "Retry-After" in answers[-1].headers
