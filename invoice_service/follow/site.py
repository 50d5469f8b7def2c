"""Somebody else's log over HTTP, asked as one asks a stranger: little at a time, and never elsewhere.

Only the host that was named is spoken to. Each file has a greatest size and a time in which it must have
come; what is larger or slower is not read to its end. To be used from the main thread, which gets alarms.
"""

from __future__ import annotations

import signal
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit

import urllib3

from invoice_service.ledger import tiles
from invoice_service.ledger.tree import TILE_WIDTH

MAX_NOTE_BYTES = 64_000  # ours has 200; there is room for hundreds of witnesses
MAX_STATEMENT_BYTES = 256_000  # as of evidence, which holds one
_REDIRECTS = 3
_CHUNK_BYTES = 65_536
_GZIP = 31  # zlib's name for it
_HEADERS = {"Accept-Encoding": "gzip, identity", "User-Agent": "stall-ledger-follow"}


class NoAnswer(Exception):
    """The log cannot be reached, or what came is not what one asked for; the text says which."""


class Site:
    """A log by its prefix, as https://market.example/log. Raises ValueError for what is no prefix."""

    def __init__(self, url: str, *, answer_s: float = 30) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("it must be http://HOST/… or https://HOST/…, without ? and #")
        if parts.username is not None:
            raise ValueError("it must not hold a name or password")
        self.url = url.rstrip("/")
        self._host = parts.scheme, parts.hostname, parts.port
        self._answer_s = answer_s
        self._http = urllib3.PoolManager(retries=False, timeout=answer_s)

    def statement(self) -> bytes:
        return self._wanted(tiles.ISSUER, MAX_STATEMENT_BYTES)

    def note(self) -> bytes:
        return self._wanted(tiles.CHECKPOINT, MAX_NOTE_BYTES)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Exactly `width` hashes. Raises NoAnswer."""
        name, wider = tiles.tile_path(level, index, width), tiles.tile_path(level, index)
        return self._slice(name, wider, tiles.tile_bytes(width), tiles.tile_bytes(TILE_WIDTH))

    def bundle(self, index: int, width: int) -> bytes:
        """Exactly `width` entries of our length. Raises NoAnswer."""
        name, wider = tiles.bundle_path(index, width), tiles.bundle_path(index)
        return self._slice(name, wider, width * tiles.BUNDLED_BYTES, TILE_WIDTH * tiles.BUNDLED_BYTES)

    def _slice(self, name: str, wider: str, length: int, full: int) -> bytes:
        """The file, or the start of the full one: logs may drop a partial file once the full one is there."""
        data, expected = self._get(name, length), length
        if data is None and name != wider:
            data, name, expected = self._get(wider, full), wider, full
        if data is None:
            raise NoAnswer(f"{name} is not there")
        if len(data) != expected:
            raise NoAnswer(f"{name} has {len(data)} bytes and should have {expected}")
        return data[:length]

    def _wanted(self, name: str, limit: int) -> bytes:
        data = self._get(name, limit)
        if data is None:
            raise NoAnswer(f"{name} is not there")
        return data

    def _get(self, name: str, limit: int) -> bytes | None:
        """At most `limit` bytes; None for 404."""
        try:
            try:
                return self._once(name, limit)
            except urllib3.exceptions.ProtocolError:  # a connection kept open may have been closed meanwhile
                return self._once(name, limit)
        except (urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
            raise NoAnswer(f"{name}: {_said(error)}") from error

    def _once(self, name: str, limit: int) -> bytes | None:
        with _within(self._answer_s):
            return self._led(name, f"{self.url}/{name}", limit)

    def _led(self, name: str, url: str, limit: int) -> bytes | None:
        """Also where a redirect leads, on the same host."""
        for _ in range(_REDIRECTS + 1):
            with self._http.request(
                "GET", url, headers=_HEADERS, preload_content=False, redirect=False
            ) as answer:
                location = answer.get_redirect_location()
                if not location:
                    return _read(name, answer, limit)
            url = self._same_host(name, url, location)
        raise NoAnswer(f"{name} leads from one address to the next")

    def _same_host(self, name: str, url: str, location: str) -> str:
        """Where a redirect leads. Raises NoAnswer where that is anywhere else."""
        try:
            onward = urljoin(url, location)
            parts = urlsplit(onward)
            same = (parts.scheme, parts.hostname, parts.port) == self._host
        except ValueError:
            same = False
        if not same:
            raise NoAnswer(f"{name} leads to another host, which is not asked")
        return onward


def _read(name: str, answer: urllib3.BaseHTTPResponse, limit: int) -> bytes | None:
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise NoAnswer(f"{name} is answered with {answer.status}")
    packed = answer.headers.get("Content-Encoding", "identity") == "gzip"
    unpack = zlib.decompressobj(_GZIP) if packed else None
    data = b""
    while chunk := answer.read1(_CHUNK_BYTES, decode_content=False):
        data += unpack.decompress(chunk, limit + 1 - len(data)) if unpack else chunk
        if len(data) > limit:
            raise NoAnswer(f"{name} is larger than {limit} bytes")
    return data


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """A time for all of it: a socket's own time-out begins anew with each byte that drips in."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _said(error: Exception) -> str:
    """What went wrong in a few words, nothing of which a stranger chose."""
    return {
        urllib3.exceptions.ConnectTimeoutError: "no connection in time",
        TimeoutError: "no answer in time",
        urllib3.exceptions.ReadTimeoutError: "no answer in time",
        urllib3.exceptions.SSLError: "the connection is not secure",
        zlib.error: "the answer cannot be unpacked",
    }.get(type(error), "no connection, or it broke off")
