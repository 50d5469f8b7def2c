"""A market day's shoppers at the running service: `python -m scripts.lib.traffic --port 8000`.

They come in by the same doors as a shopper's phone, and by no other: they read a stall, order, pay at the
pretend cashier, wait until the order is paid, and some ask for an invoice. When, where and what, `market_day`
says. Everything a shopper sends can be sent again with the same effect, so a service that goes away is only
waited for.

A shopper is a generator that yields how many seconds to wait before the next step; a few threads take whoever
is due. So hundreds can be under way while next to nothing runs.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import re
import signal
import ssl
import sys
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from invoice_service.domain.invoice import decimal_text
from invoice_service.domain.numbering import SHANGHAI
from invoice_service.domain.order import Basket, PlainAmount
from invoice_service.domain.party import Buyer
from scripts.lib import market_day
from scripts.lib.addresses import LOOPBACK
from scripts.lib.market_day import Offer
from scripts.lib.progress import say

THREADS = 4
MOST_UNDERWAY = 200  # shoppers; who comes then turns back at the gate
SHOPPERS_A_STALL = 300  # on an average day
FEWEST_A_MINUTE = 6.0  # also at night, when a real market sleeps: somebody wants to see it live
TIMEOUT_S = 10.0
PATIENCE_S = 180.0  # how long a shopper stands there before giving up, at any speed
SUMMARY_EVERY_S = 60.0
TICK_S = 0.2
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
LINKS_EVERY_S = 30.0  # new stalls open, old ones close for good
_STALL_LINK = re.compile(r'href="/s/([^"/?#]+)"')
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0

Steps = Generator[float, None, None]


class NoAnswer(Exception):
    """The service is away, or asks us to come later."""

    def __init__(self, wait_s: float | None = None) -> None:
        super().__init__()
        self.wait_s = wait_s


class Refused(Exception):
    """The service has understood, and says no. The text is its stable code, or the status."""


class NotOpen(Refused):
    """The order was paid or closed a moment ago."""


@dataclass(frozen=True, slots=True)
class Door:
    """The service on loopback, past any proxy; by HTTPS where `trust` says whose certificates count."""

    port: int
    trust: ssl.SSLContext | None = None

    def get(self, path: str) -> Any:
        return json.loads(self.page(path))

    def page(self, path: str) -> bytes:
        return self._ask("GET", path, None, {})

    def post(self, path: str, content: object = None, *, key: str | None = None) -> Any:
        headers = {"Content-Type": "application/json"} if content is not None else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        body = json.dumps(content).encode() if content is not None else b""
        answer = self._ask("POST", path, body, headers)
        return json.loads(answer) if answer else None

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        """A connection each, as from so many phones. Raises NoAnswer, Refused."""
        connection = self._connection()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException):
            raise NoAnswer from None
        finally:
            connection.close()
        if response.status in (429, 503):
            raise NoAnswer(_seconds(response.getheader("Retry-After")))
        if not 200 <= response.status < 300:
            code = _code(response.status, content)
            raise NotOpen(code) if code == "order.not_open" else Refused(code)
        return content

    def _connection(self) -> HTTPConnection:
        if self.trust is None:
            return HTTPConnection(LOOPBACK, self.port, timeout=TIMEOUT_S)
        return HTTPSConnection(LOOPBACK, self.port, timeout=TIMEOUT_S, context=self.trust)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None


def _code(status: int, content: bytes) -> str:
    try:
        return str(json.loads(content)["code"])
    except (ValueError, LookupError, TypeError):
        return str(status)


@dataclass
class Tally:
    """What came of it since the last line; threads add, the summary takes."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, much: int = 1) -> None:
        with self._lock:
            self._counts[what] += much

    def take(self) -> Counter[str]:
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return taken


class Market:
    """The shoppers under way at one service, and the hour they go by."""

    def __init__(
        self, door: Door, *, speed: float, luck: random.Random, clock: Callable[[], datetime]
    ) -> None:
        self._door, self._speed, self._luck, self._clock = door, speed, luck, clock
        self.tally = Tally()
        self.broken = threading.Event()
        self.stalls: tuple[str, ...] = ()
        self._turn = threading.Condition()
        self._due: list[tuple[float, int, Steps]] = []
        self._numbers = count()
        self._underway = 0
        self._quiet_until = 0.0

    def open(self) -> None:
        """Start the few threads, and with them the gate by which shoppers come."""
        self._let_in(self._links())
        self._let_in(self._gate())
        for _ in range(THREADS):
            threading.Thread(target=self._work, daemon=True).start()

    @property
    def shoppers_a_minute(self) -> float:
        a_day = SHOPPERS_A_STALL * len(self.stalls)
        usual = market_day.shoppers_a_minute(self._clock(), a_day)
        return max(FEWEST_A_MINUTE, usual) * self._speed

    def _let_in(self, steps: Steps) -> None:
        with self._turn:
            self._underway += 1
            self._put(0.0, steps)

    def _put(self, wait_s: float, steps: Steps) -> None:
        heapq.heappush(self._due, (time.monotonic() + wait_s, next(self._numbers), steps))
        self._turn.notify()

    def _work(self) -> None:
        try:
            while True:
                self._take_a_step(self._next())
        except Exception:  # a mistake of ours: the process ends of it, rather than go on with a thread less
            traceback.print_exc()
            self.broken.set()

    def _take_a_step(self, steps: Steps) -> None:
        try:
            wait_s = next(steps)
        except StopIteration:
            with self._turn:
                self._underway -= 1
        else:
            with self._turn:
                self._put(wait_s, steps)

    def _next(self) -> Steps:
        """Whoever is due, once somebody is."""
        with self._turn:
            while True:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._turn.wait(wait_s)

    def _links(self) -> Steps:
        """Read the stalls from the front page, now and then again."""
        while True:
            with suppress(NoAnswer, Refused):
                page = yield from self._patiently(lambda: self._door.page("/"))
                found = _STALL_LINK.findall(page.decode("utf-8", "replace"))
                stalls = tuple(dict.fromkeys(map(unquote, found)))
                if stalls != self.stalls:
                    say(f"Stalls to go to: {len(stalls)}")
                self.stalls = stalls
            yield LINKS_EVERY_S

    def _gate(self) -> Steps:
        """One shopper after another, as far apart as chance has it at this hour."""
        while True:
            yield self._luck.expovariate(self.shoppers_a_minute / 60)
            if not self.stalls or time.monotonic() < self._quiet_until:
                continue
            if self._underway >= MOST_UNDERWAY:
                self.tally.add("turned back")
                continue
            stall = self._luck.choices(self.stalls, market_day.popularity(len(self.stalls)))[0]
            self._let_in(self._shopper(stall, random.Random(self._luck.getrandbits(64))))  # noqa: S311

    def _shopper(self, stall: str, luck: random.Random) -> Steps:
        try:
            yield from self._shopping(stall, luck)
        except Refused as refusal:
            self.tally.add(f"refused {refusal}")
        except NoAnswer:
            self.tally.add("gave up")

    def _shopping(self, stall: str, luck: random.Random) -> Steps:
        path = f"/api/v1/stalls/{quote(stall)}"
        seen = yield from self._patiently(lambda: self._door.get(path))
        if not seen["is_open"] or seen["vendor_name"] is None:
            self.tally.add("found the stall closed")
            return
        visit = market_day.visit(stall, _offers(seen), self._clock(), luck)
        yield self._while(luck.uniform(5, 30))
        key, content = _new_key(), _as_json(visit.wanted)
        order = yield from self._patiently(lambda: self._door.post(f"{path}/orders", content, key=key))
        self.tally.add("orders")
        if not visit.pays:
            self.tally.add("left unpaid")
            return
        yield self._while(luck.uniform(3, 20))
        token = order["order_id"]
        yield from self._paying(token)
        self.tally.add("paid")
        self.tally.add("fen", order["amount_fen"])
        if visit.buyer is not None:
            yield self._while(luck.uniform(3, 40))
            yield from self._invoice(token, visit.buyer)

    def _paying(self, token: str) -> Steps:
        """Pay, and wait until the order says so. A payment whose answer got lost may have arrived: the
        order is asked before it is paid again."""
        tell = f"/api/v1/orders/{quote(token)}"
        sent = False

        def step() -> bool:
            nonlocal sent
            status = self._door.get(tell)["status"]
            if status == "open" and not sent:
                with suppress(NotOpen):  # a payment whose answer got lost has arrived after all
                    self._door.post(f"/sandbox/orders/{quote(token)}/pay")
                    sent = True
            elif status == "closed":
                raise Refused("closed before it was paid")
            return bool(status == "paid")

        patient_until = time.monotonic() + PATIENCE_S
        while not (yield from self._patiently(step)):
            if time.monotonic() > patient_until:
                raise NoAnswer
            yield 0.3

    def _invoice(self, token: str, buyer: Buyer) -> Steps:
        key = _new_key()
        asked = {"buyer": {"kind": buyer.kind.value, "name": buyer.name, "tax_id": buyer.tax_id}}
        path = f"/api/v1/orders/{quote(token)}/invoice"
        yield from self._patiently(lambda: self._door.post(path, asked, key=key))
        self.tally.add("invoices")

    def _patiently(self, ask: Callable[[], Any]) -> Generator[float, None, Any]:
        """Ask until there is an answer. Raises NoAnswer when patience ends, Refused at once."""
        patient_until = time.monotonic() + PATIENCE_S
        for attempt in count():
            try:
                return ask()
            except NoAnswer as failure:
                if time.monotonic() > patient_until:
                    raise
                self.tally.add("asked again")
                yield self._away(failure.wait_s, attempt)
        raise AssertionError("count() does not end")

    def _away(self, told_s: float | None, attempt: int = 0) -> float:
        """How long to leave the service in peace, and no new shopper comes meanwhile."""
        wait_s = told_s if told_s is not None else min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
        self._quiet_until = max(self._quiet_until, time.monotonic() + wait_s)
        return wait_s * random.uniform(1, 1.5)  # noqa: S311 - not all at once, the moment it is back

    def _while(self, seconds: float) -> float:
        return seconds / self._speed


def _new_key() -> str:
    """Never out of the seed: the keys of a second run would be the first one's."""
    return uuid.uuid4().hex


def _offers(stall: dict[str, Any]) -> list[Offer]:
    goods = (item for item in stall["goods"] if item["available"])
    return [Offer(item["sku"], item["unit"], item["price_fen"]) for item in goods]


def _as_json(wanted: PlainAmount | Basket) -> dict[str, Any]:
    if isinstance(wanted, PlainAmount):
        return {"amount_fen": wanted.amount_fen}
    return {"lines": [{"sku": sku, "quantity": decimal_text(quantity)} for sku, quantity in wanted.items]}


def summary(counts: Counter[str]) -> str:
    """One line for the log; what went wrong only where something did."""
    usual = ("orders", "paid", "invoices", "left unpaid")
    told = [f"{counts[what]} {what}" for what in usual]
    told.append(f"¥{counts['fen'] / 100:,.2f}")
    told += [f"{much} × {what}" for what, much in sorted(counts.items()) if what not in (*usual, "fen")]
    return ", ".join(told)


def main(arguments: Sequence[str]) -> int:
    """Until SIGTERM. Threads in the middle of a request are left behind: the orders they made will close."""
    options = _options(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # in every thread to come: this one waits for them
    trust = ssl.create_default_context(cafile=options.authority) if options.authority else None
    market = Market(
        Door(options.port, trust),
        speed=options.speed,
        luck=random.Random(options.seed),  # noqa: S311 - a pattern, not a secret
        clock=lambda: datetime.now(UTC),
    )
    market.open()
    tell_at = time.monotonic() + SUMMARY_EVERY_S
    while not market.broken.is_set():
        if signal.sigtimedwait(STOP_SIGNALS, TICK_S):
            _tell(market)
            return 0
        if time.monotonic() >= tell_at:
            _tell(market)
            tell_at += SUMMARY_EVERY_S
    return 1


def _tell(market: Market) -> None:
    at = datetime.now(UTC).astimezone(SHANGHAI)
    rate = f"{market.shoppers_a_minute:.0f} shoppers a minute"
    say(f"{at:%Y-%m-%d %H:%M:%S} {rate}: {summary(market.tally.take())}")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="traffic", description="Simulated shoppers, until SIGTERM.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--authority", type=Path, metavar="FILE", help="whose certificate HTTPS has")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times as fast (%(default)s)")
    parser.add_argument("--seed", type=int, help="the same shoppers again")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
