"""Is it ready? Asked over HTTP on loopback, past any proxy that the environment names."""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from scripts.lib.addresses import LOOPBACK

TIMEOUT_S = 2.0
_CHAIN_QUESTION = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})


def answers(port: int, path: str, trust: ssl.SSLContext | None = None) -> bool:
    """Whether a GET is answered 200; by HTTPS where `trust` says whose certificates count."""
    with suppress(OSError, HTTPException):
        connection = _connection(port, trust)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        finally:
            connection.close()
    return False


def chain_answers(port: int) -> bool:
    with suppress(OSError, HTTPException, ValueError):
        connection = _connection(port, None)
        try:
            connection.request("POST", "/", _CHAIN_QUESTION, {"Content-Type": "application/json"})
            return "result" in json.load(connection.getresponse())
        finally:
            connection.close()
    return False


def _connection(port: int, trust: ssl.SSLContext | None) -> HTTPConnection:
    if trust is None:
        return HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_S)
    return HTTPSConnection(LOOPBACK, port, timeout=TIMEOUT_S, context=trust)
