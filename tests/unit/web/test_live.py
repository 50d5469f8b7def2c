"""Live pages: told at once, then no more often than they can look, and always of the last change."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest

from invoice_service.web.live import Live, TooManyStreams

GAP_S = 0.3


class Marks:
    now = "0"

    def __call__(self, topics: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(topics, self.now)


def events(live: Live) -> Iterator[str]:
    """Of a page that shows the mark 0; the first says how to connect again."""
    found = iter(live.stream("vendor", "1", "0", gap_s=GAP_S).response)
    assert str(next(found)).startswith("retry")
    return (str(one) for one in found)


def test_a_burst_is_told_twice_its_first_change_and_its_last() -> None:
    marks = Marks()
    told = events(Live({"vendor": marks}, poll_s=0.01, places=1))
    started = time.monotonic()
    marks.now = "1"
    assert "change" in next(told)
    first_after_s = time.monotonic() - started
    for number in range(2, 12):
        marks.now = str(number)
        time.sleep(0.02)
    assert "change" in next(told)
    assert first_after_s < GAP_S <= time.monotonic() - started


def test_beyond_its_places_a_page_is_told_to_poll() -> None:
    live = Live({"vendor": Marks()}, poll_s=0.01, places=1)
    first = live.stream("vendor", "1", "0")
    with pytest.raises(TooManyStreams):
        live.stream("vendor", "1", "0")
    first.close()
    live.stream("vendor", "1", "0").close()
