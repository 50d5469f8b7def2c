"""Tells the merchant of payments, again and again until it answers.

The way of a notice: the payment's own statement writes it down as due; the paying thread hands it
to a sender at once; the sender's success takes it off the books. Everything else (a failure, a
crash, a delay, a full queue) is the keeper's: several times a second it looks for notices whose
`next_at` has passed, puts `next_at` ahead first and sends then. No transaction is open while the
merchant is being called.
"""

from __future__ import annotations

import itertools
import logging
import queue
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy.exc import SQLAlchemyError

from invoice_service.payments.sandbox import wire
from invoice_service.payments.sandbox.behaviour import MAX_ATTEMPTS, Behaviour
from invoice_service.payments.sandbox.store import DueNotice, FirstSending, Store, Transaction

_log = logging.getLogger(__name__)

SENDERS = 4
_KEEPER_TICK_S = 0.1
_QUEUED = 256  # what finds no room waits in the database instead
_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)  # WeChat Pay waits five seconds for an answer
_STOP_S = 8.0


class Notifier:
    """Owns the threads that send notices. Nothing runs before `start`."""

    def __init__(
        self,
        store: Store,
        key: ec.EllipticCurvePrivateKey,
        notify_url: str,
        clock: Callable[[], datetime],
        *,
        ca: Path | None = None,
    ) -> None:
        self.behaviour = Behaviour()
        self._store = store
        self._key = key
        self._serial = wire.key_serial(key.public_key())
        self._notify_url = notify_url
        self._clock = clock
        self._http = urllib3.PoolManager(
            maxsize=SENDERS, retries=False, timeout=_TIMEOUT, ca_certs=str(ca) if ca else None
        )
        self._payments = itertools.count(1)
        self._queue: queue.Queue[DueNotice | None] = queue.Queue(_QUEUED)
        self._answered: deque[DueNotice] = deque()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        targets = [self._keep, *[self._send_forever] * SENDERS]
        self._threads = [threading.Thread(target=target, daemon=True) for target in targets]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads. What was not answered stays due and goes out after the next start."""
        self._stopping.set()
        for _ in range(SENDERS):
            self._queue.put(None)
        for thread in self._threads:
            thread.join(_STOP_S)
        self._http.clear()
        try:
            self._settle_answered()
        except SQLAlchemyError:
            _log.exception("could not note which notices were answered; they will be sent once more")

    def behave(self, behaviour: Behaviour) -> None:
        """Misbehave like this from now on, counting payments anew."""
        self._payments = itertools.count(1)
        self.behaviour = behaviour

    # -- called by whoever makes a payment ------------------------------------------------------

    def plan(self, now: datetime) -> list[FirstSending]:
        """The copies of a payment's notice, to be written down with the payment."""
        send_at = self.behaviour.send_at(now, count=next(self._payments))
        return [self._first_sending(copy, at, now) for copy, at in enumerate(send_at, start=1)]

    def hand_over(self, transaction: Transaction, planned: Sequence[FirstSending]) -> None:
        """Send at once what was planned as already on its way."""
        for sending in planned:
            if sending.attempts:
                self._offer(DueNotice(transaction, sending.copy, sending.attempts))

    def _first_sending(self, copy: int, at: datetime, now: datetime) -> FirstSending:
        if at > now:
            return FirstSending(copy, attempts=0, next_at=at)
        return FirstSending(copy, attempts=1, next_at=now + self.behaviour.retry_after(1))

    def _offer(self, notice: DueNotice) -> None:
        try:
            self._queue.put_nowait(notice)
        except queue.Full:
            _log.warning("too many notices at once; this one waits in the database")

    # -- the keeper -----------------------------------------------------------------------------

    def _keep(self) -> None:
        while not self._stopping.wait(_KEEPER_TICK_S):
            try:
                self._settle_answered()
                self._take_due()
            except SQLAlchemyError:
                _log.exception("the database does not answer; notices wait")

    def _settle_answered(self) -> None:
        """Answers are noted together: losing the note in a crash only sends a notice twice."""
        answered = [self._answered.popleft() for _ in range(len(self._answered))]
        if answered:
            self._store.settle(answered)

    def _take_due(self) -> None:
        now = self._clock()
        for notice in self._store.due(now, most=_QUEUED - self._queue.qsize()):
            if notice.attempts >= MAX_ATTEMPTS:
                self._answered.append(notice)  # given up: the merchant has to ask
                continue
            attempts = notice.attempts + 1
            next_at = now + self.behaviour.retry_after(attempts)
            self._store.reschedule(notice, attempts=attempts, next_at=next_at)
            self._offer(notice)

    # -- the senders ----------------------------------------------------------------------------

    def _send_forever(self) -> None:
        while (notice := self._queue.get()) is not None and not self._stopping.is_set():
            try:
                self._send(notice.transaction)
            except urllib3.exceptions.HTTPError as error:
                _log.warning("notice of %s: %s", notice.transaction.out_trade_no, error)
            else:
                self._answered.append(notice)

    def _send(self, transaction: Transaction) -> None:
        """Raises HTTPError unless the merchant answers 2xx. Redirects are not followed."""
        body = notice_body(transaction)
        headers = wire.signed_headers(
            self._key,
            self._serial,
            body=body,
            timestamp_s=int(self._clock().timestamp()),
            nonce=secrets.token_hex(16),
        )
        headers["Content-Type"] = "application/json"
        response = self._http.request("POST", self._notify_url, body=body, headers=headers, redirect=False)
        if not 200 <= response.status < 300:
            raise urllib3.exceptions.HTTPError(f"answered {response.status}")


def notice_body(transaction: Transaction) -> bytes:
    """The same bytes however often it is sent. It tells of the payment, not of what came later."""
    paid_at = None if transaction.paid_at is None else wire.iso(transaction.paid_at)
    return wire.dump(
        {
            "id": f"EV{transaction.transaction_id}",
            "event_type": wire.EVENT_PAID,
            "create_time": paid_at,
            "resource": {
                "mchid": transaction.mchid,
                "out_trade_no": transaction.out_trade_no,
                "transaction_id": transaction.transaction_id,
                "trade_state": "SUCCESS",
                "amount_fen": transaction.paid_fen,
                "success_time": paid_at,
            },
        }
    )
