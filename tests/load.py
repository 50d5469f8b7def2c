"""Something that goes on while a test breaks things."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from tests.stack import eventually

Made = TypeVar("Made")
EVERY_S = 0.05


@contextmanager
def under_load(one: Callable[[], Made]) -> Iterator[list[Made]]:
    """Meanwhile somebody does this again and again. Yields what came of it; what it raises fails the test."""
    stopping = threading.Event()
    made: list[Made] = []

    def go_on() -> None:
        while not stopping.wait(EVERY_S):
            made.append(one())

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(go_on)
        try:
            yield made
        finally:
            stopping.set()
        loading.result()


def more(made: list[Made], count: int) -> None:
    """Wait for so many more."""
    wanted = len(made) + count
    eventually(lambda: len(made) >= wanted, within_s=30)
