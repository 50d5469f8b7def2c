"""Pass JSON-RPC on to the chain's endpoint, and its answer back: within a time, and up to a size.

A stranger waits at the other end, so an endpoint that drips its answer or never ends it costs us no more
than `timeout_s` and `max_bytes`.
"""

from __future__ import annotations

import time

import requests

from chain.client import ChainUnavailable

CHUNK_BYTES = 65_536


class Relay:
    def __init__(self, rpc_url: str, *, timeout_s: float, max_bytes: int) -> None:
        self._rpc_url = rpc_url
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    def post(self, body: bytes) -> bytes:
        """The endpoint's answer as it came. Raises ChainUnavailable."""
        ends_at = time.monotonic() + self._timeout_s
        try:
            with requests.post(
                self._rpc_url,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response, ends_at)
        except requests.RequestException as error:
            raise ChainUnavailable(type(error).__name__) from error

    def _read(self, response: requests.Response, ends_at: float) -> bytes:
        answer = bytearray()
        for chunk in response.iter_content(CHUNK_BYTES):
            answer += chunk
            if len(answer) > self._max_bytes or time.monotonic() > ends_at:
                raise ChainUnavailable("the answer is too long, or too slow")
        return bytes(answer)
