"""Chains as the evidence vectors describe them, behind JSON-RPC: each call is answered word for word.

So the verdicts are the ones that the service's own chain client comes to, and an answer that is no answer
(nothing, a revert, another nonce) is what a node would send.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from tests.unit.ledger.vectors import load

SELECTORS = {call["data"][:8]: call["name"].partition("(")[0] for call in load("chain.json")["calls"]}
REVERTED = {"code": 3, "message": "execution reverted"}
Described = dict[str, Any]


class Reverts(Exception):
    """The contract says no."""


@contextmanager
def served(chains: dict[str, Described]) -> Iterator[str]:
    """The URL below which each chain answers under its name; one that does not answer is 503 there."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            chain = chains[unquote(self.path[1:])]
            told = json.dumps(replied(chain, asked)).encode() if chain["answers"] else b""
            self.send_response(200 if chain["answers"] else 503)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def replied(chain: Described, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        told = {"result": result(chain, asked["method"], asked["params"])}
    except Reverts:
        told = {"error": REVERTED}
    return {"jsonrpc": "2.0", "id": asked["id"], **told}


def result(chain: Described, method: str, params: list[Any]) -> Any:
    if method == "eth_chainId":
        return hex(chain["chain_id"])
    if method == "eth_getBlockByNumber":
        return {"hash": "0x" + chain["genesis_hash"]}
    address = params[0]["to"] if method == "eth_call" else params[0]
    contract = chain["contracts"].get(address.lower().removeprefix("0x"))
    if method == "eth_getCode":
        return "0x" if contract is None else "0x00"
    assert method == "eth_call", method
    return "0x" if contract is None else "0x" + called(contract, params[0]["data"].removeprefix("0x"))


def called(contract: Described, data: str) -> str:
    """The words of the answer, in hex. Raises Reverts."""
    name, arguments = SELECTORS[data[:8]], data[8:]
    if name == "epochNonce":
        return str(held(contract, "nonce"))
    if name == "anchoredAt":
        for head in held(contract, "heads"):
            if arguments == head["log_id"] + head["root"]:
                return words(head["size"], head["time_ms"] // 1000, head["block_number"])
        return words(0, 0, 0)
    assert name == "statusOf", name
    for status in held(contract, "statuses"):
        if arguments == status["issuer_id"] + status["claim_address"].rjust(64, "0"):
            since, claimant = status["time_ms"] // 1000, int(status["claimant"], 16)
            return words(status["state"], status["notes"], since, claimant)
    return words(0, 0, 0, 0)


def held(contract: Described, name: str) -> Any:
    if contract[name] is None:
        raise Reverts
    return contract[name]


def words(*numbers: int) -> str:
    return "".join(f"{number:064x}" for number in numbers)
