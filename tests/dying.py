"""Processes that end at a named step as by a power cut: nothing is closed, nobody says goodbye.

A step is "before" or "after" and a function of the real code, by the name under which its callers look it
up: "after invoice_service.store.log:append", "before chain.sender:Sender.broadcast". So a test's list of
parameters is the list of steps it tries, and one that the process does not reach fails the test.
"""

from __future__ import annotations

import functools
import os
import pkgutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests import forked

REACHED_WITHIN_S = 20


def settle_until(step: str, environment: Mapping[str, str], log: Path) -> None:
    """Run a settler to its death at this step. Fails where it does not come to it."""
    process = forked.start(["settle"], environment, log, first=functools.partial(arm, step))
    process.join(REACHED_WITHIN_S)
    reached = process.exitcode
    if reached is None:
        process.kill()
        process.join()
    assert reached == -signal.SIGKILL, f"never {step}; it wrote:\n{log.read_text()}"


def arm(step: str) -> None:
    """From here on, this process kills itself at the step."""
    when, _, name = step.partition(" ")
    is_method = "." in name.partition(":")[2]
    place, _, function = name.rpartition("." if is_method else ":")
    owner = pkgutil.resolve_name(place)
    setattr(owner, function, _deadly(getattr(owner, function), after=when == "after"))


def _deadly(function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def call_and_die(*args: Any, **named: Any) -> Any:
        if after:
            function(*args, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    return call_and_die
