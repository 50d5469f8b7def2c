"""Live pages by server-sent events: one poller a process, however many phones are open.

A page waits for a *mark* (`queries/live.py`) to change. The poller asks the database four times a second
for the marks of all waiting pages in one query a kind, and wakes only those whose mark changed.
No page holds a database connection. Where all places are taken, a page is told to poll instead.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog
from flask import Response

from invoice_service.errors import N_, Error

log = structlog.get_logger()
HEARTBEAT_S = 15.0  # keeps proxies from closing a quiet stream, and notices phones that left
LIFETIME_S = 600.0  # a page left open connects again by itself
GAP_S = 0.75  # a page is told of changes no more often than this, and always of the last one
MarksQuery = Callable[[Sequence[str]], Mapping[str, str]]


class TooManyStreams(Error):
    code = "live.full"
    message = N_("Live updates are busy; this page asks again by itself.")
    status = 503
    retry_after_s = 5


class _Page:
    """One open stream. It is woken by a mark other than the one it shows."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._changes: queue.SimpleQueue[str] = queue.SimpleQueue()

    def show(self, mark: str) -> None:
        if mark != self._shown:
            self._shown = mark
            self._changes.put(mark)

    def wait(self, timeout_s: float) -> bool:
        """Whether something changed within the time; however often, it is one change."""
        try:
            self._changes.get(timeout=timeout_s)
        except queue.Empty:
            return False
        while not self._changes.empty():  # nobody else takes from it
            self._changes.get()
        return True


class Live:
    """The waiting pages of one process. `marks` answers the present mark of each kind's topics."""

    def __init__(self, marks: Mapping[str, MarksQuery], *, poll_s: float, places: int) -> None:
        self._marks = marks
        self._poll_s = poll_s
        self._places = threading.BoundedSemaphore(places)
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], set[_Page]] = {}
        self._thread: threading.Thread | None = None

    def stream(self, kind: str, topic: str, seen: str, *, gap_s: float = GAP_S) -> Response:
        """Events for one page that shows the mark `seen`. Raises TooManyStreams."""
        if not self._places.acquire(blocking=False):
            raise TooManyStreams
        response = Response(self._events(kind, topic, seen, gap_s), mimetype="text/event-stream")
        response.call_on_close(self._places.release)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"
        return response

    def _events(self, kind: str, topic: str, seen: str, gap_s: float) -> Iterator[str]:
        page = _Page(seen)
        self._enter((kind, topic), page)
        try:
            yield "retry: 2000\n\n"
            ends_at = time.monotonic() + LIFETIME_S
            while time.monotonic() < ends_at:
                changed = page.wait(HEARTBEAT_S)
                yield "event: change\ndata: 1\n\n" if changed else ": still here\n\n"
                time.sleep(gap_s if changed else 0)
        finally:
            self._leave((kind, topic), page)

    def _enter(self, key: tuple[str, str], page: _Page) -> None:
        with self._lock:
            self._waiting.setdefault(key, set()).add(page)
            if self._thread is None:  # made in the worker that needs it, never before a fork
                self._thread = threading.Thread(target=self._poll, name="live", daemon=True)
                self._thread.start()

    def _leave(self, key: tuple[str, str], page: _Page) -> None:
        with self._lock:
            self._waiting[key].discard(page)
            if not self._waiting[key]:
                del self._waiting[key]

    def _poll(self) -> None:
        while True:
            time.sleep(self._poll_s)
            try:
                self._tell()
            except Error as error:  # the database is away: the next look may find it
                log.warning("live pages cannot look", code=error.code)

    def _tell(self) -> None:
        """Look once; wake the pages whose mark is not the one they show."""
        with self._lock:
            waiting = {key: tuple(pages) for key, pages in self._waiting.items()}
        for kind, query in self._marks.items():
            topics = [topic for known, topic in waiting if known == kind]
            for topic, mark in query(topics).items() if topics else ():
                for page in waiting[kind, topic]:
                    page.show(mark)
