"""Start processes in the order their needs allow, watch them, and stop them in reverse order.

A step is a *job* (it runs to its end) or a *service* (it stays, and says when it is ready). A step
starts as soon as everything named in its `after` is done, so what can go side by side does. When
anything fails, everything is stopped and the reason is said.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from scripts.lib import processes
from scripts.lib.processes import Child
from scripts.lib.progress import Clock, Failed, say

TICK_S = 0.02
WATCH_EVERY_S = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Step:
    """`ready` makes it a service. `user` and `group`: whom it runs as, if not as ourselves."""

    name: str
    command: Sequence[str]
    after: Sequence[str] = ()
    ready: Callable[[], bool] | None = None
    user: int | None = None
    group: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10.0


class Supervisor:
    """Owns every process it started until `stop` has ended them all."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs, self._environment = logs, environment
        self._services: list[Child] = []
        self._jobs: list[Child] = []
        self._owns_the_process = False
        self.asked_to_stop = False

    def listen(self) -> None:
        """Take the process over. A signal is a wish, honoured at the next tick; a second changes nothing."""
        self._owns_the_process = True
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        processes.adopt_orphans()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True

    def start(self, steps: Sequence[Step], clock: Clock) -> dict[str, Child]:
        """Start them all; done when jobs ended well and services are ready, or on a wish to stop."""
        started: dict[str, Child] = {}
        done: set[str] = set()
        while len(done) < len(steps) and not self.asked_to_stop:
            for step in steps:
                if step.name not in started and done.issuperset(step.after):
                    started[step.name] = self._start(step)
            underway = [step for step in steps if step.name in started and step.name not in done]
            done |= {step.name for step in underway if self._is_done(step, started[step.name])}
            self._refuse_dead_services()
            clock.tick(", ".join(step.name for step in underway))
            time.sleep(TICK_S)
        return started

    def _start(self, step: Step) -> Child:
        child = Child(
            step.name,
            step.command,
            self._environment,
            self._logs / f"{step.name}.log",
            user=step.user,
            group=step.group,
            stop_signal=step.stop_signal,
            stop_within_s=step.stop_within_s,
        )
        (self._jobs if step.ready is None else self._services).append(child)
        return child

    def _is_done(self, step: Step, child: Child) -> bool:
        if step.ready is not None:
            return step.ready()
        if child.exit_code:
            raise Failed(_why(child))
        return child.exit_code == 0

    def _refuse_dead_services(self) -> None:
        for child in self._services:
            if child.exit_code is not None:
                raise Failed(_why(child))

    def watch(self, on_tick: Callable[[], None]) -> None:
        """Until somebody wishes to stop. Raises Failed when a service ends by itself."""
        while not self.asked_to_stop:
            self._refuse_dead_services()
            on_tick()
            time.sleep(WATCH_EVERY_S)

    def stop(self) -> None:
        """The last started first: no new visitor before no sealing before no chain before no database."""
        for child in [*reversed(self._jobs), *reversed(self._services)]:
            if child.exit_code is None and not child.stop():
                say(f"{child.name} did not stop when asked and was killed; its next start recovers.")
        if self._owns_the_process:
            processes.end_orphans()


def _why(child: Child) -> str:
    lines = child.last_lines()
    return f"\n{child.name} ended with exit code {child.exit_code}. Its last lines in {child.log}:\n{lines}"
